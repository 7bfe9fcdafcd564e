#include "worker/relay.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mcp/mcp.h"
#include "stdio/door.h"
#include "stdio/line_pipe.h"
#include "store/store.h"
#include "worker/conversation.h"
#include "worker/loading.h"
#include "worker/serving.h"
#include "worker/signals.h"
#include "worker/stand_in.h"

#define SEEK_MS 50              /* between two looks for a gateway */
#define SEEK_MAX_MS 15000       /* until one serves, behind what the old one may take to end */
#define OWN_EVERY 5             /* looks; with each of those the state is tried for */
#define RESTART_MS 5000         /* a gateway that served HTTP as well is given time to come back */
#define LAST_MS 2000            /* for a client to read why all ends */
#define MAX_ANSWER (256u << 20) /* one line of the gateway */

struct relay {
    const char *ini_path;
    struct config *config;
    struct loop *loop;
    struct signals signals;
    struct line_pipe *client, *gateway; /* gateway NULL: it is looked for */
    struct mcp_server self;
    struct conversation *talk;
    struct buf waiting; /* lines of the client for the next gateway */
    struct stand_in own;
    struct loop_timer seek; /* the next look, or the last moment for who was found to answer */
    struct loop_timer lost, last;
    int64_t drained_ms, restart_ms, deadline_ms; /* how long is waited, monotonic */
    bool was_public;                             /* the one that is gone served HTTP as well */
    unsigned looks;
    int code;
    bool is_client_done, is_over;
    bool has_served; /* some gateway has */
};

/* ---- to either end ---- */

/* Who does not take what is sent to it holds up the other. */
static void flow(struct relay *r)
{
    size_t max = (size_t)r->config->server.max_stream_queue_bytes;
    size_t queued = r->gateway ? line_pipe_queued(r->gateway) : 0;
    if (r->gateway)
        line_pipe_hold(r->gateway, line_pipe_queued(r->client) > max);
    if (!r->is_client_done)
        line_pipe_hold(r->client, queued + r->waiting.len > max);
}

static void give_up(void *arg)
{
    struct relay *r = arg;
    r->is_over = true;
}

static void to_client(void *arg, const char *text, size_t len)
{
    struct relay *r = arg;
    line_pipe_send(r->client, text, len);
}

static void to_gateway(void *arg, const char *text, size_t len)
{
    struct relay *r = arg;
    if (r->gateway)
        line_pipe_send(r->gateway, text, len);
}

static const struct conversation_ops talk_ops = { .to_client = to_client,
                                                  .to_gateway = to_gateway };

static void pass_on(struct relay *r, const char *text, size_t len)
{
    conversation_client(r->talk, text, len);
    to_gateway(r, text, len);
}

static void waiting_pass_on(struct relay *r)
{
    struct buf lines = r->waiting;
    r->waiting = (struct buf){ 0 };
    for (size_t at = 0; at < lines.len;) {
        const char *line = lines.data + at, *end = memchr(line, '\n', lines.len - at);
        size_t len = end ? (size_t)(end - line) : lines.len - at; /* no memory for its end */
        pass_on(r, line, len);
        at += len + 1;
    }
    buf_fini(&lines);
}

static void gateway_drop(struct relay *r)
{
    timer_stop(r->loop, &r->lost);
    line_pipe_free(r->gateway);
    r->gateway = NULL;
}

/* There is no gateway, and there will be none. What waits goes to nobody, and so is among what gets
 * no answer; then all is said but for what the client has not read yet. */
static void end(struct relay *r, int code)
{
    gateway_drop(r);
    waiting_pass_on(r);
    conversation_end(r->talk);
    r->code = code;
    r->is_client_done = true; /* nothing it says is heard any more */
    line_pipe_hold(r->client, true);
    timer_stop(r->loop, &r->seek);
    if (line_pipe_queued(r->client) == 0)
        r->is_over = true;
    else
        timer_start(r->loop, &r->last, LAST_MS, give_up, r);
}

/* ---- the client ---- */

static void none_found(struct relay *r, const char *why);

static bool is_served(const struct relay *r)
{
    return r->gateway && conversation_is_resumed(r->talk);
}

static void client_line(void *arg, const char *text, size_t len)
{
    struct relay *r = arg;
    if (is_served(r)) {
        pass_on(r, text, len);
    } else {
        buf_append(&r->waiting, text, len);
        buf_putc(&r->waiting, '\n');
        if (!buf_ok(&r->waiting))
            none_found(r, "out of memory");
    }
    flow(r);
}

