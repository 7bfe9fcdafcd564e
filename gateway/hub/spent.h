/* spent.h - what may be used once: the numbers of what was used, until it expires.
 * A table of fixed size: when more is used than it holds, what expires first is forgotten.
 * Lifetime: one per process. Threads: any. */
#ifndef MG_SPENT_H
#define MG_SPENT_H
#include <stdbool.h>
#include <stdint.h>

#define SPENT_SLOTS 65536

struct spent;
struct spent *spent_new(void); /* NULL: no memory */
void spent_free(struct spent *s);
/* id: 16 random bytes that whoever brings them cannot choose. false: it was there already. Times as
 * clock_wall_ms() tells them. */
bool spent_add(struct spent *s, const uint8_t id[16], int64_t expires_ms, int64_t now_ms);
/* It was for nothing: it may be used once more. */
void spent_remove(struct spent *s, const uint8_t id[16], int64_t now_ms);

#endif
