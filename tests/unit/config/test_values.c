/* test_values.c - what right values become, at both edges of every bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "config/keys.h"
#include "config/shape.h"
#include "config/value.h"
#include "ini_file.h"

/* ---- every numeric key, from the table itself ---------------------------------------------- */

static void number_text(char *out, size_t size, const struct key_info *k, int64_t number)
{
    snprintf(out, size, "%lld%s", (long long)number, k->type == KEY_DURATION ? "ms" : "");
}

/* Loads one key alone; true when the value was accepted. What other keys say about it does not
 * count. */
static bool is_accepted(struct ini_file *f, const struct section_info *s, const struct key_info *k,
                        const char *value)
{
    char text[512];
    const char *name = s->named ? " x" : "";
    const char *rest = strcmp(s->name, "eval") == 0  ? "command = a\n"
                       : strcmp(s->name, "key") == 0 ? "secret = a\n"
                                                     : "";

    snprintf(text, sizeof text, "[%s%s]\n%s%s = %s\n", s->name, name, rest, k->name, value);
    ini_file_load(f, text, NULL);
    return !strstr(ini_file_problems(f), "expected");
}

static void test_every_bound(void **state)
{
    struct ini_file f;
    size_t tested = 0;
    char text[64];

    (void)state;
    ini_file_new(&f);
    for (size_t i = 0; i < config_section_count; i++) {
        const struct section_info *s = &config_sections[i];
        for (size_t j = 0; j < s->n_keys; j++) {
            const struct key_info *k = &s->keys[j];
            int64_t step = k->whole_seconds ? 1000 : 1;
            if (k->type != KEY_INT && k->type != KEY_SIZE && k->type != KEY_DURATION)
                continue;
            assert_true(k->max > k->min);
            const int64_t edges[] = { k->min - step, k->min, k->max, k->max + step };
            for (size_t e = 0; e < 4; e++) {
                number_text(text, sizeof text, k, edges[e]);
                bool want = e == 1 || e == 2;
                if (is_accepted(&f, s, k, text) != want)
                    fail_msg("[%s] %s = %s: wanted %s, got %s", s->name, k->name, text,
                             want ? "yes" : "no", ini_file_problems(&f));
                tested++;
            }
        }
    }
    assert_true(tested >= 4 * 30);
    ini_file_free(&f);
}

/* ---- texts --------------------------------------------------------------------------------- */

static void test_all_defaults(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    const struct config *c = ini_file_load(&f, "", NULL);
    assert_non_null(c);
    assert_int_equal(c->server.host.n, 2);
    assert_string_equal(c->server.host.text, "127.0.0.1, ::1");
    assert_string_equal(c->server.host.items[0], "127.0.0.1");
    assert_null(c->server.host.items[2]);
    assert_int_equal(c->server.port, 8766);
    assert_string_equal(c->server.path, "/mcp");
    assert_int_equal(c->server.max_connections, 10000);
    assert_int_equal(c->server.max_body_bytes, 4 << 20);
    assert_int_equal(c->server.max_headers_bytes, 16 << 10);
    assert_int_equal(c->server.max_json_values, 100000);
    assert_int_equal(c->server.max_result_bytes, 2 << 20);
    assert_int_equal(c->server.max_stream_queue_bytes, 256 << 10);
    assert_int_equal(c->server.request_timeout_ms, 60000);
    assert_int_equal(c->server.idle_timeout_ms, 75000);
    assert_int_equal(c->server.stuck_abort_ms, 60000);
    assert_int_equal(c->server.trusted_proxies.n, 0);
    assert_null(c->server.trusted_proxies.items[0]);
    assert_string_equal(c->server.trusted_proxies.text, "");
    assert_string_equal(c->server.public_url, "");
    assert_int_equal(c->auth.keys.n, 0);
    assert_false(c->auth.allow_anonymous);
    assert_true(c->auth.query_key);
    assert_int_equal(c->rate_limit.window_ms, 10000);
    assert_int_equal(c->rate_limit.bucket, 60);
    assert_int_equal(c->rate_limit.per_key, 60);
    assert_int_equal(c->rate_limit.max_clients, 100000);
    assert_int_equal(c->state.durability, CONFIG_DURABILITY_JOURNAL);
    assert_int_equal(c->state.job_ttl_ms, 7 * 86400000LL);
    assert_int_equal(c->paths.deny.n, 6);
    assert_int_equal(c->log.level, LOG_INFO);
    assert_int_equal(c->log.format, CONFIG_LOG_AUTO);
    assert_string_equal(c->log.file, "");
    assert_int_equal(c->tools.worker_memory_bytes, 512 << 20);
    assert_int_equal(c->evals.parallel, 2);
    assert_int_equal(c->n_keys + c->n_tool_rules + c->n_eval_rules, 0);
    assert_int_equal(c->own_files.n, 1);
    assert_string_equal(c->own_files.items[0], f.path);
    ini_file_free(&f);
}

