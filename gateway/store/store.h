/* store.h - durable collections of JSON objects, each under a string key, in order of insertion.
 * One vtable, completed by callback, so that a remote backend can stand behind it; the local one completes
 * inline. Values are immutable, reference-counted JSON texts: a reader keeps its reference as long as it likes.
 * Every change gets a record number; a reply that tells of a change, or of a value it read, must wait until
 * that number is durable (store_wait). Threads: any; a shard lock is held for a pointer swap only. */
#ifndef MG_STORE_H
#define MG_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

typedef uint64_t store_seq;            /* record number; 0 = nothing to wait for */
#define STORE_ANY ((store_seq) - 1)    /* no precondition */

struct store_value;                    /* immutable */
const char *store_value_text(const struct store_value *v, size_t *len);   /* one line of JSON, an object */
const char *store_value_key(const struct store_value *v, size_t *len);
store_seq store_value_seq(const struct store_value *v);                   /* the record that wrote it */
struct store_value *store_value_ref(struct store_value *v);
void store_value_unref(struct store_value *v);                            /* NULL is legal */

struct store;
struct store_change {                  /* one put or delete; all texts borrowed for the call */
    const char *collection;
    const char *key;
    size_t key_len;
    const char *text;                  /* NULL deletes; else one validated JSON object on one line (json_compact) */
    size_t len;
    store_seq expect;                  /* STORE_ANY; 0: must not exist; else: must be the version with this seq */
    int64_t ttl_ms;                    /* 0 = for ever; else removed by the sweep after this time */
};

enum store_kind { STORE_GET, STORE_WRITE, STORE_LIST, STORE_COUNT };
struct store_op {                      /* owned by the caller, alive until done */
    struct mail mail;                  /* private to remote backends */
    struct loop *loop;                 /* where done() is called when the op does not complete inline */
    void (*done)(struct store_op *op); /* never called when store_submit() returned 1 */
    enum store_kind kind;
    const char *collection;            /* GET LIST COUNT */
    const char *key;                   /* GET; LIST: start behind this key, NULL = from the begin */
    size_t key_len;
    const struct store_change *changes;/* WRITE: all or none, one record */
    size_t change_count;
    size_t limit;                      /* LIST: at most so many (0 = all) */
    bool newest;                       /* LIST: from the newest backwards */
    /* results */
    int code;                          /* 0, MG_E_NOTFOUND, MG_E_CONFLICT, MG_E_READONLY, MG_E_UNSURE, MG_E_LIMIT, MG_E_NOMEM ... */
    struct err err;
    struct store_value **values;       /* GET: one; LIST: count; WRITE: the values written (NULL for a delete); free with store_op_fini() */
    size_t count;                      /* also the result of COUNT; WRITE of a single delete: 1 if it existed */
    bool more;                         /* LIST: there are more behind the last */
    store_seq seq;                     /* what a reply about this result must wait for */
};
int store_submit(struct store *s, struct store_op *op) MG_NODISCARD;   /* 1: complete now; 0: done() will be called */
void store_op_fini(struct store_op *op);

/* Declares a collection and the member that holds its key ("jobId"); NULL: "id". Idempotent; a different key
 * field for a known collection is MG_E_CONFLICT. */
int store_declare(struct store *s, const char *collection, const char *key_field, struct err *e) MG_NODISCARD;

/* Durability. A wait is intrusive; done() is called on its loop: code 0, or MG_E_UNSURE with the reason. */
struct store_wait {
    struct mail mail;                  /* private */
    struct store_wait *next;           /* private */
    struct loop *loop;
    store_seq seq;
    void (*done)(struct store_wait *w, int code);
    int code;                          /* private */
};
bool store_is_durable(struct store *s, store_seq seq);                 /* one atomic load; 0 is always durable */
void store_wait(struct store *s, struct store_wait *w);                /* done() always comes later, also at once */
const char *store_trouble(struct store *s, char *out, size_t size);    /* NULL: healthy; else why it is read-only */

/* ---- the local backend: memory, journal, snapshot ---- */
enum store_durability { STORE_JOURNAL, STORE_SNAPSHOT };
struct store_options {
    const char *path;                  /* the snapshot; journal, lock and temporary files stand beside it */
    int64_t autosave_ms;
    enum store_durability durability;
    int64_t job_ttl_ms;                /* collection "jobs": ended ones older than this are removed; 0 = never */
    int64_t sweep_ms;                  /* hourly: 3600000 */
};
/* Locks, recovers, starts its threads. Everything unreadable is an error with file, line and the way out. */
struct store *store_open_local(const struct store_options *o, struct err *e);
/* Memory only, for `moongate call` without a state and for tests. */
struct store *store_open_memory(struct err *e);
void store_reconfigure(struct store *s, int64_t autosave_ms, int64_t job_ttl_ms);
int store_snapshot_now(struct store *s, struct err *e) MG_NODISCARD;   /* waits for it; shutdown, tests, the store's way out of trouble */
int store_close(struct store *s, struct err *e);                       /* final snapshot, joins, unlocks, frees */
void store_metrics(void *store, struct buf *out);                      /* a metrics_source */
/* The store's own files (snapshot, journal, lock, temporary), for the list of files tools may not touch: calls fn with each path. */
void store_own_files(struct store *s, void (*fn)(void *arg, const char *path), void *arg);

#endif
