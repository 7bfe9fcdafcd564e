#include "worker/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "api/job_gates.h"
#include "base/clock.h"
#include "base/heaps.h"
#include "base/log.h"
#include "stdio/door.h"
#include "worker/endpoint_mcp.h"
#include "worker/loading.h"
#include "worker/logging.h"
#include "worker/peer.h"
#include "worker/relay.h"
#include "worker/reload.h"
#include "worker/services.h"
#include "worker/signals.h"
#include "worker/worker.h"

#define SWEEP_MAX_MS 60000
#define LAST_WORD_MS 200 /* for the log thread to write why the process ends */

struct supervisor {
    struct gateway gateway;
    struct reload reload; /* holds the configuration and what serves */
    struct mcp_host host;
    struct loop *loop;
    struct signals signals;
    struct loop_timer sweep;
    bool is_ending;
    bool is_stdio, is_stand_in, has_door;
    bool is_second;           /* stdio: another process has the state, and nothing was done */
    char door_path[PATH_MAX]; /* of the state that is open */
    int in, out;              /* stdio: what the process was given; -1: gone to the peer */
    struct mail input_ended;  /* stdio */
};

static void signal_arrived(void *arg, bool is_reload, unsigned number)
{
    struct supervisor *s = arg;
    if (is_reload) {
        reload_now(&s->reload);
    } else {
        log_printf(LOG_INFO, "signal %u: draining", number);
        s->is_ending = true;
    }
}

static void sweep_hub(void *arg);

/* What is idle is gone at latest after twice the time, or a minute later. */
static void sweep_later(struct supervisor *s)
{
    int64_t idle_ms = s->reload.serving->config->server.session_idle_ms;
    timer_start(s->loop, &s->sweep, idle_ms < SWEEP_MAX_MS ? idle_ms : SWEEP_MAX_MS, sweep_hub, s);
}

static void sweep_hub(void *arg)
{
    struct supervisor *s = arg;
    sessions_sweep(s->gateway.sessions, clock_mono_ms());
    cache_sweep(s->gateway.cache, clock_mono_ms());
    replays_sweep(s->gateway.replays, clock_mono_ms());
    heaps_trim();
    sweep_later(s);
}

/* ---- watchdog's stages ---- */

/* One that can take what comes to a stuck one; NULL: then it waits in the backlog. */
static struct worker *another_worker(const struct gateway *g, unsigned stuck)
{
    for (unsigned i = 1; i < g->worker_count; i++) {
        struct worker *w = g->workers[(stuck + i) % g->worker_count];
        if (!w->is_stuck)
            return w;
    }
    return NULL;
}

/* All that are stuck, and were not yet because nobody could take over from them. */
static void bypass_stuck(struct gateway *g)
{
    for (unsigned i = 0; i < g->worker_count; i++) {
        struct worker *w = g->workers[i];
        struct worker *other = w->is_stuck && !w->is_bypassed ? another_worker(g, i) : NULL;
        if (other)
            http_server_bypass(w->http, other->http);
        w->is_bypassed = w->is_stuck && (w->is_bypassed || other);
    }
}

/* On the watchdog's thread. */
static void worker_stuck(void *arg, unsigned worker, int stage, int64_t held_ms)
{
    struct gateway *g = arg;
    struct log_line l;
    char label[WATCH_LABEL_SIZE];
    struct worker *w = g->workers[worker];
    watch_label_read(&w->watch, label);
    if (stage == 2)
        atomic_fetch_add(&g->long_stuck, 1);
    if (stage == 0 && w->is_long_stuck)
        atomic_fetch_sub(&g->long_stuck, 1);
    w->is_stuck = stage >= 1;
    w->is_long_stuck = stage >= 2;
    bypass_stuck(g);
    log_begin(&l, stage == 0 ? LOG_WARN : LOG_ERROR,
              stage == 0 ? "worker is back" : "worker is held by a tool");
    log_int(&l, "worker", worker);
    log_int(&l, "held_ms", held_ms);
    log_str(&l, "task", label);
    log_end(&l);
    if (stage == 3) /* the process ends when this returns, even where nobody reads the log */
        nanosleep(&(struct timespec){ .tv_nsec = LAST_WORD_MS * 1000000L }, NULL);
}

static int watchdog_open(struct supervisor *s, struct err *e)
{
    struct watchdog_options o = { .slice_ms = VM_SLICE_MS,
                                  .stuck_abort_ms = s->reload.config->server.stuck_abort_ms,
                                  .signal = vm_preempt_signal(),
                                  .stuck = worker_stuck,
                                  .arg = &s->gateway };
    int code = vm_install_signal(e);
    if (code != 0)
        return code;
    s->gateway.watchdog = watchdog_start(&o, e);
    return s->gateway.watchdog ? 0 : e->code;
}

