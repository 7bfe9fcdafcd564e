/* heaps.h - the C library's heaps, held near what is in use: large texts come and go (files that
 * are indexed, repositories that are analysed) and would leave twice as much behind. */
#ifndef MG_HEAPS_H
#define MG_HEAPS_H

/* Of the C library's defaults the first keeps a heap for each thread that ever waited for another
 * one's, helpers' with whole files in them among those, and the second, once a large block was
 * freed, keeps such blocks for later. One heap a worker, and not fewer than two. Must be called
 * before the first thread begins. */
void heaps_bound(unsigned workers);
/* Gives back pages that are free between used ones, where they are many; looks once a second at
 * most. Holds each heap for a millisecond or two, so it is for threads nobody waits for.
 * Threads: any. */
void heaps_trim(void);

#endif
