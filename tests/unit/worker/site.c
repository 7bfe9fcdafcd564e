#include "worker/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/folder.h"
#include "worker/own.h"
#include "worker/toolgate.h"

static void path_of(const struct site *s, const char *name, char out[256])
{
    assert_true(snprintf(out, 256, "%s/%s", s->dir, name) < 256);
}

struct site *site_new(unsigned workers)
{
    static const char *const folders[] = { "root", "tools.d", "tools.d/lib" };
    struct site *s = calloc(1, sizeof *s);
    char path[256];

    assert_non_null(s);
    folder_make(s->dir, "site");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        path_of(s, folders[i], path);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    s->gateway.worker_count = workers;
    s->gateway.toolgates = toolgates_new();
    s->gateway.own = own_new();
    assert_non_null(s->gateway.toolgates);
    assert_non_null(s->gateway.own);
    return s;
}

void site_free(struct site *s)
{
    assert_int_equal(atomic_load(&s->gateway.live_generations), 0);
    toolgates_free(s->gateway.toolgates);
    own_free(s->gateway.own);
    folder_remove(s->dir);
    free(s);
}

void site_write(const struct site *s, const char *name, const char *text)
{
    folder_write(s->dir, name, text);
}

void site_remove(const struct site *s, const char *name)
{
    char path[256];
    path_of(s, name, path);
    assert_int_equal(remove(path), 0);
}

struct config *site_config(const struct site *s, const char *text)
{
    char path[256], whole[4096];
    const char *const env[] = { NULL };
    struct problems problems = { 0 };
    assert_true(snprintf(whole, sizeof whole, "[paths]\nroot = root\n%s", text) <
                (int)sizeof whole);
    site_write(s, "mcp.ini", whole);
    path_of(s, "mcp.ini", path);
    struct config_source source = { .path = path, .env = env, .cwd = s->dir };
    struct config *c = config_load(&source, &problems);
    if (!c)
        fail_msg("%s", problems.kept ? problems.lines[0] : "no configuration");
    problems_fini(&problems);
    return c;
}

void site_tool(const struct site *s, const char *name, const char *says)
{
    char file[80], text[512];
    snprintf(file, sizeof file, "tools.d/%s.lua", name);
    snprintf(text, sizeof text,
             "local mcp = require \"mcp\"\n"
             "return mcp.tool { name = \"%s\", description = \"Says %s.\", "
             "input = { type = \"object\" }, run = function() return \"%s\" end }\n",
             name, says, says);
    site_write(s, file, text);
}
