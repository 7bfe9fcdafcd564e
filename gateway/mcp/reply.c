/* Answers: the outer shell of results and errors, and what goes with each status. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"
#include "mcp/revision.h"

#define SERVER_INFO META_PREFIX "serverInfo"

void reply_accepted(struct request *rq) { rq->out->status = 202; }

void reply_no_memory(struct request *rq)
{
    buf_fini(&rq->out->body);
    rq->out->status = 500;
    rq->out->error_code = MCP_INTERNAL_ERROR;
    rq->out->session_id[0] = '\0';
    rq->out->as_stream = false;
}

/* Schemas up to 2025-06-18 require an id, even where none could be read; later ones forbid null. */
void reply_error_open(struct buf *b, struct json_text id, bool omits_id, int code,
                      const char *message)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\"");
    if (id.type != JSON_NONE || !omits_id) {
        json_key(b, "id");
        json_raw_text(b, id);
    }
    json_key(b, "error");
    json_open(b, '{');
    json_key(b, "code");
    json_int(b, code);
    json_key(b, "message");
    json_str(b, message);
}

static struct buf *error_begin(struct request *rq, int status, int code, const char *fmt,
                               va_list ap)
{
    char message[512];
    struct json_text none = { NULL, 0, JSON_NONE };
    /* The id of a posted response is the gateway's own: nobody waits for an answer to it. */
    bool is_echoed = rq->message.kind != MESSAGE_RESPONSE;

    vsnprintf(message, sizeof message, fmt, ap);
    code = mcp_code_for(rq->is_modern, code);
    rq->out->status = status;
    rq->out->error_code = code;
    bool omits_id =
        rq->is_modern || rq->out->revision >= MCP_2025_11_25 || revision_omits_id(rq->version);
    reply_error_open(&rq->out->body, is_echoed ? rq->message.id : none, omits_id, code, message);
    return &rq->out->body;
}

struct buf *reply_error_begin(struct request *rq, int status, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    struct buf *b = error_begin(rq, status, code, fmt, ap);
    va_end(ap);
    return b;
}

void reply_error_end(struct request *rq) { buf_str(&rq->out->body, "}}"); }

void reply_error(struct request *rq, int status, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_begin(rq, status, code, fmt, ap);
    va_end(ap);
    reply_error_end(rq);
}

void mcp_error(struct buf *out, struct json_text id, bool omits_id, int code, const char *message)
{
    reply_error_open(out, id, omits_id, code, message);
    buf_str(out, "}}");
}

void mcp_refusal(struct buf *out, int code, const char *message, bool omits_id)
{
    mcp_error(out, (struct json_text){ NULL, 0, JSON_NONE }, omits_id, code, message);
}

void mcp_encode_error(const struct mcp_call *c, int code, const char *message, struct buf *out)
{
    mcp_error(out, c->id, mcp_is_modern(c->revision), code, message);
}

void reply_server_info(const struct mcp_server *s, enum mcp_revision r, struct buf *out)
{
    json_open(out, '{');
    json_key(out, "name");
    json_str(out, s->name);
    if (s->title && r >= MCP_2025_06_18) {
        json_key(out, "title");
        json_str(out, s->title);
    }
    json_key(out, "version");
    json_str(out, s->version);
    json_close(out, '}');
}

void reply_own_meta(const struct mcp_server *s, struct buf *out)
{
    buf_str(out, "{\"" SERVER_INFO "\":");
    reply_server_info(s, MCP_2026_07_28, out);
    buf_putc(out, '}');
}

void reply_cache_hints(struct buf *out, int64_t ttl_ms, bool is_public)
{
    json_key(out, "ttlMs");
    json_int(out, ttl_ms);
    json_key(out, "cacheScope");
    json_str(out, is_public ? "public" : "private");
}

struct buf *reply_result_begin(struct request *rq)
{
    struct buf *b = &rq->out->body;

    rq->out->status = 200;
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_raw_text(b, rq->message.id);
    buf_str(b, ",\"result\":{");
    if (rq->is_modern)
        buf_str(b, "\"resultType\":\"complete\"");
    return b;
}

/* Legacy results stay bare: clients check that ping answers {} and nothing else. */
void reply_result_end(struct request *rq)
{
    struct buf *b = &rq->out->body;

    if (rq->is_modern) {
        json_key(b, "_meta");
        reply_own_meta(rq->server, b);
    }
    buf_str(b, "}}");
}
