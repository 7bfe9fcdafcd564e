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

static bool is_named_topic(const char *p, const char *end)
{
    for (const char *want = "topic"; *want; want++)
        if (p >= end || decoded(&p) != *want)
            return false;
    return p == end;
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

/* A key may stand under any name, by a client's mistake: only what is known to be none is told. */
static void put_argument(struct out *o, const char *p, const char *end)
{
    const char *equals = memchr(p, '=', (size_t)(end - p));
    const char *told = equals ? equals + 1 : p;
    if (equals && is_named_topic(p, equals)) {
        const char *second = memchr(told, ';', (size_t)(end - told)); /* some separate by it */
        told = second ? second + 1 : end;
    }
    put(o, p, (size_t)(told - p));
    if (told < end)
        put(o, "***", 3);
}

void target_mask(const char *target, char *out, size_t size)
{
    struct out o = { out, out + size - 1, false };
    const char *p = target + strcspn(target, "?");
    put(&o, target, (size_t)(p - target));
    while (*p && !o.is_cut) {
        const char *argument = p + 1; /* behind the '?' or '&' */
        const char *next = argument + strcspn(argument, "&");
        put(&o, p, 1);
        put_argument(&o, argument, next);
        p = next;
    }
    *o.p = '\0';
    if (o.is_cut)
        memcpy(o.p - 3, "...", 3);
}
