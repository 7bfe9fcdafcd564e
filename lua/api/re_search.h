/* re_search.h - one search of a regular expression in a string: on the state's thread for the first
 * milliseconds, then anew on a helper thread, where it may compute for RE_HELPER_US.
 * PCRE2's own limits count steps, and a step may walk over the whole subject; so the compiled
 * patterns call back between their items, and there the clock is looked at. Threads: the state's.
 */
#ifndef MG_RE_SEARCH_H
#define MG_RE_SEARCH_H
#include <lua.h>

#include "api/re_code.h"

#define RE_INLINE_BYTES ((size_t)1 << 20) /* longer subjects go to a helper at once */
#define RE_SUBJECT_MAX ((size_t)16 << 20) /* bytes */
#define RE_INLINE_US 5000                 /* then a helper begins anew */
#define RE_HELPER_US 500000               /* of computing; then the answer is LIMIT */
#define RE_HEAP_KB 16384                  /* what remembers the ways back */
#define RE_DEPTH 250000                   /* how many of them */
#define RE_MATCH_LIMIT 50000000           /* steps */

enum re_results {
    RE_MATCH, /* captures, or the whole match where there are none */
    RE_FIND,  /* begin, end, captures */
    RE_NEXT,  /* begin, position behind the end, what RE_MATCH gives */
};

/* The search for re in the string at index s, from byte `at` (0: the first). is_checked: the
 * subject is known to be UTF-8. may_be_empty: is an empty match at `at` one? `return re_search(L,
 * ...)`: pushes the results (nil when nothing matches; an unset capture is false; where groups have
 * names, a table of those comes last), or nil, message, code. May wait. */
int re_search(lua_State *L, struct re_code *re, int s, size_t at, bool is_checked,
              bool may_be_empty, enum re_results results);

#endif
