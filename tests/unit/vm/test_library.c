/* test_library.c - the bounded functions: as Lua's within their bounds, an error that says the
 * bound beyond, and no call within them holds a worker for more than 20 ms. */
#include "fixture.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int setup(void **state)
{
    struct fixture *f = fixture_new();
    f->o.default_memory = 200 << 20;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* The same statements must hold in a plain Lua state and in ours. */
static const char *const same[] = {
    "assert(('ab'):rep(3) == 'ababab' and ('ab'):rep(3, '-') == 'ab-ab-ab' and ('ab'):rep(0) == "
    "'')",
    "assert(('ab'):rep(-1) == '' and (''):rep(1000000) == '' and ('x'):rep(1, 'yy') == 'x')",
    "assert((''):rep(3, ',') == ',,' and ('a'):rep(7) == 'aaaaaaa')",
    "assert(('aBc\\xe9Z'):upper() == 'ABC\\xe9Z' and ('aBc\\xe9Z'):lower() == 'abc\\xe9z')",
    "assert(('abc'):reverse() == 'cba' and (''):reverse() == '')",
    "assert(('abc'):byte() == 97 and select('#', ('abc'):byte(1, -1)) == 3 and ('abc'):byte(-1) == "
    "99)",
    "assert(select('#', ('abc'):byte(10, 20)) == 0 and select('#', ('abc'):byte(-100, 100)) == 3)",
    "assert(('%d %s %5.1f %q %%'):format(3, 'x', 2.25, 'a\\nb') == '3 x   2.2 \"a\\\\\\nb\" %')",
    "assert(not pcall(string.format, '%d', 'x') and not pcall(string.format, '%y', 1))",
    "assert(not pcall(string.format, '%s') and ('%s'):format(nil) == 'nil' and "
    "('%5s|'):format('a') == '    a|')",
    "assert(('%s %s'):format(setmetatable({}, { __tostring = function() return 'T' end }), 1) == "
    "'T 1')",
    "assert(not pcall(string.format, '%s', setmetatable({}, { __tostring = function() return {} "
    "end })))",
    "assert(('\\0%s|%%%s'):format(setmetatable({}, { __tostring = function() return 'T' end }), 7) "
    "== '\\0T|%7')",
    "assert(('%-10s|%i'):format(setmetatable({}, { __tostring = function() return 'T' end }), 7) "
    "== 'T         |7')",
    "assert(tostring(setmetatable({}, { __tostring = function() return 'T' end })) == 'T' and "
    "tostring(nil) == 'nil')",
    "assert(not pcall(tostring) and not pcall(tostring, setmetatable({}, { __tostring = function() "
    "end })))",
    "assert(tostring(setmetatable({}, { __name = 'N' })):match('^N: '))",
    "assert(string.unpack('<i4', string.pack('<i4', -5)) == -5 and string.packsize('<i4c3') == 7)",
    "local t = { 1, 2, 3 } table.insert(t, 4) table.insert(t, 1, 0) assert(table.concat(t, ',') == "
    "'0,1,2,3,4')",
    "local t = { 1, 2, 3 } assert(table.remove(t) == 3 and table.remove(t, 1) == 1 and #t == 1)",
    "local t = {} assert(table.remove(t) == nil and table.remove(t, 0) == nil and table.remove(t, "
    "#t) == nil)",
    "local t = { 1 } assert(table.remove(t, 2) == nil and not pcall(table.remove, t, 3) and not "
    "pcall(table.insert, t, 5, 1))",
    "assert(not pcall(table.insert, {}) and not pcall(table.insert, {}, 1, 2, 3) and not "
    "pcall(table.insert, 1, 2))",
    "local t = { 1, 2, 3 } table.move(t, 1, 3, 2) assert(table.concat(t, ',') == '1,1,2,3')",
    "local t = { 1, 2, 3 } table.move(t, 2, 3, 1) assert(table.concat(t, ',') == '2,3,3')",
    "local t = table.move({ 1, 2 }, 1, 2, 3, { 8, 9 }) assert(table.concat(t, ',') == '8,9,1,2')",
    "assert(not pcall(table.move, {}, 1, math.maxinteger, 2) and not pcall(table.move, {}, -1, "
    "math.maxinteger, 2))",
    "assert(next(table.move({}, 5, 1, 1)) == nil and not pcall(table.move, 1, 1, 1, 1))",
    "assert(select('#', table.unpack({}, 1, 3)) == 3 and table.unpack({ 1, 2 }, 2) == 2 and "
    "select('#', table.unpack({})) == 0)",
    "assert(select('#', table.unpack({ n = 1 }, -1, 1)) == 3 and not pcall(table.unpack, {}, 1, "
    "1e7))",
    "assert(table.concat({ 1, 'a', 2.5 }) == '1a2.5' and table.concat({}, ',') == '' and "
    "table.concat({ 1, 2, 3 }, ',', 2) == '2,3')",
    "assert(table.concat({ 1, 2, 3 }, ',', 2, 2) == '2' and not pcall(table.concat, { {} }) and "
    "not pcall(table.concat, { 1, nil, 3 }, '', 1, 3))",
    "assert(table.concat({ 1, 2 }, 3) == '132' and not pcall(table.concat, { 1, 2 }, {}))",
    "local t = { 5, 2, 9, 1 } table.sort(t) assert(table.concat(t, ',') == '1,2,5,9')",
    "local t = { 5, 2, 9, 1 } table.sort(t, function(a, b) return a > b end) "
    "assert(table.concat(t, ',') == '9,5,2,1')",
    "local t = { 'b', 'a', 'c' } table.sort(t) assert(table.concat(t) == 'abc') assert(not "
    "pcall(table.sort, { 1, 'a' }))",
    "local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1000 end table.sort(t, function(a, b) "
    "return a < b end) "
    "for i = 2, 1000 do assert(t[i - 1] <= t[i]) end",
    "local m = { __lt = function(a, b) return a.v < b.v end } local t = {} for i = 1, 50 do "
    "t[i] = setmetatable({ v = (i * 37) % 50 }, m) end table.sort(t) for i = 2, 50 do assert(t[i - "
    "1].v <= t[i].v) end",
    "assert(not pcall(table.sort, { 1, 2 }, 1) and not pcall(table.sort, 1)) table.sort({}) "
    "table.sort({ 1 })",
    "assert(not pcall(table.sort, { 3, 2, 1 }, function() error('x') end))",
    "local log = {} local p = setmetatable({}, { __len = function() return 3 end, __index = "
    "function(_, i) return i * 10 end, "
    "__newindex = function(_, k, v) log[#log + 1] = k .. '=' .. tostring(v) end })\n"
    "assert(table.concat(p, ',') == '10,20,30' and select('#', table.unpack(p)) == 3 and select(3, "
    "table.unpack(p)) == 30)\n"
    "table.insert(p, 'v') table.insert(p, 2, 'w') assert(table.concat(log, ' ') == '4=v 4=30 3=20 "
    "2=w')\n"
    "log = {} assert(table.remove(p, 2) == 20 and table.concat(log, ' ') == '2=30 3=nil')\n"
    "log = {} table.move(p, 1, 2, 2) assert(table.concat(log, ' ') == '3=20 2=10')\n"
    "log = {} table.move({ 1 }, 1, 1, 5, p) assert(log[1] == '5=1')",
    "local t = setmetatable({ 3, 1, 2 }, { __index = {} }) table.sort(t) assert(table.concat(t) == "
    "'123')",
    "local t = table.pack(1, nil, 3) assert(t.n == 3 and t[3] == 3)",
    "assert(utf8.len('h\\u{e9}') == 2 and utf8.codepoint('\\u{e9}') == 233 and "
    "utf8.offset('h\\u{e9}x', 3) == 4)",
    "local n = 0 for _, c in utf8.codes('a\\u{20ac}') do n = n + c end assert(n == 97 + 0x20ac)",
    "assert(utf8.len('\\xff') == nil and not pcall(utf8.codepoint, '\\xff') and not "
    "pcall(utf8.len, 'abc', 5, 1))",
    "assert(os.date('!%Y', 0) == '1970' and os.time({ year = 2020, month = 1, day = 1 }) and not "
    "pcall(os.date, '%'))",
    "assert(select(2, ('abc'):gsub('', '-')) == 4 and ('abc'):gsub('b', '%%') == 'a%c')",
    "assert(('x y'):gsub('%w', setmetatable({}, { __index = function(_, k) return k .. k end })) "
    "== 'xx yy')",
    "assert(not pcall(string.gsub, 'x', 'x', function() return {} end) and not pcall(string.gsub, "
    "'x', 'x', { x = true }))",
    "assert(not pcall(string.gsub, 'x', 'x') and ('x'):gsub('x', 7) == '7' and ('abc'):gsub('%w', "
    "'%0%0', 2) == 'aabbc')",
    "assert(not pcall(string.rep) and not pcall(string.find, 'x') and ('a+b'):find('+', 1, true) "
    "== 2)",
    "assert(('abc'):find('b', -2) == 2 and ('abc'):find('', 10) == nil and ('abc'):find('', 4) == "
    "4 and ('a'):find('a', -9) == 1)",
};

static void test_same_as_lua(void **state)
{
    struct fixture *f = *state;
    lua_State *R = luaL_newstate();
    luaL_openlibs(R);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char name[32], body[2048];
        if (luaL_dostring(R, same[i]))
            fail_msg("in plain Lua: %s", lua_tostring(R, -1));
        snprintf(name, sizeof name, "s%zu", i);
        snprintf(body, sizeof body, "do %s end return 'ok'", same[i]);
        fixture_tool(f, name, body);
    }
    lua_close(R);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char name[32];
        snprintf(name, sizeof name, "s%zu", i);
        struct call c;
        call_start(f, &c, name, NULL);
        call_wait(f, &c);
        if (c.result.outcome != OUT_OK)
            fail_msg("%s\n%s", same[i], call_text(&c));
        call_fini(&c);
    }
}

