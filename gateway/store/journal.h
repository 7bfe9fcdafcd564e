/* journal.h - numbers changes, and makes them durable: one thread appends to the current segment
 * and syncs in groups. Whatever gathered while one group was synced is the next group. A failed
 * write or sync breaks the journal: that segment is never written again (what the kernel dropped of
 * it cannot be known), what was queued is dropped, no change is accepted, until a snapshot has
 * saved what memory holds and journal_heal() goes on with a new segment. Lifetime: from the start's
 * recovery to the close. Threads: any; one lock for numbering and queue, taken inside the
 * collections' locks; writing happens outside it. */
#ifndef MG_STORE_JOURNAL_H
#define MG_STORE_JOURNAL_H
#include "store/collection.h"
#include "store/files.h"
#include "store/record.h"
#include "store/waiters.h"

#define JOURNAL_GROUP_BYTES ((size_t)4 << 20)    /* a group ends with the entry that reaches it */
#define JOURNAL_BACKLOG_BYTES ((size_t)64 << 20) /* queued beyond it: changes are refused */

struct journal_change {
    enum record_kind kind;
    struct collection *collection;
    struct store_value *value; /* PUT: the new version; DELETE: carries the key; DECLARE: NULL. One
                                  reference */
};

struct journal_entry { /* one record to be */
    struct journal_entry *next;
    store_seq number; /* given by journal_push() */
    int64_t wall_ms;
    size_t bytes; /* of texts and keys, for the bounds */
    int new_fd;   /* >= 0: no record, but the segment in which the following ones go */
    uint64_t new_segment;
    uint32_t count;
    struct journal_change changes[];
};

/* NULL: no memory. Changes are zeroed. */
struct journal_entry *journal_entry_new(uint32_t count);
void journal_entry_free(struct journal_entry *entry); /* and its references; NULL is legal */

struct journal_options {
    struct files *files;
    struct waiters *waiters;
    char lineage[LINEAGE_SIZE];
    uint64_t segment;         /* number of the first to write; absent or empty */
    store_seq last;           /* the newest record there is */
    void (*broke)(void *arg); /* called on the journal's thread, no lock held */
    void *arg;
};

struct journal;
struct journal *journal_open(const struct journal_options *o, struct err *e);
/* Takes the entry and gives it the next number, in *number. The caller holds the locks of all
 * collections that the entry changes. MG_E_READONLY: there is trouble, or the disk is too far
 * behind; the entry is still the caller's and nothing happened. */
int journal_push(struct journal *j, struct journal_entry *entry, store_seq *number,
                 struct err *e) MG_NODISCARD;

/* The point between two records at which a snapshot begins. */
struct journal_cut {
    store_seq last;   /* all records up to it go to older segments */
    uint64_t segment; /* all others to this one and later ones */
    bool broken;      /* the journal is: a durable snapshot can heal it */
};
int journal_cut(struct journal *j, struct journal_cut *cut, struct err *e) MG_NODISCARD;
/* The snapshot made at `cut` is durable. Ends the trouble that the cut found. */
void journal_heal(struct journal *j, const struct journal_cut *cut);

/* Why no change is accepted, or NULL. */
const char *journal_trouble(struct journal *j, char *out, size_t size);

struct journal_figures {
    store_seq last; /* the newest record */
    uint64_t newest_segment;
    uint64_t bytes, syncs; /* written and done so far by this process */
    size_t backlog_bytes;  /* queued */
    bool broken;
};
void journal_figures(struct journal *j, struct journal_figures *out);

/* Writes what is queued, ends the thread; no change is accepted from here on. The object stays for
 * the readers above until journal_free(). */
void journal_stop(struct journal *j);
void journal_free(struct journal *j); /* stops it first when need be; NULL is legal */

#endif
