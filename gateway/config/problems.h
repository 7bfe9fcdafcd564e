/* problems.h - everything that is wrong with a configuration, a line each, in the order found.
 * Lifetime: embedded; {0} is a valid empty list, problems_fini() leaves it so.
 * Threads:  one owner.
 * Running out of memory loses texts, never the fact that there was a problem. */
#ifndef MG_PROBLEMS_H
#define MG_PROBLEMS_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define PROBLEMS_MAX 100 /* more are counted, not kept */

struct problems {
    char *lines[PROBLEMS_MAX];
    size_t kept;
    size_t count; /* found, at least kept */
};

/* "WHERE:LINE: text"; without the line when it is 0, without either when where is NULL. */
void problems_add(struct problems *p, const char *where, uint32_t line, const char *fmt, ...)
    MG_PRINTF(4, 5);
/* One line each, and how many more there were. */
void problems_tell(const struct problems *p, void (*tell)(void *arg, const char *line), void *arg);
void problems_print(const struct problems *p, FILE *to);
void problems_fini(struct problems *p);

#endif
