#include "worker/route.h"

#include <string.h>

#include "base/json_write.h"
#include "worker/admit.h"
#include "worker/endpoint_mcp.h"
#include "worker/endpoint_sse.h"
#include "worker/endpoint_topics.h"
#include "worker/health.h"
#include "worker/worker.h"

enum { M_GET = 1, M_HEAD = 2, M_POST = 4, M_DELETE = 8 };

struct route {
    const char *path; /* NULL: [server] path */
    unsigned methods;
    enum {
        DOOR_ASKED, /* Host and Origin here, key and token by whoever serves */
        DOOR_HEAD,  /* but a HEAD asks only whether somebody is there: it is told so */
        DOOR_OPEN,  /* no Host check, no key, no token */
    } door;
    void (*serve)(struct worker *w, struct exchange *x, struct access *a);
};

static const struct route routes[] = {
    { NULL, M_POST | M_GET | M_HEAD | M_DELETE, DOOR_HEAD, endpoint_mcp },
    { "/sse", M_GET | M_HEAD, DOOR_HEAD, endpoint_topics },
    { SSE_POST_PATH, M_POST, DOOR_ASKED, endpoint_sse_post },
    { "/healthz", M_GET | M_HEAD, DOOR_OPEN, health_live },
    { "/readyz", M_GET | M_HEAD, DOOR_OPEN, health_ready },
    { "/health", M_GET | M_HEAD, DOOR_OPEN, health_page },
    { "/metrics", M_GET | M_HEAD, DOOR_ASKED, health_metrics },
    { "/", M_GET | M_HEAD, DOOR_ASKED, health_root },
};

static unsigned method_bit(enum http_method m)
{
    switch (m) {
    case HTTP_GET: return M_GET;
    case HTTP_HEAD: return M_HEAD;
    case HTTP_POST: return M_POST;
    case HTTP_DELETE: return M_DELETE;
    default: return 0;
    }
}

static const struct route *route_find(const struct worker *w, const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(path, routes[i].path ? routes[i].path : w->serving->config->server.path) == 0)
            return &routes[i];
    return NULL;
}

static void reply_not_found(struct worker *w, struct exchange *x, const struct access *a)
{
    const char *mcp = w->serving->config->server.path;
    struct http_reply r = { .status = 404, .content_type = "application/json" };
    json_open(&r.body, '{');
    json_key(&r.body, "error");
    json_str(&r.body, "Not Found");
    json_key(&r.body, "message");
    buf_str(&r.body, "\"This is an MCP server. Use ");
    json_escape(&r.body, mcp, strlen(mcp));
    buf_str(&r.body, " for JSON-RPC and event streams.\"");
    json_key(&r.body, "mcp_endpoint");
    json_str(&r.body, mcp);
    json_key(&r.body, "mcp_version");
    json_str(&r.body, mcp_revision_text(MCP_2026_07_28));
    json_close(&r.body, '}');
    access_reply(w, a, x, &r);
}

static void reply_bad_method(struct worker *w, struct exchange *x, const struct access *a,
                             unsigned methods)
{
    struct http_field allow = { "Allow", methods == M_POST  ? "POST, OPTIONS"
                                         : methods & M_POST ? "GET, HEAD, POST, DELETE, OPTIONS"
                                                            : "GET, HEAD, OPTIONS" };
    struct http_reply r = { .status = 405, .fields = &allow, .field_count = 1 };
    access_reply(w, a, x, &r);
}

/* A preflight says only what CORS needs; it carries no key, so it takes no token and starts
 * nothing. */
static void reply_options(struct worker *w, struct exchange *x, const struct access *a)
{
    struct http_field fields[1 + ADMIT_CORS_FIELDS];
    struct http_reply r = { .status = 200, .fields = fields };
    fields[r.field_count++] = (struct http_field){ "Allow", "GET, HEAD, POST, DELETE, OPTIONS" };
    admit_cors(w, x, true, fields, &r.field_count);
    access_reply(w, a, x, &r);
}

void route_request(void *worker, struct exchange *x)
{
    struct worker *w = worker;
    struct access a;
    worker_catch_up(w);
    access_init(&a);
    address_client(w->serving->trusted_proxies, exchange_peer(x),
                   exchange_headers(x)->x_forwarded_for, a.ip);
    enum http_method method = exchange_method(x);
    const struct route *r = route_find(w, exchange_path(x));
    bool is_head_probe = r && r->door == DOOR_HEAD && method == HTTP_HEAD;
    if (!(r && r->door == DOOR_OPEN) && !is_head_probe && !admit_origin(w, x, &a))
        return;
    if (method == HTTP_OPTIONS)
        reply_options(w, x, &a);
    else if (!r)
        reply_not_found(w, x, &a);
    else if (!(method_bit(method) & r->methods))
        reply_bad_method(w, x, &a, r->methods);
    else if (is_head_probe) {
        struct http_reply empty = { .status = 200 };
        access_reply(w, &a, x, &empty);
    } else {
        r->serve(w, x, &a);
    }
}

void route_refused(void *worker, const struct exchange *x, int status, const char *reason)
{
    struct worker *w = worker;
    struct access a;
    access_init(&a);
    a.reason = reason;
    metrics_add(w->metrics, M_HTTP_MALFORMED, 1);
    access_log(w, &a, x, status, 0);
}
