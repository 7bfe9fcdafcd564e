/* own.h - the gateway's own files as the configuration that serves names them; replaced at a
 * reload. Threads: any; a read lock for each question. */
#ifndef MG_OWN_H
#define MG_OWN_H
#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"

struct ownview;
struct store;
struct own;
struct own *own_new(void); /* NULL: no memory; answers no to everything until own_set() */
void own_free(struct own *o);
int own_set(struct own *o, const struct config *c, struct store *s, struct err *e) MG_NODISCARD;
bool own_may_open(void *own, int fd); /* vm_options.may_open and .may_make */
bool own_may_make(void *own, int folder, const char *name);
struct ownview *own_view(void *own); /* vm_options.view; NULL: no memory */

#endif
