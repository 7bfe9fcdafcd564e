/* prompts/get: from a message to a call that the host can run. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"

#define NAME_MAX_BYTES 128

const struct tool *offer_find(const struct request *rq, const char *kind, enum tool_kind of,
                              struct json_text name, char *text, size_t size)
{
    char full[NAME_MAX_BYTES + 1];
    size_t len = strlen(kind);

    if (!text_cut(name, text, size) || len + strlen(text) >= sizeof full)
        return NULL;
    memcpy(full, kind, len);
    memcpy(full + len, text, strlen(text) + 1);
    const struct tool *t = toolset_offer_find(rq->in->tools, of, full, strlen(full));
    return t && offer_is_visible(rq, t) ? t : NULL;
}

/* Appends the names, in quotes, of the arguments that are required and are not there. */
static void missing_write(const struct tool *prompt, struct json_text arguments, struct buf *out)
{
    static const char *const names[] = { "name", "required" };
    const char *list = prompt->arguments ? prompt->arguments : "[]";
    struct json_text all = { list, strlen(list), JSON_ARRAY }, item, member[2], value;
    struct json_iter it = json_iter(all);

    while (json_next_item(&it, &item)) {
        struct buf name = { 0 };
        const char *wanted[1];
        json_find(item, names, member, 2);
        json_string_decode(member[0], &name);
        wanted[0] = buf_cstr(&name);
        value = (struct json_text){ NULL, 0, JSON_NONE };
        if (wanted[0] && arguments.type == JSON_OBJECT)
            json_find(arguments, wanted, &value, 1);
        if (!wanted[0])
            out->failed = true;
        else if (member[1].type == JSON_TRUE && text_is_absent(value))
            buf_printf(out, "%s\"%s\"", out->len ? ", " : "", wanted[0]);
        buf_fini(&name);
    }
}

static bool arguments_are_texts(struct request *rq, struct json_text arguments)
{
    struct json_iter it = json_iter(arguments);
    struct json_text key, value;
    char name[NAME_MAX_BYTES + 1];

    while (json_next_member(&it, &key, &value)) {
        if (value.type == JSON_STRING || value.type == JSON_NULL)
            continue;
        text_cut(key, name, sizeof name);
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: argument %s must be a string",
                    name);
        return false;
    }
    return true;
}

static bool arguments_check(struct request *rq, const struct tool *prompt)
{
    struct json_text arguments = rq->message.params[PARAM_ARGUMENTS];
    struct buf missing = { 0 };

    if (!text_is_absent(arguments) && arguments.type != JSON_OBJECT) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: arguments must be an object");
        return false;
    }
    if (arguments.type == JSON_OBJECT && !arguments_are_texts(rq, arguments))
        return false;
    missing_write(prompt, arguments, &missing);
    bool is_whole = buf_ok(&missing), is_right = is_whole && missing.len == 0;
    if (!is_whole)
        reply_no_memory(rq);
    else if (!is_right)
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: missing required argument %.*s",
                    (int)missing.len, missing.data);
    buf_fini(&missing);
    return is_right;
}

void prompts_get_serve(struct request *rq)
{
    struct json_text arguments = rq->message.params[PARAM_ARGUMENTS];
    struct buf text = { 0 };
    char name[NAME_MAX_BYTES + 1] = "";

    if (!offers_are_there(rq, TOOL_PROMPT, TOOL_PROMPT))
        return;
    if (rq->message.params[PARAM_NAME].type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: name must be a string");
        return;
    }
    const struct tool *prompt =
        offer_find(rq, "prompt:", TOOL_PROMPT, rq->message.params[PARAM_NAME], name, sizeof name);
    if (!prompt) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Unknown prompt: %s", name);
        return;
    }
    if (!arguments_check(rq, prompt))
        return;
    if (arguments.type == JSON_OBJECT)
        json_raw_text(&text, arguments);
    else
        buf_str(&text, "{}");
    request_call(rq, prompt, &text);
}
