/* A task, as its client is told of it. */
#include "base/clock.h"
#include "base/json_write.h"
#include "mcp/request.h"

const char *mcp_task_status_text(enum mcp_task_status s)
{
    static const char *const names[] = { "working", "input_required", "completed", "failed",
                                         "cancelled" };
    return names[s];
}

static void write_time(struct buf *out, const char *key, int64_t wall_ms)
{
    char text[CLOCK_ISO_SIZE];

    clock_iso(text, wall_ms);
    json_key(out, key);
    json_str(out, text);
}

static void write_text(struct buf *out, const char *key, struct json_text t)
{
    if (t.type == JSON_NONE)
        return;
    json_key(out, key);
    json_raw_text(out, t);
}

void mcp_encode_task(const struct mcp_task *t, struct buf *out)
{
    buf_reserve(out, 300 + t->inputs.len + t->result.len + t->error.len);
    buf_str(out, "\"taskId\":\"");
    buf_str(out, t->id);
    buf_str(out, "\",\"status\":\"");
    buf_str(out, mcp_task_status_text(t->status));
    buf_putc(out, '"');
    json_member_str(out, "statusMessage", t->message);
    write_time(out, "createdAt", t->created_ms);
    write_time(out, "lastUpdatedAt", t->updated_ms);
    json_key(out, "ttlMs");
    json_int(out, t->ttl_ms);
    json_key(out, "pollIntervalMs");
    json_int(out, t->poll_ms);
    write_text(out, "inputRequests", t->inputs);
    write_text(out, "result", t->result);
    write_text(out, "error", t->error);
}

void mcp_encode_task_created(const struct mcp_server *s, const struct mcp_call *c,
                             const char *members, size_t len, struct buf *out)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_raw_text(out, c->id);
    buf_str(out, ",\"result\":{\"resultType\":\"task\",");
    buf_append(out, members, len);
    json_key(out, "_meta");
    reply_own_meta(s, out);
    buf_str(out, "}}");
}

void mcp_encode_task_told(const char *members, size_t len, struct json_text subscription,
                          struct buf *out)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{");
    buf_append(out, members, len);
    buf_str(out, ",\"_meta\":{\"" META_PREFIX "subscriptionId\":");
    json_raw_text(out, subscription);
    buf_str(out, "}}}");
}
