#include "worker/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "worker/admit.h"
#include "worker/worker.h"

static void member(struct buf *b, const char *key, const char *value)
{
    json_key(b, key);
    json_str(b, value);
}

static void reply_json(struct worker *w, struct exchange *x, const struct access *a, int status,
                       struct buf *body)
{
    struct http_field cache = { "Cache-Control", "no-store" };
    struct http_reply r = { .status = status,
                            .content_type = "application/json",
                            .body = *body,
                            .fields = &cache,
                            .field_count = 1 };
    *body = (struct buf){ 0 };
    access_reply(w, a, x, &r);
}

void health_live(struct worker *w, struct exchange *x, struct access *a)
{
    struct buf b = { 0 };
    buf_str(&b, "{\"status\":\"ok\"}");
    reply_json(w, x, a, 200, &b);
}

/* Everything that makes this gateway a bad place to send a request to. */
static void write_reasons(struct worker *w, struct buf *b)
{
    struct gateway *g = w->gateway;
    char text[480];
    if (atomic_load(&g->draining))
        json_str(b, "draining: the gateway is shutting down");
    if (store_trouble(g->store, text, sizeof text))
        json_str(b, text);
    unsigned stuck = atomic_load(&g->long_stuck);
    if (stuck > 0) {
        snprintf(text, sizeof text, "%u of %u workers held by a tool for over 10 s", stuck,
                 g->worker_count);
        json_str(b, text);
    }
    unsigned full = atomic_load(&g->full_workers);
    if (full > 0) {
        snprintf(text, sizeof text,
                 "%u of %u workers have no memory left for calls ([tools] worker_memory): what "
                 "tools "
                 "keep in their files' own variables fills it; SIGHUP loads them anew",
                 full, g->worker_count);
        json_str(b, text);
    }
}

/* The place, not the reason: this page is for everybody, and a file may raise anything. */
static void write_broken(struct buf *b, const struct toolset_problem *p)
{
    char text[600];
    size_t path = strcspn(p->text, ": ");
    size_t digits = p->text[path] == ':' ? strspn(p->text + path + 1, "0123456789") : 0;
    if (digits > 0)
        snprintf(text, sizeof text, "tool file %s did not load: %.*s; see the log", p->file,
                 (int)(path + 1 + digits), p->text);
    else
        snprintf(text, sizeof text, "tool file %s did not load; see the log", p->file);
    json_str(b, text);
}

/* What an operator should look at, though requests are served. */
static void write_warnings(struct worker *w, struct buf *b)
{
    const struct toolset *t = w->serving->generation->tools;
    char text[600];
    if (atomic_load(&w->gateway->reload_failed))
        json_str(b, "the last reload of the configuration failed; the one before it serves");
    unsigned failed = atomic_load(&w->gateway->start_failed);
    if (failed > 0) {
        snprintf(text, sizeof text, "%u start functions of tools failed; see the log", failed);
        json_str(b, text);
    }
    for (size_t i = 0; i < toolset_problem_count(t) && i < 20; i++) {
        write_broken(b, toolset_problem_at(t, i));
    }
}

void health_ready(struct worker *w, struct exchange *x, struct access *a)
{
    struct buf b = { 0 };
    json_open(&b, '{');
    json_key(&b, "reasons");
    json_open(&b, '[');
    size_t before = b.len;
    write_reasons(w, &b);
    bool is_ready = b.len == before;
    json_close(&b, ']');
    member(&b, "status", is_ready ? "ready" : "not ready");
    json_key(&b, "warnings");
    json_open(&b, '[');
    write_warnings(w, &b);
    json_close(&b, ']');
    json_close(&b, '}');
    reply_json(w, x, a, is_ready ? 200 : 503, &b);
}

void health_page(struct worker *w, struct exchange *x, struct access *a)
{
    struct buf b = { 0 };
    char now[CLOCK_ISO_SIZE];
    clock_iso(now, clock_wall_ms());
    json_open(&b, '{');
    member(&b, "status", "healthy");
    member(&b, "timestamp", now);
    member(&b, "server", GATEWAY_NAME);
    member(&b, "version", MG_VERSION);
    member(&b, "transport", "Streamable HTTP");
    member(&b, "mcp_version", mcp_revision_text(MCP_2026_07_28));
    json_key(&b, "uptime_s");
    json_int(&b, (clock_wall_ms() - w->gateway->started_ms) / 1000);
    json_close(&b, '}');
    reply_json(w, x, a, 200, &b);
}

static void write_endpoint(struct worker *w, struct exchange *x, struct buf *out)
{
    const struct config *c = w->serving->config;
    const char *host = exchange_headers(x)->host;
    if (c->server.public_url[0])
        buf_str(out, c->server.public_url);
    else
        buf_printf(out, "http://%s", host ? host : "127.0.0.1");
    if (out->len > 0 && out->data[out->len - 1] == '/')
        out->len--;
    buf_str(out, c->server.path);
}

static void root_json(struct worker *w, const char *endpoint, struct buf *b)
{
    json_open(b, '{');
    member(b, "name", "Moongate");
    member(b, "version", MG_VERSION);
    member(b, "description", "MCP gateway: every Lua file is a tool");
    member(b, "protocol", "MCP 2026-07-28");
    member(b, "transport", "Streamable HTTP");
    member(b, "mcp_endpoint", endpoint);
    json_key(b, "tools");
    json_int(b, (int64_t)toolset_count(w->serving->generation->tools));
    json_key(b, "usage");
    json_open(b, '{');
    member(b, "note",
           "POST JSON-RPC to mcp_endpoint; GET /sse?topic=job/ID for events; the key goes into "
           "X-API-Key "
           "or Authorization: Bearer");
    json_close(b, '}');
    json_close(b, '}');
}

static void root_page(struct worker *w, struct buf *b)
{
    buf_printf(b,
               "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Moongate</title>"
               "<h1>Moongate %s</h1><p>An MCP gateway with %zu tools. Point an MCP client at "
               "<code>%s</code> "
               "on this host.</p>\n",
               MG_VERSION, toolset_count(w->serving->generation->tools),
               w->serving->config->server.path);
}

void health_root(struct worker *w, struct exchange *x, struct access *a)
{
    const char *accept = exchange_headers(x)->accept;
    struct http_field policy[] = { { "Content-Security-Policy", "default-src 'none'" },
                                   { "X-Content-Type-Options", "nosniff" } };
    struct http_reply r = {
        .status = 200, .content_type = "application/json", .fields = policy, .field_count = 2
    };
    if (accept && strstr(accept, "text/html")) {
        r.content_type = "text/html; charset=utf-8";
        root_page(w, &r.body);
    } else {
        struct buf endpoint = { 0 };
        write_endpoint(w, x, &endpoint);
        const char *text = buf_cstr(&endpoint);
        root_json(w, text ? text : "", &r.body);
        buf_fini(&endpoint);
    }
    access_reply(w, a, x, &r);
}

void health_metrics(struct worker *w, struct exchange *x, struct access *a)
{
    if (!admit(w, x, a, ADMIT_PAGE))
        return;
    struct http_reply r = { .status = 200,
                            .content_type = "text/plain; version=0.0.4; charset=utf-8" };
    metrics_render(&r.body);
    if (!buf_ok(&r.body)) {
        buf_fini(&r.body);
        r.status = 500;
    }
    access_reply(w, a, x, &r);
}
