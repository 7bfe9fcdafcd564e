/* call_task.h - a call that becomes a task: it is answered at once, and its tool goes on.
 *
 * written: its record is with the state; saved: the record waits for the disk; working: the client
 * has its answer; ending: the record of its end is on its way, for as long as the state takes no
 * changes. What a client can read of it is durable, but for its message and what it asks for, which
 * do not outlive the process.
 * Lifetime: the call's, but for what the state still has in hand. Threads: the worker's. */
#ifndef MG_CALL_TASK_H
#define MG_CALL_TASK_H
#include "vm/vm.h"

struct call;
struct call_task;
struct worker;

/* ctx:as_task{}: as struct task_ops says; arg is the call. */
bool call_as_task(void *arg, const struct task_terms *terms, struct task_creation *c);
void call_as_task_cancel(void *arg, struct task_creation *c);

/* Its record is durable now (call_task_begin() comes next), or waits for that. */
bool call_task_is_saved(const struct call *c);
/* The answer, from which on the call is a task. */
void call_task_begin(struct call *c);
/* It cannot become one after all. */
void call_task_refuse(struct call *c, int code);
bool call_task_is_working(const struct call *c);
/* The call's own answer, once; *out is empty. */
void call_task_answer(struct call *c, struct buf *out);
void call_task_progress(struct call *c, const struct task_progress *p, uint64_t wait);
/* What its tool asks its client; false: *e says why it cannot. As vm/ask.h says. */
bool call_task_ask(struct call *c, struct task_ask *a, uint64_t wait, struct err *e);
void call_task_ask_drop(struct call *c, struct task_ask *a);
/* Its tool has ended: c->result is there. */
void call_task_end(struct call *c);
/* It has, and the record of that waits for the end of trouble with the disk. */
bool call_task_is_held(const struct call *c);
void call_task_free(struct call_task *t); /* with its call; NULL is legal */

/* Another configuration serves: tasks of keys that are gone, or may not call the tool any more, are
 * cancelled: nobody else could. */
void call_tasks_judge_all(struct worker *w);

#endif
