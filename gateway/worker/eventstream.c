#include "worker/eventstream.h"

#include <stdio.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "worker/admit.h"
#include "worker/worker.h"

void eventstream_init(struct eventstream *s, struct worker *w, struct exchange *x,
                      const struct principal *p, const struct eventstream_ops *ops)
{
    *s = (struct eventstream){
        .ops = ops, .worker = w, .x = x, .principal = p->number, .expires_ms = p->expires_ms
    };
}

size_t eventstream_first(bool is_primed, const char *id, char out[static EVENTSTREAM_FIRST_SIZE])
{
    int n = is_primed ? snprintf(out, EVENTSTREAM_FIRST_SIZE, "id: %s\nretry: %d\ndata: \n\n", id,
                                 EVENTSTREAM_RETRY_MS)
                      : snprintf(out, EVENTSTREAM_FIRST_SIZE, ": connected\n\n");
    return (size_t)n;
}

/* Its exchange has been given back. */
static void leave(struct eventstream *s)
{
    struct worker *w = s->worker;
    timer_stop(w->loop, &s->ends);
    if (s->prev) {
        *s->prev = s->next;
        if (s->next)
            s->next->prev = s->prev;
        metrics_add(w->metrics, M_STREAMS_OPEN, -1);
    }
    s->ops->free(s);
}

static void gone(void *arg, enum gone how)
{
    struct eventstream *s = arg;
    (void)how; /* a client that closed its half reads no events either */
    exchange_drop(s->x);
    leave(s);
}

static void expired(void *arg) { eventstream_end(arg); }

bool eventstream_open(struct eventstream *s, const struct access *a, const char *first, size_t len)
{
    struct worker *w = s->worker;
    struct http_field fields[ADMIT_CORS_FIELDS];
    struct http_reply head = { .status = 200, .fields = fields };
    admit_cors(w, s->x, false, fields, &head.field_count);
    if (a)
        access_log(w, a, s->x, 200, 0);
    if (exchange_stream(s->x, &head) != 0) {
        exchange_drop(s->x);
        leave(s);
        return false;
    }
    s->next = w->streams;
    s->prev = &w->streams;
    if (s->next)
        s->next->prev = &s->next;
    w->streams = s;
    metrics_add(w->metrics, M_STREAMS_OPEN, 1);
    exchange_on_gone(s->x, gone, s);
    if (s->expires_ms > 0)
        timer_start(w->loop, &s->ends, s->expires_ms - clock_wall_ms(), expired, s);
    exchange_send(s->x, first, len);
    return true;
}

bool eventstream_send(struct eventstream *s, const char *events, size_t len)
{
    metrics_add(s->worker->metrics, M_STREAM_EVENTS, 1);
    return exchange_send(s->x, events, len) == 0;
}

bool eventstream_send_whole(struct eventstream *s, const char *events, size_t len)
{
    metrics_add(s->worker->metrics, M_STREAM_EVENTS, 1);
    return exchange_send_whole(s->x, events, len) == 0;
}

void eventstream_end(struct eventstream *s)
{
    exchange_on_gone(s->x, NULL, NULL);
    if (s->ops->farewell)
        s->ops->farewell(s);
    exchange_finish(s->x);
    leave(s);
}

void eventstream_drop(struct eventstream *s)
{
    exchange_on_gone(s->x, NULL, NULL);
    exchange_drop(s->x);
    leave(s);
}

/* Its key may last for longer now, or not as long. */
static void expiry_renew(struct eventstream *s, int64_t now)
{
    const struct principal *p = keyring_numbered(s->worker->serving->keyring, s->principal);
    if (!p || p->expires_ms == s->expires_ms)
        return;
    s->expires_ms = p->expires_ms;
    timer_stop(s->worker->loop, &s->ends);
    if (s->expires_ms > 0)
        timer_start(s->worker->loop, &s->ends, s->expires_ms - now, expired, s);
}

void eventstreams_judge_all(struct worker *w)
{
    int64_t now = clock_wall_ms();
    for (struct eventstream *s = w->streams, *next; s; s = next) {
        next = s->next;
        if (keyring_has(w->serving->keyring, s->principal, now))
            expiry_renew(s, now);
        else
            eventstream_end(s);
    }
}

void eventstreams_end_all(struct worker *w)
{
    for (struct eventstream *s = w->streams, *next; s; s = next) {
        next = s->next;
        if (s->ops->drain)
            s->ops->drain(s);
        else
            eventstream_end(s);
    }
}
