/* section.h - what was written, section by section, before and after it became values.
 * Private to gateway/config.
 * Lifetime: in the arena of the configuration it belongs to.
 * Threads:  the loading one, then any that reads. */
#ifndef MG_CONFIG_SECTION_H
#define MG_CONFIG_SECTION_H
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "config/config.h"
#include "config/keys.h"

#define SECTIONS_MAX 1000 /* named sections of a file */

struct raw { /* one written value */
    const char *text;
    struct config_origin at;
    bool has_refs;    /* ${NAME} means the environment */
    bool has_files;   /* @file means what the file holds */
    struct raw *next; /* a list's next line */
};

struct setting { /* a key that only the tool knows */
    const char *key;
    struct raw raw;
    struct setting *next;
};

struct section {
    const struct section_info *info;
    const char *name;         /* NULL: a plain section */
    uint32_t line;            /* of its heading; 0: it has none */
    void *base;               /* what its keys' offsets count from */
    struct raw **raw;         /* by key; NULL: not written */
    struct setting *settings; /* in order */
    struct section *next;
};

struct config_private {
    struct arena arena;
    atomic_uint refs;
    const char *file;         /* the ini file as it was named */
    const char *cwd;          /* absolute */
    struct section *sections; /* plain ones in the table's order, then named ones in the file's */
};

/* The section of that name, NULL name for a plain one; NULL when there is none. */
struct section *section_of(const struct config *c, const char *kind, const char *name);
/* Where the value of a key comes from. */
struct config_origin section_origin(const struct section *s, const struct key_info *k);
/* "server" or "tool run_*" */
void section_title(struct buf *out, const struct section *s);
void *section_field(const struct section *s, const struct key_info *k);

/* The problem "WHERE: SECTION.KEY: text" of a value that comes from *at. */
void section_problem(struct problems *p, const struct section *s, const char *key,
                     const struct config_origin *at, const char *fmt, ...) MG_PRINTF(5, 6);

#endif
