/* local.h - the local backend: collections in memory, and, unless it is memory only, a journal and
 * snapshots. Shared by the files of this folder that make it up; nobody else includes it. Threads:
 * what is not atomic or a service of its own changes only in store_open_*() and store_close(). */
#ifndef MG_STORE_LOCAL_H
#define MG_STORE_LOCAL_H
#include "store/backend.h"
#include "store/collection.h"
#include "store/files.h"
#include "store/journal.h"
#include "store/saver.h"

struct local {
    struct store base; /* first */
    struct directory dir;
    struct files files; /* dir < 0: memory only */
    int lock_fd;
    char lineage[LINEAGE_SIZE];
    uint64_t next_segment;   /* without a journal: the first that one would write */
    uint64_t oldest_segment; /* of those that may exist; the saver's, once it runs */
    bool is_closed; /* the file says that no segment belongs to it; the saver's, likewise */
    struct journal *journal;        /* NULL: changes are numbered and that is all */
    struct saver *saver;            /* NULL: memory only */
    _Atomic store_seq last;         /* without a journal: the newest record */
    _Atomic int64_t job_ttl_ms;     /* 0 = never */
    _Atomic int64_t next_expiry_ms; /* no value expires before; INT64_MAX: none does */
};

static inline struct local *local_of(struct store *s) { return (struct local *)s; }

/* The newest record there is. */
store_seq local_last(struct local *l);
/* Remembers that a value is to expire. */
void local_note_expiry(struct local *l, int64_t expires_ms);

/* read.c, write.c, declare.c: operations, complete on return. op's results are zero before. */
void local_get(struct local *l, struct store_op *op);
void local_list(struct local *l, struct store_op *op);
void local_count(struct local *l, struct store_op *op);
void local_write(struct local *l, struct store_op *op);
int local_declare(struct local *l, const char *name, const char *key_field,
                  struct err *e) MG_NODISCARD;
/* A new collection, not yet to be found, with the objects of the member of that name that was kept
 * as it was, if there is one; that is *extra. l->dir is locked, or nobody else is there. */
int local_new_collection(struct local *l, const char *name, size_t len, const char *key_field,
                         size_t field_len, struct collection **out, struct extra **extra,
                         struct err *e) MG_NODISCARD;
/* Gives the collection and all its objects the number of the record that declared it, makes it
 * findable, and marks the member it was made of, which may be NULL. */
void local_publish(struct local *l, struct collection *c, struct extra *extra, store_seq seq);

/* recover.c: what the files hold, into memory. */
struct recovery {
    uint64_t next_segment; /* where to write */
    store_seq saved, last; /* the newest record of the file; of all */
    bool is_ours; /* false: the file is the kit's, or there is none; no segment before it is ours */
    bool has_segments; /* there is something to remove once all is in the file */
};
int local_recover(struct local *l, struct recovery *out, struct err *e) MG_NODISCARD;

/* save.c: one snapshot, from the cut to the removal of what it covers. closing: the journal is
 * stopped, or there is none, and no segment is to remain. *saved: the newest record that the file
 * holds for sure; in and out. */
int local_save(struct local *l, bool closing, store_seq *saved, struct err *e) MG_NODISCARD;

/* recover.c: "jobs" and "models" are there whatever the file holds. */
int local_add_kit_collections(struct local *l, store_seq seq, struct err *e) MG_NODISCARD;

/* figures.c */
void local_metrics(struct store *s, struct buf *out);

/* sweep.c: removes ended jobs older than job_ttl_ms and values whose time has come. Returns how
 * many, or negative. */
int64_t local_sweep(struct local *l, int64_t now_ms, struct err *e);

#endif