static void test_choices(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[log]\nlevel = debug\nformat = text\n", NULL));
    assert_int_equal(f.config->log.level, LOG_DEBUG);
    assert_int_equal(f.config->log.format, CONFIG_LOG_TEXT);
    assert_non_null(ini_file_load(&f, "[log]\nlevel = off\n[state]\ndurability = snapshot\n",
                                  NULL));
    assert_int_equal(f.config->log.level, LOG_OFF);
    assert_int_equal(f.config->state.durability, CONFIG_DURABILITY_SNAPSHOT);
    ini_file_free(&f);
}

static void test_lists_append(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f,
                                  "[gates]\norder = a, b,\norder =\norder = ,c\n"
                                  "[server]\ntrusted_proxies = 10.0.0.0/8, ::1/128\n",
                                  NULL));
    assert_string_equal(f.config->gates.order.text, "a, b, c");
    assert_int_equal(f.config->gates.order.n, 3);
    assert_string_equal(f.config->server.trusted_proxies.items[1], "::1/128");
    ini_file_free(&f);
}

static void test_per_key(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[rate_limit]\nbucket = 7\n", NULL));
    assert_int_equal(f.config->rate_limit.per_key, 7);
    assert_non_null(ini_file_load(&f, "[rate_limit]\nbucket = 7\nper_key =\n", NULL));
    assert_int_equal(f.config->rate_limit.per_key, 7);
    assert_non_null(ini_file_load(&f, "[rate_limit]\nbucket = 7\nper_key = 0\n", NULL));
    assert_int_equal(f.config->rate_limit.per_key, 0);
    ini_file_free(&f);
}

static void test_keys_and_rates(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f,
                                  "[key ci]\nsecret = s3cret\ntools = status, list_*\n"
                                  "scopes = jobs:read\nrate = 100/10s\nexpires = 2027-01-31\n"
                                  "[key b]\nsecret = a;b\nrate = 1000000/1h\n",
                                  NULL));
    const struct config_key *key = f.config->keys;
    assert_int_equal(f.config->n_keys, 2);
    assert_string_equal(key->name, "ci");
    assert_int_equal(key->line, 1);
    assert_string_equal(key->secret, "s3cret");
    assert_string_equal(key->sha256, "");
    assert_string_equal(key->tools.text, "status, list_*");
    assert_string_equal(key->scopes.text, "jobs:read");
    assert_int_equal(key->rate.bucket, 100);
    assert_int_equal(key->rate.window_ms, 10000);
    assert_int_equal(key->expires_ms, 1801440000000); /* the end of that day */
    assert_string_equal(key[1].secret, "a;b");
    assert_int_equal(key[1].expires_ms, 0);
    static const char *const bad[] = { "0/1s",  "1000001/1s", "1/0s",
                                       "1/61m", "/1s",        "1/",
                                       "1/s",   "1 / 1s",     "00000000000000001/1s" };
    const struct section_info *s = section_find("key");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (is_accepted(&f, s, key_find(s, "rate"), bad[i]))
            fail_msg("rate %s was accepted", bad[i]);
    ini_file_free(&f);
}

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        { "1970-01-01", 86400000 },
        { "1970-01-01T00:00:00Z", 0 },
        { "2000-02-29", 951868800000 },
        { "2024-02-29T23:59:59Z", 1709251199000 },
        { "2027-01-31T12:00:00Z", 1801396800000 },
        { "2100-02-28", 4107542400000 },
        { "9999-12-31", 253402300800000 },
        { "2100-02-29", -1 },
        { "2027-02-30", -1 },
        { "2027-00-01", -1 },
        { "2027-13-01", -1 },
        { "2027-01-00", -1 },
        { "2027-04-31", -1 },
        { "2027-1-1", -1 },
        { "1969-12-31", -1 },
        { "2027-01-31T24:00:00Z", -1 },
        { "2027-01-31T12:60:00Z", -1 },
        { "2027-01-31T12:00:60Z", -1 },
        { "2027-01-31T12:00:00", -1 },
        { "2027-01-31 12:00:00Z", -1 },
        { "2027-01-31T12:00:00Zx", -1 },
        { "2027", -1 },
        { "2027-01", -1 },
        { "2027-01-31T", -1 },
        { "", -1 },
        { "-", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        int rc = date_parse(cases[i].text, &ms);
        if ((rc == 0) != (cases[i].ms >= 0) || (rc == 0 && ms != cases[i].ms))
            fail_msg("%s: %d, %lld", cases[i].text, rc, (long long)ms);
    }
}

