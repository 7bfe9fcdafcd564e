#include "schema/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_MAX 1000000 /* of what is written; a double ends at 308 */

void number_read(struct number *n, struct json_text text)
{
    const char *p = text.p, *end = text.p + text.len;
    bool is_fraction = false, is_exp_minus = false;
    int64_t written = 0, point = 0;

    n->is_minus = *p == '-';
    n->count = 0;
    p += n->is_minus;
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            is_fraction = true;
            continue;
        }
        if (n->count == 0 && *p == '0') {
            point -= is_fraction;
            continue;
        }
        point += !is_fraction;
        n->digits[n->count++] = *p;
    }
    if (p < end && (*++p == '-' || *p == '+'))
        is_exp_minus = *p++ == '-';
    for (; p < end; p++)
        if (written < EXPONENT_MAX)
            written = written * 10 + (*p - '0');
    while (n->count > 0 && n->digits[n->count - 1] == '0')
        n->count--;
    n->exponent = point + (is_exp_minus ? -written : written);
    if (n->count == 0) {
        n->exponent = 0;
        n->is_minus = false;
    }
}

bool number_is_integer(const struct number *n) { return n->exponent >= n->count; }

static int compare_digits(const struct number *a, const struct number *b)
{
    if (a->exponent != b->exponent && a->count && b->count)
        return a->exponent < b->exponent ? -1 : 1;
    int c = memcmp(a->digits, b->digits, a->count < b->count ? a->count : b->count);
    return c ? c : (a->count > b->count) - (a->count < b->count);
}

int number_compare(const struct number *a, const struct number *b)
{
    if (a->is_minus != b->is_minus)
        return a->is_minus ? -1 : 1;
    return a->is_minus ? compare_digits(b, a) : compare_digits(a, b);
}

/* As integers without trailing zeros: a = m * 10^x, b = n * 10^y. */
bool number_is_multiple(const struct number *a, const struct number *b)
{
    int64_t x = a->exponent - a->count, y = b->exponent - b->count;
    unsigned __int128 n = 0, rest = 0;

    if (a->count == 0)
        return true;
    if (x < y) /* m has no factor 10 left over, but n * 10^(y - x) has */
        return false;
    if (b->count > 18)
        return number_compare(a, b) == 0; /* nobody writes such a divisor */
    for (int i = 0; i < b->count; i++)
        n = n * 10 + (unsigned)(b->digits[i] - '0');
    if (n == 0)
        return false; /* b is no divisor at all */
    for (int i = 0; i < a->count; i++)
        rest = (rest * 10 + (unsigned)(a->digits[i] - '0')) % n;
    if (x - y > 2000) /* ever more factors 10 */
        x = y + 2000;
    for (; x > y && rest != 0; x--)
        rest = rest * 10 % n;
    return rest == 0;
}
