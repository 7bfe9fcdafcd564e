#include "hub/inboxes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/table.h"
#include "hub/feed.h"
#include "hub/sessions.h"
#include "hub/shares.h"

#define AT_ONCE 16

struct letter {
    struct letter *next;
    size_t len;
    char text[];
};

struct inbox {
    struct feed base;
    UT_hash_handle hh; /* by session */
    struct inboxes *all;
    char session[SESSION_ID_SIZE];
    uint64_t principal;
    void (*take)(void *arg, const char *text, size_t len);
    void *arg;
    size_t max_bytes;
    bool is_held; /* of the loop's thread */
    /* With the lock: */
    struct letter *first, **last;
    size_t bytes;
    uint32_t count;
    bool is_shut;
};

struct inboxes {
    pthread_mutex_t lock;
    struct inbox *table;
    struct shares bytes; /* that wait in all of them */
};

struct inboxes *inboxes_new(void)
{
    struct inboxes *all = calloc(1, sizeof *all);

    if (!all)
        return NULL;
    pthread_mutex_init(&all->lock, NULL);
    shares_set_max(&all->bytes, INBOXES_MAX_BYTES);
    return all;
}

void inboxes_free(struct inboxes *all)
{
    if (!all)
        return;
    shares_fini(&all->bytes);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static struct letter *pop(struct inbox *in)
{
    struct letter *l = in->first;

    if (!l)
        return NULL;
    in->first = l->next;
    if (!in->first)
        in->last = &in->first;
    in->bytes -= l->len;
    shares_give(&in->all->bytes, in->principal, l->len);
    in->count--;
    return l;
}

/* Some of them: there are others who wait for this loop. It may be closed, or held, by what a
 * message brings about. */
static void run(struct feed *base)
{
    struct inbox *in = (struct inbox *)base;

    for (int i = 0; i < AT_ONCE && !in->base.is_dead && !in->is_held; i++) {
        pthread_mutex_lock(&in->all->lock);
        struct letter *l = pop(in);
        if (in->first && i + 1 == AT_ONCE)
            feed_wake(&in->base);
        pthread_mutex_unlock(&in->all->lock);
        if (!l)
            return;
        in->take(in->arg, l->text, l->len);
        free(l);
    }
}

void inbox_hold(struct inbox *in, bool is_held)
{
    in->is_held = is_held;
    if (is_held)
        return;
    pthread_mutex_lock(&in->all->lock);
    if (in->first)
        feed_wake(&in->base);
    pthread_mutex_unlock(&in->all->lock);
}

int inbox_open(struct inboxes *all, const char *session, uint64_t principal, struct loop *l,
               size_t max_bytes, void (*take)(void *arg, const char *text, size_t len), void *arg,
               struct inbox **out)
{
    struct inbox *in = calloc(1, sizeof *in);

    if (!in)
        return MG_E_NOMEM;
    feed_init(&in->base, l, &all->lock, run);
    in->all = all;
    strncpy(in->session, session, sizeof in->session - 1);
    in->principal = principal;
    in->max_bytes = max_bytes;
    in->take = take;
    in->arg = arg;
    in->last = &in->first;
    pthread_mutex_lock(&all->lock);
    HASH_ADD_KEYPTR(hh, all->table, in->session, strlen(in->session), in);
    bool is_in = in->hh.tbl != NULL;
    pthread_mutex_unlock(&all->lock);
    if (!is_in) {
        free(in);
        return MG_E_NOMEM;
    }
    *out = in;
    return 0;
}

size_t inbox_shut(struct inbox *in)
{
    pthread_mutex_lock(&in->all->lock);
    in->is_shut = true;
    size_t count = in->count;
    pthread_mutex_unlock(&in->all->lock);
    return count;
}

void inbox_close(struct inbox *in)
{
    if (!in)
        return;
    struct inboxes *all = in->all;
    pthread_mutex_lock(&all->lock);
    HASH_DELETE(hh, all->table, in);
    for (struct letter *l; (l = pop(in)) != NULL;)
        free(l);
    pthread_mutex_unlock(&all->lock);
    feed_leave(&in->base);
}

void inboxes_metrics(void *inboxes, struct buf *out)
{
    struct inboxes *all = inboxes;

    pthread_mutex_lock(&all->lock);
    unsigned count = HASH_COUNT(all->table);
    uint64_t bytes = all->bytes.held;
    pthread_mutex_unlock(&all->lock);
    buf_printf(out,
               "# HELP moongate_sse_clients Clients of the 2024-11-05 transport.\n"
               "# TYPE moongate_sse_clients gauge\nmoongate_sse_clients %u\n"
               "# HELP moongate_sse_waiting_bytes What they posted and nobody has read yet.\n"
               "# TYPE moongate_sse_waiting_bytes gauge\nmoongate_sse_waiting_bytes %" PRIu64 "\n",
               count, bytes);
}

static int put(struct inbox *in, struct letter *l)
{
    if (in->is_shut)
        return MG_E_CLOSED;
    if (in->count >= INBOX_MAX || (in->count > 0 && in->bytes + l->len > in->max_bytes))
        return MG_E_LIMIT;
    /* One message alone, if there is room at all, may be more than its sender's share. */
    bool is_alone = shares_of(&in->all->bytes, in->principal) == 0 &&
                    l->len <= INBOXES_MAX_BYTES - in->all->bytes.held;
    int code = is_alone ? shares_put(&in->all->bytes, in->principal, l->len)
                        : shares_take(&in->all->bytes, in->principal, l->len);
    if (code < 0)
        return code;
    *in->last = l;
    in->last = &l->next;
    in->bytes += l->len;
    in->count++;
    feed_wake(&in->base);
    return 0;
}

int inbox_put(struct inboxes *all, const char *session, uint64_t principal, const char *text,
              size_t len)
{
    struct inbox *in;
    struct letter *l = malloc(sizeof *l + len + 1);

    if (!l)
        return MG_E_NOMEM;
    *l = (struct letter){ .len = len };
    memcpy(l->text, text, len);
    l->text[len] = '\0';
    pthread_mutex_lock(&all->lock);
    HASH_FIND(hh, all->table, session, strlen(session), in);
    int code = in && in->principal == principal ? put(in, l) : MG_E_NOTFOUND;
    pthread_mutex_unlock(&all->lock);
    if (code < 0)
        free(l);
    return code;
}
