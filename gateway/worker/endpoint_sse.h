/* endpoint_sse.h - the transport of 2024-11-05: a stream that says where to post, posts that are
 * answered on the stream. A client is served as one that speaks in lines is, by the worker that
 * holds its stream; its session ends with the stream. Threads: the worker's. */
#ifndef MG_ENDPOINT_SSE_H
#define MG_ENDPOINT_SSE_H
#include "http/exchange.h"
#include "worker/access.h"

struct worker;
struct principal;

#define SSE_POST_PATH "/messages"

/* Is GET /sse without a topic meant for this? It names text/event-stream. */
bool endpoint_sse_is_meant(const struct exchange *x);
/* Answers x: with the stream, or with why there is none. */
void endpoint_sse_open(struct worker *w, struct exchange *x, struct access *a,
                       const struct principal *p);
void endpoint_sse_post(struct worker *w, struct exchange *x, struct access *a);

/* After the worker's calls are gone: what is left of its clients. */
void endpoint_sse_free(struct worker *w);

#endif
