/* store.h - durable collections of JSON objects, each under a string key, in order of insertion.
 * A table of functions stands behind it, completed by callback, so that a remote backend can; the
 * local one completes inline. Values are immutable, reference-counted JSON texts: a reader keeps
 * its reference as long as it likes. Every change gets a record number; a reply that tells of a
 * change, or of a value it read, must wait until that number is durable (store_wait).
 * Threads: any. Each collection has a lock of its own, held to swap or collect pointers. */
#ifndef MG_STORE_H
#define MG_STORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

typedef uint64_t store_seq;       /* record number; 0 = nothing to wait for */
#define STORE_ANY ((store_seq)-1) /* no precondition */

/* Bounds; past one the write fails with MG_E_LIMIT and changes nothing. The depth leaves room for
 * what a record and the file put around an object, within JSON_MAX_DEPTH. */
#define STORE_MAX_KEY 512          /* bytes of a key, at least 1 */
#define STORE_MAX_TEXT (4 << 20)   /* bytes of an object's text */
#define STORE_MAX_DEPTH 60         /* of nesting in an object */
#define STORE_MAX_CHANGES 1000     /* of one write */
#define STORE_MAX_BATCH (16 << 20) /* bytes of one write */
#define STORE_MAX_TOUCHED 32       /* collections of one write */

struct store_value; /* immutable */
/* One line of JSON, an object; and its key. Both end in a NUL; len may be NULL. */
const char *store_value_text(const struct store_value *v, size_t *len);
const char *store_value_key(const struct store_value *v, size_t *len);
store_seq store_value_seq(const struct store_value *v); /* the record that wrote it */
struct store_value *store_value_ref(struct store_value *v);
void store_value_unref(struct store_value *v); /* NULL is legal */

struct store;
struct store_change { /* one put or delete; all texts borrowed for the call */
    const char *collection;
    const char *key; /* UTF-8; a put's object has it as its key's member */
    size_t key_len;
    const char *text; /* NULL deletes; else a JSON object on one line, as json_compact() writes */
    size_t len;
    store_seq expect; /* STORE_ANY; 0: must not exist; else: must be the version with this seq */
    int64_t ttl_ms;   /* put: 0 = for ever; else the sweep removes it after this time */
};

enum store_kind { STORE_GET, STORE_WRITE, STORE_LIST, STORE_COUNT };
struct store_op {      /* owned by the caller, alive until done */
    struct mail mail;  /* private to remote backends */
    struct loop *loop; /* where done() is called when the op does not complete inline */
    void (*done)(struct store_op *op); /* never called when store_submit() returned 1 */
    enum store_kind kind;
    const char *collection; /* GET LIST COUNT; one that is not declared has nothing in it */
    const char *key;        /* GET; LIST: start behind this key, NULL = from the beginning */
    size_t key_len;
    /* WRITE: applied in order, all or none, one record. Preconditions are judged against what was
     * there before the write. */
    const struct store_change *changes;
    size_t change_count;
    size_t limit; /* LIST: at most so many (0 = all) */
    bool newest;  /* LIST: from the newest backwards */

    /* Results. code: 0 or
     * MG_E_NOTFOUND  GET: no such key. LIST: the key to start behind is gone
     * MG_E_CONFLICT  WRITE: a precondition does not hold; seq says what the reply must wait for
     * MG_E_INVALID   WRITE: an undeclared collection, a bad key or text
     * MG_E_LIMIT     WRITE: a bound above
     * MG_E_READONLY  WRITE: not now: store_trouble() says why, or the disk is too far behind; seq
     *                is 0 but where a precondition held
     * MG_E_NOMEM     nothing happened */
    int code;
    struct err err; /* with the reason, except for MG_E_NOTFOUND of GET */
    /* GET: one; LIST: count of them; WRITE: one for each change, NULL for a delete. All references
     * and the array go with store_op_fini(). */
    struct store_value **values;
    size_t count;            /* COUNT: objects. WRITE: puts, and deletes of what was there */
    struct store_value *one; /* private: where values points for a GET, and a WRITE of one change:
                              * such an op must stay where it is */
    bool more;               /* LIST: there are more behind the last */
    store_seq seq;           /* what a reply about this result must wait for */
};
/* 1: complete now; 0: done() will be called. */
int store_submit(struct store *s, struct store_op *op) MG_NODISCARD;
void store_op_fini(struct store_op *op); /* legal on a zeroed op, and twice */

