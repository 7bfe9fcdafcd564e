#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tools/uritemplate_struct.h"

#define VALUE_MAX 9999 /* characters, of {x:9999} and of what says no number: no URI has more */

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

/* The pool has room for the whole template and, twice more, every name with what stands at it. */
static void text_put(struct uritemplate *t, struct node *n, const char *before, const char *s,
                     size_t len, const char *after)
{
    n->at = (uint16_t)t->pool_len;
    n->len = (uint16_t)(strlen(before) + len + strlen(after));
    char *at = t->pool + t->pool_len;
    memcpy(at, before, strlen(before));
    memcpy(at + strlen(before), s, len);
    memcpy(at + strlen(before) + len, after, strlen(after));
    t->pool_len += n->len;
}

static bool text_add(struct making *m, const char *before, const char *s, size_t len,
                     const char *after)
{
    struct node *n = node_add(m, NODE_TEXT);
    if (n)
        text_put(m->t, n, before, s, len, after);
    return n != NULL;
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

/* The value that was added last is one of several. */
static void list_begin(struct making *m, const char *between, const char *name, const char *after)
{
    struct node *n = &m->t->nodes[m->t->node_count - 1];
    text_put(m->t, n, between, name, strlen(name), after);
    n->is_list = true;
    n->has_equals = *between == ';';
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
    bool is_made = node_add(m, NODE_OPTION) != NULL, is_list = m->t->is_list[variable];
    if (op == ';' && is_list)
        is_made = is_made && text_add(m, ";", name, len, "");
    else if (op == ';')
        is_made = is_made && text_add(m, ";", name, len, "") && equals_add(m, variable);
    else if (op == '?')
        is_made = is_made && node_add(m, NODE_JOINT) && text_add(m, "", name, len, "=");
    else
        is_made = is_made && text_add(m, "&", name, len, "=");
    if (!is_made || !value_add(m, variable, false, 0, false))
        return false;
    if (is_list)
        list_begin(m, op == ';' ? ";" : "&", name, op == ';' ? "" : "=");
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
    const char *between = is_label ? mark : comma;
    char without = is_last && !m->t->is_list[variable] ? '\0' : *between;
    if (!value_add(m, variable, is_open, without, !is_open))
        return false;
    if (m->t->is_list[variable])
        list_begin(m, between, "", "");
    return true;
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
    bool is_list = len > 0 && s[len - 1] == '*';
    uint16_t max = prefix_read(m, s, &len);
    if (max == 0)
        return false;
    len -= is_list;
    if (len == 0 || len > URITEMPLATE_NAME_MAX)
        return fault(m, s, "a variable's name has 1 to 64 letters, digits, _ and .");
    for (size_t i = 0; i < len; i++)
        if (!is_name_byte(s[i]))
            return fault(m, s + i, "a variable's name has letters, digits, _ and .");
    if (t->variable_count == URITEMPLATE_VARS_MAX)
        return fault(m, s, "there are more than 16 variables");
    char *name = t->names[t->variable_count];
    memcpy(name, s, len);
    name[len] = '\0';
    if (uritemplate_has(t, name))
        return fault(m, s, "a variable stands here for the second time");
    t->max[t->variable_count] = max;
    t->is_list[t->variable_count] = is_list;
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
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~' || strchr("\"'<>\\^`|}", s[i]))
            return fault(m, s + i, "a character that no URI holds");
        /* Else a value could be read as what it lacks. */
        if (s[i] == '%' && (len - i < 3 || hex_digit(s[i + 1]) < 0 || hex_digit(s[i + 2]) < 0))
            return fault(m, s + i, "two hexadecimal digits follow a %");
    }
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
