#include "worker/admit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mcp/mcp.h"
#include "worker/origin.h"
#include "worker/worker.h"

/* The ops kit's; mcp_code_for() says what modern clients get. */
#define RPC_UNAUTHORIZED (-32000)
#define RPC_RATE_LIMIT (-32001)

static void reply(struct worker *w, struct exchange *x, const struct access *a,
                  struct http_reply *r, const struct http_field *field)
{
    struct http_field fields[1 + ADMIT_CORS_FIELDS];
    r->fields = fields;
    if (field)
        fields[r->field_count++] = *field;
    admit_cors(w, x, false, fields, &r->field_count);
    access_reply(w, a, x, r);
}

static void reply_error(struct worker *w, struct exchange *x, const struct access *a, int status,
                        int code, struct json_text id, const char *message,
                        const struct http_field *field)
{
    struct http_reply r = { .status = status, .content_type = "application/json" };
    const char *version = exchange_headers(x)->mcp_protocol_version;
    mcp_error(&r.body, id, mcp_header_omits_id(version),
              mcp_code_for(mcp_header_is_modern(version), code), message);
    reply(w, x, a, &r, field);
}

static void reply_text(struct worker *w, struct exchange *x, const struct access *a, int status,
                       const char *text, const struct http_field *field)
{
    struct http_reply r = { .status = status, .content_type = "text/plain; charset=utf-8" };
    buf_str(&r.body, text);
    reply(w, x, a, &r, field);
}

void admit_error(struct worker *w, struct exchange *x, const struct access *a, int status, int code,
                 struct json_text id, const char *message)
{
    reply_error(w, x, a, status, code, id, message, NULL);
}

void admit_text(struct worker *w, struct exchange *x, const struct access *a, int status,
                const char *text)
{
    reply_text(w, x, a, status, text, NULL);
}

static const struct json_text no_id = { NULL, 0, JSON_NONE };

static void refuse(struct worker *w, struct exchange *x, const struct access *a, int status,
                   int code, const char *message, enum admit_form form,
                   const struct http_field *field)
{
    if (form == ADMIT_JSON)
        reply_error(w, x, a, status, code, no_id, message, field);
    else
        reply_text(w, x, a, status, message, field);
}

bool admit_origin(struct worker *w, struct exchange *x, const struct access *a)
{
    const struct config *c = w->serving->config;
    const struct http_headers *h = exchange_headers(x);
    char message[480];
    bool must_check_host = exchange_local_is_loopback(x) || c->server.allowed_hosts.n > 0;
    if (must_check_host &&
        !host_is_allowed(h->host, c->server.allowed_hosts.items, c->server.public_url)) {
        snprintf(message, sizeof message,
                 "Forbidden: host \"%.200s\" is not known here; add it to [server] allowed_hosts "
                 "in mcp.ini",
                 h->host ? h->host : "");
        refuse(w, x, a, 403, -32600, message, ADMIT_JSON, NULL);
        return false;
    }
    if (h->origin &&
        !origin_is_allowed(h->origin, c->server.allowed_origins.items, c->server.public_url)) {
        snprintf(message, sizeof message,
                 "Forbidden: origin \"%.200s\" is not allowed; add it to [server] allowed_origins "
                 "in mcp.ini",
                 h->origin);
        refuse(w, x, a, 403, -32600, message, ADMIT_JSON, NULL);
        return false;
    }
    return true;
}

static bool take_token(struct worker *w, struct exchange *x, const struct access *a,
                       struct ratelimit *limit, const struct ratelimit_rule *rule, const void *key,
                       size_t len, enum admit_form form)
{
    uint32_t wait_ms = ratelimit_take(limit, rule, key, len, loop_now(w->loop));
    if (wait_ms == 0)
        return true;
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", (wait_ms + 999) / 1000);
    struct http_field retry = { "Retry-After", seconds };
    metrics_add(w->metrics, M_RATE_LIMITED, 1);
    refuse(w, x, a, 429, RPC_RATE_LIMIT, form != ADMIT_JSON ? "rate-limit" : "Rate limit", form,
           &retry);
    return false;
}

