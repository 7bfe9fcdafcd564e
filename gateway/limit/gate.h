/* gate.h - how many at once: a counter with a queue of those who wait a little.
 * Threads: any; a lock only when the gate is full or somebody waits. A waiter is intrusive and is
 * told on its own loop. */
#ifndef MG_GATE_H
#define MG_GATE_H
#include <stdbool.h>
#include <stdint.h>

#include "io/loop.h"

struct gate;
struct gate *gate_new(uint32_t limit); /* 0 = no limit; NULL: no memory */
void gate_free(struct gate *g);
void gate_set_limit(struct gate *g, uint32_t limit);
uint32_t gate_used(struct gate *g);

struct gate_waiter {
    struct gate_waiter *next, *prev; /* private */
    struct gate *gate;               /* private */
    struct loop *loop;
    /* on w->loop: the place is yours, gate_leave() when done */
    void (*entered)(struct gate_waiter *w);
    int state; /* private */
};
/* True: entered now. False: with w NULL it was full; else w waits, first come first served. */
bool gate_enter(struct gate *g, struct gate_waiter *w);
/* Stops waiting. False: the place had already been given (entered() will not be called; the caller
 * now holds it and must gate_leave()). On w->loop only. */
bool gate_cancel(struct gate_waiter *w);
void gate_leave(struct gate *g);

#endif
