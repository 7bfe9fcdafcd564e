#include "files/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"

static void make_name(struct newfile *n)
{
    uint64_t bits;
    rand_bytes(&bits, sizeof bits);
    snprintf(n->name, sizeof n->name, NEWFILE_PREFIX "%016" PRIx64, bits);
}

int newfile_open(struct newfile *n, int folder, const char *path, struct fail *f)
{
    *n = (struct newfile){ .fd = -1 };
    n->folder = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (n->folder < 0)
        return fail_errno(f, errno, path);
    n->fd = openat(n->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (n->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        make_name(n);
        n->fd =
            openat(n->folder, n->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        n->is_named = n->fd >= 0;
    }
    if (n->fd >= 0) {
        (void)flock(n->fd, LOCK_EX | LOCK_NB); /* see leftovers.h; who cannot lock has its age */
        return 0;
    }
    int code = fail_errno(f, errno, path);
    close(n->folder);
    return code;
}

static int give_name(struct newfile *n, const char *name)
{
    char link[64];
    if (n->is_named) {
        int rc = linkat(n->folder, n->name, n->folder, name, 0);
        if (rc == 0 || errno != EPERM) /* no hard links there */
            return rc;
        rc = renameat2(n->folder, n->name, n->folder, name, RENAME_NOREPLACE);
        n->is_named = rc != 0;
        return rc;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", n->fd);
    return linkat(AT_FDCWD, link, n->folder, name, AT_SYMLINK_FOLLOW);
}

static int sync_folder(struct newfile *n, const char *path, struct fail *f)
{
    if (fsync(n->folder) == 0)
        return 0;
    int code = fail_errno(f, errno, path);
    return fail_set(f, code, f->word, "%s (it was written, and may be lost in a power cut)",
                    f->err.text);
}

int newfile_place(struct newfile *n, const char *name, const char *path, struct fail *f)
{
    if (give_name(n, name) != 0)
        return errno == EEXIST ? MG_E_CLOSED : fail_errno(f, errno, path);
    return sync_folder(n, path, f);
}

int newfile_replace(struct newfile *n, const char *name, const char *path, struct fail *f)
{
    if (!n->is_named) {
        make_name(n);
        if (give_name(n, n->name) != 0)
            return fail_errno(f, errno, path);
        n->is_named = true;
    }
    if (renameat(n->folder, n->name, n->folder, name) != 0)
        return fail_errno(f, errno, path);
    n->is_named = false;
    return sync_folder(n, path, f);
}

void newfile_close(struct newfile *n)
{
    if (n->is_named)
        (void)unlinkat(n->folder, n->name, 0);
    close(n->fd);
    close(n->folder);
}
