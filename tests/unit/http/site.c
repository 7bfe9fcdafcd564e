#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"

#define DEADLINE_MS 20000

/* ---- the handler ---- */

void site_reply(struct exchange *x, const char *body)
{
    struct http_reply r = { .status = 200, .content_type = "text/plain" };
    buf_str(&r.body, body);
    exchange_reply(x, &r);
}

static void gone(void *arg, enum gone how)
{
    struct exchange **slot = arg;
    struct site *s = exchange_user(*slot);
    if (how == GONE_LOST)
        s->lost++;
    else
        s->half++;
    if (how == GONE_LOST && s->drops_when_lost) {
        exchange_drop(*slot);
        *slot = NULL;
    } else if (how == GONE_HALF_CLOSED && s->replies_when_half) {
        site_reply(*slot, "half");
        *slot = NULL;
    }
}

void site_ask(struct site *s, int i) { exchange_on_gone(s->held[i], gone, &s->held[i]); }

static void hold(struct site *s, struct exchange *x)
{
    assert_true(s->n_held < SITE_HELD);
    s->held[s->n_held] = x;
    exchange_set_user(x, s);
    site_ask(s, s->n_held++);
}

static void list_headers(struct exchange *x)
{
    const struct http_headers *h = exchange_headers(x);
    struct http_reply r = { .status = 200 };
    buf_printf(&r.body, "accept=%s\nua=%s\nxff=%s\nkey=%s\nother=%s\nq=%s|%s\nurl=%s\npath=%s\n",
               h->accept ? h->accept : "-", h->user_agent ? h->user_agent : "-",
               h->x_forwarded_for ? h->x_forwarded_for : "-", h->x_api_key ? h->x_api_key : "-",
               exchange_header(x, "x-other") ? exchange_header(x, "x-other") : "-",
               exchange_query(x, "q", 0) ? exchange_query(x, "q", 0) : "-",
               exchange_query(x, "q", 1) ? exchange_query(x, "q", 1) : "-", exchange_url(x),
               exchange_path(x));
    exchange_reply(x, &r);
}

static void echo(struct exchange *x)
{
    struct http_field f = { "X-Method", exchange_method_text(x) };
    struct http_reply r = {
        .status = 200, .content_type = "text/plain", .fields = &f, .field_count = 1
    };
    size_t len;
    const char *body = exchange_body(x, &len);
    assert_int_equal(body[len], '\0');
    buf_append(&r.body, body, len);
    exchange_reply(x, &r);
}

static void request(void *arg, struct exchange *x)
{
    struct site *s = arg;
    const char *path = exchange_path(x);
    struct http_reply r = { .status = 200 };
    s->requests++;
    assert_true(exchange_started_us(x) > 0);
    assert_true(exchange_local_is_loopback(x));
    assert_int_equal(exchange_local_port(x), s->port);
    if (strcmp(path, "/echo") == 0) {
        echo(x);
    } else if (strcmp(path, "/headers") == 0) {
        list_headers(x);
    } else if (strcmp(path, "/hold") == 0) {
        hold(s, x);
    } else if (strcmp(path, "/stream") == 0) {
        assert_int_equal(exchange_stream(x, &r), 0);
        hold(s, x);
    } else if (strcmp(path, "/events") == 0) {
        assert_int_equal(exchange_stream(x, &r), 0);
        assert_int_equal(exchange_send(x, "data: 1\n\n", 9), 0);
        assert_int_equal(exchange_send(x, "data: 2\n\n", 9), 0);
        assert_int_equal(exchange_bytes(x), 18);
        exchange_finish(x);
    } else if (strcmp(path, "/drop") == 0) {
        exchange_drop(x);
    } else if (strcmp(path, "/static") == 0) {
        r.static_body = "static";
        r.static_len = 6;
        exchange_reply(x, &r);
    } else if (strcmp(path, "/close") == 0) {
        r.close = true;
        exchange_reply(x, &r);
    } else if (strcmp(path, "/badfield") == 0) {
        struct http_field f = { "X-Bad", "a\r\nX-Injected: b" };
        r.fields = &f;
        r.field_count = 1;
        buf_str(&r.body, "never");
        exchange_reply(x, &r);
    } else {
        r.status = 404;
        exchange_reply(x, &r);
    }
}

