#include "api/fs_names.h"

#include <lauxlib.h>
#include <string.h>

#include "api/fs_job.h"
#include "vm/module.h"

#define META "mg.fs.names"
#define MAX_DEFAULT 10000
#define TAKE 500 /* names at once */

struct names { /* what was not taken yet */
    struct buf text;
    size_t at;
    size_t taken; /* bytes of shared */
    struct files *shared;
};

static void names_fini(struct names *n)
{
    buf_fini(&n->text);
    if (n->shared)
        files_give(n->shared, n->taken);
    n->taken = 0;
}

static int l_gc(lua_State *L)
{
    names_fini(lua_touserdata(L, 1));
    return 0;
}

/* names, list -> are there more? Appends to the list. */
static int l_take(lua_State *L)
{
    struct names *n = luaL_checkudata(L, 1, META);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
    for (int i = 0; i < TAKE && n->at < n->text.len; i++) {
        lua_pushstring(L, n->text.data + n->at);
        n->at += strlen(n->text.data + n->at) + 1;
        lua_rawseti(L, 2, ++count);
    }
    bool has_more = n->at < n->text.len;
    if (!has_more)
        names_fini(n);
    lua_pushboolean(L, has_more);
    return 1;
}

static int push_names(lua_State *L, struct fs_job *j)
{
    struct names *n = lua_newuserdatauv(L, sizeof *n, 0);
    *n = (struct names){ .shared = NULL };
    luaL_setmetatable(L, META);
    *n = (struct names){ .text = j->names.text, .taken = j->taken, .shared = j->at.shared };
    j->names.text = (struct buf){ 0 };
    j->taken = 0;
    if (!j->names.missing[0])
        return 1;
    lua_pushstring(L, j->names.missing);
    return 2;
}

/* What was told is held until the tool took it. */
static int collect(struct fs_job *j, const struct walk_options *o)
{
    int code = walk(&j->at, o, &j->names, &j->fail);
    if (code != 0)
        return code;
    if (!files_take(j->at.shared, j->names.text.cap))
        return fail_set(&j->fail, MG_E_LIMIT, "LIMIT",
                        "too much is read and written at once; try again");
    j->taken += j->names.text.cap;
    return 0;
}

static int work_list(struct fs_job *j)
{
    struct globs globs = { .count = 0 };
    struct walk_options o = j->in.walk;
    o.folder = j->in.path;
    o.globs = j->in.glob ? &globs : NULL;
    int code = j->in.glob ? globs_init(&globs, j->in.glob, &j->fail) : 0;
    if (code == 0)
        code = collect(j, &o);
    globs_fini(&globs);
    return code;
}

/* The folder that a glob begins with may be missing: then nothing matches. */
static int work_glob(struct fs_job *j)
{
    char folder[PATH_MAX];
    size_t base = glob_base(j->in.path);
    if (base >= sizeof folder)
        return fail_set(&j->fail, MG_E_INVALID, "INVALID", "the glob is too long");
    if (j->in.path[0] == '/')
        return fail_set(&j->fail, MG_E_DENIED, "DENIED", "the glob is not relative to the root: %s",
                        j->in.path);
    memcpy(folder, j->in.path, base);
    folder[base] = '\0';
    struct globs globs = { .count = 0 };
    struct walk_options o = j->in.walk;
    o.folder = folder;
    o.globs = &globs;
    o.is_recursive = o.from_root = true;
    int code = globs_init(&globs, j->in.path, &j->fail);
    if (code == 0)
        code = collect(j, &o);
    globs_fini(&globs);
    return code == MG_E_NOTFOUND ? 0 : code;
}

static bool bool_option(lua_State *L, const char *name, bool fallback)
{
    int type = lua_istable(L, 2) ? lua_getfield(L, 2, name) : LUA_TNIL;
    if (type == LUA_TNIL)
        return fallback;
    if (type != LUA_TBOOLEAN)
        luaL_error(L, "%s: expected true or false", name);
    return lua_toboolean(L, -1);
}

/* The options that both have; the glob stays on the stack. */
static void check_options(lua_State *L, const char *const *names, struct fs_input *in)
{
    lua_settop(L, 2);
    opts_check(L, 2, names);
    lua_Integer max = MAX_DEFAULT;
    if (lua_istable(L, 2) && lua_getfield(L, 2, "max") != LUA_TNIL) {
        max = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (max < 1 || max > WALK_ENTRIES)
            luaL_error(L, "max: expected 1 to %d names", WALK_ENTRIES);
    }
    in->walk.max = (size_t)max;
    in->walk.wants_folders = bool_option(L, "dirs", false);
    in->walk.honours_ignore = bool_option(L, "gitignore", false);
}

static int check_text(lua_State *L, const char *text, size_t len)
{
    if (strlen(text) != len)
        return api_fail(L, "INVALID", "the path or glob holds a zero byte");
    if (policy_of(L)->fs != VM_FS_NONE)
        return 0;
    const struct tool *tool = tool_of(L);
    return api_fail(L, "DENIED", "the tool may not read files; in mcp.ini: [tool %s] fs = read",
                    tool ? tool->name : "NAME");
}

/* path, options -> names, what is missing; or nil, message, code. */
static int l_list(lua_State *L)
{
    static const struct fs_type type = { "list", work_list, push_names };
    static const char *const names[] = { "recursive", "glob", "max", "dirs", "gitignore", NULL };
    struct fs_input in = { 0 };
    size_t len, glob_len = 0;
    in.path = luaL_checklstring(L, 1, &len);
    check_options(L, names, &in);
    if (lua_istable(L, 2) && lua_getfield(L, 2, "glob") != LUA_TNIL) {
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "glob: expected a string");
        in.glob = lua_tolstring(L, -1, &glob_len);
    }
    in.walk.is_recursive = bool_option(L, "recursive", in.glob != NULL);
    int refused = check_text(L, in.path, len);
    if (!refused && in.glob)
        refused = check_text(L, in.glob, glob_len);
    return refused ? refused : fs_run(L, &type, &in);
}

/* glob, options -> likewise. */
static int l_glob(lua_State *L)
{
    static const struct fs_type type = { "glob", work_glob, push_names };
    static const char *const names[] = { "max", "dirs", "gitignore", NULL };
    struct fs_input in = { 0 };
    size_t len;
    in.path = luaL_checklstring(L, 1, &len);
    check_options(L, names, &in);
    int refused = check_text(L, in.path, len);
    return refused ? refused : fs_run(L, &type, &in);
}

void fs_names_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "list", l_list }, { "glob", l_glob }, { "take", l_take }, { NULL, NULL }
    };
    luaL_setfuncs(L, functions, 0);
    if (lua_getfield(L, LUA_REGISTRYINDEX, META) == LUA_TNIL) {
        lua_createtable(L, 0, 1); /* filled first, registered last */
        lua_pushcfunction(L, l_gc);
        lua_setfield(L, -2, "__gc");
        lua_setfield(L, LUA_REGISTRYINDEX, META);
    }
    lua_pop(L, 1);
}
