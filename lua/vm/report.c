#include "vm/report.h"

#include "base/parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void report_fini(struct report *r)
{
    buf_fini(&r->text);
    buf_fini(&r->scratch);
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* The first line from `line` on where `field` stands as a word with "=" behind it; else `line`. */
static int find_line(const struct source *s, int line, const char *field)
{
    size_t n = strlen(field);
    const char *p = s->text, *end = s->text + s->len;
    for (int at = 1; p < end && n; at++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        for (const char *q = p; at >= line && q + n < stop; q++) {
            if (memcmp(q, field, n) != 0 || (q > p && is_word(q[-1])) || is_word(q[n]))
                continue;
            const char *after = q + n + strspn(q + n, " \t\"']");
            if (after < stop && *after == '=' && after[1] != '=')
                return at;
        }
        p = stop + 1;
    }
    return line;
}

void report_add(struct report *r, const char *field, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (r->count++)
        buf_putc(&r->text, '\n');
    int line = field && r->source->text ? find_line(r->source, r->line, field) : r->line;
    if (line > 0)
        buf_printf(&r->text, "%s:%d: %s", r->source->title, line, text);
    else
        buf_printf(&r->text, "%s: %s", r->source->title, text);
}

void report_no_memory(struct report *r)
{
    report_add(r, NULL, "not enough memory");
    r->lacks_memory = true;
}

const char *report_nearest(const char *wrong, const char *const *names, char *out, size_t size)
{
    const char *best = NULL;
    unsigned least = 3; /* further away it is another word */
    for (; *names; names++) {
        unsigned d = edit_distance(wrong, *names);
        if (d < least) {
            least = d;
            best = *names;
        }
    }
    if (best)
        snprintf(out, size, " (did you mean \"%s\"?)", best);
    else
        out[0] = '\0';
    return out;
}
