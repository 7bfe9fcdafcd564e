/* test_secrets.c - keys from files and variables: what is accepted, and that nothing shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "ini_file.h"

#define SECRET "tr0ub4dor"

static void put(struct ini_file *f, const char *name, const char *text, unsigned mode)
{
    ini_file_write(f, name, text, strlen(text), mode);
}

static void test_references(void **state)
{
    static const char *const env[] = { "A=one", "EMPTY=", "AT=@x", "LIST=p, q", "NAMES=A", NULL };
    static const struct {
        const char *written, *want; /* NULL: refused */
    } cases[] = {
        { "${A}", "one" },
        { "x${A}y${A}", "xoney"
                        "one" },
        { "$${A}", "${A}" },
        { "$A", "$A" },
        { "a$", "a$" },
        { "$$${A}", "$${A}" },
        { "${AT}", "@x" },
        { "${EMPTY}x", "x" },
        { "${B}", NULL },
        { "${}", NULL },
        { "${A", NULL },
        { "${A B}", NULL },
        { "${1}", NULL },
    };
    struct ini_file f;
    char text[128];

    (void)state;
    ini_file_new(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "[key a]\nsecret = %s\n", cases[i].written);
        ini_file_load(&f, text, env);
        if ((f.config != NULL) != (cases[i].want != NULL))
            fail_msg("%s: %s", cases[i].written, ini_file_problems(&f));
        if (f.config)
            assert_string_equal(f.config->keys[0].secret, cases[i].want);
    }
    assert_non_null(ini_file_load(&f, "[auth]\nkeys = ${LIST}, r, ${AT}\n", env));
    assert_int_equal(f.config->auth.keys.n, 4);
    assert_string_equal(f.config->auth.keys.items[1], "q");
    assert_string_equal(f.config->auth.keys.items[3], "@x");
    assert_string_equal(f.config->auth.keys.text, "");
    ini_file_free(&f);
}

