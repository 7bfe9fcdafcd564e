/* watchset.h - one inotify descriptor, and what each of its watches is there for.
 * The watches are renewed as a whole: begin, name again all that is wanted, end; what is wanted
 * still goes on without a gap. A limit of the system, or a folder that may not be read, leaves the
 * set incomplete: watchset_error() says so. Lifetime: embedded. Threads: one owner. */
#ifndef MG_WATCHSET_H
#define MG_WATCHSET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCHSET_MAX 4000 /* watches; more is an incomplete set */
#define WATCHSET_WRITERS 32

struct watch_use { /* one watch may serve several */
    int wd;
    enum { WATCH_NAME, WATCH_FOLDER, WATCH_FILE } kind;
    char *name; /* WATCH_NAME: the entry of the folder that matters */
};

struct watch_uses {
    struct watch_use *items;
    size_t n, cap;
};

struct watchset {
    int fd; /* -1: inotify cannot be had */
    int error, next_error;
    struct watch_uses now, next;
    uint64_t writers[WATCHSET_WRITERS]; /* files that were written to and not closed yet */
    size_t writer_count;
};

void watchset_open(struct watchset *s); /* without a descriptor it stays legal and incomplete */
void watchset_close(struct watchset *s);

void watchset_begin(struct watchset *s);
/* This entry of the folder coming, going or being replaced. */
void watchset_name(struct watchset *s, const char *folder, const char *name);
/* Whatever happens to what lies in the folder, but for hidden names. */
void watchset_folder(struct watchset *s, const char *folder);
/* The file itself, by whatever name it is reached. */
void watchset_file(struct watchset *s, const char *path);
void watchset_end(struct watchset *s);

/* Takes what the kernel has to tell: did any of it matter? */
bool watchset_read(struct watchset *s);
/* Is a file being written to, as far as was told? forget: it takes too long. */
bool watchset_is_written(const struct watchset *s);
void watchset_forget(struct watchset *s);
/* 0, or the errno for which the set is incomplete. */
int watchset_error(const struct watchset *s);

#endif
