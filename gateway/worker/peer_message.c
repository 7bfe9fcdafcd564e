/* What a peer says: one message, or a batch of them; and the answers. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/metrics.h"
#include "worker/peer_struct.h"
#include "worker/worker.h"

static struct peer *peer_of(struct messages *m)
{
    return (struct peer *)((char *)m - offsetof(struct peer, messages));
}

/* ---- answers ---- */

static void peer_answer(struct messages *m, const char *json, size_t len)
{
    line_pipe_send(peer_of(m)->pipe, json, len);
}

/* Who does not read misses some of what calls say on the way, never an answer, a request or a
 * notice. */
static void peer_note(struct messages *m, struct buf *json, bool must)
{
    const struct config *c = m->worker->serving->config;
    struct line_pipe *pipe = peer_of(m)->pipe;
    if (!buf_ok(json))
        return;
    if (!must && line_pipe_queued(pipe) + json->len > c->server.max_stream_queue_bytes)
        return;
    if (line_pipe_send(pipe, json->data, json->len))
        metrics_add(m->worker->metrics, M_STREAM_EVENTS, 1);
}

static bool peer_is_slow(struct messages *m) { return line_pipe_queued(peer_of(m)->pipe) > 0; }

static void peer_left(struct messages *m) { peer_judge(peer_of(m)); }

static const struct messages_ops ops = {
    .answer = peer_answer, .note = peer_note, .left = peer_left, .is_slow = peer_is_slow
};

void peer_messages_init(struct peer *p, struct worker *w)
{
    p->messages = (struct messages){ .ops = &ops, .worker = w, .transport = "stdio" };
    access_init(&p->messages.access);
    p->messages.access.key = principal_local.name;
}

static void refuse(struct peer *p, int code, const char *message)
{
    struct buf json = { 0 };
    mcp_refusal(&json, code, message, true);
    if (buf_ok(&json))
        line_pipe_send(p->pipe, json.data, json.len);
    else
        peer_answer(&p->messages, MESSAGES_NO_MEMORY, sizeof MESSAGES_NO_MEMORY - 1);
    buf_fini(&json);
}

void peer_fault(void *arg, enum line_fault fault)
{
    struct peer *p = arg;
    if (fault == LINE_NO_MEMORY)
        refuse(p, MCP_INTERNAL_ERROR, "Internal error: out of memory");
    else
        refuse(p, MCP_PARSE_ERROR, "Parse error: a line is longer than [server] max_body");
}

/* ---- lines ---- */

void peer_line(void *arg, const char *text, size_t len)
{
    struct peer *p = arg;
    struct worker *w = p->messages.worker;
    worker_catch_up(w);
    struct mcp_in in = { .body = text,
                         .len = len,
                         .session = &p->session.mcp,
                         .accepts_json = true,
                         .accepts_sse = true,
                         .principal = &principal_local,
                         .tools = w->serving->generation->tools };
    messages_take_text(&p->messages, &in);
    peer_judge(p);
}