static void test_files(void **state)
{
    static const char *const env[] = { "WHERE=k", "MOONGATE_KEY_B_SECRET=@key", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    put(&f, "key", SECRET "\r\n\n", 0600);
    put(&f, "keys",
        "\xef\xbb\xbf"
        "one\n\n# not a key\n ; nor this\n\t two,three \r\nfo#ur",
        0640);
    const struct config *c =
        ini_file_load(&f,
                      "[key a]\nsecret = @${WHERE}ey\n[auth]\nkeys = @keys, five\n[key b]\n"
                      "sha256 =\n[log]\nfile = @x\n",
                      env);
    assert_null(c); /* b has two */
    c = ini_file_load(&f,
                      "[key a]\nsecret = @${WHERE}ey\n[auth]\nkeys = @keys, five\n"
                      "[log]\nfile = @x\n",
                      NULL);
    assert_null(c); /* WHERE is not set */
    c = ini_file_load(&f,
                      "[key a]\nsecret = @./key\n[auth]\nkeys = @keys, five\n[log]\nfile = @x\n",
                      NULL);
    assert_non_null(c);
    assert_string_equal(c->keys[0].secret, SECRET);
    assert_int_equal(c->auth.keys.n, 4);
    assert_string_equal(c->auth.keys.items[1], "two,three");
    assert_string_equal(c->auth.keys.items[2], "fo#ur");
    assert_string_equal(c->auth.keys.items[3], "five");
    /* They are out of every tool's reach. */
    assert_int_equal(c->own_files.n, 3);
    char want[128];
    snprintf(want, sizeof want, "%s/keys", f.dir);
    assert_string_equal(c->own_files.items[1], want);
    snprintf(want, sizeof want, "%s/key", f.dir);
    assert_string_equal(c->own_files.items[2], want);
    /* Only a secret is read from a file. */
    assert_string_equal(strrchr(c->log.file, '/'), "/@x");
    ini_file_free(&f);
}

static void test_file_modes(void **state)
{
    static const struct {
        unsigned mode;
        bool ok;
    } cases[] = { { 0400, true },  { 0600, true },  { 0640, true },  { 0440, true },
                  { 0700, true },  { 0644, false }, { 0604, false }, { 0602, false },
                  { 0660, false }, { 0620, false }, { 0666, false } };
    struct ini_file f;
    char want[256];

    (void)state;
    ini_file_new(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(&f, "key", SECRET, cases[i].mode);
        snprintf(want, sizeof want,
                 "mcp.ini:2: key a.secret: key: mode %04o lets others at the key: chmod 600 key\n",
                 cases[i].mode);
        ini_file_assert(&f, "[key a]\nsecret = @key\n", NULL, cases[i].ok ? "" : want);
    }
    ini_file_free(&f);
}

static void test_bad_files(void **state)
{
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    put(&f, "empty", "\n", 0600);
    put(&f, "two", "a\n#\nb\n", 0600);
    ini_file_write(&f, "nul", "a\0b", 3, 0600);
    ini_file_assert(&f, "[key a]\nsecret = @none\n", NULL,
                    "mcp.ini:2: key a.secret: none: cannot open it: No such file or directory\n");
    ini_file_assert(&f, "[key a]\nsecret = @/\n", NULL,
                    "mcp.ini:2: key a.secret: /: is a folder, not a file\n");
    ini_file_assert(&f, "[key a]\nsecret = @\n", NULL,
                    "mcp.ini:2: key a.secret: after @ comes the path of a file\n");
    ini_file_assert(&f, "[key a]\nsecret = @empty\n", NULL,
                    "mcp.ini:2: key a.secret: must not be empty\n");
    ini_file_assert(&f, "[key a]\nsecret =\n", NULL,
                    "mcp.ini:1: [key a]: needs secret or sha256\n");
    static const char *const env[] = { "EMPTY=", NULL };
    ini_file_assert(&f, "[key a]\nsecret = ${EMPTY}\n", env,
                    "mcp.ini:2: key a.secret: must not be empty\n");
    /* Keys that are not there are not the same as no keys: that would open the door. */
    static const char *const comma[] = { "LUKHAS_MCP_API_KEYS= ,", NULL };
    ini_file_assert(&f, "[auth]\nkeys = ${EMPTY}\n", env,
                    "mcp.ini:2: auth.keys: there is no key in it\n");
    ini_file_assert(&f, "[auth]\nkeys = @empty\n", NULL,
                    "mcp.ini:2: auth.keys: there is no key in it\n");
    ini_file_assert(&f, "[auth]\nkeys = ,\n", NULL,
                    "mcp.ini:2: auth.keys: there is no key in it\n");
    ini_file_assert(&f, "", comma,
                    "environment LUKHAS_MCP_API_KEYS: auth.keys: there is no key in it\n");
    ini_file_assert(&f, "[auth]\nkeys =\n", NULL, "");
    ini_file_assert(&f, "[key a]\nsecret = @two\n", NULL,
                    "mcp.ini:2: key a.secret: two:3: one key too many\n");
    ini_file_assert(&f, "[key a]\nsecret = @nul\n", NULL, "mcp.ini:2: key a.secret: a NUL byte\n");
    ini_file_assert(&f, "[auth]\nkeys = @nul\n", NULL, "mcp.ini:2: auth.keys: a NUL byte\n");
    ini_file_free(&f);
}

/* A comment is no key, wherever keys stand; what no header can carry is refused with its place. */
static void test_what_is_no_key(void **state)
{
    static const char blank[] = "expected a key without blanks or control characters\n";
    static const char comment[] =
        "expected a key that does not begin as a comment does, with # or ;\n";
    static const struct {
        const char *ini, *place, *want;
    } cases[] = {
        { "[auth]\nkeys = one two\n", "mcp.ini:2: auth.keys: ", blank },
        { "[auth]\nkeys = one,#two\n", "mcp.ini:2: auth.keys: ", comment },
        { "[auth]\nkeys = ${COMMENT}\n", "mcp.ini:2: auth.keys: ", comment },
        { "[auth]\nkeys = @blank\n", "mcp.ini:2: auth.keys: blank:3: ", blank },
        { "[auth]\nkeys = @tab\n", "mcp.ini:2: auth.keys: tab:1: ", blank },
        { "[auth]\nkeys = @comments\n", "mcp.ini:2: auth.keys: ", "there is no key in it\n" },
        { "[key a]\nsecret = ${PADDED}\n", "mcp.ini:2: key a.secret: ", blank },
        { "[key a]\nsecret = ${COMMENT}\n", "mcp.ini:2: key a.secret: ", comment },
        { "[key a]\nsecret = @blank\n", "mcp.ini:2: key a.secret: blank:3: ", blank },
        { "[key a]\nsecret = @comments\n", "mcp.ini:2: key a.secret: ", "must not be empty\n" },
    };
    static const char *const env[] = { "COMMENT=;two", "PADDED= two", NULL };
    struct ini_file f;
    char want[256];

    (void)state;
    ini_file_new(&f);
    put(&f, "blank", "# one\n\none # of CI\n", 0600);
    put(&f, "tab", "one\ttwo", 0600);
    put(&f, "comments", "# one\n;two\n\n  \t#three\n", 0600);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(want, sizeof want, "%s%s", cases[i].place, cases[i].want);
        ini_file_assert(&f, cases[i].ini, env, want);
    }
    put(&f, "one", "# of CI\n\n\t" SECRET " \n", 0600);
    assert_non_null(ini_file_load(&f, "[key a]\nsecret = @one\n", NULL));
    assert_string_equal(f.config->keys[0].secret, SECRET);
    ini_file_free(&f);
}