static void test_bounds(void **state)
{
    struct fixture *f = *state;
    fixture_tool(
        f, "t",
        "local function no(text, ...) local ok, e = pcall(...)\n"
        "if ok or not e:find(text, 1, true) then error(text .. ': ' .. tostring(e)) end end\n"
        "local m8 = ('x'):rep(1 << 23) local over = m8 .. 'x'\n"
        "local m4 = ('x'):rep(1 << 22) local over4 = m4 .. 'x'\n"
        "assert(#m8 == 1 << 23) no('string.rep', string.rep, 'x', (1 << 23) + 1) no('string.rep', "
        "string.rep, 'xx', 1 << 62)\n"
        "no('string.rep', string.rep, '', 1 << 62, 'sep') no('string.rep', string.rep, over, 1)\n"
        "assert(#m8:upper() == 1 << 23) no('string.upper', string.upper, over) no('string.lower', "
        "string.lower, over)\n"
        "no('string.reverse', string.reverse, over) assert(#m8:lower() == #m8:reverse())\n"
        "assert(select('#', m8:byte(1, 100000)) == 100000) no('string.byte', string.byte, m8, 1, "
        "100001)\n"
        "no('string.format', string.format, ('%%'):rep(32769)) "
        "assert(#(('%%'):rep(32768)):format() == 32768)\n"
        "no('string.format', string.format, '%s%s', m8, 'x') no('string.pack', string.pack, "
        "('x'):rep(4097))\n"
        "no('string.pack', string.pack, 'c4194305', 'x') assert(#string.pack('c4194304', 'x') == "
        "1 << 22)\n"
        "local q = ('\\0'):rep(131072) assert(#('%q'):format(q) == 2 * #q + 2) "
        "no('string.format', string.format, '%q', q .. 'x')\n"
        "no('string.format', string.format, '%s\\0%q%%%d%q', q, q, 1, 'x') "
        "no('string.format', string.format, '\\0%q', q .. q)\n"
        "assert(#('%s%d%%q'):format(q .. q, 1) == 2 * #q + 3)\n"
        "no('string.packsize', string.packsize, 'c99999999') no('string.unpack', string.unpack, "
        "'c99999999', 'x')\n"
        "no('utf8.len', utf8.len, over4) assert(utf8.len(m4) == #m4) no('utf8.codes', utf8.codes, "
        "over4)\n"
        "no('utf8.offset', utf8.offset, over4, 1) no('utf8.codepoint', utf8.codepoint, m4, 1, "
        "100001)\n"
        "assert(select('#', utf8.codepoint(m4, 1, 100000)) == 100000)\n"
        "assert(not m8:find(m8:sub(1, 1 << 20) .. '', 9 << 20, true)) no('string.find', "
        "string.find, m8, m8:sub(1, (1 << 20) + 1))\n"
        "assert(m8:find(m8:sub(1, 1 << 20), 1 << 22, true) == 1 << 22) assert((m8 .. "
        "'yz'):find('xyz', 1, true) == 1 << 23)\n"
        "no('os.date', os.date, ('x'):rep(257)) assert(#os.date(('x'):rep(256)) == 256)\n"
        "local t = {} for i = 1, 500001 do t[i] = i end\n"
        "no('table.insert', table.insert, t, 1, 0) table.insert(t, 2, 0) no('table.remove', "
        "table.remove, t, 1)\n"
        "assert(table.remove(t, 2) == 0 and #t == 500001 and t[2] == 2)\n"
        "no('table.move', table.move, t, 1, 500001, 2) table.move(t, 1, 500000, 2) "
        "assert(t[500001] == 500000)\n"
        "assert(select('#', table.unpack(t, 1, 100000)) == 100000) no('unpack', table.unpack, t, "
        "1, 100001)\n"
        "no('unpack', table.unpack, setmetatable({}, { __index = t }), 1, 100001)\n"
        "return 'ok'");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL, OUT_OK), "ok");
}

