/* index_struct.h - what is behind index.h. Not for users.
 * One runner is one connection and the job that a helper thread works its lane with. It takes what
 * waits in its lane, does it, and posts each operation back to its loop. */
#ifndef MG_INDEX_STRUCT_H
#define MG_INDEX_STRUCT_H
#include <pthread.h>
#include <sqlite3.h>

#include "index/index.h"

#define RUNNERS (1 + INDEX_READERS_MAX) /* the writer is the first */

struct lane {
    struct index_op *first, **last; /* waiting, oldest first */
    unsigned waiting;
    uint64_t bytes; /* of documents that wait or are being written */
};

struct runner {
    struct offload_job job; /* first member */
    struct index *ix;
    struct lane *lane;
    bool is_writer, is_busy;
    sqlite3 *db;         /* NULL: not open. The runner's alone, under index.files */
    unsigned generation; /* of the file that db was opened on */
};

struct index {
    struct index_options o; /* path is owned */
    /* Held for reading while a connection is open or used, for writing while the file is put away.
     */
    pthread_rwlock_t files;
    unsigned generation; /* of the file; under files */
    pthread_mutex_t lock;
    struct lane writes, reads; /* under lock, like is_closed and runner.is_busy */
    bool is_closed;
    struct runner runners[RUNNERS];
};

/* Each does one group of operations on an open connection and sets their results. True: the file
 * turned out to be bad, and nothing of it counts. */
bool index_write(struct runner *r, struct index_op *first);
bool index_read(struct runner *r, struct index_op *op);

/* Forgets what an operation has found so far. */
void index_op_reset(struct index_op *op);

#endif
