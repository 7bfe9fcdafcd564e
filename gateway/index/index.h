/* index.h - full-text search: named indexes of documents in one SQLite database file.
 * An index belongs to a tool: two tools that open one name have two. The database is a cache of
 * what lies elsewhere: one that is damaged, or of another version, is put away and begun anew, so
 * whoever fills an index looks from time to time at what is in it (INDEX_LIST).
 * Operations run on the helper threads, at most one that writes and READERS_MAX that read at a
 * time; further ones wait in line without holding a helper. Writes that wait together share one
 * transaction, and each is done when that is committed. A commit survives the end of the process; a
 * power cut may take the last ones, never the file.
 * Threads:  index_submit() and index_op_cancel() any. Lifetime: one per process; the file is opened
 * by the first operation. */
#ifndef MG_INDEX_H
#define MG_INDEX_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "io/loop.h"
#include "io/offload.h"

#define INDEX_READERS_MAX 2
#define INDEX_NAME_MAX 64             /* bytes of an index's name */
#define INDEX_ID_MAX 4096             /* bytes of a document's id */
#define INDEX_STAMP_MAX 256           /* bytes of a stamp */
#define INDEX_TITLE_MAX 1024          /* bytes of a document's title */
#define INDEX_DOCUMENT_MAX (4u << 20) /* bytes of all texts of one document */
#define INDEX_QUERY_MAX 4096          /* bytes of a query */
#define INDEX_PENDING_MAX (32u << 20) /* bytes of documents that wait to be written */
#define INDEX_WAITING_MAX 1024        /* operations that wait for a reader, and for the writer */
#define INDEX_NAMES_MAX 256           /* indexes in one database */
#define INDEX_SEARCH_MAX 100          /* hits of one search */
#define INDEX_LIST_MAX 1000           /* entries of one page */
#define INDEX_QUERY_MS 5000           /* a search that takes longer is given up */

struct index;

struct index_options { /* copied */
    const char *path;  /* of the database; its -wal and -shm lie beside it */
    struct offload *offload;
    uint64_t max_bytes; /* of the database; more is refused as on a full disk. 0: 4 GB */
    bool read_only;     /* changes are refused, and nothing is made or mended */
};

struct index *index_new(const struct index_options *o); /* NULL: no memory */
/* When offload has been freed: nothing is under way any more. Operations that still wait in line
 * are told MG_E_CLOSED; then their loops may be freed, and after them the index. */
void index_close(struct index *ix); /* NULL is legal */
void index_free(struct index *ix);  /* NULL is legal */

enum index_kind {
    INDEX_PUT,    /* text = id, stamp, title, text, more: replaces a document of that id */
    INDEX_REMOVE, /* text = id; count: was it there? */
    INDEX_SEARCH, /* text = query; limit. Rows: id, title, excerpt, score; the best first */
    INDEX_STAMP,  /* text = id. No row, or one: stamp */
    INDEX_LIST,   /* text = id to go on behind; limit. Rows: id, stamp; in bytewise order of id */
    INDEX_COUNT,  /* count: documents */
};

enum { INDEX_ID, INDEX_STAMP_TEXT, INDEX_TITLE, INDEX_TEXT, INDEX_MORE, INDEX_TEXTS };

struct index_span {
    size_t at, len;
};

struct index_row { /* spans of index_op.out */
    struct index_span text[3];
    double score; /* the higher the better */
};

/* One operation. Zeroed by its owner, who fills the first part, keeps it until done() was called
 * and then frees it with index_op_fini(). */
struct index_op {
    struct mail mail; /* private: first member */
    enum index_kind kind;
    struct loop *loop;
    void (*done)(struct index_op *op); /* on the loop's thread, once */
    const char *tool;                  /* owned by the caller, like name */
    const char *name;                  /* of the index */
    struct buf in;                     /* the texts, one behind the other */
    struct index_span text[INDEX_TEXTS];
    uint32_t limit;
    bool any;            /* INDEX_SEARCH: documents with any of the words, not all */
    int64_t deadline_ms; /* monotonic; INT64_MAX: none */

    int code; /* 0, or an enum mg_err with err.text */
    struct err err;
    struct buf out;
    struct index_row *rows;
    size_t row_count;
    uint64_t count;
    bool has_more; /* INDEX_LIST: there are further ones */

    struct index_op *next; /* private, like all below */
    atomic_bool is_cancelled;
};

/* Never waits. A refusal (too many wait) is told by done() as well. */
void index_submit(struct index *ix, struct index_op *op);
/* Not before index_submit(). done() comes all the same, sooner. */
void index_op_cancel(struct index_op *op);
void index_op_fini(struct index_op *op);

#endif
