/* signals.h - SIGTERM, SIGINT and SIGHUP as events of a loop; SIGPIPE is ignored from then on.
 * Threads: the main one, before it starts others: they inherit what is blocked. */
#ifndef MG_SIGNALS_H
#define MG_SIGNALS_H
#include <stdbool.h>

#include "io/loop.h"

struct signals { /* zeroed, but for fd: -1 */
    int fd;
    void (*arrived)(void *arg, bool is_reload, unsigned number);
    void *arg;
    loop_watch_t watch;
};

/* arrived: is_reload is SIGHUP; the others ask for the end. */
int signals_open(struct signals *s, struct loop *l,
                 void (*arrived)(void *arg, bool is_reload, unsigned number), void *arg,
                 struct err *e) MG_NODISCARD;
void signals_close(struct signals *s); /* before its loop goes, or after; when not open, too */

#endif
