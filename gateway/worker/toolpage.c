#include "worker/toolpage.h"

#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"

static const char top[] =
    "# Tools\n"
    "\n"
    "This page is printed by `moongate tools --markdown`, from what the files in `tools.d` "
    "declare\n"
    "and what `mcp.ini` grants them. A tool of your own gets its place here when the command is "
    "run\n"
    "again.\n"
    "\n"
    "`tools/call` takes the arguments as an object. *Lenient* tools have the ops kit's wire: "
    "unknown\n"
    "arguments are ignored, numbers out of range are clamped, `\"3\"` is a number.\n"
    "\n"
    "| tool | what for |\n"
    "|---|---|\n";

/* ---- pieces of JSON ---- */

static bool parse(const char *text, struct json_text *root)
{
    struct err e;
    return text && json_scan(text, strlen(text), NULL, root, &e) == 0;
}

/* In a table's cell: neither a bar nor a new line. */
static void cell(struct buf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '|')
            buf_putc(out, '\\');
        buf_putc(out, s[i] == '\n' ? ' ' : s[i]);
    }
}

static void cell_string(struct buf *out, struct json_text string)
{
    struct buf text = { 0 };
    json_string_decode(string, &text);
    if (text.data)
        cell(out, text.data, text.len);
    buf_fini(&text);
}

static void cell_code(struct buf *out, const char *s, size_t len)
{
    buf_putc(out, '`');
    cell(out, s, len);
    buf_putc(out, '`');
}

/* "text" for a string, the JSON itself for all else. */
static void cell_value(struct buf *out, struct json_text v)
{
    if (v.type == JSON_STRING)
        cell_string(out, v);
    else
        cell_code(out, v.p, v.len);
}

/* ---- arguments ---- */

static bool is_required(struct json_text required, struct json_text key)
{
    struct json_iter it = json_iter(required);
    struct json_text item;
    while (required.type == JSON_ARRAY && json_next_item(&it, &item))
        if (item.len == key.len && memcmp(item.p, key.p, key.len) == 0)
            return true;
    return false;
}

/* What the schema says beside type, default and description, such as maxLength 80. */
static void rest(struct buf *out, struct json_text schema)
{
    static const char *const told[] = { "type", "default", "description" };
    struct json_iter it = json_iter(schema);
    struct json_text key, value;
    bool is_first = true;
    while (schema.type == JSON_OBJECT && json_next_member(&it, &key, &value)) {
        bool is_told = false;
        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
            is_told |= json_string_eq(key, told[i], strlen(told[i]));
        if (is_told)
            continue;
        buf_str(out, is_first ? "" : ", ");
        cell_string(out, key);
        buf_putc(out, ' ');
        cell_code(out, value.p, value.len);
        is_first = false;
    }
}

static void argument(struct buf *out, struct json_text required, struct json_text key,
                     struct json_text schema)
{
    static const char *const names[] = { "type", "default", "description" };
    struct json_text found[3];
    json_find(schema, names, found, 3);
    buf_str(out, "| `");
    cell_string(out, key);
    buf_str(out, "` | ");
    if (found[0].type != JSON_NONE)
        cell_value(out, found[0]);
    buf_str(out, " | ");
    if (is_required(required, key))
        buf_str(out, "required");
    else if (found[1].type != JSON_NONE)
        cell_code(out, found[1].p, found[1].len);
    buf_str(out, " | ");
    rest(out, schema);
    buf_str(out, " | ");
    if (found[2].type == JSON_STRING)
        cell_string(out, found[2]);
    buf_str(out, " |\n");
}

static void arguments(struct buf *out, const struct tool *t)
{
    struct json_text root, key, schema;
    struct json_text properties = { 0 };
    if (parse(t->input_schema, &root))
        properties = json_get(root, "properties");
    struct json_iter it = json_iter(properties);
    if (properties.type != JSON_OBJECT || properties.len <= 2) {
        buf_str(out, "No arguments.\n\n");
        return;
    }
    buf_str(out, "| argument | type | default | bounds | meaning |\n|---|---|---|---|---|\n");
    while (json_next_member(&it, &key, &schema))
        argument(out, json_get(root, "required"), key, schema);
    buf_putc(out, '\n');
}

/* ---- what it declares ---- */

static void annotations(struct buf *out, const struct tool *t)
{
    struct json_text root, key, value;
    if (!parse(t->annotations, &root))
        return;
    struct json_iter it = json_iter(root);
    buf_str(out, "- annotations:");
    for (bool is_first = true; json_next_member(&it, &key, &value); is_first = false) {
        buf_str(out, is_first ? " " : ", ");
        cell_string(out, key);
        buf_putc(out, ' ');
        cell_value(out, value);
    }
    buf_putc(out, '\n');
}

