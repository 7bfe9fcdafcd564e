/* endpoint_tasks.h - what clients may ask of tasks, for mcp_handle(). Threads: any worker's; the
 * last two: the worker's own. */
#ifndef MG_ENDPOINT_TASKS_H
#define MG_ENDPOINT_TASKS_H
#include "mcp/mcp.h"

/* As struct mcp_host says; arg: the gateway. */
int endpoint_task_get(void *gateway, const struct principal *p, const char *id, size_t len,
                      struct buf *members);
int endpoint_task_update(void *gateway, const struct principal *p, const char *id, size_t len,
                         struct json_text responses);
int endpoint_task_cancel(void *gateway, const struct principal *p, const char *id, size_t len);

/* The first worker forgets tasks whose time is over, though nobody asks. */
struct worker;
void endpoint_tasks_start(struct worker *w);
void endpoint_tasks_stop(struct worker *w);

#endif
