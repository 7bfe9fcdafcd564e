/* sources.h - the bytes of a tools folder, read once, so that every worker has the same ones.
 * Tool files are the *.lua in the folder itself but those whose name begins with "_" or "." or ends
 * in "_test.lua"; helpers are the *.lua below lib/. All files below skills/ are what skills are
 * made of. A symbolic link to a regular file is followed; below skills/, whose files clients read,
 * not out of the tools folder. Lifetime: counted references. Threads: immutable once read; the
 * count is atomic. */
#ifndef MG_VM_SOURCES_H
#define MG_VM_SOURCES_H
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SOURCE_MAX_BYTES (1u << 20)
#define SOURCES_MAX_FILES 1000
#define SOURCES_SKILL_FILES 4096        /* below skills/ */
#define SOURCES_SKILL_BYTES (64u << 20) /* of them together */

struct source {
    char *name;  /* "greet.lua", "lib/text.lua": below the folder */
    char *title; /* "tools.d/greet.lua": for people */
    char *text;  /* NULL: it could not be read */
    size_t len;
    char *problem;  /* why not; NULL when text is there */
    bool is_helper; /* nothing to load by itself */
};

struct sources;
/* NULL with the reason: no such folder, too many files, no memory. Sorted by name. */
struct sources *sources_read(const char *tools_dir, struct err *e);
struct sources *sources_ref(struct sources *s);
void sources_unref(struct sources *s); /* NULL is legal */
size_t sources_count(const struct sources *s);
const struct source *sources_at(const struct sources *s, size_t i);
const struct source *sources_find(const struct sources *s, const char *name);
/* Adds a file of the folder that sources_read() passes over: one of tests. Before the sources are
 * shared. */
int sources_add(struct sources *s, const char *tools_dir, const char *file,
                struct err *e) MG_NODISCARD;

#endif
