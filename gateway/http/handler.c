#include "http/handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/body.h"
#include "http/chunked.h"
#include "http/reply.h"
#include "http/server_struct.h"

#define WATCH_AFTER_MS 50 /* of waiting; most answers come sooner */

static struct conn *find_conn(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Every argument becomes a field in the connection's memory. With more of them than fit,
 * libmicrohttpd 0.9.75 forgets the error reply that it has made, and the client waits until
 * request_timeout. */
static bool has_too_many_arguments(const char *uri, size_t max)
{
    size_t n = 0;
    for (const char *p = strchr(uri, '?'); p; p = strchr(p + 1, '&'))
        n++;
    return n * FIELD_ROOM > max;
}

void *handler_line(void *arg, const char *uri, struct MHD_Connection *mhd)
{
    struct conn *c = find_conn(mhd);
    struct exchange *x = &c->x;
    (void)arg;
    if (x->step != STEP_LINE || c->is_closing) /* answered already, or about to be closed */
        return c;
    c->has_line = true;
    x->started_us = c->server->round_us;
    x->bad_target = guard_target(uri);
    target_mask(uri, x->url, sizeof x->url); /* now: libmicrohttpd decodes it in place */
    if (has_too_many_arguments(uri, c->server->options.max_headers))
        body_refuse_raw(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "too many arguments");
    return c;
}

/* ---- the head ---- */

struct head {
    struct guard guard;
    size_t cookies; /* bytes: libmicrohttpd copies them */
};

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t len)
{
    struct head *h = arg;
    (void)kind;
    guard_field(&h->guard, name, name_len, value, len);
    if (name_len == 6 && strcasecmp(name, "Cookie") == 0)
        h->cookies += len;
    return MHD_YES;
}

struct joiner {
    const char *name;
    struct buf *out;
    size_t begin;
};

static enum MHD_Result join_line(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct joiner *j = arg;
    (void)kind;
    if (strcasecmp(name, j->name) == 0 && value) {
        if (j->out->len > j->begin)
            buf_str(j->out, ", ");
        buf_str(j->out, value);
    }
    return MHD_YES;
}

/* A list in several lines is one list (RFC 9110, 5.2). */
static void join_lists(struct conn *c)
{
    struct http_headers *h = &c->x.headers;
    struct buf *out = &c->x.texts;
    struct joiner accept = { "Accept", out, 0 };
    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, join_line, &accept);
    buf_putc(out, '\0');
    struct joiner forwarded = { "X-Forwarded-For", out, out->len };
    MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, join_line, &forwarded);
    if (!buf_cstr(out)) /* no memory: the first line of each stays */
        return;
    if (h->accept)
        h->accept = out->data;
    if (h->x_forwarded_for)
        h->x_forwarded_for = out->data + forwarded.begin;
}

static enum http_method method_of(const char *text)
{
    static const char *const names[] = { [HTTP_GET] = "GET",
                                         [HTTP_HEAD] = "HEAD",
                                         [HTTP_POST] = "POST",
                                         [HTTP_DELETE] = "DELETE",
                                         [HTTP_OPTIONS] = "OPTIONS" };
    for (int i = 0; i < HTTP_OTHER; i++)
        if (text[0] == names[i][0] && strcmp(text, names[i]) == 0)
            return (enum http_method)i;
    return HTTP_OTHER;
}

/* In the head or at the end of the body: libmicrohttpd closes the connection in the first case. */
static enum MHD_Result refuse(struct conn *c, int status, const char *reason)
{
    conn_leave(c);
    server_refused(c->server, &c->x, status, reason);
    struct MHD_Response *r = reply_text(reason);
    if (!r)
        return MHD_NO;
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE) /* without memory for it: a bare 503 */
        (void)MHD_add_response_header(r, "Retry-After", "1");
    c->x.step = STEP_SEND;
    enum MHD_Result rc = MHD_queue_response(c->mhd, (unsigned)status, r);
    MHD_destroy_response(r);
    return rc;
}

/* Counted as the memory it takes, so that what passes leaves REPLY_ROOM for the reply: without it
 * libmicrohttpd would close the connection in silence. */
static bool head_is_too_large(const struct conn *c, size_t cookies)
{
    const enum MHD_ValueKind kinds = MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND;
    size_t max = c->server->options.max_headers;
    size_t size =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
    int fields = MHD_get_connection_values(c->mhd, kinds, NULL, NULL);
    return size + cookies + (size_t)fields * FIELD_ROOM > max;
}

