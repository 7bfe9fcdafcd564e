#include "api/compiled.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/table.h"

struct kept {
    UT_hash_handle hh;
    struct kept *prev, *next; /* least recently used first */
    void *value;
    size_t bytes, len;
    char key[];
};

struct shelf { /* of one kind; a userdata */
    const struct compiled_kind *kind;
    struct kept *table, *used;
    size_t count, bytes;
};

static void shelf_drop(struct shelf *s, struct kept *k)
{
    HASH_DELETE(hh, s->table, k);
    DL_DELETE(s->used, k);
    s->count--;
    s->bytes -= k->bytes;
    s->kind->drop(k->value);
    free(k);
}

static int l_shelf_gc(lua_State *L)
{
    struct shelf *s = lua_touserdata(L, 1);
    while (s->used)
        shelf_drop(s, s->used);
    return 0;
}

static struct shelf *shelf_there(lua_State *L, const struct compiled_kind *kind)
{
    struct shelf *s =
        lua_rawgetp(L, LUA_REGISTRYINDEX, kind) == LUA_TUSERDATA ? lua_touserdata(L, -1) : NULL;
    lua_pop(L, 1);
    return s;
}

static struct shelf *shelf_of(lua_State *L, const struct compiled_kind *kind)
{
    struct shelf *s = shelf_there(L, kind);
    if (s)
        return s;
    s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (struct shelf){ .kind = kind };
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_shelf_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, kind);
    return s;
}

void *compiled_find(lua_State *L, const struct compiled_kind *kind, const void *key, size_t len)
{
    struct shelf *s = shelf_of(L, kind);
    struct kept *k = NULL;

    HASH_FIND(hh, s->table, key, len, k);
    if (!k)
        return NULL;
    DL_DELETE(s->used, k);
    DL_APPEND(s->used, k);
    return k->value;
}

int compiled_keep(lua_State *L, const struct compiled_kind *kind, const void *key, size_t len,
                  void *value, size_t bytes)
{
    struct shelf *s = shelf_there(L, kind);
    struct kept *k = s ? calloc(1, sizeof *k + len) : NULL;

    if (!k)
        return MG_E_NOMEM;
    memcpy(k->key, key, len);
    k->len = len;
    k->value = value;
    k->bytes = bytes;
    while (s->used && (s->count == kind->max_count || s->bytes + bytes > kind->max_bytes))
        shelf_drop(s, s->used);
    HASH_ADD_KEYPTR(hh, s->table, k->key, k->len, k);
    if (!k->hh.tbl) {
        free(k);
        return MG_E_NOMEM;
    }
    DL_APPEND(s->used, k);
    s->count++;
    s->bytes += bytes;
    return 0;
}

size_t compiled_bytes(lua_State *L, const struct compiled_kind *kind, size_t *count)
{
    const struct shelf *s = shelf_of(L, kind);
    *count = s->count;
    return s->bytes;
}
