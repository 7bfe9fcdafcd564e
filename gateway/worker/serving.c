#include "worker/serving.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/hash.h"
#include "base/log.h"
#include "worker/gateway.h"
#include "worker/own.h"
#include "worker/tooldigest.h"
#include "worker/toolgate.h"

struct generation *generation_ref(struct generation *g)
{
    atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    return g;
}

void generation_unref(struct generation *g)
{
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; g->vms && i < g->vm_count; i++)
        vm_free(g->vms[i]);
    free(g->vms);
    free(g->queued);
    free(g->gates);
    toolset_unref(g->tools);
    policies_free(g->policies);
    config_unref(g->config);
    atomic_fetch_sub(g->live, 1);
    free(g);
}

void generation_options(const struct generation *g, const struct gateway *gw, struct vm_options *o)
{
    const struct config *c = g->config;
    *o = (struct vm_options){
        .tools_dir = c->paths.tools,
        .root = c->paths.root,
        .modules = api_modules,
        .policy = policies_find,
        .policy_arg = g->policies,
        .may_open = own_may_open,
        .may_make = own_may_make,
        .view = own_view,
        .may_open_arg = gw->own,
        .config = policies_sections(g->policies),
        .default_timeout_ms = c->tools.timeout_ms,
        .max_timeout_ms = c->tools.max_timeout_ms,
        .ask_timeout_ms = c->tools.ask_timeout_ms,
        .default_memory = c->tools.memory_bytes,
        .max_memory = c->tools.max_memory_bytes,
        .worker_memory = c->tools.worker_memory_bytes,
        .max_result = c->server.max_result_bytes,
        .permanent_hook = vm_preempt_signal() == 0,
    };
}

/* before: what a file that does not load any more is kept from; NULL: nothing. */
static int generation_load(struct generation *g, const struct gateway *gw, struct sources *sources,
                           const struct generation *before, struct err *e)
{
    struct vm_options o;
    generation_options(g, gw, &o);
    for (unsigned i = 0; i < g->vm_count; i++) {
        o.sources = i == 0 ? sources : NULL;
        struct vm *like = i > 0 ? g->vms[0] : before ? before->vms[0] : NULL;
        g->vms[i] = vm_new(&o, i == 0 ? g->tools : NULL, like, e);
        if (!g->vms[i])
            return e->code ? e->code : MG_E_NOMEM;
        if (i == 0 && toolset_seal(g->tools) != 0)
            return err_set(e, MG_E_NOMEM, "no memory for the list of tools");
    }
    g->gates = calloc(toolset_size(g->tools) + 1, sizeof(struct gate *));
    if (!g->gates)
        return err_set(e, MG_E_NOMEM, "no memory for the gates of the tools");
    for (uint32_t i = 0; i < toolset_size(g->tools); i++) {
        const struct tool *t = toolset_by_index(g->tools, i);
        if (t->concurrent > 0 &&
            !(g->gates[t->index] = toolgates_get(gw->toolgates, t->name, t->concurrent)))
            return err_set(e, MG_E_NOMEM, "no memory for the gate of %s", t->name);
    }
    for (unsigned i = 0; i < g->vm_count; i++) {
        vm_settle(g->vms[i]);
        vm_set_gates(g->vms[i], g->gates);
    }
    return 0;
}

static struct generation *generation_new(struct gateway *gw, struct config *c, uint32_t number,
                                         const uint8_t digest[32], struct sources *sources,
                                         const struct generation *before, struct err *e)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g) {
        err_set(e, MG_E_NOMEM, "no memory for a generation of tools");
        return NULL;
    }
    atomic_init(&g->refs, 1);
    g->live = &gw->live_generations;
    atomic_fetch_add(g->live, 1);
    g->number = number;
    memcpy(g->digest, digest, sizeof g->digest);
    g->config = config_ref(c);
    g->vm_count = gw->worker_count;
    g->vms = calloc(gw->worker_count, sizeof(struct vm *));
    g->queued = calloc(gw->worker_count, sizeof *g->queued);
    g->tools = toolset_new(number);
    g->policies = policies_new(c);
    if (!g->vms || !g->queued || !g->tools || !g->policies) {
        err_set(e, MG_E_NOMEM, "no memory for a generation of tools");
        generation_unref(g);
        return NULL;
    }
    if (generation_load(g, gw, sources, before, e) != 0) {
        generation_unref(g);
        return NULL;
    }
    return g;
}

