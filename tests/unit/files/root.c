#include "root.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ownview.h"

static bool may_open(void *arg, int fd) { return ownfiles_allows(((struct root *)arg)->own, fd); }

static bool may_make(void *arg, int folder, const char *name)
{
    return ownfiles_allows_new(((struct root *)arg)->own, folder, name);
}

static struct ownview *view(void *arg) { return ownview_new(((struct root *)arg)->own); }

const char *in_base(struct root *r, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_true(snprintf(path, 512, "%s/%s", r->base, name) < 512);
    return path;
}

static void judge(struct root *r)
{
    static const char *const deny[] = { "**/.git/**", "**/.env*", NULL };
    static const char *const none[] = { NULL };
    char tools[128], state[128];
    snprintf(tools, sizeof tools, "%s/tools.d", r->path);
    snprintf(state, sizeof state, "%s/state.json", r->path);
    const char *const folders[] = { tools, NULL }, *const prefixes[] = { state, NULL };
    struct ownfiles_options o = {
        .root = r->path, .deny = deny, .files = none, .folders = folders, .prefixes = prefixes
    };
    struct err e;
    ownfiles_free(r->own);
    r->own = ownfiles_new(&o, &e);
    assert_non_null(r->own);
}

int root_setup(void **state)
{
    struct root *r = calloc(1, sizeof *r);
    assert_non_null(r);
    folder_make(r->base, "files");
    snprintf(r->path, sizeof r->path, "%s/root", r->base);
    assert_int_equal(mkdir(r->path, 0700), 0);
    folder_write(r->base, "root/tools.d/tool.lua", "tool");
    folder_write(r->base, "root/state.json", "state");
    folder_write(r->base, "outside/secret", "secret");
    judge(r);
    r->rules = (struct rootfile_rules){
        .root = r->path, .may_open = may_open, .may_make = may_make, .view = view, .arg = r
    };
    r->shared = files_new();
    assert_non_null(r->shared);
    r->op = (struct fileop){ .rules = &r->rules, .shared = r->shared };
    r->descriptors = descriptors_open();
    *state = r;
    return 0;
}

int root_teardown(void **state)
{
    struct root *r = *state;
    if (!r)
        return 0;
    assert_int_equal(descriptors_open(), r->descriptors);
    ownfiles_free(r->own);
    files_free(r->shared);
    folder_remove(r->base);
    free(r);
    return 0;
}

void assert_bytes(struct root *r, const char *name, const char *want)
{
    char got[4096];
    FILE *in = fopen(in_base(r, name), "re");
    if (!in)
        fail_msg("no %s", name);
    size_t n = fread(got, 1, sizeof got - 1, in);
    fclose(in);
    got[n] = '\0';
    assert_string_equal(got, want);
}

size_t count_names(struct root *r, const char *name)
{
    size_t n = 0;
    DIR *d = opendir(in_base(r, name));
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}
