#include "tools/pathglob.h"

#include <string.h>

/* One step of a glob: a byte, any byte but '/', a set, a star, or a double star. */
enum step { STEP_END, STEP_BYTE, STEP_ANY, STEP_SET, STEP_STAR, STEP_STARS };

/* The length of the set that begins at g, brackets included; 1 when it is not closed. A `]` that
 * stands first is a member. */
static size_t set_length(const char *g)
{
    const char *p = g + 1;
    p += *p == '!' || *p == '^';
    if (*p == '\0')
        return 1;
    const char *close = strchr(p + 1, ']');
    return close ? (size_t)(close - g) + 1 : 1;
}

/* What stands at g; *len is its length in the glob. `**` with the slash behind it is one step. */
static enum step step_at(const char *g, size_t *len)
{
    *len = 1;
    switch (*g) {
    case '\0': return STEP_END;
    case '?': return STEP_ANY;
    case '[':
        *len = set_length(g);
        return *len > 1 ? STEP_SET : STEP_BYTE; /* an unclosed bracket is a bracket */
    case '*':
        if (g[1] != '*')
            return STEP_STAR;
        *len = g[2] == '/' ? 3 : 2;
        return STEP_STARS;
    default: return STEP_BYTE;
    }
}

static bool set_has(const char *g, size_t len, char c)
{
    const char *p = g + 1, *end = g + len - 1;
    bool is_inverted = *p == '!' || *p == '^', found = false;
    for (p += is_inverted; p < end; p++) {
        unsigned char lo = (unsigned char)*p, hi = lo;
        if (p + 2 < end && p[1] == '-') {
            hi = (unsigned char)p[2];
            p += 2;
        }
        found |= (unsigned char)c >= lo && (unsigned char)c <= hi;
    }
    return found != is_inverted;
}

static bool step_takes(enum step step, const char *g, size_t len, char c)
{
    switch (step) {
    case STEP_BYTE: return *g == c;
    case STEP_ANY: return c != '/';
    case STEP_SET: return c != '/' && set_has(g, len, c);
    default: return false;
    }
}

struct retry { /* where to go on when the way after a star fails */
    const char *glob;
    size_t at;
};

bool pathglob_match(const char *glob, const char *path, size_t len)
{
    struct retry star = { NULL, 0 }, stars = { NULL, 0 };
    const char *g = glob;
    size_t i = 0, n;
    for (;;) {
        enum step step = step_at(g, &n);
        if (step == STEP_STARS) {
            g += n;
            stars = (struct retry){ g, i };
            star.glob = NULL;
            continue;
        }
        if (step == STEP_STAR) {
            g += n;
            star = (struct retry){ g, i };
            continue;
        }
        if (i == len && step == STEP_END)
            return true;
        if (i < len && step_takes(step, g, n, path[i])) {
            g += n;
            i++;
            continue;
        }
        if (star.glob && star.at < len && path[star.at] != '/') { /* the star takes one byte more */
            i = ++star.at;
            g = star.glob;
        } else if (stars.glob && stars.at < len) { /* the double star takes one folder more, or, at
                                                      the end, all */
            const char *slash = memchr(path + stars.at, '/', len - stars.at);
            stars.at = slash && *stars.glob ? (size_t)(slash - path) + 1 : len;
            i = stars.at;
            g = stars.glob;
            star.glob = NULL;
        } else {
            return false;
        }
    }
}
