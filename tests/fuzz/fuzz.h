/* fuzz.h - what every target has: one function that is fed bytes, and checks that end the process.
 * libFuzzer brings a main() of its own; feed.c has one for files, so that what was found once is
 * tried by every test run without it. Lifetime: nothing of a run is left to the next. */
#ifndef MG_TEST_FUZZ_H
#define MG_TEST_FUZZ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* always 0 */

/* Ends the process with `what` when a property does not hold. */
void fuzz_hold(bool holds, const char *what);

/* Takes the bytes up to the next one that is `end`, or all that are left, and moves behind it. In a
 * block of their own with a NUL behind them, so that reading further is found; free() it. */
char *fuzz_take(const uint8_t **data, size_t *size, uint8_t end, size_t *len);

/* A temporary folder of this process, removed at its end. Without a slash at the end. */
const char *fuzz_folder(void);
/* Replaces the file of that name in it. */
void fuzz_write(const char *name, const void *text, size_t len);

/* The planted bug: reads one byte more than a block has. Targets call it under FUZZ_PLANT, behind a
 * condition that only an input which got deep enough meets. */
void fuzz_overrun(const void *text, size_t len);

#endif
