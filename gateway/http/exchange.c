#include "http/exchange.h"

#include <string.h>

#include "http/reply.h"
#include "http/server_struct.h"

/* ---- what came ---- */

enum http_method exchange_method(const struct exchange *x) { return x->method; }

const char *exchange_method_text(const struct exchange *x)
{
    return x->method_text ? x->method_text : "";
}

const char *exchange_path(const struct exchange *x) { return x->path ? x->path : ""; }

const char *exchange_url(const struct exchange *x) { return x->url; }

const struct http_headers *exchange_headers(const struct exchange *x) { return &x->headers; }

const char *exchange_header(const struct exchange *x, const char *name)
{
    struct MHD_Connection *mhd = conn_of(x)->mhd;
    return mhd ? MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name) : NULL;
}

struct query {
    const char *name, *value;
    size_t skip;
};

static enum MHD_Result take_argument(void *arg, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t len)
{
    struct query *q = arg;
    (void)kind, (void)name_len;
    /* guard_target() has refused encoded NULs, so these are whole strings. */
    if (strcmp(name, q->name) != 0 || q->skip-- > 0)
        return MHD_YES;
    q->value = value && len > 0 ? value : "";
    return MHD_NO;
}

const char *exchange_query(const struct exchange *x, const char *name, size_t i)
{
    struct MHD_Connection *mhd = conn_of(x)->mhd;
    struct query q = { name, NULL, i };
    if (mhd)
        MHD_get_connection_values_n(mhd, MHD_GET_ARGUMENT_KIND, take_argument, &q);
    return q.value;
}

const char *exchange_body(const struct exchange *x, size_t *len)
{
    *len = x->body.len;
    /* The NUL behind the text is no change that a reader could see. */
    const char *text = x->body.len > 0 ? buf_cstr((struct buf *)(uintptr_t)&x->body) : "";
    return text ? text : "";
}

const char *exchange_peer(const struct exchange *x) { return conn_of(x)->peer; }

bool exchange_local_is_loopback(const struct exchange *x) { return conn_of(x)->local_is_loopback; }

uint16_t exchange_local_port(const struct exchange *x) { return conn_of(x)->local_port; }

int64_t exchange_started_us(const struct exchange *x) { return x->started_us; }

int64_t exchange_read_us(const struct exchange *x) { return conn_of(x)->server->read_us; }

void exchange_set_user(struct exchange *x, void *user) { x->user = user; }

void *exchange_user(const struct exchange *x) { return x->user; }

bool exchange_is_stream(const struct exchange *x) { return x->is_stream; }

uint64_t exchange_bytes(const struct exchange *x) { return x->bytes; }

/* ---- when the connection goes first ---- */

/* All texts of the request, as one array: struct http_headers holds nothing but texts. */
#define HEADER_TEXTS (sizeof(struct http_headers) / sizeof(const char *))

static size_t keep(struct buf *out, const char *text)
{
    size_t at = out->len;
    buf_str(out, text);
    buf_putc(out, '\0');
    return at;
}

void exchange_keep_texts(struct exchange *x)
{
    const char **headers = (const char **)(void *)&x->headers;
    size_t at[HEADER_TEXTS] = { 0 }, path, method;
    struct buf kept = { 0 };
    path = keep(&kept, exchange_path(x));
    method = keep(&kept, exchange_method_text(x));
    for (size_t i = 0; i < HEADER_TEXTS; i++)
        at[i] = headers[i] ? keep(&kept, headers[i]) : 0;
    bool is_kept = buf_ok(&kept);
    x->path = is_kept ? kept.data + path : "";
    x->method_text = is_kept ? kept.data + method : "";
    for (size_t i = 0; i < HEADER_TEXTS; i++)
        headers[i] = is_kept && headers[i] ? kept.data + at[i] : NULL;
    buf_fini(&x->texts);
    x->texts = kept;
}

void exchange_on_gone(struct exchange *x, void (*gone)(void *arg, enum gone how), void *arg)
{
    x->gone = gone;
    x->gone_arg = arg;
    conn_tell_later(conn_of(x));
}

/* ---- what goes back ---- */

void exchange_give_back(struct exchange *x)
{
    struct conn *c = conn_of(x);
    x->is_owned = false;
    x->gone = NULL;
    x->taken = NULL;
    x->user = NULL;
    conn_unwatch(c);
    conn_resume(c);
    conn_release(c);
}

void exchange_reply(struct exchange *x, struct http_reply *r)
{
    struct conn *c = conn_of(x);
    if (x->is_stream) { /* its head has gone out: nothing else can */
        buf_fini(&r->body);
        exchange_finish(x);
        return;
    }
    if (c->mhd && !x->is_lost) {
        x->status = r->status;
        x->bytes = r->static_body ? r->static_len : r->body.len;
        r->close |= c->server->is_draining;
        x->response = reply_make(r);
        if (!x->response) {
            x->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
            x->bytes = 0;
            x->response = reply_text("internal error");
        }
    }
    buf_fini(&r->body);
    if (!x->response)
        x->is_dropped = true;
    exchange_give_back(x);
}

void exchange_drop(struct exchange *x)
{
    struct conn *c = conn_of(x);
    x->is_dropped = true;
    if (x->is_stream)
        conn_abort(c);
    exchange_give_back(x);
}
