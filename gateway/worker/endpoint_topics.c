#include "worker/endpoint_topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "worker/admit.h"
#include "worker/worker.h"

#define MAX_TOPICS 64

struct event_stream {
    struct event_stream *next, **prev;
    struct worker *worker;
    struct exchange *x;
    struct topic_sub *sub;  /* NULL: an idle stream */
    int64_t expires_ms;     /* of that key, wall clock; 0 = never */
    uint64_t principal;     /* whose key opened it; a number, because keyrings are replaced */
    struct loop_timer ends; /* when that key expires */
};

static void stream_free(struct event_stream *s)
{
    topics_unsubscribe(s->sub);
    timer_stop(s->worker->loop, &s->ends);
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    metrics_add(s->worker->metrics, M_STREAMS_OPEN, -1);
    free(s);
}

static void stream_gone(void *arg, enum gone how)
{
    struct event_stream *s = arg;
    (void)how; /* a client that closed its half reads no events either */
    exchange_drop(s->x);
    stream_free(s);
}

static void stream_event(void *arg, struct topic_event *ev)
{
    struct event_stream *s = arg;
    metrics_add(s->worker->metrics, M_STREAM_EVENTS, 1);
    exchange_send(s->x, ev->frame, ev->len); /* over its bound: the exchange closes and gone()
                                                follows */
}

static void stream_closed(void *arg, int code)
{
    struct event_stream *s = arg;
    if (code == MG_E_LIMIT)
        metrics_add(s->worker->metrics, M_STREAMS_OVERFLOWED_TOPIC, 1);
    exchange_on_gone(s->x, NULL, NULL);
    exchange_drop(s->x);
    stream_free(s);
}

/* Its key is gone or has expired. */
static void stream_end(void *arg)
{
    struct event_stream *s = arg;
    exchange_on_gone(s->x, NULL, NULL);
    exchange_finish(s->x);
    stream_free(s);
}

/* Turns the request into a stream and s into its owner. On failure the request is answered and s is
 * gone. */
static bool stream_open(struct event_stream *s, struct access *a)
{
    struct worker *w = s->worker;
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply head = { .status = 200, .fields = fields };
    admit_cors(w, s->x, false, fields, &head.field_count);
    access_log(w, a, s->x, 200, 0);
    if (exchange_stream(s->x, &head) != 0) {
        exchange_drop(s->x);
        topics_unsubscribe(s->sub);
        free(s);
        return false;
    }
    s->next = w->streams;
    s->prev = &w->streams;
    if (s->next)
        s->next->prev = &s->next;
    w->streams = s;
    metrics_add(w->metrics, M_STREAMS_OPEN, 1);
    exchange_on_gone(s->x, stream_gone, s);
    if (s->expires_ms > 0)
        timer_start(w->loop, &s->ends, s->expires_ms - clock_wall_ms(), stream_end, s);
    return true;
}

static void reply_text(struct worker *w, struct exchange *x, const struct access *a, int status,
                       const char *text)
{
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = status,
                            .content_type = "text/plain; charset=utf-8",
                            .fields = fields };
    admit_cors(w, x, false, fields, &r.field_count);
    buf_str(&r.body, text);
    access_reply(w, a, x, &r);
}

static struct event_stream *stream_new(struct worker *w, struct exchange *x, const struct access *a,
                                       const struct principal *p)
{
    if (w->is_draining) { /* it would be held open until drain_timeout */
        reply_text(w, x, a, 503, "the gateway is shutting down");
        return NULL;
    }
    struct event_stream *s = calloc(1, sizeof *s);
    if (!s) {
        reply_text(w, x, a, 503, "out of memory");
        return NULL;
    }
    s->worker = w;
    s->x = x;
    s->principal = p->number;
    s->expires_ms = p->expires_ms;
    return s;
}

void endpoint_topics_idle(struct worker *w, struct exchange *x, struct access *a,
                          const struct principal *p)
{
    static const char comment[] = ": connected\n\n";
    struct event_stream *s = stream_new(w, x, a, p);
    if (s && stream_open(s, a))
        exchange_send(x, comment, sizeof comment - 1);
}

/* {"ok":true,"topic":T}; with several topics they stand in "topics" too. */
static void send_open(struct worker *w, struct exchange *x, const char *const *topics, size_t n)
{
    struct buf *b = &w->scratch;
    buf_clear(b);
    buf_str(b, "event: open\ndata: ");
    json_open(b, '{');
    json_key(b, "ok");
    json_bool(b, true);
    json_key(b, "topic");
    json_str(b, topics[0]);
    if (n > 1) {
        json_key(b, "topics");
        json_open(b, '[');
        for (size_t i = 0; i < n; i++)
            json_str(b, topics[i]);
        json_close(b, ']');
    }
    json_close(b, '}');
    buf_str(b, "\n\n");
    exchange_send(x, b->data, b->len);
}

static const struct topic_sub_ops stream_ops = { .event = stream_event, .closed = stream_closed };

void endpoint_topics(struct worker *w, struct exchange *x, struct access *a)
{
    const char *topics[MAX_TOPICS];
    size_t n = 0;
    struct err e = { 0 };
    const struct principal *p = admit(w, x, a, ADMIT_STREAM);
    if (!p)
        return;
    for (const char *t; n < MAX_TOPICS && (t = exchange_query(x, "topic", n)); n++)
        topics[n] = t;
    if (n == 0 || topics[0][0] == '\0') {
        reply_text(w, x, a, 400, "missing topic");
        return;
    }
    if (n == MAX_TOPICS && exchange_query(x, "topic", n)) {
        reply_text(w, x, a, 400, "too many topics: at most 64 in one stream");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!principal_may_hear(p, topics[i])) {
            reply_text(w, x, a, 403, "forbidden: this key may not hear of that topic");
            return;
        }
    struct event_stream *s = stream_new(w, x, a, p);
    if (!s)
        return;
    /* Before the answer, so that a bad topic is a 400; what it delivers comes by the loop, behind
     * `open`. */
    s->sub = topics_subscribe(w->gateway->topics, w->loop, topics, n, &stream_ops, s, &e);
    if (!s->sub) {
        free(s);
        reply_text(w, x, a, e.code == MG_E_NOMEM ? 503 : 400, e.text);
        return;
    }
    if (stream_open(s, a))
        send_open(w, x, topics, n);
}

void endpoint_topics_judge_all(struct worker *w)
{
    int64_t now = clock_wall_ms();
    for (struct event_stream *s = w->streams, *next; s; s = next) {
        next = s->next;
        if (!keyring_has(w->serving->keyring, s->principal, now))
            stream_end(s);
    }
}

void endpoint_topics_end_all(struct worker *w)
{
    for (struct event_stream *s = w->streams, *next; s; s = next) {
        next = s->next;
        stream_end(s);
    }
}
