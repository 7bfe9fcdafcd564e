/* backend.h - what stands behind store.h: one table of functions a backend.
 * `waiters` belongs to every backend, so that store_is_durable() is one load whoever answers. */
#ifndef MG_STORE_BACKEND_H
#define MG_STORE_BACKEND_H
#include "store/store.h"
#include "store/waiters.h"

struct store_backend {
    const char *name;                                    /* for metrics */
    int (*submit)(struct store *s, struct store_op *op); /* as store_submit(); results are zeroed */
    int (*declare)(struct store *s, const char *collection, const char *key_field, struct err *e);
    const char *(*trouble)(struct store *s, char *out, size_t size);
    void (*reconfigure)(struct store *s, int64_t autosave_ms, int64_t job_ttl_ms);
    int (*snapshot)(struct store *s, struct err *e);
    int (*close)(struct store *s, struct err *e); /* frees s */
    void (*metrics)(struct store *s, struct buf *out);
    void (*announce)(struct store *s, const char *address); /* NULL: there is nobody to tell */
    void (*own_files)(struct store *s, void (*fn)(void *arg, const char *path), void *arg);
};

struct store { /* first member of every backend's own */
    const struct store_backend *backend;
    struct waiters waiters;
};

#endif
