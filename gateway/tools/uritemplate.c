#include "tools/uritemplate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/utf8.h"

#define NODES_MAX 96 /* six of each variable's */
#define ROW_BYTES (URITEMPLATE_URI_MAX / 8 + 1)
#define POOL_BYTES (2 * URITEMPLATE_TEXT_MAX + 4 * URITEMPLATE_VARS_MAX)
#define VALUE_MAX 9999 /* characters, of {x:9999} and of what says no number: no URI has more */
#define NO_END UINT16_MAX

enum node_kind {
    NODE_TEXT,   /* these bytes */
    NODE_VALUE,  /* a variable's */
    NODE_OPTION, /* what follows up to the target, or nothing */
    NODE_JOINT,  /* "&", but nothing right behind "?" */
};

struct node {
    enum node_kind kind;
    uint16_t at, len;    /* of a text, in the pool */
    uint8_t variable;    /* of a value, and of an option that leaves one empty */
    uint8_t target;      /* of an option */
    bool leaves_empty;   /* an option that is not there: its variable is, with nothing */
    char without;        /* of a value: it ends before this; 0: before nothing else */
    bool takes_reserved; /* a value of {+x} or {#x} */
    bool needs_one;      /* a value that is not empty */
    uint16_t max;        /* characters of a value */
    bool is_soft;        /* it ends before `without` only where what follows matches then: what a
                            value of so many characters cannot take another must be able to */
};

struct uritemplate {
    struct node nodes[NODES_MAX];
    size_t node_count;
    char names[URITEMPLATE_VARS_MAX][URITEMPLATE_NAME_MAX + 1];
    uint16_t max[URITEMPLATE_VARS_MAX]; /* characters of each one's value */
    size_t variable_count;
    char pool[POOL_BYTES];
    size_t pool_len;
};

/* ---- making ---- */

struct making {
    struct uritemplate *t;
    const char *text;
    struct err *e;
    bool is_cut; /* a variable of this expression has so many characters at most */
};

static struct node *node_add(struct making *m, enum node_kind kind)
{
    struct uritemplate *t = m->t;
    if (t->node_count == NODES_MAX) {
        err_set(m->e, MG_E_LIMIT, "it has too many parts");
        return NULL;
    }
    struct node *n = &t->nodes[t->node_count++];
    *n = (struct node){ .kind = kind };
    return n;
}

/* The pool has room for the whole template and, once more, every name with what stands at it. */
static bool text_add(struct making *m, const char *before, const char *s, size_t len,
                     const char *after)
{
    struct uritemplate *t = m->t;
    struct node *n = node_add(m, NODE_TEXT);
    if (!n)
        return false;
    n->at = (uint16_t)t->pool_len;
    n->len = (uint16_t)(strlen(before) + len + strlen(after));
    char *at = t->pool + t->pool_len;
    memcpy(at, before, strlen(before));
    memcpy(at + strlen(before), s, len);
    memcpy(at + strlen(before) + len, after, strlen(after));
    t->pool_len += n->len;
    return true;
}

static bool value_add(struct making *m, size_t variable, bool takes_reserved, char without,
                      bool needs_one)
{
    struct node *n = node_add(m, NODE_VALUE);
    if (!n)
        return false;
    n->variable = (uint8_t)variable;
    n->takes_reserved = takes_reserved;
    n->without = without;
    n->needs_one = needs_one;
    n->max = m->t->max[variable];
    n->is_soft = m->is_cut;
    return true;
}

/* Options from node `first` on that lead nowhere yet lead behind the last node. */
static void options_close(struct uritemplate *t, size_t first)
{
    for (size_t i = first; i < t->node_count; i++)
        if (t->nodes[i].kind == NODE_OPTION && t->nodes[i].target == 0)
            t->nodes[i].target = (uint8_t)t->node_count;
}

/* "=" before a value; without it the value is empty. */
static bool equals_add(struct making *m, size_t variable)
{
    struct node *n = node_add(m, NODE_OPTION);
    if (!n)
        return false;
    n->leaves_empty = true;
    n->variable = (uint8_t)variable;
    return text_add(m, "=", "", 0, "");
}

