/* log_sink.h - where log lines go: a file, or standard error, whatever that is.
 * Private to the log. A write never blocks for long: pipes, sockets and terminals are asked first
 * and get at most what they surely take. Threads: one at a time. */
#ifndef MG_LOG_SINK_H
#define MG_LOG_SINK_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/err.h"

struct log_sink {
    int fd;
    bool is_owned; /* to be closed */
    bool is_file;  /* a regular file, which needs no asking */
};

/* file NULL: standard error. */
int log_sink_open(struct log_sink *s, const char *file, struct err *e) MG_NODISCARD;
void log_sink_close(struct log_sink *s);
/* Returns the number of bytes written; 0 when nothing can be written now. iov is changed. */
size_t log_sink_write(struct log_sink *s, struct iovec *iov, int n);

#endif
