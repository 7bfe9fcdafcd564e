/* date.c - the day or second at which a key expires. */
#include "base/parse.h"
#include "config/value.h"

/* Exactly n digits; -1 for anything else. Moves *s behind them. */
static int digits(const char **s, int n)
{
    int v = 0;

    for (; n > 0; n--, (*s)++) {
        if (**s < '0' || **s > '9')
            return -1;
        v = v * 10 + (**s - '0');
    }
    return v;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01, counted from years that begin in March so that the leap day comes last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 + in_year - 719468;
}

/* "2027-01-31": the end of that day, UTC. "2027-01-31T12:00:00Z": that second. */
int date_parse(const char *s, int64_t *ms)
{
    int year = digits(&s, 4);
    int month = year >= 1970 && *s++ == '-' ? digits(&s, 2) : -1;
    int day = month >= 1 && month <= 12 && *s++ == '-' ? digits(&s, 2) : -1;

    if (day < 1 || day > days_in_month(year, month))
        return MG_E_INVALID;
    int64_t days = days_since_1970(year, month, day);
    if (*s == '\0') {
        *ms = (days + 1) * 86400000;
        return 0;
    }
    if (*s++ != 'T')
        return MG_E_INVALID;
    int hour = digits(&s, 2);
    int minute = hour >= 0 && hour < 24 && *s++ == ':' ? digits(&s, 2) : -1;
    int second = minute >= 0 && minute < 60 && *s++ == ':' ? digits(&s, 2) : -1;
    if (second < 0 || second >= 60 || *s++ != 'Z' || *s != '\0')
        return MG_E_INVALID;
    *ms = (days * 86400 + hour * 3600 + minute * 60 + second) * 1000;
    return 0;
}