/* The gateway's own collection: no tool is let in, whatever it is granted. */
#define STORE_TASKS "_tasks"

/* Declares a collection and the member that holds its key ("jobId"); NULL: "id". Idempotent; a
 * different key field for a known collection is MG_E_CONFLICT. "jobs" (jobId) and "models"
 * (modelId) are always there. A member of the state file that nobody declared before becomes the
 * collection, if it is an array of objects that have the key. */
int store_declare(struct store *s, const char *collection, const char *key_field,
                  struct err *e) MG_NODISCARD;

/* Durability. A wait is intrusive; done() is called on its loop: code 0, or MG_E_UNSURE when the
 * disk failed and the record may or may not survive. One that is patient lasts through trouble with
 * the disk: until the record is durable after all, or (MG_E_UNSURE) until store_close(). The loop
 * must live until then. */
struct store_wait {
    struct mail mail;        /* private */
    struct store_wait *next; /* private */
    struct loop *loop;
    store_seq seq;
    bool is_patient;
    void (*done)(struct store_wait *w, int code);
    int code; /* private */
};
bool store_is_durable(struct store *s, store_seq seq); /* one atomic load; 0 is always durable */
/* done() always comes later, also at once */
void store_wait(struct store *s, struct store_wait *w);
/* NULL: healthy; else why the store is read-only. It ends by itself once a snapshot succeeds. */
const char *store_trouble(struct store *s, char *out, size_t size);

/* ---- the local backend: memory, journal, snapshot ---- */
enum store_durability { STORE_JOURNAL, STORE_SNAPSHOT };
struct store_options {
    const char *path; /* the snapshot; journal, lock and temporary files stand beside it */
    int64_t autosave_ms;
    enum store_durability durability;
    int64_t job_ttl_ms; /* collection "jobs": ended ones older than this are removed; 0 = never */
    int64_t sweep_ms;   /* between two sweeps, the first being at the start; hourly: 3600000 */
};
/* Locks, recovers, starts its threads. NULL with the reason: everything unreadable is an error
 * with file, line and the way out. */
struct store *store_open_local(const struct store_options *o, struct err *e);
/* Memory only, for tests. Nothing waits. */
struct store *store_open_memory(struct err *e);
/* Likewise, filled from a copy of what the files hold, which may be a running gateway's: for
 * `moongate call`. No file means an empty store. */
struct store *store_open_copy(const char *path, struct err *e);
void store_reconfigure(struct store *s, int64_t autosave_ms, int64_t job_ttl_ms);
/* Waits for it: shutdown, tests, a way out of trouble. Not on a worker's thread. */
int store_snapshot_now(struct store *s, struct err *e) MG_NODISCARD;
/* Final snapshot, joins, unlocks, frees. Nobody uses the store any more; waits that are pending
 * are posted before it returns. Negative: the snapshot failed; what was durable is in the journal,
 * the rest is lost; but MG_E_UNSURE where all is in the file, and a power cut may bring the one
 * before it back. NULL is legal. */
int store_close(struct store *s, struct err *e);
void store_metrics(void *store, struct buf *out); /* a metrics_source */
/* Says beside the state where its owner is reached ("127.0.0.1:8766"), for whoever wants to ask the
 * owner because it holds the lock. What cannot be written is not said. */
void store_announce(struct store *s, const char *address);
/* What the owner of the state at path said. False: nothing, or that cannot be read. */
bool store_announced(const char *path, char *out, size_t size);
/* The process that took the state at path last, whether it still has it or not; 0: nobody knows. */
pid_t store_owner(const char *path);
/* The store's own files (snapshot, journal, lock, temporary) that tools may not touch: calls fn
 * with each path. Segments come and go: ask again rather than keep the answer. */
void store_own_files(struct store *s, void (*fn)(void *arg, const char *path), void *arg);

#endif
