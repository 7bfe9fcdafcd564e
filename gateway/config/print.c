/* print.c - the effective configuration, and what a reload cannot change. */
#include <string.h>

#include "config/ini.h"
#include "config/section.h"
#include "config/value.h"

#define ORIGIN_COLUMN 44

static void origin_write(struct buf *out, const struct config_origin *at)
{
    if (at->kind == CONFIG_FILE)
        buf_printf(out, "; %s:%u", at->name, (unsigned)at->line);
    else if (at->kind == CONFIG_ENV)
        buf_printf(out, "; environment %s", at->name);
    else
        buf_str(out, "; default");
}

static void append(struct buf *out, const struct buf *more)
{
    if (more->len > 0)
        buf_append(out, more->data, more->len);
    out->failed |= more->failed;
}

/* The origin stands behind the line; before it where that would be longer than what is read again.
 * So may be a line by itself: what a ${NAME} or the folder of a path adds is not bound to one line.
 */
static void line_print(struct buf *out, const struct buf *line, const struct config_origin *at)
{
    struct buf origin = { 0 };
    size_t behind = line->len < ORIGIN_COLUMN - 1 ? ORIGIN_COLUMN : line->len + 1;

    origin_write(&origin, at);
    if (behind + origin.len > INI_LINE_BYTES) {
        append(out, &origin);
        buf_str(out, line->len > INI_LINE_BYTES ? " (too long for a line of mcp.ini)\n" : "\n");
        append(out, line);
    } else {
        append(out, line);
        buf_printf(out, "%*s", (int)(behind - line->len), "");
        append(out, &origin);
    }
    buf_putc(out, '\n');
    buf_fini(&origin);
}

/* Without blanks where a line would else be too long, or read a ; as the beginning of a comment. */
static void line_render(struct buf *line, const struct key_info *k, const void *field, bool is_one)
{
    buf_printf(line, "%s = ", k->name);
    size_t value = line->len;
    value_render(line, k, field, true);
    if ((is_one && line->len > INI_LINE_BYTES) || (line->len > value && line->data[value] == ';')) {
        buf_clear(line);
        buf_printf(line, "%s=", k->name);
        value_render(line, k, field, true);
    }
}

/* A list that is too long for one line has one for each item. */
static void value_print(struct buf *out, const struct key_info *k, const void *field,
                        const struct config_origin *at)
{
    struct buf line = { 0 };
    const struct config_list *list = key_is_list(k) ? field : NULL;
    bool is_one = !list || list->n < 2;

    line_render(&line, k, field, is_one);
    if (is_one || line.len <= INI_LINE_BYTES) {
        line_print(out, &line, at);
    } else {
        for (size_t i = 0; i < list->n; i++) {
            struct config_list one = { .items = list->items + i, .n = 1, .text = "" };
            value_print(out, k, &one, at);
        }
    }
    buf_fini(&line);
}

static void key_print(struct buf *out, const struct section *s, const struct key_info *k)
{
    struct config_origin at = section_origin(s, k);
    value_print(out, k, section_field(s, k), &at);
}

/* Only the tool knows which of its settings are secret, so none is shown. */
static void settings_print(struct buf *out, const struct config_tool *tool)
{
    for (size_t i = 0; i < tool->n_settings; i++) {
        struct buf line = { 0 };
        buf_printf(&line, "%s = ***", tool->settings[i].key);
        line_print(out, &line, &tool->settings[i].at);
        buf_fini(&line);
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
