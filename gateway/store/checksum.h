/* checksum.h - the first 64 bits of SHA-256 over what was added, as 16 lower-case hex digits.
 * Chosen over a CRC because it is seeded with what a text belongs to (state and segment): bytes
 * left over from an older file, or a file put in another's place, do not pass. One flip or cut goes
 * unseen once in 2^64; the digest costs well under the write it protects, and GnuTLS is here
 * already. Lifetime: embedded, reusable after every checksum_hex(). Threads: one owner. */
#ifndef MG_STORE_CHECKSUM_H
#define MG_STORE_CHECKSUM_H
#include <stddef.h>

#include "base/err.h"

#define CHECKSUM_SIZE 17 /* 16 digits and a NUL */

struct checksum {
    void *digest; /* NULL: not initialised */
};

int checksum_init(struct checksum *c) MG_NODISCARD; /* MG_E_NOMEM */
void checksum_fini(struct checksum *c);             /* legal on {0} and twice */
void checksum_add(struct checksum *c, const void *data, size_t len);
void checksum_hex(struct checksum *c, char out[CHECKSUM_SIZE]); /* ends this text; the next add
                                                                   begins anew */

#endif
