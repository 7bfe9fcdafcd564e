/* source.c - from the lines of the ini file to raw values under known sections and keys. */
#include <string.h>

#include "config/ini.h"
#include "config/load.h"

static struct section *section_new(struct loader *l, const struct section_info *info,
                                   const char *name, uint32_t line)
{
    struct section *s = arena_alloc(l->arena, sizeof *s);

    if (!s)
        return NULL;
    s->info = info;
    s->line = line;
    s->name = name ? arena_strndup(l->arena, name, strlen(name)) : NULL;
    s->raw = arena_alloc(l->arena, info->n_keys * sizeof(struct raw *));
    if (!s->raw || (name && !s->name))
        return NULL;
    *l->tail = s;
    l->tail = &s->next;
    return s;
}

/* These exist whether the file names them or not. */
static bool plain_sections(struct loader *l)
{
    for (size_t i = 0; i < config_section_count; i++) {
        if (config_sections[i].named)
            continue;
        struct section *s = section_new(l, &config_sections[i], NULL, 0);
        if (!s)
            return false;
        s->base = l->c;
    }
    return true;
}

static void heading_unknown(struct loader *l, uint32_t line, const char *heading, const char *kind)
{
    const char *nearest = section_nearest(kind);

    if (nearest)
        problems_add(l->problems, l->file, line, "[%s]: unknown section; did you mean [%s]?",
                     heading, nearest);
    else
        problems_add(l->problems, l->file, line, "[%s]: unknown section", heading);
}

/* The name behind the section's kind is right for it. */
static bool heading_fits(struct loader *l, const struct section_info *info, const char *heading,
                         const char *name, uint32_t line)
{
    const char *wrong = info->named && *name ? info->name_shape(name) : NULL;

    if (info->named && !*name)
        problems_add(l->problems, l->file, line, "[%s]: the heading needs a name: [%s %s]", heading,
                     info->name, info->named);
    else if (!info->named && *name)
        problems_add(l->problems, l->file, line, "[%s]: this section has no name", heading);
    else if (wrong)
        problems_add(l->problems, l->file, line, "[%s]: expected %s", heading, wrong);
    else if (info->named && l->n_named == SECTIONS_MAX)
        problems_add(l->problems, l->file, line, "[%s]: more than %d sections with a name", heading,
                     SECTIONS_MAX);
    else
        return true;
    return false;
}

static void heading_found(void *arg, const char *heading, uint32_t line)
{
    struct loader *l = arg;
    char kind[16] = "";
    size_t len = strcspn(heading, " \t");
    const char *name = heading + len + strspn(heading + len, " \t");

    l->current = NULL;
    l->seen_heading = true;
    if (len < sizeof kind)
        memcpy(kind, heading, len);
    const struct section_info *info = section_find(kind);
    if (!info) {
        heading_unknown(l, line, heading, kind);
        return;
    }
    if (!heading_fits(l, info, heading, name, line))
        return;
    struct section *s = section_of(l->c, kind, info->named ? name : NULL);
    if (s && s->line > 0) {
        problems_add(l->problems, l->file, line, "[%s]: stands already in line %u", heading,
                     (unsigned)s->line);
        return;
    }
    if (!s) {
        s = section_new(l, info, name, line); /* a plain one is there */
        l->n_named++;
    }
    if (s)
        s->line = line;
    l->current = s;
}

/* Grants for what the gateway cannot do: never a tool's own setting, so that none is taken for
 * granted. */
static bool is_reserved(const char *key)
{
    static const char *const names[] = { "http", "allow_private", "redis" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

uint32_t setting_add(struct loader *l, struct section *s, const char *key, const struct raw *raw)
{
    struct setting **at = &s->settings;
    bool from_env = raw->at.kind == CONFIG_ENV;

    for (; *at; at = &(*at)->next) {
        if (strcmp((*at)->key, key) != 0)
            continue;
        if (from_env)
            (*at)->raw = *raw;
        return from_env ? 0 : (*at)->raw.at.line;
    }
    struct setting *setting = arena_alloc(l->arena, sizeof *setting);
    if (!setting)
        return 0;
    setting->key = arena_strndup(l->arena, key, strlen(key));
    setting->raw = *raw;
    *at = setting->key ? setting : NULL;
    return 0;
}

static void key_unknown(struct loader *l, const struct section *s, const char *key,
                        const struct config_origin *at)
{
    const char *nearest = key_nearest(s->info, key);

    if (nearest)
        section_problem(l->problems, s, key, at, "unknown key; did you mean %s?", nearest);
    else
        section_problem(l->problems, s, key, at, "unknown key");
}

static void key_twice(struct loader *l, const struct section *s, const char *key,
                      const struct config_origin *at, uint32_t first)
{
    section_problem(l->problems, s, key, at, "is set already in line %u", (unsigned)first);
}

static void pair_found(void *arg, const char *key, const char *value, uint32_t line)
{
    struct loader *l = arg;
    struct section *s = l->current;
    struct raw *raw = arena_alloc(l->arena, sizeof *raw);
    const struct key_info *k = s ? key_find(s->info, key) : NULL;

    if (!s && !l->seen_heading)
        problems_add(l->problems, l->file, line, "%s: a key before the first [section]", key);
    if (!s || !raw)
        return;
    *raw = (struct raw){
        .text = arena_strndup(l->arena, value, strlen(value)),
        .at = { .kind = CONFIG_FILE, .line = line, .name = l->file },
        .has_refs = true,
        .has_files = true,
    };
    if (!raw->text)
        return;
    if (!k && s->info->has_settings && !is_reserved(key)) {
        uint32_t first = setting_add(l, s, key, raw);
        if (first > 0)
            key_twice(l, s, key, &raw->at, first);
        return;
    }
    if (!k) {
        key_unknown(l, s, key, &raw->at);
        return;
    }
    struct raw **at = &s->raw[k - s->info->keys];
    if (*at && !key_is_list(k)) {
        key_twice(l, s, key, &raw->at, (*at)->at.line);
        return;
    }
    while (*at)
        at = &(*at)->next;
    *at = raw;
}

bool source_read(struct loader *l)
{
    static const struct ini_ops ops = { .section = heading_found, .pair = pair_found };

    return plain_sections(l) && ini_read_file(l->file, &ops, l, l->problems) == 0 &&
           !l->arena->failed;
}
