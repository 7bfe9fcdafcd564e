/* files.h - what all file operations of a process share: locks, so that of two writers of a name
 * one comes after the other, and a bound on the memory that they hold at once.
 * Lifetime: made before the workers start, freed after they and the helper threads are joined.
 * Threads:  any. */
#ifndef MG_FILES_H
#define MG_FILES_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "files/fail.h"
#include "files/rootplace.h"

#define FILES_MEMORY ((size_t)256 << 20) /* bytes of all operations together */

struct files;
struct files *files_new(void); /* NULL: no memory */
void files_free(struct files *s);

/* false: others hold too much. Every byte that was taken is to be given back. */
bool files_take(struct files *s, size_t bytes) MG_NODISCARD;
void files_give(struct files *s, size_t bytes);

/* The first time that it is asked of this folder? Rarely true once more. */
bool files_is_first_in(struct files *s, const struct stat *folder);

/* What every operation is given. */
struct fileop {
    const struct rootfile_rules *rules;
    struct files *shared;
    const atomic_bool *stop; /* true: nobody waits any more; NULL: never */
};
/* MG_E_CANCELLED once it is stopped, else 0. */
int fileop_stopped(const struct fileop *op, struct fail *f);

/* The right to change the names (folder, name): one at a time in this process. A hard link is
 * another name. */
struct filelock {
    unsigned first, second; /* shards; the same when there is one name */
};
/* b: NULL for one name. MG_E_CANCELLED: whoever holds it took longer than the caller waits. */
int filelock_take(const struct fileop *op, const struct rootplace *a, const struct rootplace *b,
                  struct filelock *lock, struct fail *f) MG_NODISCARD;
void filelock_release(struct files *s, const struct filelock *lock);

#endif
