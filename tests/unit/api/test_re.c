/* test_re.c - mcp.re: what it finds, what it refuses, and that no pattern holds a worker. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/re_code.h"
#include "base/clock.h"
#include "vm/state.h"

#define RE "local re = mcp.re "

static void test_match(void **state)
{
    static const struct example examples[] = {
        { RE "return re.match('on 2024-03-17', [[(\\d+)-(\\d+)-(\\d+)]])", "2024" },
        { RE "return table.concat({ re.match('on 2024-03-17', [[(\\d+)-(\\d+)]]) }, '|')",
          "2024|03" },
        { RE "return re.match('on 2024-03-17', [[\\d+-\\d+]])", "2024-03" },
        { RE "return tostring(re.match('abc', 'x'))", "nil" },
        { RE "return select('#', re.match('abc', 'x'))", "1" },
        { RE "local a, b, n = re.match('b', '(a)?(?<n>b)') return tostring(a) .. b .. n.n",
          "falsebb" },
        { RE "local a, n = re.match('b', '(?<x>a)?b') return tostring(a) .. tostring(n.x)",
          "falsefalse" },
        { RE "local _, _, n = re.match('b', '(?J)(?:(?<x>a)|(?<x>b))') return n.x", "b" },
        { RE "return { re.find('h\xC3\xA9llo', 'l+') }", "[4,5]" },
        { RE "return { re.find('abc', '') }", "[1,0]" },
        { RE "return { re.find('abc', '(b)(c)') }", "[2,3,\"b\",\"c\"]" },
        { RE "return { re.find('abab', 'a', { init = 2 }) }", "[3,3]" },
        { RE "return { re.find('abab', 'a', { init = -2 }) }", "[3,3]" },
        { RE "return { re.find('abab', 'a', { init = -20 }) }", "[1,1]" },
        { RE "return tostring(re.find('abab', 'a', { init = 6 })) .. tostring(re.find('abab', '$', "
             "{ init = 5 }))",
          "nil5" },
        { RE "return tostring(re.find('abab', '^a', { init = 3 })) .. re.find('abab', '\\\\Ga', { "
             "init = 3 })",
          "nil3" },
        { RE "return { re.find('abab', '(?<=b)a', { init = 3 }) }", "[3,3]" },
        { RE "return re.match('\xC3\xA9', '^.$') == '\xC3\xA9'", "true" },
        { RE "return re.match('\xC3\xA9', '^..$', { flags = 'b' }) == '\xC3\xA9'", "true" },
        { RE "return #re.match('\\xff\\0x', '^..', { flags = 'b' })", "2" },
        { RE "return #re.match('a\\0b', 'a.b')", "3" },
        { RE "return re.match('\xC3\x89', '\xC3\xA9', { flags = 'i' }) == '\xC3\x89'", "true" },
        { RE "return tostring(re.match('\xC3\xA9', '\\\\w')) .. #re.match('\xC3\xA9', '\\\\w', { "
             "flags = 'u' })",
          "nil2" },
        { RE "return re.match('a\\nb', '^b', { flags = 'm' }) .. re.match('a\\nb', 'a.', { flags = "
             "'s' }) .. re.match('ab', 'a b # c', { flags = 'x' })",
          "ba\nab" },
        { RE "return tostring(re.match('a\\nb', 'a.b'))", "nil" },
        { RE "return re.match('a\\n', 'a$')", "a" },
        { RE "local v, m, c = re.match('a\\xff', 'a') return c .. ' ' .. m",
          "INVALID byte 2 of the subject is not UTF-8; the flag b takes bytes as they are" },
        { RE "return re.match('x=1', '(?C)x(?C5)=(?C\"text\")1')", "x=1" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_many(void **state)
{
    static const struct example examples[] = {
        { RE "local out = {} for k, v in re.gmatch('a=1, b=2', [[(\\w)=(\\w)]]) do out[#out + 1] = "
             "k .. v end return table.concat(out, '|')",
          "a1|b2" },
        { RE "local out = {} for w in re.gmatch('a,,b', '[^,]*') do out[#out + 1] = w end return "
             "table.concat(out, '|') .. #out",
          "a||b3" },
        { RE "local n = 0 for _ in re.gmatch('h\xC3\xA9', '') do n = n + 1 end return n", "3" },
        { RE "local it = re.gmatch('a', 'a') it() return tostring(it()) .. tostring(it())",
          "nilnil" },
        { RE "return { re.gsub('abc', '\\\\w', '<$0>') }", "[\"<a><b><c>\",3]" },
        { RE "return { re.gsub('abc', '\\\\w', '<$0>', 2) }", "[\"<a><b>c\",2]" },
        { RE "return { re.gsub('abc', '\\\\w', 'x', 0) }", "[\"abc\",0]" },
        { RE "return { re.gsub('abc', '\\\\w', 'x', -1) }", "[\"abc\",0]" },
        { RE "return { re.gsub('abc', '\\\\w*', 'x') }", "[\"x\",1]" },
        { RE "return { re.gsub('h\xC3\xA9', '', '-') }", "[\"-h-\xC3\xA9-\",3]" },
        { RE "return re.gsub('John Smith', '(?<a>\\\\w+) (?<b>\\\\w+)', '${b}, $1$$ ${2}0')",
          "Smith, John$ Smith0" },
        { RE "return re.gsub('ab', '(a)|(b)', '[$1$2]')", "[a][b]" },
        { RE "return re.gsub('a b c', '\\\\w', { a = 1, b = 'B', c = false })", "1 B c" },
        { RE "return re.gsub('a1 b2', '(\\\\w)(\\\\d)', function(x, d) mcp.time.sleep(0) return d "
             ".. x "
             "end)",
          "1a 2b" },
        { RE "return re.gsub('a1', '(?<l>a)(?<d>1)', function(l, d, n) return n.d .. n.l .. l .. d "
             "end)",
          "1aa1" },
        { RE "return re.gsub('aXb', 'x', '-', nil, { flags = 'i' })", "a-b" },
        { RE "return re.gsub('^a^a', '^', '-', nil, { flags = 'b' })", "-^a^a" },
        { RE "return re.gsub('foobar', 'foo\\\\Kbar', 'X')", "fooX" },
        { RE "local _, m, c = re.gsub('\\xff', 'a', 'b') return c", "INVALID" },
        { RE "local big = ('ab '):rep(20000) local s, n = re.gsub(big, '\\\\w+', 'x') return #s .. "
             "' ' "
             ".. n",
          "40000 20000" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_wrong_use(void **state)
{
    static const char *const lines[] = {
        "re.match()",
        "re.match('a')",
        "re.match({}, 'a')",
        "re.match('a', '(')",
        "re.match('a', '[')",
        "re.match('a', 'a\\\\')",
        "re.match('a', '\\\\C')",
        "re.match('a', '(?<=a*)b')",
        "re.match('a', '(*UTF)a', { flags = 'b' })",
        "re.match('a', '\\xff')",
        "re.match('a', ('a'):rep(8193))",
        "re.match('a', ('()'):rep(100))",
        "re.match('a', ('('):rep(201) .. (')'):rep(201))",
        "re.match('a', 'a', { flag = 'i' })",
        "re.match('a', 'a', { flags = 'q' })",
        "re.match('a', 'a', { flags = {} })",
        "re.match('a', 'a', { init = 'x' })",
        "re.match('a', 'a', 1)",
        "re.match('\xC3\xA9', '.', { init = 2 })",
        "re.gmatch('a', '(')",
        "re.gmatch('\\xff', 'a')",
        "re.gmatch(1, 'a')",
        "re.gmatch('a', 'a', { init = 1 })",
        "re.gmatch(('a'):rep((1 << 20) + 1), 'a')",
        "re.gsub('a', 'a')",
        "re.gsub('a', 'a', 1)",
        "re.gsub('a', 'a', '$1')",
        "re.gsub('a', 'a', '$')",
        "re.gsub('a', 'a', '${x}')",
        "re.gsub('a', '(?<y>a)', '${x}')",
        "re.gsub('a', 'a', function() return {} end)",
        "re.gsub('a', 'a', function() error('x') end)",
        "re.gsub('a', 'a', 'b', 1.5)",
        "re.gsub('a', 'a', 'b', 1, { n = 1 })",
        "re.gsub(('a'):rep((1 << 20) + 1), 'a', 'b')",
    };
    check_raises(*state, RE, lines, sizeof lines / sizeof *lines);
    check(*state, RE "local ok, e = pcall(re.match, 'x', 'a(b') return e",
          "re: bad pattern: missing closing parenthesis (at byte 4 of it)");
    check(*state,
          RE "return re.match('a', ('a|'):rep(1500) .. 'b') .. select('#', re.match(('a'):rep(99), "
             "('(a)'):rep(99)))",
          "a99");
}

/* Patterns that try too much end with LIMIT, and meanwhile no round of the loop is long. */
static const char *const hostile[] = {
    "re.match(('x'):rep(40), '(x+x+)+y\\\\d|(?=z)y')",
    "re.match(('a'):rep(1 << 20), '(?:\\\\p{L}*+b|a)*[bc]')",
    "re.match(('a'):rep(1 << 20), '(a|b|ab)*[bc]')",
    "re.match(('\xC3\xA9'):rep(1 << 19), '(?:\\\\X*+[bc]|.)*[bc][de]', { flags = 'u' })",
    "re.match(('a'):rep(1 << 20), '(?=(a+))a*b\\\\1|[bc]')",
    "re.gsub(('a'):rep(1 << 18), '(?:a|aa)+$|(a+)+[bc]', 'x')",
    "re.find(('a'):rep(3 << 20), '(?:a*+[bc]|a)*[bc][de]')",
    "re.find(('('):rep(4000), '(?<r>\\\\((?&r)*\\\\))|(\\\\((?:[^()]|(?2))*+x)')",
};

