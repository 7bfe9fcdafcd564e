/* watchfiles.h - follows files and folders, and tells when what they hold may have changed and has
 * been quiet for a moment.
 * Changes are told by inotify. Where it tells nothing (network file systems, mounts of containers,
 * hard links, a limit of the system), times, sizes and inodes are compared every poll_ms.
 * An editor that writes in several steps is waited for: WATCHFILES_QUIET_MS without a change, and
 * no file written to that is still open; but never longer than WATCHFILES_MOST_MS, so that one who
 * writes all the time cannot hold back the others.
 * Whether anything did change is the caller's to find out, by reading: changed() may come for
 * nothing. Threads: the loop's. Callbacks come from the loop. */
#ifndef MG_WATCHFILES_H
#define MG_WATCHFILES_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

#define WATCHFILES_QUIET_MS 10
#define WATCHFILES_MOST_MS 200

struct watchfiles_options {
    const char *suffix; /* of the files in a folder that matter, such as ".lua"; outlives it all */
    const char *enter;  /* the one folder in a followed folder that is entered, with all below it */
    const char *whole;  /* another one, in which all files matter; NULL: none */
    void (*changed)(void *arg);
    /* Changes may be seen by polling only: why, in one line. Once, until it is well again. */
    void (*limited)(void *arg, const char *why);
    void *arg;
};

struct watchfiles;
struct watchfiles *watchfiles_new(struct loop *l, const struct watchfiles_options *o); /* or NULL */
void watchfiles_free(struct watchfiles *w); /* before the loop; NULL is legal */

/* What is followed from now on, and how often it is looked at. Absolute paths that need not exist;
 * copied. MG_E_NOMEM: what was followed before still is. */
int watchfiles_set(struct watchfiles *w, const char *const *files, const char *const *folders,
                   int64_t poll_ms) MG_NODISCARD;

/* For changed(), when it has read everything: did anything change meanwhile? Then what was read may
 * be half of one and half of the other: drop it, changed() comes again. Says no after three times
 * in a row, for one who writes all the time. */
bool watchfiles_stirred(struct watchfiles *w);

#endif
