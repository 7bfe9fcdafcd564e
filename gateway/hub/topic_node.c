#include "hub/topic_node.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

bool topic_name_ok(const char *s, size_t *len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.:/-";

    *len = strnlen(s, TOPIC_NAME_MAX + 1);
    return *len > 0 && *len <= TOPIC_NAME_MAX && strspn(s, allowed) == *len;
}

struct topic_shard *topic_shard_of(struct topics *t, uint64_t hash)
{
    return &t->shards[(hash >> 32) % TOPIC_SHARDS];
}

struct topic_node *topic_node_find(struct topic_shard *s, const char *name, size_t len,
                                   uint64_t hash)
{
    struct topic_node *n;

    HASH_FIND_BYHASHVALUE(hh, s->table, name, len, (unsigned)hash, n);
    return n;
}

struct topic_node *topic_node_add(struct topics *t, struct topic_shard *s, const char *name,
                                  size_t len, uint64_t hash)
{
    struct topic_node *n = malloc(sizeof *n + len + 1);

    if (!n)
        return NULL;
    memset(n, 0, sizeof *n);
    memcpy(n->name, name, len);
    n->name[len] = '\0';
    n->name_len = (unsigned)len;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, s->table, n->name, len, (unsigned)hash, n);
    if (!n->hh.tbl) {
        free(n);
        return NULL;
    }
    atomic_fetch_add(&t->awaited, 1);
    return n;
}

static void queue_leave(struct topic_shard *s, struct topic_node *n)
{
    if (!n->is_queued)
        return;
    DL_DELETE(s->queue, n);
    n->is_queued = false;
}

void topic_node_settle(struct topics *t, struct topic_shard *s, struct topic_node *n)
{
    queue_leave(s, n);
    if (!n->past && !n->links) {
        HASH_DELETE(hh, s->table, n);
        atomic_fetch_sub(&t->awaited, 1);
        free(n);
    } else if (!n->links) {
        n->used = atomic_fetch_add(&t->uses, 1);
        DL_APPEND(s->queue, n);
        n->is_queued = true;
    }
    atomic_store(&s->oldest, s->queue ? s->queue->used : UINT64_MAX);
}

static uint64_t past_bytes(const struct topic_past *p)
{
    return sizeof *p + sizeof *p->ev + p->ev->len;
}

static void past_drop(struct topics *t, struct topic_node *n, struct topic_past *p)
{
    if (p->is_progress) {
        n->progress_count--;
        if (n->progress == p) {
            do
                n->progress = n->progress->next;
            while (n->progress && !n->progress->is_progress);
        }
    }
    DL_DELETE(n->past, p);
    atomic_fetch_sub(&t->bytes, past_bytes(p));
    topic_event_unref(p->ev);
    free(p);
    if (!n->past) {
        atomic_fetch_sub(&t->kept, 1);
        atomic_fetch_add(&t->awaited, 1);
    }
}

void topic_node_keep(struct topics *t, struct topic_shard *s, struct topic_node *n,
                     struct topic_past *past)
{
    if (!n->past) {
        atomic_fetch_sub(&t->awaited, 1);
        atomic_fetch_add(&t->kept, 1);
    }
    DL_APPEND(n->past, past);
    atomic_fetch_add(&t->bytes, past_bytes(past));
    if (past->is_progress) {
        n->progress_count++;
        if (!n->progress)
            n->progress = past;
        if (n->progress_count > TOPIC_PROGRESS_MAX)
            past_drop(t, n, n->progress);
    }
    topic_node_settle(t, s, n);
}

void topic_node_forget(struct topics *t, struct topic_node *n) { past_drop(t, n, n->past); }

void topic_node_clear(struct topics *t, struct topic_node *n)
{
    while (n->past)
        past_drop(t, n, n->past);
}
