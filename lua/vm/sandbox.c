#include "vm/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

#include "base/rand.h"
#include "vm/chunks.h"
#include "vm/decl.h"
#include "vm/lualib.h"
#include "vm/module.h"
#include "vm/state.h"
#include "vm/strlib.h"

#include <stdio.h>
#include <string.h>

/* Registry keys. */
static const char pattern_key; /* { assert = ..., string = {...}, ... }: copied for every
                                  environment */
static const char library_key; /* environment of the embedded runtime library */
static const char chunks_key;  /* { ["std/gsub.lua"] = its compiled chunk }, for that environment */

static const char *const base_names[] = {
    "assert",       "collectgarbage", "error",    "getmetatable", "ipairs", "next",     "pairs",
    "pcall",        "print",          "rawget",   "rawequal",     "rawlen", "rawset",   "select",
    "setmetatable", "tonumber",       "tostring", "type",         "xpcall", "_VERSION", NULL,
};
static const char *const os_names[] = { "clock", "date", "difftime", "time", NULL };
/* Packaged Lua may have more (the functions of Lua 5.2): a tool that used them would not run
 * elsewhere. */
static const char *const math_names[] = {
    "abs",  "acos",   "asin", "atan", "ceil",       "cos",       "deg",        "exp",  "floor",
    "fmod", "huge",   "log",  "max",  "maxinteger", "min",       "mininteger", "modf", "pi",
    "rad",  "random", "sin",  "sqrt", "tan",        "tointeger", "type",       "ult",  NULL,
};

/* ---- the pattern ---- */

/* Copies the named fields of the table at -1 into a new table, which replaces it. */
static void keep_names(lua_State *L, const char *const *names)
{
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
    lua_remove(L, -2);
}

static void remove_name(lua_State *L, const char *name)
{
    lua_pushnil(L);
    lua_setfield(L, -2, name);
}

/* The generator is the state's, for all files; its seed is the kernel's and cannot be set by a
 * tool. */
static void seed_random(lua_State *L)
{
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, (lua_Integer)rand_u64());
    lua_pushinteger(L, (lua_Integer)rand_u64());
    lua_call(L, 2, 0);
    keep_names(L, math_names);
}

/* Strings share one metatable. Its functions are reached by ("x"):rep() in every file, so nobody
 * may see the tables: environments hold copies, and getmetatable("") gives false. */
static void close_string_metatable(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

/* The pattern has changed: what is run from now on sees the new one. */
static void forget_library(lua_State *L)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &library_key);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &chunks_key);
}

/* The parts in Lua find the bounded functions already: those that are written in C come first. */
static void bound_libraries(lua_State *L, int pattern)
{
    lua_getfield(L, pattern, "string");
    strlib_open(L, -1);
    lua_getfield(L, pattern, "table");
    tablib_open(L, -1);
    lua_getfield(L, pattern, "utf8");
    utf8lib_open(L, -1);
    lua_getfield(L, pattern, "os");
    oslib_open(L, -1);
    lua_settop(L, pattern);
    forget_library(L);
    lua_getfield(L, pattern, "string");
    lua_pushcfunction(L, l_gsub_next);
    lib_run(L, "std/gsub.lua", 1, 1);
    lua_pushcclosure(L, l_gsub, 1);
    lua_setfield(L, -2, "gsub");
    lua_settop(L, pattern);
    forget_library(L);
}

void sandbox_open(lua_State *L)
{
    static const luaL_Reg libs[] = { { "string", luaopen_string }, { "table", luaopen_table },
                                     { "math", luaopen_math },     { "utf8", luaopen_utf8 },
                                     { "os", luaopen_os },         { NULL, NULL } };
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    keep_names(L, base_names);
    int pattern = lua_gettop(L);
    for (const luaL_Reg *lib = libs; lib->name; lib++) {
        lua_pushcfunction(L, lib->func);
        lua_call(L, 0, 1);
        if (strcmp(lib->name, "os") == 0)
            keep_names(L, os_names);
        if (strcmp(lib->name, "math") == 0)
            seed_random(L);
        if (strcmp(lib->name, "string") == 0)
            remove_name(L, "dump");
        lua_setfield(L, pattern, lib->name);
    }
    close_string_metatable(L);
    safelib_open(L, pattern);
    lua_pushvalue(L, pattern);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &pattern_key);
    bound_libraries(L, pattern);
    /* The globals table holds functions that no tool may have; nothing else refers to it. */
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_settop(L, pattern - 1);
}

/* Pushes an empty table with room for as many names as the table at index has. */
static void push_sized(lua_State *L, int index)
{
    int names = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        names++;
    lua_createtable(L, 0, names);
}

/* Pushes a copy of the table at index, and copies of the tables in it. */
static void copy_table(lua_State *L, int index, int levels)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 6, NULL);
    push_sized(L, index);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (levels > 0 && lua_istable(L, -1)) {
            copy_table(L, -1, levels - 1);
            lua_remove(L, -2);
        }
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

