#include "hub/asks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "base/table.h"
#include "hub/feed.h"
#include "hub/session_items.h"
#include "hub/shares.h"

struct ask {
    struct feed base;
    UT_hash_handle hh; /* by id, while it is open */
    struct asks *all;
    struct session_item item; /* of none: it is answered */
    char id[ASK_ID_SIZE];
    ask_answered_fn answered;
    void *arg;
    char *text; /* the answer, or why there is none */
    size_t len;
    bool is_error;
};

struct asks {
    pthread_mutex_t lock;
    struct ask *open;
    struct session_items *sessions;
    struct shares shares;
    atomic_uint count;
};

struct asks *asks_new(void)
{
    struct asks *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    pthread_mutex_init(&a->lock, NULL);
    shares_set_max(&a->shares, ASKS_MAX);
    return a;
}

static struct ask *ask_of(struct session_item *item)
{
    return (struct ask *)((char *)item - offsetof(struct ask, item));
}

/* With the lock. */
static void close_one(struct asks *a, struct ask *one)
{
    if (!one->item.of)
        return;
    shares_give(&a->shares, one->item.of->principal, 1);
    session_item_leave(&a->sessions, &one->item);
    HASH_DELETE(hh, a->open, one);
    atomic_fetch_sub(&a->count, 1);
}

void asks_free(struct asks *a)
{
    if (!a)
        return;
    struct ask *one, *next;
    HASH_ITER (hh, a->open, one, next) {
        close_one(a, one);
        free(one->text);
        free(one);
    }
    shares_fini(&a->shares);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* On the asking loop: the answer is there. */
static void run(struct feed *base)
{
    struct ask *one = (struct ask *)base;
    char *text = one->text;

    one->text = NULL;
    feed_leave(&one->base);
    if (one->is_error)
        one->answered(one->arg, NULL, 0, text ? text : "out of memory");
    else
        one->answered(one->arg, text, one->len, NULL);
    free(text);
}

/* ---- asking ---- */

static int open_one(struct asks *a, struct ask *one, const char *session, uint64_t principal)
{
    int code = session_item_enter(&a->sessions, session, principal, ASKS_PER_SESSION, &one->item);

    if (code < 0)
        return code;
    code = shares_take(&a->shares, principal, 1);
    if (code < 0) {
        session_item_leave(&a->sessions, &one->item);
        return code;
    }
    HASH_ADD_KEYPTR(hh, a->open, one->id, ASK_ID_SIZE - 1, one);
    if (!one->hh.tbl) {
        shares_give(&a->shares, principal, 1);
        session_item_leave(&a->sessions, &one->item);
        return MG_E_NOMEM;
    }
    atomic_fetch_add(&a->count, 1);
    return 0;
}

int asks_add(struct asks *a, const char *session, uint64_t principal, struct loop *l,
             ask_answered_fn answered, void *arg, struct ask **out)
{
    struct ask *one = strlen(session) == SESSION_ID_SIZE - 1 ? calloc(1, sizeof *one) : NULL;

    if (!one)
        return MG_E_NOMEM;
    feed_init(&one->base, l, &a->lock, run);
    one->all = a;
    one->answered = answered;
    one->arg = arg;
    memcpy(one->id, "ask_", 4);
    rand_base36(one->id + 4, ASK_ID_SIZE - 5);
    pthread_mutex_lock(&a->lock);
    int code = open_one(a, one, session, principal);
    pthread_mutex_unlock(&a->lock);
    if (code < 0)
        free(one);
    else
        *out = one;
    return code;
}

const char *ask_id(const struct ask *one) { return one->id; }

void asks_remove(struct ask *one)
{
    if (!one)
        return;
    struct asks *a = one->all;
    pthread_mutex_lock(&a->lock);
    close_one(a, one);
    char *text = one->text;
    one->text = NULL;
    pthread_mutex_unlock(&a->lock);
    free(text);
    feed_leave(&one->base);
}

/* ---- answering ---- */

/* With the lock. Takes text over. */
static void answer(struct asks *a, struct ask *one, char *text, size_t len, bool is_error)
{
    close_one(a, one);
    one->text = text;
    one->len = len;
    one->is_error = is_error || !text;
    feed_wake(&one->base);
}

bool asks_answer(struct asks *a, const char *session, uint64_t principal, const char *id,
                 const char *result, size_t len, const char *error)
{
    struct ask *one = NULL;

    if (atomic_load(&a->count) == 0 || strlen(id) != ASK_ID_SIZE - 1)
        return false;
    char *text = result ? malloc(len + 1) : strdup(error);
    if (text && result) {
        memcpy(text, result, len);
        text[len] = '\0';
    }
    pthread_mutex_lock(&a->lock);
    HASH_FIND(hh, a->open, id, ASK_ID_SIZE - 1, one);
    if (one && !session_item_is(&one->item, session, principal))
        one = NULL;
    if (one)
        answer(a, one, text, len, !result);
    pthread_mutex_unlock(&a->lock);
    if (!one)
        free(text);
    return one != NULL;
}

void asks_forget(struct asks *a, const char *session)
{
    if (atomic_load(&a->count) == 0)
        return;
    pthread_mutex_lock(&a->lock);
    struct session_items *s = session_items_find(a->sessions, session);
    for (uint32_t n = s ? s->count : 0; n > 0; n--) /* s goes with the last */
        answer(a, ask_of(s->first), strdup("the client's session has ended"), 0, true);
    pthread_mutex_unlock(&a->lock);
}

void asks_metrics(void *asks, struct buf *out)
{
    struct asks *a = asks;

    buf_printf(out,
               "# HELP moongate_asks Requests to legacy clients that have no answer yet.\n"
               "# TYPE moongate_asks gauge\nmoongate_asks %u\n",
               atomic_load(&a->count));
}
