/* The tasks extension: a tools/call that goes on behind its answer, and the methods by which its
 * client asks for it. Capabilities are those of each request alone. */
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"

static bool declares(struct json_text capabilities)
{
    struct json_text extensions = json_get(capabilities, "extensions");

    return json_get(extensions, TASKS_EXTENSION).type == JSON_OBJECT;
}

bool tasks_are_known(const struct request *rq)
{
    return rq->is_modern && declares(rq->message.meta[META_CAPABILITIES]);
}

bool mcp_call_may_be_task(const struct mcp_call *c)
{
    return mcp_is_modern(c->revision) && c->tool->kind == TOOL_TOOL && declares(c->capabilities);
}

/* Legacy clients have no such extension: for them the tool is as good as not there. */
bool tasks_must_be_known(struct request *rq)
{
    if (tasks_are_known(rq))
        return true;
    if (!rq->is_modern) {
        reply_error(rq, 200, MCP_METHOD_NOT_FOUND,
                    "Method not found: this tool runs as a task, which needs revision %s and the "
                    "extension " TASKS_EXTENSION,
                    mcp_revision_text(MCP_2026_07_28));
        return false;
    }
    struct buf *b = reply_error_begin(rq, 400, MCP_MISSING_CAPABILITY,
                                      "Missing required client capability: " TASKS_EXTENSION);
    buf_str(b,
            ",\"data\":{\"requiredCapabilities\":{\"extensions\":{\"" TASKS_EXTENSION "\":{}}}}");
    reply_error_end(rq);
    return false;
}

/* ---- the methods ---- */

static bool id_read(struct request *rq, struct buf *id)
{
    struct json_text text = rq->message.params[PARAM_TASK_ID];

    if (!tasks_must_be_known(rq))
        return false;
    if (text.type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: taskId must be a string");
        return false;
    }
    json_string_decode(text, id);
    if (buf_ok(id))
        return true;
    reply_no_memory(rq);
    return false;
}

static const char *id_text(const struct buf *id) { return id->len ? id->data : ""; }

/* What is not there and what is not his: nobody can tell the two apart. */
static void refuse(struct request *rq, int code)
{
    if (code == MG_E_NOTFOUND)
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown task");
    else if (code == MG_E_LIMIT)
        reply_error(rq, 200, MCP_INVALID_PARAMS,
                    "Invalid params: the answers are too large, or too many wait for the task");
    else
        reply_no_memory(rq);
}

static void acknowledge(struct request *rq, int code)
{
    if (code < 0) {
        refuse(rq, code);
        return;
    }
    reply_result_begin(rq);
    reply_result_end(rq);
}

bool task_is_there(const struct request *rq, const char *id, size_t len)
{
    const struct mcp_host *host = rq->server->host;
    struct buf members = { 0 };
    int code = host->task_get(host->arg, rq->in->principal, id, len, &members);

    buf_fini(&members);
    return code == 0;
}

void task_get_serve(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;
    struct buf id = { 0 }, members = { 0 };

    if (id_read(rq, &id)) {
        int code = host->task_get(host->arg, rq->in->principal, id_text(&id), id.len, &members);
        if (code < 0) {
            refuse(rq, code);
        } else {
            struct buf *b = reply_result_begin(rq);
            buf_putc(b, ',');
            buf_append(b, members.data, members.len);
            b->failed |= !buf_ok(&members);
            reply_result_end(rq);
        }
    }
    buf_fini(&members);
    buf_fini(&id);
}

void task_update_serve(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;
    struct json_text responses = rq->message.params[PARAM_INPUT_RESPONSES];
    struct buf id = { 0 };

    if (id_read(rq, &id)) {
        if (responses.type != JSON_OBJECT)
            reply_error(rq, 200, MCP_INVALID_PARAMS,
                        "Invalid params: inputResponses must be an object");
        else
            acknowledge(rq, host->task_update(host->arg, rq->in->principal, id_text(&id), id.len,
                                              responses));
    }
    buf_fini(&id);
}

void task_cancel_serve(struct request *rq)
{
    const struct mcp_host *host = rq->server->host;
    struct buf id = { 0 };

    if (id_read(rq, &id))
        acknowledge(rq, host->task_cancel(host->arg, rq->in->principal, id_text(&id), id.len));
    buf_fini(&id);
}
