/* What is sent about a call before its result: progress and log messages, and their event frame. */
#include <math.h>

#include "base/json_write.h"
#include "mcp/request.h"

/* At once 32 notifications, then 50 a second: a tool in a tight loop must not flood its client. */
#define PROGRESS_BURST 32
#define PROGRESS_PACE_MS 20

bool mcp_progress_due(struct mcp_call *c, double progress, int64_t now_ms)
{
    int64_t pace = c->progress_pace_ms > now_ms ? c->progress_pace_ms : now_ms;

    if (c->progress_token.type == JSON_NONE || !c->may_stream || !isfinite(progress))
        return false;
    if (c->has_progress && !(progress > c->last_progress))
        return false;
    if (pace - now_ms > (PROGRESS_BURST - 1) * PROGRESS_PACE_MS)
        return false;
    c->progress_pace_ms = pace + PROGRESS_PACE_MS;
    c->last_progress = progress;
    c->has_progress = true;
    return true;
}

static void notification_open(struct buf *out, const char *method)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    buf_str(out, method);
    buf_str(out, "\",\"params\":{");
}

void mcp_encode_progress(const struct mcp_call *c, double progress, double total, bool has_total,
                         const char *message, struct buf *out)
{
    notification_open(out, "notifications/progress");
    json_key(out, "progressToken");
    json_raw_text(out, c->progress_token);
    json_key(out, "progress");
    json_double(out, progress);
    if (has_total && isfinite(total)) {
        json_key(out, "total");
        json_double(out, total);
    }
    if (message && c->revision >= MCP_2025_03_26) {
        json_key(out, "message");
        json_str(out, message);
    }
    buf_str(out, "}}");
}

void mcp_encode_log(const struct mcp_call *c, enum mcp_log_level level, const char *logger,
                    const char *data_json, size_t len, struct buf *out)
{
    (void)c; /* all revisions have it alike */
    notification_open(out, "notifications/message");
    json_key(out, "level");
    json_str(out, mcp_log_level_text(level));
    if (logger) {
        json_key(out, "logger");
        json_str(out, logger);
    }
    json_key(out, "data");
    json_raw(out, data_json, len);
    buf_str(out, "}}");
}

static void subscription_write(struct json_text subscription, struct buf *out)
{
    buf_str(out, "\"_meta\":{\"" META_PREFIX "subscriptionId\":");
    json_raw_text(out, subscription);
    buf_putc(out, '}');
}

/* Legacy clients know of no params here, and need none. */
void mcp_encode_list_changed(unsigned list, struct json_text subscription, struct buf *out)
{
    static const char *const names[] = { "tools", "prompts", "resources" };

    buf_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s/list_changed\"",
               names[list]);
    if (subscription.type != JSON_NONE) {
        buf_str(out, ",\"params\":{");
        subscription_write(subscription, out);
        buf_putc(out, '}');
    }
    buf_putc(out, '}');
}

void mcp_encode_updated(const char *uri, size_t len, struct json_text subscription, struct buf *out)
{
    notification_open(out, "notifications/resources/updated");
    json_key(out, "uri");
    json_str_n(out, uri, len);
    if (subscription.type != JSON_NONE) {
        buf_putc(out, ',');
        subscription_write(subscription, out);
    }
    buf_str(out, "}}");
}

void mcp_encode_listen_end(const struct mcp_server *s, struct json_text subscription,
                           struct buf *out)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_raw_text(out, subscription);
    buf_str(out,
            ",\"result\":{\"resultType\":\"complete\",\"_meta\":{\"" META_PREFIX "serverInfo\":");
    reply_server_info(s, MCP_2026_07_28, out);
    buf_str(out, ",\"" META_PREFIX "subscriptionId\":");
    json_raw_text(out, subscription);
    buf_str(out, "}}}");
}

void mcp_encode_cancelled(struct json_text id, const char *reason, struct buf *out)
{
    notification_open(out, "notifications/cancelled");
    json_key(out, "requestId");
    json_raw_text(out, id);
    json_key(out, "reason");
    json_str(out, reason);
    buf_str(out, "}}");
}

void mcp_sse(struct buf *out, const char *json, size_t len)
{
    buf_str(out, "event: message\ndata: ");
    buf_append(out, json, len);
    buf_str(out, "\n\n");
}