static void client_fault(void *arg, enum line_fault fault)
{
    struct relay *r = arg;
    struct buf json = { 0 };
    mcp_refusal(&json, fault == LINE_TOO_LONG ? MCP_PARSE_ERROR : MCP_INTERNAL_ERROR,
                fault == LINE_TOO_LONG ? "Parse error: a line is longer than [server] max_body"
                                       : "Internal error: out of memory",
                true);
    if (buf_ok(&json))
        to_client(r, json.data, json.len);
    buf_fini(&json);
}

/* What waits is still to be answered; after that the gateway ends its side as well. */
static void client_finish(struct relay *r)
{
    if (is_served(r))
        line_pipe_finish(r->gateway);
    else if (r->waiting.len == 0 && !conversation_is_open(r->talk))
        r->is_over = true;
}

static void client_ended(void *arg, bool is_lost)
{
    struct relay *r = arg;
    if (r->is_client_done)
        return;
    r->is_client_done = true;
    timer_start(r->loop, &r->last, is_lost ? 0 : r->config->server.drain_timeout_ms + LAST_MS,
                give_up, r);
    client_finish(r);
}

static void flushed(void *arg)
{
    struct relay *r = arg;
    flow(r);
    if (r->is_client_done && !r->gateway && !r->seek.armed)
        r->is_over = true;
}

static const struct line_pipe_ops client_ops = { .lines = { .line = client_line,
                                                            .fault = client_fault },
                                                 .ended = client_ended,
                                                 .flushed = flushed };

/* ---- the gateway ---- */

static void served(struct relay *r)
{
    if (!r->own.is_running)
        fprintf(stderr, "moongate: another process holds the state: relaying to it\n");
    r->has_served = true;
    timer_stop(r->loop, &r->seek);
    waiting_pass_on(r);
    if (r->is_client_done)
        line_pipe_finish(r->gateway);
}

static void gateway_line(void *arg, const char *text, size_t len)
{
    struct relay *r = arg;
    bool was_served = is_served(r);
    if (conversation_gateway(r->talk, text, len))
        to_client(r, text, len);
    if (!was_served && is_served(r))
        served(r);
    flow(r);
}

static void gateway_fault(void *arg, enum line_fault fault);
static void gateway_ended(void *arg, bool is_lost);

static const struct line_pipe_ops gateway_ops = { .lines = { .line = gateway_line,
                                                             .fault = gateway_fault },
                                                  .ended = gateway_ended,
                                                  .flushed = flushed };

/* ---- looking for one ---- */

static void seek(void *arg);

static void seek_begin(struct relay *r, int64_t delay_ms)
{
    char address[200];
    int64_t now = clock_mono_ms();
    r->was_public =
        r->has_served && store_announced(r->config->state.path, address, sizeof address);
    r->drained_ms = now + r->config->server.drain_timeout_ms;
    r->restart_ms = now + (r->was_public ? RESTART_MS : 0);
    r->deadline_ms = r->drained_ms + SEEK_MAX_MS;
    r->looks = 0;
    timer_start(r->loop, &r->seek, delay_ms, seek, r);
}

/* A gateway that served HTTP is likely to be started again, and must find the state free then: for
 * some time since it was seen last, in its drain as well. */
static bool may_own(struct relay *r, int64_t now)
{
    pid_t owner = r->was_public && now < r->drained_ms ? store_owner(r->config->state.path) : 0;
    if (owner > 0 && kill(owner, 0) == 0)
        r->restart_ms = now + RESTART_MS;
    return now >= r->restart_ms && r->looks++ % OWN_EVERY == 0;
}

static void none_found(struct relay *r, const char *why)
{
    fprintf(stderr, "moongate: no other gateway is reached, and none can be started here: %s\n",
            why);
    end(r, 1);
}

static void seek_on(struct relay *r, const char *why)
{
    if (clock_mono_ms() < r->deadline_ms)
        timer_start(r->loop, &r->seek, SEEK_MS, seek, r);
    else
        none_found(r, why);
}

static void signal_arrived(void *arg, bool is_reload, unsigned number)
{
    struct relay *r = arg;
    (void)number;
    if (is_reload) /* the gateway reads files anew */
        return;
    line_pipe_hold(r->client, true); /* as the end of the input */
    if (is_served(r))
        client_ended(r, false);
    else
        end(r, 0);
}

/* The signals are its own then, and this side's again when it has ended. */
static int own_begin(struct relay *r, int *fd, struct err *e)
{
    int code = stand_in_start(&r->own, r->ini_path, fd, e);
    if (code != 0)
        return code;
    loop_unwatch(r->loop, r->signals.watch);
    signals_close(&r->signals);
    return 0;
}

static void own_end(struct relay *r)
{
    struct err e = { 0 };
    stand_in_join(&r->own);
    if (signals_open(&r->signals, r->loop, signal_arrived, r, &e) != 0)
        fprintf(stderr, "moongate: %s\n", e.text);
}

