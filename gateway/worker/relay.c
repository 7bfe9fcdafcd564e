#include "worker/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json_scan.h"
#include "mcp/mcp.h"
#include "stdio/door.h"
#include "stdio/line_pipe.h"
#include "worker/signals.h"

#define CONNECT_TRIES 200 /* the other process opens its door when its tools are loaded */
#define CONNECT_PAUSE_MS 50
#define LAST_MS 2000            /* for a client to read why all ends */
#define MAX_ANSWER (256u << 20) /* one line of the other process */

struct pending { /* a request that has no answer yet */
    struct pending *next;
    size_t len;
    char id[]; /* its JSON text */
};

struct relay {
    struct loop *loop;
    struct line_pipe *client, *owner;
    size_t max_queue;
    int64_t drain_ms;
    struct pending *pending;
    struct loop_timer last;
    struct signals signals;
    int code;
    bool is_client_done, is_over;
};

/* ---- which requests are open ---- */

static void pending_add(struct relay *r, struct json_text id)
{
    struct pending *p = malloc(sizeof *p + id.len);
    if (!p)
        return; /* it would miss its error only if the other process went */
    p->len = id.len;
    memcpy(p->id, id.p, id.len);
    p->next = r->pending;
    r->pending = p;
}

static void pending_remove(struct relay *r, struct json_text id)
{
    for (struct pending **at = &r->pending, *p; (p = *at); at = &p->next)
        if (p->len == id.len && memcmp(p->id, id.p, id.len) == 0) {
            *at = p->next;
            free(p);
            return;
        }
}

static void message_note(struct relay *r, struct json_text message, bool is_from_client)
{
    static const char *const names[] = { "method", "id" };
    struct json_text found[2];
    if (message.type != JSON_OBJECT)
        return;
    json_find(message, names, found, 2);
    if (found[1].type != JSON_STRING && found[1].type != JSON_NUMBER)
        return;
    if (is_from_client && found[0].type == JSON_STRING)
        pending_add(r, found[1]);
    else if (!is_from_client && found[0].type == JSON_NONE)
        pending_remove(r, found[1]);
}

static void line_note(struct relay *r, const char *text, size_t len, bool is_from_client)
{
    struct json_limits limits = { 0 };
    struct json_text root, item;
    struct err e = { 0 };
    if (json_scan(text, len, &limits, &root, &e) != 0)
        return;
    if (root.type != JSON_ARRAY) {
        message_note(r, root, is_from_client);
        return;
    }
    for (struct json_iter it = json_iter(root); json_next_item(&it, &item);)
        message_note(r, item, is_from_client);
}

/* ---- both ways ---- */

/* Who does not take what is sent to it holds up the other. */
static void flow(struct relay *r)
{
    if (r->owner && r->client) {
        line_pipe_hold(r->client, line_pipe_queued(r->owner) > r->max_queue);
        line_pipe_hold(r->owner, line_pipe_queued(r->client) > r->max_queue);
    }
}

static void client_line(void *arg, const char *text, size_t len)
{
    struct relay *r = arg;
    line_note(r, text, len, true);
    line_pipe_send(r->owner, text, len);
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
        line_pipe_send(r->client, json.data, json.len);
    buf_fini(&json);
}

static void give_up(void *arg)
{
    struct relay *r = arg;
    r->is_over = true;
}

static void client_ended(void *arg, bool is_lost)
{
    struct relay *r = arg;
    if (r->is_client_done)
        return;
    r->is_client_done = true;
    line_pipe_finish(r->owner);
    timer_start(r->loop, &r->last, is_lost ? 0 : r->drain_ms, give_up, r);
}

static void owner_line(void *arg, const char *text, size_t len)
{
    struct relay *r = arg;
    line_note(r, text, len, false);
    line_pipe_send(r->client, text, len);
    flow(r);
}

static void owner_fault(void *arg, enum line_fault fault)
{
    (void)arg, (void)fault;
    fprintf(stderr, "moongate: an answer was too long to be relayed\n");
}

static void pending_refuse(struct relay *r)
{
    struct buf json = { 0 };
    for (struct pending *p; (p = r->pending);) {
        buf_clear(&json);
        mcp_error(&json, (struct json_text){ p->id, p->len, JSON_STRING }, false,
                  MCP_INTERNAL_ERROR,
                  "Internal error: the gateway that holds the state is gone; the call may or may "
                  "not "
                  "have had its effect");
        if (buf_ok(&json))
            line_pipe_send(r->client, json.data, json.len);
        r->pending = p->next;
        free(p);
    }
    buf_fini(&json);
}

