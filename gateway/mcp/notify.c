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

void mcp_sse(struct buf *out, const char *json, size_t len)
{
    buf_str(out, "event: message\ndata: ");
    buf_append(out, json, len);
    buf_str(out, "\n\n");
}
