/* seal.h - texts that are given away and must come back as they were: encrypted and authenticated
 * with one key, so that nobody else can read, make or change one.
 * AES-256-GCM under a key of its own for each text, derived from the secret and 16 random bytes, so
 * that no number of texts wears the secret out. Written as base64url. Pure; any thread. */
#ifndef MG_SEAL_H
#define MG_SEAL_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SEAL_KEY_SIZE 32
#define SEAL_ID_SIZE 16

struct seal_key {
    uint8_t secret[SEAL_KEY_SIZE];
};
void seal_key_make(struct seal_key *k); /* from the kernel */

/* Appends the sealed text. */
void seal_write(const struct seal_key *k, const void *data, size_t len, struct buf *out);
/* Appends what was sealed, and nothing else: MG_E_INVALID for every text that this key has not
 * made, in a time that depends on its length alone. id: what no other text has, any key's. */
int seal_read(const struct seal_key *k, const char *text, size_t len, struct buf *out,
              uint8_t id[SEAL_ID_SIZE]) MG_NODISCARD;

#endif