/* It is stopped, or has more to do than to answer. */
static void gateway_overdue(void *arg)
{
    struct relay *r = arg;
    none_found(r, "the process that holds the state does not answer");
}

/* One of this process says itself that it cannot start, and may take its time to. */
static void gateway_take(struct relay *r, int fd)
{
    struct err e = { 0 };
    struct line_pipe_options o = { .in_fd = fd,
                                   .out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
                                   .max_line = MAX_ANSWER,
                                   .max_queue = SIZE_MAX, /* flow() bounds it */
                                   .drops_torn = true };  /* what it answers gets an error */
    r->gateway = line_pipe_new(r->loop, &o, &gateway_ops, r, &e);
    if (!r->gateway) {
        none_found(r, e.text);
        return;
    }
    if (!r->own.is_running)
        timer_start(r->loop, &r->seek, r->deadline_ms - clock_mono_ms(), gateway_overdue, r);
    conversation_resume(r->talk);
}

static void seek(void *arg)
{
    struct relay *r = arg;
    struct err e = { 0 };
    int fd = -1;
    int code = door_connect(r->config->state.path, &fd, &e);
    if (code == MG_E_NOTFOUND && may_own(r, clock_mono_ms()))
        code = own_begin(r, &fd, &e);
    if (code == 0)
        gateway_take(r, fd);
    else if (code == MG_E_NOTFOUND)
        seek_on(r, e.text);
    else
        none_found(r, e.text);
}

static void gateway_ended(void *arg, bool is_lost)
{
    struct relay *r = arg;
    bool was_served = is_served(r), was_own = r->own.is_running;
    (void)is_lost;
    gateway_drop(r);
    conversation_break(r->talk);
    if (was_own)
        own_end(r);
    if (was_own && !r->own.is_second && !was_served && r->own.code != 0) {
        none_found(r, "its start failed");
    } else if (was_own && !r->own.is_second) {
        end(r, r->own.code); /* in order: by a signal, or because the client has ended */
    } else if (r->is_client_done && r->waiting.len == 0 && !conversation_is_open(r->talk)) {
        end(r, 0);
    } else if (was_served) {
        fprintf(stderr, "moongate: the gateway that served this is gone: looking for another\n");
        seek_begin(r, SEEK_MS); /* it may be there, and have let go of this one alone */
    } else {
        seek_on(r, "the process that holds the state turns this one away");
    }
}

static void gateway_lost(void *arg) { gateway_ended(arg, true); }

/* Nobody knows which request that answers, so none has an answer any more: as when the gateway is
 * gone. Not from inside of its pipe. */
static void gateway_fault(void *arg, enum line_fault fault)
{
    struct relay *r = arg;
    fprintf(stderr, "moongate: an answer cannot be relayed: %s\n",
            fault == LINE_TOO_LONG ? "it is too long" : "out of memory");
    timer_start(r->loop, &r->lost, 0, gateway_lost, r);
}

/* ---- start and end ---- */

static int start(struct relay *r, int in_fd, int out_fd, struct err *e)
{
    struct line_pipe_options o = { .in_fd = in_fd,
                                   .out_fd = out_fd,
                                   .max_line = r->config->server.max_body_bytes,
                                   .max_queue = SIZE_MAX }; /* flow() bounds it */
    r->loop = loop_new(e);
    r->self = serving_protocol(r->config);
    r->talk = conversation_new(&r->self, &talk_ops, r);
    if (!r->loop || !r->talk) {
        close(in_fd);
        close(out_fd);
        return e->code ? e->code : err_set(e, MG_E_NOMEM, "no memory for a client");
    }
    r->client = line_pipe_new(r->loop, &o, &client_ops, r, e);
    return r->client ? signals_open(&r->signals, r->loop, signal_arrived, r, e) : e->code;
}

int relay_run(const char *ini_path, int in_fd, int out_fd)
{
    struct err e = { 0 };
    struct relay r = { .ini_path = ini_path, .signals.fd = -1 };
    r.config = loading_config(ini_path, loading_tell_stderr, NULL);
    if (!r.config) {
        close(in_fd);
        close(out_fd);
        return 2;
    }
    if (start(&r, in_fd, out_fd, &e) == 0) {
        seek_begin(&r, 0);
        while (!r.is_over)
            loop_poll(r.loop, -1);
    } else {
        fprintf(stderr, "moongate: cannot relay: %s\n", e.text);
        r.code = 1;
    }
    line_pipe_free(r.gateway); /* a gateway in this process ends then */
    if (r.own.is_running) {
        stand_in_join(&r.own);
        r.code = r.own.code;
    }
    line_pipe_free(r.client);
    conversation_free(r.talk);
    buf_fini(&r.waiting);
    signals_close(&r.signals);
    loop_free(r.loop);
    config_unref(r.config);
    return r.code;
}
