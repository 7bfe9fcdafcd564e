/* cursor.h - where a list goes on: the last name on the page before, as text the client hands back.
 * A cursor holds no state and proves nothing. It need not: any name in it only chooses where a walk
 * over what this caller may see begins, so a forged one shows nothing that a plain list does not.
 * For the same reason it stays good after a restart, a reload or at another replica. Private to
 * mcp. Pure. */
#ifndef MG_MCP_CURSOR_H
#define MG_MCP_CURSOR_H
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json_scan.h"

#define CURSOR_NAME_SIZE 129 /* the longest name and its NUL */

/* Appends the JSON string. list keeps the cursors of different lists apart: "tools". */
void cursor_write(struct buf *out, const char *list, const char *name);
/* MG_E_INVALID: not a cursor of this list; MG_E_NOMEM. The empty string is one: it begins at the
 * start, with name "". */
int cursor_read(struct json_text cursor, const char *list,
                char name[CURSOR_NAME_SIZE]) MG_NODISCARD;

#endif