/* ---- start ---- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* Either loopback address stands for both, so that "localhost" reaches us by either family. */
static int addresses_open(struct supervisor *s, struct err *e)
{
    struct gateway *g = &s->gateway;
    const struct config_list *hosts = &s->reload.config->server.host;
    uint16_t port = (uint16_t)s->reload.config->server.port;
    bool has_loopback = false;
    for (size_t i = 0; i < hosts->n; i++) {
        size_t n = 0;
        if (is_loopback(hosts->items[i]) && has_loopback)
            continue;
        has_loopback |= is_loopback(hosts->items[i]);
        int code = http_addresses(hosts->items[i], port, g->addresses + g->address_count,
                                  MAX_ADDRESSES - g->address_count, &n, &port, e);
        if (code == MG_E_INVALID)
            err_prefix(e, "[server] host");
        if (code != 0)
            return code;
        g->address_count += n;
    }
    g->port = port;
    http_addresses_hold(g->addresses, g->address_count);
    return 0;
}

static void input_ended(struct mail *m)
{
    struct supervisor *s =
        (struct supervisor *)((char *)m - offsetof(struct supervisor, input_ended));
    s->is_ending = true;
}

/* Before its thread runs. */
static int client_open(struct supervisor *s, struct worker *w, struct err *e)
{
    struct peer_options o = {
        .in_fd = s->in, .out_fd = s->out, .ended_loop = s->loop, .ended = &s->input_ended
    };
    s->input_ended.run = input_ended;
    s->in = s->out = -1;
    return peer_open(w, &o, e);
}

/* A gateway without it serves all the same. */
static void door_hang(struct supervisor *s, struct worker *w)
{
    struct err e = { 0 };
    int door = -1;
    if (door_open(s->reload.config->state.path, &door, &e) != 0 || peers_listen(w, door, &e) != 0)
        log_printf(LOG_WARN, "`moongate stdio` on this state will not reach this process: %s",
                   e.text);
    else
        s->has_door = (size_t)snprintf(s->door_path, sizeof s->door_path, "%s",
                                       s->reload.config->state.path) < sizeof s->door_path;
}

static int workers_open(struct supervisor *s, struct err *e)
{
    struct gateway *g = &s->gateway;
    g->workers = calloc(g->worker_count, sizeof(struct worker *));
    if (!g->workers)
        return err_set(e, MG_E_NOMEM, "no memory for workers");
    for (unsigned i = 0; i < g->worker_count; i++) {
        g->workers[i] = worker_new(g, i, s->reload.serving, e);
        if (!g->workers[i])
            return e->code;
    }
    http_addresses_release(g->addresses, g->address_count);
    door_hang(s, g->workers[0]);
    int opened = s->is_stdio ? client_open(s, g->workers[0], e) : 0;
    if (opened != 0)
        return opened;
    for (unsigned i = 0; i < g->worker_count; i++) {
        int code = worker_start(g->workers[i], e);
        if (code != 0)
            return code;
    }
    return 0;
}

static void say_listening(const struct supervisor *s)
{
    const struct gateway *g = &s->gateway;
    struct log_line l;
    char addresses[256] = "";
    for (size_t i = 0; i < g->address_count; i++) {
        strncat(addresses, i ? " " : "", sizeof addresses - strlen(addresses) - 1);
        strncat(addresses, g->addresses[i].text, sizeof addresses - strlen(addresses) - 1);
    }
    log_begin(&l, LOG_INFO,
              s->is_stand_in ? "serving in the place of a process that is gone"
              : s->is_stdio  ? "serving on standard input and output"
                             : "listening");
    if (!s->is_stdio) {
        log_int(&l, "port", g->port);
        log_str(&l, "addresses", addresses);
        log_str(&l, "path", s->reload.config->server.path);
    }
    log_int(&l, "workers", g->worker_count);
    log_int(&l, "tools", (int64_t)toolset_count(s->reload.serving->generation->tools));
    log_str(&l, "root", s->reload.config->paths.root);
    log_str(&l, "version", MG_VERSION);
    log_end(&l);
    if (!s->is_stdio && keyring_is_open(s->reload.serving->keyring))
        log_printf(LOG_WARN,
                   "authentication is off: everybody on this machine may call every tool. To turn "
                   "it on, put "
                   "keys = YOUR-SECRET under [auth] in %s",
                   s->reload.config->file);
}

static int start(struct supervisor *s, struct err *e)
{
    int code;
    if ((code = signals_open(&s->signals, s->loop, signal_arrived, s, e)) != 0 ||
        (!s->is_stdio &&
         (code = services_raise_descriptors(&s->gateway, s->reload.config, e)) != 0) ||
        (!s->is_stdio && (code = addresses_open(s, e)) != 0) ||
        (code = services_open(&s->gateway, s->reload.config, s->is_stdio, e)) != 0)
        return code;
    endpoint_mcp_host(&s->gateway, &s->host);
    s->reload.host = &s->host;
    s->reload.serving = serving_new(&s->gateway, s->reload.config, NULL, &s->host, e);
    if (!s->reload.serving)
        return e->code;
    reload_tell_problems(s->reload.serving->generation);
    listchange_begin(&s->reload.lists, &s->gateway, s->loop, s->reload.serving);
    published_set(&s->gateway.published, s->reload.serving);
    if ((code = watchdog_open(s, e)) != 0 || (code = workers_open(s, e)) != 0)
        return code;
    for (unsigned i = 0; i < s->gateway.worker_count; i++)
        worker_tell_published(s->gateway.workers[i]);
    if (!s->is_stdio)
        store_announce(s->gateway.store, s->gateway.addresses[0].text);
    reload_begin(&s->reload);
    sweep_later(s);
    say_listening(s); /* last: who has read it finds all of the above done */
    return 0;
}

