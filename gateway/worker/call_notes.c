/* What a running tool tells its client: progress and log messages. Each leaves once the state that
 * its tool had changed or read by then is durable, in the order in which it was said. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "worker/call_struct.h"

bool call_is_reachable(const struct call *c) { return !c->is_gone && !c->worker->is_stopped; }

static struct call_note *take(struct call *c)
{
    struct call_note *n = c->notes;
    c->notes = n->next;
    if (!c->notes)
        c->notes_last = NULL;
    c->note_bytes -= n->len;
    return n;
}

void call_send_note(struct call *c)
{
    struct call_note *n = take(c);
    struct buf json = { .data = n->json, .len = n->len };
    if (call_is_reachable(c))
        c->sink->note(c, &json, n->must);
    free(n);
}

void call_drop_notes(struct call *c, uint64_t seq)
{
    while (c->notes && c->notes->seq <= seq)
        free(take(c));
}

/* As for a client that does not read: what cannot be kept for it within [server] max_stream_queue
 * ends its stream, but for requests, whose number and size are bounded. */
static void hold(struct call *c, uint64_t seq, const struct buf *json, bool must)
{
    struct call_note *n = NULL;
    if (must ||
        c->note_bytes + json->len <= c->worker->serving->config->server.max_stream_queue_bytes)
        n = malloc(sizeof *n + json->len);
    if (!n || !buf_ok(json)) {
        free(n);
        c->is_gone = true;
        return;
    }
    n->next = NULL;
    n->seq = seq;
    n->must = must;
    n->len = json->len;
    memcpy(n->json, json->data, json->len);
    *(c->notes ? &c->notes_last->next : &c->notes) = n;
    c->notes_last = n;
    c->note_bytes += n->len;
    call_waits(c);
    call_advance(c);
}

void call_note(struct call *c, uint64_t seq, struct buf *json, bool must)
{
    if (c->notes || !store_is_durable(c->worker->gateway->store, seq))
        hold(c, seq, json, must);
    else if (call_is_reachable(c))
        c->sink->note(c, json, must);
}

void call_note_progress(void *arg, const struct task_progress *p, uint64_t wait)
{
    struct call *c = arg;
    struct buf *json = &c->worker->scratch;
    if (call_task_is_working(c)) {
        call_task_progress(c, p, wait);
        return;
    }
    if (!call_is_reachable(c) || !mcp_progress_due(c->mcp, p->done, loop_now(c->worker->loop)))
        return;
    buf_clear(json);
    mcp_encode_progress(c->mcp, p->done, p->total, p->has_total, p->message, json);
    call_note(c, wait, json, false);
}

void call_note_log(void *arg, int level, const char *data_json, size_t len, uint64_t wait)
{
    struct call *c = arg;
    struct buf *json = &c->worker->scratch;
    if (!call_is_reachable(c) || !mcp_log_due(c->mcp, (enum mcp_log_level)level))
        return;
    buf_clear(json);
    mcp_encode_log(c->mcp, (enum mcp_log_level)level, c->mcp->tool->name, data_json, len, json);
    call_note(c, wait, json, false);
}
