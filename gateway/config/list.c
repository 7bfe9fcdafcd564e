/* list.c - lists of texts: growing, splitting at commas, splitting into words as a shell does. */
#include <string.h>

#include "base/parse.h"
#include "config/value.h"

static const char *const no_items[] = { NULL };

/* The array holds 4, 8, 16, ... items and always one NULL behind them; a full one is moved. */
int list_add(struct arena *a, struct config_list *l, const char *s, size_t len, struct err *e)
{
    if (l->n == LIST_ITEMS_MAX)
        return err_set(e, MG_E_LIMIT, "more than %d items", LIST_ITEMS_MAX);
    if (l->n == 0 || (l->n >= 4 && (l->n & (l->n - 1)) == 0)) {
        size_t cap = l->n == 0 ? 4 : 2 * l->n;
        const char **items = arena_alloc(a, (cap + 1) * sizeof *items);
        if (!items)
            return err_set(e, MG_E_NOMEM, "not enough memory");
        if (l->n > 0)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
    }
    char *item = arena_strndup(a, s, len);
    if (!item)
        return err_set(e, MG_E_NOMEM, "not enough memory");
    ((const char **)l->items)[l->n++] = item;
    return 0;
}

int list_split(struct arena *a, struct config_list *l, const char *text, struct err *e)
{
    const char *item;
    size_t len;

    while ((item = list_next(&text, &len)) != NULL) {
        int rc = list_add(a, l, item, len, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* One word: blanks end it but for those in quotes; \ takes the next byte as it is, in '...' nothing
 * does. */
static int word_read(struct buf *out, const char **text, struct err *e)
{
    const char *s = *text;
    char quote = 0;

    for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
        if (quote ? *s == quote : *s == '"' || *s == '\'') {
            quote = quote ? 0 : *s;
        } else if (*s == '\\' && s[1] && (!quote || (quote == '"' && strchr("\"\\", s[1])))) {
            buf_putc(out, *++s);
        } else {
            buf_putc(out, *s);
        }
    }
    *text = s;
    if (quote)
        return err_set(e, MG_E_INVALID, "a quote is not closed (; after a blank begins a comment)");
    return buf_ok(out) ? 0 : err_set(e, MG_E_NOMEM, "not enough memory");
}

int argv_split(struct arena *a, struct config_list *l, const char *text, struct err *e)
{
    struct buf word = { 0 };
    int rc = 0;

    for (;;) {
        text += strspn(text, " \t");
        if (*text == '\0' || rc < 0)
            break;
        if (*text == '#') {
            rc =
                err_set(e, MG_E_INVALID, "a comment behind a value begins with ; (or quote the #)");
            break;
        }
        buf_clear(&word);
        rc = word_read(&word, &text, e);
        if (rc == 0)
            rc = list_add(a, l, word.len ? word.data : "", word.len, e);
    }
    buf_fini(&word);
    return rc;
}

void list_seal(struct arena *a, struct config_list *l, bool with_text)
{
    size_t size = 1;

    if (l->n == 0)
        l->items = no_items;
    l->text = "";
    if (!with_text || l->n == 0)
        return;
    for (size_t i = 0; i < l->n; i++)
        size += strlen(l->items[i]) + 2;
    char *text = arena_alloc(a, size), *at = text;
    for (size_t i = 0; text && i < l->n; i++) {
        at = stpcpy(at, i > 0 ? ", " : "");
        at = stpcpy(at, l->items[i]);
    }
    if (text)
        l->text = text;
}
