/* health.h - the pages for people and machines that watch the gateway.   Threads: the worker's. */
#ifndef MG_HEALTH_H
#define MG_HEALTH_H
#include "http/exchange.h"
#include "worker/access.h"

struct worker;

/* /healthz: the loop runs */
void health_live(struct worker *w, struct exchange *x, struct access *a);
/* /readyz: 200, or 503 with reasons */
void health_ready(struct worker *w, struct exchange *x, struct access *a);
/* /health: as the ops kit had it */
void health_page(struct worker *w, struct exchange *x, struct access *a);
/* /: JSON, or a page for browsers */
void health_root(struct worker *w, struct exchange *x, struct access *a);
/* /metrics; wants a key where keys exist */
void health_metrics(struct worker *w, struct exchange *x, struct access *a);

#endif
