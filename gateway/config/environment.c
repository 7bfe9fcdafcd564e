/* environment.c - values from environment variables: MOONGATE_SECTION_KEY and the ops kit's names.
 * An empty variable counts as not set: an unset ${KEYS:-} of some start script must not remove the
 * keys that stand in the file. */
#include <ctype.h>
#include <string.h>

#include "base/parse.h"
#include "config/expand.h"
#include "config/load.h"

static struct raw *raw_new(struct loader *l, const char *variable, size_t len, const char *text)
{
    struct raw *raw = arena_alloc(l->arena, sizeof *raw);

    if (!raw)
        return NULL;
    raw->text = text;
    raw->at = (struct config_origin){ .kind = CONFIG_ENV,
                                      .name = arena_strndup(l->arena, variable, len) };
    return raw->at.name ? raw : NULL;
}

/* Do two texts of one key say the same? */
static bool same_value(const struct key_info *k, const char *a, const char *b)
{
    int64_t x, y;

    if (strcmp(a, b) == 0)
        return true;
    return k->type == KEY_DURATION && parse_duration(a, &x) == 0 && parse_duration(b, &y) == 0 &&
           x == y;
}

static void alias_apply(struct loader *l, struct section *s, const struct key_info *k)
{
    const char *value = env_get(l->env, k->alias, strlen(k->alias));
    struct raw **at = &s->raw[k - s->info->keys];
    struct config_origin origin = { .kind = CONFIG_ENV, .name = k->alias };

    if (!value || !*value)
        return;
    if (k->alias_ms) {
        if (strspn(value, "0123456789") != strlen(value)) {
            section_problem(l->problems, s, k->name, &origin, "expected a number of milliseconds");
            return;
        }
        value = arena_printf(l->arena, "%sms", value);
        if (!value)
            return;
    }
    if (*at && (*at)->at.kind == CONFIG_ENV) {
        if (!same_value(k, value, (*at)->text))
            section_problem(l->problems, s, k->name, &origin, "%s says something else",
                            (*at)->at.name);
        return;
    }
    struct raw *raw = raw_new(l, k->alias, strlen(k->alias), value);
    if (raw)
        *at = raw;
}

static bool has_env_name(const struct section *s) { return !s->name || !strpbrk(s->name, "*?"); }

/* A tool's own setting: the rest of the variable's name, in lower case. */
static void setting_apply(struct loader *l, struct section *s, const char *rest, struct raw *raw)
{
    size_t len = strlen(raw->at.name) - (size_t)(rest - raw->at.name);
    char *key = arena_strndup(l->arena, rest, len);

    for (size_t i = 0; key && i < len; i++)
        key[i] = (char)tolower((unsigned char)key[i]);
    if (key)
        setting_add(l, s, key, raw);
}

/* The key of s that the variable means; *rest is what follows the section's own part, or NULL. */
static const struct key_info *variable_key(const struct section *s, const char *variable,
                                           const char **rest)
{
    *rest = env_skip_section(variable, s->info, s->name);
    for (size_t i = 0; *rest && i < s->info->n_keys; i++) {
        const char *end = env_skip(*rest, s->info->keys[i].name);
        if (end && *end == '\0')
            return &s->info->keys[i];
    }
    return NULL;
}

static void variable_unknown(struct loader *l, const char *variable)
{
    for (size_t i = 0; i < config_section_count; i++) {
        const struct section_info *info = &config_sections[i];
        const char *rest = env_skip_section(variable, info, NULL);
        if (!rest)
            continue;
        const char *nearest = info->named ? NULL : env_nearest(info, rest);
        if (info->named)
            problems_add(l->problems, NULL, 0,
                         "environment %s: names no key of a [%s ...] section in the file", variable,
                         info->name);
        else if (nearest)
            problems_add(l->problems, NULL, 0,
                         "environment %s: names no key of [%s]; did you mean %s?", variable,
                         info->name, nearest);
        else
            problems_add(l->problems, NULL, 0, "environment %s: names no key of [%s]", variable,
                         info->name);
        return;
    }
}

/* Of several tools whose names begin alike the longest is meant. */
static void variable_apply(struct loader *l, struct raw *raw)
{
    struct section *of_key = NULL, *of_setting = NULL;
    const char *setting = NULL;

    for (struct section *s = l->c->private->sections; s; s = s->next) {
        const char *rest = NULL;
        const struct key_info *k = has_env_name(s) ? variable_key(s, raw->at.name, &rest) : NULL;
        if (k && of_key)
            problems_add(l->problems, NULL, 0, "environment %s: means [%s %s] and [%s %s] alike",
                         raw->at.name, of_key->info->name, of_key->name, s->info->name, s->name);
        if (k) {
            s->raw[k - s->info->keys] = raw;
            of_key = s;
        } else if (rest && s->info->has_settings && (!setting || rest > setting)) {
            of_setting = s;
            setting = rest;
        }
    }
    if (of_key)
        return;
    if (of_setting)
        setting_apply(l, of_setting, setting, raw);
    else
        variable_unknown(l, raw->at.name);
}

void environment_apply(struct loader *l)
{
    for (const char *const *env = l->env; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        if (!equals || equals[1] == '\0' || strncmp(*env, ENV_PREFIX, strlen(ENV_PREFIX)) != 0)
            continue;
        struct raw *raw = raw_new(l, *env, (size_t)(equals - *env), equals + 1);
        if (!raw)
            return;
        raw->has_files = true;
        variable_apply(l, raw);
    }
    for (struct section *s = l->c->private->sections; s; s = s->next)
        for (size_t i = 0; i < s->info->n_keys; i++)
            if (s->info->keys[i].alias)
                alias_apply(l, s, &s->info->keys[i]);
}
