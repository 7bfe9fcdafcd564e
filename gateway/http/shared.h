/* shared.h - private to gateway/http: how many connections there are, in all and from one address,
 * and how many bytes of bodies, over all workers. An address is one IPv4 address, or a /64 of IPv6,
 * as one host has all of that. Threads: any. The totals are atomics; the table of addresses has a
 * lock, taken only while a limit is set. */
#ifndef MG_HTTP_SHARED_H
#define MG_HTTP_SHARED_H
#include <stdbool.h>
#include <stdint.h>

#include "http/server.h"

struct peer_key {
    unsigned char bytes[16]; /* IPv4 mapped; IPv6 with its lower half zero */
};

/* False: over a limit, nothing was counted. *by_address says whether the address was counted. */
bool shared_enter(struct http_shared *s, const struct http_options *o, const struct peer_key *k,
                  bool *by_address);
void shared_leave(struct http_shared *s, const struct peer_key *k, bool by_address);

/* Memory of bodies. False: over the bound, nothing was counted. */
bool shared_take_bytes(struct http_shared *s, const struct http_options *o, size_t n);
void shared_give_bytes(struct http_shared *s, size_t n);

#endif
