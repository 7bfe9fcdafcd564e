/* meta.h - the metaschemas of draft 2020-12, as they are published, inside the binary. Names are
 * what follows META_FOLDER in their URIs. */
#ifndef MG_SCHEMA_META_H
#define MG_SCHEMA_META_H
#include "base/embed.h"

#define META_FOLDER "https://json-schema.org/draft/2020-12/"
#define META_URI META_FOLDER "schema"

extern const struct embedded metaschemas[];

#endif
