/* ask.h - questions to the client of a running call, and how the host answers them.
 * One primitive stands behind ctx:elicit, elicit_url, sample, roots and ask: a strand asks n
 * questions at once. What the call was told before is looked at first (task_info.memory, then
 * task_info.responses), so a host is asked only what is not answered there. Then task_ops.ask
 * says one of:
 *
 *   ASK_SENT     The strand waits. For every question the host calls task_answer() once, later or
 *                inside ask(), and forgets the struct with the last one. Until then
 *                task_ops.ask_drop() may come instead: nobody waits any more (the call was
 *                cancelled, its time or the answer's is over, the machine goes), the struct is gone
 *                when it returns. Meanwhile the call's own time stands still; after
 *                vm_options.ask_timeout_ms the tool gets nil, message, "TIMEOUT".
 *   ASK_ENDS     The run ends here: done() gets OUT_INPUT_REQUIRED and result.asks, from which the
 *                host makes what it tells the client. Whoever answers starts the call anew, with
 *                the same arguments, result.asks->memory and the responses.
 *   ASK_REFUSED  e says why this client cannot be asked: the tool gets nil, message,
 *                "UNSUPPORTED", and goes on.
 *
 * What ends the wait: all answers; cancelling (nil, "cancelled", "CANCELLED"); the shutdown of the
 * machine, which is a cancellation; ask_timeout; a kill. A client that is gone is the host's to
 * notice: it cancels the task. An answer that is none (a wrong shape, content that does not fit the
 * schema) is asked for again, three times in all; then nil, message, "INVALID".
 * Threads: the worker's. Lifetime: as said; texts are copied. */
#ifndef MG_VM_ASK_H
#define MG_VM_ASK_H
#include <stddef.h>

#include "base/json_scan.h"
#include "tools/ask.h"

struct task_ask { /* borrowed by the host between ask() and the last answer or ask_drop() */
    size_t count;
    const struct tool_question *questions; /* in the order of their keys */
    void *host;                            /* the host's own; NULL at first */
};

/* The i-th question's answer: the result that the client sent, any JSON value, or type JSON_NONE
 * and the text of an error (NULL: "the client failed"). Once for each. Calls no Lua. */
void task_answer(struct task_ask *a, size_t i, struct json_text result, const char *error);

#endif
