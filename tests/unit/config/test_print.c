/* test_print.c - the printed configuration, what a reload cannot change, and a snapshot's life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "ini_file.h"

static const char some_of_all[] =
    "[server]\nhost = ::1\nport = 1\nidle_timeout = 120s\nallowed_hosts = a.b:1\n"
    "max_body = 1536K\nrequest_timeout = 1500ms\n"
    "[rate_limit]\nper_key = 0\n[state]\njob_ttl = 36h\ndurability = snapshot\n"
    "[paths]\ndeny = a, b\ndeny = c$${d}\n[log]\nlevel = warn\nfile = x.log\n[gates]\norder = x, "
    "y\n"
    "[key ci]\nsecret = hush\nrate = 5/90s\nexpires = 2027-01-31\nscopes = a, b\n"
    "[tool t*]\nenabled = no\nexec = git, @evals\nmemory = 1M\nown = value\n"
    "[eval *]\ncommand = run 'a b' \"\" \"#\" it\\'s '$${ x' 'a ''; b' {taskId}\ntimeout = 90m\n";

static void test_origins(void **state)
{
    static const char *const env[] = { "MOONGATE_SERVER_WORKERS=3", "MCP_RL_WINDOW_MS=5000", NULL };
    static const char *const wanted[] = {
        "[server]\n",
        "host = ::1                                  ; mcp.ini:2\n",
        "path = /mcp                                 ; default\n",
        "workers = 3                                 ; environment MOONGATE_SERVER_WORKERS\n",
        "max_body = 1536K                            ; mcp.ini:6\n",
        "request_timeout = 1500ms                    ; mcp.ini:7\n",
        "idle_timeout = 2m                           ; mcp.ini:4\n",
        "window = 5s                                 ; environment MCP_RL_WINDOW_MS\n",
        "bucket = 60                                 ; default\n",
        "per_key = 0                                 ; mcp.ini:9\n",
        "durability = snapshot                       ; mcp.ini:12\n",
        "job_ttl = 36h                               ; mcp.ini:11\n",
        "deny = a, b, c$${d}                         ; mcp.ini:14\n",
        "level = warn                                ; mcp.ini:17\n",
        "\n[key ci]\n",
        "secret = ***                                ; mcp.ini:22\n",
        "sha256 =                                    ; default\n",
        "rate = 5/90s                                ; mcp.ini:23\n",
        "expires = 2027-02-01T00:00:00Z              ; mcp.ini:24\n",
        "\n[tool t*]\n",
        "enabled = no                                ; mcp.ini:27\n",
        "timeout =                                   ; default\n",
        "memory = 1M                                 ; mcp.ini:29\n",
        "own = ***                                   ; mcp.ini:30\n",
        "command = run \"a b\" \"\" \"#\" \"it's\" \"$${ x\" \"a \"\"; b\" {taskId} ; mcp.ini:32\n",
        "timeout = 90m                               ; mcp.ini:33\n",
    };
    struct ini_file f;
    struct buf out = { 0 };

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, some_of_all, env));
    config_print(f.config, &out);
    const char *at = buf_cstr(&out);
    char text[32 * 1024], *to = text;
    for (size_t dir = strlen(f.dir); *at; at++) { /* without the folder's name */
        if (strncmp(at, f.dir, dir) == 0)
            at += dir + 1;
        *to++ = *at;
    }
    *to = '\0';
    const char *from = text;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *found = strstr(from, wanted[i]);
        if (!found)
            fail_msg("no '%s' in\n%s", wanted[i], from);
        from = found + strlen(wanted[i]) - 1;
    }
    buf_fini(&out);
    ini_file_free(&f);
}

/* The text without comments, with the masked lines as they were written. */
static char *unmask(const char *printed, char *out)
{
    char *to = out;

    while (*printed) {
        const char *end = strchr(printed, '\n');
        const char *masked = strstr(printed, " = ***");
        if (masked && masked < end)
            to = stpcpy(to, *printed == 's' ? "secret = hush\n" : "own = value\n");
        else
            to = mempcpy(to, printed, (size_t)(end + 1 - printed));
        printed = end + 1;
    }
    *to = '\0';
    return out;
}

/* Loads what config_print() makes of it. */
static void reload_printed(struct ini_file *f, struct buf *out)
{
    buf_clear(out);
    config_print(f->config, out);
    if (!ini_file_load(f, buf_cstr(out), NULL))
        fail_msg("%s", ini_file_problems(f));
}

/* Origins of long names, and lists of long items, do not make lines that are too long to be read.
 */
