/* replay.h - the journal's segments, applied on top of a snapshot at the start.
 * What can have been left by a crash or a power cut is repaired: a torn tail, of which nothing
 * later proves that it had been synced, is cut off. Everything else that does not fit is refused
 * with file, line and a way out. Threads: the one that opens the store; nobody else is there. */
#ifndef MG_STORE_REPLAY_H
#define MG_STORE_REPLAY_H
#include "store/local.h"

struct replay {
    struct local *l;
    const uint64_t *segments; /* consecutive, ascending */
    size_t count;
    store_seq last;        /* in: what the snapshot holds; out: the newest record */
    uint64_t records;      /* out */
    uint64_t next_segment; /* in: where to write when there is none; out: where to write */
    struct checksum sum;   /* private from here */
    struct buf key;
};

int replay_segments(struct replay *r, struct err *e) MG_NODISCARD;

#endif