/* ---- end ---- */

static void workers_close(struct supervisor *s)
{
    struct gateway *g = &s->gateway;
    atomic_store(&g->draining, true);
    job_gates_close(g->job_gates);
    for (unsigned i = 0; g->workers && i < g->worker_count; i++)
        if (g->workers[i] && g->workers[i]->is_started)
            worker_drain(g->workers[i], s->reload.config->server.drain_timeout_ms);
    for (unsigned i = 0; g->workers && i < g->worker_count; i++)
        if (g->workers[i])
            worker_join(g->workers[i]);
    watchdog_stop(g->watchdog);
}

static int stop(struct supervisor *s)
{
    struct gateway *g = &s->gateway;
    struct err e = { 0 };
    int code = 0;
    workers_close(s);
    /* The state closes before the loops go: whoever still waits for the disk is told on a loop that
     * exists. */
    if (s->has_door && g->store)
        door_remove(s->door_path);
    int closed = g->store ? services_close_store(g, &e) : 0;
    for (unsigned i = 0; g->workers && i < g->worker_count; i++)
        worker_free(g->workers[i]);
    free(g->workers);
    http_addresses_release(g->addresses, g->address_count); /* of a start that failed */
    published_fini(&g->published);
    reload_end(&s->reload);
    services_free(g);
    if (closed != 0) {
        log_printf(LOG_ERROR, "the last snapshot failed: %s", e.text);
        code = 1;
    }
    return code;
}

static int run(struct supervisor *s, const char *ini_path)
{
    struct err e = { 0 };
    int code = 2;
    s->reload.config = loading_config(ini_path, loading_tell_stderr, NULL);
    if (!s->reload.config)
        return 2;
    heaps_bound(services_worker_count(s->reload.config));
    s->loop = loop_new(&e);
    published_init(&s->gateway.published);
    s->reload.gateway = &s->gateway;
    s->reload.loop = s->loop;
    s->reload.ini_path = ini_path;
    if (s->loop && logging_start(s->reload.config, &e) == 0) {
        int failed = start(s, &e);
        s->is_second = failed == MG_E_CONFLICT && s->is_stdio && s->in >= 0;
        if (failed && !s->is_second) {
            log_printf(LOG_ERROR, "cannot start: %s", e.text);
            if (s->reload.config->log.file[0])
                fprintf(stderr, "moongate: cannot start: %s\n", e.text);
        }
        while (!failed && !s->is_ending)
            loop_poll(s->loop, -1);
        code = stop(s);
        if (failed)
            code = failed == MG_E_INVALID ? 2 : 1;
        else
            log_printf(LOG_INFO, "stopped");
        log_stop();
    } else {
        fprintf(stderr, "moongate: %s\n", e.text);
    }
    signals_close(&s->signals);
    loop_free(s->loop);
    config_unref(s->reload.config);
    return code;
}

int supervisor_serve(const char *ini_path)
{
    struct supervisor s = { .signals.fd = -1, .in = -1, .out = -1 };
    return run(&s, ini_path);
}

/* Only the peer has the real ones: whatever else writes to standard output writes to standard
 * error, and nobody else reads what the client says. */
static int streams_take(struct supervisor *s)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    s->in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    s->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    bool is_done = null >= 0 && s->in >= 0 && s->out >= 0 &&
                   dup3(null, STDIN_FILENO, O_CLOEXEC) >= 0 &&
                   dup3(STDERR_FILENO, STDOUT_FILENO, O_CLOEXEC) >= 0;
    if (!is_done)
        fprintf(stderr, "moongate: standard input, output and error must be open: %s\n",
                strerror(errno));
    if (null >= 0)
        close(null);
    return is_done ? 0 : 1;
}

/* Where they are not the peer's. */
static void streams_close(struct supervisor *s)
{
    if (s->in >= 0)
        close(s->in);
    if (s->out >= 0)
        close(s->out);
}

int supervisor_stdio(const char *ini_path)
{
    struct supervisor s = { .signals.fd = -1, .in = -1, .out = -1, .is_stdio = true };
    int code = streams_take(&s);
    if (code == 0)
        code = run(&s, ini_path);
    if (s.is_second)
        return relay_run(ini_path, s.in, s.out);
    streams_close(&s);
    return code;
}

int supervisor_stand_in(const char *ini_path, int fd, bool *is_second)
{
    struct supervisor s = { .signals.fd = -1, .in = fd, .is_stdio = true, .is_stand_in = true };
    int code = 1;
    s.out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (s.out >= 0)
        code = run(&s, ini_path);
    else
        fprintf(stderr, "moongate: cannot start: %s\n", strerror(errno));
    *is_second = s.is_second;
    streams_close(&s);
    return code;
}
