#include "config/section.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct section *section_of(const struct config *c, const char *kind, const char *name)
{
    for (struct section *s = c->private->sections; s; s = s->next) {
        if (strcmp(s->info->name, kind) != 0)
            continue;
        if (name ? s->name && strcmp(s->name, name) == 0 : !s->name)
            return s;
    }
    return NULL;
}

struct config_origin section_origin(const struct section *s, const struct key_info *k)
{
    const struct raw *raw = s->raw[k - s->info->keys];

    return raw ? raw->at : (struct config_origin){ .kind = CONFIG_DEFAULT };
}

void section_title(struct buf *out, const struct section *s)
{
    buf_str(out, s->info->name);
    if (s->name)
        buf_printf(out, " %s", s->name);
}

void *section_field(const struct section *s, const struct key_info *k)
{
    return (char *)s->base + k->offset;
}

void section_problem(struct problems *p, const struct section *s, const char *key,
                     const struct config_origin *at, const char *fmt, ...)
{
    char text[1024];
    const char *blank = s->name ? " " : "", *name = s->name ? s->name : "";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at->kind == CONFIG_DEFAULT)
        problems_add(p, NULL, 0, "the default of %s.%s: %s", s->info->name, key, text);
    else if (at->kind == CONFIG_ENV)
        problems_add(p, NULL, 0, "environment %s: %s%s%s.%s: %s", at->name, s->info->name, blank,
                     name, key, text);
    else
        problems_add(p, at->name, at->line, "%s%s%s.%s: %s", s->info->name, blank, name, key, text);
}
