/* listchange.h - tells whoever is shown lists that they have changed for him, once all workers
 * serve the new ones: who asks at once, wherever his connection lands, gets them. Of reloads that
 * follow each other before that, the difference in all is told.
 * Lifetime: embedded in what reloads. Threads: the main one. */
#ifndef MG_LISTCHANGE_H
#define MG_LISTCHANGE_H
#include "io/loop.h"
#include "worker/gateway.h"
#include "worker/serving.h"

struct listchange {
    struct mail mail; /* posted by workers that have switched */
    struct gateway *gateway;
    /* What was told last, and what is served: of both a reference. Not the generation, whose
     * machines go meanwhile. */
    struct toolset *before, *now;
    struct keyring *keys_before, *keys_now;
    uint32_t number; /* of what is published; 0: nothing was */
    bool is_waiting; /* for all workers to serve with it */
};

/* l: the main thread's. s is what the workers are made with. */
void listchange_begin(struct listchange *c, struct gateway *g, struct loop *l, struct serving *s);
/* Numbers s; it is published next. */
void listchange_publish(struct listchange *c, struct serving *s);
void listchange_end(struct listchange *c); /* on zeroes it is legal */

#endif
