/* serving.h - the two snapshots that a reload replaces.
 * A generation is one set of tools with one Lua machine for each worker; a serving is one
 * configuration with its keys, its protocol constants and the generation it serves. A reload that
 * leaves the tools alone makes a new serving over the same generation. Both are immutable once
 * published and counted; any thread may hold one. A generation's vms[i] is touched by worker i
 * alone, which frees it when it has switched to another generation, the last task in it has ended
 * and no call is queued for it. */
#ifndef MG_SERVING_H
#define MG_SERVING_H
#include <stdatomic.h>
#include <stdint.h>

#include "auth/principal.h"
#include "base/err.h"
#include "config/config.h"
#include "limit/gate.h"
#include "limit/ratelimit.h"
#include "mcp/mcp.h"
#include "tools/toolset.h"
#include "vm/vm.h"
#include "worker/address.h"
#include "worker/policy.h"

struct generation {
    atomic_uint refs;
    atomic_uint *live; /* the process's count of generations */
    uint32_t number;
    struct config *config; /* policies and sections borrow from it */
    struct policies *policies;
    struct toolset *tools;
    struct vm **vms; /* one a worker; NULL once that worker has freed it */
    unsigned vm_count;
    unsigned *queued;    /* one a worker, its own: calls at a gate that will need vms[i] */
    struct gate **gates; /* by tool index; NULL: no limit of its own */
    uint8_t digest[32];  /* of everything it was built from */
};

struct serving {
    atomic_uint refs;
    uint32_t number; /* of those that were published, from 0 */
    struct config *config;
    struct keyring *keyring;
    struct generation *generation;
    struct mcp_server mcp;
    struct ratelimit_rule per_address, per_key;
    struct address_list *trusted_proxies; /* NULL: none */
};

/* What the protocol has of the configuration alone: it serves nobody yet. */
struct mcp_server serving_protocol(const struct config *config);

struct gateway;
/* Builds a serving from config (which it takes a reference of). previous may be NULL; when its
 * generation was built from the same tools and grants it is shared. host is the protocol's way back
 * into the gateway. Takes time: not on a worker. */
struct serving *serving_new(struct gateway *g, struct config *config, struct serving *previous,
                            const struct mcp_host *host, struct err *e);
struct serving *serving_ref(struct serving *s);
void serving_unref(struct serving *s);

/* What its machines are made with. */
void generation_options(const struct generation *g, const struct gateway *gw, struct vm_options *o);

struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g);

#endif
