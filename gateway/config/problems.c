#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

void problems_add(struct problems *p, const char *where, uint32_t line, const char *fmt, ...)
{
    char text[1024];
    struct buf out = { 0 };
    va_list ap;

    p->count++;
    if (p->kept == PROBLEMS_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (where)
        buf_str(&out, where);
    if (where && line > 0)
        buf_printf(&out, ":%u", (unsigned)line);
    if (where)
        buf_str(&out, ": ");
    buf_str(&out, text);
    char *kept = buf_take(&out, NULL);
    if (kept)
        p->lines[p->kept++] = kept;
}

void problems_tell(const struct problems *p, void (*tell)(void *arg, const char *line), void *arg)
{
    char more[64];
    for (size_t i = 0; i < p->kept; i++)
        tell(arg, p->lines[i]);
    if (p->kept == p->count)
        return;
    snprintf(more, sizeof more, "and %zu more%s", p->count - p->kept,
             p->kept < PROBLEMS_MAX ? ", not enough memory to say which" : "");
    tell(arg, more);
}

static void print_line(void *to, const char *line) { fprintf(to, "%s\n", line); }

void problems_print(const struct problems *p, FILE *to) { problems_tell(p, print_line, to); }

void problems_fini(struct problems *p)
{
    for (size_t i = 0; i < p->kept; i++)
        free(p->lines[i]);
    *p = (struct problems){ 0 };
}