/* Rights that a variable was to narrow stay narrow when it is empty. */
static void test_empty_rights(void **state)
{
    static const char *const env[] = { "EMPTY=", "COMMA= ,", NULL };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
#define KEY "[key a]\nsecret = s\n"
    ini_file_assert(&f, KEY "tools = ${EMPTY}\n", env,
                    "mcp.ini:3: key a.tools: must not be empty\n");
    ini_file_assert(&f, KEY "tools = ${COMMA}\n", env,
                    "mcp.ini:3: key a.tools: must not be empty\n");
    ini_file_assert(&f, KEY "tools =\n", env, "mcp.ini:3: key a.tools: must not be empty\n");
    ini_file_assert(&f, KEY "expires = ${EMPTY}\n", env,
                    "mcp.ini:3: key a.expires: there is nothing in it\n");
    ini_file_assert(&f, "[paths]\ndeny = ${EMPTY}\n", env,
                    "mcp.ini:2: paths.deny: there is nothing in it\n");
    ini_file_assert(&f, "[log]\nredact = ${EMPTY}\n", env,
                    "mcp.ini:2: log.redact: there is nothing in it\n");
    ini_file_assert(&f, "[gates]\norder = ${EMPTY}\n", env,
                    "mcp.ini:2: gates.order: there is nothing in it\n");
    /* Said plainly it is meant, and what grants may be empty. */
    ini_file_assert(&f, KEY "expires =\nscopes = ${EMPTY}\n", env, "");
    assert_string_equal(f.config->keys[0].tools.text, "*");
    ini_file_assert(&f, "[paths]\ndeny =\n[gates]\norder =\n[log]\nredact =\n", env, "");
    ini_file_assert(&f, "[tool x]\nexec = ${EMPTY}\nstate = ${EMPTY}\n", env, "");
    ini_file_free(&f);
#undef KEY
}

static void test_secret_length(void **state)
{
    struct ini_file f;
    char key[1026];

    (void)state;
    ini_file_new(&f);
    memset(key, 'k', sizeof key);
    ini_file_write(&f, "key", key, 1024, 0600);
    ini_file_assert(&f, "[key a]\nsecret = @key\n", NULL, "");
    ini_file_write(&f, "key", key, 1025, 0600);
    ini_file_assert(&f, "[key a]\nsecret = @key\n", NULL,
                    "mcp.ini:2: key a.secret: key:1: expected a key of 1 to 1024 bytes\n");
    ini_file_free(&f);
}

/* No problem, and no line of the printed configuration, holds a key or a tool's setting. */
static void test_nothing_shows_them(void **state)
{
    static const char *const env[] = { "KEY=" SECRET "-e", "LUKHAS_MCP_API_KEYS=" SECRET "-f",
                                       NULL };
    static const char *const bad[] = {
        "[auth]\nkeys = " SECRET ", " SECRET "\n",
        "[key a]\nsha256 = " SECRET "\n",
        "[key a]\nsecret = " SECRET "\n[key b]\nsecret = " SECRET "\n",
        "[key a]\nsecret = " SECRET "\nsecret = " SECRET "\n",
        "[key a]\nsecret = '" SECRET "'\n",
        "[key a]\nsecret = " SECRET " # x\n",
        "[key a]\nsecert = " SECRET "\n",
        "[tool x]\ntoken = " SECRET "\ntoken = " SECRET "\n",
        "[tool x]\ntoken = \"" SECRET "\"\n",
    };
    struct ini_file f;
    struct buf out = { 0 };

    (void)state;
    ini_file_new(&f);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(ini_file_load(&f, bad[i], env + 2));
        if (strstr(ini_file_problems(&f), SECRET))
            fail_msg("%s", ini_file_problems(&f));
    }
    put(&f, "key", SECRET "-c", 0600);
    ini_file_load(&f,
                  "[auth]\nkeys = " SECRET "-a\n[key a]\nsecret = ${KEY}\n[key b]\n"
                  "secret = @key\n[key c]\nsha256 = "
                  "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
                  "[tool x]\ntoken = " SECRET "\n",
                  env);
    assert_non_null(f.config);
    config_print(f.config, &out);
    const char *text = buf_cstr(&out);
    assert_null(strstr(text, SECRET));
    assert_null(strstr(text, "2d711642"));
    assert_non_null(strstr(text, "keys = ***                                  ; environment "
                                 "LUKHAS_MCP_API_KEYS\n"));
    assert_non_null(strstr(text, "token = ***"));
    buf_fini(&out);
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),     cmocka_unit_test(test_files),
        cmocka_unit_test(test_file_modes),     cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_what_is_no_key), cmocka_unit_test(test_empty_rights),
        cmocka_unit_test(test_secret_length),  cmocka_unit_test(test_nothing_shows_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
