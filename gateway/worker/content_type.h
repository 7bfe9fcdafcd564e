/* content_type.h - is this Content-Type header of that type?   Pure. */
#ifndef MG_CONTENT_TYPE_H
#define MG_CONTENT_TYPE_H
#include <stdbool.h>

/* Any case, with or without parameters; NULL is no type. */
bool content_type_is(const char *header, const char *type);

#endif
