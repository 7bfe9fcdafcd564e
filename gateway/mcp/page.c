/* The pages of all lists: where one begins, and what stands at its end. */
#include "base/json_write.h"
#include "mcp/cursor.h"
#include "mcp/request.h"

static void cursor_refuse(struct request *rq, int code)
{
    if (code == MG_E_NOMEM)
        reply_no_memory(rq);
    else
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: unknown cursor");
}

bool page_begin(struct request *rq, const char *list, char *after)
{
    struct json_text cursor = rq->message.params[PARAM_CURSOR];
    int code = text_is_absent(cursor) ? 0 : cursor_read(cursor, list, after);

    if (code < 0)
        cursor_refuse(rq, code);
    return code == 0;
}

struct buf *page_open(struct request *rq, const char *key)
{
    struct buf *b = reply_result_begin(rq);
    json_key(b, key);
    json_open(b, '[');
    return b;
}

void page_end(struct request *rq, const char *list, const char *next, bool is_public)
{
    struct buf *b = &rq->out->body;
    json_close(b, ']');
    if (next) {
        json_key(b, "nextCursor");
        cursor_write(b, list, next);
    }
    if (rq->is_modern)
        reply_cache_hints(b, LIST_TTL_MS, is_public);
    reply_result_end(rq);
}
