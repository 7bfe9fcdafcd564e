#include "api/re_code.h"

#include <lauxlib.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/compiled.h"

struct entry {
    struct re_code code; /* first: a code is its entry */
    atomic_uint refs;
    size_t bytes;
};

static struct entry *entry_of(struct re_code *c) { return (struct entry *)c; }

struct re_code *re_code_ref(struct re_code *c)
{
    atomic_fetch_add_explicit(&entry_of(c)->refs, 1, memory_order_relaxed);
    return c;
}

void re_code_unref(struct re_code *c)
{
    if (!c || atomic_fetch_sub_explicit(&entry_of(c)->refs, 1, memory_order_acq_rel) != 1)
        return;
    pcre2_code_free(c->code);
    free(entry_of(c));
}

static void code_drop(void *code) { re_code_unref(code); }

static const struct compiled_kind kind = { RE_CACHE_MAX, RE_CACHE_BYTES, code_drop };

size_t re_cache_bytes(lua_State *L, size_t *count) { return compiled_bytes(L, &kind, count); }

/* ---- compiling ---- */

static uint32_t check_flags(lua_State *L, int index)
{
    uint32_t options = PCRE2_UTF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
    const char *flags = luaL_optstring(L, index, "");

    for (; *flags; flags++) {
        switch (*flags) {
        case 'i': options |= PCRE2_CASELESS; break;
        case 'm': options |= PCRE2_MULTILINE; break;
        case 's': options |= PCRE2_DOTALL; break;
        case 'x': options |= PCRE2_EXTENDED; break;
        case 'u': options |= PCRE2_UCP; break;
        case 'b': options = (options & ~PCRE2_UTF) | PCRE2_NEVER_UTF; break;
        default: luaL_error(L, "re: unknown flag \"%c\" (there are i m s x u b)", *flags);
        }
    }
    return options;
}

/* NULL with *code and *at: why, and where in the pattern. */
static pcre2_code *compile(const char *pattern, size_t len, uint32_t options, int *code, size_t *at)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_code *made = NULL;

    *code = PCRE2_ERROR_NOMEMORY;
    if (!context)
        return NULL;
    /* What the library was built with must not matter. */
    if (pcre2_set_newline(context, PCRE2_NEWLINE_LF) == 0 &&
        pcre2_set_bsr(context, PCRE2_BSR_UNICODE) == 0 &&
        pcre2_set_parens_nest_limit(context, 200) == 0)
        made = pcre2_compile((PCRE2_SPTR)pattern, len, options, code, at, context);
    pcre2_compile_context_free(context);
    return made;
}

static void describe(struct entry *e)
{
    struct re_code *c = &e->code;
    PCRE2_SPTR names = NULL;
    size_t size = 0;

    (void)pcre2_pattern_info(c->code, PCRE2_INFO_CAPTURECOUNT, &c->captures);
    (void)pcre2_pattern_info(c->code, PCRE2_INFO_NAMECOUNT, &c->name_count);
    (void)pcre2_pattern_info(c->code, PCRE2_INFO_NAMEENTRYSIZE, &c->name_size);
    (void)pcre2_pattern_info(c->code, PCRE2_INFO_NAMETABLE, &names);
    (void)pcre2_pattern_info(c->code, PCRE2_INFO_SIZE, &size);
    c->names = (const char *)names;
    e->bytes = sizeof *e + size;
}

static struct entry *entry_new(lua_State *L, const char *pattern, size_t len, uint32_t options)
{
    PCRE2_UCHAR why[160];
    size_t at = 0;
    int code = 0;
    struct entry *e = calloc(1, sizeof *e);

    if (e)
        e->code.code = compile(pattern, len, options, &code, &at);
    if (!e || !e->code.code) {
        free(e);
        if (!code || code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED ||
            pcre2_get_error_message(code, why, sizeof why) < 0)
            luaL_error(L, "re: no memory for the pattern");
        luaL_error(L, "re: bad pattern: %s (at byte %d of it)", (const char *)why, (int)at + 1);
        return NULL;
    }
    atomic_init(&e->refs, 1);
    e->code.is_utf = (options & PCRE2_UTF) != 0;
    describe(e);
    return e;
}

struct re_code *re_code_check(lua_State *L, int pattern, int flags)
{
    size_t len;
    const char *text = luaL_checklstring(L, pattern, &len);
    uint32_t options = check_flags(L, flags);
    char key[sizeof options + RE_PATTERN_MAX];

    if (len > RE_PATTERN_MAX)
        luaL_error(L, "re: the pattern is longer than %d bytes", (int)RE_PATTERN_MAX);
    memcpy(key, &options, sizeof options);
    memcpy(key + sizeof options, text, len);
    struct re_code *there = compiled_find(L, &kind, key, sizeof options + len);
    if (there)
        return there;
    struct entry *e = entry_new(L, text, len, options);
    if (e->code.captures > RE_CAPTURES_MAX) {
        re_code_unref(&e->code);
        luaL_error(L, "re: the pattern has more than %d captures", RE_CAPTURES_MAX);
    }
    if (compiled_keep(L, &kind, key, sizeof options + len, &e->code, e->bytes + len) != 0) {
        re_code_unref(&e->code);
        luaL_error(L, "re: no memory for the pattern");
    }
    return &e->code;
}
