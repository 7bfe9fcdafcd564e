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

void problems_print(const struct problems *p, FILE *to)
{
    for (size_t i = 0; i < p->kept; i++)
        fprintf(to, "%s\n", p->lines[i]);
    if (p->count > p->kept)
        fprintf(to, "and %zu more\n", p->count - p->kept);
}

void problems_fini(struct problems *p)
{
    for (size_t i = 0; i < p->kept; i++)
        free(p->lines[i]);
    *p = (struct problems){ 0 };
}
