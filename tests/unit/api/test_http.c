/* test_http.c - mcp.http as a tool sees it: options, answers, refusals, ends. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/web.h"

static struct web *web;
static char grant[64], name_grant[64], prelude[256];
static const char *granted[] = { grant, name_grant, "*.invalid", NULL };

static int setup(void **state)
{
    struct fixture *f = fixture_new(false);
    web = web_start();
    snprintf(grant, sizeof grant, "127.0.0.1:%u", web_port(web));
    snprintf(name_grant, sizeof name_grant, "localhost:%u", web_port(web));
    snprintf(prelude, sizeof prelude, "local at, http = 'http://%s', mcp.http\n", grant);
    f->policy.http = granted;
    f->policy.allow_private = true;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    web_stop(web);
    return 0;
}

static void expect(struct fixture *f, const char *body, const char *want)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", prelude, body);
    check(f, text, want);
}

static void test_answers(void **state)
{
    struct fixture *f = *state;
    expect(f, "return http.get(at .. '/text').body", "hello");
    expect(f, "return http.get(at .. '/text').headers['content-type']", "text/plain");
    expect(f, "return http.get(at .. '/status?404').status", "404");
    expect(f,
           "local h = http.get(at .. '/cookies').headers\n"
           "return h['set-cookie'] .. '|' .. h['x-two']",
           "a=1\nb=2|1, 2");
    expect(f, "return http.get(at .. '/to?302+/text').status", "302");
    expect(f, "return http.get(at .. '/to?302+/text', { redirects = 1 }).body", "hello");
    expect(f, "return http.request{ url = at .. '/empty', method = 'HEAD' }.body", "");
    expect(f,
           "return (http.get(at .. '/echo', { query = { ['a b'] = 'c&d', e = { 1, 2 } } })"
           ".body:match('^[^\\r]*'))",
           "GET /echo?a%20b=c%26d&e=1&e=2 HTTP/1.1");
    expect(f, "return (http.get(at .. '/echo?x', { query = {} }).body:match('^[^\\r]*'))",
           "GET /echo?x HTTP/1.1");
    expect(f,
           "local s = http.post(at .. '/echo', { json = { a = { 1 } } }).body\n"
           "return s:match('^POST') .. s:match('Content%-Type: ([^\\r]*)') .. s:match('{.*')",
           "POSTapplication/json{\"a\":[1]}");
    expect(f,
           "local s = http.post(at .. '/echo', { json = 1, headers = "
           "{ ['content-type'] = 'text/x' } }).body\n"
           "return s:match('content%-type: [^\\r]*') .. tostring(s:find('application'))",
           "content-type: text/xnil");
    expect(f, "return (http.request{ url = at .. '/echo', body = 'x' }.body:match('^%a+'))",
           "POST");
    expect(f, "return http.get(at .. '/chunked', { timeout = '5s', max_bytes = '5' }).body",
           "hello");
}

static void test_json(void **state)
{
    struct fixture *f = *state;
    expect(f, "local v, m, c = http.get(at .. '/text'):json() return tostring(v) .. c",
           "nilINVALID");
    /* The server's echo ends with the body. */
    expect(f,
           "local r = http.post(at .. '/echo', { json = { a = 1 } })\n"
           "r.body = r.body:match('{.*') return r:json().a",
           "1");
    expect(f,
           "local r = http.get(at .. '/text') return tostring(getmetatable(r)) ..\n"
           "tostring(pcall(r.json, {})) .. tostring(pcall(r.json))",
           "falsefalsefalse");
    /* It can be returned as it is. */
    expect(f, "local r = http.get(at .. '/empty') r.headers = nil return r",
           "{\"body\":\"\",\"status\":204}");
}

static void test_failures(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *call, *want;
    } rows[] = {
        { "http.get(at .. '/drop')", "CLOSED" },
        { "http.get(at .. '/cut')", "CLOSED" },
        { "http.get(at .. '/garbage')", "PROTOCOL" },
        { "http.get(at .. '/stall', { timeout = 0.1 })", "TIMEOUT" },
        { "http.get(at .. '/text', { max_bytes = 4 })", "TOO_LARGE" },
        { "http.get('http://nobody.invalid/')", "DNS" },
        { "http.get('http://other.example/')", "DENIED" },
        { "http.get('file:///etc/passwd')", "DENIED" },
        { "http.get(at .. '/to?302+file:///etc/passwd', { redirects = 1 })", "DENIED" },
        { "http.get(at .. '/to?302+/to?302+/x', { redirects = 1 })", "REDIRECTS" },
        { "http.get('nothing')", "INVALID" },
        { "http.get('http://a\\r\\nX: y/')", "INVALID" },
        { "http.get('http://a\\n', { query = { a = 1 } })", "INVALID" },
        { "http.get(at .. '/text', { to_file = 'x' })", "DENIED" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "local r, m, c = %s return tostring(r) .. ' ' .. type(m) .. ' ' .. tostring(c)",
                 rows[i].call);
        char want[64];
        snprintf(want, sizeof want, "nil string %s", rows[i].want);
        expect(f, body, want);
    }
    expect(f, "return select(2, http.get('http://other.example:81/x'))",
           "other.example:81 is not granted; in mcp.ini: [tool t] http = other.example:81");
    f->policy.allow_private = false;
    expect(f, "return select(2, http.get(at .. '/text'))",
           "127.0.0.1 leads to a loopback address; in mcp.ini: [tool t] allow_private = yes");
}

