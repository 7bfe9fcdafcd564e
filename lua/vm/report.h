/* report.h - what is wrong with a file, twice: one line each for the log ("tools.d/greet.lua:12:
 * reason"), and for people with the line of the file, a mark and what helps.
 * Errors of a declaration's field point at the line where the field is written, when it can be
 * found. Lifetime: embedded; report_fini(). Threads: one owner. Never raises. */
#ifndef MG_VM_REPORT_H
#define MG_VM_REPORT_H
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "vm/sources.h"

struct report {
    struct buf text, shown;
    struct buf scratch; /* for whoever makes a text and may raise meanwhile */
    const struct source *source;
    const struct sources *sources; /* source is one of; for errors that helpers raise. NULL is legal
                                    */
    int line;                      /* of the declaration that is being looked at */
    unsigned count;
    unsigned settings; /* so many of them are about what mcp.ini says of the tool's settings */
    bool lacks_memory; /* and so says nothing of the file */
};

void report_fini(struct report *r);
/* field: a name to look for from r->line on, "input/properties" for one inside another, or NULL. */
void report_add(struct report *r, const char *field, const char *fmt, ...) MG_PRINTF(3, 4);
/* What a file raised, or Lua's compiler: "tools.d/greet.lua:12: reason", or a mere reason. */
void report_raised(struct report *r, const char *text);
/* For people: what helps against the last one; lines. */
void report_help(struct report *r, const char *fmt, ...) MG_PRINTF(2, 3);
void report_no_memory(struct report *r);
/* ` (did you mean "x"?)` for the name nearest to `wrong`, or "". names ends with NULL. */
const char *report_nearest(const char *wrong, const char *const *names, char *out, size_t size);

#endif
