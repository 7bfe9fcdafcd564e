#include "worker/call_stream.h"

#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "hub/replays.h"
#include "worker/call_struct.h"
#include "worker/eventstream.h"

struct call_stream {
    struct eventstream base;
    struct replay_feed *feed;
    struct call *call; /* whose request it is, while that runs: for its log line; else NULL */
};

/* ---- connections ---- */

static void stream_free(struct eventstream *base)
{
    struct call_stream *s = (struct call_stream *)base;
    if (s->call)
        s->call->stream = NULL;
    replay_close(s->feed, clock_mono_ms());
    free(s);
}

static void stream_drain(struct eventstream *base) { (void)base; /* it ends with its call */ }

static const struct eventstream_ops ops = { .free = stream_free, .drain = stream_drain };

/* What is kept is bounded, so all of it may lie in the connection's queue at once: a client that
 * came back for it would find it too much again and again. But not behind what it has not taken. */
static void stream_due(void *arg)
{
    struct call_stream *s = arg;
    struct buf *text = &s->base.worker->scratch;
    const struct config *config = s->base.worker->serving->config;
    bool fits = exchange_queued(s->base.x) <= config->server.max_stream_queue_bytes;
    uint32_t retry_ms;
    for (bool is_open = true; is_open;) {
        buf_clear(text);
        enum replay_next what = replay_next(s->feed, text, &retry_ms);
        if (!buf_ok(text) || (what == REPLAY_EVENT && !fits)) { /* its client comes back for it */
            eventstream_drop(&s->base);
            return;
        }
        switch (what) {
        case REPLAY_NOTHING: return;
        case REPLAY_EVENT:
        case REPLAY_WHOLE:
            metrics_add(s->base.worker->metrics, M_STREAM_EVENTS, 1);
            is_open = exchange_send_whole(s->base.x, text->data, text->len) == 0;
            break;
        case REPLAY_PAUSED:
            buf_printf(text, "retry: %u\n\n", retry_ms);
            exchange_send_whole(s->base.x, text->data, text->len);
            eventstream_end(&s->base);
            return;
        case REPLAY_OVER: eventstream_end(&s->base); return;
        }
    }
}

static void stream_lost(void *arg) { eventstream_end(arg); }

static const struct replay_feed_ops feed_ops = { .due = stream_due, .lost = stream_lost };

/* ---- resuming ---- */

struct resuming {
    struct call_stream *stream;
    struct replays *replays;
    const char *session;
};

/* While the session cannot end. */
static int resume(void *arg)
{
    struct resuming *r = arg;
    struct call_stream *s = r->stream;
    return replays_resume(r->replays, s->base.worker->loop, r->session, s->base.principal,
                          exchange_headers(s->base.x)->last_event_id, &feed_ops, s, &s->feed);
}

bool call_stream_resume(struct worker *w, struct exchange *x, struct access *a,
                        const struct principal *p, const char *session)
{
    static const char first[] = ": resumed\n\n";
    if (!exchange_headers(x)->last_event_id)
        return false;
    struct call_stream *s = calloc(1, sizeof *s);
    if (!s)
        return false; /* who is asked next has none either, and says so */
    eventstream_init(&s->base, w, x, p, &ops);
    struct resuming r = { s, w->gateway->replays, session };
    if (sessions_enter(w->gateway->sessions, session, p->number, clock_mono_ms(), false, resume,
                       &r) != 0) {
        free(s);
        return false;
    }
    eventstream_open(&s->base, a, first, sizeof first - 1);
    return true;
}

/* ---- the call's side ---- */

static void resumable_watch(struct call *c) { (void)c; }

static void resumable_note(struct call *c, struct buf *json, bool must)
{
    if (!buf_ok(json) || replay_put(c->to, json->data, json->len, must) != 0)
        c->is_gone = true;
}

/* A client that is away may come back, while its session lasts. */
static bool resumable_can_ask(struct call *c) { return !c->is_gone && replay_has_session(c->to); }

/* The last of both: of the call's interest in its session, and of the session's in the call. */
static void resumable_leave(struct call *c, bool has_answer)
{
    struct gateway *g = c->worker->gateway;
    int64_t now = clock_mono_ms();
    if (c->stream)
        c->stream->call = NULL;
    replay_end(c->to, has_answer, now);
    sessions_release(g->sessions, c->mcp->session_id, c->principal->number, now);
}

/* The request's connection has gone before its call was over. */
static void log_detached(struct call *c, int status, size_t bytes)
{
    metrics_request(c->worker->metrics, status, c->access.now_us - c->started_us);
    access_log_line(c->worker, &c->access, "stream", c->started_us, bytes);
}

static void resumable_end(struct call *c)
{
    struct buf json = { 0 };
    bool is_told = call_is_reachable(c);
    if (is_told) {
        call_encode(c, &json);
        is_told = buf_ok(&json) && replay_put(c->to, json.data, json.len, true) == 0;
    }
    if (c->stream)
        access_log(c->worker, &c->access, c->stream->base.x, is_told ? 200 : 499,
                   exchange_bytes(c->stream->base.x) + json.len);
    else
        log_detached(c, is_told ? 200 : 499, json.len);
    buf_fini(&json);
    resumable_leave(c, is_told);
}

static void resumable_drop(struct call *c) { resumable_leave(c, false); }

static uint64_t resumable_peer(const struct call *c)
{
    (void)c; /* it has a session */
    return 0;
}

static const struct call_sink call_resumable = { .watch = resumable_watch,
                                                 .note = resumable_note,
                                                 .can_ask = resumable_can_ask,
                                                 .end = resumable_end,
                                                 .drop = resumable_drop,
                                                 .peer = resumable_peer };

bool call_stream_fits(const struct call *c)
{
    return c->x && c->mcp->has_session && !mcp_is_modern(c->mcp->revision);
}

struct beginning {
    struct call *call;
    struct replay *replay;
};

/* While the session cannot end. */
static int begin(void *arg)
{
    struct beginning *b = arg;
    return replays_begin(b->call->worker->gateway->replays, b->call->mcp->session_id,
                         b->call->principal->number, &b->replay);
}

bool call_stream_begin(struct call *c)
{
    struct worker *w = c->worker;
    struct beginning b = { .call = c };
    char id[EVENT_ID_SIZE], first[EVENTSTREAM_FIRST_SIZE];
    struct call_stream *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    eventstream_init(&s->base, w, c->x, c->principal, &ops);
    if (sessions_enter(w->gateway->sessions, c->mcp->session_id, c->principal->number,
                       clock_mono_ms(), true, begin, &b) != 0) {
        free(s);
        return false;
    }
    c->to = b.replay;
    if (replay_follow(b.replay, w->loop, &feed_ops, s, &s->feed) != 0) {
        resumable_leave(c, false);
        free(s);
        return false;
    }
    c->sink = &call_resumable;
    c->stream = s;
    s->call = c;
    c->x = NULL;
    call_list(c);
    replay_event_id(b.replay, 0, id);
    eventstream_open(&s->base, NULL, first,
                     eventstream_first(c->mcp->revision >= MCP_2025_11_25, id, first));
    return true;
}

bool call_stream_pause(struct call *c, int64_t retry_ms)
{
    if (c->mcp->revision < MCP_2025_11_25 || mcp_is_modern(c->mcp->revision) || c->is_gone)
        return false;
    if (c->sink != &call_resumable &&
        !(call_stream_fits(c) && c->mcp->may_stream && call_stream_begin(c)))
        return false;
    replay_pause(c->to, (uint32_t)retry_ms);
    return true;
}
