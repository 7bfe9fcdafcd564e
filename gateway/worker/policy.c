#include "worker/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct policy {
    struct policy *next;
    struct config_tool rule;
    struct vm_policy vm;
    struct vm_setting *settings; /* vm.settings; their secrets are owned */
    char name[];
};

struct policies {
    const struct config *config;
    struct policy *first;
    struct vm_sections sections;
    struct vm_eval *evals;
};

static const struct vm_policy nothing = { .enabled = false,
                                          .exec = (const char *const[]){ NULL },
                                          .env = (const char *const[]){ NULL },
                                          .state = (const char *const[]){ NULL } };

static int sections_fill(struct policies *p)
{
    const struct config *c = p->config;
    p->evals = calloc(c->n_eval_rules + 1, sizeof *p->evals);
    if (!p->evals)
        return MG_E_NOMEM;
    for (size_t i = 0; i < c->n_eval_rules; i++)
        p->evals[i] = (struct vm_eval){ .name = c->eval_rules[i].name,
                                        .command = c->eval_rules[i].command.items,
                                        .cwd = c->eval_rules[i].cwd && c->eval_rules[i].cwd[0]
                                                   ? c->eval_rules[i].cwd
                                                   : NULL,
                                        .timeout_ms = c->eval_rules[i].timeout_ms };
    p->sections = (struct vm_sections){
        .evals_parallel = c->evals.parallel,
        .evals_max_queued = c->evals.max_queued,
        .evals_max_output = c->evals.max_output_bytes,
        .evals = p->evals,
        .eval_count = c->n_eval_rules,
        .gates = c->gates.order.items,
        .gates_strict = c->gates.strict,
    };
    return 0;
}

struct policies *policies_new(const struct config *c)
{
    struct policies *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->config = c;
    if (sections_fill(p) != 0) {
        policies_free(p);
        return NULL;
    }
    return p;
}

static void text_wipe(const char *text)
{
    if (text)
        explicit_bzero((char *)(uintptr_t)text, strlen(text));
    free((char *)(uintptr_t)text);
}

static void policy_free(struct policy *p)
{
    for (size_t i = 0; i < p->vm.setting_count; i++) {
        text_wipe(p->settings[i].secret);
        text_wipe(p->settings[i].secret_error);
    }
    free(p->settings);
    config_tool_fini(&p->rule);
    free(p);
}

void policies_free(struct policies *p)
{
    if (!p)
        return;
    while (p->first) {
        struct policy *next = p->first->next;
        policy_free(p->first);
        p->first = next;
    }
    free(p->evals);
    free(p);
}

/* Only the tool knows which of its settings are secrets: what may be one is read now. */
static int secret_fill(const struct config *c, const struct config_setting *from,
                       struct vm_setting *to)
{
    struct buf text = { 0 };
    struct err e = { 0 };
    if (!from->names_file)
        return 0;
    int code = config_secret(c, from, &text, &e);
    if (code != 0)
        to->secret_error = strdup(e.text);
    else if (buf_cstr(&text))
        to->secret = strdup(buf_cstr(&text));
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_fini(&text);
    return to->secret || to->secret_error ? 0 : MG_E_NOMEM;
}

static int settings_fill(struct policy *p, const struct config *c)
{
    p->settings = calloc(p->rule.n_settings + 1, sizeof *p->settings);
    if (!p->settings)
        return MG_E_NOMEM;
    p->vm.settings = p->settings;
    for (size_t i = 0; i < p->rule.n_settings; i++) {
        const struct config_setting *s = &p->rule.settings[i];
        p->settings[i] = (struct vm_setting){ .key = s->key, .value = s->value, .where = s->where };
        p->vm.setting_count = i + 1;
        int code = secret_fill(c, s, &p->settings[i]);
        if (code != 0)
            return code;
    }
    return 0;
}

static struct policy *policy_new(const struct policies *all, const char *tool)
{
    struct policy *p = calloc(1, sizeof *p + strlen(tool) + 1);
    if (!p)
        return NULL;
    memcpy(p->name, tool, strlen(tool) + 1);
    if (config_tool_resolve(all->config, tool, &p->rule) != 0) {
        free(p);
        return NULL;
    }
    p->vm = (struct vm_policy){
        .enabled = p->rule.enabled,
        .exec = p->rule.exec.items,
        .env = p->rule.env.items,
        .state = p->rule.state.items,
        .timeout_ms = p->rule.timeout_ms,
        .memory_bytes = p->rule.memory_bytes,
        .concurrent = p->rule.concurrent,
        .rate_bucket = p->rule.rate.bucket,
        .rate_window_ms = p->rule.rate.window_ms,
    };
    if (settings_fill(p, all->config) != 0) {
        policy_free(p);
        return NULL;
    }
    return p;
}

const struct vm_policy *policies_find(void *policies, const char *tool)
{
    struct policies *all = policies;
    for (struct policy *p = all->first; p; p = p->next)
        if (strcmp(p->name, tool) == 0)
            return &p->vm;
    struct policy *p = policy_new(all, tool);
    if (!p) {
        log_printf(LOG_ERROR, "no memory for the grants of the tool %s: it is left out", tool);
        return &nothing;
    }
    p->next = all->first;
    all->first = p;
    return &p->vm;
}

const struct vm_sections *policies_sections(const struct policies *p) { return &p->sections; }
