/* Calls in several rounds: what a modern client answers with a call, what it may be asked, and the
 * result that asks it. */
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "mcp/ask.h"
#include "mcp/form.h"
#include "mcp/request.h"

/* ---- what comes ---- */

static bool is_asking(enum tool_kind kind)
{
    return kind == TOOL_TOOL || kind == TOOL_PROMPT || kind == TOOL_RESOURCE ||
           kind == TOOL_TEMPLATE;
}

/* Of any key: one that nobody has asked for is not looked at, but an answer is an object. */
static bool responses_check(struct request *rq, struct json_text responses)
{
    struct json_iter it = json_iter(responses);
    struct json_text key, value;
    char name[80];

    if (responses.type == JSON_NONE)
        return true;
    if (responses.type != JSON_OBJECT) {
        reply_error(rq, 200, MCP_INVALID_PARAMS,
                    "Invalid params: inputResponses must be an object of results by their keys");
        return false;
    }
    while (json_next_member(&it, &key, &value)) {
        if (value.type == JSON_OBJECT)
            continue;
        text_cut(key, name, sizeof name);
        reply_error(rq, 200, MCP_INVALID_PARAMS,
                    "Invalid params: inputResponses.%s must be an object", name);
        return false;
    }
    return true;
}

static bool state_check(struct request *rq, const struct mcp_call *c, struct json_text text,
                        struct request_state *state)
{
    struct err e = { 0 };

    if (text.type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: requestState must be a string");
        return false;
    }
    int code = request_state_read(rq->server, c, text, state, &e);
    if (code == MG_E_NOMEM)
        reply_no_memory(rq);
    else if (code != 0)
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: %s", e.text);
    return code == 0;
}

bool round_read(struct request *rq, const struct tool *t, struct json_text arguments,
                struct round *r)
{
    struct json_text state = rq->message.params[PARAM_REQUEST_STATE];
    struct mcp_call c = { .tool = t, .arguments = arguments };

    if (!rq->is_modern || !is_asking(t->kind))
        return true;
    if (!responses_check(rq, rq->message.params[PARAM_INPUT_RESPONSES]))
        return false;
    r->responses = rq->message.params[PARAM_INPUT_RESPONSES];
    if (text_is_absent(state))
        return true;
    c.caller = rq->server->host->caller(rq->server->host->arg, rq->in->principal, &c.caller_number);
    return state_check(rq, &c, state, &r->state);
}

bool round_begin(struct request *rq, const struct round *r, struct mcp_call *c)
{
    struct err e = { 0 };

    if (r->state.expires_ms == 0)
        return true;
    if (request_state_spend(rq->server, &r->state, &e) == 0) {
        c->has_state = true;
        memcpy(c->state_id, r->state.id, sizeof c->state_id);
        return true;
    }
    reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: %s", e.text);
    return false;
}

/* ---- what may be asked ---- */

/* What of sampling the question takes. */
static unsigned sampling_wants(struct json_text params)
{
    struct json_text context = json_get(params, "includeContext");
    bool has_tools = json_get(params, "tools").type != JSON_NONE ||
                     json_get(params, "toolChoice").type != JSON_NONE;
    bool has_context = context.type != JSON_NONE && !text_is(context, "none");

    return ASKS_SAMPLE | (has_tools ? ASKS_TOOLS : 0u) | (has_context ? ASKS_CONTEXT : 0u);
}

static unsigned question_wants(const struct tool_question *q)
{
    if (strcmp(q->method, "roots/list") == 0)
        return ASKS_ROOTS;
    if (strcmp(q->method, "elicitation/create") == 0)
        return text_is(json_get(q->params, "mode"), "url") ? ASKS_URL : ASKS_FORM;
    return sampling_wants(q->params);
}

