#include "io/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int file_actions(posix_spawn_file_actions_t *fa, const struct child_options *o,
                        const struct launch_fds *theirs)
{
    int in = o->stdin_fd >= 0 ? o->stdin_fd : theirs->in;
    int rc = in >= 0 ? posix_spawn_file_actions_adddup2(fa, in, 0)
                     : posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc =
            posix_spawn_file_actions_adddup2(fa, o->stdout_fd >= 0 ? o->stdout_fd : theirs->out, 1);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(fa, theirs->err, 2);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(fa, 3);
    if (rc == 0 && o->cwd)
        rc = posix_spawn_file_actions_addchdir_np(fa, o->cwd);
    return rc;
}

static int attributes(posix_spawnattr_t *attr)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int rc = posix_spawnattr_setsigdefault(attr, &all);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attr, &none);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(attr, 0);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                                POSIX_SPAWN_SETSIGMASK);
    return rc;
}

int launch(const char *program, const struct child_options *o, const struct launch_fds *theirs,
           pid_t *pid)
{
    const char *plain[4];
    const char *const *env = o->env;
    if (!env) {
        plain_env(plain);
        env = plain;
    }
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int rc = posix_spawn_file_actions_init(&fa);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = file_actions(&fa, o, theirs);
        if (rc == 0)
            rc = attributes(&attr);
        if (rc == 0)
            rc = posix_spawn(pid, program, &fa, &attr, (char *const *)(const void *)o->argv,
                             (char *const *)(const void *)env);
        if (rc == 0 && o->files)
            (void)prlimit(*pid, RLIMIT_NOFILE, o->files, NULL);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&fa);
    return rc;
}
