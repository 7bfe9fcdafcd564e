#include "api/capture.h"

#include <inttypes.h>
#include <string.h>

/* More lines that look like objects and are none than this, and the search ends. */
#define CANDIDATES_MAX 1000

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

/* ---- the last JSON object ---- */

static bool is_object(const char *line, size_t len, struct json_text *out)
{
    struct json_limits limits = { .max_values = 200000 };
    return json_scan(line, len, &limits, out, NULL) == 0 && out->type == JSON_OBJECT;
}

struct json_text capture_last_object(const struct buf *text, size_t within)
{
    const char *begin = text->data + (text->len > within ? text->len - within : 0);
    const char *end = text->data + text->len;
    struct json_text object;
    int candidates = 0;

    while (text->len > 0 && end > begin && candidates < CANDIDATES_MAX) {
        const char *newline = memrchr(begin, '\n', (size_t)(end - begin));
        const char *line = newline ? newline + 1 : begin;
        const char *first = line;
        if (!newline && begin > text->data && begin[-1] != '\n')
            break; /* only the end of a line */
        while (first < end && (*first == ' ' || *first == '\t'))
            first++;
        if (first < end && *first == '{') {
            candidates++;
            if (is_object(line, (size_t)(end - line), &object))
                return object;
        }
        end = newline ? newline : begin;
    }
    return (struct json_text){ .type = JSON_NONE };
}
