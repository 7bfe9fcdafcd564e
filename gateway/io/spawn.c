#include "io/spawn.h"

#include "io/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE (32 * 1024)
#define PIPE_GRACE_MS 1000 /* how long the pipes of an ended child may stay open */

struct stream {
    struct child *c;
    int fd;     /* our end of the pipe; -1 when closed */
    int number; /* the child's: 0, 1, 2 */
    loop_watch_t watch;
};

struct child {
    struct loop *loop;
    const struct child_ops *ops;
    void *arg;
    pid_t pid; /* 0: not started */
    int pidfd;
    loop_watch_t exit_watch;
    struct stream in, out, err;
    const char *stdin_data; /* what is left of it */
    size_t stdin_len;
    struct loop_timer grace;
    struct loop_closer closer; /* armed while a killed child waits for its end without an owner */
    int code, signal;
    bool ended, reported, paused;
    bool calling, dead; /* inside a callback; freed by it */
};

/* ---- streams ---- */

static void stream_close(struct stream *s)
{
    loop_unwatch(s->c->loop, s->watch);
    s->watch = 0;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void child_destroy(struct child *c)
{
    if (c->pidfd >= 0)
        close(c->pidfd);
    free(c);
}

/* After a callback: did it free the child? Then what is left of it goes now. */
static bool is_freed(struct child *c)
{
    bool dead = c->dead;
    c->calling = false;
    if (dead)
        child_free(c);
    return dead;
}

/* The end is told when there is nothing more to come; c may be freed by it. */
static void report_end(struct child *c)
{
    if (!c->ended || c->reported || c->out.fd >= 0 || c->err.fd >= 0)
        return;
    c->reported = true;
    timer_stop(c->loop, &c->grace);
    c->calling = true;
    c->ops->exited(c->arg, c->code, c->signal);
    (void)is_freed(c);
}

static void grace_over(void *arg)
{
    struct child *c = arg;
    stream_close(&c->out);
    stream_close(&c->err);
    report_end(c);
}

static void output_ready(void *arg, uint32_t events)
{
    struct stream *s = arg;
    struct child *c = s->c;
    char data[READ_SIZE];
    (void)events;
    if (c->paused) /* a hang-up comes through even so; once, as the watch is one-shot then */
        return;
    ssize_t n = read(s->fd, data, sizeof data);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    bool more = false;
    if (n > 0) {
        c->calling = true;
        more = c->ops->output(c->arg, s->number, data, (size_t)n);
        if (is_freed(c))
            return;
    }
    if (!more) {
        stream_close(s);
        report_end(c);
    }
}

static void feed_stdin(struct child *c)
{
    while (c->stdin_len > 0) {
        ssize_t n = write(c->in.fd, c->stdin_data, c->stdin_len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) /* it closed its input: what is left is not wanted */
            break;
        c->stdin_data += n;
        c->stdin_len -= (size_t)n;
    }
    stream_close(&c->in);
}

static void input_ready(void *arg, uint32_t events)
{
    const struct stream *s = arg;
    (void)events;
    feed_stdin(s->c);
}

/* ---- the end ---- */

static void has_ended(void *arg, uint32_t events)
{
    struct child *c = arg;
    siginfo_t info = { 0 };
    (void)events;
    /* WNOWAIT leaves the zombie, see the header. */
    if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return;
    loop_unwatch(c->loop, c->exit_watch);
    c->exit_watch = 0;
    c->ended = true;
    bool by_itself = info.si_code == CLD_EXITED;
    c->code = by_itself ? info.si_status : -1;
    c->signal = by_itself ? 0 : info.si_status;
    stream_close(&c->in);
    if (!c->paused)
        timer_start(c->loop, &c->grace, PIPE_GRACE_MS, grace_over, c);
    report_end(c);
}

static bool reap(struct child *c)
{
    siginfo_t info = { 0 };
    int rc = waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG);
    return rc != 0 || info.si_pid != 0;
}

static void orphan_ended(void *arg, uint32_t events)
{
    struct child *c = arg;
    (void)events;
    if (!reap(c))
        return;
    loop_unwatch(c->loop, c->exit_watch);
    loop_closer_remove(&c->closer);
    child_destroy(c);
}

static void orphan_closed(struct loop_closer *closer)
{
    struct child *c = (struct child *)(void *)((char *)closer - offsetof(struct child, closer));
    (void)reap(c);
    child_destroy(c);
}

void child_free(struct child *c)
{
    if (!c)
        return;
    if (c->calling) { /* from a callback: its caller comes back to this */
        c->dead = true;
        return;
    }
    timer_stop(c->loop, &c->grace);
    stream_close(&c->in);
    stream_close(&c->out);
    stream_close(&c->err);
    loop_unwatch(c->loop, c->exit_watch);
    c->exit_watch = 0;
    if (c->pid > 0)
        (void)kill(-c->pid, SIGKILL);
    if (c->pid > 0 && c->pidfd >= 0 && !reap(c) &&
        loop_watch(c->loop, c->pidfd, EPOLLIN, orphan_ended, c, &c->exit_watch) == 0) {
        loop_closer_add(c->loop, &c->closer, orphan_closed);
        return;
    }
    child_destroy(c);
}

