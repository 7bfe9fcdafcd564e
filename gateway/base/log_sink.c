#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe that poll() calls writable has one free page at least. */
#define PIECE_MAX 4096

int log_sink_open(struct log_sink *s, const char *file, struct err *e)
{
    struct stat st;

    *s = (struct log_sink){ .fd = STDERR_FILENO };
    if (file) {
        /* O_NONBLOCK: a FIFO without a reader must not hold up the start. */
        int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK;
        s->fd = open(file, flags | O_CLOEXEC, 0640);
        if (s->fd < 0)
            return err_set(e, MG_E_IO, "log file %s: %s", file, strerror(errno));
        s->is_owned = true;
    }
    s->is_file = fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode);
    return 0;
}

void log_sink_close(struct log_sink *s)
{
    if (s->is_owned)
        close(s->fd);
    *s = (struct log_sink){ .fd = STDERR_FILENO };
}

static int iov_cut(struct iovec *iov, int n, size_t max)
{
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len >= max) {
            iov[i].iov_len = max;
            return i + 1;
        }
        max -= iov[i].iov_len;
    }
    return n;
}

size_t log_sink_write(struct log_sink *s, struct iovec *iov, int n)
{
    ssize_t done;

    if (!s->is_file) {
        struct pollfd p = { .fd = s->fd, .events = POLLOUT };
        if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
            return 0;
        n = iov_cut(iov, n, PIECE_MAX);
    }
    do
        done = writev(s->fd, iov, n);
    while (done < 0 && errno == EINTR);
    return done > 0 ? (size_t)done : 0;
}
