#include "files/globs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pathglob.h"

/* The brace that closes the one at open; NULL: none does, or there is no comma in it. */
static const char *closing(const char *open)
{
    int depth = 0;
    bool has_comma = false;
    for (const char *p = open; *p; p++) {
        if (*p == '{')
            depth++;
        else if (*p == '}' && --depth == 0)
            return has_comma ? p : NULL;
        else if (*p == ',' && depth == 1)
            has_comma = true;
    }
    return NULL;
}

static int add(struct globs *g, const char *text, struct fail *f)
{
    if (g->count == GLOBS_MAX)
        return fail_set(f, MG_E_LIMIT, "TOO_LARGE", "a glob has at most %d alternatives",
                        GLOBS_MAX);
    g->items[g->count] = strdup(text);
    if (!g->items[g->count])
        return fail_set(f, MG_E_NOMEM, "NOMEM", "not enough memory");
    g->count++;
    return 0;
}

static int expand(struct globs *g, const char *text, struct fail *f);

/* head, one of the alternatives between open and close, tail. */
static int expand_at(struct globs *g, const char *text, const char *open, const char *close,
                     struct fail *f)
{
    const char *begin = open + 1;
    int depth = 0, code = 0;
    for (const char *p = begin; code == 0 && p <= close; p++) {
        depth += (*p == '{') - (*p == '}' && p < close);
        if (p < close && (*p != ',' || depth > 0))
            continue;
        char one[GLOB_BYTES + 1];
        size_t head = (size_t)(open - text), mid = (size_t)(p - begin);
        memcpy(one, text, head);
        memcpy(one + head, begin, mid);
        memcpy(one + head + mid, close + 1, strlen(close + 1) + 1);
        code = expand(g, one, f);
        begin = p + 1;
    }
    return code;
}

/* text is at most GLOB_BYTES long, and every step makes it shorter. */
static int expand(struct globs *g, const char *text, struct fail *f)
{
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{')) {
        const char *close = closing(open);
        if (close)
            return expand_at(g, text, open, close, f);
    }
    return add(g, text, f);
}

int globs_init(struct globs *g, const char *text, struct fail *f)
{
    size_t braces = 0;
    g->count = 0;
    for (const char *p = text; *p; p++)
        braces += *p == '{';
    if (strlen(text) > GLOB_BYTES || braces > 20)
        return fail_set(f, MG_E_LIMIT, "TOO_LARGE", "a glob has at most %d bytes and 20 braces",
                        GLOB_BYTES);
    return expand(g, text, f);
}

void globs_fini(struct globs *g)
{
    while (g->count > 0)
        free(g->items[--g->count]);
}

bool globs_match(const struct globs *g, const char *path, size_t len)
{
    for (size_t i = 0; i < g->count; i++)
        if (pathglob_match(g->items[i], path, len))
            return true;
    return false;
}

size_t globs_depth(const struct globs *g)
{
    size_t deepest = 0;
    for (size_t i = 0; i < g->count; i++) {
        size_t n = 0;
        if (strstr(g->items[i], "**"))
            return SIZE_MAX;
        for (const char *p = g->items[i]; *p; p++)
            n += *p == '/';
        deepest = n > deepest ? n : deepest;
    }
    return deepest;
}

size_t glob_base(const char *text)
{
    size_t plain = strcspn(text, "*?[{");
    while (plain > 0 && text[plain - 1] != '/')
        plain--;
    return plain > 0 ? plain - 1 : 0;
}
