/* fuzz_pattern.c - Lua patterns: string.find by our matcher and by Lua's own say the same. Input:
 * the pattern, a newline, the subject. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "vm/pattern.h"

static lua_State *L;

struct subject {
    const char *text;
    size_t len;
};

/* find(subject, pattern) as the library's, the captures behind the two places. */
static int find(lua_State *S)
{
    struct subject s, p;
    struct pattern compiled;
    struct match m = { .L = S, .pattern = &compiled };

    s.text = luaL_checklstring(S, 1, &s.len);
    p.text = luaL_checklstring(S, 2, &p.len);
    bool is_anchored = *p.text == '^';
    pattern_compile(S, &compiled, p.text + is_anchored, p.len - is_anchored);
    m.src = s.text;
    m.end = s.text + s.len;
    int first = pattern_first_byte(&compiled);
    for (const char *at = s.text; at <= m.end; at++) {
        const char *to = pattern_match(&m, at);
        if (to) {
            fuzz_hold(to >= at && to <= m.end, "a match lies within its subject");
            fuzz_hold(first < 0 || (at < m.end && (unsigned char)*at == first),
                      "a match begins with its first byte");
            lua_pushinteger(S, at - s.text + 1);
            lua_pushinteger(S, to - s.text);
#ifdef FUZZ_PLANT
            if (m.level > 2 && to > at + 2 && m.capture[1].len == 1)
                fuzz_overrun(at, (size_t)(to - at));
#endif
            return 2 + pattern_push_captures(&m, NULL, NULL);
        }
        if (is_anchored)
            break;
    }
    lua_pushnil(S);
    return 1;
}

/* Leaves what the function at index f gives on the stack; how many, or -1 with an error. */
static int results(int f, const struct subject *s, const struct subject *p)
{
    int top = lua_gettop(L);

    lua_pushvalue(L, f);
    lua_pushlstring(L, s->text, s->len);
    lua_pushlstring(L, p->text, p->len);
    return lua_pcall(L, 2, LUA_MULTRET, 0) == LUA_OK ? lua_gettop(L) - top : -1;
}

/* string.find takes what holds no sign at all as a text, also where it would be wrong as a pattern;
 * find() above does not. */
static bool is_pattern(const struct subject *p)
{
    for (size_t i = 0; i < p->len; i++)
        if (p->text[i] != '\0' && strchr("^$*+?.([%-", p->text[i]))
            return true;
    return false;
}

static void compare(const struct subject *s, const struct subject *p)
{
    if (!is_pattern(p))
        return;
    lua_settop(L, 2);
    int ours = results(1, s, p);
    int at = lua_gettop(L);
    /* Ours gives up where theirs would go on for ever, and is bounded in length. */
    if (ours < 0) {
        const char *why = lua_tostring(L, -1);
        if (strstr(why, "too slow") || strstr(why, "too long") || strstr(why, "too complex"))
            return;
    }
    int theirs = results(2, s, p);
    if (theirs < 0 && strstr(lua_tostring(L, -1), "too complex"))
        return;
    fuzz_hold(ours == theirs, "both find it, or neither, or both refuse");
    for (int i = 0; i < ours; i++)
        fuzz_hold(lua_rawequal(L, at - ours + 1 + i, at + 1 + i), "both find the same");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct subject p, s;
    size_t plen, slen;
    char *pattern = fuzz_take(&data, &size, '\n', &plen);
    char *subject = fuzz_take(&data, &size, '\n', &slen);

    if (!L) {
        L = luaL_newstate();
        fuzz_hold(L != NULL, "there is a Lua state");
        lua_pushcfunction(L, find);
        luaopen_string(L);
        lua_getfield(L, -1, "find");
        lua_replace(L, 2);
    }
    /* Their matcher takes time that grows without a bound: texts stay small. */
    p = (struct subject){ pattern, plen > 20 ? 20 : plen };
    s = (struct subject){ subject, slen > 16 ? 16 : slen };
    compare(&s, &p);
    lua_settop(L, 2);
    free(pattern);
    free(subject);
    return 0;
}
