#include "worker/reload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/loading.h"
#include "worker/logging.h"
#include "worker/own.h"
#include "worker/services.h"
#include "worker/worker.h"

#define WAIT_MS 200
#define LOAD_TRIES 4
#define PATIENCE_MS 30000  /* then what runs on the oldest generation is interrupted */
#define FREE_GENERATIONS 4 /* live whatever they hold */

/* ---- telling ---- */

static void log_stray(void *arg, const char *text)
{
    (void)arg;
    log_printf(LOG_WARN, "%s", text);
}

/* What a client may be shown a list of. */
static const struct list {
    const char *topic;
    enum tool_kind kinds[4];
} lists[] = {
    { "tools", { TOOL_TOOL, TOOL_TOOL, TOOL_TOOL, TOOL_TOOL } },
    { "prompts", { TOOL_PROMPT, TOOL_PROMPT, TOOL_PROMPT, TOOL_PROMPT } },
    { "resources", { TOOL_RESOURCE, TOOL_TEMPLATE, TOOL_SKILL, TOOL_LISTER } },
};
#define LIST_COUNT (sizeof lists / sizeof lists[0])

static bool list_is_alike(const struct list *l, const struct toolset *a, const struct toolset *b)
{
    for (size_t i = 0; i < 4; i++)
        if (!toolset_lists_alike(a, b, l->kinds[i]))
            return false;
    return true;
}

static bool lists_are_alike(const struct toolset *a, const struct toolset *b)
{
    for (size_t i = 0; i < LIST_COUNT; i++)
        if (!list_is_alike(&lists[i], a, b))
            return false;
    return true;
}

/* before NULL: all of them. */
static void tell_problems(const struct generation *g, const struct toolset *before)
{
    const struct toolset *t = g->tools;
    struct log_line l;
    for (size_t i = 0; i < toolset_problem_count(t); i++) {
        const struct toolset_problem *p = toolset_problem_at(t, i);
        if (before && toolset_has_problem(before, p))
            continue;
        log_begin(&l, LOG_ERROR, "tool file did not load");
        log_str(&l, "file", p->file);
        log_str(&l, "error", p->text);
        log_end(&l);
    }
    if (!before || !lists_are_alike(before, t))
        policies_strays(g->policies, t, log_stray, NULL);
}

void reload_tell_problems(const struct generation *g) { tell_problems(g, NULL); }

static void restart_needed(void *arg, const char *key)
{
    (void)arg;
    log_printf(LOG_WARN, "reload: %s changed and takes effect at the next start", key);
}

static void collect_line(void *arg, const char *line) { buf_printf(arg, "%s\n", line); }

static void tell_lines(const char *text)
{
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        log_printf(LOG_ERROR, "configuration: %.*s", (int)len, text);
    }
}

static void retry_due(void *arg);

/* Tells what failed, unless it is what was told last: while it is tried again and again nobody
 * wants to read more of it. lines: of the configuration, each ended; NULL: none. */
static void failed(struct reload *r, const char *lines, const char *why)
{
    struct buf all = { 0 };
    uint8_t digest[SHA256_SIZE] = { 0 };
    buf_printf(&all, "%s%s", lines ? lines : "", why);
    if (buf_ok(&all))
        hash_sha256(all.data, all.len, digest);
    buf_fini(&all);
    if (!r->is_failed || memcmp(digest, r->failure, sizeof digest) != 0) {
        tell_lines(lines ? lines : "");
        log_printf(LOG_ERROR, "reload failed, the previous configuration serves on%s%s",
                   why[0] ? ": " : "", why);
        atomic_fetch_add(&r->gateway->reloads_failed, 1);
    }
    memcpy(r->failure, digest, sizeof digest);
    r->is_failed = true;
    atomic_store(&r->gateway->reload_failed, 1);
    if (r->watch)
        timer_start(r->loop, &r->retry, r->config->tools.poll_ms, retry_due, r);
}

static void succeeded(struct reload *r)
{
    timer_stop(r->loop, &r->retry);
    r->is_failed = false;
    atomic_store(&r->gateway->reload_failed, 0);
}

/* ---- what the configuration was read from ---- */

