/* relay.h - `moongate stdio` where another process holds the state: lines go to that process and
 * its answers back.   Threads: the main one, without others. */
#ifndef MG_RELAY_H
#define MG_RELAY_H
#include "config/config.h"

/* Takes over both descriptors. Returns the exit code: 0 when the client ended, 1 when the other
 * process is gone (then what it had not answered is answered with an error) or is not reached; says
 * why on standard error. */
int relay_run(const struct config *c, int in_fd, int out_fd);

#endif