static int64_t cpu_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t longest_round(struct fixture *f, size_t i, char *said, size_t size)
{
    struct call c;
    char args[32];
    int64_t longest = 0;

    snprintf(args, sizeof args, "{\"i\":%zu}", i + 1);
    call_start(f, &c, "t", args);
    while (!c.is_done) {
        loop_poll(f->services.loop, vm_has_work(f->vm) ? 0 : 20);
        int64_t begin = cpu_us();
        vm_run(f->vm);
        int64_t took = cpu_us() - begin;
        longest = took > longest ? took : longest;
    }
    snprintf(said, size, "%s", call_said(&c));
    call_fini(&c);
    return longest;
}

static void test_nothing_holds_a_worker(void **state)
{
    struct fixture *f = *state;
    struct buf body = { 0 };
    char said[200];

    f->o.default_memory = 200 << 20;
    f->o.default_timeout_ms = 60000;
    buf_str(&body, RE "local all = {\n");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        buf_printf(&body, "function() return %s end,\n", hostile[i]);
    buf_str(&body,
            "}\nmcp.time.sleep(0) local v, m, code = all[args.i]() return tostring(v == nil) .. "
            "tostring(code)");
    fixture_tool(f, "t", buf_cstr(&body));
    fixture_load(f);
    buf_fini(&body);
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        int64_t us = longest_round(f, i, said, sizeof said);
        if (getenv("SHOW"))
            printf("%8lld us  %-14s %s\n", (long long)us, said, hostile[i]);
        if (strcmp(said, "trueLIMIT") != 0 && strcmp(said, "truenil") != 0)
            fail_msg("%s: %s", hostile[i], said);
        if (us > (getenv("EXACT") ? 20000 : 200000) * slow_factor())
            fail_msg("%s holds a worker for %lld us", hostile[i], (long long)us);
    }
}

