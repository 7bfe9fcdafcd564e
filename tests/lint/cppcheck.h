/* cppcheck.h - what cppcheck does not read in the headers of the system: the loops of uthash,
 * utlist and cJSON, and that the functions of Lua for errors never return. */
#define HASH_ITER(hh, head, el, tmp) for ((el) = (head), (tmp) = 0; (el); (el) = (el)->hh.next)
#define DL_FOREACH(head, el) for ((el) = (head); (el); (el) = (el)->next)
#define DL_FOREACH_SAFE(head, el, tmp) for ((el) = (head), (tmp) = 0; (el); (el) = (el)->next)
#define LL_FOREACH(head, el) DL_FOREACH(head, el)
#define LL_FOREACH_SAFE(head, el, tmp) DL_FOREACH_SAFE(head, el, tmp)
#define cJSON_ArrayForEach(el, array) for ((el) = (array)->child; (el); (el) = (el)->next)

struct lua_State;
int lua_error(struct lua_State *L) __attribute__((noreturn));
int luaL_error(struct lua_State *L, const char *fmt, ...) __attribute__((noreturn));
int luaL_argerror(struct lua_State *L, int arg, const char *extramsg) __attribute__((noreturn));
