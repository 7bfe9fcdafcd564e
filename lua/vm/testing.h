/* testing.h - what a machine needs that runs the tests of one file beside its tools: `moongate
 * test`. The module is lua/api/api_testing.c; who runs the machine stands behind the functions
 * here. Lifetime: borrowed by the vm, which it outlives. Threads: the vm's; none of the functions
 * may call Lua. */
#ifndef MG_VM_TESTING_H
#define MG_VM_TESTING_H
#include <stddef.h>

#include "base/err.h"
#include "vm/vm.h"

struct testing_call;     /* one call that a test waits for */
struct testing_request { /* borrowed for the call of call() */
    const char *tool;
    const char *args; /* JSON text */
    size_t len;
    const char *as; /* the key's name; NULL: whoever may call everything */
    /* JSON: what is answered to what the tool asks, by key; NULL: the client cannot be asked. */
    const char *answers;
    size_t answers_len;
};

struct vm_testing {
    const char *file; /* "greet_test.lua", in the tools folder */
    void *arg;        /* every function's first argument */
    /* The file has a case; place: "tools.d/greet_test.lua:12". timeout_ms 0: the usual one. */
    int (*add)(void *arg, const char *name, const char *place, int64_t timeout_ms);
    /* The case that runs has failed; the first text counts. */
    void (*fail)(void *arg, const char *text, size_t len);
    /* Begins a call, later: no task is started inside. testing_answer() tells its end, unless
     * drop() was called before. MG_E_NOTFOUND: there is no key of that name. */
    int (*call)(void *arg, struct testing_call *c, const struct testing_request *r, struct err *e);
    void (*drop)(void *arg, struct testing_call *c);
    /* Makes a file below the root that the tools see, and the folders above it. */
    int (*file_make)(void *arg, const char *path, const char *data, size_t len, struct err *e);
};

/* json: what the test gets, an object; taken, and freed. NULL: no memory. */
void testing_answer(struct testing_call *c, char *json, size_t len);

/* Starts the test file's i-th case, in the order in which it was added. NULL: no memory. */
struct task *vm_start_case(struct vm *vm, size_t i, const struct task_info *info,
                           const struct task_ops *ops, void *arg);

#endif
