#include "http/reply.h"

#include <stdlib.h>
#include <string.h>

/* libmicrohttpd's buffer for each stream. Chunks are made in the connection's memory; this one
 * serves HTTP/1.0. */
#define BLOCK 64
#define BLOCK_OLD 1024

static bool add_fields(struct MHD_Response *m, const struct http_reply *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (MHD_add_response_header(m, r->fields[i].name, r->fields[i].value) != MHD_YES)
            return false;
    return true;
}

static struct MHD_Response *finish(struct MHD_Response *m, const struct http_reply *r)
{
    if (!m)
        return NULL;
    bool is_whole = add_fields(m, r);
    if (r->content_type)
        is_whole &= MHD_add_response_header(m, "Content-Type", r->content_type) == MHD_YES;
    if (r->close)
        is_whole &= MHD_add_response_header(m, "Connection", "close") == MHD_YES;
    if (is_whole)
        return m;
    MHD_destroy_response(m);
    return NULL;
}

static struct MHD_Response *from_static(const char *text, size_t len)
{
    return MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
}

struct MHD_Response *reply_make(struct http_reply *r)
{
    if (r->static_body)
        return finish(from_static(r->static_body, r->static_len), r);
    if (!buf_ok(&r->body))
        return NULL;
    if (r->body.len == 0)
        return finish(from_static("", 0), r);
    /* On failure the fields are tried before the body is given away, so that it never goes twice.
     */
    struct MHD_Response *m =
        MHD_create_response_from_buffer_with_free_callback(r->body.len, r->body.data, free);
    if (m)
        r->body = (struct buf){ 0 };
    return finish(m, r);
}

struct MHD_Response *reply_text(const char *text)
{
    struct http_reply r = { .content_type = "text/plain; charset=utf-8" };
    buf_str(&r.body, text);
    buf_putc(&r.body, '\n');
    struct MHD_Response *m = reply_make(&r);
    buf_fini(&r.body);
    return m;
}

struct MHD_Response *reply_stream(struct conn *c, const struct http_reply *r)
{
    static const struct http_field own[] = { { "Cache-Control", "no-cache" },
                                             { "X-Accel-Buffering", "no" } };
    struct http_reply head = { .content_type = "text/event-stream",
                               .fields = own,
                               .field_count = 2 };
    struct MHD_Response *m =
        finish(MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, c->x.is_old ? BLOCK_OLD : BLOCK,
                                                 stream_read, c, NULL),
               &head);
    if (m && !add_fields(m, r)) {
        MHD_destroy_response(m);
        m = NULL;
    }
    return m;
}
