#include "worker/access.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/worker.h"

void access_init(struct access *a)
{
    memset(a, 0, sizeof *a);
    a->outcome = -1;
}

/* W3C traceparent "00-<32 hex>-<16 hex>-<2 hex>": the trace id, or NULL. */
static const char *trace_id(const char *traceparent)
{
    if (!traceparent || strlen(traceparent) < 55 || traceparent[2] != '-' || traceparent[35] != '-')
        return NULL;
    return strspn(traceparent + 3, "0123456789abcdef") == 32 ? traceparent + 3 : NULL;
}

static void log_facts(struct log_line *l, const struct access *a, uint64_t bytes)
{
    log_int(l, "bytes", (int64_t)bytes);
    log_str(l, "key", a->key);
    log_str(l, "reason", a->reason);
    log_str(l, "rpc", a->rpc);
    log_str(l, "tool", a->tool);
    log_str(l, "call_id", a->call_id);
    log_str(l, "task", a->task);
    if (a->outcome >= 0)
        log_str(l, "outcome", outcome_word((enum outcome)a->outcome));
    if (a->rpc_error != 0)
        log_int(l, "rpc_error", a->rpc_error);
    log_str(l, "protocol", a->protocol);
}

void access_log_line(struct worker *w, const struct access *a, const char *transport,
                     int64_t started_us, uint64_t bytes)
{
    struct log_line l;
    if (!w->log_access || !log_enabled(LOG_INFO))
        return;
    int64_t now_us = a->now_us ? a->now_us : clock_mono_us();
    log_begin(&l, LOG_INFO, "request");
    log_str(&l, "transport", transport);
    log_str(&l, "ip", a->ip[0] ? a->ip : NULL);
    log_double(&l, "latency_ms", (double)(now_us - started_us) / 1000.0);
    log_facts(&l, a, bytes);
    log_end(&l);
}

void access_log(struct worker *w, const struct access *a, const struct exchange *x, int status,
                uint64_t bytes)
{
    int64_t now_us = a->now_us ? a->now_us : clock_mono_us();
    int64_t latency_us = now_us - exchange_started_us(x);
    metrics_request(w->metrics, status, latency_us);
    if (!w->log_access || !log_enabled(LOG_INFO))
        return;
    const struct http_headers *h = exchange_headers(x);
    struct log_line l;
    log_begin(&l, LOG_INFO, "request");
    log_str(&l, "ip", a->ip[0] ? a->ip : exchange_peer(x));
    log_str(&l, "method", exchange_method_text(x));
    log_str(&l, "url", exchange_url(x));
    log_int(&l, "status", status);
    log_str(&l, "ua", h->user_agent ? h->user_agent : "");
    log_double(&l, "latency_ms", (double)latency_us / 1000.0);
    log_facts(&l, a, bytes);
    const char *trace = trace_id(h->traceparent);
    if (trace)
        log_str_n(&l, "trace", trace, 32);
    log_end(&l);
}

void access_reply(struct worker *w, const struct access *a, struct exchange *x,
                  struct http_reply *r)
{
    access_log(w, a, x, r->status, r->static_body ? r->static_len : r->body.len);
    exchange_reply(x, r);
}
