/* frontmatter.h - the head of a SKILL.md: YAML between two lines of "---", read as far as heads of
 * skills use it, and no further. Every key is followed by a text on its line, by a block of lines
 * (| and >), by keys of its own, or by a list; one level deep. Plain texts mean what they mean in
 * YAML 1.2; what readers of YAML disagree about (Yes, 1_000, 12:30, tabs) is refused, not guessed:
 * quotes help. Pure. */
#ifndef MG_FRONTMATTER_H
#define MG_FRONTMATTER_H
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the head as a JSON object. MG_E_NOTFOUND: the text does not begin with a head;
 * MG_E_INVALID: "line 3: ..."; MG_E_NOMEM. */
int frontmatter_read(const char *text, size_t len, struct buf *json, struct err *e) MG_NODISCARD;

#endif