/* X-API-Key, else Authorization, else ?key= where it is allowed. NULL: no key was sent. */
static const char *presented_key(const struct worker *w, const struct exchange *x,
                                 enum admit_form form, size_t *len)
{
    const struct http_headers *h = exchange_headers(x);
    const char *key = h->x_api_key;
    if (!key && h->authorization)
        return authorization_key(h->authorization, len);
    if (!key && form == ADMIT_STREAM && w->serving->config->auth.query_key)
        key = exchange_query(x, "key", 0);
    *len = key ? strlen(key) : 0;
    return key;
}

static const struct principal *judge_key(struct worker *w, struct exchange *x, struct access *a,
                                         enum admit_form form)
{
    size_t len;
    const char *key = presented_key(w, x, form, &len);
    const struct keyring *keys = w->serving->keyring;
    const struct principal *p =
        keyring_find(keys, key, len, keyring_expires(keys) ? clock_wall_ms() : 0);
    if (p) {
        a->key = p->name;
        return p;
    }
    struct http_field challenge = { "WWW-Authenticate",
                                    key ? "Bearer realm=\"moongate\", error=\"invalid_token\""
                                        : "Bearer realm=\"moongate\"" };
    metrics_add(w->metrics, M_UNAUTHORIZED, 1);
    refuse(w, x, a, 401, RPC_UNAUTHORIZED, form != ADMIT_JSON ? "unauthorized" : "Unauthorized",
           form, &challenge);
    return NULL;
}

static bool take_address(struct worker *w, struct exchange *x, const struct access *a,
                         enum admit_form form)
{
    unsigned char address[16];
    size_t n = address_limit_key(a->ip, address);
    return take_token(w, x, a, w->gateway->by_address, &w->serving->per_address, address, n, form);
}

static bool take_key(struct worker *w, struct exchange *x, const struct access *a,
                     const struct principal *p, enum admit_form form)
{
    struct ratelimit_rule own = { p->rate_bucket, p->rate_window_ms };
    const struct ratelimit_rule *rule = p->rate_bucket > 0 ? &own : &w->serving->per_key;
    return p->number == 0 ||
           take_token(w, x, a, w->gateway->by_key, rule, &p->number, sizeof p->number, form);
}

const struct principal *admit(struct worker *w, struct exchange *x, struct access *a,
                              enum admit_form form)
{
    if (!take_address(w, x, a, form))
        return NULL;
    const struct principal *p = judge_key(w, x, a, form);
    return p && take_key(w, x, a, p, form) ? p : NULL;
}

bool admit_more(struct worker *w, struct exchange *x, const struct access *a,
                const struct principal *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!take_address(w, x, a, ADMIT_JSON) || !take_key(w, x, a, p, ADMIT_JSON))
            return false;
    return true;
}

void admit_cors(const struct worker *w, const struct exchange *x, bool is_preflight,
                struct http_field *fields, size_t *n)
{
    const struct http_headers *h = exchange_headers(x);
    const struct config *c = w->serving->config;
    if (!h->origin ||
        !origin_is_allowed(h->origin, c->server.allowed_origins.items, c->server.public_url))
        return;
    fields[(*n)++] = (struct http_field){ "Access-Control-Allow-Origin", h->origin };
    fields[(*n)++] = (struct http_field){ "Vary", "Origin" };
    if (!is_preflight) {
        fields[(*n)++] = (struct http_field){ "Access-Control-Expose-Headers",
                                              "Mcp-Session-Id, WWW-Authenticate" };
        return;
    }
    fields[(*n)++] =
        (struct http_field){ "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS" };
    fields[(*n)++] = (struct http_field){
        "Access-Control-Allow-Headers",
        "Content-Type, Accept, Authorization, X-API-Key, MCP-Protocol-Version, "
        "Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID, *" /* Mcp-Param- and any name */
    };
    fields[(*n)++] = (struct http_field){ "Access-Control-Max-Age", "600" };
}
