/* test_evals_http.c - mcp.evals.ask: what it sends to an orchestrator, and what it refuses. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/web.h"

static struct web *web;
static char host[64], url[128], slashed[136], large[128], moved[256];
static const char *const hosts[] = { host, NULL }, *const elsewhere[] = { "127.0.0.1:1", NULL };
static const char *const granted[] = { "@evals", NULL };
static const char *const no_command[] = { NULL }, *const program[] = { "true", NULL };
static const char *const fields[] = { "X-Token: a b", "X-Other:\tc", NULL };

static const struct vm_eval evals[] = {
    { "o", no_command, .url = url, .headers = fields, .hosts = hosts, .poll_ms = 250,
      .timeout_ms = 3000 },
    { "slash", no_command, .url = slashed, .hosts = hosts },
    { "large", no_command, .url = large, .hosts = hosts },
    { "moved", no_command, .url = moved, .hosts = hosts },
    { "other", no_command, .url = url, .hosts = elsewhere },
    { .name = "command", .command = program },
};

static int setup(void **state)
{
    struct fixture *f = fixture_new(false);
    web = web_start();
    snprintf(host, sizeof host, "127.0.0.1:%u", web_port(web));
    snprintf(url, sizeof url, "http://%s/echo", host);
    snprintf(slashed, sizeof slashed, "%s/", url);
    snprintf(large, sizeof large, "http://%s/bytes?1000", host);
    snprintf(moved, sizeof moved, "http://%s/to?302+%s", host, url);
    f->policy.exec = f->policy.http = granted;
    f->policy.allow_private = true;
    f->sections = (struct vm_sections){ .evals = (struct vm_eval *)(uintptr_t)evals,
                                        .eval_count = sizeof evals / sizeof *evals,
                                        .evals_max_output = 999,
                                        .evals_parallel = 1 };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    web_stop(web);
    return 0;
}

#define ASK(options) "local r, m, c = mcp.evals.ask { " options " }\n"

static void test_requests(void **state)
{
    static const struct example examples[] = {
        { ASK("task = 'o', method = 'GET', id = 'a'") "return (r.body:match('^[^\\r]*'))",
          "GET /echo/a HTTP/1.1" },
        { ASK("task = 'slash', method = 'DELETE', id = 'a'") "return (r.body:match('^[^\\r]*'))",
          "DELETE /echo/a HTTP/1.1" },
        /* One segment, whatever is in it. */
        { ASK("task = 'o', method = 'GET', id = '../a?b#c%2e \\n\\xff'") "return "
                                                                         "(r.body:match('^[^\\r]*')"
                                                                         ")",
          "GET /echo/..%2Fa%3Fb%23c%252e%20%0A%FF HTTP/1.1" },
        { ASK("task = 'o', method = 'GET', id = ('x'):rep(256)") "return r.status", "200" },
        { ASK("task = 'o', method = 'POST', body = '{}'") "return r.body:match('^[^\\r]*') .. "
                                                          "r.body:match('Content%-Type: "
                                                          "([^\\r]*)')\n"
                                                          "  .. r.body:match('X%-Token: "
                                                          "([^\\r]*)') .. r.body:match('X%-Other: "
                                                          "([^\\r]*)')\n"
                                                          "  .. r.body:match('{.*')",
          "POST /echo HTTP/1.1application/jsona bc{}" },
        { ASK("task = 'moved', method = 'GET'") "return r.status", "302" },
        { ASK("task = 'large', method = 'GET'") "return c", "TOO_LARGE" },
        { "local e = mcp.evals.find('o')\n"
          "return tostring(e.is_remote) .. e.poll .. tostring(mcp.evals.find('command').is_remote)",
          "true0.25false" },
        { NULL, NULL },
    };
    check_all(*state, examples);
}

static void test_refusals(void **state)
{
    static const struct example examples[] = {
        { ASK("task = 'none', method = 'GET'") "return c", "ENOENT" },
        { ASK("task = 'command', method = 'GET'") "return c .. m",
          "INVALID[eval command] has no url" },
        { "local r, m, c = mcp.evals.run { task = 'o', config = 'c', job = 'j' } return c .. m",
          "INVALID[eval o] has no command" },
        /* The grant is the url's own host and port, and nothing that the tool can choose. */
        { ASK("task = 'other', method = 'GET'") "return c", "DENIED" },
        { "local r, m, c = mcp.http.get('http://127.0.0.1:80/') return c", "DENIED" },
        { ASK("task = 'o', method = 'PUT'") "return c",
          "!evals.ask: method: expected GET, POST or DELETE" },
        { ASK("task = 'o', method = 'GET', id = '..'") "return c",
          "!evals.ask: id: expected a string of 1 to 256 bytes that is not all dots" },
        { ASK("task = 'o', method = 'GET', id = ''") "return c",
          "!evals.ask: id: expected a string of 1 to 256 bytes that is not all dots" },
        { ASK("task = 'o', method = 'GET', id = ('x'):rep(257)") "return c",
          "!evals.ask: id: expected a string of 1 to 256 bytes that is not all dots" },
        { ASK("task = 'o', method = 'GET', id = 'a\\0b'") "return c",
          "!evals.ask: id: expected a string of 1 to 256 bytes that is not all dots" },
        { ASK("task = 'o', method = 'POST', body = {}") "return c",
          "!evals.ask: body: expected a string, got table" },
        { ASK("task = '', method = 'GET'") "return c",
          "!evals.ask: task: expected a string of 1 to 1000 bytes" },
        { ASK("task = 'o', method = 'GET', url = 'x'") "return c", "!unknown option \"url\"" },
        { NULL, NULL },
    };
    check_all(*state, examples);
    assert_int_equal(web_requests(web), 0);
}

static void test_grants(void **state)
{
    struct fixture *f = *state;
    static const char *const open[] = { "*:1", "127.0.0.1", NULL };
    f->policy.allow_private = false;
    check(f, ASK("task = 'o', method = 'GET'") "return c", "DENIED");
    f->policy.allow_private = true;
    f->policy.http = open;
    check(f, ASK("task = 'o', method = 'GET'") "return m",
          "orchestrators are not granted; in mcp.ini: [tool t] http = @evals");
    assert_int_equal(web_requests(web), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grants, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