static void owner_ended(void *arg, bool is_lost)
{
    struct relay *r = arg;
    (void)is_lost;
    if (!r->is_client_done || r->pending) {
        fprintf(stderr, "moongate: the gateway that holds the state is gone: start this again\n");
        r->code = 1;
        pending_refuse(r);
    }
    r->is_client_done = true; /* nothing it says is heard any more */
    line_pipe_hold(r->client, true);
    if (line_pipe_queued(r->client) == 0)
        r->is_over = true;
    else
        timer_start(r->loop, &r->last, LAST_MS, give_up, r);
    line_pipe_free(r->owner);
    r->owner = NULL;
}

static void flushed(void *arg)
{
    struct relay *r = arg;
    flow(r);
    if (!r->owner)
        r->is_over = true;
}

static const struct line_pipe_ops client_ops = { .lines = { .line = client_line,
                                                            .fault = client_fault },
                                                 .ended = client_ended,
                                                 .flushed = flushed };
static const struct line_pipe_ops owner_ops = {
    .lines = { .line = owner_line, .fault = owner_fault }, .ended = owner_ended, .flushed = flushed
};

/* ---- start ---- */

static void signal_arrived(void *arg, bool is_reload, unsigned number)
{
    struct relay *r = arg;
    (void)number;
    if (is_reload) /* the owner reads files anew */
        return;
    line_pipe_hold(r->client, true); /* as the end of the input */
    if (r->owner)
        client_ended(r, false);
}

/* The other process may be starting. */
static int owner_connect(const struct config *c, int *fd, struct err *e)
{
    int code = 0;
    for (int i = 0; i < CONNECT_TRIES; i++) {
        code = door_connect(c->state.path, fd, e);
        if (code != MG_E_NOTFOUND)
            return code;
        nanosleep(&(struct timespec){ .tv_nsec = CONNECT_PAUSE_MS * 1000000L }, NULL);
    }
    return code;
}

static int pipes_open(struct relay *r, const struct config *c, int in_fd, int out_fd, int owner,
                      struct err *e)
{
    struct line_pipe_options client = { .in_fd = in_fd,
                                        .out_fd = out_fd,
                                        .max_line = c->server.max_body_bytes,
                                        .max_queue = SIZE_MAX }; /* flow() bounds both */
    struct line_pipe_options other = { .in_fd = owner,
                                       .out_fd = fcntl(owner, F_DUPFD_CLOEXEC, 3),
                                       .max_line = MAX_ANSWER,
                                       .max_queue = SIZE_MAX };
    r->client = line_pipe_new(r->loop, &client, &client_ops, r, e);
    r->owner = line_pipe_new(r->loop, &other, &owner_ops, r, e);
    return r->client && r->owner ? 0 : e->code;
}

int relay_run(const struct config *c, int in_fd, int out_fd)
{
    struct err e = { 0 };
    struct relay r = { .max_queue = c->server.max_stream_queue_bytes,
                       .drain_ms = c->server.drain_timeout_ms + LAST_MS,
                       .signals.fd = -1 };
    int owner = -1;
    if (owner_connect(c, &owner, &e) != 0) {
        fprintf(stderr, "moongate: another process holds the state, and is not reached: %s\n",
                e.text);
        close(in_fd);
        close(out_fd);
        return 1;
    }
    r.loop = loop_new(&e);
    if (!r.loop || pipes_open(&r, c, in_fd, out_fd, owner, &e) != 0 ||
        signals_open(&r.signals, r.loop, signal_arrived, &r, &e) != 0) {
        fprintf(stderr, "moongate: cannot relay: %s\n", e.text);
        r.code = 1;
    } else {
        fprintf(stderr, "moongate: another process holds the state: relaying to it\n");
        while (!r.is_over)
            loop_poll(r.loop, -1);
    }
    line_pipe_free(r.client);
    line_pipe_free(r.owner);
    while (r.pending) {
        struct pending *next = r.pending->next;
        free(r.pending);
        r.pending = next;
    }
    signals_close(&r.signals);
    loop_free(r.loop);
    return r.code;
}
