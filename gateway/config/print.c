/* print.c - the effective configuration, and what a reload cannot change. */
#include <string.h>

#include "config/section.h"
#include "config/value.h"

#define ORIGIN_COLUMN 44

static void origin_append(struct buf *out, size_t line_start, const struct config_origin *at)
{
    while (out->len - line_start < ORIGIN_COLUMN - 1)
        buf_putc(out, ' ');
    if (at->kind == CONFIG_FILE)
        buf_printf(out, " ; %s:%u\n", at->name, (unsigned)at->line);
    else if (at->kind == CONFIG_ENV)
        buf_printf(out, " ; environment %s\n", at->name);
    else
        buf_str(out, " ; default\n");
}

static void key_print(struct buf *out, const struct section *s, const struct key_info *k)
{
    struct config_origin at = section_origin(s, k);
    size_t start = out->len;

    buf_printf(out, "%s = ", k->name);
    value_render(out, k, section_field(s, k), true);
    origin_append(out, start, &at);
}

/* Only the tool knows which of its settings are secret, so none is shown. */
static void settings_print(struct buf *out, const struct config_tool *tool)
{
    for (size_t i = 0; i < tool->n_settings; i++) {
        size_t start = out->len;
        buf_printf(out, "%s = ***", tool->settings[i].key);
        origin_append(out, start, &tool->settings[i].at);
    }
}

void config_print(const struct config *c, struct buf *out)
{
    for (const struct section *s = c->private->sections; s; s = s->next) {
        buf_str(out, s == c->private->sections ? "[" : "\n[");
        section_title(out, s);
        buf_str(out, "]\n");
        for (size_t i = 0; i < s->info->n_keys; i++)
            key_print(out, s, &s->info->keys[i]);
        if (s->info->has_settings)
            settings_print(out, s->base);
    }
}

void config_restart_diff(const struct config *old, const struct config *now,
                         void (*changed)(void *arg, const char *key), void *arg)
{
    struct buf before = { 0 }, after = { 0 }, name = { 0 };

    for (const struct section *s = old->private->sections; s; s = s->next) {
        for (size_t i = 0; i < s->info->n_keys && !s->name; i++) {
            const struct key_info *k = &s->info->keys[i];
            if (!k->restart)
                continue;
            buf_clear(&before);
            buf_clear(&after);
            buf_clear(&name);
            buf_printf(&name, "%s.%s", s->info->name, k->name);
            value_render(&before, k, section_field(s, k), false);
            value_render(&after, k, (const char *)now + k->offset, false);
            bool same = before.len == after.len &&
                        (before.len == 0 || memcmp(before.data, after.data, before.len) == 0);
            if (!same && buf_cstr(&name))
                changed(arg, name.data);
        }
    }
    buf_fini(&before);
    buf_fini(&after);
    buf_fini(&name);
}
