/* collection.h - the collections of a store, each a table behind a lock of its own, and where to
 * find them. Lifetime: a collection stays until the store is closed, so that a pointer to one never
 * dangles. Threads: directory_find() and directory_at() take no lock; what a collection holds is
 * under its lock. Several locks are taken in order of id. The queue of the journal is locked inside
 * them, never outside. */
#ifndef MG_STORE_COLLECTION_H
#define MG_STORE_COLLECTION_H
#include <pthread.h>
#include <stdatomic.h>

#include "store/table.h"

#define COLLECTION_MAX 1000     /* collections of one store */
#define COLLECTION_NAME_MAX 200 /* bytes, [A-Za-z0-9_.-] */
#define COLLECTION_FIELD_MAX 64 /* bytes of the name of the key's member, likewise */
#define COLLECTION_BUCKETS 64

struct collection {
    struct collection *next; /* in its bucket; set once */
    uint32_t id; /* 0 for the first; the order of locking and of the members of the file */
    char *name, *key_field; /* set once */
    size_t name_len;
    pthread_mutex_t lock;
    struct table table;
    store_seq covered;     /* the file held all its records up to this one at the start; set once */
    store_seq last;        /* the newest record that touched it */
    store_seq last_delete; /* the newest record that removed something: what an absence tells of */
};

/* A member of the file that is no collection (yet): kept as it is. It stays in memory until the
 * store is closed, so that a snapshot may write it without a lock. */
struct extra {
    struct extra *next;
    char *name; /* may hold any byte but NUL */
    size_t name_len;
    char *text; /* compact JSON */
    size_t len;
    bool adopted; /* a collection holds its objects now */
};

struct directory {
    pthread_mutex_t lock; /* of adding, and of extras */
    _Atomic(struct collection *) buckets[COLLECTION_BUCKETS];
    _Atomic(struct collection *) all[COLLECTION_MAX];
    atomic_uint count;
    struct extra *extras; /* in the order of the file; only grows, while nobody else is there */
};

bool collection_name_ok(const char *name, size_t len);
bool collection_field_ok(const char *name, size_t len);
/* The key's member in the ops kit's own collections, which every store has; NULL for any other
 * name. */
const char *collection_kit_field(const char *name, size_t len);

void directory_init(struct directory *d);
void directory_fini(struct directory *d);
struct collection *directory_find(struct directory *d, const char *name, size_t len);
static inline unsigned directory_count(struct directory *d) { return atomic_load(&d->count); }
static inline struct collection *directory_at(struct directory *d, unsigned i)
{
    return atomic_load(&d->all[i]);
}

/* A collection that nobody can find yet; NULL: no memory. Names are valid. */
struct collection *collection_new(const char *name, size_t len, const char *key_field,
                                  size_t field_len);
void collection_free(struct collection *c); /* NULL is legal */

/* The rest: the caller holds d->lock, or is alone. */
bool directory_is_full(struct directory *d);
/* Makes it findable and gives it its id. The name is not there yet, the directory not full. */
void directory_publish(struct directory *d, struct collection *c);
int directory_add_extra(struct directory *d, const char *name, size_t len, const char *text,
                        size_t text_len) MG_NODISCARD;
/* The one of that name that is not adopted, or NULL. */
struct extra *directory_extra(struct directory *d, const char *name, size_t len);

#endif
