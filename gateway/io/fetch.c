#include "io/fetch_struct.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define IDLE_MS 60000
#define STARTS_PER_TURN 1 /* with TLS, each may take 10 ms: see fetch_multi.c */

/* ---- the worker's part ---- */

struct fetcher *fetcher_new(struct loop *l, struct metrics_slot *metrics)
{
    struct fetcher *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->loop = l;
    f->metrics = metrics;
    f->queue_end = &f->queue;
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    while (f->running)
        fetch_hop_free(f->running);
    fetch_multi_close(f);
    timer_stop(f->loop, &f->pump_timer);
    timer_stop(f->loop, &f->idle_timer);
    free(f);
}

static void count(const struct fetcher *f, enum metric m)
{
    if (f->metrics)
        metrics_add(f->metrics, m, 1);
}

/* ---- the queue ---- */

static void queue_add(struct fetch *t)
{
    struct fetcher *f = t->fetcher;
    t->prev = f->queue_end;
    *f->queue_end = t;
    f->queue_end = &t->next;
    f->queued++;
}

static void queue_remove(struct fetch *t)
{
    struct fetcher *f = t->fetcher;
    *t->prev = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        f->queue_end = t->prev;
    t->next = NULL;
    f->queued--;
}

static bool owner_may_run(const struct fetcher *f, const void *owner)
{
    unsigned n = 0;
    for (const struct fetch_hop *h = f->running; h; h = h->next)
        n += h->owner == owner;
    return n < FETCH_RUNNING_EACH;
}

/* The first whose owner may run one more. */
static struct fetch *queue_next(const struct fetcher *f)
{
    const void *refused = NULL;
    if (f->run >= FETCH_RUNNING)
        return NULL;
    for (struct fetch *t = f->queue; t; t = t->next) {
        if (refused && t->owner == refused)
            continue;
        if (owner_may_run(f, t->owner))
            return t;
        refused = t->owner;
    }
    return NULL;
}

static void pump(void *arg)
{
    struct fetcher *f = arg;
    for (int i = 0; i < STARTS_PER_TURN; i++) {
        struct fetch *t = queue_next(f);
        if (!t)
            return;
        queue_remove(t);
        t->state = FETCH_RUNS;
        if (fetch_hop_start(t) != 0) {
            fetch_fail(t, "NOMEM", "no memory for the request");
            fetch_end(t);
        }
    }
    fetch_pump_soon(f);
}

static void close_idle(void *arg) { fetch_multi_close(arg); }

void fetch_pump_soon(struct fetcher *f)
{
    timer_stop(f->loop, &f->idle_timer);
    if (f->queue && f->run < FETCH_RUNNING)
        timer_start(f->loop, &f->pump_timer, 0, pump, f);
    else if (!f->queue && f->run == 0 && f->multi)
        timer_start(f->loop, &f->idle_timer, IDLE_MS, close_idle, f);
}

/* ---- the life of a request ---- */

bool fetch_hold(struct fetch *t, size_t bytes)
{
    if (bytes > FETCH_HELD_MAX - t->fetcher->held)
        return false;
    t->held += bytes;
    t->fetcher->held += bytes;
    return true;
}

int fetch_judge(const char *const *hosts, const char *tool, const struct fetch_url *u,
                struct err *e)
{
    char line[300];
    if (fetch_host_is_granted(hosts, u->host, u->port))
        return 0;
    fetch_host_grant(u, line, sizeof line);
    return err_set(e, MG_E_DENIED, "%s is not granted; in mcp.ini: [tool %s] http = %s", line,
                   tool && *tool ? tool : "NAME", line);
}

int fetch_may(const struct fetch_options *o, struct err *e)
{
    struct fetch_url url;
    int code = fetch_url_parse(&url, NULL, o->url, e);
    if (code != 0)
        return code;
    code = fetch_judge(o->hosts, o->tool, &url, e);
    fetch_url_fini(&url);
    return code;
}

