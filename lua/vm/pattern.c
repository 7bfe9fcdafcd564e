#include "vm/pattern.h"

#include <lauxlib.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A step that tests one byte in a tight loop costs a quarter of one that takes a decision. */
#define CHEAP_STEPS 4

enum op {
    OP_BYTE, /* a */
    OP_ANY,
    OP_SET,
    OP_OPEN,
    OP_OPEN_POSITION,
    OP_CLOSE,
    OP_END_OF_SUBJECT,
    OP_BALANCE, /* %bab */
    OP_FRONTIER,
    OP_BACK,  /* %a */
    OP_WRONG, /* raises complaint a: the pattern cannot be read from here on */
    OP_ACCEPT,
};

static const char *const complaints[] = {
    "malformed pattern (ends with '%')",
    "malformed pattern (missing ']')",
    "malformed pattern (missing arguments to '%b')",
    "missing '[' after '%f' in pattern",
};
enum { WRONG_ESCAPE, WRONG_SET, WRONG_BALANCE, WRONG_FRONTIER };

/* ---- sets of bytes ---- */

static const struct byteset digits = { { 0x03FF000000000000, 0, 0, 0 } };
static const struct byteset letters = { { 0, 0x07FFFFFE07FFFFFE, 0, 0 } };
static const struct byteset lowers = { { 0, 0x07FFFFFE00000000, 0, 0 } };
static const struct byteset uppers = { { 0, 0x0000000007FFFFFE, 0, 0 } };
static const struct byteset alnums = { { 0x03FF000000000000, 0x07FFFFFE07FFFFFE, 0, 0 } };
static const struct byteset controls = { { 0x00000000FFFFFFFF, 0x8000000000000000, 0, 0 } };
static const struct byteset visibles = { { 0xFFFFFFFE00000000, 0x7FFFFFFFFFFFFFFF, 0, 0 } };
static const struct byteset puncts = { { 0xFC00FFFE00000000, 0x78000001F8000001, 0, 0 } };
static const struct byteset blanks = { { 0x0000000100003E00, 0, 0, 0 } };
static const struct byteset hexes = { { 0x03FF000000000000, 0x0000007E0000007E, 0, 0 } };
static const struct byteset zeros = { { 1, 0, 0, 0 } };

static const struct byteset *class_of(int letter)
{
    switch (letter) {
    case 'a': return &letters;
    case 'c': return &controls;
    case 'd': return &digits;
    case 'g': return &visibles;
    case 'l': return &lowers;
    case 'p': return &puncts;
    case 's': return &blanks;
    case 'u': return &uppers;
    case 'w': return &alnums;
    case 'x': return &hexes;
    case 'z': return &zeros;
    default: return NULL;
    }
}

static inline bool set_has(const struct byteset *s, unsigned char c)
{
    return s->w[c >> 6] >> (c & 63) & 1;
}

static void set_add(struct byteset *s, unsigned char c) { s->w[c >> 6] |= (uint64_t)1 << (c & 63); }

/* What %c means: a class, its complement for a capital, or the byte itself. */
static void set_add_escape(struct byteset *s, unsigned char c)
{
    const struct byteset *k = class_of(tolower(c));
    if (!k) {
        set_add(s, c);
        return;
    }
    for (int i = 0; i < 4; i++)
        s->w[i] |= isupper(c) ? ~k->w[i] : k->w[i];
}

/* ---- compiling ---- */

struct compiler {
    struct pattern *p;
    const char *at, *end;
    uint16_t nodes, sets;
};

static struct node *add_node(struct compiler *c, enum op op)
{
    struct node *n = &c->p->nodes[c->nodes++];
    *n = (struct node){ .op = (uint8_t)op };
    return n;
}

static void add_wrong(struct compiler *c, int complaint)
{
    add_node(c, OP_WRONG)->a = (uint8_t)complaint;
    c->at = c->end;
}

/* The "]" that ends a set whose members begin at p: the first member may be "]" itself. NULL: there
 * is none. */
static const char *set_end(const char *p, const char *end)
{
    do {
        if (p == end)
            return NULL;
        if (*p++ == '%' && p < end)
            p++;
    } while (p == end || *p != ']');
    return p;
}

/* c->at stands behind "["; false: there is no "]". */
static bool read_set(struct compiler *c, struct byteset *s)
{
    *s = (struct byteset){ { 0 } };
    bool negate = c->at < c->end && *c->at == '^';
    const char *p = c->at + negate, *end = set_end(p, c->end);
    if (!end)
        return false;
    for (; p < end; p++) {
        if (*p == '%') {
            set_add_escape(s, (unsigned char)*++p);
        } else if (end - p > 2 && p[1] == '-') {
            for (unsigned x = (unsigned char)p[0]; x <= (unsigned char)p[2]; x++)
                set_add(s, (unsigned char)x);
            p += 2;
        } else {
            set_add(s, (unsigned char)*p);
        }
    }
    c->at = end + 1;
    for (int i = 0; negate && i < 4; i++)
        s->w[i] = ~s->w[i];
    return true;
}

