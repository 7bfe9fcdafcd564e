/* access.h - the facts of one request that its log line tells, gathered on the way. */
#ifndef MG_ACCESS_H
#define MG_ACCESS_H
#include <stdint.h>

#include "base/metrics.h"
#include "http/exchange.h"
#include "worker/address.h"

struct worker;

struct access {
    char ip[ADDRESS_SIZE];
    const char *key;    /* the principal's name; NULL: none was judged. Borrowed from the keyring */
    const char *rpc;    /* JSON-RPC method; NULL: none */
    const char *reason; /* why HTTP itself refused it; NULL: it did not */
    const char *tool, *call_id; /* NULL: not a call */
    const char *task;           /* the id of what the call has become; NULL: it was answered */
    const char *protocol;       /* revision; NULL: unknown */
    int outcome;                /* enum outcome, or -1 */
    int rpc_error;              /* JSON-RPC code, 0 = none */
    int64_t now_us;             /* of the answer; 0: now */
};

void access_init(struct access *a);

/* Writes the line of a request that was answered with status and bytes, and counts it. x may still
 * be unanswered (then the caller answers it next) but must be valid. */
void access_log(struct worker *w, const struct access *a, const struct exchange *x, int status,
                uint64_t bytes);

/* The same for a message that did not come by HTTP; it is no request to count. */
void access_log_line(struct worker *w, const struct access *a, const char *transport,
                     int64_t started_us, uint64_t bytes);

/* Makes the reply and its log line in one: the usual end of a request. */
void access_reply(struct worker *w, const struct access *a, struct exchange *x,
                  struct http_reply *r);

#endif
