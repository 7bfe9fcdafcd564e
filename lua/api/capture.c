#include "api/capture.h"

#include <inttypes.h>
#include <string.h>

void capture_init(struct capture *c, size_t max_bytes)
{
    *c = (struct capture){ .max = max_bytes };
    c->head.max = max_bytes / 2;
    c->tail.max = max_bytes - max_bytes / 2;
}

void capture_fini(struct capture *c)
{
    buf_fini(&c->head);
    buf_fini(&c->tail);
}

static void ring_add(struct capture *c, const char *data, size_t len)
{
    size_t cap = c->tail.max;

    if (len > cap) {
        data += len - cap;
        len = cap;
    }
    size_t room = cap - c->tail.len;
    size_t fits = len < room ? len : room;
    if (fits > 0) {
        buf_append(&c->tail, data, fits);
        data += fits;
        len -= fits;
    }
    if (!buf_ok(&c->tail))
        return;
    while (len > 0) {
        size_t n = cap - c->tail_at;
        if (n > len)
            n = len;
        memcpy(c->tail.data + c->tail_at, data, n);
        c->tail_at = (c->tail_at + n) % cap;
        data += n;
        len -= n;
    }
}

void capture_add(struct capture *c, const char *data, size_t len)
{
    c->total += len;
    size_t room = c->head.max - c->head.len;
    size_t n = len < room ? len : room;
    if (n > 0)
        buf_append(&c->head, data, n);
    if (len > n && c->tail.max > 0)
        ring_add(c, data + n, len - n);
}

bool capture_is_cut(const struct capture *c) { return c->total > c->head.len + c->tail.len; }

void capture_text(const struct capture *c, struct buf *out)
{
    buf_append(out, c->head.data, c->head.len);
    if (capture_is_cut(c))
        buf_printf(out, "%s[%" PRIu64 " bytes left out]\n",
                   c->head.len > 0 && c->head.data[c->head.len - 1] != '\n' ? "\n" : "",
                   c->total - c->head.len - c->tail.len);
    if (c->tail.len > 0) {
        buf_append(out, c->tail.data + c->tail_at, c->tail.len - c->tail_at);
        buf_append(out, c->tail.data, c->tail_at);
    }
}

/* Appends what remains of the piece when the first *skip bytes of all pieces are left out. */
static void piece_add(struct buf *out, const char *data, size_t len, size_t *skip)
{
    size_t n = *skip < len ? *skip : len;
    *skip -= n;
    if (len > n)
        buf_append(out, data + n, len - n);
}

void capture_end(const struct capture *c, size_t within, struct buf *out)
{
    bool is_cut = capture_is_cut(c);
    size_t head = is_cut ? 0 : c->head.len; /* is not next to the tail then */
    size_t kept = head + c->tail.len;
    size_t skip = kept > within ? kept - within : 0;
    size_t begin = out->len;
    bool is_partial = is_cut || skip > 0;

    piece_add(out, c->head.data, head, &skip);
    if (c->tail.len > 0) {
        piece_add(out, c->tail.data + c->tail_at, c->tail.len - c->tail_at, &skip);
        piece_add(out, c->tail.data, c->tail_at, &skip);
    }
    if (!is_partial || !buf_ok(out) || out->len == begin)
        return;
    const char *newline = memchr(out->data + begin, '\n', out->len - begin);
    size_t line = newline ? (size_t)(newline + 1 - out->data) : out->len;
    memmove(out->data + begin, out->data + line, out->len - line);
    out->len -= line - begin;
}

/* ---- the last JSON object ---- */

static bool is_object(const char *line, size_t len, struct json_text *out)
{
    struct json_limits limits = { .max_values = 200000 };
    return json_scan(line, len, &limits, out, NULL) == 0 && out->type == JSON_OBJECT;
}

struct json_text capture_last_object(const struct buf *text)
{
    const char *begin = text->data, *end = text->data + text->len;
    struct json_text object;

    while (text->len > 0 && end > begin) {
        const char *newline = memrchr(begin, '\n', (size_t)(end - begin));
        const char *line = newline ? newline + 1 : begin;
        const char *first = line;
        while (first < end && (*first == ' ' || *first == '\t'))
            first++;
        if (first < end && *first == '{' && is_object(line, (size_t)(end - line), &object))
            return object;
        end = newline ? newline : begin;
    }
    return (struct json_text){ .type = JSON_NONE };
}
