#include <string.h>

#include "base/hash.h"
#include "base/json_write.h"
#include "base/utf8.h"
#include "tools/uritemplate_struct.h"

#define ROW_BYTES (URITEMPLATE_URI_MAX / 8 + 1)
#define NO_END UINT16_MAX
#define NO_VALUE SIZE_MAX

/* Bit p of row i: the nodes from i on match the URI from byte p on. Filled from the end, so that
 * nothing is ever tried twice. */
struct match {
    const struct uritemplate *t;
    const char *uri;
    size_t len;
    uint8_t rows[NODES_MAX + 1][ROW_BYTES];
    /* Of the value that is looked at: how many characters from here on it may end at the
     * earliest, or NO_END. */
    uint16_t ends[URITEMPLATE_URI_MAX + 1];
};

static bool bit(const uint8_t *row, size_t p) { return row[p / 8] >> (p % 8) & 1; }

static void bit_set(uint8_t *row, size_t p) { row[p / 8] = (uint8_t)(row[p / 8] | 1u << p % 8); }

/* The byte that stands at p, and how long it is written: 1, or 3 for "%41"; 0: there is none. */
static size_t byte_at(const struct match *m, size_t p, char *c)
{
    if (p >= m->len)
        return 0;
    const char *s = m->uri + p;
    *c = *s;
    if (*s != '%')
        return 1;
    if (m->len - p < 3 || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
        return 0;
    *c = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
    return 3;
}

/* How much of a value stands at p, as one: a character, which two values never share; 0: nothing.
 */
static size_t value_step(const struct match *m, const struct node *n, size_t p)
{
    char c[4];
    size_t step = byte_at(m, p, &c[0]), len = step, count = 1;
    if (step == 1 && (c[0] == 0x7f || (unsigned char)c[0] <= ' ' ||
                      (n->without && c[0] == n->without && !n->is_soft) ||
                      (!n->takes_reserved && strchr(":/?#[]@!$&'()*+,;=", c[0]))))
        return 0;
    for (; len > 0 && count < sizeof c && utf8_sequence(c, count) == 0; count++) {
        size_t more = byte_at(m, p + len, &c[count]);
        if (more == 0)
            break;
        len += more;
    }
    return len > 0 && utf8_sequence(c, count) > 0 ? len : step;
}

static bool joint_fits(const struct match *m, const uint8_t *next, size_t p)
{
    if (p > 0 && m->uri[p - 1] == '?')
        return bit(next, p);
    return p < m->len && m->uri[p] == '&' && bit(next, p + 1);
}

static bool text_fits(const struct match *m, const struct node *n, const uint8_t *next, size_t p)
{
    return n->len <= m->len - p && memcmp(m->t->pool + n->at, m->uri + p, n->len) == 0 &&
           bit(next, p + n->len);
}

/* Another value of the list of node i stands behind what is between them, at p. */
static bool list_goes_on(const struct match *m, size_t i, size_t p)
{
    const struct node *n = &m->t->nodes[i];
    return n->is_list && text_fits(m, n, m->rows[i], p);
}

/* May a value of node i end at p? */
static bool value_stops(const struct match *m, size_t i, size_t p)
{
    return bit(m->rows[i + 1], p) || list_goes_on(m, i, p);
}

static bool value_fits(struct match *m, size_t i, size_t p)
{
    const struct node *n = &m->t->nodes[i];
    bool stops = value_stops(m, i, p);
    size_t step = value_step(m, n, p);
    uint16_t later = step > 0 ? m->ends[p + step] : NO_END;
    if (later != NO_END)
        later++;
    m->ends[p] = stops ? 0 : later;
    if (n->has_equals)
        return stops || (p < m->len && m->uri[p] == '=' && m->ends[p + 1] <= n->max);
    return later <= n->max || (!n->needs_one && stops);
}

static void match_fill(struct match *m)
{
    size_t count = m->t->node_count;
    memset(m->rows, 0, (count + 1) * sizeof m->rows[0]);
    bit_set(m->rows[count], m->len);
    for (size_t i = count; i-- > 0;) {
        const struct node *n = &m->t->nodes[i];
        const uint8_t *next = m->rows[i + 1];
        for (size_t p = m->len + 1; p-- > 0;) {
            bool fits = false;
            switch (n->kind) {
            case NODE_TEXT: fits = text_fits(m, n, next, p); break;
            case NODE_VALUE: fits = value_fits(m, i, p); break;
            case NODE_OPTION: fits = bit(next, p) || bit(m->rows[n->target], p); break;
            case NODE_JOINT: fits = joint_fits(m, next, p); break;
            }
            if (fits)
                bit_set(m->rows[i], p);
        }
    }
}

/* The end of the longest value from p on behind which the rest matches; NO_VALUE: there is none. */
static size_t value_end(const struct match *m, size_t i, size_t p)
{
    const struct node *n = &m->t->nodes[i];
    size_t end = NO_VALUE;
    unsigned left = n->max;
    for (size_t q = p, step = 1; step > 0; q += step) {
        if (value_stops(m, i, q) && (q > p || !n->needs_one)) {
            end = q;
        }
        if (end != NO_VALUE && n->without && q < m->len && m->uri[q] == n->without)
            break;
        step = left-- > 0 ? value_step(m, n, q) : 0;
    }
    return end;
}

/* Decoded; false: it is no text. */
static bool text_write(const char *s, size_t len, struct buf *decoded, struct buf *out)
{
    buf_clear(decoded);
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%') {
            buf_putc(decoded, (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2])));
            i += 2;
        } else {
            buf_putc(decoded, s[i]);
        }
    }
    const char *text = decoded->len ? decoded->data : "";
    if (memchr(text, '\0', decoded->len) || utf8_valid(text, decoded->len) != decoded->len)
        return false;
    json_str_n(out, text, decoded->len);
    return true;
}

