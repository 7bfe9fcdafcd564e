/* test_pattern.c - patterns mean what they mean in Lua: thousands of generated subjects and
 * patterns, each tried by our functions and by the packaged library's. */
#include "fixture.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES 30000

static uint32_t seed;

static uint32_t next_random(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void add(char *out, const char *piece)
{
    if (strlen(out) + strlen(piece) < 60)
        strcat(out, piece);
}

/* Pieces that are likely to be well-formed together, and now and then nonsense. */
static void make_pattern(char *out)
{
    static const char *const items[] = {
        "a",           "b",     "c",     ".",     "%a",     "%d",      "%s",    "%w",  "%A",
        "%W",          "%p",    "%.",    "[abc]", "[^a]",   "[a-c]",   "[%a_]", "[]]", "[^]a]",
        "[a-]",        "[%-b]", "[^%s]", "%b()",  "%f[%w]", "%f[^%w]", "(",     ")",   "()",
        "%1",          "%2",    "$",     "^",     "-",      "x",       " ",     "[",   "%",
        "%b",          "%f",    "%0",    "[a",    "[%",     "%x",      "%l",    "%u",  "\xc3",
        "[\x80-\xff]", "%z",    "%c",    "%g",    "]",
    };
    static const char *const suffixes[] = { "", "", "", "*", "+", "-", "?" };
    out[0] = '\0';
    if (next_random(5) == 0)
        add(out, "^");
    for (uint32_t n = 1 + next_random(5); n; n--) {
        uint32_t i = next_random(10) ? next_random(28) : next_random(sizeof items / sizeof *items);
        bool is_group = next_random(4) == 0;
        if (is_group)
            add(out, "(");
        add(out, items[i]);
        add(out, suffixes[next_random(7)]);
        if (is_group)
            add(out, ")");
    }
    if (next_random(5) == 0)
        add(out, "$");
}

static size_t make_subject(char *out)
{
    static const char letters[] = "aaabbbccc  ()()12_x.A-\n\0\xc3\xa9";
    size_t len = next_random(24);
    for (size_t i = 0; i < len; i++)
        out[i] = letters[next_random(sizeof letters - 1)];
    return len;
}

enum { USE_FIND, USE_MATCH, USE_GMATCH, USE_GSUB, USE_GSUB_FUNCTION, USE_GSUB_TABLE, USES };

/* The same script in both states. */
static const char script[] =
    "local use, s, p, init, plain, repl = ...\n"
    "local function list(...) return select('#', ...), ... end\n"
    "local function show(n, ...)\n"
    "  local t = { ... }\n"
    "  for i = 1, n do t[i] = type(t[i]) .. ':' .. tostring(t[i]) end\n"
    "  return table.concat(t, '|')\n"
    "end\n"
    "if use == 0 then return show(list(s:find(p, init, plain))) end\n"
    "if use == 1 then return show(list(s:match(p, init))) end\n"
    "if use == 2 then\n"
    "  local out = {}\n"
    "  for a, b, c in s:gmatch(p, init) do out[#out + 1] = show(3, a, b, c) end\n"
    "  return table.concat(out, '/')\n"
    "end\n"
    "if use == 3 then return show(list(s:gsub(p, repl, init > 0 and init or nil))) end\n"
    "if use == 4 then\n"
    "  return show(list(s:gsub(p, function(a, b) if a == 'b' then return false end\n"
    "    return '<' .. tostring(a) .. ',' .. tostring(b) .. '>' end)))\n"
    "end\n"
    "return show(list(s:gsub(p, { a = 'A', ab = 1, b = false })))\n";

struct
try {
    int use;
    char subject[32], pattern[80];
    size_t subject_len;
    int init;
    bool plain;
    const char *replacement;
};

static void make_try(struct try *t)
{
    static const char *const replacements[] = { "",   "x", "%0", "<%1>",  "%%",
                                                "%2", "%", "%a", "a%0b%1" };
    t->use = (int)next_random(USES);
    t->subject_len = make_subject(t->subject);
    make_pattern(t->pattern);
    t->init = next_random(3) ? 1 : (int)next_random(30) - 10;
    t->plain = next_random(10) == 0;
    t->replacement = replacements[next_random(sizeof replacements / sizeof *replacements)];
}

/* Pushes the script's result, or "!" and the error without its position. */
static void run_try(lua_State *L, int script_index, const struct try *t)
{
    lua_pushvalue(L, script_index);
    lua_pushinteger(L, t->use);
    lua_pushlstring(L, t->subject, t->subject_len);
    lua_pushstring(L, t->pattern);
    lua_pushinteger(L, t->init);
    lua_pushboolean(L, t->plain);
    lua_pushstring(L, t->replacement);
    if (lua_pcall(L, 6, 1, 0) == LUA_OK)
        return;
    const char *text = lua_tostring(L, -1);
    const char *last = strrchr(text, ':');
    lua_pushfstring(L, "!%s", last ? last + 1 : text);
    lua_remove(L, -2);
}

static lua_State *R; /* the reference */
static int failed;

/* compare(script, count): a few cases at a time, since C code cannot give way. */
static int compare_some(lua_State *L)
{
    for (lua_Integer i = luaL_checkinteger(L, 2); i; i--) {
        struct try t;
        make_try(&t);
        run_try(L, 1, &t);
        run_try(R, 1, &t);
        size_t a, b;
        const char *ours = lua_tolstring(L, -1, &a), *theirs = lua_tolstring(R, -1, &b);
        if (a != b || memcmp(ours, theirs, a) != 0)
            fail_msg("use %d: \"%.*s\" \"%s\" init %d plain %d repl %s\n ours:   %s\n theirs: %s",
                     t.use, (int)t.subject_len, t.subject, t.pattern, t.init, t.plain,
                     t.replacement, ours, theirs);
        failed += ours[0] == '!';
        lua_pop(L, 1);
        lua_pop(R, 1);
    }
    return 0;
}

static int open_compare(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, compare_some);
    lua_setfield(L, -2, "compare_some");
    return 1;
}