static enum MHD_Result head_received(struct conn *c, const char *url, const char *method,
                                     const char *version)
{
    struct exchange *x = &c->x;
    struct head h = { .cookies = 0 };
    x->path = url;
    x->method_text = method;
    x->method = method_of(method);
    x->is_old = strcmp(version, "HTTP/1.0") == 0;
    guard_begin(&h.guard, &x->headers);
    MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, take_header, &h);
    if (h.guard.is_chunked)
        chunked_begin(c);
    if (head_is_too_large(c, h.cookies)) {
        body_refuse_raw(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large");
        return MHD_YES;
    }
    const char *reason = guard_end(&h.guard, version);
    if (x->bad_target || reason)
        return refuse(c, MHD_HTTP_BAD_REQUEST, x->bad_target ? x->bad_target : reason);
    if (h.guard.repeated)
        join_lists(c);
    int status = body_begin(c, &h.guard);
    return status ? refuse(c, status, "the body is too large") : MHD_YES;
}

/* ---- the answer ---- */

/* Without an answer libmicrohttpd asks again at each run until it is suspended. */
static enum MHD_Result answer_or_wait(struct conn *c)
{
    struct exchange *x = &c->x;
    if (x->is_dropped || x->is_lost)
        return MHD_NO;
    if (x->response) {
        struct MHD_Response *r = x->response;
        x->response = NULL;
        x->step = x->is_stream ? STEP_STREAM : STEP_SEND;
        enum MHD_Result rc = MHD_queue_response(c->mhd, (unsigned)x->status, r);
        MHD_destroy_response(r);
        return rc;
    }
    if (!c->has_waited)
        conn_await_client(c, WATCH_AFTER_MS, STEP_SERVE);
    c->has_waited = true;
    conn_suspend(c);
    return MHD_YES;
}

/* Libmicrohttpd is told that there is no answer yet: it asks again at its next run, when there is
 * one or the connection is suspended, and takes note that it has nothing to read here. Suspended in
 * this first call it would read after the resume, find that a client has closed its sending half,
 * and drop the answer. */
static enum MHD_Result serve(struct conn *c)
{
    conn_leave(c);
    c->x.step = STEP_SERVE;
    c->x.is_owned = true;
    c->heard_ms = loop_now(c->server->loop);
    server_batch(c->server, c);
    return MHD_YES;
}

enum MHD_Result handler_request(void *arg, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **request)
{
    struct conn *c = *request;
    (void)arg, (void)mhd;
    c->server->n_alone = 0;
    if (c->is_closing)
        return MHD_NO;
    if (*upload_size > 0) {
        body_take(c, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    switch (c->x.step) {
    case STEP_LINE: return head_received(c, url, method, version);
    case STEP_BODY: return serve(c);
    case STEP_SERVE: return answer_or_wait(c);
    case STEP_DISCARD:
        return refuse(c, c->x.refusal,
                      c->x.refusal == MHD_HTTP_SERVICE_UNAVAILABLE ? BODY_NO_ROOM
                                                                   : "the body is too large");
    default: return MHD_NO; /* answered already: to be closed */
    }
}

/* ---- the end ---- */

static void request_reset(struct conn *c)
{
    struct exchange *x = &c->x;
    body_end(c);
    if (x->response) /* given back, and the client left before libmicrohttpd asked for it */
        MHD_destroy_response(x->response);
    buf_fini(&x->texts);
    buf_fini(&x->out);
    char *url = x->url;
    memset(x, 0, offsetof(struct exchange, url));
    url[0] = '\0';
    c->has_waited = c->has_line = false;
    c->is_used = true;
}

void handler_completed(void *arg, struct MHD_Connection *mhd, void **request,
                       enum MHD_RequestTerminationCode how)
{
    struct conn *c = *request;
    struct exchange *x = &c->x;
    (void)arg, (void)mhd, (void)how;
    conn_unwatch(c);
    conn_leave(c);
    if (x->is_owned) {
        /* Whatever libmicrohttpd does next, the place of the next request is taken. */
        x->is_lost = true;
        exchange_keep_texts(x);
        conn_abort(c);
        conn_tell(c);
    } else if (!c->is_closing && x->step != STEP_LINGER) {
        request_reset(c);
        conn_await_request(c);
        if (c->server->is_draining)
            (void)shutdown(c->fd, SHUT_RD);
    }
}

void handler_connection(void *arg, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = arg;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = s->joining;
        conn_opened(s->joining, mhd);
        s->joining = NULL;
    } else if (*context) {
        conn_closed(*context);
        *context = NULL;
    }
}

/* ---- libmicrohttpd's own messages ---- */

/* Its own error pages are known by this message only; the connection is not told. */
void handler_log(void *arg, const char *format, va_list ap)
{
    static const char mark[] = "HTTP response code is ";
    struct http_server *s = arg;
    bool is_refusal = strstr(format, mark) != NULL;
    if (!is_refusal && !log_enabled(LOG_DEBUG))
        return;
    char text[256];
    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\n")] = '\0';
    log_printf(LOG_DEBUG, "libmicrohttpd: %s", text);
    const char *code = is_refusal ? strstr(text, mark) : NULL;
    int status = code ? atoi(code + sizeof mark - 1) : 0;
    if (status < 400 || status > 599)
        return;
    s->unknown.x.started_us = clock_mono_us();
    server_refused(s, &s->unknown.x, status, "malformed or too large");
}