/* ---- paths --------------------------------------------------------------------------------- */

static void assert_below(const struct ini_file *f, const char *path, const char *rest)
{
    size_t len = strlen(f->dir);

    assert_memory_equal(path, f->dir, len);
    assert_string_equal(path + len, rest);
}

static void test_paths(void **state)
{
    static const char *const env[] = { "MOONGATE_LOG_FILE=env.log", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[log]\nfile = ./tools.d/x.log\n", NULL));
    assert_below(&f, f.config->log.file, "/tools.d/x.log");
    assert_below(&f, f.config->paths.root, "");
    assert_below(&f, f.config->paths.tools, "/tools.d");
    assert_below(&f, f.config->state.path, "/.mcp-state.json");
    assert_non_null(ini_file_load(&f,
                                  "[paths]\nroot = /\n[log]\nfile = {root}/var/log/x\n"
                                  "[state]\npath = {root}x\n[eval *]\ncommand = a\ncwd = .\n",
                                  env));
    assert_string_equal(f.config->paths.root, "/");
    assert_below(&f, f.config->log.file, "/env.log");
    assert_below(&f, f.config->state.path, "/{root}x");
    assert_below(&f, f.config->eval_rules[0].cwd, "");
    assert_non_null(ini_file_load(&f, "[paths]\nroot = /\n[log]\nfile = {root}/x\n", NULL));
    assert_string_equal(f.config->log.file, "/x");
    assert_string_equal(f.config->state.path, "/.mcp-state.json");
    ini_file_free(&f);
}

/* The file's own paths begin at its folder, root at the working one. */
static void test_two_folders(void **state)
{
    static const char *const env[] = { "MCP_STATE_PATH=here.json", NULL };
    struct ini_file ini, here;

    (void)state;
    ini_file_new(&ini);
    ini_file_new(&here);
    ini_file_write(&ini, "mcp.ini", "", 0, 0644);
    struct config_source source = { .path = ini.path, .env = env, .cwd = here.dir };
    struct problems problems = { 0 };
    struct config *c = config_load(&source, &problems);
    assert_non_null(c);
    assert_below(&here, c->paths.root, "");
    assert_below(&ini, c->paths.tools, "/tools.d");
    assert_below(&here, c->state.path, "/here.json");
    assert_below(&ini, c->dir, "");
    config_unref(c);
    ini_file_free(&ini);
    ini_file_free(&here);
}

/* ---- commands ------------------------------------------------------------------------------ */

static void test_commands(void **state)
{
    static const char *const env[] = { "WORDS=two words {taskId}", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f,
                                  "[eval *]\ncommand = run  --task={taskId} 'a  b' \"c \\\" d\" "
                                  "e\\ f\n"
                                  "command = \"#\" '' ${WORDS} {\"a\":1} {} x\n"
                                  "[eval b]\ncommand = bin/run ./x\n"
                                  "[eval c]\ncommand = {root}/run\ntimeout = 5s\n"
                                  "[eval d]\ncommand = /bin/true\n",
                                  env));
    static const char *const want[] = { "run", "--task={taskId}",    "a  b",  "c \" d", "e f", "#",
                                        "",    "two words {taskId}", "{a:1}", "{}",     "x" };
    const struct config_eval *eval = f.config->eval_rules;
    assert_int_equal(eval->command.n, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < eval->command.n; i++)
        assert_string_equal(eval->command.items[i], want[i]);
    assert_null(eval->command.items[eval->command.n]);
    assert_int_equal(eval->timeout_ms, 600000);
    assert_string_equal(eval->cwd, f.config->paths.root);
    assert_below(&f, eval[1].command.items[0], "/bin/run");
    assert_string_equal(eval[1].command.items[1], "./x");
    assert_string_equal(eval[2].command.items[0], "{root}/run");
    assert_int_equal(eval[2].timeout_ms, 5000);
    assert_string_equal(eval[3].command.items[0], "/bin/true");
    ini_file_free(&f);
}

