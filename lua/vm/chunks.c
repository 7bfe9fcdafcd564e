#include "vm/chunks.h"

#include <lauxlib.h>
#include <stdio.h>

#include "base/buf.h"
#include "vm/lualib.h"
#include "vm/state.h"

static const char chunks_key; /* of the registry: { [struct source *] = its chunk } */

static int add_dump(lua_State *L, const void *data, size_t len, void *buffer)
{
    (void)L;
    buf_append(buffer, data, len);
    return 0;
}

int chunk_copy(lua_State *L, lua_State *from)
{
    struct buf dump = { 0 };
    lua_dump(from, add_dump, &dump, 0);
    int status = LUA_ERRMEM;
    if (buf_ok(&dump))
        status = luaL_loadbufferx(L, dump.data, dump.len, "=?", "b");
    else
        lua_pushliteral(L, "not enough memory");
    buf_fini(&dump);
    return status;
}

/* Pushes the chunk as the machine has it that this one is made like; false: it has none. */
static bool push_copy(lua_State *L, const struct source *s)
{
    struct vm *like = vm_of(L)->like;
    if (!like)
        return false;
    int top = lua_gettop(like->L);
    bool is_there = lua_rawgetp(like->L, LUA_REGISTRYINDEX, &chunks_key) == LUA_TTABLE &&
                    lua_rawgetp(like->L, -1, s) == LUA_TFUNCTION;
    if (is_there && chunk_copy(L, like->L) != LUA_OK) {
        lua_pop(L, 1);
        is_there = false;
    }
    lua_settop(like->L, top);
    return is_there;
}

void registry_table(lua_State *L, const void *key)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

static void compile(lua_State *L, const struct source *s)
{
    char name[512];
    snprintf(name, sizeof name, "@%s", s->title);
    if (luaL_loadbufferx(L, s->text, s->len, name, "t") != LUA_OK)
        lua_error(L);
}

static void push_shared(lua_State *L, const struct source *s)
{
    registry_table(L, &chunks_key);
    if (lua_rawgetp(L, -1, s) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        if (!push_copy(L, s))
            compile(L, s);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, s);
    }
    lua_remove(L, -2);
}

/* The chunk gets a variable of its own as _ENV: the one that it had is that of functions. Files are
 * loaded one after the other, so nobody is within the chunk then. Later somebody may be, and it is
 * not shared. */
void chunk_push(lua_State *L, const struct source *s, int env)
{
    luaL_checkstack(L, 8, NULL);
    if (!vm_of(L)->is_loading) {
        compile(L, s);
        lua_pushvalue(L, env);
        lua_setupvalue(L, -2, 1);
        return;
    }
    push_shared(L, s);
    lua_pushvalue(L, env);
    lib_run(L, "std/env.lua", 1, 1);
    lua_upvaluejoin(L, -2, 1, -1, 1);
    lua_pop(L, 1);
}

void chunks_forget(lua_State *L)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &chunks_key);
}
