#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/heavy.h"
#include "api/scratch.h"
#include "base/hash.h"
#include "base/rand.h"
#include "base/utf8.h"

#define RANDOM_MAX 65536

/* ---- one string in, one string out ---- */

static void fail_invalid(struct heavy *h, const char *reason)
{
    buf_clear(&h->out);
    buf_str(&h->out, reason);
    h->code = MG_E_INVALID;
}

static void work_sha256(struct heavy *h)
{
    uint8_t digest[SHA256_SIZE];
    hash_sha256(h->data, h->len, digest);
    hex_encode(&h->out, digest, sizeof digest);
}

static void work_hmac(struct heavy *h)
{
    uint8_t mac[SHA256_SIZE];
    hash_hmac_sha256(h->key, h->key_len, h->data, h->len, mac);
    hex_encode(&h->out, mac, sizeof mac);
}

static void work_hex(struct heavy *h) { hex_encode(&h->out, h->data, h->len); }
static void work_base64(struct heavy *h) { base64_encode(&h->out, h->data, h->len, false); }
static void work_base64url(struct heavy *h) { base64_encode(&h->out, h->data, h->len, true); }

static void work_unhex(struct heavy *h)
{
    if (hex_decode(&h->out, h->data, h->len) != 0)
        fail_invalid(h, "not an even number of hex digits");
}

static void work_unbase64(struct heavy *h)
{
    if (base64_decode(&h->out, h->data, h->len, false) != 0)
        fail_invalid(h, "not base64 with its padding");
}

static void work_unbase64url(struct heavy *h)
{
    if (base64_decode(&h->out, h->data, h->len, true) != 0)
        fail_invalid(h, "not base64url without padding");
}

/* Copies what is well-formed; every byte that is not becomes U+FFFD. */
static void work_utf8(struct heavy *h)
{
    size_t done = 0;
    while (done < h->len) {
        size_t good = utf8_valid(h->data + done, h->len - done);
        buf_append(&h->out, h->data + done, good);
        done += good;
        if (done < h->len) {
            buf_str(&h->out, "\xEF\xBF\xBD");
            done++;
        }
    }
}

static int push_out(lua_State *L, struct heavy *h)
{
    if (h->code != 0)
        return api_fail(L, err_word(h->code), "%.*s", (int)h->out.len, h->out.data);
    if (!buf_ok(&h->out))
        return api_fail(L, "TOO_LARGE", "the result is larger than %d bytes", (int)SCRATCH_MAX);
    lua_pushlstring(L, h->out.data ? h->out.data : "", h->out.len);
    return 1;
}

static const struct heavy_type sha256_type = { "sha256", work_sha256, push_out };
static const struct heavy_type hmac_type = { "hmac_sha256", work_hmac, push_out };
static const struct heavy_type hex_type = { "hex", work_hex, push_out };
static const struct heavy_type unhex_type = { "unhex", work_unhex, push_out };
static const struct heavy_type base64_type = { "base64", work_base64, push_out };
static const struct heavy_type unbase64_type = { "unbase64", work_unbase64, push_out };
static const struct heavy_type base64url_type = { "base64url", work_base64url, push_out };
static const struct heavy_type unbase64url_type = { "unbase64url", work_unbase64url, push_out };
static const struct heavy_type utf8_type = { "utf8", work_utf8, push_out };

/* mcp.codec.sha256(data) -> string: the digest in lower-case hex. */
static int l_sha256(lua_State *L) { return heavy_run(L, &sha256_type, 1, 0); }
/* mcp.codec.hmac_sha256(key, data) -> string: the MAC in lower-case hex. */
static int l_hmac_sha256(lua_State *L) { return heavy_run(L, &hmac_type, 2, 1); }
/* mcp.codec.hex(data) -> string: two lower-case digits a byte. */
static int l_hex(lua_State *L) { return heavy_run(L, &hex_type, 1, 0); }
/* mcp.codec.unhex(text) -> string or nil, message, code. Digits of either case. */
static int l_unhex(lua_State *L) { return heavy_run(L, &unhex_type, 1, 0); }
/* mcp.codec.base64(data) -> string, padded. */
static int l_base64(lua_State *L) { return heavy_run(L, &base64_type, 1, 0); }
/* mcp.codec.unbase64(text) -> string or nil, message, code. The padding must be there. */
static int l_unbase64(lua_State *L) { return heavy_run(L, &unbase64_type, 1, 0); }
/* mcp.codec.base64url(data) -> string without padding. */
static int l_base64url(lua_State *L) { return heavy_run(L, &base64url_type, 1, 0); }
/* mcp.codec.unbase64url(text) -> string or nil, message, code. There must be no padding. */
static int l_unbase64url(lua_State *L) { return heavy_run(L, &unbase64url_type, 1, 0); }
/* mcp.codec.utf8(data) -> string: the same, with U+FFFD for every byte that is not UTF-8. */
static int l_utf8(lua_State *L) { return heavy_run(L, &utf8_type, 1, 0); }

/* ---- random ---- */

/* mcp.codec.uuid() -> string: a random UUID (version 4). */
static int l_uuid(lua_State *L)
{
    static const int dash_before[] = { 4, 6, 8, 10, -1 };
    static const char digits[] = "0123456789abcdef";
    uint8_t raw[16];
    char text[36];
    size_t n = 0;
    const int *dash = dash_before;

    rand_bytes(raw, sizeof raw);
    raw[6] = (uint8_t)((raw[6] & 0x0F) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == *dash) {
            text[n++] = '-';
            dash++;
        }
        text[n++] = digits[raw[i] >> 4];
        text[n++] = digits[raw[i] & 0x0F];
    }
    lua_pushlstring(L, text, sizeof text);
    return 1;
}

/* mcp.codec.random(n) -> string: n bytes (1 to 65536) from the kernel's random source. */
static int l_random(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= RANDOM_MAX, 1, "expected 1 to 65536 bytes");

    luaL_Buffer out;
    char *bytes = luaL_buffinitsize(L, &out, (size_t)n);
    rand_bytes(bytes, (size_t)n);
    luaL_pushresultsize(&out, (size_t)n);
    return 1;
}

static const luaL_Reg functions[] = {
    { "sha256", l_sha256 },       { "hmac_sha256", l_hmac_sha256 }, { "hex", l_hex },
    { "unhex", l_unhex },         { "base64", l_base64 },           { "unbase64", l_unbase64 },
    { "base64url", l_base64url }, { "unbase64url", l_unbase64url }, { "utf8", l_utf8 },
    { "uuid", l_uuid },           { "random", l_random },           { NULL, NULL },
};

int mgl_open_codec(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