static void test_orchestrators(void **state)
{
    static const char *const env[] = { "TOKEN=Bearer x", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f,
                                  "[eval a]\nurl = https://o.example/jobs\n"
                                  "headers = Authorization: ${TOKEN}, X-B: c\n"
                                  "headers = X-D: e\npoll = 50ms\n"
                                  "[eval b]\nurl = http://o\n",
                                  env));
    const struct config_eval *eval = f.config->eval_rules;
    assert_string_equal(eval[0].url, "https://o.example/jobs");
    assert_int_equal(eval[0].command.n, 0);
    assert_int_equal(eval[0].headers.n, 3);
    assert_string_equal(eval[0].headers.items[0], "Authorization: Bearer x");
    assert_string_equal(eval[0].headers.items[2], "X-D: e");
    assert_null(eval[0].headers.items[3]);
    assert_int_equal(eval[0].poll_ms, 50);
    assert_int_equal(eval[1].poll_ms, 2000);
    assert_int_equal(eval[1].headers.n, 0);
    struct buf out = { 0 };
    config_print(f.config, &out);
    assert_null(strstr(buf_cstr(&out), "Bearer"));
    assert_non_null(strstr(buf_cstr(&out), "url = https://o.example/jobs"));
    buf_fini(&out);
    ini_file_free(&f);
}

/* ---- shapes -------------------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    static const struct {
        const char *(*shape)(const char *s);
        const char *good[6], *bad[8];
    } cases[] = {
        { shape_network,
          { "1.2.3.4", "::1", "10.0.0.0/0", "10.0.0.0/32", "fe80::/128" },
          { "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "/8", "1.2.3.4/-1", "host/8" } },
        { shape_host,
          { "localhost", "a.example.com:80", "[::1]", "[::1]:65535", "10.0.0.1" },
          { "", ":80", "a:", "a:65536", "::1", "[::1", "a/b", "[x]:1" } },
        { shape_origin,
          { "http://a", "https://a.b:1", "null", "*", "vscode-webview://abc" },
          { "a", "https://", "https://a/", "://a", "https://a b", "https://a:x", "ht tp://a" } },
        { shape_url,
          { "http://a", "https://a.b:1/c?d", "http://[::1]:8/" },
          { "http://", "https:///x", "http://a b", "http://a\n", "file:///x", "" } },
        { shape_orchestrator,
          { "http://a", "https://a.b:1/c/", "http://[::1]:8/" },
          { "a", "http://a?b", "http://a/#b", "http://a@b", "ftp://a", "" } },
        { shape_header,
          { "A: b", "x-a:b", "Authorization: Bearer x, y", "A: \xc3\xa9" },
          { "", "A", "A:", "A: ", "A b: c", "Proxy-X: a" } },
        { shape_header,
          { "Hosts: a", "A:\tb" },
          { "Host: a", "content-length: 1", "A: b\n", "A: b\rX: c", "TE: a", ": a" } },
        { shape_host_grant,
          { "a", "*.b:1", "@evals", "[::1]:8" },
          { "", "@eval", "a@evals", "http://a", "a:0" } },
        { shape_http_path,
          { "/mcp", "/a/b-c_d.e~f" },
          { "/", "mcp", "/a//b", "/a?b", "/a b", "/\xc3\xa9", "" } },
        { shape_program,
          { "git", "g++", "/usr/bin/git", "@evals" },
          { "", "a b", "../x", "a/b", "/usr/bin/", "@x" } },
        { shape_env_name, { "A", "_x9", "PATH" }, { "", "9A", "A-B", "A=B" } },
        { shape_state_grant,
          { "jobs:rw", "models:r", "a.b-c_d", "run_*:r", "*" },
          { "", ":rw", "jobs:", "jobs:x", "jobs:rwx", "a b:r" } },
        { shape_glob, { "**/.git/**", "a..b", "*.pem" }, { "/a", "..", "../a", "a/../b" } },
        { shape_eval_name, { "*", "matriz.quick", "a/b:c@d+e" }, { "", "a*", "a b", "a]b" } },
        { shape_secret,
          { "x", "a;b#", "\xc3\xa9", "\"" },
          { "", "a b", "a\tb", "a\nb", "\x7f", "#a", ";a" } },
        { shape_scope, { "jobs:read", "*", "a/b" }, { "", "a b", "a,b", "\"" } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < 6 && cases[i].good[j]; j++)
            if (cases[i].shape(cases[i].good[j]))
                fail_msg("%zu: '%s' is good", i, cases[i].good[j]);
        for (size_t j = 0; j < 8 && cases[i].bad[j]; j++)
            if (!cases[i].shape(cases[i].bad[j]))
                fail_msg("%zu: '%s' is bad", i, cases[i].bad[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bound),   cmocka_unit_test(test_all_defaults),
        cmocka_unit_test(test_choices),       cmocka_unit_test(test_lists_append),
        cmocka_unit_test(test_per_key),       cmocka_unit_test(test_keys_and_rates),
        cmocka_unit_test(test_dates),         cmocka_unit_test(test_paths),
        cmocka_unit_test(test_two_folders),   cmocka_unit_test(test_commands),
        cmocka_unit_test(test_orchestrators), cmocka_unit_test(test_shapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
