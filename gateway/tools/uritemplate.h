/* uritemplate.h - RFC 6570 URI templates, read backwards: which values make this URI? That of {x:3}
 * has three characters at most: the rest of what may have been longer is not in the URI. That of
 * {x*} is a list, of as many as stand there; where names stand ("?x=1&x=2") they are the
 * variable's, so that what was made of names and values is none. Where several answers are right
 * the first variables get the most. Matching takes time that grows with the product of the
 * two lengths, whatever they hold. Threads: any; a template is immutable. Pure. */
#ifndef MG_URITEMPLATE_H
#define MG_URITEMPLATE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define URITEMPLATE_TEXT_MAX 1024 /* bytes of a template */
#define URITEMPLATE_VARS_MAX 16
#define URITEMPLATE_NAME_MAX 64  /* bytes of a variable's name */
#define URITEMPLATE_URI_MAX 2048 /* bytes; a longer URI matches nothing */

struct uritemplate;
/* NULL: *e says why, MG_E_INVALID with the place, or MG_E_NOMEM. */
struct uritemplate *uritemplate_new(const char *text, struct err *e);
void uritemplate_free(struct uritemplate *t); /* NULL is allowed */
bool uritemplate_has(const struct uritemplate *t, const char *variable);
/* 1: uri is an expansion of it, and a JSON object with the values, decoded, has been appended to
 * *values; variables that are not there are left out. "?" of no variable and ";x=" of an empty one
 * are taken as well. 0: it is not, or a value is no UTF-8 or holds a NUL. MG_E_NOMEM. A value is
 * never empty but where +, #, ;, ? or & stands before its name. */
int uritemplate_match(const struct uritemplate *t, const char *uri, size_t len,
                      struct buf *values) MG_NODISCARD;

#endif
