/* spawn.h - child processes: argv without a shell, pipes and a pidfd on the loop.
 * The child has its own process group, default signals, an empty signal mask, no descriptor but 0, 1, 2
 * (and closes the rest), and dies with the gateway (its group is killed by child_free()).
 * Threads: the loop's. Callbacks are called from loop_poll(); after child_free() none comes. */
#ifndef MG_SPAWN_H
#define MG_SPAWN_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "io/loop.h"

struct child_options {
    const char *const *argv;      /* argv[0] is an absolute path or a name looked up in PATH of the gateway */
    const char *const *env;       /* NULL-terminated "K=V"; NULL: only PATH, HOME, LANG of the gateway */
    const char *cwd;              /* NULL: inherited */
    const char *stdin_data;       /* may be NULL: then /dev/null; borrowed until child_free() */
    size_t stdin_len;
    int stdin_fd, stdout_fd;      /* -1, or descriptors to use instead; borrowed for the call */
};

struct child_ops {
    /* Bytes of stdout (fd 1) or stderr (fd 2), as they come; returns false to stop reading that one. */
    bool (*output)(void *arg, int fd, const char *data, size_t len);
    /* Ended, and both pipes at their end (or 1 s after the end, if a grandchild holds them open). Once. */
    void (*exited)(void *arg, int code, int signal);
};

struct child;
/* NULL with the reason (program not found, no memory, no process). Both callbacks required. */
struct child *child_start(struct loop *l, const struct child_options *o, const struct child_ops *ops, void *arg,
                          struct err *e);
pid_t child_pid(const struct child *c);
void child_pause(struct child *c, bool paused);     /* stops and resumes reading its output */
void child_signal(struct child *c, int sig);        /* to the whole group */
/* SIGKILL to the group if it still runs, reaped without waiting, pipes closed. NULL is legal. */
void child_free(struct child *c);

#endif
