/* door.h - the Unix socket beside the state, STATE.sock: how a second process of the same user
 * reaches the one that holds the state. Mode 0600; either side refuses another user's process.
 * Only who holds the state's lock opens it, so what lies there then is stale. Threads: any. */
#ifndef MG_DOOR_H
#define MG_DOOR_H
#include <stdbool.h>

#include "base/err.h"

#define DOOR_SUFFIX ".sock"

/* A listening descriptor, not blocking. MG_E_LIMIT: the state's name is too long for a socket. */
int door_open(const char *state_path, int *fd, struct err *e) MG_NODISCARD;
void door_remove(const char *state_path); /* while the lock is held; only a socket goes */
/* Not blocking, and it does not wait. MG_E_NOTFOUND: nobody listens there (yet), or too many stand
 * before it. MG_E_DENIED: another user does. */
int door_connect(const char *state_path, int *fd, struct err *e) MG_NODISCARD;
/* Is the process at the other end our own user's? */
bool door_is_ours(int fd);

#endif
