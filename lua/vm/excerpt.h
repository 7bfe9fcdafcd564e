/* excerpt.h - where in a file something stands, and the lines that show it to a person.
 * Finds by reading, not by parsing: good for the usual way to write a table, silent for others.
 * Pure; any thread. */
#ifndef MG_VM_EXCERPT_H
#define MG_VM_EXCERPT_H
#include <stddef.h>

#include "base/buf.h"
#include "vm/sources.h"

struct place {
    int line;           /* from 1; 0: unknown */
    size_t column, len; /* bytes in that line; len 0: no word of it is meant */
};

/* The field that `path` names, from line `line` on: "needs", or "input/properties/who" for one
 * inside others. As much of the path as can be found; nothing of it: the line itself. */
struct place excerpt_find(const struct source *s, int line, const char *path);
/* The first place of `word` in the line, or the line as a whole. */
struct place excerpt_word(const struct source *s, int line, const char *word, size_t len);

/* "   12 |   nam = 1," and below it the mark; nothing when there is no such line. */
void excerpt_show(struct buf *out, const struct source *s, const struct place *at);

#endif