/* ---- require ---- */

enum { UP_LOADED = 1, UP_PRISTINE, UP_SOURCES }; /* upvalues of require */

static const struct source *find_helper(lua_State *L, const struct sources *all, const char *name)
{
    char path[256] = "lib/";
    size_t at = 4;
    for (const char *p = name; *p; p++) {
        bool ok = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                  (*p >= '0' && *p <= '9') || *p == '_' || *p == '-' ||
                  (*p == '.' && p != name && p[-1] != '.' && p[1]);
        if (!ok || at > sizeof path - 6)
            luaL_error(L, "require: \"%s\" is not a name (letters, digits, _ and - between dots)",
                       name);
        path[at++] = *p == '.' ? '/' : *p;
    }
    memcpy(path + at, ".lua", 5);
    const struct source *s = sources_find(all, path);
    if (!s || !s->is_helper)
        luaL_error(L, "require: there is no \"%s\" (looked for %s in the tools folder)", name,
                   path);
    if (!s->text)
        luaL_error(L, "%s: %s", s->title, s->problem);
    return s;
}

static int required(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx; /* stack: name, value */
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(UP_LOADED));
    return 1;
}

/* require(name): "mcp", or a helper of tools.d/lib, loaded once per file that asks, in an
 * environment of its own. */
static int l_require(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, strlen(name) == len, 1, "a name with a NUL in it is no name");
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, lua_upvalueindex(UP_LOADED)) != LUA_TNIL) {
        if (!lua_toboolean(L, -1))
            return luaL_error(L, "require: \"%s\" requires itself, or did not load before", name);
        return 1;
    }
    lua_pop(L, 1);
    const struct source *s = find_helper(L, lua_touserdata(L, lua_upvalueindex(UP_SOURCES)), name);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 0);
    lua_rawset(L, lua_upvalueindex(UP_LOADED));
    copy_table(L, lua_upvalueindex(UP_PRISTINE), 0);
    chunk_push(L, s, 2);
    lua_remove(L, 2);
    lua_callk(L, 0, 1, 0, required);
    return required(L, LUA_OK, 0);
}

/* ---- mcp and the environment ---- */

static void open_module(lua_State *L, const struct api_module *m, int mcp)
{
    lua_pushcfunction(L, m->open);
    lua_call(L, 0, 1);
    if (*m->name) {
        lua_setfield(L, mcp, m->name);
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, mcp);
    }
    lua_pop(L, 1);
}

enum { UP_MCP = 1, UP_MODULES }; /* upvalues of __index */

/* mcp.NAME of what the table does not have (yet). Most files use a few modules: the others are
 * never made. An unknown name is nil, as in any table. */
static int l_module(lua_State *L)
{
    struct vm *vm = vm_of(L);
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    switch (lua_rawget(L, lua_upvalueindex(UP_MODULES))) {
    case LUA_TSTRING: return luaL_error(L, "mcp.%s: %s", lua_tostring(L, 2), lua_tostring(L, -1));
    case LUA_TLIGHTUSERDATA:
        vm->is_opening = vm->is_loading;
        open_module(L, lua_touserdata(L, -1), lua_upvalueindex(UP_MCP));
        vm->is_opening = false;
        lua_pushvalue(L, 2);
        lua_rawget(L, lua_upvalueindex(UP_MCP));
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -2);
        lua_rawset(L, lua_upvalueindex(UP_MODULES));
    }
    return 1;
}

/* Pushes mcp, whose modules are opened when they are asked for. */
static void push_mcp(lua_State *L, struct vm *vm)
{
    lua_newtable(L);
    int mcp = lua_gettop(L);
    open_module(L, &decl_module, mcp);
    open_module(L, &join_module, mcp);
    lua_createtable(L, 0, 2); /* the metatable */
    lua_pushvalue(L, mcp);
    lua_newtable(L); /* name -> struct api_module *, or its table, or why the file has it not */
    int modules = lua_gettop(L);
    for (const struct api_module *const *m = vm->o.modules; m && *m; m++) {
        if (!*(*m)->name || (*m)->at_once) {
            open_module(L, *m, mcp);
            continue;
        }
        lua_pushlightuserdata(L, (void *)*m);
        lua_setfield(L, modules, (*m)->name);
    }
    lua_pushvalue(L, modules);
    lua_setfield(L, mcp + 1, "modules");
    lua_pushcclosure(L, l_module, 2);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, mcp);
}

