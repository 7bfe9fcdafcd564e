/* tools/call: from a message to a call that the host can run. */
#include <stdlib.h>
#include <string.h>

#include "mcp/ask.h"
#include "mcp/listing.h"
#include "mcp/request.h"

#define TOOL_NAME_MAX 128

/* Copies a text to *at and moves behind it; the extent then points to the copy. */
static struct json_text text_keep(struct json_text t, char **at)
{
    if (t.type == JSON_NONE)
        return t;
    memcpy(*at, t.p, t.len);
    t.p = *at;
    *at += t.len;
    *(*at)++ = '\0';
    return t;
}

static void client_read(const struct request *rq, struct mcp_call *c)
{
    if (rq->has_session) {
        memcpy(c->session_id, rq->session.id, sizeof c->session_id);
        memcpy(c->client_name, rq->session.client_name, sizeof c->client_name);
        memcpy(c->client_version, rq->session.client_version, sizeof c->client_version);
        return;
    }
    message_client_info(rq->message.meta[META_CLIENT_INFO], c->client_name, c->client_version);
}

/* Modern clients ask for log messages by request, legacy ones by session. */
static enum mcp_log_level log_level(const struct request *rq)
{
    char name[16];

    if (rq->has_session)
        return rq->session.log_level;
    if (!rq->is_modern || rq->message.meta[META_LOG_LEVEL].type != JSON_STRING)
        return MCP_LOG_NONE;
    text_cut(rq->message.meta[META_LOG_LEVEL], name, sizeof name);
    return mcp_log_level_parse(name, strlen(name));
}

/* An extent of one text, in its copy. */
static struct json_text moved(struct json_text part, struct json_text from, struct json_text to)
{
    if (part.type != JSON_NONE)
        part.p = to.p + (part.p - from.p);
    return part;
}

/* One block holds the call and its texts. */
static struct mcp_call *call_new(const struct request *rq, const struct tool *tool,
                                 struct json_text arguments, struct json_text responses,
                                 struct json_text memory)
{
    const struct message *m = &rq->message;
    struct json_text meta = m->params[PARAM_META];
    struct json_text token = m->meta[META_PROGRESS_TOKEN];
    struct json_text none = { NULL, 0, JSON_NONE };

    if (arguments.type != JSON_OBJECT)
        arguments = none;
    if (meta.type != JSON_OBJECT)
        meta = none;
    char text[ASKS_TEXT_SIZE];
    struct json_text asks = rq->has_session ? asks_text(rq->session.asks, text) : none;
    struct mcp_call *c = malloc(sizeof *c + m->id.len + arguments.len + meta.len + responses.len +
                                memory.len + asks.len + 6);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->text = (char *)(c + 1);
    char *at = c->text;
    c->revision = rq->out->revision;
    c->tool = tool;
    c->id = text_keep(m->id, &at);
    c->arguments = text_keep(arguments, &at);
    c->meta = text_keep(meta, &at);
    c->responses = text_keep(responses, &at);
    c->memory = text_keep(memory, &at);
    c->capabilities = text_keep(asks, &at);
    if (!text_is_absent(token))
        c->progress_token = moved(token, meta, c->meta);
    if (rq->is_modern) {
        c->capabilities = moved(m->meta[META_CAPABILITIES], meta, c->meta);
        c->caller =
            rq->server->host->caller(rq->server->host->arg, rq->in->principal, &c->caller_number);
    }
    c->log_level = log_level(rq);
    c->must_stream = rq->in->is_http && request_wants_stream(rq);
    /* A legacy client that accepts anything would take a stream for its one JSON answer. */
    c->may_stream = !rq->in->is_http || c->must_stream ||
                    (rq->is_modern ? rq->in->accepts_sse : rq->in->names_both);
    c->has_session = rq->has_session;
    client_read(rq, c);
    if (rq->in->session) { /* what both eras are cancelled by */
        c->has_session = true;
        memcpy(c->session_id, rq->in->session->id, sizeof c->session_id);
    }
    return c;
}

void mcp_call_free(struct mcp_call *c)
{
    if (c && c->listing)
        listing_free(c->listing);
    free(c);
}

const char *mcp_call_method(const struct mcp_call *c)
{
    static const char *const methods[TOOL_KINDS] = {
        [TOOL_TOOL] = "tools/call",         [TOOL_PROMPT] = "prompts/get",
        [TOOL_RESOURCE] = "resources/read", [TOOL_TEMPLATE] = "resources/read",
        [TOOL_LISTER] = "resources/list",   [TOOL_COMPLETER] = "completion/complete",
    };
    return methods[c->tool->kind];
}

static void call_make(struct request *rq, const struct tool *t, struct json_text arguments)
{
    struct round round = { .responses = { NULL, 0, JSON_NONE } };
    struct json_text memory = { NULL, 0, JSON_NONE };
    const struct buf *kept = &round.state.memory;

    if (round_read(rq, t, arguments, &round)) {
        /* It was JSON when it was sealed. */
        if (kept->len > 0 && json_scan(kept->data, kept->len, NULL, &memory, NULL) != 0)
            memory = (struct json_text){ NULL, 0, JSON_NONE };
        struct mcp_call *c = call_new(rq, t, arguments, round.responses, memory);
        if (!c)
            reply_no_memory(rq);
        else if (round_begin(rq, &round, c))
            rq->out->call = c;
        else
            mcp_call_free(c);
    }
    buf_fini(&round.state.memory);
}

void request_call(struct request *rq, const struct tool *t, struct buf *arguments)
{
    struct json_text text = { arguments->data, arguments->len, JSON_OBJECT };

    if (buf_ok(arguments))
        call_make(rq, t, text);
    else
        reply_no_memory(rq);
    buf_fini(arguments);
}

/* A tool that this caller may not call does not exist for it: same code, same text. */
static const struct tool *tool_find(const struct request *rq, struct json_text name,
                                    char text[TOOL_NAME_MAX + 1])
{
    const struct mcp_host *host = rq->server->host;

    if (!text_cut(name, text, TOOL_NAME_MAX + 1))
        return NULL;
    const struct tool *t = toolset_find(rq->in->tools, text, strlen(text));
    return t && host->may(host->arg, rq->in->principal, t->name) ? t : NULL;
}

void tools_call_serve(struct request *rq)
{
    const struct message *m = &rq->message;
    struct json_text arguments = m->params[PARAM_ARGUMENTS];
    char name[TOOL_NAME_MAX + 1];

    if (m->params[PARAM_NAME].type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: name must be a string");
        return;
    }
    const struct tool *tool = tool_find(rq, m->params[PARAM_NAME], name);
    if (!tool) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Unknown tool: %s", name);
        return;
    }
    if (tool->needs_task && !tasks_must_be_known(rq))
        return;
    if (tool->headers && !headers_repeat(rq, tool, arguments))
        return;
    if (!text_is_absent(arguments) && arguments.type != JSON_OBJECT) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: arguments must be an object");
        return;
    }
    call_make(rq, tool, arguments);
}
