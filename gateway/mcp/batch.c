/* Batches: arrays of messages, which revision 2025-03-26 and the one before it know, and no later
 * one. Here they are judged as a whole; each message is then handled by itself. */
#include <string.h>

#include "mcp/request.h"
#include "mcp/revision.h"

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)

bool mcp_is_batch(const char *body, size_t len)
{
    size_t i = 0;
    while (i < len && (body[i] == ' ' || body[i] == '\t' || body[i] == '\n' || body[i] == '\r'))
        i++;
    return i < len && body[i] == '[';
}

static bool refuse(struct request *rq, const char *why)
{
    rq->is_modern |= !rq->in->is_http; /* without an id rather than with "id":null */
    reply_error(rq, 400, MCP_INVALID_REQUEST, "Invalid Request: %s", why);
    return false;
}

/* The session says whether there are batches; without one it is the revision that is assumed. */
static bool revision_has_batches(struct request *rq)
{
    const struct mcp_session *own = rq->in->session; /* stdio */
    rq->is_modern = revision_names_modern(rq->version);
    if (!rq->is_modern && !session_check(rq))
        return false;
    if (rq->is_modern || rq->out->revision > MCP_2025_03_26 || (own && !own->is_open))
        return refuse(rq, "batches are of revision 2025-03-26: send one message at a time");
    return true;
}

static bool item_read(struct request *rq, struct json_text item, struct message *m)
{
    struct json_outline text;
    struct err e;
    int rc = json_scan_outline(item.p, item.len, &rq->server->limits, &text, &e);
    if (rc == MG_E_NOMEM)
        reply_no_memory(rq);
    else if (rc < 0)
        refuse(rq, e.text);
    if (rc < 0)
        return false;
    message_read(m, &text);
    if (m->kind == MESSAGE_BAD)
        return refuse(rq, m->fault);
    if (m->meta[META_PROTOCOL_VERSION].type != JSON_NONE)
        return refuse(rq, "a message of revision 2026-07-28 in a batch");
    if (text_is(m->method, "initialize"))
        return refuse(rq, "initialize stands alone, not in a batch");
    return true;
}

static bool is_same(struct json_text a, struct json_text b)
{
    return a.type == b.type && a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static bool items_check(struct request *rq, struct json_text items, size_t *n)
{
    struct json_text item, ids[MCP_BATCH_MAX];
    size_t requests = 0;
    *n = 0;
    for (struct json_iter it = json_iter(items); json_next_item(&it, &item); ++*n) {
        struct message m;
        if (*n == MCP_BATCH_MAX)
            return refuse(rq, "more than " NUMBER(MCP_BATCH_MAX) " messages in a batch");
        if (!item_read(rq, item, &m))
            return false;
        if (m.kind != MESSAGE_REQUEST)
            continue;
        for (size_t i = 0; i < requests; i++)
            if (is_same(ids[i], m.id))
                return refuse(rq, "an id stands twice in a batch");
        ids[requests++] = m.id;
    }
    return *n > 0 || refuse(rq, "a batch is empty");
}

bool mcp_batch(const struct mcp_server *s, const struct mcp_in *in, struct json_text *items,
               size_t *n, struct mcp_out *out)
{
    struct err e;
    struct request rq = { .server = s, .in = in, .out = out };

    memset(out, 0, sizeof *out);
    out->revision = MCP_ASSUMED;
    memcpy(out->method, "batch", sizeof "batch");
    rq.message.kind = MESSAGE_NOTIFICATION; /* there is no id to be repeated */
    if (in->is_http)
        rq.version = span_trim(in->protocol_version);
    /* A text that is no JSON, or that nobody could read an answer to, is told as one message is. */
    int rc = in->accepts_json || in->accepts_sse
                 ? json_scan(in->body, in->len, &s->limits, items, &e)
                 : MG_E_INVALID;
    if (rc < 0) {
        mcp_handle(s, in, out);
        return false;
    }
    bool is_taken = revision_has_batches(&rq) && items_check(&rq, *items, n);
    if (!buf_ok(&out->body))
        reply_no_memory(&rq);
    return is_taken;
}