/* The advice stands only where it helps; elsewhere it would change nothing. */
static void test_never_reached(void **state)
{
    static const char *const everything[] = { "*", NULL };
    struct fixture *f = *state;
    f->policy.http = everything;
    for (int is_allowed = 0; is_allowed < 2; is_allowed++) {
        f->policy.allow_private = is_allowed;
        expect(f, "return select(2, http.get('http://169.254.169.254/latest/meta-data/'))",
               "169.254.169.254 leads to a link-local address, where clouds keep their metadata: "
               "no grant opens those");
        expect(f, "return select(2, http.get('http://224.0.0.1/'))",
               "224.0.0.1 leads to a multicast address: no grant opens those");
        expect(f, "return select(3, http.get('http://[::ffff:169.254.169.254]/'))", "DENIED");
    }
}

/* The whole body becomes the file, or the file stays as it was. */
static void test_to_file(void **state)
{
    struct fixture *f = *state;
    need_programs();
    f->policy.fs = VM_FS_WRITE;
    f->may_open = true;
    expect(f,
           "local r = assert(http.get(at .. '/text', { to_file = 'got.txt' }))\n"
           "assert(r.status == 200 and r.body == nil)\n"
           "return tostring(mcp.fs.read('got.txt') == http.get(at .. '/text').body)",
           "true");
    expect(f,
           "local r, m, c = http.get(at .. '/cut', { to_file = 'got.txt' })\n"
           "assert(r == nil and c == 'CLOSED')\n"
           "return tostring(mcp.fs.read('got.txt') == http.get(at .. '/text').body)",
           "true");
    expect(f, "return select(3, http.get(at .. '/text', { to_file = '../got.txt' }))", "DENIED");
    expect(f, "return tostring(pcall(http.get, at .. '/text', { to_file = 7 }))", "false");
}

static void test_wrong_use(void **state)
{
    static const char *const lines[] = {
        "http.request()",
        "http.request('http://a/')",
        "http.request{}",
        "http.request{ url = 1 }",
        "http.request{ url = at, ulr = at }",
        "http.request{ url = at .. '\\0' }",
        "http.request{ url = at, query = 'a' }",
        "http.request{ url = at, query = { a = print } }",
        "http.request{ url = at, query = { 'a' } }",
        "http.request{ url = at, json = 1, body = 'x' }",
        "http.request{ url = at, json = print }",
        "http.request{ url = at, body = {} }",
        "http.request{ url = at, body = ('x'):rep(16 * 1024 * 1024) .. 'x' }",
        "http.request{ url = at, method = 'get' }",
        "http.request{ url = at, method = 'GET X' }",
        "http.request{ url = at, method = '' }",
        "http.request{ url = at, method = 'CONNECT' }",
        "http.request{ url = at, method = 'TRACE' }",
        "http.request{ url = at, method = 'GET\\r\\nX: y' }",
        "http.request{ url = at, method = 'HEAD', body = 'x' }",
        "http.request{ url = at, timeout = 0 }",
        "http.request{ url = at, timeout = -1 }",
        "http.request{ url = at, timeout = '2h' }",
        "http.request{ url = at, max_bytes = '17M' }",
        "http.request{ url = at, redirects = 21 }",
        "http.request{ url = at, redirects = -1 }",
        "http.request{ url = at, redirects = true }",
        "http.request{ url = at, to_file = 1 }",
        "http.request{ url = at, headers = 'a: b' }",
        "http.request{ url = at, headers = { 'a: b' } }",
        "http.request{ url = at, headers = { a = 1 } }",
        "http.request{ url = at, headers = { [''] = 'b' } }",
        "http.request{ url = at, headers = { ['a b'] = 'b' } }",
        "http.request{ url = at, headers = { ['a:'] = 'b' } }",
        "http.request{ url = at, headers = { ['a\\r\\nb'] = 'b' } }",
        "http.request{ url = at, headers = { a = 'b\\r\\nc: d' } }",
        "http.request{ url = at, headers = { a = 'b\\nc' } }",
        "http.request{ url = at, headers = { a = 'b\\0c' } }",
        "http.request{ url = at, headers = { a = 'b', A = 'b' } }",
        "http.request{ url = at, headers = { Host = 'b' } }",
        "http.request{ url = at, headers = { ['CONTENT-LENGTH'] = '1' } }",
        "http.request{ url = at, headers = { ['Transfer-Encoding'] = 'chunked' } }",
        "http.request{ url = at, headers = { Connection = 'close' } }",
        "http.request{ url = at, headers = { ['Proxy-Authorization'] = 'x' } }",
        "http.request{ url = at, headers = { a = ('x'):rep(40000) } }",
        "http.get()",
        "http.get(at, 1)",
        "http.get(at, { url = at })",
        "http.get(at, { method = 'POST' })",
        "http.post(at, { method = 'GET' })",
    };
    struct fixture *f = *state;
    f->policy.memory_bytes = 64 << 20;
    check_raises(f, prelude, lines, sizeof lines / sizeof *lines);
    assert_int_equal(web_connections(web), 0);
}

