#include "worker/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "io/fetch_url.h"

struct policy { /* of one tool that a file declares: it was asked for */
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
    struct orchestrator { /* of each of evals, where it has one */
        char host[300];   /* HOST:PORT, and no other port */
        const char *hosts[2];
    } * orchestrators;
};

/* Its host as a grant. What is wrong with the URL is said when it is asked. */
static void orchestrator_fill(struct orchestrator *o, const char *url)
{
    struct fetch_url u;
    struct err e;
    if (*url == '\0' || fetch_url_parse(&u, NULL, url, &e) != 0)
        return;
    snprintf(o->host, sizeof o->host, "%s:%u", u.host, u.port);
    o->hosts[0] = o->host;
    fetch_url_fini(&u);
}

static struct vm_eval eval_of(const struct config_eval *c, const struct orchestrator *o)
{
    return (struct vm_eval){ .name = c->name,
                             .command = c->command.items,
                             .cwd = c->cwd && c->cwd[0] ? c->cwd : NULL,
                             .timeout_ms = c->timeout_ms,
                             .url = c->url[0] ? c->url : NULL,
                             .headers = c->headers.items,
                             .hosts = o->hosts,
                             .poll_ms = c->poll_ms };
}

static int sections_fill(struct policies *p)
{
    const struct config *c = p->config;
    p->evals = calloc(c->n_eval_rules + 1, sizeof *p->evals);
    p->orchestrators = calloc(c->n_eval_rules + 1, sizeof *p->orchestrators);
    if (!p->evals || !p->orchestrators)
        return MG_E_NOMEM;
    for (size_t i = 0; i < c->n_eval_rules; i++) {
        orchestrator_fill(&p->orchestrators[i], c->eval_rules[i].url);
        p->evals[i] = eval_of(&c->eval_rules[i], &p->orchestrators[i]);
    }
    p->sections = (struct vm_sections){
        .evals_parallel = c->evals.parallel,
        .evals_max_queued = c->evals.max_queued,
        .evals_max_output = c->evals.max_output_bytes,
        .evals = p->evals,
        .eval_count = c->n_eval_rules,
        .gates = c->gates.order.items,
        .gates_strict = c->gates.strict,
        .search_max_file = c->search.max_file_bytes,
        .search_exclude = c->search.exclude.items,
        .view_base = c->paths.view_base[0] ? c->paths.view_base : NULL,
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
    free(p->orchestrators);
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
        .fs = (enum vm_fs)p->rule.fs,
        .http = p->rule.http.items,
        .allow_private = p->rule.allow_private,
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
    if (!p)
        return NULL;
    p->next = all->first;
    all->first = p;
    return &p->vm;
}

const struct vm_sections *policies_sections(const struct policies *p) { return &p->sections; }

/* ---- sections of no tool ---- */

static bool is_declared(const struct policies *p, const char *name)
{
    for (const struct policy *tool = p->first; tool; tool = tool->next)
        if (strcmp(tool->name, name) == 0)
            return true;
    return false;
}

/* Nobody knows what it declares; its own name is the best guess. */
static bool is_broken_file(const struct toolset *tools, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < toolset_problem_count(tools); i++) {
        const char *file = toolset_problem_at(tools, i)->file;
        if (strncmp(file, name, len) == 0 && strcmp(file + len, ".lua") == 0)
            return true;
    }
    return false;
}

/* The declared name that is near enough to be meant, or NULL. */
static const char *nearest_name(const struct policies *p, const char *name)
{
    const char *best = NULL;
    unsigned least = strlen(name) < 6 ? 2 : 3;
    for (const struct policy *tool = p->first; tool; tool = tool->next) {
        unsigned distance = edit_distance(name, tool->name);
        if (distance < least) {
            least = distance;
            best = tool->name;
        }
    }
    return best;
}

void policies_strays(const struct policies *p, const struct toolset *tools,
                     void (*tell)(void *arg, const char *text), void *arg)
{
    for (size_t i = 0; i < p->config->n_tool_rules; i++) {
        const struct config_tool *rule = &p->config->tool_rules[i];
        char text[512];
        if (rule->is_glob || is_declared(p, rule->name) || is_broken_file(tools, rule->name))
            continue;
        const char *near = nearest_name(p, rule->name);
        snprintf(text, sizeof text, "%s: [tool %s]: no file declares this tool%s%s%s", rule->where,
                 rule->name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        tell(arg, text);
    }
}
