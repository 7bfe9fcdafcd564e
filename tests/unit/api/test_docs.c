/* test_docs.c - docs/lua-api.md says what the modules hold: nothing is missing there and nothing is
 * invented; so do the annotations in lua/types. Runs in the top folder, as all tests do. */
#include "fixture.h"

#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_stream(FILE *in)
{
    struct buf text = { 0 };
    char part[4096];
    size_t n;

    assert_non_null(in);
    while ((n = fread(part, 1, sizeof part, in)) > 0)
        buf_append(&text, part, n);
    char *all = buf_take(&text, NULL);
    assert_non_null(all);
    return all;
}

static char *read_command(const char *command)
{
    FILE *in = popen(command, "re");
    char *text = read_stream(in);
    assert_int_equal(pclose(in), 0);
    return text;
}

/* The file is what the generator makes of the comments as they are now. */
static void test_is_fresh(void **state)
{
    (void)state;
    char *made =
        read_command("awk -f docs/gen-lua-api.awk lua/api/*.c lua/vm/ctx.c lua/lib/mcp/*.lua");
    char *kept = read_command("cat docs/lua-api.md");
    if (strcmp(made, kept) != 0)
        fail_msg("docs/lua-api.md is stale: awk -f docs/gen-lua-api.awk lua/api/*.c lua/vm/ctx.c "
                 "lua/lib/mcp/*.lua >docs/lua-api.md");
    free(made);
    free(kept);
}

/* The names under mcp, one a line: all functions, and json.null. */
static const char list_names[] =
    "local names = {}\n"
    "for name, value in pairs(mcp) do\n"
    "  if type(value) == 'table' then\n"
    "    for inner in pairs(value) do names[#names + 1] = 'mcp.' .. name .. '.' .. inner end\n"
    "  elseif type(value) == 'function' and name ~= 'tool' then names[#names + 1] = 'mcp.' .. name "
    "end\n"
    "end\n"
    "table.sort(names) return table.concat(names, '\\n') .. '\\n'";

static bool has_entry(const char *docs, const char *name)
{
    char begin[128];
    static const char ends[] = "({`";
    for (const char *end = ends; *end; end++) {
        snprintf(begin, sizeof begin, "**`%s%c", name, *end);
        if (strstr(docs, begin))
            return true;
    }
    return false;
}

static void test_nothing_missing(void **state)
{
    static const char *const granted[] = { "x", NULL };
    struct fixture *f = *state;
    char *docs = read_command("cat docs/lua-api.md");
    int n = 0;

    f->policy.exec = f->policy.env = f->policy.http = granted;
    f->policy.fs = VM_FS_WRITE;
    struct buf code = { 0 }; /* a module is there once it was asked for */
    for (const struct api_module *const *m = api_modules; *m; m++)
        if (*(*m)->name)
            buf_printf(&code, "local _ = mcp.%s\n", (*m)->name);
    buf_str(&code, list_names);
    fixture_tool(f, "t", buf_cstr(&code));
    buf_fini(&code);
    fixture_load(f);
    char *names = strdup(call(f, "t", NULL));
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n"), n++)
        if (!has_entry(docs, name))
            fail_msg("docs/lua-api.md does not say what %s is", name);
    assert_true(n > 40);
    free(names);
    free(docs);
}

/* The name that an entry of the page begins with. */
static bool next_entry(const char **at, char *name, size_t size)
{
    *at = strstr(*at, "\n**`");
    if (!*at)
        return false;
    *at += strlen("\n**`");
    size_t len = strcspn(*at, "({`");
    assert_true(len < size);
    memcpy(name, *at, len);
    name[len] = '\0';
    return true;
}

static void test_nothing_invented(void **state)
{
    need_speed();
    static const char *const granted[] = { "x", NULL };
    struct fixture *f = *state;
    char *docs = read_command("cat docs/lua-api.md");
    char name[128], body[1024];
    const char *at = docs;

    f->policy.exec = f->policy.env = f->policy.http = granted;
    f->policy.fs = VM_FS_WRITE;
    while (next_entry(&at, name, sizeof name)) {
        if (strcmp(name, "mcp.config.KEY") == 0)
            continue;
        if (strncmp(name, "mcp.testing.", strlen("mcp.testing.")) == 0)
            continue; /* test_testing() */
        char *colon = strchr(name, ':');
        if (colon)
            *colon = '.';
        /* A job exists only in its function. */
        snprintf(body, sizeof body,
                 "local collection, index, ctx = mcp.state.open('t.x'), mcp.index.open('x'), ctx\n"
                 "local counter = mcp.metrics.counter('dc', '')\n"
                 "local gauge = mcp.metrics.gauge('dg', '')\n"
                 "local histogram = mcp.metrics.histogram('dh', '')\n"
                 "local handle, job = mcp.spawn(function() end), nil\n"
                 "mcp.jobs.start{id='a', run=function(j) job = j end} mcp.time.sleep(0)\n"
                 "while not job do mcp.time.sleep(0.001) end\n"
                 "return tostring(%s ~= nil)",
                 name);
        /* A response exists only after a request: test_http.c has one. */
        if (strcmp(name, "job.deadline") != 0 && strcmp(name, "response.json") != 0)
            check(f, body, "true");
    }
    free(docs);
}

/* Tools have no mcp.testing: its names are those that its file defines. */
static void test_testing(void **state)
{
    (void)state;
    char *docs = read_command("cat docs/lua-api.md");
    char *names = read_command("sed -n -e 's/^function \\(testing[.][a-z]*\\)(.*/mcp.\\1/p' "
                               "-e 's/^function clock[.]/mcp.testing.clock:/p' "
                               "lua/lib/mcp/testing.lua | sed 's/(.*//'");
    int defined = 0, told = 0;

    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n"), defined++)
        if (!has_entry(docs, name))
            fail_msg("docs/lua-api.md does not say what %s is", name);
    for (const char *at = docs; (at = strstr(at, "\n**`mcp.testing.")) != NULL; at++)
        told++;
    assert_true(defined > 7);
    assert_int_equal(told, defined);
    free(names);
    free(docs);
}

static void test_annotations(void **state)
{
    (void)state;
    char *docs = read_command("cat docs/lua-api.md");
    char *types = read_command("cat lua/types/*.lua");
    char name[128], want[160];
    const char *at = docs;

    while (next_entry(&at, name, sizeof name)) {
        const char *plain =
            strncmp(name, "mcp.", 4) == 0 && strchr(name + 4, '.') ? name + 4 : name;
        snprintf(want, sizeof want, "function %s(", plain);
        if (strstr(name, "config") || strcmp(name, "mcp.json.null") == 0 ||
            strncmp(name, "job.", 4) == 0)
            continue;
        if (!strstr(types, want))
            fail_msg("lua/types has no \"%s\"", want);
    }
    free(docs);
    free(types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_fresh),
        cmocka_unit_test_setup_teardown(test_nothing_missing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_invented, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_testing),
        cmocka_unit_test(test_annotations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
