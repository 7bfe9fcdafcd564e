/* tasks.h - calls that go on behind their answer: whose they are, what their clients read of them,
 * and how many there may be.
 * An entry is made by the worker whose call becomes a task, and filled in again from the state at a
 * start. While the task runs its owner says what is to be read (tasks_tell()), and is told by
 * mailbox, wherever a client's connection landed, that it is to be cancelled or was answered. When
 * it has ended its last text stays until its time is over, which is never before its ttl.
 * Lifetime: one per process; freed after the workers. Threads: any; one lock, held for look-ups
 * and for the copy of one text. What takes an entry: its owner's thread. Times are wall clock. */
#ifndef MG_TASKS_H
#define MG_TASKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

#define TASK_ID_SIZE 34                     /* "task_", 28 base-36 characters (144 bits), NUL */
#define TASKS_TOOL_SIZE 129                 /* of a tool's name, and NUL */
#define TASKS_EACH_BYTES 1024               /* that count for a task beside the text of its end */
#define TASKS_ANSWERS_MAX ((size_t)1 << 20) /* bytes: wait for an owner, or for what he tells */

struct tasks_limits {
    uint32_t max_tasks, max_per_key; /* kept at once, running ones too: in all, of one principal */
    uint32_t max_running;            /* in all, of which each key has its share (hub/shares.h) */
    uint64_t max_bytes;              /* of all; likewise */
};

struct tasks;
struct tasks *tasks_new(const struct tasks_limits *limits);                /* NULL: no memory */
void tasks_free(struct tasks *t);                                          /* NULL is legal */
void tasks_set_limits(struct tasks *t, const struct tasks_limits *limits); /* a reload */

/* ---- the owner's side ---- */

struct tasks_entry;
struct tasks_ops { /* on the owner's loop; not after tasks_end() or tasks_drop() */
    void (*cancel)(void *arg);
    void (*answered)(void *arg); /* tasks_take_answers() has some */
};
struct tasks_spec { /* borrowed */
    uint64_t principal;
    const char *tool;
    int64_t expires_ms;
    struct loop *loop;
    const struct tasks_ops *ops;
    void *arg;
};
/* A place, under an id that nobody can guess; nobody finds it before tasks_tell(). MG_E_LIMIT with
 * the reason, MG_E_NOMEM. */
int tasks_open(struct tasks *t, const struct tasks_spec *s, int64_t now_ms,
               struct tasks_entry **out, struct err *e) MG_NODISCARD;
const char *tasks_id(const struct tasks_entry *e);
/* What is read of it from now on, all that was taken of answers being known in it; copied.
 * MG_E_NOMEM: what was told before still is. */
int tasks_tell(struct tasks_entry *e, const char *text, size_t len) MG_NODISCARD;
/* Room for the text of its end. MG_E_LIMIT: it does not fit into max_bytes. */
int tasks_reserve(struct tasks_entry *e, size_t len) MG_NODISCARD;

struct tasks_text { /* held until release(held) */
    const char *p;
    size_t len;
    void *held;
    void (*release)(void *held); /* NULL: there is nothing to release */
};
/* It has ended with that text, which is taken over. */
void tasks_end(struct tasks_entry *e, const struct tasks_text *text);
void tasks_drop(struct tasks_entry *e); /* it never was, or is gone; NULL is legal */
/* All answers since the last time, one JSON object behind the other, each with a NUL. */
void tasks_take_answers(struct tasks_entry *e, struct buf *out);

/* At a start: one that has ended, whatever the limits. text is taken over when this returns 0.
 * MG_E_CONFLICT: the id is there. MG_E_INVALID: it is none. */
int tasks_restore(struct tasks *t, const struct tasks_spec *s, const char *id, size_t len,
                  const struct tasks_text *text) MG_NODISCARD;

/* ---- the clients' side ---- */

/* May this caller know of a task of that principal and tool? Called under the lock. */
typedef bool tasks_may_fn(void *arg, uint64_t principal, const char *tool);
struct tasks_who {
    tasks_may_fn *may;
    void *arg;
};
/* Each is MG_E_NOTFOUND for an id that is none, is not this caller's, or whose time is over.
 * Appends the text, and to answers, as tasks_take_answers() does, those that its owner has not
 * spoken of yet. */
int tasks_get(struct tasks *t, const struct tasks_who *who, const char *id, size_t len,
              int64_t now_ms, struct buf *text, struct buf *answers) MG_NODISCARD;
/* Its owner is told; one that has ended stays as it is. */
int tasks_cancel(struct tasks *t, const struct tasks_who *who, const char *id, size_t len,
                 int64_t now_ms) MG_NODISCARD;
/* Likewise; json is one object on one line. MG_E_LIMIT: too much waits already; MG_E_NOMEM. */
int tasks_answer(struct tasks *t, const struct tasks_who *who, const char *id, size_t len,
                 int64_t now_ms, const char *json, size_t json_len) MG_NODISCARD;

/* Forgets those that have ended and whose time is over. Returns how many. */
size_t tasks_sweep(struct tasks *t, int64_t now_ms);
uint32_t tasks_count(struct tasks *t);
void tasks_metrics(void *tasks, struct buf *out); /* a metrics_source */

#endif