void fetch_fail(struct fetch *t, const char *word, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(t->answer.error, sizeof t->answer.error, fmt, args);
    va_end(args);
    t->answer.word = word;
}

static void tell_log(const struct fetch *t, const char *word)
{
    struct log_line line;
    if (!log_enabled(LOG_DEBUG))
        return;
    log_begin(&line, LOG_DEBUG, "http request");
    log_str(&line, "tool", t->tool);
    log_str(&line, "call", t->call);
    log_str(&line, "method", t->method);
    log_str(&line, "host", t->url.host);
    log_int(&line, "port", t->url.port);
    if (t->answer.status)
        log_int(&line, "status", t->answer.status);
    log_str(&line, "error", word);
    log_int(&line, "bytes", (int64_t)t->answer.body.len);
    log_int(&line, "ms", clock_mono_ms() - t->started_ms);
    log_end(&line);
}

static void leave(struct fetch *t, const char *word, enum metric m)
{
    struct fetcher *f = t->fetcher;
    if (t->state == FETCH_WAITS)
        queue_remove(t);
    timer_stop(f->loop, &t->timer);
    timer_stop(f->loop, &t->connect_timer);
    fetch_hop_stop(t);
    t->state = FETCH_ENDED;
    tell_log(t, word);
    count(f, m);
    fetch_pump_soon(f);
}

void fetch_end(struct fetch *t)
{
    const char *word = t->answer.word;
    if (word) /* what came of it is no answer */
        fetch_answer_clear(t);
    leave(t, word,
          !word                         ? M_FETCH_ANSWERED
          : strcmp(word, "DENIED") == 0 ? M_FETCH_DENIED
                                        : M_FETCH_FAILED);
    t->done(t->arg);
}

void fetch_drop(struct fetch *t)
{
    if (!t)
        return;
    if (t->state != FETCH_ENDED)
        leave(t, "CANCELLED", M_FETCH_CANCELLED);
    t->fetcher->held -= t->held;
    fetch_request_free(t);
}

struct fetch_answer *fetch_answer(struct fetch *t) { return &t->answer; }

static void on_timeout(void *arg)
{
    struct fetch *t = arg;
    if (t->lacks_memory)
        fetch_fail(t, "NOMEM", "no memory for the request to %s", t->url.host);
    else if (t->state == FETCH_WAITS)
        fetch_fail(t, "TIMEOUT", "other requests took all of the %g s",
                   (double)t->timeout_ms / 1e3);
    else
        fetch_fail(t, "TIMEOUT", "%s did not answer within %g s", t->url.host,
                   (double)t->timeout_ms / 1e3);
    fetch_end(t);
}

/* A request that may be queued. NULL with the reason. */
static struct fetch *fetch_new(struct fetcher *f, const struct fetch_options *o, struct err *e)
{
    if (f->queued >= FETCH_QUEUED) {
        err_set(e, MG_E_LIMIT, "%d requests wait already", FETCH_QUEUED);
        return NULL;
    }
    struct fetch *t = fetch_request_new(o, e);
    if (!t)
        return NULL;
    t->fetcher = f;
    if (fetch_hold(t, t->body_len))
        return t;
    err_set(e, MG_E_LIMIT, "the requests of this worker hold more than %zu bytes already",
            FETCH_HELD_MAX);
    fetch_request_free(t);
    return NULL;
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_options *o, void (*done)(void *arg),
                          void *arg, struct err *e)
{
    struct err reason = { 0 };
    struct fetch *t = fetch_new(f, o, &reason);
    if (!t) {
        count(f, reason.code == MG_E_DENIED ? M_FETCH_DENIED : M_FETCH_FAILED);
        err_set(e, reason.code, "%s", reason.text);
        return NULL;
    }
    t->done = done;
    t->arg = arg;
    t->started_ms = clock_mono_ms();
    queue_add(t);
    timer_start(f->loop, &t->timer, t->timeout_ms, on_timeout, t);
    fetch_pump_soon(f);
    return t;
}
