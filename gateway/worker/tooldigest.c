#include "worker/tooldigest.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"

static void digest_source(struct buf *facts, const struct source *s)
{
    const char *text = s->text ? s->text : s->problem;
    size_t len = s->text ? s->len : strlen(s->problem);
    buf_printf(facts, "%s %s %zu\n", s->text ? "file" : "problem", s->name, len);
    buf_append(facts, text, len);
}

static void digest_tool(struct buf *facts, const struct config *c, const struct config_tool *t)
{
    buf_printf(facts, "tool %s %d %d %s|%s|%s|%s|%d %lld %llu %u %u/%u\n", t->name, t->enabled,
               (int)t->fs, t->exec.text, t->env.text, t->state.text, t->http.text, t->allow_private,
               (long long)t->timeout_ms, (unsigned long long)t->memory_bytes, t->concurrent,
               t->rate.bucket, t->rate.window_ms);
    for (size_t i = 0; i < t->n_settings; i++) {
        const struct config_setting *s = &t->settings[i];
        buf_printf(facts, "%s=%s@%s\n", s->key, s->value, s->where);
        if (s->names_file && config_secret(c, s, facts, NULL) != 0)
            buf_str(facts, "unreadable\n");
    }
}

static void digest_sections(struct buf *facts, const struct config *c)
{
    buf_printf(facts, "paths %s %s %s\n", c->paths.root, c->paths.tools, c->paths.deny.text);
    buf_printf(facts, "tools %lld %lld %lld %llu %llu %llu %llu\n", (long long)c->tools.timeout_ms,
               (long long)c->tools.max_timeout_ms, (long long)c->tools.ask_timeout_ms,
               (unsigned long long)c->tools.memory_bytes,
               (unsigned long long)c->tools.max_memory_bytes,
               (unsigned long long)c->tools.worker_memory_bytes,
               (unsigned long long)c->server.max_result_bytes);
    for (size_t i = 0; i < c->n_tool_rules; i++)
        digest_tool(facts, c, &c->tool_rules[i]);
    buf_printf(facts, "evals %u %u %llu\n", c->evals.parallel, c->evals.max_queued,
               (unsigned long long)c->evals.max_output_bytes);
    for (size_t i = 0; i < c->n_eval_rules; i++) {
        const struct config_eval *v = &c->eval_rules[i];
        buf_printf(facts, "eval %s %s %lld %s %lld\n", v->name, v->cwd ? v->cwd : "",
                   (long long)v->timeout_ms, v->url, (long long)v->poll_ms);
        for (size_t k = 0; k < v->headers.n; k++)
            buf_printf(facts, "header %s\n", v->headers.items[k]);
        for (size_t k = 0; k < v->command.n; k++)
            buf_printf(facts, "%zu:%s\n", strlen(v->command.items[k]), v->command.items[k]);
    }
    buf_printf(facts, "gates %s %d\n", c->gates.order.text, c->gates.strict);
    buf_printf(facts, "search %llu %s\nview %s\n", (unsigned long long)c->search.max_file_bytes,
               c->search.exclude.text, c->paths.view_base);
}

int tool_digest(const struct config *c, const struct sources *sources, uint8_t out[32],
                struct err *e)
{
    struct buf facts = { 0 };
    digest_sections(&facts, c);
    for (size_t i = 0; i < sources_count(sources); i++)
        digest_source(&facts, sources_at(sources, i));
    if (!sources)
        buf_str(&facts, "no folder\n");
    bool is_whole = buf_ok(&facts);
    if (is_whole)
        hash_sha256(facts.data, facts.len, out);
    buf_fini(&facts);
    return is_whole ? 0 : err_set(e, MG_E_NOMEM, "no memory to compare the tools");
}
