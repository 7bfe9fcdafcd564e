/* evals.h - for tests of the tools that come with the gateway: a fixture over the real tools.d with
 * evaluations of the tests' own. */
#ifndef MG_TEST_API_EVALS_H
#define MG_TEST_API_EVALS_H
#include "fixture.h"

struct job_name {
    char id[64], args[96];
};

int evals_setup(void **state); /* for cmocka, with fixture_teardown */
/* From now on what "long" runs ends at once. */
void evals_make_long_good(void);
/* Runs the start functions, as at the start of the gateway. */
void run_start(struct fixture *f);
void run_eval(struct fixture *f, const char *task, const char *config, struct job_name *out);
void await_status(struct fixture *f, const struct job_name *job, const char *status);
/* The value of a member whose value is a string, anywhere in text. Static storage. */
const char *member(const char *text, const char *name);
void expect(const char *text, const char *part);
/* The events of the job, in order, by name. */
void expect_events(struct fixture *f, const struct job_name *job, const char *const *names);

#endif