/* What stands from *p on is the value of node i, or its list of them. */
static bool value_write(const struct match *m, size_t i, size_t *p, struct buf *decoded,
                        struct buf *out)
{
    const struct node *n = &m->t->nodes[i];
    bool goes_on = true, is_text = true;
    json_key(out, m->t->names[n->variable]);
    if (n->is_list)
        json_open(out, '[');
    while (goes_on && is_text) {
        size_t from = *p + (n->has_equals && *p < m->len && m->uri[*p] == '=');
        size_t end = n->has_equals && from == *p ? *p : value_end(m, i, from);
        if (end == NO_VALUE)
            end = from = *p; /* "=" is what follows the list */
        is_text = text_write(m->uri + from, end - from, decoded, out);
        goes_on = list_goes_on(m, i, end);
        *p = end + (goes_on ? n->len : 0);
    }
    if (n->is_list)
        json_close(out, ']');
    return is_text;
}

static bool values_write(const struct match *m, struct buf *out)
{
    struct buf decoded = { 0 };
    bool is_text = true;
    size_t i = 0, p = 0;
    json_open(out, '{');
    while (i < m->t->node_count && is_text) {
        const struct node *n = &m->t->nodes[i];
        size_t next = i + 1;
        if (n->kind == NODE_TEXT) {
            p += n->len;
        } else if (n->kind == NODE_JOINT) {
            p += m->uri[p - 1] != '?';
        } else if (n->kind == NODE_OPTION) {
            bool is_there = bit(m->rows[next], p);
            if (!is_there && n->leaves_empty) {
                json_key(out, m->t->names[n->variable]);
                json_str(out, "");
            }
            next = is_there ? next : n->target;
        } else {
            is_text = value_write(m, i, &p, &decoded, out);
        }
        i = next;
    }
    json_close(out, '}');
    out->failed |= decoded.failed;
    buf_fini(&decoded);
    return is_text;
}

/* Most URIs are another template's, and their first bytes tell. */
static bool begins(const struct uritemplate *t, const char *uri, size_t len)
{
    const struct node *first = &t->nodes[0];
    return t->node_count == 0 || first->kind != NODE_TEXT ||
           (first->len <= len && memcmp(t->pool + first->at, uri, first->len) == 0);
}

int uritemplate_match(const struct uritemplate *t, const char *uri, size_t len, struct buf *values)
{
    struct match m;
    size_t before = values->len;
    if (len > URITEMPLATE_URI_MAX || !begins(t, uri, len))
        return 0;
    m.t = t;
    m.uri = uri;
    m.len = len;
    match_fill(&m);
    if (!bit(m.rows[0], 0))
        return 0;
    bool is_text = values_write(&m, values);
    if (!buf_ok(values))
        return MG_E_NOMEM;
    if (!is_text)
        values->len = before;
    return is_text;
}
