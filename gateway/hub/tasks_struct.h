/* tasks_struct.h - the inside of the table of tasks, shared by the files that make it up. Private
 * to them. All but what is set once is under the lock. */
#ifndef MG_TASKS_STRUCT_H
#define MG_TASKS_STRUCT_H
#include <pthread.h>

#include "base/table.h"
#include "hub/shares.h"
#include "hub/tasks.h"

/* One reference is the table's, one the owner's, one of a message that is under way. */
struct tasks_entry {
    struct mail mail; /* first */
    UT_hash_handle hh;
    struct tasks *tasks;
    unsigned refs;
    uint64_t principal;
    int64_t expires_ms;
    uint64_t bytes;
    bool is_told, is_running, is_posted, is_cancelled;
    struct tasks_text text;
    struct buf answers, taken; /* for the owner; by it, who has told nothing since */
    struct loop *loop;         /* the owner's */
    const struct tasks_ops *ops;
    void *arg;
    char id[TASK_ID_SIZE], tool[TASKS_TOOL_SIZE];
};

struct tasks {
    pthread_mutex_t lock;
    struct tasks_entry *all;
    struct shares kept, running, bytes;
    struct tasks_limits limits;
    uint64_t opened, expired;
    int64_t next_expiry_ms; /* no ended one's time is over before */
};

/* With the lock: */
void tasks_release(struct tasks_entry *e, unsigned n); /* gives n references back */
size_t tasks_sweep_locked(struct tasks *t, int64_t now_ms);

#endif
