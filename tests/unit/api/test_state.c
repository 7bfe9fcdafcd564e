/* test_state.c - collections: grants, reading, writing, atomic updates, batches, durability. */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "api/outbox.h"

#define OPEN "local c = mcp.state.open('t.x')\n"

static void test_basics(void **state)
{
    static const struct example examples[] = {
        { OPEN "local o = {id='a', n=1} return tostring(c:put(o) == o) .. c:get('a').n", "true1" },
        { OPEN "return tostring(c:get('none')) .. select('#', c:get('none'))", "nil1" },
        { OPEN "c:put{id='a', n=2} return c:get('a').n .. c:count()", "21" },
        { OPEN "return tostring(c:delete('a')) .. tostring(c:delete('a')) .. c:count()",
          "truefalse0" },
        { "local k = mcp.state.open('t.keyed', {key='name'}) k:put{name='n', id=5} return "
          "k:get('n').id",
          "5" },
        { OPEN "c:put{id='e', list=mcp.json.array(), o={}} return mcp.json.encode(c:get('e'))",
          "{\"id\":\"e\",\"list\":[],\"o\":{}}" },
        { OPEN "return tostring(c)", "collection: t.x" },
        { OPEN "return tostring(getmetatable(c)) .. tostring(c.nothing)", "falsenil" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_misuse(void **state)
{
    static const char *const lines[] = {
        "mcp.state.open()",
        "mcp.state.open('a b')",
        "mcp.state.open('t.x', {kye='a'})",
        "mcp.state.open(('x'):rep(201))",
        "c:get()",
        "c:get('')",
        "c:get(('x'):rep(513))",
        "c:get(7)",
        "c:put()",
        "c:put('a')",
        "c:put{}",
        "c:put{id=7}",
        "c:put{id=''}",
        "c:put{id='a', f=print}",
        "c:put({id='a'}, {tttl=1})",
        "c:put({id='a'}, {ttl=-1})",
        "c:update('a')",
        "c:update('a', {})",
        "c:list{limit=0}",
        "c:list{limit=1001}",
        "c:list{limit=1.5}",
        "c:list{nwest=true}",
        "c:list{only='id'}",
        "c:list{only={}}",
        "c:list{only={1}}",
        "c:list{only={'a\\0b'}}",
        "c:list{only={('x'):rep(201)}}",
        "(function() local t = {} for i = 1, 17 do t[i] = 'n' .. i end c:list{only=t} end)()",
        "c:each{only='id'}",
        "c:each{limit=1}",
        "mcp.state.batch()",
        "c.get('a')",
        "mcp.state.open('t.x', {key='other'}):count()",
    };
    struct fixture *f = *state;
    check_raises(f, OPEN "c:count()", lines, sizeof lines / sizeof *lines);
    check(f, OPEN "c:put{id=('x'):rep(512)} return #c:list()[1].id", "512");
}

/* What a tool did wrong is told in its own terms. */
static void test_misuse_names(void **state)
{
    static const struct example examples[] = {
        { OPEN "c:put('a')", "!put: expected a table, got string" },
        { OPEN "c.put({id='a'})", "!put: is called as collection:put(...)" },
        { OPEN "c.each()", "!each: is called as collection:each(...)" },
        { OPEN "c:update(7, print)", "!update: expected an id, a string of 1 to 512 bytes" },
        { OPEN "c:update('a', 7)", "!update: expected a function, got number" },
        { OPEN "c:update('a', function() return 7 end)",
          "!update: the function returned a number, expected a table or nil" },
        { OPEN "c:delete('')", "!delete: expected an id, a string of 1 to 512 bytes" },
        { OPEN "c:delete(('x'):rep(513))", "!delete: expected an id, a string of 1 to 512 bytes" },
        { OPEN "mcp.state.batch(7)", "!batch: expected a function, got number" },
        { OPEN "c:put({id='a'}, 7)", "!put: options: expected a table, got number" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_grants(void **state)
{
    static const char *const granted[] = { "jobs:rw", "models:r", "seen", "log*:rw", NULL };
    static const struct example examples[] = {
        { "local c = mcp.state.open('jobs', {key='jobId'}) c:put{jobId='a'} return c:count()",
          "1" },
        { "local c = mcp.state.open('models', {key='modelId'}) return c:count() .. select(3, "
          "c:put{modelId='a'})",
          "0DENIED" },
        { "return select(3, mcp.state.open('models'):delete('a'))", "DENIED" },
        { "return select(3, mcp.state.open('models', {key='modelId'}):update('a', function() "
          "return {modelId='a'} end))",
          "DENIED" },
        { "local c = mcp.state.open('seen') return c:count() .. select(3, c:put{id='a'})",
          "0DENIED" },
        { "mcp.state.open('logs'):put{id='a'} return 'ok'", "ok" },
        { "return select(2, mcp.state.open('secrets'):get('a'))",
          "the collection secrets is not granted; in mcp.ini: [tool t] state = secrets:r" },
        /* A loop would not see nil, message, code. */
        { "local ok, m = pcall(function() for _ in mcp.state.open('secrets'):each() do end end)\n"
          "return m:match('^tools.d/t.lua:%d+: (.*)')",
          "the collection secrets is not granted; in mcp.ini: [tool t] state = "
          "secrets:r" },
        { "return select(3, mcp.state.open('u.x'):count())", "DENIED" },
        /* "t.a.b" is not of t but of a tool t.a. */
        { "return select(3, mcp.state.open('t.a.b'):count())", "DENIED" },
        { "return select(3, mcp.state.open('t.'):count())", "DENIED" },
        { NULL, NULL },
    };
    struct fixture *f = *state;
    f->policy.state = granted;
    check_all(f, examples);
}

static void test_list(void **state)
{
    static const struct example examples[] = {
        { OPEN "for i = 1, 5 do c:put{id='k' .. i} end c:put{id='k2', again=true} return c:count()",
          "5" },
        { OPEN "local l, n = c:list{limit=2} return l[1].id .. l[2].id .. n", "k1k2k2" },
        { OPEN "local l, n = c:list{limit=2, after='k2'} return l[1].id .. l[2].id .. n",
          "k3k4k4" },
        { OPEN "local l, n = c:list{limit=2, after='k4'} return l[1].id .. #l .. tostring(n)",
          "k51nil" },
        { OPEN "local l, n = c:list{newest=true, limit=2} return l[1].id .. l[2].id .. n",
          "k5k4k4" },
        { OPEN "local l, n = c:list{newest=true, limit=3, after='k4'} return l[1].id .. l[3].id .. "
               "tostring(n)",
          "k3k1nil" },
        { OPEN "local l, n = c:list() return #l .. tostring(n)", "5nil" },
        { OPEN "return c:list{after='k5'}", "[]" },
        { OPEN "local t = {} for o in c:each() do t[#t+1] = o.id c:delete(o.id) c:put{id='new' .. "
               "#t} end\n"
               "return table.concat(t, ' ') .. c:count()",
          "k1 k2 k3 k4 k55" },
        { OPEN "for i = 1, 1001 do c:put{id='m' .. i} end local l, n = c:list{limit=1000} return "
               "#l .. n",
          "1000m995" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* What is not asked for costs no memory: a budget that cannot hold an object can list it. */
static void test_only(void **state)
{
    static const struct example examples[] = {
        { OPEN "for i = 1, 3 do c:put{id='k' .. i, n=i, t={a={}}, z=mcp.json.null, "
               "['\u00e9']='e'} end return c:count()",
          "3" },
        { OPEN "return mcp.json.encode(c:list{only={'n', 'id'}})",
          "[{\"id\":\"k1\",\"n\":1},{\"id\":\"k2\",\"n\":2},{\"id\":\"k3\",\"n\":3}]" },
        { OPEN "return mcp.json.encode((c:list{only={'\u00e9', 't', 'z', 'none', 't'}, limit=1}))",
          "[{\"t\":{\"a\":{}},\"z\":null,\"\xc3\xa9\":\"e\"}]" },
        { OPEN "return mcp.json.encode(c:list{only={'none'}, newest=true, limit=2, after='k3'})",
          "[{},{}]" },
        { OPEN "local t = {} for o in c:each{only={'n'}} do t[#t+1] = o.n .. tostring(o.id) end\n"
               "return table.concat(t, ' ')",
          "1nil 2nil 3nil" },
        { OPEN "local names = {('x'):rep(200)} for i = 2, 16 do names[i] = 'n' .. i end\n"
               "names[16] = 'id' return c:list{only=names}[3].id",
          "k3" },
        { OPEN "c:put{id='k2', n=2, big=('x'):rep(3 << 20)} return c:count()", "3" },
        { NULL, NULL },
    };
    struct fixture *f = *state;
    check_all(f, examples);
    f->o.default_memory = 1 << 20;
    check(f,
          OPEN "local n = 0 for o in c:each{only={'n'}} do n = n + o.n end\n"
               "return n + #c:list{only={'id'}}",
          "9");
}

static void test_update(void **state)
{
    static const struct example examples[] = {
        { OPEN "local n = c:update('a', function(o) return {id='a', was=tostring(o)} end) return "
               "n.was .. c:get('a').was",
          "nilnil" },
        { OPEN "c:update('a', function(o) o.n = (o.n or 0) + 1 return o end) return c:get('a').n",
          "1" },
        { OPEN "return tostring(c:update('a', function() return nil end)) .. c:count()", "nil0" },
        { OPEN "return tostring(c:update('a', function() return nil end)) .. c:count()", "nil0" },
        { OPEN "return tostring(pcall(c.update, c, 'a', function() return {id='b'} end))",
          "false" },
        { OPEN "return tostring(pcall(c.update, c, 'a', function() error('mine', 0) end)) .. "
               "select(2, pcall(c.update, c, 'a', function() error('mine', 0) end))",
          "falsemine" },
        { OPEN "local n = 0 local _, m, code = c:update('a', function() n = n + 1 c:put{id='a', "
               "n=n} return {id='a'} end)\n"
               "return code .. n",
          "CONFLICT100" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* Two calls add to one number; each waits between reading and writing, so that they get in each
 * other's way. */
static void test_update_contended(void **state)
{
    struct fixture *f = *state;
    struct call c[4];
    fixture_tool(f, "t",
                 OPEN "for _ = 1, 20 do\n"
                      "  assert(c:update('n', function(o)\n"
                      "    o = o or {id='n', n=0} mcp.time.sleep(0) o.n = o.n + 1 return o end))\n"
                      "end return 'ok'");
    fixture_load(f);
    for (int i = 0; i < 4; i++)
        call_start(f, &c[i], "t", NULL);
    for (int i = 0; i < 4; i++) {
        call_wait(f, &c[i]);
        assert_string_equal(call_text(&c[i]), "ok");
        call_fini(&c[i]);
    }
    check(f, OPEN "return c:get('n').n", "80");
}

static void test_batch(void **state)
{
    static const struct example examples[] = {
        { OPEN "local ok, got = mcp.state.batch(function() c:put{id='a'} c:put{id='b'} return "
               "c:get('a').id end)\n"
               "return tostring(ok) .. got .. c:count()",
          "truea2" },
        { OPEN "local seen mcp.state.batch(function() c:delete('a') seen = tostring(c:get('a')) .. "
               "c:count() end)\n"
               "return seen .. c:count()",
          "nil21" },
        { OPEN "mcp.state.batch(function() c:put{id='x', n=1} c:put{id='x', n=2} c:delete('x') "
               "end) return tostring(c:get('x'))",
          "nil" },
        { OPEN "mcp.state.batch(function() c:update('b', function(o) o.n = 1 return o end)\n"
               "c:update('b', function(o) o.n = o.n + 1 return o end) end) return c:get('b').n",
          "2" },
        /* An error undoes all of it and is the caller's; afterwards there is no batch left. */
        { OPEN
          "local ok, m = pcall(mcp.state.batch, function() c:put{id='z'} error('no', 0) end)\n"
          "c:put{id='after'} return tostring(ok) .. m .. tostring(c:get('z')) .. c:get('after').id",
          "falsenonilafter" },
        { OPEN "local ok, m = pcall(mcp.state.batch, function() mcp.state.batch(function() end) "
               "end) return m:match('nest')",
          "nest" },
        { "return tostring(mcp.state.batch(function() end))", "true" },
        /* fn runs again when what it saw has changed. */
        { OPEN "local n = 0 c:put{id='b', n=0}\n"
               "local h = mcp.spawn(function() mcp.time.sleep(0.01) c:put{id='b', n=10} end)\n"
               "mcp.state.batch(function() n = n + 1 c:update('b', function(o) o.n = o.n + 1 "
               "return o end)\n"
               "  if n == 1 then h:wait() end end) return n .. ' ' .. c:get('b').n",
          "2 11" },
        { OPEN "return select(3, mcp.state.batch(function() for i = 1, 1001 do local ok, m, code = "
               "c:put{id='l' .. i}\n"
               "if not ok then error(code, 0) end end end))",
          "!LIMIT" },
        { OPEN "mcp.state.batch(function() for i = 1, 1000 do assert(c:put{id='l' .. i}) end end) "
               "return tostring(c:get('l1000') ~= nil)",
          "true" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

/* All or none: a change that is refused is missed by no caller, whatever fn makes of it. */
static void test_batch_refused(void **state)
{
    static const char *const granted[] = { "seen:r", NULL };
    static const struct example examples[] = {
        { OPEN "local s = mcp.state.open('seen')\n"
               "local ok, m, code = mcp.state.batch(function() c:put{id='a'} s:put{id='b'} "
               "c:put{id='c'} end)\n"
               "return tostring(ok) .. code .. m .. c:count()",
          "nilDENIEDthe collection seen is not granted; in mcp.ini: [tool t] state = seen:rw0" },
        { OPEN "local s = mcp.state.open('seen')\n"
               "local _, _, code = mcp.state.batch(function() c:put{id='a'}\n"
               "mcp.state.open('hidden'):delete('b') end) return code .. c:count()",
          "DENIED0" },
        { OPEN "local s = mcp.state.open('hidden')\n"
               "local _, _, code = mcp.state.batch(function() c:put{id='a'}\n"
               "s:update('b', function() return {id='b'} end) end) return code .. c:count()",
          "DENIED0" },
        /* The first refusal is told, not a later one. */
        { OPEN "local s = mcp.state.open('seen')\n"
               "local _, _, code = mcp.state.batch(function()\n"
               "for i = 1, 1001 do c:put{id='l' .. i} end s:put{id='b'} end)\n"
               "return code .. c:count()",
          "LIMIT0" },
        /* Nothing of it is left for the next one. */
        { OPEN "mcp.state.batch(function() mcp.state.open('seen'):put{id='b'} end)\n"
               "return tostring(mcp.state.batch(function() c:put{id='a'} end)) .. c:count()",
          "true1" },
        /* A read that is refused changes nothing. */
        { OPEN "return tostring(mcp.state.batch(function() mcp.state.open('hidden'):get('b')\n"
               "c:put{id='b'} end)) .. c:count()",
          "true2" },
        { NULL, NULL },
    };
    struct fixture *f = *state;
    f->policy.state = granted;
    check_all(f, examples);
}

/* A killed call leaves no batch behind for the next one. */
static void test_batch_killed(void **state)
{
    struct fixture *f = *state;
    fixture_tool(f, "hog",
                 "local c = mcp.state.open('hog.x')\n"
                 "mcp.state.batch(function() c:put{id='a'} local t = {} while true do t[#t+1] = "
                 "('x'):rep(9999) end end)");
    fixture_tool(f, "look", "local c = mcp.state.open('look.x') c:put{id='b'} return c:count()");
    fixture_load(f);
    for (int i = 0; i < 3; i++) {
        assert_true(call(f, "hog", NULL)[0] == '!');
        assert_string_equal(call(f, "look", NULL), "1");
    }
}

/* A reply is bound to what its call wrote, and to what it read. */
static void test_wait_seq(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "w", "mcp.state.open('w.x'):put{id='a'} return 'ok'");
    fixture_tool(f, "r", "mcp.state.open('w.x'):get('a') return 'ok'");
    fixture_tool(f, "n", "return 'ok'");
    static const char *const granted[] = { "w.x:r", NULL };
    f->policy.state = granted;
    fixture_load(f);
    call_start(f, &c, "w", NULL);
    call_wait(f, &c);
    uint64_t written = c.wait;
    call_fini(&c);
    assert_true(written > 0);
    call_start(f, &c, "r", NULL);
    call_wait(f, &c);
    assert_int_equal(c.wait, written);
    call_fini(&c);
    call_start(f, &c, "n", NULL);
    call_wait(f, &c);
    assert_int_equal(c.wait, 0);
    call_fini(&c);
}

static void test_sync(void **state)
{
    struct fixture *f = *state;
    struct call c;
    fixture_tool(f, "t", OPEN "c:put{id='a'} return tostring(mcp.state.sync())");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    call_wait(f, &c);
    assert_string_equal(call_text(&c), "true");
    assert_true(store_is_durable(f->services.store, c.wait));
    call_fini(&c);
    check(f, "return tostring(mcp.state.sync())", "true");
    /* Cancelled at once: the store's answer finds nobody, and harms nothing. */
    fixture_tool(f, "t",
                 OPEN "c:put{id='a'} local _, _, code = mcp.state.sync() return tostring(code)");
    fixture_load(f);
    for (int i = 0; i < 20; i++) {
        call_start(f, &c, "t", NULL);
        if (c.task)
            task_cancel(c.task, TASK_CANCELLED);
        call_wait(f, &c);
        call_fini(&c);
    }
}

static void test_restart(void **state)
{
    struct fixture *f = *state;
    check(f, OPEN "c:put{id='a', n=1} c:put({id='soon'}, {ttl='1h'}) return 'ok'", "ok");
    fixture_restart(f);
    check(f, OPEN "return c:get('a').n .. c:count()", "12");
}

/* The disk takes no more: what was written may be lost and says so, changes are refused, reading
 * goes on. Its event leaves once the disk takes it after all. */
static void test_disk_trouble(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, none;
    struct call c;

    check(f, OPEN "c:put{id='a', n=1} return tostring(mcp.state.sync())", "true");
    fixture_tool(f, "t",
                 OPEN "c:put{id='b'} mcp.events.publish('job/x', 'made', {b=true})\n"
                      "local ok, m, code = mcp.state.sync()\n"
                      "local ok2, m2, code2 = c:put{id='c'}\n"
                      "return tostring(code) .. ' ' .. tostring(code2) .. ' ' .. c:get('a').n");
    fixture_load(f);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    call_start(f, &c, "t", NULL);
    call_wait(f, &c);
    while (!outbox_is_settled(f->services.outbox))
        turn(f);
    loop_poll(f->services.loop, 0); /* what is on its way to the subscriber */
    assert_null(strstr(f->events, "made"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_string_equal(call_text(&c), "UNSURE READONLY 1");
    await_event(f, "made");
    call_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_basics, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_misuse_names, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_grants, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_only, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_update, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_update_contended, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_batch, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_batch_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_batch_killed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wait_seq, fixture_setup_durable, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sync, fixture_setup_durable, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_restart, fixture_setup_durable, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_disk_trouble, fixture_setup_durable, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
