/* Legacy or modern? The body decides, the MCP-Protocol-Version header is checked against it.
 * A message claims to be modern by the protocol version in its _meta: a progress token there, or
 * any other member, is no claim. */
#include "mcp/request.h"
#include "mcp/revision.h"

static bool has_claim(const struct message *m)
{
    return m->meta[META_PROTOCOL_VERSION].type != JSON_NONE;
}

/* A cut beginning compares as the whole does: it is longer than a date. */
static bool claim_names_modern(const struct message *m)
{
    char text[16];

    if (m->meta[META_PROTOCOL_VERSION].type != JSON_STRING)
        return false;
    text_cut(m->meta[META_PROTOCOL_VERSION], text, sizeof text);
    return revision_names_modern(span_trim(text));
}

bool era_decide(struct request *rq)
{
    const struct message *m = &rq->message;
    bool header_is_modern = revision_names_modern(rq->version);

    rq->is_modern = has_claim(m) || header_is_modern;
    /* initialize is the legacy handshake by definition, but for a whole envelope that names a
     * modern revision: that one gets the answer of all methods which its revision has not. */
    if (m->kind == MESSAGE_REQUEST && text_is(m->method, "initialize") &&
        !(envelope_is_whole(m) && claim_names_modern(m))) {
        if (header_is_modern) {
            reply_error(rq, 400, MCP_HEADER_MISMATCH,
                        "Header mismatch: initialize opens a legacy session, but "
                        "MCP-Protocol-Version names a revision without it");
            return false;
        }
        rq->is_modern = false;
    }
    if (rq->is_modern)
        rq->out->revision = MCP_2026_07_28;
    return true;
}