/* Same files and same grants: the machines that run already can go on, unless one is full. The
 * digest is of the very texts that are loaded. */
static struct generation *generation_from(struct gateway *g, struct config *c,
                                          struct sources *sources, struct generation *before,
                                          struct err *e)
{
    uint8_t digest[32];
    if (tool_digest(c, sources, digest, e) != 0)
        return NULL;
    if (before && memcmp(before->digest, digest, sizeof digest) == 0 &&
        atomic_load(&g->full_workers) == 0)
        return generation_ref(before);
    return generation_new(g, c, before ? before->number + 1 : 1, digest, sources, before, e);
}

/* A folder that cannot be read is a problem at the start; later its tools stay what they were. */
static struct generation *generation_for(struct gateway *g, struct config *c,
                                         struct serving *previous, struct err *e)
{
    struct err why = { 0 };
    struct sources *sources = sources_read(c->paths.tools, &why);
    if (!sources && (previous || why.code == MG_E_NOMEM)) {
        err_set(e, why.code, "tools folder: %s", why.text);
        return NULL;
    }
    struct generation *made =
        generation_from(g, c, sources, previous ? previous->generation : NULL, e);
    sources_unref(sources);
    return made;
}

/* NULL: every tool, and so every topic. */
static const char *tools_of(const struct config_key *k)
{
    for (size_t i = 0; i < k->tools.n; i++)
        if (strcmp(k->tools.items[i], "*") == 0)
            return NULL;
    return k->tools.text;
}

static struct keyring *keyring_for(const struct config *c, struct err *e)
{
    size_t n = c->auth.keys.n + c->n_keys;
    struct key_spec *specs = calloc(n + 1, sizeof *specs);
    if (!specs) {
        err_set(e, MG_E_NOMEM, "no memory for the keys");
        return NULL;
    }
    for (size_t i = 0; i < c->auth.keys.n; i++)
        specs[i].secret = c->auth.keys.items[i];
    for (size_t i = 0; i < c->n_keys; i++) {
        const struct config_key *k = &c->keys[i];
        specs[c->auth.keys.n + i] = (struct key_spec){
            .name = k->name,
            .secret = k->secret && k->secret[0] ? k->secret : NULL,
            .sha256_hex = k->sha256 && k->sha256[0] ? k->sha256 : NULL,
            .tools = tools_of(k),
            .scopes = k->scopes.text,
            .rate_bucket = k->rate.bucket,
            .rate_window_ms = k->rate.window_ms,
            .expires_ms = k->expires_ms,
        };
    }
    struct keyring *ring = keyring_new(specs, n, c->auth.allow_anonymous, e);
    free(specs);
    return ring;
}

static void rules_fill(struct serving *s)
{
    const struct config *c = s->config;
    uint32_t window = c->rate_limit.window_ms > 0 ? (uint32_t)c->rate_limit.window_ms : 1;
    s->per_address = (struct ratelimit_rule){ c->rate_limit.bucket, window };
    s->per_key = (struct ratelimit_rule){ c->rate_limit.per_key, window };
}

struct mcp_server serving_protocol(const struct config *config)
{
    return (struct mcp_server){
        .name = GATEWAY_NAME,
        .title = "Moongate",
        .version = MG_VERSION,
        .limits = { .max_values = config->server.max_json_values },
        .page_size = config->tools.page_size,
        .ask_timeout_ms = config->tools.ask_timeout_ms,
        .lists_are_public = config->n_keys == 0,
    };
}

struct serving *serving_new(struct gateway *g, struct config *config, struct serving *previous,
                            const struct mcp_host *host, struct err *e)
{
    struct serving *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, MG_E_NOMEM, "no memory for the configuration that serves");
        return NULL;
    }
    atomic_init(&s->refs, 1);
    s->config = config_ref(config);
    s->mcp = serving_protocol(config);
    s->mcp.host = host;
    s->mcp.seal = &g->seal;
    rules_fill(s);
    s->trusted_proxies = address_list_new(config->server.trusted_proxies.items, e);
    s->keyring = s->trusted_proxies ? keyring_for(config, e) : NULL;
    s->generation = s->keyring ? generation_for(g, config, previous, e) : NULL;
    if (s->generation)
        return s;
    serving_unref(s);
    return NULL;
}

struct serving *serving_ref(struct serving *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void serving_unref(struct serving *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    generation_unref(s->generation);
    keyring_unref(s->keyring);
    address_list_free(s->trusted_proxies);
    config_unref(s->config);
    free(s);
}
