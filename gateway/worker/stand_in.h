/* stand_in.h - a gateway in this process, for a client at a socket: in the place of another process
 * that held the state and is gone. It runs on a thread of its own, which is to it what the main one
 * is to others, with the signals.
 * Lifetime: embedded; zeroed is one that does not run. Threads: one owner. */
#ifndef MG_STAND_IN_H
#define MG_STAND_IN_H
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct stand_in {
    pthread_t thread;
    const char *ini_path;
    int fd; /* its end */
    bool is_running;
    /* Once it has ended: */
    int code;
    bool is_second; /* yet another process has the state: nothing was done */
};

/* *fd: where it is spoken to, as through a door (stdio/door.h). It has ended, or does so, when the
 * other end is closed. */
int stand_in_start(struct stand_in *s, const char *ini_path, int *fd, struct err *e) MG_NODISCARD;
/* Waits for its end. */
void stand_in_join(struct stand_in *s);

#endif
