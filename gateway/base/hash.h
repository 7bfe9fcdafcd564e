/* hash.h - digests, MACs, encodings and comparisons in constant time (GnuTLS underneath).
 * Pure; any thread. */
#ifndef MG_HASH_H
#define MG_HASH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SHA256_SIZE 32

void hash_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);
void hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                      uint8_t out[SHA256_SIZE]);

/* The digest of what comes in pieces. _end() writes it (NULL: nobody wants it) and frees. NULL: no
 * memory. */
struct sha256;
struct sha256 *sha256_begin(void);
void sha256_add(struct sha256 *s, const void *data, size_t len);
void sha256_end(struct sha256 *s, uint8_t out[SHA256_SIZE]);

/* Time depends on len alone. */
bool hash_equal(const void *a, const void *b, size_t len);

/* A keyed 64-bit hash for tables whose keys come from outside (SipHash-1-3 with a per-process key).
 */
uint64_t hash_key(const void *data, size_t len);

int hex_digit(char c);                                          /* its value, or -1 */
void hex_encode(struct buf *out, const void *data, size_t len); /* lower case */
/* either case, even length */
int hex_decode(struct buf *out, const char *s, size_t len) MG_NODISCARD;
/* url: the alphabet with - and _, no padding. Decoding accepts both alphabets' own form only:
 * standard needs right padding, url needs none. */
void base64_encode(struct buf *out, const void *data, size_t len, bool url);
int base64_decode(struct buf *out, const char *s, size_t len, bool url) MG_NODISCARD;

#endif
