/* server/discover: what a modern client learns instead of a handshake. */
#include "base/json_write.h"
#include "mcp/request.h"

/* The same for everybody and until the next restart. */
#define DISCOVER_TTL_MS 3600000

/* Only what works with per-request metadata is named: a modern client picks from here. */
void discover_serve(struct request *rq)
{
    const struct mcp_server *s = rq->server;
    struct buf *b = reply_result_begin(rq);

    json_key(b, "supportedVersions");
    json_open(b, '[');
    json_str(b, mcp_revision_text(MCP_2026_07_28));
    json_close(b, ']');
    json_key(b, "capabilities");
    buf_str(b, "{\"tools\":{\"listChanged\":false},\"logging\":{}}");
    if (s->instructions) {
        json_key(b, "instructions");
        json_str(b, s->instructions);
    }
    json_key(b, "ttlMs");
    json_int(b, DISCOVER_TTL_MS);
    json_key(b, "cacheScope");
    json_str(b, "public");
    reply_result_end(rq);
}