/* Memory that a function would need and the call may not have is refused before anything is made.
 */
static void test_memory_is_asked_for_first(void **state)
{
    struct fixture *f = *state;
    f->o.default_memory = 4 << 20;
    fixture_tool(f, "t", "local ok, e = pcall(string.rep, 'x', 7 << 20) return e");
    fixture_load(f);
    assert_non_null(strstr(call(f, "t", NULL, OUT_OK), "string.rep: not enough memory"));
}

static int64_t cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int l_cpu(lua_State *L)
{
    lua_pushinteger(L, cpu_us());
    return 1;
}

static int open_cpu(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_cpu);
    lua_setfield(L, -2, "cpu");
    return 1;
}

static const struct api_module cpu_module = { .name = "", .open = open_cpu };

/* No call may hold a worker for longer. A test run allows ten times as much, since it shares its
 * machine; EXACT=1, as `make torture` sets it, does not. */
#define HELD_US (getenv("EXACT") ? 20000 : 200000)

/* The largest that each function accepts. A call that gives way is measured by its longest slice:
 * what runs between two rounds of the loop. */
static const char *const largest[] = {
    "('x'):rep(1 << 23)",
    "('abcdefgh'):rep(1 << 20)",
    "m8:upper()",
    "m8:reverse()",
    "m8:byte(1, 100000)",
    "('%s'):format(m8)",
    "('%q'):format(m8:sub(1, 131072))",
    "('%q'):format(('\\0'):rep(131072))",
    "('%q'):format(('\\1'):rep(131072))",
    "string.pack('s', m8)",
    "string.pack('c4194304', 'x')",
    "utf8.len(u8)",
    "utf8.offset(u8, -1, #u8 + 1)",
    "utf8.codepoint(m4, 1, 100000)",
    "utf8.len(m4)",
    "m8:find('y')",
    "m8:find('xy', 1, true)",
    "m8:find(m1y, 1, true)",
    "m8:find('[^x]')",
    "pcall(m8.find, m8, 'x*y')",
    "m4:match('^x*$')",
    "m8:gsub('x', 'y', 1000000)",
    "m8:gsub('y', 'z')",
    "m4:gsub('x+', '%0')",
    "('a'):rep(1200):find('.-.-b')",
    "pcall(string.find, ('a'):rep(600), '.-.-.-b')",
    "('('):rep(4000):find('%b()')",
    "table.insert(t, 3, 0)",
    "table.remove(t, 3)",
    "table.move(t, 1, 500000, 2)",
    "table.move(t, 1, 500000, 1, {})",
    "table.unpack(t, 1, 100000)",
    "table.concat(s)",
    "table.concat(t, ',')",
    "table.sort(nums)",
    "table.sort(strs)",
    "table.sort(same)",
    "table.sort(zeros)",
    "tonumber(d8)",
    "#m8",
    "m8 .. 'x'",
    "m8 < m8b",
    "m8 == m8b",
    "({})[m8]",
    "m8:sub(2)",
    "select(-1, table.unpack(t, 1, 100000))",
    "tostring(1e300)",
    "next(t)",
    "string.char(table.unpack(c, 1, 100000))",
    "utf8.char(table.unpack(c, 1, 100000))",
};

