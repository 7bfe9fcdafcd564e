/* tidy.h - what clang-tidy is told in front of every source, because the headers do not say it.
 *
 * The analyzer does not follow a uthash table or a utlist from its head to its last element, takes
 * the table's free() for one of the element, and then reports uses after free that cannot be. And
 * it does not know that Lua's functions for errors never return. */
#include <lauxlib.h>
#include <lua.h>
#include <uthash.h>
#include <utlist.h>

void uthash_deleted(void *head_address);
#undef HASH_DELETE_HH
#define HASH_DELETE_HH(hh, head, delptrhh) ((void)(delptrhh), uthash_deleted(&(head)))
#undef DL_DELETE2
#define DL_DELETE2(head, del, prev, next) ((void)(del), uthash_deleted(&(head)))

int(lua_error)(lua_State *L) __attribute__((noreturn));
int(luaL_error)(lua_State *L, const char *fmt, ...) __attribute__((noreturn));
int(luaL_argerror)(lua_State *L, int arg, const char *extramsg) __attribute__((noreturn));
int(luaL_typeerror)(lua_State *L, int arg, const char *tname) __attribute__((noreturn));
