#include "base/parse.h"

#include <string.h>
#include <strings.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Reads digits; *s moves behind them. MG_E_INVALID when there are none, MG_E_LIMIT past max. */
static int digits_read(const char **s, uint64_t max, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;

    if (!is_digit(*p))
        return MG_E_INVALID;
    for (; is_digit(*p); p++) {
        unsigned d = (unsigned)(*p - '0');
        if (d > max || v > (max - d) / 10)
            return MG_E_LIMIT;
        v = v * 10 + d;
    }
    *s = p;
    *out = v;
    return 0;
}

int parse_uint(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v;
    int rc = digits_read(&s, max, &v);

    if (rc < 0)
        return rc;
    if (*s)
        return MG_E_INVALID;
    *out = v;
    return 0;
}

/* Milliseconds in one of the unit, or 0 for a word that is none. */
static uint64_t unit_ms(const char *s)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {
        { "", 1000 },   { "s", 1000 },    { "ms", 1 },
        { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
    };

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(s, units[i].name) == 0)
            return units[i].ms;
    return 0;
}

int parse_duration(const char *s, int64_t *ms)
{
    uint64_t whole, part = 0, scale = 1;
    int rc = digits_read(&s, INT64_MAX, &whole);

    if (rc < 0)
        return rc;
    if (*s == '.') {
        const char *start = ++s;
        rc = digits_read(&s, 999999999, &part);
        if (rc < 0 || s - start > 9)
            return rc < 0 ? rc : MG_E_LIMIT;
        for (; start < s; start++)
            scale *= 10;
    }

    uint64_t unit = unit_ms(s);
    if (unit == 0)
        return MG_E_INVALID;
    if (whole > (INT64_MAX - unit) / unit)
        return MG_E_LIMIT;
    uint64_t total = whole * unit + (part * unit + scale / 2) / scale;
    /* 0 often means "off": a small duration must not turn into it. */
    if (total == 0 && part > 0)
        return MG_E_LIMIT;
    *ms = (int64_t)total;
    return 0;
}

int parse_size(const char *s, uint64_t *bytes)
{
    uint64_t v;
    unsigned shift = 0;
    int rc = digits_read(&s, UINT64_MAX, &v);

    if (rc < 0)
        return rc;
    switch (*s) {
    case '\0': break;
    case 'K':
    case 'k': shift = 10; break;
    case 'M':
    case 'm': shift = 20; break;
    case 'G':
    case 'g': shift = 30; break;
    default: return MG_E_INVALID;
    }
    if (*s && s[1])
        return MG_E_INVALID;
    if (v > UINT64_MAX >> shift)
        return MG_E_LIMIT;
    *bytes = v << shift;
    return 0;
}

int parse_bool(const char *s, bool *out)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(s, words[i]) == 0) {
            *out = i % 2 == 1;
            return 0;
        }
    }
    return MG_E_INVALID;
}

/* Going back to the last `*` alone is enough: an earlier one could only take what it takes too. */
bool glob_match(const char *glob, const char *s, size_t len)
{
    const char *end = s + len, *star = NULL, *from = NULL;

    while (s < end) {
        if (*glob == '*') {
            star = ++glob;
            from = s;
        } else if (*glob && (*glob == '?' || *glob == *s)) {
            glob++;
            s++;
        } else if (star) {
            glob = star;
            s = ++from;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

const char *list_next(const char **list, size_t *len)
{
    const char *p = *list;

    while (*p) {
        while (is_blank(*p))
            p++;
        const char *start = p, *end = p;
        for (; *p && *p != ','; p++)
            if (!is_blank(*p))
                end = p + 1;
        if (*p == ',')
            p++;
        if (end > start) {
            *list = p;
            *len = (size_t)(end - start);
            return start;
        }
    }
    *list = p;
    return NULL;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

unsigned edit_distance(const char *a, const char *b)
{
    enum { CUT = 63 };
    unsigned rows[3][CUT + 1];
    size_t na = strnlen(a, CUT), nb = strnlen(b, CUT);

    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *row = rows[i % 3], *prev = rows[(i - 1) % 3], *prev2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned swap = a[i - 1] != b[j - 1];
            row[j] = min3(prev[j] + 1, row[j - 1] + 1, prev[j - 1] + swap);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                prev2[j - 2] + 1 < row[j])
                row[j] = prev2[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

bool globs_allow(const char *globs, const char *s)
{
    char glob[256];
    size_t len, n = strlen(s);
    const char *item;

    if (!globs)
        return true;
    while ((item = list_next(&globs, &len)) != NULL) {
        if (len >= sizeof glob) /* longer than any name */
            continue;
        memcpy(glob, item, len);
        glob[len] = '\0';
        if (glob_match(glob, s, n))
            return true;
    }
    return false;
}

size_t token_span(const char *s, size_t len)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    size_t i = 0;
    for (; i < len; i++) {
        bool is_letter = (s[i] | 32) >= 'a' && (s[i] | 32) <= 'z';
        if (!is_letter && !is_digit(s[i]) && (s[i] == '\0' || !strchr(marks, s[i])))
            break;
    }
    return i;
}