static void refused(void *arg, const struct exchange *x, int status, const char *reason)
{
    struct site *s = arg;
    s->refusals++;
    s->refused_status = status;
    snprintf(s->refused_reason, sizeof s->refused_reason, "%s", reason);
    snprintf(s->refused_url, sizeof s->refused_url, "%s|%s|%s", exchange_method_text(x),
             exchange_url(x), exchange_peer(x));
    assert_true(exchange_started_us(x) > 0);
}

/* ---- the server ---- */

void site_defaults(struct http_options *o)
{
    *o = (struct http_options){ .max_body = 1 << 20,
                                .max_headers = 16384,
                                .max_stream_queue = 64 << 10,
                                .request_timeout_ms = 60000,
                                .idle_timeout_ms = 75000,
                                .sse_keepalive_ms = 15000,
                                .max_connections = 10000 };
}

static void begin(struct site *s)
{
    memset(s, 0, sizeof *s);
    s->loop = loop_new(NULL);
    s->shared = http_shared_new();
    assert_true(s->loop && s->shared);
}

static void serve(struct site *s)
{
    static const struct http_handler handler = { .request = request, .refused = refused };
    struct err e = { 0 };
    s->server = http_server_new(s->loop, s->shared, &s->options, s->addresses, s->n_addresses,
                                &handler, s, metrics_slot(1), &e);
    if (!s->server)
        fail_msg("%s", e.text);
}

void site_open(struct site *s, const struct http_options *o)
{
    struct err e = { 0 };
    begin(s);
    site_defaults(&s->options);
    if (o)
        s->options = *o;
    if (http_addresses("127.0.0.1", 0, s->addresses, 4, &s->n_addresses, &s->port, &e) != 0)
        fail_msg("%s", e.text);
    http_addresses_hold(s->addresses, s->n_addresses);
    serve(s);
    http_addresses_release(s->addresses, s->n_addresses);
}

void site_open_at(struct site *s, const struct http_address *a, size_t n, uint16_t port)
{
    begin(s);
    site_defaults(&s->options);
    s->port = port;
    s->n_addresses = n;
    memcpy(s->addresses, a, n * sizeof *a);
    serve(s);
}

void site_open_beside(struct site *s, const struct site *other)
{
    begin(s);
    s->options = other->options;
    s->port = other->port;
    s->n_addresses = other->n_addresses;
    memcpy(s->addresses, other->addresses, sizeof s->addresses);
    serve(s);
}

void site_close(struct site *s)
{
    http_server_close_all(s->server);
    http_server_run(s->server);
    http_server_free(s->server);
    for (int i = 0; i < s->n_held; i++)
        if (s->held[i])
            exchange_drop(s->held[i]); /* outlived its server */
    loop_free(s->loop);
    http_shared_free(s->shared);
}

void site_pump(struct site *s)
{
    int64_t wait = http_server_wait(s->server);
    loop_poll(s->loop, wait < 0 || wait > 5 ? 5 : wait);
    http_server_run(s->server);
}

void site_pump_for(struct site *s, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (clock_mono_ms() < end)
        site_pump(s);
}

void site_pump_until(struct site *s, const int *n, int want)
{
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    while (*n < want && clock_mono_ms() < end)
        site_pump(s);
    assert_true(*n >= want);
}

void site_pump_until_open(struct site *s, size_t connections)
{
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    while (http_server_open(s->server) != connections && clock_mono_ms() < end)
        site_pump(s);
    assert_int_equal(http_server_open(s->server), connections);
}

int64_t site_cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}
