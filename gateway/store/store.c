#include "store/store.h"

#include <stdlib.h>

#include "store/backend.h"

int store_submit(struct store *s, struct store_op *op)
{
    op->code = 0;
    op->err = (struct err){ 0 };
    op->values = NULL;
    op->one = NULL;
    op->count = 0;
    op->more = false;
    op->seq = 0;
    return s->backend->submit(s, op);
}

void store_op_fini(struct store_op *op)
{
    size_t n = op->kind == STORE_WRITE ? op->change_count : op->kind == STORE_COUNT ? 0 : op->count;

    for (size_t i = 0; op->values && i < n; i++)
        store_value_unref(op->values[i]);
    if (op->values != &op->one)
        free(op->values);
    op->values = NULL;
    op->one = NULL;
    op->count = 0;
}

int store_declare(struct store *s, const char *collection, const char *key_field, struct err *e)
{
    return s->backend->declare(s, collection, key_field, e);
}

bool store_is_durable(struct store *s, store_seq seq)
{
    return seq <= atomic_load_explicit(&s->waiters.durable, memory_order_acquire);
}

void store_wait(struct store *s, struct store_wait *w) { waiters_add(&s->waiters, w); }

const char *store_trouble(struct store *s, char *out, size_t size)
{
    return s->backend->trouble(s, out, size);
}

void store_reconfigure(struct store *s, int64_t autosave_ms, int64_t job_ttl_ms)
{
    s->backend->reconfigure(s, autosave_ms, job_ttl_ms);
}

int store_snapshot_now(struct store *s, struct err *e) { return s->backend->snapshot(s, e); }

int store_close(struct store *s, struct err *e) { return s ? s->backend->close(s, e) : 0; }

void store_metrics(void *store, struct buf *out)
{
    struct store *s = store;

    s->backend->metrics(s, out);
}

void store_announce(struct store *s, const char *address)
{
    if (s->backend->announce)
        s->backend->announce(s, address);
}

void store_own_files(struct store *s, void (*fn)(void *arg, const char *path), void *arg)
{
    s->backend->own_files(s, fn, arg);
}
