/* A task, as its client is told of it. */
#include <string.h>

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

static bool is_answered(struct json_text key, const char *answers, size_t n)
{
    struct json_text name, value;

    for (size_t at = 0; at < n; at += strlen(answers + at) + 1) {
        struct json_iter it =
            json_iter((struct json_text){ answers + at, strlen(answers + at), JSON_OBJECT });
        while (json_next_member(&it, &name, &value))
            if (name.len == key.len && memcmp(name.p, key.p, key.len) == 0)
                return true;
    }
    return false;
}

/* The requests that are left; false: none is. */
static bool requests_left(struct json_text requests, const char *answers, size_t n, struct buf *out)
{
    struct json_iter it = json_iter(requests);
    struct json_text key, value;
    bool is_some = false;

    json_open(out, '{');
    while (json_next_member(&it, &key, &value)) {
        if (is_answered(key, answers, n))
            continue;
        json_member_text(out, key, value);
        is_some = true;
    }
    json_close(out, '}');
    return is_some;
}

void mcp_encode_task_answered(const char *members, size_t len, const char *answers, size_t n,
                              struct buf *out)
{
    static const char *const names[] = { "inputRequests" };
    struct buf object = { 0 }, left = { 0 };
    struct json_text requests = { NULL, 0, JSON_NONE }, key, value;

    buf_putc(&object, '{');
    buf_append(&object, members, len);
    buf_putc(&object, '}');
    struct json_text root = { object.data, object.len, JSON_OBJECT };
    if (buf_ok(&object))
        json_find(root, names, &requests, 1);
    if (requests.type != JSON_OBJECT) {
        buf_append(out, members, len);
    } else {
        bool is_some = requests_left(requests, answers, n, &left);
        struct json_iter it = json_iter(root);
        while (json_next_member(&it, &key, &value)) {
            bool is_requests = text_is(key, "inputRequests");
            if (is_requests && !is_some)
                continue;
            json_raw_text(out, key);
            buf_putc(out, ':');
            if (is_requests)
                buf_append(out, left.data, left.len);
            else if (!is_some && text_is(key, "status"))
                buf_str(out, "\"working\"");
            else
                json_raw_text(out, value);
        }
    }
    out->failed |= !buf_ok(&object) || !buf_ok(&left);
    buf_fini(&object);
    buf_fini(&left);
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
