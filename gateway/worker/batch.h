/* batch.h - several messages in one POST, answered by one array: of clients that agreed on revision
 * 2025-03-26. Calls run side by side; the answer leaves when the last one is over. Threads: the
 * worker's. */
#ifndef MG_BATCH_H
#define MG_BATCH_H
#include "http/exchange.h"
#include "mcp/mcp.h"
#include "worker/access.h"

struct worker;

/* x gets its answer now or later. in: of the whole body, which mcp_is_batch(). */
void batch_begin(struct worker *w, struct exchange *x, const struct mcp_in *in, struct access *a);

#endif
