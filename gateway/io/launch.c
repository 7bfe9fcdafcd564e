#include "io/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNALS 64
#define STACK_SIZE (64 * 1024) /* aligned, as malloc() aligns */

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer's clone() is a fork to it, after which the gateway could start no thread. */
int __clone(int (*fn)(void *arg), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Not left to posix_spawnp(): that would look into relative folders of PATH after the change of
 * folder, where a tool may have put a program. */
int launch_find(const char *name, char out[PATH_MAX], struct err *e)
{
    if (strchr(name, '/')) {
        if (name[0] != '/')
            return err_set(e, MG_E_INVALID, "program %s: expected a name or an absolute path",
                           name);
        if (snprintf(out, PATH_MAX, "%s", name) >= PATH_MAX || !is_program(out))
            return err_set(e, MG_E_NOTFOUND, "program %s not found or not executable", name);
        return 0;
    }
    const char *path = getenv("PATH");
    if (!path)
        path = "/usr/local/bin:/usr/bin:/bin";
    while (*name && *path) {
        size_t len = strcspn(path, ":");
        if (*path == '/' && snprintf(out, PATH_MAX, "%.*s/%s", (int)len, path, name) < PATH_MAX &&
            is_program(out))
            return 0;
        path += len + (path[len] == ':');
    }
    return err_set(e, MG_E_NOTFOUND, "program %s not found in PATH", name);
}

/* The few variables every program may need. "K=V" texts of environ are borrowed. */
static void plain_env(const char *out[4])
{
    static const char *const names[] = { "PATH=", "HOME=", "LANG=" };
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (char **v = environ; v && *v; v++) {
            if (strncmp(*v, names[i], strlen(names[i])) == 0) {
                out[n++] = *v;
                break;
            }
        }
    }
    out[n] = NULL;
}

/* ---- the child, before it is the program ---- */

/* It borrows the gateway's memory, while the thread that starts it stands still. So it allocates
 * nothing and takes no lock; and what a sanitizer would note in that memory as the gateway's own
 * doing goes to the kernel directly. */
struct start {
    const char *program, *cwd;
    const char *const *argv, *const *env;
    int in, out, err; /* in: -1 for /dev/null */
    const struct rlimit *files;
    pid_t gateway;
    int error; /* an errno; 0: it became the program */
};

/* SIGKILL when the thread that started it ends; the workers' threads live as long as the gateway.
 * Set by the child itself, which may find the gateway dead already. */
static bool die_with_the_gateway(pid_t gateway)
{
    return syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == gateway;
}

/* From here on they are the program's: without O_CLOEXEC. */
static bool give(int fd, int number) { return syscall(SYS_dup3, fd, number, 0) == number; }

static bool take_descriptors(const struct start *s)
{
    long in = s->in;
    if (in < 0)
        in = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0);
    return in >= 0 && give((int)in, 0) && give(s->out, 1) && give(s->err, 2) &&
           syscall(SYS_close_range, 3, UINT_MAX, 0) == 0;
}

/* A program would inherit what is ignored, as SIGPIPE is here. */
static void reset_signals(void)
{
    static const char plain[64]; /* the kernel's struct sigaction: SIG_DFL and no flags are zero */
    static const uint64_t none;
    for (int sig = 1; sig <= SIGNALS; sig++)
        (void)syscall(SYS_rt_sigaction, sig, plain, NULL, sizeof none);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

static int child_main(void *arg)
{
    struct start *s = arg;

    errno = ESRCH; /* of the gateway, should it be gone */
    if (setpgid(0, 0) == 0 && die_with_the_gateway(s->gateway) && take_descriptors(s) &&
        (!s->cwd || chdir(s->cwd) == 0) && (!s->files || setrlimit(RLIMIT_NOFILE, s->files) == 0)) {
        reset_signals();
        (void)execve(s->program, (char *const *)(const void *)s->argv,
                     (char *const *)(const void *)s->env);
    }
    s->error = errno;
    _exit(127);
}

/* As posix_spawn() does it, which knows neither the signal of the parent's end nor limits. The
 * child has a stack of its own; CLONE_VFORK holds this thread until the child is the program or has
 * ended. No signal may be handled meanwhile: the child would run the handler as well. */
static int clone_child(struct start *s, pid_t *pid)
{
    sigset_t all, before;
    char *stack = malloc(STACK_SIZE);
    if (!stack)
        return ENOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *pid = clone(child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
    int rc = *pid < 0 ? errno : s->error;
    if (*pid > 0 && rc != 0)
        (void)waitpid(*pid, NULL, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    free(stack);
    return rc;
}

int launch(const char *program, const struct child_options *o, const struct launch_fds *theirs,
           pid_t *pid)
{
    const char *plain[4];
    struct start s = { .program = program,
                       .cwd = o->cwd,
                       .argv = o->argv,
                       .env = o->env,
                       .in = o->stdin_fd >= 0 ? o->stdin_fd : theirs->in,
                       .out = o->stdout_fd >= 0 ? o->stdout_fd : theirs->out,
                       .err = theirs->err,
                       .files = o->files,
                       .gateway = getpid() };
    if (!s.env) {
        plain_env(plain);
        s.env = plain;
    }
    return clone_child(&s, pid);
}
