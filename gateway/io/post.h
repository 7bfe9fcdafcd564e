/* post.h - one HTTP POST that is waited for: how a command asks the gateway that runs.
 * Blocks its thread; takes no proxy, follows no redirect. Threads: the main one, before others
 * start or after. */
#ifndef MG_POST_H
#define MG_POST_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define POST_MAX_BYTES ((size_t)64 << 20) /* of an answer */

struct post { /* borrowed */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; not logged */
    const char *body;
    size_t len;
    int64_t timeout_ms;
};

/* Appends the answer's body and sets its status. MG_E_CLOSED: nobody listens there, or it closed;
 * MG_E_TIMEOUT, MG_E_LIMIT, MG_E_NOMEM, MG_E_IO. */
int post_send(const struct post *p, struct buf *answer, int *status, struct err *e) MG_NODISCARD;

#endif
