/* completion/complete: what an argument of a prompt or a variable of a template may become. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"

#define NAME_MAX_BYTES 128

struct asked {
    struct json_text ref_type, ref_name, ref_uri, name, value, others;
};

static bool refuse(struct request *rq, const char *why)
{
    reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: %s", why);
    return false;
}

/* These parameters no other method has, so nobody else looks for them. */
static bool asked_read(struct request *rq, struct asked *a)
{
    static const char *const root_names[] = { "params" };
    static const char *const names[] = { "ref", "argument", "context" };
    static const char *const ref_names[] = { "type", "name", "uri" };
    static const char *const argument_names[] = { "name", "value" };
    static const char *const context_names[] = { "arguments" };
    struct json_text root, params, member[3], ref[3], argument[2];
    struct err e;

    if (json_scan(rq->in->body, rq->in->len, &rq->server->limits, &root, &e) != 0) {
        reply_no_memory(rq); /* it was read before */
        return false;
    }
    json_find(root, root_names, &params, 1);
    if (params.type != JSON_OBJECT)
        return refuse(rq, "ref and argument are missing");
    json_find(params, names, member, 3);
    if (member[0].type != JSON_OBJECT || member[1].type != JSON_OBJECT)
        return refuse(rq, "ref and argument must be objects");
    json_find(member[0], ref_names, ref, 3);
    json_find(member[1], argument_names, argument, 2);
    *a = (struct asked){ ref[0], ref[1], ref[2], argument[0], argument[1], { NULL, 0, JSON_NONE } };
    if (member[2].type == JSON_OBJECT)
        json_find(member[2], context_names, &a->others, 1);
    if (a->name.type != JSON_STRING || a->value.type != JSON_STRING)
        return refuse(rq, "argument needs the strings name and value");
    return true;
}

/* Of a template by its own text, of anything by a URI. */
static const struct tool *resource_of(struct request *rq, struct json_text uri)
{
    const struct toolset *tools = rq->in->tools;
    struct buf text = { 0 }, values = { 0 };
    const struct tool *found = NULL;

    for (size_t i = 0; i < toolset_offers(tools, TOOL_TEMPLATE) && !found; i++) {
        const struct tool *t = toolset_offer_at(tools, TOOL_TEMPLATE, i);
        if (text_is(uri, t->uri) && offer_is_visible(rq, t))
            found = t;
    }
    if (!found) {
        json_string_decode(uri, &text);
        found = resource_find(rq, text.len ? text.data : "", text.len, &values);
        if (!buf_ok(&text) || !buf_ok(&values)) {
            reply_no_memory(rq);
            found = NULL;
        }
    }
    buf_fini(&text);
    buf_fini(&values);
    return found;
}

static const struct tool *ref_find(struct request *rq, const struct asked *a)
{
    char name[NAME_MAX_BYTES + 1] = "";
    const struct tool *t = NULL;

    if (text_is(a->ref_type, "ref/prompt") && a->ref_name.type == JSON_STRING)
        t = offer_find(rq, "prompt:", TOOL_PROMPT, a->ref_name, name, sizeof name);
    else if (text_is(a->ref_type, "ref/resource") && a->ref_uri.type == JSON_STRING)
        t = resource_of(rq, a->ref_uri);
    else
        refuse(rq, "ref is {type: \"ref/prompt\", name} or {type: \"ref/resource\", uri}");
    if (!t && rq->out->status == 0)
        refuse(rq, "ref names nothing that is there");
    return t;
}

static void reply_nothing(struct request *rq)
{
    struct buf *b = reply_result_begin(rq);
    json_key(b, "completion");
    buf_str(b, "{\"values\":[],\"total\":0,\"hasMore\":false}");
    reply_result_end(rq);
}

void complete_serve(struct request *rq)
{
    struct buf arguments = { 0 };
    struct asked a;

    if (!offers_are_there(rq, TOOL_COMPLETER, TOOL_COMPLETER) || !asked_read(rq, &a))
        return;
    const struct tool *t = ref_find(rq, &a);
    if (!t)
        return;
    const struct tool *completer =
        toolset_offer_find(rq->in->tools, TOOL_COMPLETER, t->name, strlen(t->name));
    if (!completer) {
        reply_nothing(rq);
        return;
    }
    json_open(&arguments, '{');
    json_key(&arguments, "name");
    json_raw_text(&arguments, a.name);
    json_key(&arguments, "value");
    json_raw_text(&arguments, a.value);
    json_key(&arguments, "others");
    if (a.others.type == JSON_OBJECT)
        json_raw_text(&arguments, a.others);
    else
        json_raw(&arguments, "{}", 2);
    json_close(&arguments, '}');
    request_call(rq, completer, &arguments);
}