/* ---- the start ---- */

/* Our end goes to s, without blocking; theirs is returned blocking, as programs expect it. -1 on
 * failure. */
static int open_pipe(struct stream *s, bool child_reads)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0)
        return -1;
    int ours = fd[child_reads ? 1 : 0];
    int theirs = fd[child_reads ? 0 : 1];
    s->fd = ours;
    if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0) {
        close(theirs);
        return -1;
    }
    return theirs;
}

static int watch_streams(struct child *c)
{
    int rc = loop_watch(c->loop, c->pidfd, EPOLLIN, has_ended, c, &c->exit_watch);
    if (rc == 0 && c->out.fd >= 0)
        rc = loop_watch(c->loop, c->out.fd, EPOLLIN, output_ready, &c->out, &c->out.watch);
    if (rc == 0)
        rc = loop_watch(c->loop, c->err.fd, EPOLLIN, output_ready, &c->err, &c->err.watch);
    if (rc == 0 && c->in.fd >= 0)
        feed_stdin(c); /* what fits the pipe goes at once */
    if (rc == 0 && c->in.fd >= 0)
        rc = loop_watch(c->loop, c->in.fd, EPOLLOUT, input_ready, &c->in, &c->in.watch);
    return rc;
}

static int start(struct child *c, const char *program, const struct child_options *o, struct err *e)
{
    bool has_data = o->stdin_data && o->stdin_fd < 0;
    struct launch_fds theirs = { -1, -1, -1 };
    theirs.err = open_pipe(&c->err, false);
    bool piped = theirs.err >= 0;
    if (piped && o->stdout_fd < 0)
        piped = (theirs.out = open_pipe(&c->out, false)) >= 0;
    if (piped && has_data)
        piped = (theirs.in = open_pipe(&c->in, true)) >= 0;
    int rc = piped ? launch(program, o, &theirs, &c->pid) : errno;
    if (theirs.in >= 0)
        close(theirs.in);
    if (theirs.out >= 0)
        close(theirs.out);
    if (theirs.err >= 0)
        close(theirs.err);
    if (rc != 0) {
        c->pid = 0;
        return err_set(e,
                       rc == ENOMEM                   ? MG_E_NOMEM
                       : rc == EMFILE || rc == EAGAIN ? MG_E_LIMIT
                                                      : MG_E_IO,
                       "cannot start %s%s%s: %s", program, o->cwd ? " in " : "",
                       o->cwd ? o->cwd : "", strerror(rc));
    }
    c->pidfd = pidfd_open(c->pid, 0);
    if (c->pidfd < 0) {
        rc = errno;
        (void)kill(-c->pid, SIGKILL);
        (void)waitpid(c->pid, NULL, 0); /* without a pidfd there is no other way; it has just been
                                           killed */
        c->pid = 0;
        return err_set(e, MG_E_LIMIT, "cannot watch %s: %s", program, strerror(rc));
    }
    rc = watch_streams(c);
    return rc == 0 ? 0 : err_set(e, rc, "cannot watch %s: %s", program, err_word(rc));
}

struct child *child_start(struct loop *l, const struct child_options *o,
                          const struct child_ops *ops, void *arg, struct err *e)
{
    char program[PATH_MAX];
    if (launch_find(o->argv[0], program, e) != 0)
        return NULL;
    struct child *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(e, MG_E_NOMEM, "no memory for a child process");
        return NULL;
    }
    c->loop = l;
    c->ops = ops;
    c->arg = arg;
    c->pidfd = -1;
    c->in = (struct stream){ c, -1, 0, 0 };
    c->out = (struct stream){ c, -1, 1, 0 };
    c->err = (struct stream){ c, -1, 2, 0 };
    c->stdin_data = o->stdin_data;
    c->stdin_len = o->stdin_data ? o->stdin_len : 0;
    if (start(c, program, o, e) != 0) {
        child_free(c);
        return NULL;
    }
    return c;
}

pid_t child_pid(const struct child *c) { return c->pid; }

void child_pause(struct child *c, bool paused)
{
    if (c->paused == paused)
        return;
    c->paused = paused;
    /* One-shot and no events: a hang-up cannot be masked, and would otherwise come at every poll.
     */
    uint32_t events = paused ? EPOLLONESHOT : EPOLLIN;
    if (c->out.fd >= 0 && loop_rewatch(c->loop, c->out.watch, events) != 0)
        stream_close(&c->out);
    if (c->err.fd >= 0 && loop_rewatch(c->loop, c->err.watch, events) != 0)
        stream_close(&c->err);
    if (!c->ended || c->reported)
        return;
    if (paused)
        timer_stop(c->loop, &c->grace);
    else
        timer_start(c->loop, &c->grace, PIPE_GRACE_MS, grace_over, c);
}

void child_signal(struct child *c, int sig) { (void)kill(-c->pid, sig); }