static void needs(struct buf *out, const struct tool *t)
{
    struct json_text root, item;
    struct json_iter it = { 0 };
    bool is_first = true;
    if (parse(t->needs, &root))
        it = json_iter(root);
    buf_str(out, "- needs:");
    while (it.p && json_next_item(&it, &item)) {
        struct buf name = { 0 };
        json_string_decode(item, &name);
        bool is_optional = name.len > 0 && name.data[name.len - 1] == '?';
        buf_printf(out, "%s`%.*s`%s", is_first ? " " : ", ", (int)(name.len - is_optional),
                   name.data ? name.data : "", is_optional ? " (optional)" : "");
        buf_fini(&name);
        is_first = false;
    }
    buf_str(out, is_first ? " nothing\n" : "\n");
}

static void settings(struct buf *out, const struct tool *t)
{
    static const char *const names[] = { "type", "default", "help" };
    struct json_text root, key, value, found[3];
    if (!parse(t->settings, &root) || root.len <= 2)
        return;
    struct json_iter it = json_iter(root);
    buf_printf(out,
               "\nSettings, in `[tool %s]`:\n\n| key | type | default | meaning |\n"
               "|---|---|---|---|\n",
               t->name);
    while (json_next_member(&it, &key, &value)) {
        json_find(value, names, found, 3);
        buf_str(out, "| `");
        cell_string(out, key);
        buf_str(out, "` | ");
        for (size_t i = 0; i < 3; i++) {
            if (found[i].type != JSON_NONE)
                cell_value(out, found[i]);
            buf_str(out, i < 2 ? " | " : " |\n");
        }
    }
}

/* ---- what it is granted ---- */

static void list(struct buf *out, const char *key, const char *const *items, const char **between)
{
    if (!items || !*items)
        return;
    buf_printf(out, "%s`%s = ", *between, key);
    for (size_t i = 0; items[i]; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", items[i]);
    buf_putc(out, '`');
    *between = ", ";
}

static void granted(struct buf *out, const struct vm_policy *p)
{
    const char *between = " ";
    buf_str(out, "- granted:");
    if (p->fs != VM_FS_NONE) {
        buf_printf(out, " `fs = %s`", p->fs == VM_FS_READ ? "read" : "write");
        between = ", ";
    }
    list(out, "exec", p->exec, &between);
    list(out, "env", p->env, &between);
    list(out, "http", p->http, &between);
    if (p->allow_private)
        buf_printf(out, "%s`allow_private = yes`", between);
    list(out, "state", p->state, &between);
    buf_str(out, *between == ' ' ? " nothing\n" : "\n");
}

static void limits(struct buf *out, const struct tool *t)
{
    if (t->timeout_ms % 1000 == 0)
        buf_printf(out, "- limits: %lld s", (long long)(t->timeout_ms / 1000));
    else
        buf_printf(out, "- limits: %lld ms", (long long)t->timeout_ms);
    if (t->memory_bytes % (1 << 20) == 0)
        buf_printf(out, ", %llu MB", (unsigned long long)(t->memory_bytes >> 20));
    else
        buf_printf(out, ", %llu bytes", (unsigned long long)t->memory_bytes);
    if (t->concurrent > 0)
        buf_printf(out, ", %u at once", t->concurrent);
    if (t->rate_bucket > 0)
        buf_printf(out, ", %u calls in %g s", t->rate_bucket, (double)t->rate_window_ms / 1000);
    buf_putc(out, '\n');
}

/* ---- the page ---- */

static void section(struct buf *out, const struct generation *g, const struct tool *t)
{
    const struct vm_policy *p = policies_find(g->policies, t->name);
    buf_printf(out, "\n## %s\n\n", t->name);
    if (t->title)
        buf_printf(out, "**%s**%s\n\n", t->title, t->coerce ? " *(lenient)*" : "");
    else if (t->coerce)
        buf_str(out, "*(lenient)*\n\n");
    if (t->description)
        buf_printf(out, "%s\n\n", t->description);
    arguments(out, t);
    if (t->output_schema)
        buf_printf(out, "The result's schema:\n\n```json\n%s\n```\n\n", t->output_schema);
    annotations(out, t);
    needs(out, t);
    if (p)
        granted(out, p);
    limits(out, t);
    buf_printf(out, "- file: `%s`\n", t->file);
    settings(out, t);
}

void toolpage_write(const struct generation *g, struct buf *out)
{
    buf_str(out, top);
    for (size_t i = 0; i < toolset_count(g->tools); i++) {
        const struct tool *t = toolset_at(g->tools, i);
        const char *what = t->title ? t->title : t->description ? t->description : "";
        buf_printf(out, "| [%s](#%s) | ", t->name, t->name);
        cell(out, what, strlen(what));
        buf_str(out, " |\n");
    }
    for (size_t i = 0; i < toolset_count(g->tools); i++)
        section(out, g, toolset_at(g->tools, i));
}
