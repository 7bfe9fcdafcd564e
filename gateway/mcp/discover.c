/* server/discover: what a modern client learns instead of a handshake. */
#include "base/json_write.h"
#include "mcp/request.h"

static void list_write(struct buf *b, const char *name, bool is_told)
{
    json_key(b, name);
    buf_str(b, is_told ? "{\"listChanged\":true" : "{\"listChanged\":false");
}

static void extensions_write(const struct toolset *tools, struct buf *b)
{
    buf_str(b, ",\"extensions\":{\"" TASKS_EXTENSION "\":{}");
    if (toolset_offers(tools, TOOL_SKILL))
        buf_str(b, ",\"" META_PREFIX "skills\":{\"directoryRead\":true}");
    buf_putc(b, '}');
}

/* What can be asked for is what some file declares, whoever asks. is_told: of changes. */
void capabilities_write(const struct request *rq, struct buf *b, bool is_told, bool has_logging)
{
    const struct toolset *tools = rq->in->tools;

    json_key(b, "capabilities");
    json_open(b, '{');
    list_write(b, "tools", is_told);
    buf_putc(b, '}');
    if (toolset_offers(tools, TOOL_PROMPT)) {
        list_write(b, "prompts", is_told);
        buf_putc(b, '}');
    }
    if (resources_are_in(tools)) {
        list_write(b, "resources", is_told);
        buf_str(b, is_told ? ",\"subscribe\":true}" : ",\"subscribe\":false}");
    }
    if (toolset_offers(tools, TOOL_COMPLETER) && rq->out->revision >= MCP_2025_03_26)
        buf_str(b, ",\"completions\":{}");
    if (has_logging)
        buf_str(b, ",\"logging\":{}");
    if (rq->is_modern)
        extensions_write(tools, b);
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
    capabilities_write(rq, b, rq->in->is_http || rq->in->session, true);
    if (s->instructions) {
        json_key(b, "instructions");
        json_str(b, s->instructions);
    }
    /* A reload may bring the first prompt: no longer than a list. */
    reply_cache_hints(b, LIST_TTL_MS, true);
    reply_result_end(rq);
}
