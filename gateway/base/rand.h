/* rand.h - random bytes from the kernel, and nothing else: getrandom(2), never a seeded generator.
 */
#ifndef MG_RAND_H
#define MG_RAND_H
#include <stddef.h>
#include <stdint.h>

/* Fills out. The kernel's generator cannot fail once it is up; should the call be refused, aborts:
 * an id that can be guessed is worse than no gateway. Small requests are served from a per-thread
 * block. */
void rand_bytes(void *out, size_t len);
uint64_t rand_u64(void);

/* Writes n characters of a-z0-9 (5.17 bits each, unbiased) and a NUL. */
void rand_base36(char *out, size_t n);
/* Writes 2*bytes lower-case hex digits and a NUL. */
void rand_hex(char *out, size_t bytes);

#endif