void sandbox_push(lua_State *L, struct vm *vm, struct sources *sources)
{
    luaL_checkstack(L, 10, NULL);
    push_mcp(L, vm);
    int mcp = lua_gettop(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pattern_key);
    copy_table(L, -1, 1);
    lua_remove(L, -2);
    int env = lua_gettop(L);
    lua_newtable(L); /* what is loaded */
    lua_pushvalue(L, mcp);
    lua_setfield(L, -2, "mcp");
    push_sized(L, env); /* pristine: filled below */
    lua_pushvalue(L, -1);
    lua_insert(L, env); /* mcp, pristine, env, loaded, pristine */
    env++;
    lua_pushlightuserdata(L, sources);
    lua_pushcclosure(L, l_require, 3);
    lua_setfield(L, env, "require");
    lua_pushnil(L);
    while (lua_next(L, env)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, env - 1);
    }
    lua_remove(L, env - 1);
}

/* ---- grants ---- */

/* Why the tool has no module that needs this. granted: as needs_check() left it. */
static void push_why(lua_State *L, int granted, const char *need)
{
    lua_pushfstring(L, "%s?", need);
    if (lua_rawget(L, granted) == LUA_TSTRING)
        lua_pushfstring(L, "not granted; write in mcp.ini: %s", lua_tostring(L, -1));
    else
        lua_pushfstring(L, "the tool does not say needs = { \"%s\" }", need);
    lua_remove(L, -2);
}

/* Whoever took the table before keeps it, but nothing is in it any more. */
static void empty_table(lua_State *L, int index)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, index);
    }
}

/* What was opened while the file ran is emptied. */
static void close_module(lua_State *L, const struct api_module *m, int mcp, int modules,
                         int granted)
{
    if (lua_getfield(L, modules, m->name) == LUA_TTABLE)
        empty_table(L, lua_gettop(L));
    lua_pushstring(L, m->name);
    lua_pushnil(L);
    lua_rawset(L, mcp);
    push_why(L, granted, m->need);
    lua_setfield(L, modules, m->name);
}

void sandbox_seal(lua_State *L, struct vm *vm, int mcp, int granted)
{
    lua_getmetatable(L, mcp);
    lua_getfield(L, -1, "modules");
    int modules = lua_gettop(L);
    for (const struct api_module *const *m = vm->o.modules; m && *m; m++) {
        if (!(*m)->need || !*(*m)->name)
            continue;
        if (lua_getfield(L, granted, (*m)->need) == LUA_TNIL)
            close_module(L, *m, mcp, modules, granted);
        else
            lua_getfield(L, mcp, (*m)->name); /* opens it: rawget tells whether it was granted */
        lua_settop(L, modules);
    }
    lua_settop(L, modules - 2);
}

/* ---- the embedded library ---- */

static void push_library_env(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &library_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &pattern_key);
    copy_table(L, -1, 1);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &library_key);
}

/* The chunk at the top becomes the library's, in the table of chunks below it. */
static void keep_chunk(lua_State *L, const char *name)
{
    push_library_env(L);
    if (!lua_setupvalue(L, -2, 1))
        lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
}

/* Pushes the compiled chunk. Every file that is loaded runs it for functions of its own, but it is
 * compiled once: half of the time that loading a small file took went into that. */
static void push_chunk(lua_State *L, const char *name)
{
    char title[128];
    registry_table(L, &chunks_key);
    if (lua_getfield(L, -1, name) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        const struct embedded *f = embedded_find(lualib_files, name);
        if (!f)
            luaL_error(L, "no library file %s", name);
        snprintf(title, sizeof title, "=[%s]", name);
        if (luaL_loadbufferx(L, f->data, f->len, title, "t") != LUA_OK)
            lua_error(L);
        keep_chunk(L, name);
    }
    lua_remove(L, -2);
}

/* As the other machine compiled them: a fifth of the work. What fails is compiled later. */
static void copy_chunks(lua_State *L, lua_State *like)
{
    int top = lua_gettop(like);
    registry_table(L, &chunks_key);
    if (lua_rawgetp(like, LUA_REGISTRYINDEX, &chunks_key) == LUA_TTABLE)
        for (lua_pushnil(like); lua_next(like, -2); lua_pop(like, 1)) {
            if (chunk_copy(L, like) == LUA_OK)
                keep_chunk(L, lua_tostring(like, -2));
            lua_pop(L, 1); /* the chunk, or why there is none */
        }
    lua_settop(like, top);
    lua_pop(L, 1);
}

/* Now, so that it does not count as the time of whichever file is loaded first. */
void sandbox_compile_library(lua_State *L, lua_State *like)
{
    if (like)
        copy_chunks(L, like);
    for (const struct embedded *f = lualib_files; f->name; f++) {
        push_chunk(L, f->name);
        lua_pop(L, 1);
    }
}

void lib_run(lua_State *L, const char *name, int nargs, int nresults)
{
    luaL_checkstack(L, 8, NULL);
    push_chunk(L, name);
    lua_insert(L, -nargs - 1);
    lua_call(L, nargs, nresults);
}