/* ";x=1", "x=1" behind "?" or "&", "&x=1": each variable may be missing. */
static bool named_add(struct making *m, char op, size_t variable)
{
    const char *name = m->t->names[variable];
    size_t first = m->t->node_count, len = strlen(name);
    bool is_made = node_add(m, NODE_OPTION) != NULL;
    if (op == ';')
        is_made = is_made && text_add(m, ";", name, len, "") && equals_add(m, variable);
    else if (op == '?')
        is_made = is_made && node_add(m, NODE_JOINT) && text_add(m, "", name, len, "=");
    else
        is_made = is_made && text_add(m, "&", name, len, "=");
    if (!is_made || !value_add(m, variable, false, 0, false))
        return false;
    options_close(m->t, first);
    return true;
}

/* One variable of an expression; those behind the first may be missing, and with "." "/" "#" the
 * first too. is_last: of its expression. */
static bool variable_add(struct making *m, char op, size_t variable, bool is_first, bool is_last)
{
    static const char comma[] = ",";
    char mark[2] = { op, '\0' };
    bool is_label = op == '.' || op == '/', is_open = op == '+' || op == '#';
    const char *before = is_label || (op == '#' && is_first) ? mark : is_first ? "" : comma;
    if (op == ';' || op == '?' || op == '&')
        return named_add(m, op, variable);
    if (*before && (!node_add(m, NODE_OPTION) || !text_add(m, before, "", 0, "")))
        return false;
    char without = is_last ? '\0' : is_label ? op : ',';
    return value_add(m, variable, is_open, without, !is_open);
}

static bool fault(struct making *m, const char *at, const char *why)
{
    err_set(m->e, MG_E_INVALID, "byte %zu: %s", (size_t)(at - m->text) + 1, why);
    return false;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

/* The number of {x:3}, or VALUE_MAX; 0: it is none, which is told. *len becomes the name's. */
static uint16_t prefix_read(struct making *m, const char *s, size_t *len)
{
    const char *colon = memchr(s, ':', *len);
    uint16_t max = 0;
    if (!colon)
        return VALUE_MAX;
    size_t digits = (size_t)(s + *len - colon) - 1;
    bool is_number = digits > 0 && digits <= 4 && colon[1] != '0';
    for (size_t i = 1; i <= digits && is_number; i++) {
        is_number = colon[i] >= '0' && colon[i] <= '9';
        max = (uint16_t)(10 * max + (colon[i] - '0'));
    }
    if (!is_number)
        (void)fault(m, colon, "a number from 1 to 9999 follows a :");
    *len = (size_t)(colon - s);
    return is_number ? max : 0;
}

static bool name_add(struct making *m, const char *s, size_t len)
{
    struct uritemplate *t = m->t;
    uint16_t max = prefix_read(m, s, &len);
    if (max == 0)
        return false;
    if (len == 0 || len > URITEMPLATE_NAME_MAX)
        return fault(m, s, "a variable's name has 1 to 64 letters, digits, _ and .");
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '*')
            return fault(m, s + i, "{x*} is not supported");
        if (!is_name_byte(s[i]))
            return fault(m, s + i, "a variable's name has letters, digits, _ and .");
    }
    if (t->variable_count == URITEMPLATE_VARS_MAX)
        return fault(m, s, "there are more than 16 variables");
    char *name = t->names[t->variable_count];
    memcpy(name, s, len);
    name[len] = '\0';
    if (uritemplate_has(t, name))
        return fault(m, s, "a variable stands here for the second time");
    t->max[t->variable_count] = max;
    t->variable_count++;
    return true;
}

