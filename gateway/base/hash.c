#include "base/hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

/* Only a broken or restricted library fails; to go on without digests would let wrong keys in. */
static void crypto_check(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "moongate: %s: %s\n", what, gnutls_strerror(rc));
    abort();
}

void hash_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE])
{
    crypto_check(gnutls_hash_fast(GNUTLS_DIG_SHA256, data, len, out), "SHA-256");
}

void hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                      uint8_t out[SHA256_SIZE])
{
    crypto_check(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_len, data, len, out), "HMAC-SHA-256");
}

struct sha256 *sha256_begin(void)
{
    gnutls_hash_hd_t hash;
    int rc = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
    if (rc == GNUTLS_E_MEMORY_ERROR)
        return NULL;
    crypto_check(rc, "SHA-256");
    return (struct sha256 *)hash;
}

void sha256_add(struct sha256 *s, const void *data, size_t len)
{
    crypto_check(gnutls_hash((gnutls_hash_hd_t)s, data, len), "SHA-256");
}

void sha256_end(struct sha256 *s, uint8_t out[SHA256_SIZE])
{
    gnutls_hash_deinit((gnutls_hash_hd_t)s, out);
}

bool hash_equal(const void *a, const void *b, size_t len) { return gnutls_memcmp(a, b, len) == 0; }

/* ---- SipHash-1-3 ---- */

static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void sip_init(void) { rand_bytes(sip_key, sizeof sip_key); }

static inline uint64_t rotl(uint64_t v, unsigned n) { return v << n | v >> (64 - n); }

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

uint64_t hash_key(const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t left = len;

    pthread_once(&sip_once, sip_init);
    uint64_t v[4] = {
        sip_key[0] ^ UINT64_C(0x736f6d6570736575),
        sip_key[1] ^ UINT64_C(0x646f72616e646f6d),
        sip_key[0] ^ UINT64_C(0x6c7967656e657261),
        sip_key[1] ^ UINT64_C(0x7465646279746573),
    };
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t m;
        memcpy(&m, p, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- encodings ---- */

/* What is decoded stays only when all of it is right. */
static int decode_end(struct buf *out, size_t start, int rc)
{
    if (rc < 0)
        out->len = start;
    return rc < 0 || buf_ok(out) ? rc : MG_E_NOMEM;
}

void hex_encode(struct buf *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = data;

    buf_reserve(out, len * 2);
    for (size_t i = 0; i < len; i++) {
        buf_putc(out, digits[p[i] >> 4]);
        buf_putc(out, digits[p[i] & 15]);
    }
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hex_decode(struct buf *out, const char *s, size_t len)
{
    size_t start = out->len;

    if (len % 2)
        return MG_E_INVALID;
    buf_reserve(out, len / 2);
    for (size_t i = 0; i < len; i += 2) {
        int hi = hex_digit(s[i]), lo = hex_digit(s[i + 1]);
        if (hi < 0 || lo < 0)
            return decode_end(out, start, MG_E_INVALID);
        buf_putc(out, (char)(hi << 4 | lo));
    }
    return decode_end(out, start, 0);
}

static const char base64_digits[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void base64_encode(struct buf *out, const void *data, size_t len, bool url)
{
    const char *digits = base64_digits[url];
    const unsigned char *p = data;

    buf_reserve(out, (len + 2) / 3 * 4);
    for (; len >= 3; len -= 3, p += 3) {
        unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        char four[4] = {
            digits[v >> 18],
            digits[v >> 12 & 63],
            digits[v >> 6 & 63],
            digits[v & 63],
        };
        buf_append(out, four, 4);
    }
    if (len == 0)
        return;
    unsigned v = (unsigned)p[0] << 16 | (len == 2 ? (unsigned)p[1] << 8 : 0u);
    buf_putc(out, digits[v >> 18]);
    buf_putc(out, digits[v >> 12 & 63]);
    if (len == 2)
        buf_putc(out, digits[v >> 6 & 63]);
    for (; !url && len < 3; len++)
        buf_putc(out, '=');
}

static int base64_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    return c == (url ? '_' : '/') ? 63 : -1;
}

int base64_decode(struct buf *out, const char *s, size_t len, bool url)
{
    size_t start = out->len;
    unsigned v = 0, bits = 0;

    if (!url) {
        if (len % 4)
            return MG_E_INVALID;
        for (int pad = 0; pad < 2 && len > 0 && s[len - 1] == '='; pad++)
            len--;
    }
    if (len % 4 == 1)
        return MG_E_INVALID;
    buf_reserve(out, len / 4 * 3 + 2);
    for (size_t i = 0; i < len; i++) {
        int d = base64_value(s[i], url);
        if (d < 0)
            return decode_end(out, start, MG_E_INVALID);
        v = v << 6 | (unsigned)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_putc(out, (char)(v >> bits & 0xff));
            v &= (1u << bits) - 1;
        }
    }
    /* Bits that belong to no byte must be 0, or two texts would mean the same bytes. */
    return decode_end(out, start, v ? MG_E_INVALID : 0);
}