/* A call that is cancelled while a helper searches ends at once; what the helper finds later is
 * dropped, with its pattern. */
static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct call c;

    fixture_tool(f, "t",
                 RE
                 "local v, m, code = re.match(('a'):rep(1 << 20), '(?:a*+[bc]|a)*[bc][de]') return "
                 "code");
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    cancel_later(f, &c, 30);
    int64_t begin = clock_mono_ms();
    call_wait(f, &c);
    assert_int_equal(c.result.outcome, OUT_CANCELLED);
    assert_true(clock_mono_ms() - begin < 900 * slow_factor());
    call_fini(&c);
}

/* While a file is loaded nobody can wait: the search gives up instead. */
static void test_at_load(void **state)
{
    struct fixture *f = *state;
    folder_write(f->base, "tools.d/t.lua",
                 "local mcp = require 'mcp'\n"
                 "local short = mcp.re.match('a1', [[\\d]])\n"
                 "local _, _, code = mcp.re.match(('a'):rep(1 << 20), '(?:a*+[bc]|a)*[bc][de]')\n"
                 "local ok = pcall(mcp.re.match, ('a'):rep((1 << 20) + 1), 'a')\n"
                 "return mcp.tool { name = 't', run = function() return short .. code .. "
                 "tostring(ok) end }");
    fixture_load(f);
    assert_string_equal(call(f, "t", NULL), "1LIMITfalse");
}

/* However many patterns there are: few are kept. */
static void test_cache(void **state)
{
    struct fixture *f = *state;
    size_t count;

    check(f,
          RE "for i = 1, 1000 do assert(re.match('x' .. i, 'x' .. i)) end\n"
             "for i = 1, 40 do re.match('', '(?:\\\\p{L}{1,20}[a-z\\\\d]{0,40}){1,30}' .. i) end\n"
             "local n = 0 for _ in re.gmatch(('a'):rep(200), 'a') do n = n + 1 for i = 1, 130 do "
             "re.match('', 'b' .. i) end end return n",
          "200");
    assert_true(re_cache_bytes(f->vm->L, &count) <= RE_CACHE_BYTES);
    assert_int_equal(count, RE_CACHE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_match, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_holds_a_worker, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancelled, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_at_load, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cache, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
