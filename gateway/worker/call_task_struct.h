/* call_task_struct.h - the inside of a call that becomes a task, shared by the files that move it.
 */
#ifndef MG_CALL_TASK_STRUCT_H
#define MG_CALL_TASK_STRUCT_H
#include "hub/tasks.h"
#include "worker/call_struct.h"
#include "worker/call_task.h"

#define TASK_MESSAGE_MAX 1000 /* bytes of a statusMessage */
#define TASK_RETRY_MS 1000    /* of what could not be told or kept: the state is read-only */

enum task_phase { TASK_WRITTEN, TASK_SAVED, TASK_AT_WORK, TASK_ENDING };

struct call_task {
    unsigned refs;     /* its call's, and one for each answer of the state that comes still */
    struct call *call; /* NULL: it was taken back */
    struct worker *worker;
    enum task_phase phase;
    struct tasks_entry *entry;
    struct task_creation *creation; /* the tool's, until it knows */
    struct mcp_task view;           /* what its client reads; texts are borrowed from below */
    char id[TASK_ID_SIZE];
    char message[TASK_MESSAGE_MAX + 1];
    bool is_cancelled;            /* by its client */
    struct task_pending *pending; /* questions without an answer */
    struct buf keys;              /* all that it ever used for questions, each with its NUL */
    size_t key_count;
    struct buf inputs; /* the text of view.inputs */
    /* What it says next, once record next_seq is durable. */
    bool has_next, is_telling;
    char next_message[TASK_MESSAGE_MAX + 1];
    uint64_t next_seq;
    struct store_wait told;
    struct loop_timer pace; /* of what it says, and then of trying to keep its end */
    struct loop_timer expiry;
    struct buf members; /* the view, encoded */
    struct buf end;     /* the text that view.result or view.error points into */
    struct buf record;
    struct store_op op;
    struct store_change change;
    struct store_wait ended;
    bool is_held; /* its end could not be kept so far */
};

/* call_task.c */
void task_encode(struct call_task *t); /* members and record; the latter fails for both */
/* Writes the record, or removes it when there is none; done() takes a reference of the caller's. */
void task_submit(struct call_task *t, void (*done)(struct store_op *op));
void task_unref(struct call_task *t);
/* Its client is to read how it stands, once record wait is durable. */
void task_say(struct call_task *t, uint64_t wait);

/* call_task_asks.c */
void task_write_questions(struct call_task *t);
void task_take_answers(void *arg); /* the task */
void task_free_questions(struct call_task *t);

#endif
