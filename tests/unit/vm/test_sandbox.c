/* test_sandbox.c - what a tool file finds around it, and what it cannot reach. */
#include "fixture.h"

#include <string.h>

/* Every name, in order; a name that is missing or one too many is a failure. */
static void test_environment(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "names",
                 "local t = {} for k, v in pairs(_ENV) do t[#t + 1] = k\n"
                 "if type(v) == 'table' then for n in pairs(v) do t[#t + 1] = k .. '.' .. n end "
                 "end end\n"
                 "table.sort(t) return table.concat(t, ' ')");
    fixture_load(f);
    assert_string_equal(
        call(f, "names", NULL, OUT_OK),
        "_VERSION assert collectgarbage error getmetatable ipairs math math.abs math.acos "
        "math.asin "
        "math.atan math.ceil math.cos math.deg math.exp math.floor math.fmod math.huge math.log "
        "math.max math.maxinteger math.min math.mininteger math.modf math.pi math.rad math.random "
        "math.sin math.sqrt math.tan math.tointeger math.type math.ult next os os.clock os.date "
        "os.difftime os.time pairs pcall print rawequal rawget rawlen rawset require select "
        "setmetatable string string.byte string.char string.find string.format string.gmatch "
        "string.gsub string.len string.lower string.match string.pack string.packsize string.rep "
        "string.reverse string.sub string.unpack string.upper table table.concat table.insert "
        "table.move table.pack table.remove table.sort table.unpack tonumber tostring type utf8 "
        "utf8.char utf8.charpattern utf8.codepoint utf8.codes utf8.len utf8.offset xpcall");
}

static void test_escapes(void **state)
{
    struct fixture *f = *state;
    fixture_tool(
        f, "t",
        "assert(getmetatable('') == false) assert(not pcall(setmetatable, '', {}))\n"
        "assert(load == nil and dofile == nil and coroutine == nil and debug == nil and io == "
        "nil)\n"
        "assert(package == nil and string.dump == nil and math.randomseed == nil and _G == nil)\n"
        "assert(os.execute == nil and os.getenv == nil and os.exit == nil)\n"
        "assert(not pcall(setmetatable, {}, { __gc = 1 })) assert(not pcall(setmetatable, {}, { "
        "__gc = false }))\n"
        "assert(not pcall(setmetatable, {}, { __mode = 'k' }))\n"
        "for _, mode in ipairs { 'v', 'kv', 'vk', '', 7 } do setmetatable({}, { __mode = mode }) "
        "end\n"
        "local p = setmetatable({}, { __metatable = 'x' }) assert(getmetatable(p) == 'x')\n"
        "assert(not pcall(setmetatable, p, {}))\n"
        "assert(collectgarbage('count') > 0 and collectgarbage() > 0) assert(not "
        "pcall(collectgarbage, 'collect'))\n"
        "assert(not pcall(require, 'os')) assert(not pcall(require, '../x')) assert(not "
        "pcall(require, 'a/b'))\n"
        "assert(not pcall(require, '')) assert(not pcall(require, '.x')) assert(not pcall(require, "
        "'x.'))\n"
        "assert(not pcall(require, ('x'):rep(300)))\n"
        "assert(require 'mcp' == mcp) assert(getmetatable(mcp) == false)\n"
        "assert(math.random() ~= math.random())\n"
        "assert(getmetatable(args) == nil)\n"
        "assert(getmetatable(args.list) == false and getmetatable(setmetatable(args.list, { x = 1 "
        "})).x == 1)\n"
        "return 'ok'");
    fixture_load(f);
    assert_string_equal(call(f, "t", "{\"list\":[1]}", OUT_OK), "ok");
}

/* What one file does to its library, its globals or mcp is not seen by another one. */
static void test_files_are_apart(void **state)
{
    struct fixture *f = *state;
    fixture_write(f, "a.lua",
                  "local mcp = require 'mcp'\n"
                  "shared = 1\nstring.upper = function() return 'patched' end\n"
                  "table.insert = error\nmcp.test.sleep = error\nmcp.extra = "
                  "1\nrequire('helper').count = 99\n"
                  "return mcp.tool { name = 'a', run = function() return shared .. "
                  "string.upper('x') end }");
    fixture_write(f, "b.lua",
                  "local mcp = require 'mcp'\nlocal helper = require 'helper'\n"
                  "return mcp.tool { name = 'b', run = function()\n"
                  "assert(shared == nil and string.upper('x') == 'X' and ('x'):upper() == 'X')\n"
                  "table.insert({}, 1) assert(mcp.test.sleep(-1) and mcp.extra == nil)\n"
                  "assert(helper.count == 0 and helper.global == nil and helper.has_mcp)\n"
                  "assert(require('helper') == helper) assert(require('deep.er') == 'deep')\n"
                  "assert(require('nothing') == true) return 'ok' end }");
    fixture_write(f, "lib/helper.lua",
                  "own = 1\nreturn { count = 0, global = shared, has_mcp = require('mcp').test ~= "
                  "nil }");
    fixture_write(f, "lib/deep/er.lua", "return 'deep'");
    fixture_write(f, "lib/nothing.lua", "-- returns nothing");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    assert_string_equal(call(f, "a", NULL, OUT_OK), "1patched");
    assert_string_equal(call(f, "b", NULL, OUT_OK), "ok");
}

