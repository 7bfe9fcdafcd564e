/* uri.h - references between schemas (RFC 3986, 5.2). Nothing is ever fetched. Pure. */
#ifndef MG_SCHEMA_URI_H
#define MG_SCHEMA_URI_H
#include "base/buf.h"

/* Appends what `reference` means where `base` is in force, without a fragment. Sets *fragment to
 * the part behind the # of reference, or NULL. base may be empty. */
void uri_resolve(const char *base, const char *reference, struct buf *out, const char **fragment);
/* Appends s with its %XX decoded. */
void uri_decode(const char *s, struct buf *out);

#endif
