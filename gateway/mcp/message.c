#include "mcp/message.h"

#include <string.h>

#include "mcp/mcp.h"
#include "mcp/text.h"

enum { M_JSONRPC, M_ID, M_METHOD, M_PARAMS, M_RESULT, M_ERROR, M_MEMBERS };

static const char *const member_names[M_MEMBERS] = {
    "jsonrpc", "id", "method", "params", "result", "error",
};

static const char *const param_names[PARAM_COUNT] = {
    [PARAM_META] = "_meta",
    [PARAM_NAME] = "name",
    [PARAM_ARGUMENTS] = "arguments",
    [PARAM_CURSOR] = "cursor",
    [PARAM_URI] = "uri",
    [PARAM_TASK_ID] = "taskId",
    [PARAM_PROTOCOL_VERSION] = "protocolVersion",
    [PARAM_CLIENT_INFO] = "clientInfo",
    [PARAM_REQUEST_ID] = "requestId",
    [PARAM_LEVEL] = "level",
    [PARAM_NOTIFICATIONS] = "notifications",
    [PARAM_CAPABILITIES] = "capabilities",
    [PARAM_INPUT_RESPONSES] = "inputResponses",
    [PARAM_REQUEST_STATE] = "requestState",
};

static const char *const meta_names[META_COUNT] = {
    [META_PROTOCOL_VERSION] = META_PREFIX "protocolVersion",
    [META_CAPABILITIES] = META_PREFIX "clientCapabilities",
    [META_CLIENT_INFO] = META_PREFIX "clientInfo",
    [META_LOG_LEVEL] = META_PREFIX "logLevel",
    [META_PROGRESS_TOKEN] = "progressToken",
};

const char *message_meta_name(enum message_meta member) { return meta_names[member]; }

/* Of any length: an id is echoed, never computed with. 1.0 and 1e3 are integers too. */
static bool is_integer(struct json_text number)
{
    size_t i = number.p[0] == '-';
    int64_t v;

    while (i < number.len && number.p[i] >= '0' && number.p[i] <= '9')
        i++;
    return i == number.len || json_integer(number, &v);
}

bool mcp_is_id(struct json_text t)
{
    if (t.len > MESSAGE_ID_MAX)
        return false;
    return t.type == JSON_STRING || (t.type == JSON_NUMBER && is_integer(t));
}

void message_client_info(struct json_text info, char name[static 64], char version[static 32])
{
    static const char *const names[] = { "name", "version" };
    struct json_text member[2];

    json_find(info, names, member, 2);
    if (member[0].type == JSON_STRING)
        text_cut(member[0], name, 64);
    if (member[1].type == JSON_STRING)
        text_cut(member[1], version, 32);
}

static void bad(struct message *m, const char *fault)
{
    m->kind = MESSAGE_BAD;
    m->fault = fault;
}

static void classify(struct message *m, const struct json_text member[M_MEMBERS])
{
    bool has_result = member[M_RESULT].type != JSON_NONE;
    bool has_error = member[M_ERROR].type != JSON_NONE;

    if (!text_is(member[M_JSONRPC], "2.0")) {
        bad(m, "jsonrpc must be \"2.0\"");
    } else if (member[M_METHOD].type == JSON_NONE) {
        m->kind = MESSAGE_RESPONSE;
        if (has_result == has_error)
            bad(m, "it is neither a request nor a notification nor a response");
    } else if (m->method.type == JSON_NONE) {
        bad(m, "method must be a string");
    } else if (has_result || has_error) {
        bad(m, "a request has no result and no error");
    } else if (member[M_ID].type == JSON_NONE) {
        m->kind = MESSAGE_NOTIFICATION;
    } else if (m->id.type == JSON_NONE) {
        bad(m, "id must be a string or an integer of at most 256 bytes");
    } else {
        m->kind = MESSAGE_REQUEST;
    }
}

void message_read(struct message *m, const struct json_outline *text)
{
    struct json_text member[M_MEMBERS], root = text->root;

    memset(m, 0, sizeof *m);
    if (root.type == JSON_ARRAY) {
        bad(m, "batches are of revision 2025-03-26: send one message at a time");
        return;
    }
    if (root.type != JSON_OBJECT) {
        bad(m, "a message is a JSON object");
        return;
    }
    json_outline_find(text, root, member_names, member, M_MEMBERS);
    if (mcp_is_id(member[M_ID]))
        m->id = member[M_ID];
    m->result = member[M_RESULT];
    m->error = member[M_ERROR];
    if (member[M_METHOD].type == JSON_STRING)
        m->method = member[M_METHOD];
    classify(m, member);
    /* What is wrong with a message is told in the manner of the era that it claims. */
    if (member[M_PARAMS].type == JSON_OBJECT)
        json_outline_find(text, member[M_PARAMS], param_names, m->params, PARAM_COUNT);
    else if (!text_is_absent(member[M_PARAMS]) && m->kind != MESSAGE_BAD)
        bad(m, "params must be an object");
    if (m->params[PARAM_META].type == JSON_OBJECT)
        json_outline_find(text, m->params[PARAM_META], meta_names, m->meta, META_COUNT);
}