static bool add_set(struct compiler *c, enum op op)
{
    uint16_t set = c->sets;
    if (!read_set(c, &c->p->sets[set])) {
        add_wrong(c, WRONG_SET);
        return false;
    }
    c->sets++;
    add_node(c, op)->set = set;
    return true;
}

static void read_suffix(struct compiler *c)
{
    if (c->at < c->end && strchr("*+?-", *c->at) && *c->at)
        c->p->nodes[c->nodes - 1].suffix = (uint8_t)*c->at++;
}

static void read_escape(struct compiler *c)
{
    if (c->at == c->end) {
        add_wrong(c, WRONG_ESCAPE);
        return;
    }
    unsigned char e = (unsigned char)*c->at++;
    if (isdigit(e)) {
        add_node(c, OP_BACK)->a = e;
    } else if (e == 'b') {
        if (c->end - c->at < 2) {
            add_wrong(c, WRONG_BALANCE);
            return;
        }
        struct node *n = add_node(c, OP_BALANCE);
        n->a = (uint8_t)c->at[0];
        n->b = (uint8_t)c->at[1];
        c->at += 2;
    } else if (e == 'f') {
        if (c->at == c->end || *c->at != '[') {
            add_wrong(c, WRONG_FRONTIER);
            return;
        }
        c->at++;
        add_set(c, OP_FRONTIER);
    } else if (class_of(tolower(e))) {
        c->p->sets[c->sets] = (struct byteset){ { 0 } };
        set_add_escape(&c->p->sets[c->sets], e);
        add_node(c, OP_SET)->set = c->sets++;
        read_suffix(c);
    } else {
        add_node(c, OP_BYTE)->a = e;
        read_suffix(c);
    }
}

static void read_node(struct compiler *c)
{
    unsigned char b = (unsigned char)*c->at++;
    switch (b) {
    case '(':
        if (c->at < c->end && *c->at == ')') {
            c->at++;
            add_node(c, OP_OPEN_POSITION);
        } else {
            add_node(c, OP_OPEN);
        }
        return;
    case ')': add_node(c, OP_CLOSE); return;
    case '%': read_escape(c); return;
    case '[':
        if (add_set(c, OP_SET))
            read_suffix(c);
        return;
    case '$':
        if (c->at == c->end) {
            add_node(c, OP_END_OF_SUBJECT);
            return;
        }
        break;
    default: break;
    }
    struct node *n = add_node(c, b == '.' ? OP_ANY : OP_BYTE);
    n->a = b;
    read_suffix(c);
}

int pattern_compile(lua_State *L, struct pattern *p, const char *text, size_t len)
{
    int pushed = 0;
    if (len > PATTERN_MAX_BYTES)
        luaL_error(L, "pattern of more than %d bytes", PATTERN_MAX_BYTES);
    /* No node is shorter than a byte, no set than two; the last node accepts. */
    size_t nodes = len + 1, sets = len / 2 + 1;
    p->nodes = p->inline_nodes;
    p->sets = p->inline_sets;
    if (nodes > PATTERN_INLINE_NODES || sets > PATTERN_INLINE_SETS) {
        char *block = lua_newuserdatauv(L, sets * sizeof *p->sets + nodes * sizeof *p->nodes, 0);
        p->sets = (struct byteset *)(void *)block;
        p->nodes = (struct node *)(void *)(block + sets * sizeof *p->sets);
        pushed = 1;
    }
    struct compiler c = { .p = p, .at = text, .end = text + len };
    while (c.at < c.end)
        read_node(&c);
    add_node(&c, OP_ACCEPT);
    return pushed;
}

int pattern_first_byte(const struct pattern *p)
{
    const struct node *n = p->nodes;
    while (n->op == OP_OPEN || n->op == OP_OPEN_POSITION)
        n++;
    return n->op == OP_BYTE && (n->suffix == 0 || n->suffix == '+') ? n->a : -1;
}

/* ---- matching ---- */

static const char *run(struct match *m, const struct node *n, const char *s);

static void spend(struct match *m, int64_t steps)
{
    m->steps -= steps;
    if (m->steps < 0)
        luaL_error(m->L,
                   "pattern too slow: over %d steps from one position; use a stricter pattern, "
                   "or string.find with plain = true",
                   PATTERN_STEPS);
}

static inline bool fits(const struct match *m, const struct node *n, const char *s)
{
    if (s >= m->end)
        return false;
    switch (n->op) {
    case OP_ANY: return true;
    case OP_BYTE: return (unsigned char)*s == n->a;
    default: return set_has(&m->pattern->sets[n->set], (unsigned char)*s);
    }
}

/* `*` and `+`: as many as there are, then one fewer each time the rest does not match. */
static const char *run_longest(struct match *m, const struct node *n, const char *s)
{
    const char *p = s;
    while (fits(m, n, p))
        p++;
    spend(m, (p - s) / CHEAP_STEPS);
    for (; p >= s; p--) {
        const char *e = run(m, n + 1, p);
        if (e)
            return e;
    }
    return NULL;
}

static const char *run_shortest(struct match *m, const struct node *n, const char *s)
{
    for (;; s++) {
        const char *e = run(m, n + 1, s);
        if (e)
            return e;
        if (!fits(m, n, s))
            return NULL;
    }
}

