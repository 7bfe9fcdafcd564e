#include "store/checksum.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

int checksum_init(struct checksum *c)
{
    gnutls_hash_hd_t handle = NULL;

    c->digest = NULL;
    if (gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) < 0)
        return MG_E_NOMEM;
    c->digest = handle;
    return 0;
}

void checksum_fini(struct checksum *c)
{
    if (c->digest)
        gnutls_hash_deinit((gnutls_hash_hd_t)c->digest, NULL);
    c->digest = NULL;
}

void checksum_add(struct checksum *c, const void *data, size_t len)
{
    if (len == 0 || gnutls_hash((gnutls_hash_hd_t)c->digest, data, len) >= 0)
        return;
    /* Cannot happen with SHA-256. A record with a wrong checksum would be refused only at the next
     * start, when it is too late, so nothing is written after it. */
    fprintf(stderr, "moongate: SHA-256 failed\n");
    abort();
}

void checksum_hex(struct checksum *c, char out[CHECKSUM_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_SIZE];

    gnutls_hash_output((gnutls_hash_hd_t)c->digest, digest);
    for (size_t i = 0; i < (CHECKSUM_SIZE - 1) / 2; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[CHECKSUM_SIZE - 1] = '\0';
}
