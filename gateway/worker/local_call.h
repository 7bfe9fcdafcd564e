/* local_call.h - a tools/call that comes from this process and not over a connection: the same
 * message, checks, authorization and result as a client's.
 * Lifetime: embedded, in place from local_call_open() to local_call_fini(). Threads: the machine's.
 */
#ifndef MG_LOCAL_CALL_H
#define MG_LOCAL_CALL_H
#include <stdbool.h>
#include <stdint.h>

#include "mcp/mcp.h"
#include "vm/vm.h"
#include "worker/rounds.h"
#include "worker/serving.h"

struct local_call {
    const struct serving *serving;
    const struct principal *principal;
    const char *client;   /* the client's name that the tool sees */
    bool cannot_ask;      /* it declares nothing that it could be asked */
    struct rounds rounds; /* answers is the caller's; the rest is {0} before the first round */
    struct mcp_call *mcp; /* NULL: refused, or never opened */
    struct buf reply;     /* the JSON-RPC answer, once it is refused or over; one line */
    struct task_info info;
    struct task *task;
    struct tool_result result;
    uint64_t seq; /* of all rounds: the record that the answer must wait for */
    bool is_over;
    /* Told while it runs; NULL: not. Over it is told once, also inside local_call_start(). */
    void (*progress)(struct local_call *c, const struct task_progress *p);
    void (*log)(struct local_call *c, int level, const char *json, size_t len);
    void (*over)(struct local_call *c);
};

/* The request that a client of the newest revision would send. args: JSON text. knows_tasks: so
 * that a tool that wants to be a task may be called; who runs it himself waits for it. rounds NULL:
 * of one that cannot be asked anything. */
void local_call_message(const char *client, const char *tool, const char *args, size_t len,
                        bool wants_progress, bool wants_log, bool knows_tasks,
                        const struct rounds *rounds, struct buf *b);
/* Of a request's params: who it comes from, and what he can do. A member of the object is open
 * behind it. */
void local_call_meta(const char *client, bool can_be_asked, bool knows_tasks, struct buf *b);

/* Checks the call as the protocol does. args: the text of the arguments, JSON of whatever kind, not
 * checked by the caller. false: it is refused, reply says why. */
bool local_call_open(struct local_call *c, const struct toolset *tools, const char *tool,
                     const char *args, size_t len);
/* Between two turns of the machine, never inside one of its tasks. */
void local_call_start(struct local_call *c, struct vm *vm);
/* It is over: what now? ROUNDS_NEXT: it is to be opened again, with the same arguments; problem as
 * of rounds_next(). */
enum rounds_next local_call_next(struct local_call *c, struct buf *problem);
void local_call_cancel(struct local_call *c); /* it still ends with over() */
void local_call_fini(struct local_call *c);

#endif
