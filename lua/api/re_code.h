/* re_code.h - compiled regular expressions, kept for a Lua state: at most RE_CACHE_MAX of them and
 * RE_CACHE_BYTES, the least recently used go first.
 * Lifetime: a code is counted; the cache holds one reference until it drops the code, or its state
 * is closed, and whoever searches on another thread holds another. Threads: the cache belongs to
 * its state's; a code is immutable, and any thread may drop its reference. */
#ifndef MG_RE_CODE_H
#define MG_RE_CODE_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include <lua.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RE_PATTERN_MAX ((size_t)8 << 10) /* bytes */
#define RE_CAPTURES_MAX 99
#define RE_CACHE_MAX 128
#define RE_CACHE_BYTES ((size_t)1 << 20)

struct re_code {
    pcre2_code *code;
    uint32_t captures; /* without the whole match */
    uint32_t name_count, name_size;
    const char *names; /* PCRE2's table of them: name_count entries of name_size bytes */
    bool is_utf;
};

/* The code for the pattern at index pattern (a string) with the flags at index flags (a string or
 * nil). Borrowed: the next call may free it. Raises for a pattern or flags that are wrong, and
 * without memory. */
struct re_code *re_code_check(lua_State *L, int pattern, int flags);

struct re_code *re_code_ref(struct re_code *c);
void re_code_unref(struct re_code *c); /* NULL is legal */

/* The bytes that the cache of this state holds now, and how many codes; for tests. */
size_t re_cache_bytes(lua_State *L, size_t *count);

#endif
