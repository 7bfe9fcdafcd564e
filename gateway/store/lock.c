#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/files.h"
#include "store/store.h"

/* The lock is on a file that is never renamed or removed: a lock on the snapshot would be lost at
 * its first replacement, and removing the file would let two processes hold locks on two files of
 * one name. */

static int refuse_second(const struct files *f, int fd, struct err *e)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

    if (n > 0)
        pid[strcspn(pid, "\n")] = '\0';
    return err_set(e, MG_E_CONFLICT,
                   "%s is in use by process %s: stop that gateway, or give this one another "
                   "[state] path",
                   f->path, *pid ? pid : "unknown");
}

#define SAID_SIZE 256 /* the owner's number, and where it is reached */

int files_announce(int lock_fd, const char *address)
{
    char text[SAID_SIZE];
    int n = snprintf(text, sizeof text, "%ld\n%s%s", (long)getpid(), address ? address : "",
                     address ? "\n" : "");

    if ((size_t)n >= sizeof text)
        return MG_E_IO;
    return ftruncate(lock_fd, 0) == 0 && pwrite(lock_fd, text, (size_t)n, 0) == n ? 0 : MG_E_IO;
}

/* "" when there is nothing to be read. */
static void said_read(const char *path, char text[static SAID_SIZE])
{
    char name[PATH_MAX];
    text[0] = '\0';
    if ((size_t)snprintf(name, sizeof name, "%s" FILES_SUFFIX_LOCK, path) >= sizeof name)
        return;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd >= 0 ? pread(fd, text, SAID_SIZE - 1, 0) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
}

pid_t store_owner(const char *path)
{
    char text[SAID_SIZE];
    said_read(path, text);
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

bool store_announced(const char *path, char *out, size_t size)
{
    char text[SAID_SIZE];
    said_read(path, text);
    const char *address = strchr(text, '\n');
    size_t len = address ? strcspn(++address, "\n") : 0;
    if (len == 0 || len >= size || address[len] != '\n')
        return false;
    memcpy(out, address, len);
    out[len] = '\0';
    return true;
}

int files_lock(struct files *f, int *lock_fd, struct err *e)
{
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%s" FILES_SUFFIX_LOCK, f->name);
    int fd = openat(f->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    int rc;

    *lock_fd = -1;
    if (fd < 0)
        return err_set(e, MG_E_IO, "cannot open %s" FILES_SUFFIX_LOCK ": %s", f->path,
                       strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = errno == EWOULDBLOCK ? refuse_second(f, fd, e)
                                  : err_set(e, MG_E_IO, "cannot lock %s" FILES_SUFFIX_LOCK ": %s",
                                            f->path, strerror(errno));
        close(fd);
        return rc;
    }
    /* The number is for people; a full disk must not keep the gateway from starting to read. */
    (void)files_announce(fd, NULL);
    *lock_fd = fd;
    return 0;
}
