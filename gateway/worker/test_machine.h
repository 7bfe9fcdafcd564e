/* test_machine.h - the machine in which one case of a test file runs: all tools, and nothing that
 * another case has done. Its state is in memory, its root a folder of its own that is removed, its
 * clock stands still, and programs and the network are answered by the test alone.
 * Threads: the main one. */
#ifndef MG_TEST_MACHINE_H
#define MG_TEST_MACHINE_H
#include "base/buf.h"
#include "worker/standalone.h"

#define TEST_TIMEOUT_MS 30000 /* of a case that names none; real time */

struct test_case {
    char *name, *place; /* owned; place: "tools.d/greet_test.lua:12" */
    int64_t timeout_ms;
};
struct test_cases {
    struct test_case *items;
    size_t n;
};
void test_cases_fini(struct test_cases *c);

/* Loads the file, which lies in the tools folder, and lists its cases. problem: what is wrong with
 * the file; stays empty when nothing is. Negative: the run cannot go on. */
int test_list(struct standalone *site, const char *file, struct test_cases *out,
              struct buf *problem, struct err *e) MG_NODISCARD;
/* Runs case number i of them. failure: why it failed; stays empty when it passes. */
int test_run(struct standalone *site, const char *file, const struct test_cases *cases, size_t i,
             struct buf *failure, struct err *e) MG_NODISCARD;

#endif