/* The longest round of the loop while expression i runs. */
static int64_t longest_round(struct fixture *f, size_t i)
{
    struct call c;
    char args[32];
    int64_t longest = 0;
    snprintf(args, sizeof args, "{\"i\":%zu}", i + 1);
    call_start(f, &c, "t", args);
    while (c.task && !c.result.content.data && vm_has_work(f->vm))
        vm_run(f->vm); /* make() */
    while (!c.is_done) {
        loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
        int64_t begin = cpu_us();
        vm_run(f->vm);
        int64_t took = cpu_us() - begin;
        longest = took > longest ? took : longest;
    }
    if (c.result.outcome != OUT_OK)
        fail_msg("%s: %s", largest[i], call_text(&c));
    call_fini(&c);
    return longest;
}

static void test_nothing_holds_a_worker(void **state)
{
    struct fixture *f = *state;
    if (slow_factor() > 1)
        skip();
    static const struct api_module *const modules[] = { &test_module, &cpu_module, NULL };
    f->o.modules = modules;
    char *text = malloc(65536);
    assert_non_null(text);
    int n =
        snprintf(text, 65536,
                 "local mcp = require 'mcp'\nlocal m8, m4, m1y, m8b, d8, t, s, same, nums, strs, "
                 "c, u8, zeros\n"
                 "local function make() m4 = ('x'):rep(1 << 22) m8 = m4 .. m4 m1y = m4:sub(1, (1 "
                 "<< 20) - 1) .. 'y' m8b = m4 .. m4 "
                 "d8 = ('7'):rep(1 << 23)\n"
                 "u8 = ('\\u{e9}'):rep(1 << 21)\n"
                 "t, s, c = {}, {}, {} for i = 1, 500002 do t[i] = i s[i] = 'abc' end for i = "
                 "1, 100000 do c[i] = 65 end\n"
                 "nums, strs = {}, {} for i = 1, 20000 do nums[i] = (i * 7919) %% 20000 strs[i] "
                 "= 'key' .. nums[i] end same = {} for i = 1, 30 do same[i] = m8 end "
                 "zeros = {} for i = 1, 1000 do zeros[i] = ('\\0'):rep(1000) .. i end end\n"
                 "local list = {\n");
    for (size_t i = 0; i < sizeof largest / sizeof *largest; i++)
        n += snprintf(text + n, 65536 - (size_t)n, "function() local _ = %s end,\n", largest[i]);
    snprintf(text + n, 65536 - (size_t)n,
             "}\nreturn mcp.tool { name = 't', run = function(args) if not m8 then make() end\n"
             "mcp.test.sleep(1) list[args.i]() end }\n");
    char *p;
    while ((p = strstr(text, "local _ = table.insert")) ||
           (p = strstr(text, "local _ = table.sort")))
        memcpy(p, "         ", 9);
    fixture_write(f, "t.lua", text);
    free(text);
    fixture_load(f);
    assert_string_equal(problems(f), "");
    for (size_t i = 0; i < sizeof largest / sizeof *largest; i++) {
        int64_t least = INT64_MAX;
        for (int round = 0; round < 5 && least > HELD_US / 2; round++) {
            int64_t longest = longest_round(f, i);
            least = longest < least ? longest : least;
        }
        if (getenv("VERBOSE"))
            fprintf(stderr, "%6d us  %s\n", (int)least, largest[i]);
        if (least > HELD_US)
            fail_msg("%s holds a worker for %d us", largest[i], (int)least);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_same_as_lua),
        TEST(test_bounds),
        TEST(test_memory_is_asked_for_first),
        TEST(test_nothing_holds_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
