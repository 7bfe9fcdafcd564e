#include <stdlib.h>
#include <string.h>

#include "store/local.h"

/* What a reply about an absence must wait for is the newest removal, since it tells of it. */

static struct collection *find(struct local *l, const struct store_op *op)
{
    return op->collection ? directory_find(&l->dir, op->collection, strlen(op->collection)) : NULL;
}

void local_get(struct local *l, struct store_op *op)
{
    struct collection *c = find(l, op);
    struct store_value *v = NULL;

    op->code = MG_E_NOTFOUND;
    if (!c || !op->key)
        return;
    pthread_mutex_lock(&c->lock);
    v = table_find(&c->table, op->key, op->key_len);
    if (v)
        store_value_ref(v);
    op->seq = v ? v->seq : c->last_delete;
    pthread_mutex_unlock(&c->lock);
    if (!v)
        return;
    op->one = v;
    op->values = &op->one;
    op->count = 1;
    op->code = 0;
}

void local_count(struct local *l, struct store_op *op)
{
    struct collection *c = find(l, op);

    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    op->count = c->table.live;
    op->seq = c->last;
    pthread_mutex_unlock(&c->lock);
}

/* ---- list ---- */

struct cursor {
    const struct table *table;
    uint32_t at;
    bool newest, done;
};

static struct store_value *cursor_value(struct cursor *cur)
{
    if (cur->done)
        return NULL;
    return cur->newest ? table_prev(cur->table, &cur->at) : table_next(cur->table, &cur->at);
}

static void cursor_step(struct cursor *cur)
{
    if (cur->newest)
        cur->done = cur->at-- == 0;
    else
        cur->at++;
}

/* Under the collection's lock: fills the array, which has room for `room`. */
static int list_fill(struct collection *c, struct store_op *op, size_t room)
{
    struct cursor cur = { .table = &c->table, .newest = op->newest };
    struct store_value *v;

    op->seq = c->last_delete;
    cur.at = op->newest ? TABLE_NONE : 0;
    if (op->key) {
        cur.at = table_position(cur.table, op->key, op->key_len);
        if (cur.at == TABLE_NONE)
            return MG_E_NOTFOUND;
        cursor_step(&cur);
    }
    for (; (v = cursor_value(&cur)); cursor_step(&cur)) {
        if (op->count == room) {
            op->more = true;
            break;
        }
        op->values[op->count++] = store_value_ref(v);
        if (v->seq > op->seq)
            op->seq = v->seq;
    }
    return 0;
}

void local_list(struct local *l, struct store_op *op)
{
    struct collection *c = find(l, op);
    size_t room = 0;

    if (!c) {
        op->code = op->key ? MG_E_NOTFOUND : 0;
        return;
    }
    /* The array is made before the lock is taken; with no limit the collection may outgrow it
     * meanwhile. */
    for (;;) {
        pthread_mutex_lock(&c->lock);
        size_t live = c->table.live, want = op->limit && op->limit < live ? op->limit : live;
        if (room >= want) {
            op->code = list_fill(c, op, op->limit && op->limit < room ? op->limit : room);
            pthread_mutex_unlock(&c->lock);
            break;
        }
        pthread_mutex_unlock(&c->lock);
        room = want + (op->limit ? 0 : want / 8);
        free(op->values);
        op->values = malloc(room * sizeof *op->values);
        if (!op->values) {
            op->code = MG_E_NOMEM;
            break;
        }
    }
    if (op->code == MG_E_NOTFOUND)
        err_set(&op->err, MG_E_NOTFOUND, "the key to list after is not there any more");
}
