/* The string functions that look at or make a whole string: at most 8 MB at once, so that none
 * holds a worker. */
#include "vm/strlib.h"

#include <lauxlib.h>

#include "vm/slice.h"

#include <ctype.h>
#include <string.h>

#define FORMAT_MAX 65536
#define PACK_MAX 4096
#define VALUES_MAX 100000
#define QUOTED_MAX 131072 /* some 5 ms: the library formats each control character by itself */

/* A continuation of itself. */
static int rep(lua_State *L, int status, lua_KContext is_collected)
{
    (void)status;
    size_t len, sep_len;
    const char *s = luaL_checklstring(L, 1, &len);
    lua_Integer n = luaL_checkinteger(L, 2);
    const char *sep = luaL_optlstring(L, 3, "", &sep_len);
    if (n <= 0 || len + sep_len == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (len + sep_len > WHOLE_MAX || (lua_Unsigned)n > WHOLE_MAX / (len + sep_len) + 1)
        return luaL_error(L, "string.rep: the result would be longer than %I bytes",
                          (LUAI_UACINT)WHOLE_MAX);
    size_t unit = len + sep_len, total = unit * (size_t)n - sep_len;
    slice_whole(L, total, WHOLE_MAX, "string.rep");
    if (!slice_need(L, total * 2, is_collected, "string.rep"))
        return slice_squeeze(L, rep);
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, total + sep_len);
    memcpy(out, s, len);
    memcpy(out + len, sep, sep_len);
    /* Doubles what is there: a single byte is not copied millions of times. */
    for (size_t done = unit; done < total + sep_len;) {
        size_t more = total + sep_len - done < done ? total + sep_len - done : done;
        memcpy(out + done, out, more);
        done += more;
    }
    luaL_pushresultsize(&b, total);
    return 1;
}

/* string.rep(s, n [, sep]) */
static int l_rep(lua_State *L) { return rep(L, LUA_OK, 0); }

/* Room for a result as long as the string at 1; *s is the string. */
static char *begin_whole(lua_State *L, luaL_Buffer *b, const char **s, size_t *len,
                         const char *what)
{
    *s = luaL_checklstring(L, 1, len);
    slice_whole(L, *len, WHOLE_MAX, what);
    return luaL_buffinitsize(L, b, *len);
}

/* Adds `by` to the letters first..first+25. */
static void shift_letters(char *out, const char *s, size_t len, char first, int by)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(s[i] + ((unsigned char)(s[i] - first) < 26 ? by : 0));
}

/* string.upper(s) */
static int l_upper(lua_State *L)
{
    luaL_Buffer b;
    const char *s;
    size_t len;
    char *out = begin_whole(L, &b, &s, &len, "string.upper");
    shift_letters(out, s, len, 'a', 'A' - 'a');
    luaL_pushresultsize(&b, len);
    return 1;
}

/* string.lower(s) */
static int l_lower(lua_State *L)
{
    luaL_Buffer b;
    const char *s;
    size_t len;
    char *out = begin_whole(L, &b, &s, &len, "string.lower");
    shift_letters(out, s, len, 'A', 'a' - 'A');
    luaL_pushresultsize(&b, len);
    return 1;
}

/* string.reverse(s) */
static int l_reverse(lua_State *L)
{
    luaL_Buffer b;
    const char *s;
    size_t len;
    char *out = begin_whole(L, &b, &s, &len, "string.reverse");
    for (size_t i = 0; i < len; i++)
        out[i] = s[len - 1 - i];
    luaL_pushresultsize(&b, len);
    return 1;
}

