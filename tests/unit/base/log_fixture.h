/* log_fixture.h - a log in a folder of its own, and what stands in it. */
#ifndef MG_TEST_LOG_FIXTURE_H
#define MG_TEST_LOG_FIXTURE_H
#include <stdbool.h>

#include "base/buf.h"

extern char log_test_path[220], log_test_other[220]; /* two files in the folder; need not exist */

int log_test_setup(void **state); /* for the group: makes the folder and removes it */
int log_test_teardown(void **state);

/* Level info; "secret" and "token" are redacted. file NULL: standard error. */
void log_test_start(bool text, const char *file);
/* Stops the log, returns what it wrote to log_test_path, and removes that. */
struct buf log_test_stop(void);
void log_test_read(const char *file, struct buf *out);
/* Checks that every line is one JSON object with ts, level and msg; returns the number of lines. */
size_t log_test_lines(const struct buf *b);

#endif
