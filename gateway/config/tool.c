/* tool.c - what the sections of tools say together about one tool. */
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "config/expand.h"
#include "config/value.h"

static const struct section_info *tool_info(void) { return section_find("tool"); }

/* Every key that the rule's section writes replaces what was there. */
static void rule_apply(const struct config *c, const struct config_tool *rule,
                       struct config_tool *out)
{
    const struct section *s = section_of(c, "tool", rule->name);

    for (size_t i = 0; i < s->info->n_keys; i++) {
        const struct key_info *k = &s->info->keys[i];
        if (s->raw[i])
            value_copy(k, (char *)out + k->offset, section_field(s, k));
    }
}

static void settings_apply(const struct config_tool *rule, struct config_setting *settings,
                           size_t *n)
{
    for (size_t i = 0; i < rule->n_settings; i++) {
        size_t at = 0;
        while (at < *n && strcmp(settings[at].key, rule->settings[i].key) != 0)
            at++;
        settings[at] = rule->settings[i];
        *n += at == *n;
    }
}

/* The tool's own section comes after every glob, wherever it stands. */
static bool applies(const struct config_tool *rule, const char *name, bool globs)
{
    if (rule->is_glob)
        return globs && glob_match(rule->name, name, strlen(name));
    return !globs && strcmp(rule->name, name) == 0;
}

int config_tool_resolve(const struct config *c, const char *name, struct config_tool *out)
{
    const struct section_info *info = tool_info();
    struct config_setting *settings;
    size_t n = 0;

    *out = (struct config_tool){ .name = name, .enabled = true };
    for (size_t i = 0; i < info->n_keys; i++)
        if (key_is_list(&info->keys[i]))
            list_seal(NULL, (struct config_list *)((char *)out + info->keys[i].offset), false);
    for (size_t i = 0; i < c->n_tool_rules; i++)
        n += c->tool_rules[i].n_settings;
    settings = calloc(n + 1, sizeof *settings);
    if (!settings)
        return MG_E_NOMEM;

    n = 0;
    for (int globs = 1; globs >= 0; globs--) {
        for (size_t i = 0; i < c->n_tool_rules; i++) {
            const struct config_tool *rule = &c->tool_rules[i];
            if (!applies(rule, name, globs))
                continue;
            rule_apply(c, rule, out);
            settings_apply(rule, settings, &n);
            out->line = rule->line;
            out->where = rule->where;
        }
    }
    out->settings = settings;
    out->n_settings = n;
    return 0;
}

void config_tool_fini(struct config_tool *t)
{
    free((void *)(uintptr_t)t->settings);
    t->settings = NULL;
    t->n_settings = 0;
}

int config_secret(const struct config *c, const struct config_setting *s, struct buf *out,
                  struct err *e)
{
    struct buf path = { 0 };
    int rc;

    if (!s->names_file) {
        buf_str(out, s->value);
        return buf_ok(out) ? 0 : err_set(e, MG_E_NOMEM, "not enough memory");
    }
    path_join(&path, s->at.kind == CONFIG_FILE ? c->dir : c->private->cwd, s->value + 1);
    rc = buf_cstr(&path) ? expand_file(out, path.data, e)
                         : err_set(e, MG_E_NOMEM, "not enough memory");
    buf_fini(&path);
    return rc;
}
