/* spawn.h - child processes: argv without a shell, pipes and a pidfd on the loop.
 * The child has its own process group, default signals, an empty signal mask and no descriptor but
 * 0, 1, 2. Its whole group dies with child_free(), so with an orderly end of the gateway. When the
 * gateway is killed, or the thread that started it ends, the kernel kills the child itself (unless
 * it is a set-user-ID program); what it started learns of it by the closed pipes only. A grandchild
 * that made a session of its own is out of reach. The leader is reaped by child_free() and not
 * before: as a zombie it keeps the number of the group from being given to a stranger who would
 * then be killed. Threads: the loop's. Callbacks are called from loop_poll(), may call
 * child_free(), and none comes after it. The process ignores SIGPIPE and has descriptors 0 to 2
 * open. */
#ifndef MG_SPAWN_H
#define MG_SPAWN_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "io/loop.h"

struct child_options {
    const char *const *argv; /* argv[0]: an absolute path, or a name for the absolute folders in the
                                gateway's PATH */
    const char *const *env;  /* NULL-terminated "K=V"; NULL: only PATH, HOME, LANG of the gateway */
    const char *cwd;         /* NULL: inherited */
    const char *stdin_data;  /* may be NULL: then /dev/null; borrowed until child_free() */
    size_t stdin_len;
    int stdin_fd, stdout_fd; /* -1, or descriptors to use instead; borrowed for the call */
    /* Of descriptors, as the gateway raises its own; NULL: inherited. */
    const struct rlimit *files;
};

struct child_ops {
    /* Bytes of stdout (fd 1) or stderr (fd 2), as they come. false: no more of that one; its pipe
     * is closed, so that a child which goes on writing there gets SIGPIPE. */
    bool (*output)(void *arg, int fd, const char *data, size_t len);
    /* Ended, and both pipes at their end, or 1 s after the end, if a grandchild holds them open;
     * time in which reading is paused does not count. Once. code is -1 when a signal ended it,
     * signal 0 when none did. */
    void (*exited)(void *arg, int code, int signal);
};

struct child;
/* NULL with the reason (program not found, no memory, no process). Both callbacks required. */
struct child *child_start(struct loop *l, const struct child_options *o,
                          const struct child_ops *ops, void *arg, struct err *e);
pid_t child_pid(const struct child *c);
void child_pause(struct child *c, bool paused); /* stops and resumes reading its output */
void child_signal(struct child *c, int sig);    /* to the whole group */
/* SIGKILL to the group if it still runs, reaped without waiting, pipes closed. NULL is legal. */
void child_free(struct child *c);

#endif
