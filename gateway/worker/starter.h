/* starter.h - runs the `start` functions of tools: once per process for each version of a file, in
 * the first worker. Threads: the first worker's. */
#ifndef MG_STARTER_H
#define MG_STARTER_H

struct worker;
struct starter;
void starter_run(struct worker *w);
void starter_free(struct starter *s);

#endif
