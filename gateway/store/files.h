/* files.h - the files of a local store, all in one folder: the snapshot PATH, and PATH.tmp,
 * PATH.lock, PATH.journal.N beside it. Reached through the folder's descriptor, so that they stay
 * one family whatever happens to the path; never through symbolic links; mode 0600; closed on exec.
 * Lifetime: embedded. Threads: any, nothing changes after files_open(). */
#ifndef MG_STORE_FILES_H
#define MG_STORE_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct files {
    char *path;       /* as configured, for messages */
    const char *name; /* its last part; points into path */
    char *folder;     /* for messages */
    int dir;          /* descriptor of the folder */
};

/* Opens the folder, which must exist. */
int files_open(struct files *f, const char *path, struct err *e) MG_NODISCARD;
void files_close(struct files *f); /* legal on {.dir = -1} */

/* One gateway a state: locks PATH.lock, a file that is never renamed or removed, and writes the
 * process id into it. Returns the descriptor that holds the lock. MG_E_CONFLICT names the process
 * that has it. */
int files_lock(struct files *f, int *lock_fd, struct err *e) MG_NODISCARD;
/* Into the lock file: our process, and, when not NULL, where it is reached. MG_E_IO. */
int files_announce(int lock_fd, const char *address);

/* The whole snapshot; *found is false when there is none. */
int files_read_snapshot(struct files *f, struct buf *out, bool *found, struct err *e) MG_NODISCARD;

/* An empty PATH.tmp, opened for writing. */
int files_create_temp(struct files *f, int *fd, struct err *e) MG_NODISCARD;
void files_remove_temp(struct files *f);
/* Puts PATH.tmp in the snapshot's place. *renamed: it is, though making that durable may have
 * failed. */
int files_install_temp(struct files *f, bool *renamed, struct err *e) MG_NODISCARD;

/* Numbers of the segments that exist, ascending; free() them. */
int files_list_segments(struct files *f, uint64_t **numbers, size_t *count,
                        struct err *e) MG_NODISCARD;
/* A new segment, or an old one that is empty, opened for appending; its name is durable on return.
 */
int files_create_segment(struct files *f, uint64_t number, int *fd, struct err *e) MG_NODISCARD;
/* One that is there, to be read, cut and synced. */
int files_open_segment(struct files *f, uint64_t number, int *fd, struct err *e) MG_NODISCARD;
/* absent: 0 */
int files_remove_segment(struct files *f, uint64_t number, struct err *e) MG_NODISCARD;

int files_sync_folder(struct files *f, struct err *e) MG_NODISCARD;
/* All of it, whatever the kernel takes at a time. Sets errno on failure. */
int files_write_all(int fd, const char *data, size_t len) MG_NODISCARD;

/* "PATH.journal.7" and the like, for messages and for those who must keep away. */
#define FILES_SUFFIX_MAX 40
void files_suffix_segment(char out[FILES_SUFFIX_MAX], uint64_t number);
#define FILES_SUFFIX_LOCK ".lock"
#define FILES_SUFFIX_TEMP ".tmp"

#endif
