#include "io/watchfiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/textlist.h"
#include "io/watchset.h"
#include "io/watchwalk.h"

/* A file may be written twice within one step of its file system's clock (the coarsest: 2 s): what
 * was changed so shortly before a look is suspected at the next. */
#define RACY_MS 2100
#define MAX_RESTLESS 3

struct watchfiles {
    struct loop *loop;
    struct watchfiles_options o;
    char **files, **folders; /* NULL-terminated copies */
    int64_t poll_ms;
    struct watchset set;
    int watched_fd; /* the descriptor that the loop watches, or -1 */
    loop_watch_t handle;
    struct loop_timer quiet, poll;
    uint64_t facts;   /* of the last look that named the watches */
    bool is_racy;     /* it came so shortly after a change that it proves nothing */
    int64_t began_ms; /* when the first change came that changed() has not been told of */
    bool is_waiting;
    bool was_polled; /* the wait is for two looks that agree, not for silence alone */
    bool is_limited;
    unsigned restless;
};

static void quiet_over(void *arg);
static void poll_due(void *arg);

/* ---- looking ---- */

static void walk_all(const struct watchfiles *w, struct watchwalk *look)
{
    for (char **p = w->files; p && *p; p++)
        watchwalk_file(look, *p);
    for (char **p = w->folders; p && *p; p++)
        watchwalk_folder(look, *p);
}

static uint64_t facts_now(const struct watchfiles *w)
{
    struct watchwalk look = { .suffix = w->o.suffix, .enter = w->o.enter, .whole = w->o.whole };
    walk_all(w, &look);
    return look.facts;
}

static void tell_limits(struct watchfiles *w, bool is_cut)
{
    char why[200] = "";
    int error = watchset_error(&w->set);
    if (is_cut)
        snprintf(why, sizeof why, "more than %d files: those behind them are not followed",
                 WATCHWALK_MAX);
    else if (error)
        snprintf(why, sizeof why, "%s: changes may be seen only every %lld ms", strerror(error),
                 (long long)w->poll_ms);
    if (why[0] && !w->is_limited)
        w->o.limited(w->o.arg, why);
    w->is_limited = why[0] != '\0';
}

static void told(void *arg, uint32_t events);

/* The set may get its descriptor late. */
static void watch_descriptor(struct watchfiles *w)
{
    if (w->set.fd == w->watched_fd)
        return;
    if (loop_watch(w->loop, w->set.fd, EPOLLIN, told, w, &w->handle) == 0)
        w->watched_fd = w->set.fd;
}

/* Names the watches anew: what happens from now on is told. What was told is forgotten, for the
 * caller reads after it. */
static void look_anew(struct watchfiles *w)
{
    struct watchwalk look = {
        .set = &w->set, .suffix = w->o.suffix, .enter = w->o.enter, .whole = w->o.whole
    };
    watchset_begin(&w->set);
    walk_all(w, &look);
    watchset_end(&w->set);
    watch_descriptor(w);
    w->facts = look.facts;
    int64_t age_ms = clock_wall_ms() - look.newest_ms;
    w->is_racy = age_ms < RACY_MS && age_ms > -RACY_MS; /* a date in the future says nothing */
    tell_limits(w, look.is_cut);
}

/* ---- waiting for silence ---- */

static void wait_for_silence(struct watchfiles *w)
{
    int64_t now = clock_mono_ms();
    if (!w->is_waiting) {
        w->is_waiting = true;
        w->was_polled = false;
        w->began_ms = now;
    }
    int64_t left = w->began_ms + WATCHFILES_MOST_MS - now;
    int64_t delay = left < WATCHFILES_QUIET_MS ? left : WATCHFILES_QUIET_MS;
    timer_start(w->loop, &w->quiet, delay > 0 ? delay : 0, quiet_over, w);
}

static void told(void *arg, uint32_t events)
{
    struct watchfiles *w = arg;
    (void)events;
    if (watchset_read(&w->set))
        wait_for_silence(w);
}

static void quiet_over(void *arg)
{
    struct watchfiles *w = arg;
    bool is_late = clock_mono_ms() - w->began_ms >= WATCHFILES_MOST_MS;
    bool is_moving = watchset_read(&w->set) || watchset_is_written(&w->set);
    uint64_t before = w->facts;
    look_anew(w);
    is_moving |= w->was_polled && w->facts != before;
    if (is_moving && !is_late) {
        wait_for_silence(w);
        return;
    }
    watchset_forget(&w->set);
    w->is_waiting = false;
    w->o.changed(w->o.arg);
}

bool watchfiles_stirred(struct watchfiles *w)
{
    bool is_stirred = watchset_read(&w->set) || facts_now(w) != w->facts;
    if (is_stirred)
        wait_for_silence(w);
    if (is_stirred && ++w->restless <= MAX_RESTLESS)
        return true;
    w->restless = 0;
    return false;
}

static void poll_due(void *arg)
{
    struct watchfiles *w = arg;
    timer_start(w->loop, &w->poll, w->poll_ms, poll_due, w);
    if (w->is_waiting)
        return;
    uint64_t now = facts_now(w);
    if (now == w->facts && !w->is_racy)
        return;
    wait_for_silence(w);
    w->was_polled = true;
    w->facts = now;
}

/* ---- life ---- */

struct watchfiles *watchfiles_new(struct loop *l, const struct watchfiles_options *o)
{
    struct watchfiles *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->loop = l;
    w->o = *o;
    w->watched_fd = -1;
    watchset_open(&w->set);
    return w;
}

int watchfiles_set(struct watchfiles *w, const char *const *files, const char *const *folders,
                   int64_t poll_ms)
{
    char **new_files = textlist_copy(files), **new_folders = textlist_copy(folders);
    if (!new_files || !new_folders) {
        textlist_free(new_files);
        textlist_free(new_folders);
        return MG_E_NOMEM;
    }
    textlist_free(w->files);
    textlist_free(w->folders);
    w->files = new_files;
    w->folders = new_folders;
    w->poll_ms = poll_ms;
    look_anew(w);
    timer_start(w->loop, &w->poll, poll_ms, poll_due, w);
    return 0;
}

void watchfiles_free(struct watchfiles *w)
{
    if (!w)
        return;
    timer_stop(w->loop, &w->quiet);
    timer_stop(w->loop, &w->poll);
    loop_unwatch(w->loop, w->handle);
    watchset_close(&w->set);
    textlist_free(w->files);
    textlist_free(w->folders);
    free(w);
}
