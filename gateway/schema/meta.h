/* meta.h - the metaschemas of draft 2020-12, as they are published, inside the binary. */
#ifndef MG_SCHEMA_META_H
#define MG_SCHEMA_META_H
#include <stddef.h>

#define META_FOLDER "https://json-schema.org/draft/2020-12/"
#define META_URI META_FOLDER "schema"

struct meta_file {
    const char *name; /* "schema.json", "core.json" */
    const unsigned char *text;
    size_t len;
};
extern const struct meta_file meta_files[]; /* ends with a NULL text */

#endif
