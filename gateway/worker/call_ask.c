/* What a tool asks its client. A modern one gets the questions as the result, and calls again with
 * its answers. A legacy one gets requests on the call's own stream, and answers them by messages of
 * its session, on whichever connection; the call waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "hub/asks.h"
#include "worker/call_struct.h"

struct asked { /* one question */
    struct call_asking *of;
    struct ask *ask; /* NULL: it is answered */
};

struct call_asking {                  /* one ctx:ask */
    struct call_asking *next, **prev; /* of the call */
    struct call *call;
    struct task_ask *task_ask;
    size_t count, left;
    struct asked each[];
};

bool call_is_asking(const struct call *c) { return c->asking != NULL; }

static void asking_free(struct call_asking *g)
{
    *g->prev = g->next;
    if (g->next)
        g->next->prev = g->prev;
    for (size_t i = 0; i < g->count; i++)
        asks_remove(g->each[i].ask);
    free(g);
}

/* ---- what comes ---- */

static void tell_task(struct asked *one, struct json_text result, const char *error)
{
    struct call_asking *g = one->of;
    struct task_ask *a = g->task_ask;
    size_t i = (size_t)(one - g->each);
    one->ask = NULL;
    if (--g->left == 0)
        asking_free(g);
    task_answer(a, i, result, error);
}

static void answered(void *arg, const char *result, size_t len, const char *error)
{
    struct json_text text = { NULL, 0, JSON_NONE };
    if (result && json_scan(result, len, NULL, &text, NULL) != 0)
        error = "the client's answer cannot be read";
    tell_task(arg, text, error);
}

void call_unask(struct call *c, const char *why)
{
    struct json_text none = { NULL, 0, JSON_NONE };
    struct call_asking *g;
    while ((g = c->asking) != NULL) {
        size_t i = 0;
        while (!g->each[i].ask)
            i++;
        asks_remove(g->each[i].ask);
        tell_task(&g->each[i], none, why);
    }
}

/* ---- what goes ---- */

static struct call_page **page_find(struct call *c, const char *key)
{
    struct call_page **at = &c->pages;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static bool page_note(struct call *c, const char *key)
{
    struct call_page **at = page_find(c, key);
    size_t size = strlen(key) + 1;
    if (*at) /* asked again: the answer was none */
        return true;
    struct call_page *p = malloc(sizeof *p + size);
    if (!p)
        return false;
    p->next = NULL;
    memcpy(p->key, key, size);
    *at = p;
    return true;
}

static bool question_send(struct call *c, const struct tool_question *q, const char *id,
                          uint64_t wait)
{
    struct buf json = { 0 };
    bool is_page = mcp_encode_ask(c->mcp, q, id, c->id, &json);
    bool is_whole = buf_ok(&json) && (!is_page || page_note(c, q->key));
    if (is_whole)
        call_note(c, wait, &json, true);
    buf_fini(&json);
    return is_whole;
}

/* What cannot be sent is answered at once: nobody else will. g may be gone then. */
static void questions_send(struct call_asking *g, uint64_t wait)
{
    struct json_text none = { NULL, 0, JSON_NONE };
    struct call *c = g->call;
    const struct tool_question *q = g->task_ask->questions;
    for (size_t i = 0, n = g->count; i < n; i++) {
        struct asked *one = &g->each[i];
        if (question_send(c, &q[i], ask_id(one->ask), wait))
            continue;
        asks_remove(one->ask);
        tell_task(one, none, "out of memory");
    }
    if (c->is_gone)
        call_unask(c, "the client is gone");
}

static enum task_asked refused(struct err *e, const char *why)
{
    err_set(e, MG_E_DENIED, "this client cannot be asked: %s", why);
    return ASK_REFUSED;
}

static struct call_asking *asking_new(struct call *c, struct task_ask *a)
{
    struct call_asking *g = calloc(1, sizeof *g + a->count * sizeof g->each[0]);
    if (!g)
        return NULL;
    g->call = c;
    g->task_ask = a;
    g->count = g->left = a->count;
    g->next = c->asking;
    g->prev = &c->asking;
    if (g->next)
        g->next->prev = &g->next;
    c->asking = g;
    return g;
}

/* All are known before the first is sent: an answer can be there at once. */
static enum task_asked ask_legacy(struct call *c, struct task_ask *a, uint64_t wait, struct err *e)
{
    struct asks *asks = c->worker->gateway->asks;
    if (!c->sink->can_ask(c))
        return refused(e, "it has no session, takes one JSON answer only, or is gone");
    struct call_asking *g = asking_new(c, a);
    int code = g ? 0 : MG_E_NOMEM;
    for (size_t i = 0; i < a->count && code == 0; i++) {
        g->each[i].of = g;
        code = asks_add(asks, c->mcp->session_id, c->principal->number, c->worker->loop, answered,
                        &g->each[i], &g->each[i].ask);
    }
    /* A session that ended before the questions were there has not taken them along. */
    if (code == 0 && !c->sink->can_ask(c))
        code = MG_E_NOTFOUND;
    if (code != 0) {
        if (g)
            asking_free(g);
        return refused(e, code == MG_E_NOTFOUND ? "its session has ended"
                          : code == MG_E_LIMIT  ? "too many questions are open"
                                                : "out of memory");
    }
    a->host = g;
    call_waits(c);
    call_leave_all(c);
    questions_send(g, wait);
    return ASK_SENT;
}

enum task_asked call_ask(void *arg, struct task_ask *a, uint64_t wait, struct err *e)
{
    struct call *c = arg;
    if (call_task_is_working(c))
        return call_task_ask(c, a, wait, e) ? ASK_SENT : ASK_REFUSED;
    if (!mcp_may_ask(c->mcp, a->questions, a->count, e))
        return ASK_REFUSED;
    return mcp_is_modern(c->mcp->revision) ? ASK_ENDS : ask_legacy(c, a, wait, e);
}

/* The client is told not to go on asking its user. */
static void question_end(struct call *c, const char *id)
{
    struct buf json = { 0 };
    if (c->worker->is_stopped || (c->is_gone && !c->is_cancelled))
        return;
    mcp_encode_ask_end(id,
                       c->is_cancelled ? "the call was cancelled" : "nobody waits for the answer",
                       &json);
    if (c->notes && !c->is_cancelled)
        call_note(c, c->notes_last->seq, &json, true);
    else
        c->sink->note(c, &json, true);
    buf_fini(&json);
}

void call_ask_drop(void *arg, struct task_ask *a)
{
    struct call *c = arg;
    if (call_task_is_working(c)) {
        call_task_ask_drop(c, a);
        return;
    }
    struct call_asking *g = a->host;
    for (size_t i = 0; i < a->count; i++)
        if (g->each[i].ask)
            question_end(c, ask_id(g->each[i].ask));
    asking_free(g);
}

void call_drop_asks(struct call *c)
{
    for (struct call_asking *g = c->asking, *next; g; g = next) {
        next = g->next;
        asking_free(g);
    }
}

/* Once for each page that was asked for: no more is told than was asked. */
void call_elicit_done(void *arg, const char *key, uint64_t wait)
{
    struct call *c = arg;
    struct call_page **at = page_find(c, key), *page = *at;
    struct buf json = { 0 };
    if (!page)
        return;
    mcp_encode_elicit_done(c->id, key, &json);
    *at = page->next;
    free(page);
    if (call_is_reachable(c))
        call_note(c, wait, &json, true);
    buf_fini(&json);
}

void call_drop_pages(struct call *c)
{
    for (struct call_page *p = c->pages, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    c->pages = NULL;
}
