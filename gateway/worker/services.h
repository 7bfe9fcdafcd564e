/* services.h - makes and frees what the whole process shares.   Threads: the main one. */
#ifndef MG_SERVICES_H
#define MG_SERVICES_H
#include "config/config.h"
#include "worker/gateway.h"

/* Fills *g (zeroed) but workers and addresses: state, hub, limits, pools. is_stdio: one worker, and
 * no connections. After a failure both functions below are legal. */
int services_open(struct gateway *g, const struct config *c, bool is_stdio,
                  struct err *e) MG_NODISCARD;
/* When the workers are joined, before they are freed: their loops still take messages. Reports what
 * the last snapshot said. */
int services_close_store(struct gateway *g, struct err *e) MG_NODISCARD;
void services_free(struct gateway *g);
/* The state that [state] names, locked. NULL: as of store_open_local(). */
struct store *services_open_store(const struct config *c, struct err *e);
/* The index of [search] path, or the one beside the state file. NULL: no memory. */
struct index *services_index_new(const struct config *c, struct offload *o, bool read_only);
/* After a reload. */
void services_reconfigure(struct gateway *g, const struct config *c);

/* [server] workers, or the cores this process may use */
unsigned services_worker_count(const struct config *c);
/* Raises the limit of descriptors to what max_connections needs, or says why it cannot. What it was
 * goes to g->files. */
int services_raise_descriptors(struct gateway *g, const struct config *c,
                               struct err *e) MG_NODISCARD;

#endif
