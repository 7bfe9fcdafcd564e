/* call_struct.h - the inside of a call, shared by the files that move it. */
#ifndef MG_CALL_STRUCT_H
#define MG_CALL_STRUCT_H
#include "base/clock.h"
#include "hub/inflight.h"
#include "limit/gate.h"
#include "store/store.h"
#include "vm/ask.h"
#include "worker/call.h"
#include "worker/call_stream.h"
#include "worker/call_task.h"
#include "worker/worker.h"

#define CALL_ID_SIZE 17 /* "call_", 11 base-36 characters (57 bits), NUL */

struct call_note { /* said, and not yet to be told */
    struct call_note *next;
    uint64_t seq; /* the record it must wait for */
    size_t len;
    bool must;
    char json[];
};

struct call_asking;

struct call_page { /* that its client was asked to open, and not yet told to be done */
    struct call_page *next;
    char key[];
};

struct call {
    struct call *next, **prev; /* worker's list while it waits; `next` in the pool */
    struct call *turn_next;    /* in one of the worker's three queues */
    struct worker *worker;
    const struct call_sink *sink;
    void *to;                   /* the sink's */
    struct exchange *x;         /* HTTP's; NULL: it came otherwise, or its stream can be resumed */
    struct call_stream *stream; /* of that stream: the connection it came by, while it is open */
    struct mcp_call *mcp;
    const struct principal *principal;
    /* a reference from the first wait on: keeps tool, principal and machine */
    struct serving *serving;
    struct call_asking *asking; /* what its client has not answered */
    struct call_page *pages;
    struct task *task;     /* NULL before the start and after the end */
    struct task_info info; /* the task borrows it to its end */
    struct inflight_entry *entry;
    struct gate *tool_gate; /* NULL: the tool has none */
    bool holds_tool_gate, holds_all_gate;
    struct gate_waiter waiter;
    struct loop_timer gate_timer;
    struct loop_timer late; /* HTTP: when its answer becomes a stream, unless it is there */
    struct call_note *notes, *notes_last;
    size_t note_bytes;
    struct store_wait durable; /* of the first note, or, when there is none, of the answer */
    struct tool_result result;
    uint64_t seq; /* the record the answer must wait for */
    int64_t started_us;
    int64_t tool_us; /* likewise; of several that fill a list, the last one's */
    struct access access;
    bool is_starting; /* inside task_start(): done() only notes the end */
    bool is_over, is_listed;
    bool is_watched;    /* its client's end is noticed */
    bool is_waiting;    /* `durable` is with the store */
    bool is_queued;     /* at a gate: its machine must outlive a reload */
    bool is_late;       /* in the worker's list of those whose first slice waits: likewise */
    bool is_gone;       /* nobody is there to read the answer */
    bool holds_session; /* which does not end for being idle, nor for want of room before others */
    bool is_cancelled;
    struct call_task *tasked; /* it becomes a task, or is one; NULL: neither */
    char id[CALL_ID_SIZE];
};

/* call_http.c */
extern const struct call_sink call_http; /* into an exchange */

/* call_reply.c */
void call_encode(struct call *c, struct buf *out); /* the answer: one line of JSON */
void call_answer(struct call *c); /* result is there: wait until it is durable, answer, log, free */
void call_advance(struct call *c); /* sends what may be sent by now, waits for the rest */
void call_refuse(struct call *c, enum outcome o, const char *text); /* before its task began */
void call_bound_result(struct call *c);                             /* [server] max_result */
void call_finish(struct call *c); /* answers, counts, logs, frees */

/* call_notes.c */
void call_note_progress(void *arg, const struct task_progress *p, uint64_t wait);
void call_note_log(void *arg, int level, const char *data_json, size_t len, uint64_t wait);
bool call_is_reachable(const struct call *c);
void call_send_note(struct call *c);                /* the first one */
void call_drop_notes(struct call *c, uint64_t seq); /* those up to record seq */

void call_note(struct call *c, uint64_t seq, struct buf *json, bool must); /* as soon as seq is safe
                                                                            */

/* call_ask.c */
enum task_asked call_ask(void *arg, struct task_ask *a, uint64_t wait, struct err *e);
void call_ask_drop(void *arg, struct task_ask *a);
bool call_is_asking(const struct call *c);
void call_drop_asks(struct call *c); /* its task is gone */
void call_elicit_done(void *arg, const char *key, uint64_t wait);
void call_drop_pages(struct call *c);

/* call_turn.c */
void call_start_soon(struct call *c); /* it holds its places: its task starts in this turn, or later
                                       */
void call_answer_soon(struct call *c); /* it ended in its first slice */
void call_unpostpone(struct call *c);  /* out of the queue of those that start in a later turn */

/* call.c */
void call_run(struct call *c);   /* starts its task */
void call_waits(struct call *c); /* from here on it must outlive reloads and can be cancelled */
/* It fills a list of which others have more: true, and one of them is what it runs next. */
bool call_goes_on(struct call *c);
void call_leave_gates(struct call *c);
/* The gate of all calls alone: it waits for a person, or goes on as a task, and may do so for long;
 * others are not to be kept out by that. */
void call_leave_all(struct call *c);
void call_list(struct call *c); /* it waits: onto the worker's list, with its reference */
void call_release(struct call *c);

#endif
