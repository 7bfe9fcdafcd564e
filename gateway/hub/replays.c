#include "hub/replays.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/rand.h"
#include "hub/replays_struct.h"

/* ---- all ---- */

struct replays *replays_new(size_t max_bytes)
{
    struct replays *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    r->max_bytes = max_bytes;
    shares_set_max(&r->bytes, REPLAYS_MAX_BYTES);
    shares_set_max(&r->waiting, REPLAYS_MAX);
    return r;
}

void replays_free(struct replays *r)
{
    if (!r)
        return;
    struct replay *one, *next;
    HASH_ITER (hh, r->streams, one, next)
        replay_remove(one);
    shares_fini(&r->bytes);
    shares_fini(&r->waiting);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void replays_set_max(struct replays *r, size_t max_bytes)
{
    pthread_mutex_lock(&r->lock);
    r->max_bytes = max_bytes;
    pthread_mutex_unlock(&r->lock);
}

void replays_metrics(void *replays, struct buf *out)
{
    struct replays *r = replays;

    pthread_mutex_lock(&r->lock);
    unsigned over = (unsigned)r->waiting.held, count = atomic_load(&r->count);
    unsigned long long bytes = r->bytes.held, left_out = r->left_out;
    pthread_mutex_unlock(&r->lock);
    buf_printf(out,
               "# HELP moongate_replays Streams of calls that their clients can resume.\n"
               "# TYPE moongate_replays gauge\nmoongate_replays %u\n"
               "# HELP moongate_replays_over Those of calls that are over.\n"
               "# TYPE moongate_replays_over gauge\nmoongate_replays_over %u\n"
               "# HELP moongate_replay_bytes What is kept of all of them.\n"
               "# TYPE moongate_replay_bytes gauge\nmoongate_replay_bytes %llu\n"
               "# HELP moongate_replay_left_out_total Events that were not kept for want of room.\n"
               "# TYPE moongate_replay_left_out_total counter\n"
               "moongate_replay_left_out_total %llu\n",
               count, over, bytes, left_out);
}

/* ---- events ---- */

static void event_drop(struct replay *one, struct replay_event **at)
{
    struct replay_event *e = *at;

    *at = e->next;
    if (one->due == e)
        one->due = e->next;
    if (one->last == &e->next)
        one->last = at;
    one->bytes -= e->len;
    shares_give(&one->all->bytes, one->principal, e->len);
    if (!e->must)
        one->may_bytes -= e->len;
    free(e);
}

/* May so much of what may be missed come? */
static bool has_room(const struct replay *one, size_t len)
{
    return one->may_bytes + len <= one->all->max_bytes &&
           shares_fit(&one->all->bytes, one->principal, len);
}

/* The oldest of what may be missed leaves, until so much may come. */
static void make_room(struct replay *one, size_t len)
{
    struct replays *r = one->all;
    struct replay_event **at = &one->first;

    if (!shares_fit(&r->bytes, one->principal, len))
        replays_bound(r, one->principal);
    while (*at && !has_room(one, len)) {
        if ((*at)->must) {
            at = &(*at)->next;
            continue;
        }
        if ((*at)->number > one->told)
            r->left_out++;
        event_drop(one, at);
    }
}

static int put(struct replay *one, const char *json, size_t len, bool must)
{
    struct replays *r = one->all;
    char id[EVENT_ID_SIZE], head[80];

    event_id_write(one->stream, one->number + 1, id);
    size_t n = (size_t)snprintf(head, sizeof head, "id: %s\nevent: message\ndata: ", id);
    size_t size = n + len + 2;
    if (!one->item.of)
        return 0;
    make_room(one, must ? 0 : size);
    if (!must && !has_room(one, size)) {
        one->number++;
        r->left_out++;
        return 0;
    }
    struct replay_event *e = malloc(sizeof *e + size);
    if (!e || shares_put(&r->bytes, one->principal, size) < 0) {
        free(e);
        return MG_E_NOMEM;
    }
    *e = (struct replay_event){ .number = ++one->number, .len = size, .must = must };
    memcpy(e->text, head, n);
    memcpy(e->text + n, json, len);
    memcpy(e->text + n + len, "\n\n", 2);
    *one->last = e;
    one->last = &e->next;
    if (!one->due)
        one->due = e;
    one->bytes += size;
    if (!must)
        one->may_bytes += size;
    if (one->feed)
        feed_wake(&one->feed->base);
    return 0;
}

int replay_put(struct replay *one, const char *json, size_t len, bool must)
{
    struct replays *r = one->all;

    pthread_mutex_lock(&r->lock);
    int code = put(one, json, len, must);
    pthread_mutex_unlock(&r->lock);
    return code;
}

void replay_pause(struct replay *one, uint32_t retry_ms)
{
    struct replays *r = one->all;

    pthread_mutex_lock(&r->lock);
    if (one->feed) {
        one->paused_at = one->number;
        one->retry_ms = retry_ms ? retry_ms : 1;
        feed_wake(&one->feed->base);
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- one ---- */

static int begin(struct replays *r, const char *session, uint64_t principal, struct replay *one)
{
    if (!shares_fit(&r->bytes, principal, 1))
        replays_bound(r, principal);
    if (!shares_fit(&r->bytes, principal, 1))
        return MG_E_LIMIT;
    one->all = r;
    one->principal = principal;
    one->last = &one->first;
    rand_bytes(&one->stream, sizeof one->stream);
    HASH_ADD(hh, r->streams, stream, sizeof one->stream, one);
    if (!one->hh.tbl)
        return MG_E_NOMEM;
    int code = session_item_enter(&r->sessions, session, principal, UINT32_MAX, &one->item);
    if (code < 0)
        HASH_DELETE(hh, r->streams, one);
    else
        atomic_fetch_add(&r->count, 1);
    return code;
}

int replays_begin(struct replays *r, const char *session, uint64_t principal, struct replay **out)
{
    struct replay *one = calloc(1, sizeof *one);

    if (!one)
        return MG_E_NOMEM;
    pthread_mutex_lock(&r->lock);
    int code = begin(r, session, principal, one);
    pthread_mutex_unlock(&r->lock);
    if (code < 0)
        free(one);
    else
        *out = one;
    return code;
}

void replay_remove(struct replay *one)
{
    struct replays *r = one->all;

    replay_lose_feed(one);
    while (one->first)
        event_drop(one, &one->first);
    session_item_leave(&r->sessions, &one->item);
    if (one->is_over)
        DL_DELETE2(r->over, one, over_prev, over_next);
    if (one->has_answer)
        shares_give(&r->waiting, one->principal, 1);
    HASH_DELETE(hh, r->streams, one);
    atomic_fetch_sub(&r->count, 1);
    free(one);
}

void replay_end(struct replay *one, bool has_answer, int64_t now_ms)
{
    struct replays *r = one->all;

    pthread_mutex_lock(&r->lock);
    one->is_over = true;
    one->over_ms = now_ms;
    DL_APPEND2(r->over, one, over_prev, over_next);
    uint64_t principal = one->principal;
    /* Without memory to count it by, it is not kept for longer than its connection. */
    one->has_answer = has_answer && shares_put(&r->waiting, principal, 1) == 0;
    if (one->feed)
        feed_wake(&one->feed->base);
    else if (!one->has_answer || !one->item.of)
        replay_remove(one);
    replays_bound(r, principal);
    pthread_mutex_unlock(&r->lock);
}

void replay_event_id(const struct replay *one, uint64_t number, char out[static EVENT_ID_SIZE])
{
    event_id_write(one->stream, number, out);
}

/* ---- what leaves ---- */

static bool is_told(const struct replay *one) { return one->told >= one->number; }

static bool is_within(const struct replays *r, uint64_t principal)
{
    return shares_fit(&r->waiting, principal, 0) && shares_fit(&r->bytes, principal, 0);
}

void replays_bound(struct replays *r, uint64_t principal)
{
    for (int all = 0; all < 2 && !is_within(r, principal); all++)
        for (struct replay *one = r->over, *next; one && !is_within(r, principal); one = next) {
            next = one->over_next;
            /* An open connection is about to be given it. */
            if (one->principal == principal && !one->feed && (all || is_told(one)))
                replay_remove(one);
        }
}

void replays_sweep(struct replays *r, int64_t now_ms)
{
    pthread_mutex_lock(&r->lock);
    for (struct replay *one = r->over, *next; one; one = next) {
        next = one->over_next;
        if (!one->feed &&
            now_ms - one->over_ms >= (is_told(one) ? REPLAYS_TOLD_MS : REPLAYS_KEEP_MS))
            replay_remove(one);
    }
    pthread_mutex_unlock(&r->lock);
}

bool replay_has_session(struct replay *one)
{
    pthread_mutex_lock(&one->all->lock);
    bool has_session = one->item.of != NULL;
    pthread_mutex_unlock(&one->all->lock);
    return has_session;
}

static struct replay *replay_of(struct session_item *item)
{
    return (struct replay *)((char *)item - offsetof(struct replay, item));
}

/* With the lock: nobody can come back. */
static void forget(struct replay *one)
{
    if (one->is_over) {
        replay_remove(one);
        return;
    }
    replay_lose_feed(one);
    while (one->first)
        event_drop(one, &one->first);
    session_item_leave(&one->all->sessions, &one->item);
}

void replays_forget(struct replays *r, const char *session)
{
    if (atomic_load(&r->count) == 0)
        return;
    pthread_mutex_lock(&r->lock);
    struct session_items *s = session_items_find(r->sessions, session);
    for (struct session_item *item = s ? s->first : NULL, *next; item; item = next) {
        next = item->next; /* s goes with the last */
        forget(replay_of(item));
    }
    pthread_mutex_unlock(&r->lock);
}
