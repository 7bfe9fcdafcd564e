#include "http/guard.h"

#include <string.h>

#include "base/hash.h"

/* One character of an argument's name as libmicrohttpd will decode it; moves *p behind it. */
static char decoded(const char **p)
{
    const char *s = *p;
    if (s[0] == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
        *p += 3;
        return (char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
    }
    *p += 1;
    return s[0];
}

/* Does an argument named "key" begin here? Then *value is the first byte behind the '='. */
static bool is_key(const char *p, const char **value)
{
    static const char name[] = "key";
    for (const char *want = name; *want; want++)
        if (*p == '\0' || *p == '=' || *p == '&' || decoded(&p) != *want)
            return false;
    *value = p + 1;
    return *p == '=';
}

struct out {
    char *p, *end; /* end: the last place for a byte; a NUL follows it */
    bool is_cut;
};

static void put(struct out *o, const char *s, size_t len)
{
    size_t room = (size_t)(o->end - o->p);
    if (len > room) {
        len = room;
        o->is_cut = true;
    }
    memcpy(o->p, s, len);
    o->p += len;
}

void target_mask(const char *target, char *out, size_t size)
{
    struct out o = { out, out + size - 1, false };
    const char *p = target + strcspn(target, "?");
    put(&o, target, (size_t)(p - target));
    while (*p && !o.is_cut) {
        const char *value, *argument = p + 1; /* behind the '?' or '&' */
        const char *next = argument + strcspn(argument, "&");
        if (is_key(argument, &value)) {
            put(&o, p, (size_t)(value - p));
            put(&o, "***", 3);
        } else {
            put(&o, p, (size_t)(next - p));
        }
        p = next;
    }
    *o.p = '\0';
    if (o.is_cut)
        memcpy(o.p - 3, "...", 3);
}