/* At the edge it is sent. */
static void test_so_many_headers(void **state)
{
    struct fixture *f = *state;
    expect(f,
           "local h = {} for i = 1, 100 do h['x-' .. i] = 'y' end\n"
           "local ok = http.get(at .. '/echo', { headers = h }).body:find('x%-100: y') ~= nil\n"
           "h.x = 'y' return tostring(ok) .. tostring(pcall(http.get, at, { headers = h }))",
           "truefalse");
}

/* What an error says of a value is nothing. */
static void test_secrets_stay(void **state)
{
    struct fixture *f = *state;
    expect(f,
           "local ok, m = pcall(http.get, at, { headers = { a = 'hush\\n' } })\n"
           "return tostring(m:find('hush'))",
           "nil");
    expect(f,
           "local r, m = http.get('http://u:hush@' .. at:sub(8)) return tostring(m:find('hush'))",
           "nil");
    expect(f,
           "local r, m = http.get(at .. '/bytes?9&hush', { max_bytes = 8 })\n"
           "return tostring(m:find('hush'))",
           "nil");
}

static bool has_requests(void *arg) { return web_requests(web) >= *(unsigned *)arg; }

/* The transfer ends with the call that made it, at once. */
static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct call c;
    unsigned one = 1;
    char body[512];
    snprintf(body, sizeof body,
             "%slocal r, m, c = http.get(at .. '/stall') return tostring(r) .. c", prelude);
    fixture_tool(f, "t", body);
    fixture_load(f);
    call_start(f, &c, "t", NULL);
    turn_until(f, has_requests, &one);
    int64_t begin = clock_mono_ms();
    cancel_later(f, &c, 0);
    call_wait(f, &c);
    assert_true(clock_mono_ms() - begin < 1500);
    assert_int_equal(c.result.outcome, OUT_CANCELLED);
    call_fini(&c);
    expect(f, "return http.get(at .. '/text').body", "hello");
    /* The first of two ends the other. */
    expect(f,
           "return mcp.race{ function() return http.get(at .. '/stall') end,\n"
           "function() return http.get(at .. '/text').body end }",
           "hello");
    /* Forgotten by a call that ends. */
    expect(f,
           "mcp.spawn(function() return http.get(at .. '/stall') end) mcp.time.sleep(0.05)\n"
           "return 'left'",
           "left");
}

static void test_own_time(void **state)
{
    struct fixture *f = *state;
    f->policy.timeout_ms = 300;
    expect(f, "local r, m, c = http.get(at .. '/stall') mcp.log.info(c) return c",
           "!timed out: not done within 300 ms (`timeout` in its limits, and in mcp.ini under "
           "[tool NAME] or [tools])");
}

static void test_many(void **state)
{
    struct fixture *f = *state;
    expect(f,
           "local all = {}\n"
           "for i = 1, 90 do all[i] = function() return http.get(at .. '/text').status end end\n"
           "local sum = 0 for _, status in ipairs{ mcp.all(all) } do sum = sum + status end\n"
           "return sum",
           "18000");
    assert_true(web_connections(web) <= 64);
}

static void test_not_granted(void **state)
{
    struct fixture *f = *state;
    f->policy.http = NULL;
    expect(f, "return http", "!mcp.http: not granted; write in mcp.ini: [tool t] http = HOST");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_to_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_so_many_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_granted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
