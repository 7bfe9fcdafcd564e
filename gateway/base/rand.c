#include "base/rand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RAND_BLOCK 2048

static void kernel_bytes(unsigned char *out, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fputs("moongate: getrandom() refused to give random bytes\n", stderr);
            abort();
        }
        out += n;
        len -= (size_t)n;
    }
}

void rand_bytes(void *out, size_t len)
{
    static _Thread_local unsigned char block[RAND_BLOCK];
    static _Thread_local size_t left;

    if (len > RAND_BLOCK / 16) {
        kernel_bytes(out, len);
        return;
    }
    if (left < len) {
        kernel_bytes(block, sizeof block);
        left = sizeof block;
    }
    /* What has been given out is wiped: a later leak of memory must not tell ids of the past. */
    left -= len;
    memcpy(out, block + left, len);
    explicit_bzero(block + left, len);
}

uint64_t rand_u64(void)
{
    uint64_t v;

    rand_bytes(&v, sizeof v);
    return v;
}

void rand_base36(char *out, size_t n)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t i = 0;

    while (i < n) {
        unsigned char block[32];
        size_t count = n - i < sizeof block ? n - i : sizeof block;
        rand_bytes(block, count);
        for (size_t k = 0; k < count; k++)
            if (block[k] < 252) /* 7 * 36: the rest would favour the first letters */
                out[i++] = digits[block[k] % 36];
    }
    out[n] = '\0';
}

void rand_hex(char *out, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";

    while (bytes > 0) {
        unsigned char block[32];
        size_t n = bytes < sizeof block ? bytes : sizeof block;
        rand_bytes(block, n);
        for (size_t k = 0; k < n; k++) {
            *out++ = digits[block[k] >> 4];
            *out++ = digits[block[k] & 15];
        }
        bytes -= n;
    }
    *out = '\0';
}
