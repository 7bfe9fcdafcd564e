/* test_call.h - the calls that a test makes: begun between two turns of the machine, answered with
 * what a client would get, as one object.
 * Threads: the main one. */
#ifndef MG_TEST_CALL_H
#define MG_TEST_CALL_H
#include <stdbool.h>

#include "vm/testing.h"
#include "worker/serving.h"

struct test_call;
struct test_calls {
    const struct serving *serving;
    const struct toolset *tools;
    struct test_call *pending, *running; /* not begun yet, in order; not ended yet */
};

/* vm_testing.call and .drop, for a struct test_calls. */
int test_call_new(void *arg, struct testing_call *asker, const struct testing_request *r,
                  struct err *e);
void test_call_drop(void *arg, struct testing_call *asker);
/* Begins those that wait for it. Returns whether there were some. */
bool test_calls_start(struct test_calls *calls, struct vm *vm);
/* When the machine is freed. */
void test_calls_fini(struct test_calls *calls);

#endif
