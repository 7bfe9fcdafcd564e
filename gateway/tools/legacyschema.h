/* legacyschema.h - schemas of tools in the terms of clients up to 2025-11-25. Their revisions want
 * an object for each of the root's properties, where JSON Schema 2020-12 knows true and false as
 * well; a strict client refuses the whole list for one of these.
 * Pure. */
#ifndef MG_TOOLS_LEGACYSCHEMA_H
#define MG_TOOLS_LEGACYSCHEMA_H
#include "base/buf.h"

/* Writes schema, a valid JSON text, or NULL, so that it means the same. Nothing is written where it
 * is right as it stands. */
void legacyschema_write(const char *schema, struct buf *out);

#endif
