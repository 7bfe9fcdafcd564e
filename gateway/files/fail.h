/* fail.h - why a file operation was refused: a code for the program, a word for the tool ("ENOENT",
 * "DENIED"), a text for people. Threads: belongs to its caller. */
#ifndef MG_FILES_FAIL_H
#define MG_FILES_FAIL_H
#include "base/err.h"

struct fail {
    const char *word; /* constant */
    struct err err;
};

/* Both return code. What is no printable UTF-8 in the text (names are any bytes) becomes '?'. */
int fail_set(struct fail *f, int code, const char *word, const char *fmt, ...) MG_PRINTF(4, 5);
/* reason is an errno: its name is the word, but for what means that a path is refused. */
int fail_errno(struct fail *f, int reason, const char *path);

#endif
