#include "kit/kittime.h"

#define DAY_MS INT64_C(86400000)
#define FIRST_MS INT64_C(946684800000)     /* 2000-01-01 */
#define BEHIND_MS INT64_C(253402300800000) /* 10000-01-01 */

struct text {
    const char *p, *end;
};

/* Exactly n digits. */
static bool digits(struct text *t, int n, int64_t *out)
{
    *out = 0;
    for (; n > 0; n--) {
        if (t->p == t->end || *t->p < '0' || *t->p > '9')
            return false;
        *out = *out * 10 + (*t->p++ - '0');
    }
    return true;
}

static bool take(struct text *t, char c)
{
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

/* Since 1970-01-01, in the Gregorian calendar: years are counted from March, so that a leap day is
 * the last of its year. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool date(struct text *t, int64_t *wall_ms)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t y, m, d;
    if (!digits(t, 4, &y) || !take(t, '-') || !digits(t, 2, &m) || !take(t, '-') ||
        !digits(t, 2, &d) || m < 1 || m > 12 || d < 1)
        return false;
    bool is_leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d > lengths[m - 1] + (m == 2 && is_leap))
        return false;
    *wall_ms = days(y, m, d) * DAY_MS;
    return true;
}

/* Digits beyond milliseconds are dropped. */
static bool fraction(struct text *t, int64_t *ms)
{
    int n = 0;
    *ms = 0;
    for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++, n++)
        if (n < 3)
            *ms = *ms * 10 + (*t->p - '0');
    for (int i = n; i < 3; i++)
        *ms *= 10;
    return n > 0;
}

static bool clock_time(struct text *t, int64_t *ms)
{
    int64_t h, min, s = 0, part = 0;
    if (!digits(t, 2, &h) || !take(t, ':') || !digits(t, 2, &min) || h > 23 || min > 59)
        return false;
    if (take(t, ':')) {
        if (!digits(t, 2, &s) || s > 59)
            return false;
        if (take(t, '.') && !fraction(t, &part))
            return false;
    }
    *ms = (h * 3600 + min * 60 + s) * 1000 + part;
    return true;
}

static bool zone(struct text *t, int64_t *ms)
{
    int64_t h, min;
    *ms = 0;
    if (t->p == t->end || take(t, 'Z'))
        return true;
    int sign = take(t, '+') ? 1 : take(t, '-') ? -1 : 0;
    if (sign == 0 || !digits(t, 2, &h) || !take(t, ':') || !digits(t, 2, &min) || h > 23 ||
        min > 59)
        return false;
    *ms = sign * (h * 60 + min) * 60000;
    return true;
}

bool kittime_parse(const char *s, size_t len, int64_t *wall_ms)
{
    struct text t = { s, s + len };
    int64_t day, time, offset;

    if (len > 0 && len <= 15 && digits(&t, (int)len, wall_ms))
        return true;
    t.p = s;
    if (!date(&t, &day) || !(take(&t, 'T') || take(&t, ' ')) || !clock_time(&t, &time) ||
        !zone(&t, &offset) || t.p != t.end)
        return false;
    *wall_ms = day + time - offset;
    return true;
}

bool kittime_is_plausible(int64_t wall_ms) { return wall_ms >= FIRST_MS && wall_ms < BEHIND_MS; }