static const char *balanced(struct match *m, const struct node *n, const char *s)
{
    if (s >= m->end || (unsigned char)*s != n->a)
        return NULL;
    const char *p = s + 1;
    for (int64_t open = 1; p < m->end; p++) {
        if ((unsigned char)*p == n->b) {
            if (--open == 0)
                break;
        } else if ((unsigned char)*p == n->a) {
            open++;
        }
    }
    spend(m, (p - s) / CHEAP_STEPS);
    return p < m->end ? p + 1 : NULL;
}

static bool at_frontier(const struct match *m, const struct node *n, const char *s)
{
    const struct byteset *set = &m->pattern->sets[n->set];
    unsigned char before = s == m->src ? 0 : (unsigned char)s[-1];
    return !set_has(set, before) && set_has(set, (unsigned char)*s);
}

static const char *open_capture(struct match *m, const struct node *n, const char *s)
{
    if (m->level >= PATTERN_MAX_CAPTURES)
        luaL_error(m->L, "too many captures");
    m->capture[m->level].at = s;
    m->capture[m->level].len = n->op == OP_OPEN ? CAPTURE_OPEN : CAPTURE_POSITION;
    m->level++;
    const char *e = run(m, n + 1, s);
    if (!e)
        m->level--;
    return e;
}

static const char *close_capture(struct match *m, const struct node *n, const char *s)
{
    int i = m->level - 1;
    while (i >= 0 && m->capture[i].len != CAPTURE_OPEN)
        i--;
    if (i < 0)
        luaL_error(m->L, "invalid pattern capture");
    m->capture[i].len = s - m->capture[i].at;
    const char *e = run(m, n + 1, s);
    if (!e)
        m->capture[i].len = CAPTURE_OPEN;
    return e;
}

static const char *same_again(struct match *m, const struct node *n, const char *s)
{
    int i = n->a - '1';
    if (i < 0 || i >= m->level || m->capture[i].len == CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", i + 1);
    /* A position has the length -2 in Lua too: nothing is ever as long. */
    size_t len = (size_t)m->capture[i].len;
    if ((size_t)(m->end - s) < len)
        return NULL;
    spend(m, (int64_t)len / CHEAP_STEPS / 8);
    return memcmp(m->capture[i].at, s, len) == 0 ? s + len : NULL;
}

/* A byte, set or "." with its suffix. Sets *rest when matching goes on behind it without a new
 * frame. */
static const char *run_item(struct match *m, const struct node *n, const char *s, bool *rest)
{
    switch (n->suffix) {
    case '*': return run_longest(m, n, s);
    case '-': return run_shortest(m, n, s);
    case '+': return fits(m, n, s) ? run_longest(m, n, s + 1) : NULL;
    case '?':
        if (fits(m, n, s)) {
            const char *e = run(m, n + 1, s + 1);
            if (e)
                return e;
        }
        *rest = true;
        return s;
    default: *rest = fits(m, n, s); return *rest ? s + 1 : NULL;
    }
}

static const char *run(struct match *m, const struct node *n, const char *s)
{
    if (m->depth-- == 0)
        luaL_error(m->L, "pattern too complex");
    for (bool rest = true; rest && s; n++) {
        rest = false;
        spend(m, 1);
        switch (n->op) {
        case OP_ACCEPT: break;
        case OP_WRONG: luaL_error(m->L, "%s", complaints[n->a]); break;
        case OP_OPEN:
        case OP_OPEN_POSITION: s = open_capture(m, n, s); break;
        case OP_CLOSE: s = close_capture(m, n, s); break;
        case OP_END_OF_SUBJECT: s = s == m->end ? s : NULL; break;
        case OP_BALANCE:
            s = balanced(m, n, s);
            rest = true;
            break;
        case OP_FRONTIER:
            s = at_frontier(m, n, s) ? s : NULL;
            rest = true;
            break;
        case OP_BACK:
            s = same_again(m, n, s);
            rest = true;
            break;
        default: s = run_item(m, n, s, &rest); break;
        }
    }
    m->depth++;
    return s;
}

const char *pattern_match(struct match *m, const char *s)
{
    m->level = 0;
    m->depth = PATTERN_MAX_DEPTH;
    m->steps = PATTERN_STEPS;
    return run(m, m->pattern->nodes, s);
}

/* ---- captures ---- */

void pattern_push_capture(struct match *m, int i, const char *from, const char *to)
{
    if (i >= m->level) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(m->L, from, (size_t)(to - from));
        return;
    }
    ptrdiff_t len = m->capture[i].len;
    if (len == CAPTURE_OPEN)
        luaL_error(m->L, "unfinished capture");
    if (len == CAPTURE_POSITION)
        lua_pushinteger(m->L, m->capture[i].at - m->src + 1);
    else
        lua_pushlstring(m->L, m->capture[i].at, (size_t)len);
}

int pattern_push_captures(struct match *m, const char *from, const char *to)
{
    int n = m->level == 0 && from ? 1 : m->level;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++)
        pattern_push_capture(m, i, from, to);
    return n;
}
