/* load.h - one loading of a configuration under way. Private to gateway/config.
 * Lifetime: config_load()'s frame. */
#ifndef MG_CONFIG_LOAD_H
#define MG_CONFIG_LOAD_H
#include "config/section.h"
#include "config/value.h"

struct loader {
    const char *file; /* as it was named, for messages */
    const char *const *env;
    struct problems *problems;
    struct config *c;
    struct arena *arena;     /* c's */
    struct section **tail;   /* where the next section is hung in */
    struct section *current; /* NULL: before the first heading, or under a bad one */
    bool seen_heading;
    size_t n_named;
    struct value_reader reader;
};

/* source.c: what the file says, as raw texts. False: there is nothing to go on with. */
bool source_read(struct loader *l);
/* Keeps a tool's own key. Returns the line of the one that is there already, or 0. */
uint32_t setting_add(struct loader *l, struct section *s, const char *key, const struct raw *raw);

/* environment.c: what the environment says instead. */
void environment_apply(struct loader *l);

/* load.c: every key of every section, written or not. */
void values_load(struct loader *l);
const char *path_at(struct arena *a, const char *dir, const char *path);

/* check.c: what only several values together can get wrong. */
void config_check(const struct config *c, struct problems *p);

#endif
