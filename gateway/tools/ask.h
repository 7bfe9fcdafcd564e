/* ask.h - what a tool asks of its client, before any protocol is wrapped around it.
 * Lifetime and threads: the caller's; plain data. */
#ifndef MG_ASK_H
#define MG_ASK_H
#include <stdlib.h>

#include "base/buf.h"
#include "base/json_scan.h"

#define QUESTION_KEY_MAX 64    /* bytes: letters, digits and _ . - */
#define QUESTIONS_MAX 32       /* at once */
#define QUESTIONS_BYTES 262144 /* of their params together */

struct tool_question {
    const char *key;         /* the tool's name for it */
    const char *method;      /* "elicitation/create", "sampling/createMessage", "roots/list" */
    struct json_text params; /* an object, in the terms of the newest revision */
};

/* A run that ended because it has to be asked first: what makes the next run go on from there. */
struct tool_asks {
    struct buf requests; /* JSON: {KEY:{"method":...,"params":{...}},...}, at least one */
    /* JSON: {"answers":{KEY:RESULT},"once":{KEY:[VALUE]}}: all that the call was told and keeps.
     * The next run gets it as task_info.memory. */
    struct buf memory;
};

static inline void tool_asks_free(struct tool_asks *a) /* NULL is allowed */
{
    if (!a)
        return;
    buf_fini(&a->requests);
    buf_fini(&a->memory);
    free(a);
}

#endif
