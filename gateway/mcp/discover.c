/* server/discover: what a modern client learns instead of a handshake. */
#include "base/json_write.h"
#include "mcp/request.h"

/* What can be asked for is what some file declares, whoever asks. Prompts and resources have no
 * notice of changes. */
void capabilities_write(const struct request *rq, struct buf *b, bool has_notices, bool has_logging)
{
    const struct toolset *tools = rq->in->tools;

    json_key(b, "capabilities");
    buf_str(b, "{\"tools\":{\"listChanged\":");
    buf_str(b, has_notices ? "true}" : "false}");
    if (toolset_offers(tools, TOOL_PROMPT))
        buf_str(b, ",\"prompts\":{\"listChanged\":false}");
    if (toolset_offers(tools, TOOL_RESOURCE) || toolset_offers(tools, TOOL_TEMPLATE))
        buf_str(b, ",\"resources\":{\"listChanged\":false,\"subscribe\":false}");
    if (toolset_offers(tools, TOOL_COMPLETER) && rq->out->revision >= MCP_2025_03_26)
        buf_str(b, ",\"completions\":{}");
    if (has_logging)
        buf_str(b, ",\"logging\":{}");
    buf_putc(b, '}');
}

/* Only what works with per-request metadata is named: a modern client picks from here. */
void discover_serve(struct request *rq)
{
    const struct mcp_server *s = rq->server;
    struct buf *b = reply_result_begin(rq);

    json_key(b, "supportedVersions");
    json_open(b, '[');
    json_str(b, mcp_revision_text(MCP_2026_07_28));
    json_close(b, ']');
    capabilities_write(rq, b, false, true);
    if (s->instructions) {
        json_key(b, "instructions");
        json_str(b, s->instructions);
    }
    /* A reload may bring the first prompt: no longer than a list. */
    reply_cache_hints(b, LIST_TTL_MS, true);
    reply_result_end(rq);
}
