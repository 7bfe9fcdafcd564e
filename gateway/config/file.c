#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int file_check(int fd, size_t max, struct stat *st, struct err *e)
{
    if (fstat(fd, st) != 0)
        return err_set(e, MG_E_IO, "cannot look at it: %s", strerror(errno));
    if (S_ISDIR(st->st_mode))
        return err_set(e, MG_E_INVALID, "is a folder, not a file");
    if (!S_ISREG(st->st_mode))
        return err_set(e, MG_E_INVALID, "is not a regular file");
    if (st->st_size > (off_t)max)
        return err_set(e, MG_E_LIMIT, "is larger than %zu KB", max / 1024);
    return 0;
}

int file_read(const char *path, size_t max, struct buf *out, struct stat *st, struct err *e)
{
    char block[4096];
    size_t start = out->len;
    int rc;

    /* O_NONBLOCK: opening a FIFO would wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(e, MG_E_IO, "cannot open it: %s", strerror(errno));
    rc = file_check(fd, max, st, e);
    if (rc == 0)
        buf_reserve(out, (size_t)st->st_size); /* growing would leave copies behind */
    while (rc == 0) {
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_set(e, MG_E_IO, "cannot read it: %s", strerror(errno));
        else if ((size_t)n > max - (out->len - start)) /* it grew since fstat() */
            rc = err_set(e, MG_E_LIMIT, "is larger than %zu KB", max / 1024);
        else
            buf_append(out, block, (size_t)n);
        if (rc == 0 && !buf_ok(out))
            rc = err_set(e, MG_E_NOMEM, "not enough memory to read it");
    }
    explicit_bzero(block, sizeof block); /* it may have been a key */
    close(fd);
    return rc;
}
