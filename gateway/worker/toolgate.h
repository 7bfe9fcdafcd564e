/* toolgate.h - one gate a tool name for the life of the process, so that a reload does not forget
 * who is inside. Threads: any; locked inside. */
#ifndef MG_TOOLGATE_H
#define MG_TOOLGATE_H
#include <stdint.h>

#include "limit/gate.h"

struct toolgates;
struct toolgates *toolgates_new(void);      /* NULL: no memory */
void toolgates_free(struct toolgates *all); /* with all gates */

/* The gate of this name, made or its limit changed; belongs to *all. NULL: no memory. */
struct gate *toolgates_get(struct toolgates *all, const char *name, uint32_t limit);

#endif
