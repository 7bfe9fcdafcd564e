/* task_record.h - a task as the state keeps it: one object of the collection _tasks, written when
 * the task is created and when it has ended. What a client reads of it stands in there as it is.
 * Threads: any; restoring: the main one, before the workers. */
#ifndef MG_TASK_RECORD_H
#define MG_TASK_RECORD_H
#include "mcp/mcp.h"
#include "worker/gateway.h"

#define TASK_KEY "taskId"

struct task_record { /* borrowed; times are wall clock */
    const char *id, *tool;
    uint64_t principal;
    int64_t created_ms, ttl_ms, poll_ms;
};

/* members: as mcp_encode_task() writes them. One line. */
void task_record_write(const struct task_record *r, const char *members, size_t len,
                       struct buf *out);
/* The members in a record's text. */
bool task_record_members(const char *text, size_t len, struct json_text *members);
/* How long the state is to keep it from now on: never less than its client was promised. */
int64_t task_record_ttl(const struct task_record *r, int64_t now_ms);
/* {"code":-32603,"message":...} */
void task_error(const char *message, struct buf *out);
/* What the state holds goes to g->tasks. What was at work when the gateway ended has failed. */
int task_records_restore(struct gateway *g, struct err *e) MG_NODISCARD;

#endif
