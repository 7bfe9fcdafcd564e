/* snapshot.h - the state file's text, written piece by piece and read back. Pure: no files, locks.
 *
 *   {"jobs":[
 *   {"jobId":"job_1",...},
 *   {"jobId":"job_2",...}
 *   ],
 *   "models":[],
 *   "anything else":...,
 *   "_meta":{"format":1,"lineage":"9f..","seq":123,"segment":7,"time":"2026-..",
 *    "collections":{"jobs":{"key":"jobId","seq":123},...},
 *    "expires":{"NAME":{"KEY":1795501900000}},"sum":"<checksum>"}}
 *
 * That is the ops kit's format with one member more, which the kit ignores. seq: every record up to
 * it is in the file; a collection's own seq: that collection was taken a little later, and holds
 * its records up to there. segment: the first journal segment to replay on top. closed: written at
 * the end of a run, there may be none. sum covers all bytes before `,"sum":`; a file without it
 * (the kit's, or one edited by hand) is taken as it is. */
#ifndef MG_STORE_SNAPSHOT_H
#define MG_STORE_SNAPSHOT_H
#include "base/buf.h"
#include "base/json_scan.h"
#include "store/record.h"
#include "store/value.h"

#define SNAPSHOT_FORMAT 1

struct snapshot_meta {
    char lineage[LINEAGE_SIZE];
    store_seq seq;
    uint64_t segment;
    int64_t wall_ms;
    bool closed;
};

/* ---- writing: begin, members in order, end ---- */

/* Takes the next bytes of the file; returns 0 or a negative code, which ends the writing. */
typedef int snapshot_write_fn(void *arg, const char *data, size_t len);

struct snapshot_writer { /* private; {0} is valid for fini */
    struct buf out, collections, expires;
    struct checksum sum;
    snapshot_write_fn *write;
    void *arg;
    int code;         /* sticky */
    const char *name; /* the current collection's */
    bool has_item;
    bool has_expiry; /* the current collection's object in `expires` is open */
};

int snapshot_begin(struct snapshot_writer *w, snapshot_write_fn *write, void *arg) MG_NODISCARD;
/* name is borrowed until the collection's end. */
void snapshot_collection(struct snapshot_writer *w, const char *name, const char *key_field,
                         store_seq seq);
void snapshot_value(struct snapshot_writer *w, const struct store_value *v);
void snapshot_collection_end(struct snapshot_writer *w);
void snapshot_extra(struct snapshot_writer *w, const char *name, const char *text, size_t len);
int snapshot_end(struct snapshot_writer *w, const struct snapshot_meta *meta) MG_NODISCARD;
void snapshot_fini(struct snapshot_writer *w);

/* ---- reading ---- */

struct snapshot_reader { /* each returns 0, or a negative code with the reason, which ends the
                            reading */
    void *arg;
    /* A collection begins; its values follow. */
    int (*collection)(void *arg, struct json_text name, const char *key_field, size_t field_len,
                      store_seq seq, struct err *e);
    int (*value)(void *arg, const char *key, size_t key_len, const char *text, size_t len,
                 struct err *e);
    /* After its collection: this one has a time to live. */
    int (*expiry)(void *arg, const char *key, size_t key_len, int64_t expires_ms, struct err *e);
    /* A member that no collection is made of. */
    int (*extra)(void *arg, struct json_text name, const char *text, size_t len, struct err *e);
};

/* Reads a whole file. *has_meta tells whether it is one of ours; meta is zero when not. file is for
 * messages, which are "FILE:LINE: reason". */
int snapshot_read(const char *file, const char *text, size_t len,
                  const struct snapshot_reader *reader, struct snapshot_meta *meta, bool *has_meta,
                  struct err *e) MG_NODISCARD;

/* The items of an array as values of a collection; used for a member that is declared later, too.
 * MG_E_INVALID when an item is no object with a string under key_field. text and file: for the line
 * number. */
int snapshot_read_items(const char *file, const char *text, struct json_text array,
                        const char *key_field, size_t field_len,
                        const struct snapshot_reader *reader, struct err *e) MG_NODISCARD;

#endif
