/* launch.h - from a name to a running process: the lookup of the program, and its start with
 * everything taken away that a child must not inherit. What happens to the process afterwards is
 * spawn.h's. Pure calls; any thread. */
#ifndef MG_LAUNCH_H
#define MG_LAUNCH_H
#include <limits.h>
#include <sys/types.h>

#include "base/err.h"
#include "io/spawn.h"

/* The path of the program that child_options.argv[0] means. */
int launch_find(const char *name, char out[PATH_MAX], struct err *e) MG_NODISCARD;

/* The child's ends of the pipes, 3 or above; -1 where there is none. */
struct launch_fds {
    int in, out, err;
};
/* Returns 0 or an errno. */
int launch(const char *program, const struct child_options *o, const struct launch_fds *theirs,
           pid_t *pid) MG_NODISCARD;

#endif
