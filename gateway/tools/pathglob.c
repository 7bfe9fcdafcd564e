#include "tools/pathglob.h"

#include <stdint.h>
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

/* ---- globs with a double star inside a name ---- */

/* There the first way that reaches the double star need not be the one that fits ("*a**b" and
 * "axab"), so all are followed at once. Nobody takes longer globs of people. */
#define ALL_WAYS_BYTES 1024

/* Does it hold a `**` that is not a whole part of the path? (Also within a set: no harm.) */
static bool has_inner_stars(const char *glob)
{
    for (const char *s = strstr(glob, "**"); s; s = strstr(s + 2, "**"))
        if ((s > glob && s[-1] != '/') || (s[2] != '/' && s[2] != '\0'))
            return true;
    return false;
}

/* Marks the place g, and those behind it that are reached by taking nothing. */
static void enter(const char *glob, bool *marks, size_t g)
{
    enum step step;
    size_t n;
    do {
        marks[g] = true;
        step = step_at(glob + g, &n);
        g += n;
    } while (step == STEP_STAR || step == STEP_STARS);
}

static void take(const char *glob, size_t g, char c, bool *next)
{
    size_t n;
    enum step step = step_at(glob + g, &n);

    if (step == STEP_STARS)
        next[g] = true;
    if (step == STEP_STAR && c != '/')
        enter(glob, next, g);
    else if (step == STEP_STARS ? c == '/' : step_takes(step, glob + g, n, c))
        enter(glob, next, g + n);
}

static bool match_all_ways(const char *glob, size_t glob_len, const char *path, size_t len)
{
    bool marks[2][ALL_WAYS_BYTES + 1] = { { false } };
    size_t n;

    enter(glob, marks[0], 0);
    for (size_t i = 0; i < len; i++) {
        bool *now = marks[i & 1], *next = marks[~i & 1];
        memset(next, 0, glob_len + 1);
        for (size_t g = 0; g < glob_len; g++)
            if (now[g])
                take(glob, g, path[i], next);
    }
    bool *last = marks[len & 1];
    for (size_t g = 0; g < glob_len; g++) /* a double star also takes all that is left */
        if (last[g] && step_at(glob + g, &n) == STEP_STARS)
            enter(glob, last, g + n);
    return last[glob_len];
}

/* ---- all others ---- */

struct retry { /* where to go on when the way after a star fails */
    const char *glob;
    size_t at;
};

/* A glob for names in any folder: only the last part of a path can fit. Asked of every name of a
 * repository, and of each folder on its way it would be tried in vain. */
static size_t skip_folders(const char **glob, const char *path, size_t len)
{
    const char *name = *glob + 3;
    if (strncmp(*glob, "**/", 3) != 0 || !*name || strchr(name, '/') || strstr(name, "**"))
        return 0;
    const char *slash = memrchr(path, '/', len);
    *glob = name;
    return slash ? (size_t)(slash - path) + 1 : 0;
}

bool pathglob_match(const char *glob, const char *path, size_t len)
{
    size_t skip = skip_folders(&glob, path, len);
    path += skip;
    len -= skip;
    struct retry star = { NULL, 0 }, stars = { NULL, 0 };
    const char *g = glob;
    size_t i = 0, n;
    size_t glob_len = has_inner_stars(glob) ? strlen(glob) : SIZE_MAX;
    if (glob_len <= ALL_WAYS_BYTES)
        return match_all_ways(glob, glob_len, path, len);
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
