/* scratch.h - a byte buffer that the collector frees when an error leaves the function that uses
 * it. Lifetime: until it is collected or emptied with buf_fini(), which the caller does as soon as
 * it can: the buffer's memory is not charged to the task. Threads:  the state's. */
#ifndef MG_SCRATCH_H
#define MG_SCRATCH_H
#include <lua.h>

#include "base/buf.h"

#define SCRATCH_MAX ((size_t)16 << 20) /* bytes; no API function makes a longer text */

/* Pushes a userdata that holds an empty buffer of at most SCRATCH_MAX bytes. */
struct buf *scratch_push(lua_State *L);
/* Pushes the buffer's bytes as a string and empties it. Raises when the buffer failed. */
void scratch_push_string(lua_State *L, struct buf *b);

#endif
