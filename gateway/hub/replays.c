#include "hub/replays.h"

#include <inttypes.h>
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
    return r;
}

void replays_free(struct replays *r)
{
    if (!r)
        return;
    struct replay *one, *next;
    HASH_ITER(hh, r->streams, one, next)
    replay_remove(one);
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
    unsigned over = r->over_count, count = atomic_load(&r->count);
    unsigned long long bytes = r->bytes, left_out = r->left_out;
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
    one->all->bytes -= e->len;
    if (!e->must)
        one->may_bytes -= e->len;
    free(e);
}

/* The oldest of what may be missed leaves, until so much may come. */
static void make_room(struct replay *one, size_t len)
{
    struct replays *r = one->all;
    struct replay_event **at = &one->first;

    if (r->bytes + len > REPLAYS_MAX_BYTES)
        replays_bound(r);
    while (*at && (one->may_bytes + len > r->max_bytes || r->bytes + len > REPLAYS_MAX_BYTES)) {
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
    char head[80];
    int n = snprintf(head, sizeof head,
                     "id: %016" PRIx64 "-%" PRIu64 "\nevent: message\ndata: ", one->stream,
                     one->number + 1);
    size_t size = (size_t)n + len + 2;

    if (!one->session)
        return 0;
    make_room(one, must ? 0 : size);
    if (!must && (one->may_bytes + size > r->max_bytes || r->bytes + size > REPLAYS_MAX_BYTES)) {
        one->number++;
        r->left_out++;
        return 0;
    }
    struct replay_event *e = malloc(sizeof *e + size);
    if (!e)
        return MG_E_NOMEM;
    *e = (struct replay_event){ .number = ++one->number, .len = size, .must = must };
    memcpy(e->text, head, (size_t)n);
    memcpy(e->text + n, json, len);
    memcpy(e->text + (size_t)n + len, "\n\n", 2);
    *one->last = e;
    one->last = &e->next;
    if (!one->due)
        one->due = e;
    one->bytes += size;
    r->bytes += size;
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

static struct replay_session *session_get(struct replays *r, const char *id, uint64_t principal)
{
    struct replay_session *s;

    HASH_FIND(hh, r->sessions, id, SESSION_ID_SIZE - 1, s);
    if (s)
        return s;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    memcpy(s->id, id, SESSION_ID_SIZE - 1);
    s->principal = principal;
    HASH_ADD_KEYPTR(hh, r->sessions, s->id, SESSION_ID_SIZE - 1, s);
    if (s->hh.tbl)
        return s;
    free(s);
    return NULL;
}

static void session_settle(struct replays *r, struct replay_session *s)
{
    if (s->replays)
        return;
    HASH_DELETE(hh, r->sessions, s);
    free(s);
}

static int begin(struct replays *r, const char *session, uint64_t principal, struct replay *one)
{
    if (r->bytes >= REPLAYS_MAX_BYTES)
        replays_bound(r);
    if (r->bytes >= REPLAYS_MAX_BYTES)
        return MG_E_LIMIT;
    one->all = r;
    one->last = &one->first;
    rand_bytes(&one->stream, sizeof one->stream);
    HASH_ADD(hh, r->streams, stream, sizeof one->stream, one);
    if (!one->hh.tbl)
        return MG_E_NOMEM;
    one->session = session_get(r, session, principal);
    if (!one->session) {
        HASH_DELETE(hh, r->streams, one);
        return MG_E_NOMEM;
    }
    DL_APPEND(one->session->replays, one);
    atomic_fetch_add(&r->count, 1);
    return 0;
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

static void session_leave(struct replay *one)
{
    struct replay_session *s = one->session;

    if (!s)
        return;
    DL_DELETE(s->replays, one);
    one->session = NULL;
    session_settle(one->all, s);
}

void replay_remove(struct replay *one)
{
    struct replays *r = one->all;

    replay_lose_feed(one);
    while (one->first)
        event_drop(one, &one->first);
    session_leave(one);
    if (one->is_over) {
        DL_DELETE2(r->over, one, over_prev, over_next);
        r->over_count--;
    }
    HASH_DELETE(hh, r->streams, one);
    atomic_fetch_sub(&r->count, 1);
    free(one);
}

void replay_end(struct replay *one, bool has_answer, int64_t now_ms)
{
    struct replays *r = one->all;

    pthread_mutex_lock(&r->lock);
    one->is_over = true;
    one->has_answer = has_answer;
    one->over_ms = now_ms;
    DL_APPEND2(r->over, one, over_prev, over_next);
    r->over_count++;
    if (one->feed)
        feed_wake(&one->feed->base);
    else if (!has_answer || !one->session)
        replay_remove(one);
    replays_bound(r);
    pthread_mutex_unlock(&r->lock);
}

void replay_event_id(const struct replay *one, uint64_t number,
                     char out[static REPLAY_EVENT_ID_SIZE])
{
    snprintf(out, REPLAY_EVENT_ID_SIZE, "%016" PRIx64 "-%" PRIu64, one->stream, number);
}

/* ---- what leaves ---- */

static bool is_told(const struct replay *one) { return one->told >= one->number; }

static bool is_within(const struct replays *r)
{
    return r->over_count <= REPLAYS_MAX && r->bytes < REPLAYS_MAX_BYTES;
}

void replays_bound(struct replays *r)
{
    for (int all = 0; all < 2 && !is_within(r); all++)
        for (struct replay *one = r->over, *next; one && !is_within(r); one = next) {
            next = one->over_next;
            /* An open connection is about to be given it. */
            if (!one->feed && (all || is_told(one)))
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
    bool has_session = one->session != NULL;
    pthread_mutex_unlock(&one->all->lock);
    return has_session;
}

void replays_forget(struct replays *r, const char *session)
{
    struct replay_session *s;

    if (atomic_load(&r->count) == 0)
        return;
    pthread_mutex_lock(&r->lock);
    HASH_FIND(hh, r->sessions, session, SESSION_ID_SIZE - 1, s);
    for (struct replay *one = s ? s->replays : NULL, *next; one; one = next) {
        next = one->next;
        if (one->is_over) {
            replay_remove(one);
            continue;
        }
        replay_lose_feed(one);
        while (one->first)
            event_drop(one, &one->first);
        session_leave(one);
    }
    pthread_mutex_unlock(&r->lock);
}