/* What stands between the braces. */
static bool expression_add(struct making *m, const char *s, size_t len)
{
    struct uritemplate *t = m->t;
    size_t first = t->node_count;
    const char *end = s + len;
    char op = len > 0 && strchr("+#./;?&", *s) ? *s : '\0';
    if (len > 0 && strchr("=,!@|", *s))
        return fault(m, s, "this operator has no meaning");
    s += op != '\0';
    m->is_cut = memchr(s, ':', (size_t)(end - s)) != NULL;
    if (op == '?' && (!node_add(m, NODE_OPTION) || !text_add(m, "?", "", 0, "")))
        return false;
    for (bool is_first = true, is_last = false; !is_last; is_first = false) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        is_last = !comma;
        if (!name_add(m, s, (size_t)((comma ? comma : end) - s)) ||
            !variable_add(m, op, t->variable_count - 1, is_first, is_last))
            return false;
        s = comma ? comma + 1 : end;
    }
    options_close(t, first);
    return true;
}

static bool literal_add(struct making *m, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] > '~' || strchr("\"'<>\\^`|}", s[i]))
            return fault(m, s + i, "a character that no URI holds");
    return len == 0 || text_add(m, "", s, len, "");
}

static bool template_read(struct making *m)
{
    const char *s = m->text;
    while (*s) {
        size_t len = strcspn(s, "{");
        if (!literal_add(m, s, len))
            return false;
        s += len;
        if (*s == '\0')
            break;
        len = strcspn(s, "}");
        if (s[len] == '\0')
            return fault(m, s, "a { without its }");
        if (!expression_add(m, s + 1, len - 1))
            return false;
        s += len + 1;
    }
    return true;
}

struct uritemplate *uritemplate_new(const char *text, struct err *e)
{
    if (strlen(text) > URITEMPLATE_TEXT_MAX) {
        err_set(e, MG_E_LIMIT, "it has more than %d bytes", URITEMPLATE_TEXT_MAX);
        return NULL;
    }
    struct making m = { .t = calloc(1, sizeof *m.t), .text = text, .e = e };
    if (!m.t) {
        err_set(e, MG_E_NOMEM, "not enough memory");
        return NULL;
    }
    if (template_read(&m))
        return m.t;
    free(m.t);
    return NULL;
}

void uritemplate_free(struct uritemplate *t) { free(t); }

bool uritemplate_has(const struct uritemplate *t, const char *variable)
{
    for (size_t i = 0; i < t->variable_count; i++)
        if (strcmp(t->names[i], variable) == 0)
            return true;
    return false;
}

/* ---- matching ---- */

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

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

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

static bool value_fits(struct match *m, const struct node *n, const uint8_t *next, size_t p)
{
    size_t step = value_step(m, n, p);
    uint16_t later = step > 0 ? m->ends[p + step] : NO_END;
    if (later != NO_END)
        later++;
    m->ends[p] = bit(next, p) ? 0 : later;
    return later <= n->max || (!n->needs_one && bit(next, p));
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
            case NODE_VALUE: fits = value_fits(m, n, next, p); break;
            case NODE_OPTION: fits = bit(next, p) || bit(m->rows[n->target], p); break;
            case NODE_JOINT: fits = joint_fits(m, next, p); break;
            }
            if (fits)
                bit_set(m->rows[i], p);
        }
    }
}

/* The longest value from p on behind which the rest matches. */
static size_t value_end(const struct match *m, size_t i, size_t p)
{
    const struct node *n = &m->t->nodes[i];
    size_t end = p;
    unsigned left = n->max;
    bool has_end = false;
    for (size_t q = p, step = 1; step > 0; q += step) {
        if (bit(m->rows[i + 1], q) && (q > p || !n->needs_one)) {
            end = q;
            has_end = true;
        }
        if (has_end && n->without && q < m->len && m->uri[q] == n->without)
            break;
        step = left-- > 0 ? value_step(m, n, q) : 0;
    }
    return end;
}

/* Decoded; false: it is no text. */
static bool value_write(const char *s, size_t len, const char *name, struct buf *decoded,
                        struct buf *out)
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
    json_key(out, name);
    json_str_n(out, text, decoded->len);
    return true;
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
            if (!is_there && n->leaves_empty)
                is_text = value_write("", 0, m->t->names[n->variable], &decoded, out);
            next = is_there ? next : n->target;
        } else {
            size_t end = value_end(m, i, p);
            is_text = value_write(m->uri + p, end - p, m->t->names[n->variable], &decoded, out);
            p = end;
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
