/* load.c - from raw texts to the values of one snapshot. */
#include "config/load.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/expand.h"

const char *path_at(struct arena *a, const char *dir, const char *path)
{
    struct buf out = { 0 };
    const char *text = NULL;

    path_join(&out, dir, path);
    if (buf_ok(&out))
        text = arena_strndup(a, out.data, out.len);
    else
        a->failed = true;
    buf_fini(&out);
    return text;
}

static void key_load(struct loader *l, struct section *s, const struct key_info *k)
{
    const struct raw *raw = s->raw[k - s->info->keys];
    struct raw fallback = { .text = k->fallback ? k->fallback : "" };
    void *field = section_field(s, k);
    struct err e;

    if (!raw && k->required && !*fallback.text)
        problems_add(l->problems, l->file, s->line, "[%s %s]: %s is missing", s->info->name,
                     s->name, k->name);
    /* The default first: what is wrong keeps it, so that one problem makes no second one. */
    if (*fallback.text && (!raw || !key_is_list(k)) &&
        value_read(&l->reader, k, &fallback, field, &e) < 0)
        section_problem(l->problems, s, k->name, &fallback.at, "%s", e.text);
    for (; raw; raw = raw->next)
        if (value_read(&l->reader, k, raw, field, &e) < 0)
            section_problem(l->problems, s, k->name, &raw->at, "%s", e.text);
    value_seal(l->arena, k, field);
}

/* First of all, for other paths begin with it. */
static void root_load(struct loader *l)
{
    struct section *s = section_of(l->c, "paths", NULL);
    const struct key_info *k = key_find(s->info, "root");
    char real[PATH_MAX];
    struct stat st;
    struct err e = { 0 };

    key_load(l, s, k);
    struct config_origin at = section_origin(s, k);
    if (*l->c->paths.root == '\0')
        return;
    if (!realpath(l->c->paths.root, real) || stat(real, &st) != 0)
        err_set(&e, MG_E_IO, "%s: %s", l->c->paths.root, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        err_set(&e, MG_E_INVALID, "%s: is not a folder", l->c->paths.root);
    else
        l->c->paths.root = arena_strndup(l->arena, real, strlen(real));
    if (e.code)
        section_problem(l->problems, s, k->name, &at, "%s", e.text);
    if (l->c->paths.root)
        l->reader.root = l->c->paths.root;
}

static const char *where_text(struct arena *a, const struct config_origin *at)
{
    if (at->kind == CONFIG_FILE)
        return arena_printf(a, "%s:%u", at->name, (unsigned)at->line);
    return at->name;
}

/* A file that a setting may mean as its secret is one of the gateway's own, whatever the tool says.
 */
static void setting_file(struct loader *l, const struct config_setting *out)
{
    const char *path =
        path_at(l->arena, out->at.kind == CONFIG_FILE ? l->c->dir : l->c->private->cwd,
                out->value + 1);

    if (path && list_add(l->arena, &l->c->own_files, path, strlen(path), NULL) < 0)
        problems_add(l->problems, out->at.name, out->at.line, "too many files");
}

static void settings_load(struct loader *l, struct section *s, struct config_tool *tool)
{
    size_t n = 0;

    for (struct setting *raw = s->settings; raw; raw = raw->next)
        n++;
    struct config_setting *out = arena_alloc(l->arena, n * sizeof *out);
    if (!out)
        return;
    tool->settings = out;
    for (struct setting *raw = s->settings; raw; raw = raw->next) {
        struct buf text = { 0 };
        struct err e;
        if (setting_read(&l->reader, &raw->raw, &text, &e) < 0) {
            section_problem(l->problems, s, raw->key, &raw->raw.at, "%s", e.text);
        } else {
            *out = (struct config_setting){
                .key = raw->key,
                .value = arena_strndup(l->arena, text.data, text.len),
                .names_file = raw->raw.has_files && *raw->raw.text == '@',
                .at = raw->raw.at,
                .where = where_text(l->arena, &raw->raw.at),
                .section = s->name,
            };
            if (out->names_file && out->value)
                setting_file(l, out);
            out++;
            tool->n_settings++;
        }
        buf_fini(&text);
    }
}

static size_t sections_count(const struct config *c, const char *kind)
{
    size_t n = 0;

    for (struct section *s = c->private->sections; s; s = s->next)
        n += strcmp(s->info->name, kind) == 0 && s->name;
    return n;
}

/* Gives every named section its struct: one array for each kind, in the file's order. */
static bool named_place(struct loader *l)
{
    struct config *c = l->c;
    struct config_key *key = arena_alloc(l->arena, sections_count(c, "key") * sizeof *key);
    struct config_tool *tool = arena_alloc(l->arena, sections_count(c, "tool") * sizeof *tool);
    struct config_eval *eval = arena_alloc(l->arena, sections_count(c, "eval") * sizeof *eval);

    if (!key || !tool || !eval)
        return false;
    c->keys = key;
    c->tool_rules = tool;
    c->eval_rules = eval;
    for (struct section *s = c->private->sections; s; s = s->next) {
        if (strcmp(s->info->name, "key") == 0) {
            key[c->n_keys] = (struct config_key){ .name = s->name, .line = s->line };
            s->base = &key[c->n_keys++];
        } else if (strcmp(s->info->name, "tool") == 0) {
            bool is_glob = strpbrk(s->name, "*?") != NULL;
            tool[c->n_tool_rules] = (struct config_tool){
                .name = s->name,
                .line = s->line,
                .where = arena_printf(l->arena, "%s:%u", l->file, (unsigned)s->line),
                .is_glob = is_glob,
            };
            s->base = &tool[c->n_tool_rules++];
        } else if (strcmp(s->info->name, "eval") == 0) {
            eval[c->n_eval_rules] = (struct config_eval){ .name = s->name, .line = s->line };
            s->base = &eval[c->n_eval_rules++];
        }
    }
    return true;
}

void values_load(struct loader *l)
{
    if (!named_place(l))
        return;
    /* Not set and 0 are two things here. */
    l->c->rate_limit.per_key = UINT32_MAX;
    root_load(l);
    for (struct section *s = l->c->private->sections; s; s = s->next) {
        for (size_t i = 0; i < s->info->n_keys; i++)
            if (section_field(s, &s->info->keys[i]) != (void *)&l->c->paths.root)
                key_load(l, s, &s->info->keys[i]);
        if (s->info->has_settings)
            settings_load(l, s, s->base);
    }
    if (l->c->rate_limit.per_key == UINT32_MAX)
        l->c->rate_limit.per_key = l->c->rate_limit.bucket;
    list_seal(l->arena, &l->c->own_files, false);
}