/* The code of a helper is compiled once; its globals are each file's own, in every machine. */
static void test_shared_helper(void **state)
{
    struct fixture *f = *state;
    struct err e = { 0 };
    fixture_write(f, "lib/counter.lua",
                  "n = 0\nreturn { add = function() n = n + 1 return tostring(n) end }");
    fixture_write(f, "a.lua",
                  "local mcp, c = require 'mcp', require 'counter'\n"
                  "return mcp.tool { name = 'a', run = function() return c.add() end }");
    fixture_write(f, "b.lua",
                  "local mcp, c = require 'mcp', require 'counter'\n"
                  "return mcp.tool { name = 'b', run = function() return c.add() end }");
    fixture_load(f);
    for (int machine = 0; machine < 2; machine++) {
        assert_string_equal(call(f, "a", NULL, OUT_OK), "1");
        assert_string_equal(call(f, "a", NULL, OUT_OK), "2");
        assert_string_equal(call(f, "b", NULL, OUT_OK), "1");
        struct vm *first = f->vm;
        f->vm = vm_new(&f->o, NULL, first, &e);
        assert_non_null(f->vm);
        vm_attach(f->vm, &f->services);
        vm_free(first);
    }
}

/* Required by two calls, it waits in its own text: each goes on with its own globals. */
static void test_helper_that_waits(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "return tostring(require('waits'))";
    fixture_write(f, "lib/waits.lua",
                  "local mine = {}\nname = mine\nrequire('mcp').test.sleep(20)\n"
                  "return name == mine");
    fixture_tool(f, "a", body);
    fixture_tool(f, "b", body);
    fixture_load(f);
    struct call one, two;
    call_start(f, &one, "a", NULL);
    call_start(f, &two, "b", NULL);
    call_wait(f, &one);
    call_wait(f, &two);
    assert_string_equal(call_text(&one), "true");
    assert_string_equal(call_text(&two), "true");
    call_fini(&one);
    call_fini(&two);
}

static void test_require_errors(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "missing", "return select(2, pcall(require, 'no_such'))");
    fixture_tool(f, "broken", "return select(2, pcall(require, 'broken'))");
    fixture_tool(f, "raises",
                 "local ok, e = pcall(require, 'raises') local ok2, e2 = pcall(require, 'raises') "
                 "return e .. '|' .. e2");
    fixture_tool(f, "circle", "return select(2, pcall(require, 'circle'))");
    fixture_tool(f, "waits", "return require('waits')");
    fixture_write(f, "lib/broken.lua", "return (");
    fixture_write(f, "lib/raises.lua", "\nerror('from the helper')");
    fixture_write(f, "lib/circle.lua", "return require 'circle'");
    fixture_write(f, "lib/waits.lua", "require('mcp').test.sleep(1) return 'waited'");
    fixture_load(f);
    assert_non_null(strstr(call(f, "missing", NULL, OUT_OK),
                           "there is no \"no_such\" (looked for lib/no_such.lua"));
    assert_non_null(strstr(call(f, "broken", NULL, OUT_OK), "tools.d/lib/broken.lua:1:"));
    const char *text = call(f, "raises", NULL, OUT_OK);
    assert_non_null(strstr(text, "tools.d/lib/raises.lua:2: from the helper|"));
    assert_non_null(strstr(text, "did not load before"));
    assert_non_null(strstr(call(f, "circle", NULL, OUT_OK), "requires itself"));
    assert_string_equal(call(f, "waits", NULL, OUT_OK), "waited");
}

static int open_granted(lua_State *L);

static const struct api_module exec_module = { .name = "exec",
                                               .open = open_granted,
                                               .need = "exec" };

#include <lauxlib.h>

static int l_run(lua_State *L)
{
    lua_pushliteral(L, "ran");
    return 1;
}

static int open_granted(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_run);
    lua_setfield(L, -2, "run");
    return 1;
}

static void test_grants(void **state)
{
    struct fixture *f = *state;
    static const struct api_module *const modules[] = { &test_module, &exec_module, NULL };
    static const char *const git[] = { "git", NULL };
    f->o.modules = modules;
    f->policy.exec = git;
    fixture_write(f, "has.lua",
                  "local mcp = require 'mcp'\nlocal exec = mcp.exec\n"
                  "return mcp.tool { name = 'has', needs = { 'exec' }, run = function() return "
                  "exec.run() end }");
    fixture_write(f, "hides.lua",
                  "local mcp = require 'mcp'\nlocal exec = mcp.exec\nmcp.exec = nil\n"
                  "return mcp.tool { name = 'hides', run = function() return "
                  "tostring(next(exec)) end }");
    fixture_write(f, "hasnt.lua",
                  "local mcp = require 'mcp'\nlocal exec = mcp.exec\n"
                  "return mcp.tool { name = 'hasnt', run = function()\n"
                  "assert(next(exec) == nil and rawget(mcp, 'exec') == nil and mcp.nothing == "
                  "nil)\n"
                  "return select(2, pcall(function() return mcp.exec end)) end }");
    fixture_load(f);
    assert_string_equal(problems(f), "");
    assert_string_equal(call(f, "has", NULL, OUT_OK), "ran");
    assert_string_equal(call(f, "hides", NULL, OUT_OK), "nil");
    assert_non_null(strstr(call(f, "hasnt", NULL, OUT_OK),
                           "mcp.exec: the tool does not say needs = { \"exec\" }"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_environment),       TEST(test_escapes), TEST(test_files_are_apart),
        TEST(test_require_errors),    TEST(test_grants),  TEST(test_shared_helper),
        TEST(test_helper_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