/* Calls the library's own function, upvalue 1, with the arguments as they are. */
static int call_original(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* string.byte(s [, i [, j]]) */
static int l_byte(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    lua_Integer i = luaL_optinteger(L, 2, 1), j = luaL_optinteger(L, 3, i);
    lua_Integer from = i < 0 ? (lua_Integer)len + i + 1 : i,
                to = j < 0 ? (lua_Integer)len + j + 1 : j;
    if (from < 1)
        from = 1;
    if (to > (lua_Integer)len)
        to = (lua_Integer)len;
    if (to - from >= VALUES_MAX)
        return luaL_error(L, "string.byte: at most %d values at once", VALUES_MAX);
    return call_original(L);
}

/* The conversions of a format, one after the other. */
struct conversions {
    const char *f, *end;
    int arg; /* the argument of the last one */
};

static struct conversions conversions_of(lua_State *L)
{
    size_t len;
    const char *f = lua_tolstring(L, 1, &len);
    return (struct conversions){ f, f + len, 1 };
}

/* The letter of the next one; 0: there is none. Behind the end stands a zero byte. */
static char conversions_next(struct conversions *c)
{
    while (c->f < c->end && (c->f = memchr(c->f, '%', (size_t)(c->end - c->f))) != NULL) {
        c->f++;
        if (*c->f != '%') {
            c->f += strspn(c->f, "-+ #0123456789.");
            c->arg++;
            return c->f < c->end ? *c->f++ : '\0';
        }
        c->f++;
    }
    c->f = c->end;
    return '\0';
}

/* The next argument from `arg` on that %s prints and that has a __tostring; 0: there is none. */
static int find_printable(lua_State *L, int arg)
{
    struct conversions c = conversions_of(L);
    for (char letter; (letter = conversions_next(&c)) != '\0';)
        if (c.arg >= arg && letter == 's' && luaL_getmetafield(L, c.arg, "__tostring") != LUA_TNIL)
            return c.arg;
    return 0;
}

/* What %q quotes is bounded as a whole, however many there are. */
static void check_quoted(lua_State *L)
{
    struct conversions c = conversions_of(L);
    size_t total = 0;
    for (char letter; (letter = conversions_next(&c)) != '\0';)
        if (letter == 'q' && lua_type(L, c.arg) == LUA_TSTRING)
            total += lua_rawlen(L, c.arg);
    if (total > QUOTED_MAX)
        luaL_error(L,
                   "string.format: %%q of %I bytes; at most %d at once, work in pieces with "
                   "string.sub",
                   (LUAI_UACINT)total, QUOTED_MAX);
}

/* ctx: the argument whose text lies on top, or 0. __tostring is called here, where it may wait; the
 * library's function would call it where nothing can. */
static int format_from(lua_State *L, int status, lua_KContext ctx)
{
    size_t total = 0;
    (void)status;
    for (int at = (int)ctx;;) {
        if (at != 0) {
            if (!lua_isstring(L, -1))
                return luaL_error(L, "'__tostring' must return a string");
            lua_replace(L, at);
        }
        at = find_printable(L, at + 1);
        if (at == 0)
            break;
        lua_pushvalue(L, at);
        lua_callk(L, 1, 1, at, format_from);
    }
    for (int i = 2; i <= lua_gettop(L); i++)
        if (lua_type(L, i) == LUA_TSTRING)
            total += lua_rawlen(L, i);
    slice_whole(L, total, WHOLE_MAX, "string.format");
    check_quoted(L);
    return call_original(L);
}

/* string.format(format, ...): the texts together at most 8 MB, those of %q 128 KB. */
static int l_format(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    if (len > FORMAT_MAX)
        return luaL_error(L, "string.format: a format of more than %d bytes", FORMAT_MAX);
    return format_from(L, LUA_OK, 0);
}

/* "c1000" and "!8" name sizes: their sum must be small. Only digits matter here, the rest is the
 * library's to check. */
static void check_pack_format(lua_State *L, const char *what)
{
    size_t len;
    const char *f = luaL_checklstring(L, 1, &len);
    uint64_t total = 0;
    if (len > PACK_MAX)
        luaL_error(L, "%s: a format of more than %d bytes", what, PACK_MAX);
    for (size_t i = 0; i < len;) {
        uint64_t n = 0;
        for (; i < len && isdigit((unsigned char)f[i]); i++)
            n = n < WHOLE_MAX ? n * 10 + (uint64_t)(f[i] - '0') : n;
        total += n;
        i++;
    }
    slice_whole(L, total, SLOW_WHOLE_MAX, what);
}

/* string.pack(format, ...) */
static int l_pack(lua_State *L)
{
    check_pack_format(L, "string.pack");
    return call_original(L);
}

/* string.packsize(format) */
static int l_packsize(lua_State *L)
{
    check_pack_format(L, "string.packsize");
    return call_original(L);
}

/* string.unpack(format, s [, pos]) */
static int l_unpack(lua_State *L)
{
    check_pack_format(L, "string.unpack");
    return call_original(L);
}

static void wrap(lua_State *L, const char *name, lua_CFunction f)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, f, 1);
    lua_setfield(L, -2, name);
}

void strlib_open(lua_State *L, int index)
{
    static const luaL_Reg own[] = { { "find", l_find },       { "match", l_match },
                                    { "gmatch", l_gmatch },   { "rep", l_rep },
                                    { "upper", l_upper },     { "lower", l_lower },
                                    { "reverse", l_reverse }, { NULL, NULL } };
    lua_pushvalue(L, index);
    luaL_setfuncs(L, own, 0);
    wrap(L, "byte", l_byte);
    wrap(L, "format", l_format);
    wrap(L, "pack", l_pack);
    wrap(L, "packsize", l_packsize);
    wrap(L, "unpack", l_unpack);
    lua_pop(L, 1);
}