static const struct api_module compare_module = { .name = "", .open = open_compare };

static void test_against_the_library(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    static const struct api_module *const modules[] = { &test_module, &compare_module, NULL };
    char body[4096];
    f->o.modules = modules;
    snprintf(body, sizeof body,
             "local function script(...) %s end for i = 1, %d do mcp.compare_some(script, 10) end",
             script, CASES / slow_factor() / 10);
    fixture_tool(f, "compare", body);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    R = luaL_newstate();
    luaL_openlibs(R);
    assert_int_equal(luaL_loadstring(R, script), LUA_OK);
    for (uint32_t round = 1; round <= 3; round++) {
        seed = round * 7919;
        failed = 0;
        call(f, "compare", "{}", OUT_OK);
        /* Enough of both: patterns that work, and complaints. */
        assert_in_range(failed, CASES / slow_factor() / 100, CASES / slow_factor() / 2);
    }
    lua_close(R);
    fixture_free(f);
}

/* Searches that go over many slices give what they give within one. */
static void test_over_slices(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    fixture_tool(
        f, "t",
        "local k = args.k local s = ('ab '):rep(4 * k) .. 'end'\n"
        "local n = 0 for w in s:gmatch('%a+') do n = n + #w end assert(n == 8 * k + 3, n)\n"
        "local r, c = s:gsub('a(b)', '%1%1') assert(c == 4 * k and #r == #s, c)\n"
        "r, c = s:gsub('%a+', { ab = 'x' }) assert(c == 4 * k + 1 and #r == 8 * k + 3, c)\n"
        "r, c = s:gsub('(%a)b', function(x) return x end) assert(c == 4 * k and #r == "
        "8 * k + 3, c)\n"
        "r, c = s:gsub('%a', '', 5) assert(c == 5 and #r == #s - 5)\n"
        "assert(s:find('e(n)d', 1) == 12 * k + 1) assert(s:match('[^ab ]+') == 'end')\n"
        "assert(s:find('b+ -e', 7) == 12 * k - 1, (s:find('b+ -e', 7)))\n"
        "return 'ok'");
    fixture_load(f);
    char args[32];
    snprintf(args, sizeof args, "{\"k\":%d}", 100000 / slow_factor());
    assert_string_equal(call(f, "t", args, OUT_OK), "ok");
    fixture_free(f);
}

static void test_limits(void **state)
{
    struct fixture *f = fixture_new();
    (void)state;
    fixture_tool(f, "t",
                 "local function no(text, ...) local ok, e = pcall(...) assert(not ok and "
                 "e:find(text, 1, true), text .. tostring(e)) end\n"
                 "no('8192', string.find, 'x', ('a'):rep(8193) .. '.')\n"
                 "assert(not ('x'):find(('a'):rep(8191) .. '.'))\n"
                 "no('too complex', string.find, ('x'):rep(300), ('x?'):rep(250))\n"
                 "no('too many captures', string.find, 'x', ('()'):rep(33))\n"
                 "assert(select('#', ('x'):find(('()'):rep(32))) == 34)\n"
                 "no('too slow', string.match, ('a'):rep(600), '.-.-.-b')\n"
                 "no('too slow', string.gsub, ('a'):rep(600), '.-.-.-b', '')\n"
                 "no('too slow', string.gsub, ('a'):rep(600), '.-.-.-b', print)\n"
                 "no('too slow', function() for _ in ('a'):rep(600):gmatch('.-.-.-b') do end end)\n"
                 "local big = ('x'):rep(1 << 20) assert(big:find('.*') == 1) "
                 "assert(#big:match('.-$') == #big)\n"
                 "return 'ok'");
    fixture_load(f);
    assert_string_equal(call(f, "t", "{}", OUT_OK), "ok");
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_the_library),
        cmocka_unit_test(test_over_slices),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