static void test_long_lines(void **state)
{
    struct ini_file f;
    struct buf out = { 0 };
    char item[101], text[512];

    (void)state;
    memset(item, 'x', 100);
    item[100] = '\0';
    snprintf(text, sizeof text, "[paths]\ndeny = a%s\ndeny = #b%s\nview_base = http://h/%s%s\n",
             item, item, item, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    ini_file_new(&f);
    if (!ini_file_load(&f, text, NULL))
        fail_msg("%s", ini_file_problems(&f));
    config_print(f.config, &out);
    for (const char *at = buf_cstr(&out); *at; at += strcspn(at, "\n") + 1)
        assert_true(*at == ';' || strcspn(at, "\n") <= 190);
    snprintf(text, sizeof text, "\ndeny = a%s ", item);
    assert_non_null(strstr(out.data, text));
    snprintf(text, sizeof text, "mcp.ini:4\nview_base = http://h/%s", item);
    assert_non_null(strstr(out.data, text));
    if (!ini_file_load(&f, out.data, NULL))
        fail_msg("%s", ini_file_problems(&f));
    assert_int_equal(f.config->paths.deny.n, 2);
    /* What begins as a comment does. */
    assert_non_null(ini_file_load(&f, "[paths]\ndeny=;a,#b,;c\n", NULL));
    reload_printed(&f, &out);
    assert_string_equal(f.config->paths.deny.text, ";a, #b, ;c");
    assert_non_null(ini_file_load(&f, "[paths]\ndeny = ,#,;\n", NULL));
    reload_printed(&f, &out);
    assert_string_equal(f.config->paths.deny.text, "#, ;");
    assert_non_null(ini_file_load(&f, "[paths]\ndeny = '\ndeny = a'\n", NULL));
    reload_printed(&f, &out);
    assert_string_equal(f.config->paths.deny.text, "', a'");
    /* A line of the most bytes, without blanks. */
    snprintf(text, sizeof text, "[paths]\ndeny=%s%.85s\n", item, item);
    assert_int_equal(strlen(text), strlen("[paths]\n") + 190 + 1);
    assert_non_null(ini_file_load(&f, text, NULL));
    reload_printed(&f, &out);
    buf_fini(&out);
    ini_file_free(&f);
}

/* What ${NAME} adds to a line is not bound to its length: the remark before it says so. */
static void test_expanded_lines(void **state)
{
    struct ini_file f;
    struct buf out = { 0 };
    char item[101], variable[128], text[512];
    const char *const env[] = { variable, NULL };

    (void)state;
    memset(item, 'x', 100);
    item[100] = '\0';
    snprintf(variable, sizeof variable, "X=%s", item);
    ini_file_new(&f);
    if (!ini_file_load(&f, "[paths]\nview_base = http://h/${X}/${X}\n", env))
        fail_msg("%s", ini_file_problems(&f));
    config_print(f.config, &out);
    snprintf(text, sizeof text,
             "mcp.ini:2 (too long for a line of mcp.ini)\nview_base=http://h/%s/%s\n", item, item);
    assert_non_null(strstr(buf_cstr(&out), text));
    buf_fini(&out);
    ini_file_free(&f);
}

/* What is printed can be read, and prints the same. */
static void test_printed_is_readable(void **state)
{
    struct ini_file f;
    struct buf first = { 0 }, second = { 0 };
    char text[32 * 1024];

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, some_of_all, NULL));
    config_print(f.config, &first);
    if (!ini_file_load(&f, unmask(buf_cstr(&first), text), NULL))
        fail_msg("%s\n%s", ini_file_problems(&f), text);
    config_print(f.config, &second);
    const char *a = buf_cstr(&first), *b = buf_cstr(&second);
    while (*a && *b) {
        size_t na = strcspn(a, ";\n"), nb = strcspn(b, ";\n");
        assert_int_equal(na, nb);
        assert_memory_equal(a, b, na);
        a += strcspn(a, "\n") + 1;
        b += strcspn(b, "\n") + 1;
    }
    assert_int_equal(*a, *b);
    buf_fini(&first);
    buf_fini(&second);
    ini_file_free(&f);
}

/* ---- reload -------------------------------------------------------------------------------- */

static void changed(void *arg, const char *key) { buf_printf(arg, "%s ", key); }

static void test_restart_diff(void **state)
{
    static const struct {
        const char *before, *after, *changed;
    } cases[] = {
        { "", "", "" },
        { "", "[server]\nport = 8766\nstuck_abort = 1m\n", "" },
        { "", "[server]\nport = 1\nmax_body = 1M\n", "server.port " },
        { "[server]\nhost = ::1\n", "[server]\nhost = 127.0.0.1\nworkers = 2\n",
          "server.host server.workers " },
        { "", "[state]\npath = x\nautosave = 1s\n[key a]\nsecret = x\n[tool b]\nexec = x\n",
          "state.path " },
        { "", "[paths]\nroot = /\n", "state.path " },
    };
    struct ini_file old, now;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = { 0 };
        ini_file_new(&old);
        assert_non_null(ini_file_load(&old, cases[i].before, NULL));
        now = old;
        now.config = NULL;
        assert_non_null(ini_file_load(&now, cases[i].after, NULL));
        config_restart_diff(old.config, now.config, changed, &out);
        assert_string_equal(buf_cstr(&out), cases[i].changed);
        buf_fini(&out);
        config_unref(old.config);
        ini_file_free(&now);
    }
}

static void test_references(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    struct config *c = config_ref(ini_file_load(&f, "[server]\nport = 3\n", NULL));
    ini_file_load(&f, "[server]\nport = bad\n", NULL); /* lets its own reference go */
    assert_null(f.config);
    assert_int_equal(c->server.port, 3);
    config_unref(c);
    config_unref(NULL);
    ini_file_free(&f);
}

static void *reader(void *arg)
{
    struct config *c = arg;

    for (int i = 0; i < 1000; i++) {
        struct config *mine = config_ref(c);
        assert_int_equal(mine->server.port, 3);
        config_unref(mine);
    }
    config_unref(c);
    return NULL;
}

static void test_threads(void **state)
{
    struct ini_file f;
    pthread_t threads[4];

    (void)state;
    ini_file_new(&f);
    struct config *c = config_ref(ini_file_load(&f, "[server]\nport = 3\n", NULL));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, config_ref(c)), 0);
    ini_file_load(&f, "", NULL);
    config_unref(c); /* one of the threads is the last */
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_expanded_lines), cmocka_unit_test(test_printed_is_readable),
        cmocka_unit_test(test_restart_diff),   cmocka_unit_test(test_references),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
