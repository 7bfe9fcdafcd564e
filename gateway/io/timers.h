/* timers.h - the pairing heap behind timer_start() and timer_stop(): least due_ms first.
 * Intrusive, so nothing allocates; insert is O(1), removal amortized O(log n). The loop's thread
 * only. */
#ifndef MG_TIMERS_H
#define MG_TIMERS_H
#include "io/loop.h"

/* Both return the new root. timers_remove() takes any member of the heap, its root too. */
struct loop_timer *timers_insert(struct loop_timer *root, struct loop_timer *t);
struct loop_timer *timers_remove(struct loop_timer *root, struct loop_timer *t) MG_NODISCARD;

#endif
