/* test_problems.c - everything that can be wrong in the file, and the exact words for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ini_file.h"

struct bad {
    const char *text, *problems;
};

static void assert_all(const struct bad *bad, size_t n)
{
    struct ini_file f;

    ini_file_new(&f);
    for (size_t i = 0; i < n; i++)
        ini_file_assert(&f, bad[i].text, NULL, bad[i].problems);
    ini_file_free(&f);
}
#define ASSERT_ALL(table) assert_all(table, sizeof(table) / sizeof(table)[0])

/* ---- lines ----------------------------------------------------------------------------------- */

static void test_lines(void **state)
{
    static const struct bad bad[] = {
        { "", "" },
        { "; nothing\n\n   \n\t; indented comment\n# and this\n", "" },
        { "\xef\xbb\xbf[server]\nport = 1\n", "" },
        { "[server]\r\nport = 1\r\n", "" },
        { "[server] ; here\nport = 1 ; and here\n", "" },
        { "[server]\nport = 1", "" },
        { "[server]\nport: 1\n", "" },
        { "[server\nport = 1\n", "mcp.ini:1: a section heading ends with ]\n"
                                 "mcp.ini:2: port: a key before the first [section]\n" },
        { "[server] port = 1\n", "mcp.ini:1: text behind the section heading: port = 1\n" },
        { "[server]\n port = 1\n",
          "mcp.ini:2: an indented line: keys and headings begin in the first column\n" },
        { "[server]\n\t[auth]\n",
          "mcp.ini:2: an indented line: keys and headings begin in the first column\n" },
        { "[server]\nport\n", "mcp.ini:2: expected [section] or key = value\n" },
        { "[server]\n= 1\n", "mcp.ini:2: expected [section] or key = value\n" },
        { "[server]\nport ; = 1\n", "mcp.ini:2: expected [section] or key = value\n" },
        { "[server]\npo\xffrt = 1\n", "mcp.ini:2: not UTF-8 text\n" },
        { "[server]\npath = /\x01\n", "mcp.ini:2: a control character\n" },
        { "[server]\npath = /a\rb\n", "mcp.ini:2: a control character\n" },
        { "port = 1\n", "mcp.ini:1: port: a key before the first [section]\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

static void test_nul_byte(void **state)
{
    static const char text[] = "[server]\nport = 1\0 2\n";
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    assert_null(ini_file_load_bytes(&f, text, sizeof text - 1, NULL));
    assert_string_equal(ini_file_problems(&f), "mcp.ini:2: a NUL byte: this is not a text file\n");
    ini_file_free(&f);
}

/* 190 bytes are read whole, 191 are refused: nothing is ever cut. */
static void test_line_length(void **state)
{
    struct ini_file f;
    char text[512];

    (void)state;
    ini_file_new(&f);
    for (int len = 189; len <= 191; len++) {
        int n = snprintf(text, sizeof text, "[server]\npublic_url = http://");
        memset(text + n, 'x', sizeof text - (size_t)n);
        strcpy(text + strlen("[server]\n") + len, "\n");
        if (len <= 190) {
            assert_non_null(ini_file_load(&f, text, NULL));
            assert_int_equal(strlen(f.config->server.public_url),
                             (size_t)len - strlen("public_url = "));
        } else {
            ini_file_assert(&f, text, NULL,
                            "mcp.ini:2: a line of 191 bytes: at most 190 (a list may stand on "
                            "several lines)\n");
        }
    }
    /* A comment may be longer. */
    memset(text, ';', 300);
    strcpy(text + 300, "\n");
    assert_non_null(ini_file_load(&f, text, NULL));
    ini_file_free(&f);
}

/* ---- the file itself ------------------------------------------------------------------------- */

static void assert_unreadable(struct ini_file *f, const char *path, const char *reason)
{
    struct config_source source = { .path = path, .cwd = f->dir };
    struct problems problems = { 0 };
    char expected[256];

    assert_null(config_load(&source, &problems));
    assert_int_equal(problems.count, 1);
    snprintf(expected, sizeof expected, "%s: %s", path, reason);
    assert_string_equal(problems.lines[0], expected);
    problems_fini(&problems);
}

static void test_unreadable_files(void **state)
{
    struct ini_file f;
    char path[128];

    (void)state;
    ini_file_new(&f);
    assert_unreadable(&f, f.dir, "is a folder, not a file");
    assert_unreadable(&f, f.path, "cannot open it: No such file or directory");
    assert_unreadable(&f, "/dev/null", "is not a regular file");
    snprintf(path, sizeof path, "%s/fifo", f.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_unreadable(&f, path, "is not a regular file");
    ini_file_write(&f, "mcp.ini", "", 0, 0);
    if (geteuid() != 0)
        assert_unreadable(&f, f.path, "cannot open it: Permission denied");
    ini_file_free(&f);
}

static void test_file_size(void **state)
{
    size_t size = 1024 * 1024;
    struct ini_file f;
    char *text = malloc(size + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '\n', size + 1);
    ini_file_new(&f);
    assert_non_null(ini_file_load_bytes(&f, text, size, NULL));
    assert_null(ini_file_load_bytes(&f, text, size + 1, NULL));
    assert_string_equal(ini_file_problems(&f), "mcp.ini: is larger than 1024 KB\n");
    free(text);
    ini_file_free(&f);
}

/* ---- sections and keys ----------------------------------------------------------------------- */

static void test_sections(void **state)
{
    static const struct bad bad[] = {
        { "[sever]\nport = 1\n", "mcp.ini:1: [sever]: unknown section; did you mean [server]?\n" },
        { "[searches]\nmax_file = 1M\n",
          "mcp.ini:1: [searches]: unknown section; did you mean [search]?\n" },
        { "[search]\nmax_file = 4M\n",
          "mcp.ini:2: search.max_file: expected 1K to 3M, got '4M'\n" },
        { "[redis x]\n", "mcp.ini:1: [redis x]: unknown section\n" },
        { "[tls]\n[oauth]\n", "mcp.ini:1: [tls]: unknown section\nmcp.ini:2: [oauth]: unknown "
                              "section; did you mean [auth]?\n" },
        { "[]\n", "mcp.ini:1: []: unknown section\n" },
        { "[Server]\n", "mcp.ini:1: [Server]: unknown section; did you mean [server]?\n" },
        { "[server x]\n", "mcp.ini:1: [server x]: this section has no name\n" },
        { "[tool]\n", "mcp.ini:1: [tool]: the heading needs a name: [tool NAME or GLOB]\n" },
        { "[key]\n", "mcp.ini:1: [key]: the heading needs a name: [key NAME]\n" },
        { "[tool x:a]\n", "mcp.ini:1: [tool x:a]: expected a tool's name, * and ? for any\n" },
        { "[tool a b]\n", "mcp.ini:1: [tool a b]: expected a tool's name, * and ? for any\n" },
        { "[key anonymous]\nsecret = x\n",
          "mcp.ini:1: [key anonymous]: expected another name: this one stands for callers without "
          "a section\n" },
        { "[key key7]\nsecret = x\n",
          "mcp.ini:1: [key key7]: expected another name: this one stands for callers without a "
          "section\n" },
        { "[eval a b]\ncommand = x\n",
          "mcp.ini:1: [eval a b]: expected a task's name of letters, digits and _ . - : / @ +, or "
          "*\n" },
        { "[server]\n[auth]\n[server]\n", "mcp.ini:3: [server]: stands already in line 1\n" },
        { "[tool x]\n\n[tool x]\n", "mcp.ini:3: [tool x]: stands already in line 1\n" },
        { "[tool x]\n[eval x]\ncommand = y\n[key x]\nsecret = z\n[tool  y ]\n", "" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

static void test_section_name_length(void **state)
{
    struct ini_file f;
    char text[256], name[130];

    (void)state;
    ini_file_new(&f);
    memset(name, 'n', sizeof name);
    name[128] = '\0';
    snprintf(text, sizeof text, "[tool %s]\n", name);
    assert_non_null(ini_file_load(&f, text, NULL));
    assert_string_equal(f.config->tool_rules[0].name, name); /* inih alone would cut it at 49 */
    name[128] = 'n';
    name[129] = '\0';
    snprintf(text, sizeof text, "[tool %s]\n", name);
    assert_null(ini_file_load(&f, text, NULL));
    ini_file_free(&f);
}

static void test_keys(void **state)
{
    static const struct bad bad[] = {
        { "[server]\nprot = 1\n", "mcp.ini:2: server.prot: unknown key; did you mean port?\n" },
        { "[server]\nfrobnicate = 1\n", "mcp.ini:2: server.frobnicate: unknown key\n" },
        { "[tools]\nreload = often\npoll = 99ms\n",
          "mcp.ini:2: tools.reload: expected yes or no, got 'often'\n"
          "mcp.ini:3: tools.poll: expected 100ms to 1h, got '99ms'\n" },
        { "[server]\nPort = 1\n", "mcp.ini:2: server.Port: unknown key; did you mean port?\n" },
        { "[server]\nport = 1\nport = 2\n", "mcp.ini:3: server.port: is set already in line 2\n" },
        { "[eval x]\ncommand = a\nproxy = http://a\n", "mcp.ini:3: eval x.proxy: unknown key\n" },
        { "[key ci]\nsecret = a\nsecert = b\n",
          "mcp.ini:3: key ci.secert: unknown key; did you mean secret?\n" },
        { "[tool x]\nhttp = example.com\nallow_private = yes\nredis = a\n",
          "mcp.ini:4: tool x.redis: unknown key\n" },
        { "[tool x]\nfs = all\n",
          "mcp.ini:2: tool x.fs: expected none, read or write, got 'all'\n" },
        { "[tool x]\nttl = 1\nttl = 2\n", "mcp.ini:3: tool x.ttl: is set already in line 2\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void test_server_values(void **state)
{
    static const struct bad bad[] = {
        { "[server]\nport = x\n",
          "mcp.ini:2: server.port: expected a number from 0 to 65535, got 'x'\n" },
        { "[server]\nport =\n", "mcp.ini:2: server.port: must not be empty\n" },
        { "[server]\nport = 8766 # http\n",
          "mcp.ini:2: server.port: a comment behind a value begins with ; and not with #\n" },
        { "[server]\nport = \"8766\"\n",
          "mcp.ini:2: server.port: a value stands without quotes\n" },
        { "[server]\nport = -1\n",
          "mcp.ini:2: server.port: expected a number from 0 to 65535, got '-1'\n" },
        { "[server]\nport = 99999999999999999999\n",
          "mcp.ini:2: server.port: expected a number from 0 to 65535, got "
          "'99999999999999999999'\n" },
        { "[server]\nhost =\n", "mcp.ini:2: server.host: must not be empty\n" },
        { "[server]\nhost = localhost\n",
          "mcp.ini:2: server.host: expected an IP address in digits, got 'localhost'\n" },
        { "[server]\nhost = ::1, ::1\n", "mcp.ini:2: server.host: '::1' is listed twice\n" },
        { "[server]\nhost = ::1\nhost = 127.0.0.1\nhost = ::1\n",
          "mcp.ini:4: server.host: '::1' is listed twice\n" },
        { "[server]\nhost = ::1, 127.0.0.1, 127.0.0.2, 127.0.0.3\nhost = 127.0.0.4, 127.0.0.5, "
          "127.0.0.6, 127.0.0.7\n",
          "" },
        { "[server]\nhost = ::1, 127.0.0.1, 127.0.0.2, 127.0.0.3\nhost = 127.0.0.4, 127.0.0.5, "
          "127.0.0.6, 127.0.0.7, 127.0.0.8\n",
          "mcp.ini:3: server.host: more than 8 items\n" },
        { "[server]\npath = mcp\n",
          "mcp.ini:2: server.path: expected a path such as /mcp, got 'mcp'\n" },
        { "[server]\npath = /metrics\n",
          "mcp.ini:2: server.path: /metrics serves something else\n" },
        { "[server]\nidle_timeout = 1500ms\n",
          "mcp.ini:2: server.idle_timeout: expected whole seconds from 1s to 1d, got '1500ms'\n" },
        { "[server]\ntrusted_proxies = 10.0.0.0/33\n",
          "mcp.ini:2: server.trusted_proxies: expected an IP address, or one with /BITS, got "
          "'10.0.0.0/33'\n" },
        { "[server]\nallowed_origins = example.com\n",
          "mcp.ini:2: server.allowed_origins: expected an origin such as https://app.example.com, "
          "null or *, got 'example.com'\n" },
        { "[server]\nallowed_hosts = http://a\n",
          "mcp.ini:2: server.allowed_hosts: expected a host, or HOST:PORT, got 'http://a'\n" },
        { "[server]\npublic_url = ftp://a\n",
          "mcp.ini:2: server.public_url: expected a URL that begins with http:// or https://, got "
          "'ftp://a'\n" },
        { "[server]\nmax_body = 4MB\n",
          "mcp.ini:2: server.max_body: expected 1K to 256M, got '4MB'\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

static void test_values(void **state)
{
    static const struct bad bad[] = {
        { "[auth]\nallow_anonymous = maybe\n",
          "mcp.ini:2: auth.allow_anonymous: expected yes or no, got 'maybe'\n" },
        { "[state]\ndurability = jurnal\n",
          "mcp.ini:2: state.durability: expected journal or snapshot, got 'jurnal'\n" },
        { "[state]\nbackend = redis\n", "mcp.ini:2: state.backend: expected json, got 'redis'\n" },
        { "[state]\nautosave = 5 minutes\n",
          "mcp.ini:2: state.autosave: expected 100ms to 1h, got '5 minutes'\n" },
        { "[log]\nlevel = verbose\n",
          "mcp.ini:2: log.level: expected debug, info, warn, error or off, got 'verbose'\n" },
        { "[paths]\ndeny = /etc/passwd\n",
          "mcp.ini:2: paths.deny: expected a glob relative to the root, without .., got "
          "'/etc/passwd'\n" },
        { "[paths]\nroot =\n", "mcp.ini:2: paths.root: must not be empty\n" },
        { "[paths]\nroot = /no/such/folder\n",
          "mcp.ini:2: paths.root: /no/such/folder: No such file or directory\n" },
        { "[paths]\nroot = mcp.ini\n", "mcp.ini:2: paths.root: mcp.ini: is not a folder\n" },
        { "[tool x]\nhttp = https://a.example\n",
          "mcp.ini:2: tool x.http: expected a host or HOST:PORT, * and ? for any, or @evals, got "
          "'https://a.example'\n" },
        { "[tool x]\nhttp = *.example:0\n",
          "mcp.ini:2: tool x.http: expected a host or HOST:PORT, * and ? for any, or @evals, got "
          "'*.example:0'\n" },
        { "[tool x]\nexec = ../sh\n",
          "mcp.ini:2: tool x.exec: expected a program's name, its absolute path, or @evals, got "
          "'../sh'\n" },
        { "[tool x]\nenv = A B\n",
          "mcp.ini:2: tool x.env: expected the name of an environment variable, got 'A B'\n" },
        { "[tool x]\nstate = jobs:w\n",
          "mcp.ini:2: tool x.state: expected NAME:r or NAME:rw, got 'jobs:w'\n" },
        { "[tool x]\nrate = 10\n",
          "mcp.ini:2: tool x.rate: expected a number up to 1000000, / and a time from 1ms to 1h, "
          "such as 100/10s, got '10'\n" },
        { "[key a]\nsecret = x\nexpires = 2027-02-29\n",
          "mcp.ini:3: key a.expires: expected a day such as 2027-01-31, or 2027-01-31T12:00:00Z, "
          "got '2027-02-29'\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

static void test_commands(void **state)
{
    static const struct bad bad[] = {
        { "[eval x]\n", "mcp.ini:1: [eval x]: needs command or url\n" },
        { "[eval x]\ncommand =\n", "mcp.ini:1: [eval x]: needs command or url\n" },
        { "[eval x]\ncommand = a\nurl = http://a\n",
          "mcp.ini:1: [eval x]: has both command and url\n" },
        { "[eval x]\ncommand = a\nheaders = X-A: b\n",
          "mcp.ini:1: [eval x]: has headers, but no url\n" },
        { "[eval x]\nurl = http://a/b?c\n",
          "mcp.ini:2: eval x.url: expected a URL that begins with http:// or https://, without ? "
          "and #, got 'http://a/b?c'\n" },
        { "[eval x]\nurl = http://a:secret@b/\n",
          "mcp.ini:2: eval x.url: expected a URL that begins with http:// or https://, without ? "
          "and #, got 'http://a:secret@b/'\n" },
        { "[eval x]\nurl = http://a\nheaders = X-A: b, Host: hush\n",
          "mcp.ini:3: eval x.headers: expected NAME: VALUE, none of the fields that frame a "
          "message\n" },
        { "[eval x]\ncommand = run {task}\n",
          "mcp.ini:2: eval x.command: expected no placeholder but {taskId}, {configId}, {jobId}, "
          "{root}, got '{task}'\n" },
        { "[eval x]\ncommand = a 'b\n",
          "mcp.ini:2: eval x.command: a quote is not closed (; after a blank begins a comment)\n" },
        { "[eval x]\ncommand = sh -c \"a ; b\"\n",
          "mcp.ini:2: eval x.command: a quote is not closed (; after a blank begins a comment)\n" },
        { "[eval x]\ncommand = a # b\n",
          "mcp.ini:2: eval x.command: a comment behind a value begins with ; (or quote the #)\n" },
        { "[eval x]\ncommand = a ${NOT_SET}\n",
          "mcp.ini:2: eval x.command: the environment variable NOT_SET is not set\n" },
        { "[eval x]\ncommand = a ${NOT\n", "mcp.ini:2: eval x.command: after ${ comes a variable's "
                                           "name and } ($${ stands for ${)\n" },
        { "[eval x]\ncommand = a {}, {\"k\": {1}} ${}\n",
          "mcp.ini:2: eval x.command: after ${ comes a variable's name and } ($${ stands for "
          "${)\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

static void test_cross_checks(void **state)
{
    static const struct bad bad[] = {
        { "[tools]\ntimeout = 11m\n",
          "mcp.ini:2: tools.timeout: 11m is more than [tools] max_timeout = 10m\n" },
        { "[tools]\nmax_timeout = 20s\n",
          "mcp.ini:2: tools.max_timeout: 20s is less than [tools] timeout = 30s\n" },
        { "[tools]\nmax_memory = 8M\n",
          "mcp.ini:2: tools.max_memory: 8M is less than [tools] memory = 16M\n" },
        { "[tools]\nworker_memory = 128M\n",
          "mcp.ini:2: tools.worker_memory: 128M is less than [tools] max_memory = 256M\n" },
        { "[tool x]\ntimeout = 601s\nmemory = 257M\n",
          "mcp.ini:2: tool x.timeout: 601s is more than [tools] max_timeout = 10m\n"
          "mcp.ini:3: tool x.memory: 257M is more than [tools] max_memory = 256M\n" },
        { "[tool x]\ntimeout = 10m\nmemory = 256M\n", "" },
        { "[gates]\nstrict = yes\n", "mcp.ini:2: gates.strict: needs the gates in order\n" },
        { "[gates]\norder = dev, canary, dev\n",
          "mcp.ini:2: gates.order: 'dev' is listed twice\n" },
        { "[key a]\ntools = x\n", "mcp.ini:1: [key a]: needs secret or sha256\n" },
        { "[key a]\nsecret = x\n"
          "sha256 = 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n",
          "mcp.ini:1: [key a]: has both secret and sha256\n" },
        { "[key a]\nsha256 = 2d71\n", "mcp.ini:2: key a.sha256: expected 64 hex digits\n" },
        { "[auth]\nkeys = one, x\n[key a]\nsecret = x\n",
          "mcp.ini:4: key a.secret: the same key as in [auth]\n" },
        { "[key a]\nsecret = x\n[key b]\n"
          "sha256 = 2D711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n",
          "mcp.ini:4: key b.sha256: the same key as in [key a]\n" },
        { "[auth]\nkeys = one, one\n", "mcp.ini:2: auth.keys: one key is listed twice\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

#define OPEN_DOOR                                                                              \
    " can be reached from other machines and there is no key; add the line \"keys = SECRET\" " \
    "under [auth] (openssl rand -hex 32 makes a secret)\n"

static void test_no_open_door(void **state)
{
    static const struct bad bad[] = {
        { "[server]\nhost = 0.0.0.0\n", "mcp.ini:2: server.host: 0.0.0.0" OPEN_DOOR },
        { "[server]\nhost = 127.0.0.1, ::\n", "mcp.ini:2: server.host: ::" OPEN_DOOR },
        { "[server]\nhost = 10.0.0.1\n[auth]\nallow_anonymous = yes\n",
          "mcp.ini:2: server.host: 10.0.0.1" OPEN_DOOR },
        { "[server]\nhost = ::ffff:10.0.0.1\n",
          "mcp.ini:2: server.host: ::ffff:10.0.0.1" OPEN_DOOR },
        { "[server]\nhost = 0.0.0.0\n[auth]\nkeys =\n",
          "mcp.ini:2: server.host: 0.0.0.0" OPEN_DOOR },
        { "[server]\nhost = 128.0.0.1\n", "mcp.ini:2: server.host: 128.0.0.1" OPEN_DOOR },
        { "[server]\nhost = 127.1.2.3, ::1, ::ffff:127.0.0.1\n", "" },
        { "[server]\nhost = 0.0.0.0\n[auth]\nkeys = x\n", "" },
        { "[server]\nhost = 0.0.0.0\n[key a]\nsecret = x\n", "" },
        /* The key that is wrong is the problem, and no other. */
        { "[server]\nhost = 0.0.0.0\n[auth]\nkeys = ${NO_KEY}\n",
          "mcp.ini:4: auth.keys: the environment variable NO_KEY is not set\n" },
    };

    (void)state;
    ASSERT_ALL(bad);
}

/* One problem does not hide the others, and makes no second one. */
static void test_all_at_once(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    ini_file_assert(&f,
                    "[server]\nport = x\nprot = 1\n[tools]\nmax_timeout = ten\n[nix]\na = b\n"
                    "[tool y]\nenabled = si\n",
                    NULL,
                    "mcp.ini:3: server.prot: unknown key; did you mean port?\n"
                    "mcp.ini:6: [nix]: unknown section\n"
                    "mcp.ini:2: server.port: expected a number from 0 to 65535, got 'x'\n"
                    "mcp.ini:5: tools.max_timeout: expected 10ms to 1d, got 'ten'\n"
                    "mcp.ini:9: tool y.enabled: expected yes or no, got 'si'\n");
    ini_file_free(&f);
}

static void test_many_problems(void **state)
{
    struct ini_file f;
    struct buf text = { 0 };

    (void)state;
    ini_file_new(&f);
    for (int i = 0; i < 150; i++)
        buf_str(&text, "nonsense\n");
    assert_null(ini_file_load(&f, buf_cstr(&text), NULL));
    assert_int_equal(f.problems.count, 150);
    assert_int_equal(f.problems.kept, PROBLEMS_MAX);
    buf_clear(&text);
    for (int i = 0; i <= 1000; i++)
        buf_printf(&text, "[tool t%d]\n", i);
    ini_file_assert(&f, buf_cstr(&text), NULL,
                    "mcp.ini:1001: [tool t1000]: more than 1000 sections with a name\n");
    buf_clear(&text);
    for (int i = 0; i <= 1000; i++)
        buf_printf(&text, "%skeys = k%d\n", i ? "" : "[auth]\n", i);
    ini_file_assert(&f, buf_cstr(&text), NULL, "mcp.ini:1002: auth.keys: more than 1000 items\n");
    buf_fini(&text);
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_line_length),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_file_size),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_section_name_length),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_server_values),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_cross_checks),
        cmocka_unit_test(test_no_open_door),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_many_problems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
