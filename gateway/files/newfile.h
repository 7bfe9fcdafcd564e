/* newfile.h - a file that has no name until all of it is there. Where the file system cannot do
 * that it has one that nobody asks for (NEWFILE_PREFIX...), which is removed whatever happens but a
 * power cut or SIGKILL; then leftovers.h removes it later. It is locked (flock) while it is open.
 * Threads: belongs to its caller. 0 or a negative enum mg_err with its reason. */
#ifndef MG_NEWFILE_H
#define MG_NEWFILE_H
#include <stdbool.h>

#include "files/fail.h"

#define NEWFILE_PREFIX ".moongate-new-" /* left out of listings */

struct newfile {
    int fd;     /* for writing */
    int folder; /* for syncing */
    char name[40];
    bool is_named;
};

/* folder may be an O_PATH descriptor. The mode is 0666 without the umask's bits. */
int newfile_open(struct newfile *n, int folder, const char *path, struct fail *f) MG_NODISCARD;
/* Gives it a name that nothing has, and syncs the folder. MG_E_CLOSED: something has it. */
int newfile_place(struct newfile *n, const char *name, const char *path,
                  struct fail *f) MG_NODISCARD;
/* Likewise, replacing what has the name. */
int newfile_replace(struct newfile *n, const char *name, const char *path,
                    struct fail *f) MG_NODISCARD;
void newfile_close(struct newfile *n);

#endif
