/* record.h - the lines of a journal segment, written and read. Pure: bytes in, bytes out.
 *
 *   {"moongate":"journal","format":1,"lineage":"9f..","segment":7,"first":124,"s":"<checksum>"}
 *   {"n":124,"d":123,"t":1795501841220,"c":[CHANGE,...],"s":"<checksum>"}
 *   CHANGE: {"k":"jobs","id":"job_1","e":1795501900000,"v":{...}}    put; e only when it expires
 *           {"k":"jobs","id":"job_1","del":true}                     delete
 *           {"k":"jobs","key":"jobId"}                               declare
 *
 * n counts up by one, over all segments. d is the newest record that was known to be synced when
 * this one was written: it tells a torn tail (legal) from damage to what had been acknowledged
 * (never legal). t is the wall clock, for people. The checksum covers the line before `,"s":` and
 * the page it stands on. */
#ifndef MG_STORE_RECORD_H
#define MG_STORE_RECORD_H
#include "base/buf.h"
#include "base/json_scan.h"
#include "store/checksum.h"
#include "store/store.h"

#define LINEAGE_SIZE 17 /* 16 hex digits and a NUL: which state a file belongs to */
#define RECORD_FORMAT 1

struct record_page {
    char lineage[LINEAGE_SIZE];
    uint64_t segment;
};

enum record_kind { RECORD_PUT, RECORD_DELETE, RECORD_DECLARE };

/* ---- writing: begin, one or more changes, end. `start` is b->len before begin. ---- */
void record_write_header(struct buf *b, const struct record_page *page, store_seq first,
                         struct checksum *sum);
void record_begin(struct buf *b, store_seq number, store_seq synced, int64_t wall_ms);
void record_put(struct buf *b, const char *collection, const char *key, size_t key_len,
                const char *text, size_t len, int64_t expires_ms);
void record_delete(struct buf *b, const char *collection, const char *key, size_t key_len);
void record_declare(struct buf *b, const char *collection, const char *key_field);
void record_end(struct buf *b, size_t start, const struct record_page *page, struct checksum *sum);

/* ---- reading: line without its newline; extents point into it ---- */
struct record {
    store_seq number, synced;
    int64_t wall_ms;
    struct json_text changes; /* a non-empty array */
};
struct record_change {
    enum record_kind kind;
    struct json_text collection; /* string */
    struct json_text key;        /* PUT, DELETE: string */
    struct json_text value;      /* PUT: object */
    struct json_text key_field;  /* DECLARE: string */
    int64_t expires_ms;          /* 0 = never */
};
/* MG_E_INVALID: not a whole line as it was written on this page. */
int record_parse(const char *line, size_t len, const struct record_page *page, struct checksum *sum,
                 struct record *out) MG_NODISCARD;
int record_change_parse(struct json_text item, struct record_change *out) MG_NODISCARD;

/* The header's checksum covers no page, so that a foreign segment can be told from a damaged one.
 * MG_E_CONFLICT: whole, but of a format that this version does not know. */
int record_parse_header(const char *line, size_t len, struct record_page *page, store_seq *first,
                        struct checksum *sum) MG_NODISCARD;

#endif
