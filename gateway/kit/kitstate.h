/* kitstate.h - what the ops kit's SQLite state holds, as the objects that the store takes: its
 * tables jobs, models with model_gates, and audits. The file is only read, and as a whole: one row
 * that cannot be taken refuses everything, with table, row and column. Columns are found by name,
 * jobId and job_id alike.
 * Threads: one owner. Blocks; needs room for a copy of the file in TMPDIR. */
#ifndef MG_KITSTATE_H
#define MG_KITSTATE_H
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct kit_limits {
    uint64_t file_bytes; /* of the file and its -wal together */
    size_t rows;         /* of all tables together */
    size_t bytes;        /* of all objects' texts together */
};
extern const struct kit_limits kit_limits; /* 1 GB, 1,000,000, 256 MB */

struct kit_object {
    const char *collection; /* a constant: "jobs", "models", "audits" */
    char *key;              /* ends in a NUL, which it does not contain */
    char *text;             /* a JSON object on one line, which has the key as its key's member */
    size_t len;
    int64_t ended_ms; /* of a job that has ended: its updatedAt in ms since 1970; else 0 */
};

struct kit_state {              /* {0} is valid for fini */
    struct kit_object *objects; /* jobs, models, audits; each in the order of the table's rows */
    size_t count, size, bytes;
    struct buf notes; /* one line each: tables that are not there, columns that are left out */
};

/* The member that holds the key of one of the collections. */
const char *kit_key_field(const char *collection);

/* MG_E_NOTFOUND, MG_E_IO; MG_E_CONFLICT: another process uses the file; MG_E_LIMIT; MG_E_INVALID:
 * no SQLite file, a damaged one, or not the kit's; MG_E_NOMEM. Texts begin with the file's name. */
int kit_state_read(const char *path, const struct kit_limits *limits, struct kit_state *out,
                   struct err *e) MG_NODISCARD;
void kit_state_fini(struct kit_state *s);

#endif
