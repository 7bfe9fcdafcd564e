/* call.h - for the tests of what runs in a vm: one tools/call and what came of it. */
#ifndef MG_TEST_CALL_H
#define MG_TEST_CALL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/toolset.h"
#include "vm/vm.h"

struct call {
    struct task_info info;
    struct task *task; /* NULL once it is done */
    struct tool_result result;
    uint64_t wait;
    bool is_done;
    int64_t began_ms, took_ms;
    int progress, logs; /* how many came */
    char last[256];     /* of them */
    uint64_t last_wait; /* the record it must wait for */
    /* Set before call_run(): how its client is asked; NULL: it cannot be. */
    enum task_asked (*ask)(struct call *c, struct task_ask *a, struct err *e);
    struct task_ask *asked; /* the last one that was sent, until it is dropped */
    int asks, drops;
};

/* As a caller named anna; what more it wants is set in info. args is JSON, or NULL. Both are
 * borrowed until call_run(). */
void call_prepare(struct call *c, const char *tool, const char *args);
void call_run(struct vm *vm, struct call *c, uint32_t index);
void call_fini(struct call *c);
/* The text of the result's one text block, decoded; "" when there is none. Static storage. */
const char *call_text(const struct call *c);

#endif