/* What the client would have to declare, and does not: JSON; NULL: it declares all of it. */
static const char *missing_for(unsigned declared, const struct tool_question *q)
{
    static const struct {
        unsigned bit;
        const char *text;
    } all[] = {
        { ASKS_ROOTS, "{\"roots\":{}}" },
        { ASKS_URL, "{\"elicitation\":{\"url\":{}}}" },
        { ASKS_FORM, "{\"elicitation\":{\"form\":{}}}" },
        { ASKS_SAMPLE, "{\"sampling\":{}}" },
        { ASKS_TOOLS, "{\"sampling\":{\"tools\":{}}}" },
        { ASKS_CONTEXT, "{\"sampling\":{\"context\":{}}}" },
    };
    unsigned missing = question_wants(q) & ~declared;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (missing & all[i].bit)
            return all[i].text;
    return NULL;
}

/* What no capability tells: a revision's forms are all that its clients can show, */
static bool is_newer_form(const struct mcp_call *c, const struct tool_question *q)
{
    return c->revision < MCP_2025_11_25 && strcmp(q->method, "elicitation/create") == 0 &&
           !form_is_primitive(json_get(q->params, "requestedSchema"));
}

static bool is_newer_content(enum mcp_revision r, struct json_text content)
{
    struct json_text type = json_get(content, "type");

    return content.type == JSON_ARRAY || text_is(type, "tool_use") ||
           text_is(type, "tool_result") || (r < MCP_2025_03_26 && text_is(type, "audio"));
}

/* and its messages all that they can give to a model. */
static bool is_newer_sample(const struct mcp_call *c, const struct tool_question *q)
{
    struct json_iter it = json_iter(json_get(q->params, "messages"));
    struct json_text message;

    if (c->revision >= MCP_2025_11_25 || strcmp(q->method, "sampling/createMessage") != 0)
        return false;
    while (json_next_item(&it, &message))
        if (is_newer_content(c->revision, json_get(message, "content")))
            return true;
    return false;
}

/* Why the question is none in the client's revision; NULL: it is one. */
static const char *newer_what(const struct mcp_call *c, const struct tool_question *q)
{
    if (is_newer_form(c, q))
        return "forms of its revision have no choice of several (type = \"array\")";
    if (is_newer_sample(c, q))
        return "messages of its revision hold one block each, and none that its revision does not "
               "know (tool_use, tool_result; audio for 2024-11-05)";
    return NULL;
}

bool mcp_may_ask(struct mcp_call *c, const struct tool_question *q, size_t n, struct err *e)
{
    unsigned declared = asks_declared(c->capabilities, MCP_2026_07_28);
    const char *newer = NULL;

    c->lacks = NULL;
    for (size_t i = 0; i < n && !c->lacks; i++) {
        c->lacks = missing_for(declared, &q[i]);
        newer = newer ? newer : newer_what(c, &q[i]);
    }
    if (c->lacks)
        err_set(e, MG_E_DENIED,
                "this client cannot be asked: it does not declare the capability %s", c->lacks);
    else if (newer)
        err_set(e, MG_E_DENIED, "this client cannot be asked: %s", newer);
    return !c->lacks && !newer;
}

/* ---- what is answered ---- */

void input_required_encode(const struct mcp_server *s, const struct mcp_call *c,
                           const struct tool_asks *asks, struct buf *out)
{
    struct buf state = { 0 };

    request_state_write(s, c, &asks->memory, &state);
    out->failed |= !buf_ok(&state) || !buf_ok(&asks->requests);
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_append(out, c->id.p, c->id.len);
    buf_str(out, ",\"result\":{\"resultType\":\"input_required\",\"inputRequests\":");
    buf_append(out, asks->requests.data, asks->requests.len);
    json_key(out, "requestState");
    json_str_n(out, state.len ? state.data : "", state.len);
    json_key(out, "_meta");
    reply_own_meta(s, out);
    buf_str(out, "}}");
    buf_fini(&state);
}

bool mcp_lacks_capability(const struct mcp_call *c, const struct tool_result *r)
{
    return r->cannot_ask && c->lacks && mcp_is_modern(c->revision);
}

void missing_capability_encode(const struct mcp_call *c, struct buf *out)
{
    reply_error_open(out, c->id, true, MCP_MISSING_CAPABILITY,
                     "Missing client capability: what this asks its client for");
    json_key(out, "data");
    buf_str(out, "{\"requiredCapabilities\":");
    buf_str(out, c->lacks);
    buf_str(out, "}}}");
}
