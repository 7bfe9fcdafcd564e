/* endpoint_topics.h - GET /sse?topic=: events by topic, and the idle stream of GET on the MCP
 * endpoint. Threads: the worker's. */
#ifndef MG_ENDPOINT_TOPICS_H
#define MG_ENDPOINT_TOPICS_H
#include "http/exchange.h"
#include "worker/access.h"

struct worker;
struct principal;

void endpoint_topics(struct worker *w, struct exchange *x, struct access *a);
/* nothing but keep-alive comments */
void endpoint_topics_idle(struct worker *w, struct exchange *x, struct access *a,
                          const struct principal *p);

#endif
