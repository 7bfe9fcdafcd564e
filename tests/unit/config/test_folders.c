/* test_folders.c - folders that the configuration names must be there before anything starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "ini_file.h"

#define NOT_THERE ": No such file or directory\n"

static void test_named(void **state)
{
    static const struct {
        const char *ini, *problems;
    } cases[] = {
        { "[state]\npath = no/s.json\n", "mcp.ini:2: state.path: the folder no" NOT_THERE },
        { "[state]\npath = {root}/no/s.json\n", "mcp.ini:2: state.path: the folder no" NOT_THERE },
        { "[state]\npath = file/s.json\n", "mcp.ini:2: state.path: file: is not a folder\n" },
        { "[state]\npath = tools.d\n",
          "mcp.ini:2: state.path: tools.d: is a folder, not a file\n" },
        { "[search]\npath = no/index\n", "mcp.ini:2: search.path: the folder no" NOT_THERE },
        { "[state]\npath = s/\n", "mcp.ini:2: state.path: s/: is a folder, not a file\n" },
        { "[state]\npath = /\n", "mcp.ini:2: state.path: /: is a folder, not a file\n" },
        { "[log]\nfile = no/x.log\n", "mcp.ini:2: log.file: the folder no" NOT_THERE },
        { "[log]\nfile = tools.d\n", "mcp.ini:2: log.file: tools.d: is a folder, not a file\n" },
        { "[paths]\ntools = no\n", "mcp.ini:2: paths.tools: the folder no" NOT_THERE },
        { "[paths]\ntools = file\n", "mcp.ini:2: paths.tools: file: is not a folder\n" },
        /* What begins with a root that is not there makes no second problem. */
        { "[paths]\nroot = no\n[log]\nfile = {root}/x.log\n",
          "mcp.ini:2: paths.root: no" NOT_THERE },
        { "[state]\npath = tools.d/s.json\n[log]\nfile = tools.d/x.log\n", "" },
        { "[state]\npath = new.json\n[log]\nfile = file\n", "" },
        { "[log]\nfile = /x.log\n", "" },
    };
    struct ini_file f;

    (void)state;
    ini_file_new(&f);
    ini_file_write(&f, "file", "", 0, 0600);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ini_file_assert(&f, cases[i].ini, NULL, cases[i].problems);
    ini_file_free(&f);
}

static void test_default_and_environment(void **state)
{
    static const char *const env[] = { "MCP_STATE_PATH=no/s.json", NULL };
    struct ini_file f;
    char tools[80];

    (void)state;
    ini_file_new(&f);
    ini_file_assert(&f, "", env, "environment MCP_STATE_PATH: state.path: the folder no" NOT_THERE);
    snprintf(tools, sizeof tools, "%s/tools.d", f.dir);
    assert_int_equal(rmdir(tools), 0);
    ini_file_assert(&f, "", NULL, "the default of paths.tools: the folder tools.d" NOT_THERE);
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_default_and_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
