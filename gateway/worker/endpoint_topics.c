#include "worker/endpoint_topics.h"

#include <stdlib.h>

#include "base/json_write.h"
#include "worker/admit.h"
#include "worker/endpoint_sse.h"
#include "worker/eventstream.h"
#include "worker/worker.h"

#define MAX_TOPICS 64

struct topic_stream {
    struct eventstream base;
    struct topic_sub *sub; /* NULL: an idle stream */
};

static void topic_free(struct eventstream *base)
{
    struct topic_stream *s = (struct topic_stream *)base;
    topics_unsubscribe(s->sub);
    free(s);
}

static const struct eventstream_ops ops = { .free = topic_free };

/* What is over the stream's bound ends it. */
static void stream_event(void *arg, struct topic_event *ev)
{
    eventstream_send(arg, ev->frame, ev->len);
}

static void stream_closed(void *arg, int code)
{
    struct topic_stream *s = arg;
    if (code == MG_E_LIMIT)
        metrics_add(s->base.worker->metrics, M_STREAMS_OVERFLOWED_TOPIC, 1);
    eventstream_drop(&s->base);
}

static struct topic_stream *stream_new(struct worker *w, struct exchange *x, const struct access *a,
                                       const struct principal *p)
{
    if (w->is_draining) { /* it would be held open until drain_timeout */
        admit_text(w, x, a, 503, "the gateway is shutting down");
        return NULL;
    }
    struct topic_stream *s = calloc(1, sizeof *s);
    if (!s) {
        admit_text(w, x, a, 503, "out of memory");
        return NULL;
    }
    eventstream_init(&s->base, w, x, p, &ops);
    return s;
}

void endpoint_topics_idle(struct worker *w, struct exchange *x, struct access *a,
                          const struct principal *p)
{
    static const char comment[] = ": connected\n\n";
    struct topic_stream *s = stream_new(w, x, a, p);
    if (s)
        eventstream_open(&s->base, a, comment, sizeof comment - 1);
}

/* {"ok":true,"topic":T}; with several topics they stand in "topics" too. */
static void write_open(struct buf *b, const char *const *topics, size_t n)
{
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
    if (n == 0 && endpoint_sse_is_meant(x)) {
        endpoint_sse_open(w, x, a, p);
        return;
    }
    if (n == 0 || topics[0][0] == '\0') {
        admit_text(w, x, a, 400, "missing topic");
        return;
    }
    if (n == MAX_TOPICS && exchange_query(x, "topic", n)) {
        admit_text(w, x, a, 400, "too many topics: at most 64 in one stream");
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!principal_may_hear(p, topics[i])) {
            admit_text(w, x, a, 403, "forbidden: this key may not hear of that topic");
            return;
        }
    struct topic_stream *s = stream_new(w, x, a, p);
    if (!s)
        return;
    /* Before the answer, so that a bad topic is a 400; what it delivers comes by the loop, behind
     * `open`. */
    s->sub = topics_subscribe(w->gateway->topics, w->loop, topics, n, &stream_ops, s, &e);
    if (!s->sub) {
        free(s);
        admit_text(w, x, a, e.code == MG_E_NOMEM ? 503 : 400, e.text);
        return;
    }
    write_open(&w->scratch, topics, n);
    if (buf_ok(&w->scratch))
        eventstream_open(&s->base, a, w->scratch.data, w->scratch.len);
    else
        eventstream_drop(&s->base);
}
