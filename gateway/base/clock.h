/* clock.h - time. Monotonic for durations and deadlines, wall for what people read.
 * Modules below the worker take the time as a parameter, so that their tests never sleep. */
#ifndef MG_CLOCK_H
#define MG_CLOCK_H
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_ISO_SIZE 25 /* "2026-11-23T07:30:41.220Z" and its NUL */

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_ms_of(int64_t mono_us); /* what clock_mono_ms() said at that clock_mono_us() */
int64_t clock_wall_ms(void);          /* since 1970, UTC */

/* A test's clock, the calling thread's alone: from its start on clock_mono_ms() and clock_wall_ms()
 * stand still, but for what they are advanced by. clock_mono_us() goes on: it measures what the
 * machine does, such as slices. */
void clock_fake_start(void);
void clock_fake_advance(int64_t ms); /* not negative */
void clock_fake_stop(void);
bool clock_is_fake(void);

/* Writes ISO 8601 UTC with milliseconds and Z. Caches the second's text per thread. */
void clock_iso(char out[CLOCK_ISO_SIZE], int64_t wall_ms);

#endif
