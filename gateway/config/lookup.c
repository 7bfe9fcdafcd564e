/* lookup.c - keys by name: the exact one, the nearest one, what the environment calls one. */
#include <ctype.h>
#include <string.h>

#include "base/parse.h"
#include "config/keys.h"

const struct section_info *section_find(const char *name)
{
    for (size_t i = 0; i < config_section_count; i++)
        if (strcmp(config_sections[i].name, name) == 0)
            return &config_sections[i];
    return NULL;
}

const struct key_info *key_find(const struct section_info *s, const char *name)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (strcmp(s->keys[i].name, name) == 0)
            return &s->keys[i];
    return NULL;
}

/* Near enough to be meant: one slip, two in a longer name. */
static void nearest_take(const char *name, const char *candidate, unsigned *best, const char **out)
{
    unsigned distance = edit_distance(name, candidate);

    if (distance < *best && distance <= (strlen(candidate) < 6 ? 1 : 2)) {
        *best = distance;
        *out = candidate;
    }
}

const char *section_nearest(const char *name)
{
    const char *out = NULL;
    unsigned best = ~0u;

    for (size_t i = 0; i < config_section_count; i++)
        nearest_take(name, config_sections[i].name, &best, &out);
    return out;
}

const char *key_nearest(const struct section_info *s, const char *name)
{
    const char *out = NULL;
    unsigned best = ~0u;

    for (size_t i = 0; i < s->n_keys; i++)
        nearest_take(name, s->keys[i].name, &best, &out);
    return out;
}

bool key_is_list(const struct key_info *k)
{
    return k->type == KEY_LIST || k->type == KEY_SECRETS || k->type == KEY_ARGV;
}

bool key_is_secret(const struct key_info *k)
{
    return k->type == KEY_SECRET || k->type == KEY_SECRETS || k->hidden;
}

const char *env_skip(const char *variable, const char *s)
{
    for (; *s; s++, variable++) {
        int c = isalnum((unsigned char)*s) ? toupper((unsigned char)*s) : '_';
        if (*variable != c)
            return NULL;
    }
    return variable;
}

const char *env_skip_section(const char *variable, const struct section_info *s, const char *name)
{
    const char *at = env_skip(variable, ENV_PREFIX);

    if (at)
        at = env_skip(at, s->name);
    if (at && name)
        at = *at == '_' ? env_skip(at + 1, name) : NULL;
    return at && *at == '_' && at[1] != '\0' ? at + 1 : NULL;
}

const char *env_nearest(const struct section_info *s, const char *rest)
{
    char lower[64];
    size_t n = 0;

    for (; n < sizeof lower - 1 && rest[n]; n++)
        lower[n] = (char)tolower((unsigned char)rest[n]);
    lower[n] = '\0';
    return key_nearest(s, lower);
}
