/* collection.h - one named collection of the store as a tool holds it, and what mcp.ini lets the
 * tool do with it. Lifetime: a userdata; `state.open` may stand at the top of a file, before there
 * is a store or a running tool, so grants and the key's name are looked at when the collection is
 * used. Threads:  the state's. */
#ifndef MG_COLLECTION_H
#define MG_COLLECTION_H
#include <lua.h>
#include <stdbool.h>

#define COLLECTION_META "mg.collection"
#define COLLECTION_NAME_MAX 200
#define COLLECTION_KEY_MAX 64
#define OBJECT_ID_MAX 512 /* bytes of an object's key */

struct collection {
    bool is_declared;                 /* to the store */
    char key[COLLECTION_KEY_MAX + 1]; /* the member that holds an object's id */
    char name[COLLECTION_NAME_MAX + 1];
};

/* Pushes a collection; the metatable must exist already. Raises for names that are none. */
void collection_push(lua_State *L, const char *name, const char *key);
struct collection *collection_check(lua_State *L, int index);
/* 0: the running tool may; else pushes nil, message, code and returns 3. Raises where there is no
 * store, and for a key that contradicts the store's. */
int collection_use(lua_State *L, struct collection *c, bool writes);

#endif
