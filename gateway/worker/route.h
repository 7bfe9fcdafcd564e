/* route.h - which path is what. The one entry from HTTP into the gateway.   Threads: the worker's.
 */
#ifndef MG_ROUTE_H
#define MG_ROUTE_H
#include "http/exchange.h"

void route_request(void *worker, struct exchange *x);
void route_refused(void *worker, const struct exchange *x, int status, const char *reason);

#endif
