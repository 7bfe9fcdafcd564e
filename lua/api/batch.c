#include "api/batch.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define META "mg.batch"

/* Key in the registry of the table {thread = batch}, with weak keys. Absent until the first batch.
 */
static const char current_key;

/* A change's three texts are one block, which begins with the collection's name. */
static void change_free(struct store_change *c) { free((void *)(uintptr_t)c->collection); }

void changes_free(struct store_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        change_free(&changes[i]);
    free(changes);
}

static int change_copy(struct store_change *out, const struct store_change *c)
{
    size_t name = strlen(c->collection) + 1;
    size_t text = c->text ? c->len : 0;
    char *block = malloc(name + c->key_len + text);

    if (!block)
        return MG_E_NOMEM;
    *out = *c;
    out->collection = memcpy(block, c->collection, name);
    out->key = memcpy(block + name, c->key, c->key_len);
    if (c->text)
        out->text = memcpy(block + name + c->key_len, c->text, text);
    return 0;
}

static struct store_change *find(const struct batch *b, const char *collection, const char *key,
                                 size_t len)
{
    for (size_t i = 0; i < b->count; i++) {
        struct store_change *c = &b->changes[i];
        if (c->key_len == len && memcmp(c->key, key, len) == 0 &&
            strcmp(c->collection, collection) == 0)
            return c;
    }
    return NULL;
}

const struct store_change *batch_find(const struct batch *b, const char *collection,
                                      const char *key, size_t len)
{
    return find(b, collection, key, len);
}

static int reserve_one(struct batch *b)
{
    if (b->count < b->cap)
        return 0;
    size_t cap = b->cap ? b->cap * 2 : 8;
    struct store_change *more = realloc(b->changes, cap * sizeof *more);
    if (!more)
        return MG_E_NOMEM;
    b->changes = more;
    b->cap = cap;
    return 0;
}

int batch_add(struct batch *b, const struct store_change *change)
{
    struct store_change *old = find(b, change->collection, change->key, change->key_len);
    struct store_change copy;
    size_t bytes = b->bytes + change->len - (old ? old->len : 0);

    if ((!old && b->count == BATCH_MAX_CHANGES) || bytes > BATCH_MAX_BYTES)
        return MG_E_LIMIT;
    if (!old && reserve_one(b) != 0)
        return MG_E_NOMEM;
    if (change_copy(&copy, change) != 0)
        return MG_E_NOMEM;
    b->bytes = bytes;
    if (old) {
        copy.expect = old->expect;
        change_free(old);
        *old = copy;
    } else {
        b->changes[b->count++] = copy;
    }
    return 0;
}

/* ---- the running strand's ---- */

static void set_current(lua_State *L, int value)
{
    value = lua_absindex(L, value);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &current_key) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_createtable(L, 0, 1);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &current_key);
    }
    lua_pushthread(L);
    lua_pushvalue(L, value);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Pushes the batch itself, or nil. */
static struct batch *push_current(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &current_key) == LUA_TNIL)
        return NULL;
    lua_pushthread(L);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return lua_touserdata(L, -1);
}

struct batch *batch_current(lua_State *L)
{
    struct batch *b = push_current(L);
    lua_pop(L, 1);
    return b;
}

enum { REFUSAL_MESSAGE = 1, REFUSAL_CODE, USER_VALUES = REFUSAL_CODE };

void batch_refuse(lua_State *L, int message)
{
    message = lua_absindex(L, message);
    struct batch *b = push_current(L);
    if (b && !b->is_refused) {
        b->is_refused = true;
        lua_pushvalue(L, message);
        lua_setiuservalue(L, -2, REFUSAL_MESSAGE);
        lua_pushvalue(L, message + 1);
        lua_setiuservalue(L, -2, REFUSAL_CODE);
    }
    lua_pop(L, 1);
}

int batch_push_refusal(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_pushnil(L);
    lua_getiuservalue(L, index, REFUSAL_MESSAGE);
    lua_getiuservalue(L, index, REFUSAL_CODE);
    return 3;
}

static int l_gc(lua_State *L)
{
    struct batch *b = lua_touserdata(L, 1);
    changes_free(b->changes, b->count);
    *b = (struct batch){ 0 };
    return 0;
}

static int l_close(lua_State *L)
{
    batch_close(L, batch_check(L, 1));
    return 0;
}

struct batch *batch_push(lua_State *L)
{
    if (batch_current(L))
        luaL_error(L, "state.batch: there is one already, and they do not nest");

    struct batch *b = lua_newuserdatauv(L, sizeof *b, USER_VALUES);
    *b = (struct batch){ 0 };
    if (luaL_newmetatable(L, META)) {
        static const luaL_Reg meta[] = { { "__gc", l_gc }, { "__close", l_close }, { NULL, NULL } };
        luaL_setfuncs(L, meta, 0);
    }
    lua_setmetatable(L, -2);
    set_current(L, -1);
    b->is_open = true;
    return b;
}

struct batch *batch_check(lua_State *L, int index) { return luaL_checkudata(L, index, META); }

void batch_close(lua_State *L, struct batch *b)
{
    if (!b->is_open)
        return;
    lua_pushnil(L);
    set_current(L, -1);
    lua_pop(L, 1);
    b->is_open = false;
    changes_free(b->changes, b->count);
    b->changes = NULL;
    b->count = b->cap = b->bytes = 0;
}