static void add_file(struct buf *facts, const char *path)
{
    char block[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    buf_printf(facts, "file %s %d\n", path, f ? 0 : errno);
    while (f && (n = fread(block, 1, sizeof block, f)) > 0)
        buf_append(facts, block, n);
    if (f)
        fclose(f);
}

/* Of the files that make this configuration. */
static void files_digest(const struct config *c, uint8_t out[SHA256_SIZE])
{
    struct buf facts = { 0 };
    for (size_t i = 0; i < c->own_files.n; i++)
        add_file(&facts, c->own_files.items[i]);
    memset(out, 0, SHA256_SIZE);
    if (buf_ok(&facts))
        hash_sha256(facts.data, facts.len, out);
    buf_fini(&facts);
}

/* ---- replacing ---- */

/* The addresses that are bound stay what they were at the start: whatever the new file says of
 * host, a gateway that is reached from outside must not lose its last key. */
static int keeps_keys(const struct reload *r, const struct serving *next, struct err *e)
{
    const struct gateway *g = r->gateway;
    if (!keyring_is_open(next->keyring))
        return 0;
    for (size_t i = 0; i < g->address_count; i++) {
        const char *address = g->addresses[i].text;
        if (strncmp(address, "127.", 4) != 0 && strncmp(address, "[::1]", 5) != 0)
            return err_set(e, MG_E_INVALID,
                           "there is no key, and %s is reached from outside: put keys = "
                           "YOUR-SECRET "
                           "under [auth], or stop and start with a loopback host",
                           address);
    }
    return 0;
}

/* The log is opened anew only where the configuration was read: a changed tool is no reason. */
static struct serving *build(struct reload *r, struct config *c, struct err *e)
{
    struct gateway *g = r->gateway;
    if ((c != r->config && logging_configure(c, e) != 0) || own_set(g->own, c, g->store, e) != 0)
        return NULL;
    struct serving *next = serving_new(g, c, r->serving, r->host, e);
    if (next && keeps_keys(r, next, e) != 0) {
        serving_unref(next);
        return NULL;
    }
    return next;
}

static void go_back(struct reload *r, const struct config *tried)
{
    struct gateway *g = r->gateway;
    struct err e = { 0 };
    if ((tried != r->config && logging_configure(r->config, &e) != 0) ||
        own_set(g->own, r->config, g->store, &e) != 0)
        log_printf(LOG_ERROR, "reload: %s", e.text);
}

static void follow(struct reload *r);

static size_t list_count(const struct list *l, const struct toolset *t)
{
    size_t all = toolset_offers(t, l->kinds[0]);
    return l->kinds[1] == l->kinds[0] ? all : all + toolset_offers(t, l->kinds[1]);
}

/* Whoever shows a list may want to ask for it again. */
static void tell_lists_changed(struct gateway *g, const struct toolset *before,
                               const struct generation *now)
{
    for (const struct list *l = lists; l < lists + LIST_COUNT; l++) {
        char data[100];
        if (list_is_alike(l, before, now->tools))
            continue;
        int n = snprintf(data, sizeof data, "{\"generation\":%u,\"%s\":%zu}", now->number, l->topic,
                         list_count(l, now->tools));
        if (topics_publish(g->topics, l->topic, "list_changed", data, (size_t)n) != 0)
            log_printf(LOG_WARN, "no memory to tell that the list of %s has changed", l->topic);
    }
}

static void note_generation(struct gateway *g, const struct generation *now)
{
    atomic_store(&g->generation, now->number);
    atomic_store(&g->tools, (unsigned)toolset_count(now->tools));
    atomic_store(&g->broken_files, (unsigned)toolset_problem_count(now->tools));
}

/* next is published: from here on nothing can fail. */
static void replace(struct reload *r, struct config *c, struct serving *next)
{
    struct gateway *g = r->gateway;
    bool is_new_tools = next->generation != r->serving->generation;
    bool is_new_config = c != r->config;
    struct serving *old = r->serving;
    config_restart_diff(r->config, c, restart_needed, NULL);
    r->serving = next;
    config_unref(r->config);
    r->config = config_ref(c);
    if (is_new_config)
        services_reconfigure(g, c);
    if (is_new_tools)
        tell_problems(next->generation, is_new_config ? NULL : old->generation->tools);
    note_generation(g, next->generation); /* first: who gets an answer of it finds it counted */
    atomic_fetch_add(&g->reloads, 1);
    listchange_publish(&r->lists, next);
    published_set(&g->published, next);
    for (unsigned i = 0; i < g->worker_count; i++)
        worker_tell_published(g->workers[i]);
    tell_lists_changed(g, old->generation->tools, next->generation);
    serving_unref(old);
    log_printf(LOG_INFO, "reloaded: generation %u, %zu tools", next->generation->number,
               toolset_count(next->generation->tools));
    if (is_new_config)
        follow(r);
}

/* c may be the configuration that serves: then only the tools may have changed. True: it serves. */
static bool apply(struct reload *r, struct config *c, bool is_signal)
{
    struct err e = { 0 };
    struct serving *next = build(r, c, &e);
    if (!next) {
        go_back(r, c);
        failed(r, NULL, e.text);
        return false;
    }
    /* Half of this and half of that may have been read: it is read again. */
    bool is_stale = !is_signal && r->watch && watchfiles_stirred(r->watch);
    bool is_same = c == r->config && next->generation == r->serving->generation;
    if (is_stale || is_same) {
        serving_unref(next);
        if (is_stale)
            go_back(r, c);
        else
            succeeded(r);
        return !is_stale;
    }
    succeeded(r);
    replace(r, c, next);
    return true;
}

/* ---- when ---- */

static void attempt(struct reload *r);

static void wait_over(void *arg) { attempt(arg); }

/* May one more generation live beside those that calls, jobs and clients' tasks still run on? A
 * few always, so that tools can be replaced; more while all machines of a worker together hold no
 * more than one of them may, so that what runs for days outlasts many a reload. */
static bool has_room(const struct reload *r)
{
    const struct gateway *g = r->gateway;
    unsigned live = atomic_load(&g->live_generations);
    bool is_small = live < MAX_GENERATIONS;
    for (unsigned i = 0; i < g->worker_count && is_small; i++)
        is_small = (uint64_t)metrics_get(g->workers[i]->metrics, M_LUA_BYTES) <=
                   r->config->tools.worker_memory_bytes;
    return live < FREE_GENERATIONS || is_small;
}

static void interrupt_oldest(const struct gateway *g)
{
    uint32_t oldest = UINT32_MAX;
    for (unsigned i = 0; i < g->worker_count; i++) {
        uint32_t number = atomic_load(&g->workers[i]->oldest);
        oldest = number < oldest ? number : oldest;
    }
    log_printf(LOG_WARN,
               "reload: waits for room: what still runs on generation %u of the tools is "
               "interrupted (at most %d live, and over %d of them hold no more than [tools] "
               "worker_memory)",
               oldest, MAX_GENERATIONS, FREE_GENERATIONS);
    for (unsigned i = 0; i < g->worker_count; i++)
        worker_interrupt(g->workers[i], oldest);
}

/* A reload waits for the oldest generation to end, then has what runs on it interrupted. */
static bool must_wait(struct reload *r)
{
    if (has_room(r))
        return false;
    int64_t now = loop_now(r->loop);
    if (now - r->wanted_ms > PATIENCE_MS) {
        interrupt_oldest(r->gateway);
        r->wanted_ms = now;
    }
    timer_start(r->loop, &r->wait, WAIT_MS, wait_over, r);
    return true;
}

static bool is_same_list(const struct config_list *a, const struct config_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

/* Reads until nothing changed meanwhile, so that digest is of what the configuration says; a few
 * times at most. */
static struct config *load_settled(struct reload *r, uint8_t digest[SHA256_SIZE], struct buf *lines)
{
    uint8_t before[SHA256_SIZE];
    struct config *last = config_ref(r->config), *c;
    files_digest(last, before);
    for (int i = 0;; i++) {
        buf_clear(lines);
        c = loading_config(r->ini_path, collect_line, lines);
        if (!c)
            break;
        files_digest(c, digest);
        bool is_settled = memcmp(digest, before, SHA256_SIZE) == 0 &&
                          is_same_list(&last->own_files, &c->own_files);
        if (is_settled || i == LOAD_TRIES)
            break;
        config_unref(last);
        last = c;
        memcpy(before, digest, sizeof before);
    }
    config_unref(last);
    return c;
}

/* The configuration, read again where it changed, where a reload has failed, or where a signal says
 * so. NULL: it is wrong, and that has been told. */
static struct config *read_config(struct reload *r, bool is_signal, uint8_t digest[SHA256_SIZE])
{
    struct buf lines = { 0 };
    files_digest(r->config, digest);
    if (memcmp(digest, r->files, SHA256_SIZE) == 0 && !is_signal && !r->is_failed)
        return config_ref(r->config);
    struct config *c = load_settled(r, digest, &lines);
    const char *text = buf_cstr(&lines);
    if (!c)
        failed(r, text ? text : "", "");
    buf_fini(&lines);
    return c;
}

static void attempt(struct reload *r)
{
    if (r->wanted_ms == 0)
        r->wanted_ms = loop_now(r->loop);
    if (must_wait(r))
        return;
    bool is_signal = r->is_signal;
    r->wanted_ms = 0;
    r->is_signal = false;
    timer_stop(r->loop, &r->wait);
    uint8_t files[SHA256_SIZE];
    struct config *c = read_config(r, is_signal, files);
    if (c && apply(r, c, is_signal))
        memcpy(r->files, files, sizeof files);
    config_unref(c);
}

void reload_now(struct reload *r)
{
    r->is_signal = true;
    attempt(r);
}

/* ---- following ---- */

static void changed(void *arg) { attempt(arg); }

static void retry_due(void *arg) { attempt(arg); }

static void limited(void *arg, const char *why)
{
    (void)arg;
    log_printf(LOG_WARN, "changed files: %s", why);
}

/* The files of what serves now. */
static void follow(struct reload *r)
{
    static const struct watchfiles_options options = { .suffix = ".lua",
                                                       .enter = "lib",
                                                       .whole = "skills" };
    const char *const folders[] = { r->config->paths.tools, NULL };
    if (!r->config->tools.reload) {
        watchfiles_free(r->watch);
        r->watch = NULL;
        return;
    }
    if (!r->watch) {
        struct watchfiles_options o = options;
        o.changed = changed;
        o.limited = limited;
        o.arg = r;
        r->watch = watchfiles_new(r->loop, &o);
    }
    if (!r->watch || watchfiles_set(r->watch, r->config->own_files.items, folders,
                                    r->config->tools.poll_ms) != 0)
        log_printf(LOG_ERROR, "changed files are not followed: not enough memory");
}

static void write_metrics(void *arg, struct buf *out)
{
    struct gateway *g = arg;
    buf_printf(out,
               "# HELP moongate_reloads_total Reloads: what changed serves, or was refused.\n"
               "# TYPE moongate_reloads_total counter\n"
               "moongate_reloads_total{result=\"ok\"} %u\n"
               "moongate_reloads_total{result=\"failed\"} %u\n",
               atomic_load(&g->reloads), atomic_load(&g->reloads_failed));
    buf_printf(out,
               "# HELP moongate_reload_failed The last reload was refused.\n"
               "# TYPE moongate_reload_failed gauge\nmoongate_reload_failed %u\n"
               "# HELP moongate_tools Tools that are served.\n"
               "# TYPE moongate_tools gauge\nmoongate_tools %u\n"
               "# HELP moongate_tool_files_broken Tool files that do not load.\n"
               "# TYPE moongate_tool_files_broken gauge\nmoongate_tool_files_broken %u\n",
               atomic_load(&g->reload_failed), atomic_load(&g->tools),
               atomic_load(&g->broken_files));
    buf_printf(out,
               "# HELP moongate_generation Number of the set of tools that is served.\n"
               "# TYPE moongate_generation gauge\nmoongate_generation %u\n"
               "# HELP moongate_generations_live Sets of tools in memory, with those that calls "
               "still run on.\n"
               "# TYPE moongate_generations_live gauge\nmoongate_generations_live %u\n",
               atomic_load(&g->generation), atomic_load(&g->live_generations));
}

void reload_begin(struct reload *r)
{
    files_digest(r->config, r->files);
    note_generation(r->gateway, r->serving->generation);
    metrics_source(write_metrics, r->gateway);
    follow(r);
    if (r->watch) /* what came while the tools were loaded; the workers begin meanwhile */
        timer_start(r->loop, &r->wait, WAIT_MS, wait_over, r);
}

void reload_end(struct reload *r)
{
    timer_stop(r->loop, &r->wait);
    timer_stop(r->loop, &r->retry);
    watchfiles_free(r->watch);
    r->watch = NULL;
    listchange_end(&r->lists);
    serving_unref(r->serving);
    r->serving = NULL;
}
