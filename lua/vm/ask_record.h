/* ask_record.h - what a call was told by its client and what it keeps with ctx:once: what the next
 * run of the same call finds again.
 * Lifetime: the task's; made when it first asks. Threads: the vm's. */
#ifndef MG_ASK_RECORD_H
#define MG_ASK_RECORD_H
#include "base/buf.h"
#include "base/json_scan.h"

#define ASK_RECORD_MAX 262144 /* bytes of JSON: it travels to the client and back */

struct ask_record {
    struct buf answers; /* {KEY:RESULT,...} */
    struct buf once;    /* {KEY:[VALUE],...}; [] for nil */
};

/* memory: what an earlier run has left, or JSON_NONE. NULL: no memory. */
struct ask_record *ask_record_new(struct json_text memory);
void ask_record_free(struct ask_record *r); /* NULL is allowed */
/* A member of one of the two; JSON_NONE: it is not there. Borrowed until the next keep. */
struct json_text ask_record_find(const struct buf *part, const char *key);
/* value: one whole JSON value; it takes the place of what has the key. MG_E_LIMIT: the record would
 * be over ASK_RECORD_MAX. */
int ask_record_keep(struct ask_record *r, struct buf *part, const char *key,
                    struct json_text value) MG_NODISCARD;
/* {"answers":...,"once":...} */
void ask_record_write(const struct ask_record *r, struct buf *out);

#endif
