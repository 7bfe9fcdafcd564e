/* moongate call: one call without serving, on a copy of the state or on the state itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "store/store.h"
#include "worker/live.h"
#include "worker/local_call.h"
#include "worker/offline.h"
#include "worker/own.h"
#include "worker/services.h"

#define INPUT_MAX ((size_t)64 << 20)

struct command {
    const struct offline_call *o;
    struct standalone site;
    struct buf input; /* what standard input held */
    struct json_text args;
    struct buf answer_text;   /* of answers */
    struct json_text answers; /* JSON_NONE: none is given */
    const struct principal *principal;
    const struct tool *tool;
};

/* ---- arguments ---- */

static int input_read(struct buf *out)
{
    char block[65536];
    ssize_t n;
    out->max = INPUT_MAX;
    while ((n = read(STDIN_FILENO, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fprintf(stderr, "moongate: standard input: %s\n", strerror(errno));
            return 1;
        }
        buf_append(out, block, (size_t)n);
    }
    if (buf_ok(out))
        return 0;
    fprintf(stderr, "moongate: standard input: more than %zu bytes\n", INPUT_MAX);
    return 1;
}

static int args_read(struct command *c)
{
    struct json_limits limits = { 0 };
    struct err e = { 0 };
    const char *text = c->o->arguments;
    size_t len = strlen(text);
    if (strcmp(text, "-") == 0) {
        if (input_read(&c->input) != 0)
            return 1;
        text = c->input.data ? c->input.data : "";
        len = c->input.len;
    }
    if (json_scan(text, len, &limits, &c->args, &e) == 0 && c->args.type == JSON_OBJECT)
        return 0;
    fprintf(stderr, "moongate: the arguments must be a JSON object: %s\n",
            e.code ? e.text : c->o->arguments);
    return 2;
}

static int misuse(const char *answer, const char *what)
{
    fprintf(stderr, "moongate: --answer %s: %s\n", answer, what);
    return 2;
}

/* "KEY=JSON": what the client answers, such as who={"action":"decline"}. */
static int answer_add(struct command *c, const char *answer)
{
    struct json_limits limits = { 0 };
    struct json_text value;
    struct err e = { 0 };
    const char *equals = strchr(answer, '=');
    if (!equals || equals == answer)
        return misuse(answer, "expected KEY=JSON");
    int code = json_scan(equals + 1, strlen(equals + 1), &limits, &value, &e);
    if (code != 0 || value.type != JSON_OBJECT)
        return misuse(answer, code != 0 ? e.text : "the answer must be a JSON object");
    json_key_n(&c->answer_text, answer, (size_t)(equals - answer));
    json_raw_text(&c->answer_text, value);
    return 0;
}

static int answers_read(struct command *c)
{
    struct json_limits limits = { 0 };
    struct err e = { 0 };
    json_open(&c->answer_text, '{');
    for (size_t i = 0; i < c->o->answer_count; i++) {
        int code = answer_add(c, c->o->answers[i]);
        if (code != 0)
            return code;
    }
    json_close(&c->answer_text, '}');
    if (buf_ok(&c->answer_text) &&
        json_scan(c->answer_text.data, c->answer_text.len, &limits, &c->answers, &e) == 0)
        return 0;
    fprintf(stderr, "moongate: --answer: %s\n", e.code ? e.text : "not enough memory");
    return 2;
}

/* ---- who calls ---- */

static int principal_find(struct command *c)
{
    const struct principal *p = &standalone_operator;
    if (c->o->as)
        p = keyring_named(c->site.serving->keyring, c->o->as);
    if (!p) {
        fprintf(stderr, "moongate: there is no key of the name %s\n", c->o->as);
        return 2;
    }
    if (p->expires_ms != 0 && clock_wall_ms() >= p->expires_ms) {
        fprintf(stderr, "moongate: the key %s has expired\n", p->name);
        return 1;
    }
    c->principal = p;
    return 0;
}

static int tool_look_up(struct command *c)
{
    const char *name = c->o->tool;
    if (strchr(name, ':')) { /* a prompt, or a URI: the protocol says what is wrong with it */
        if (c->o->commit)
            fprintf(stderr, "moongate: --commit is for tools\n");
        return c->o->commit ? 2 : 0;
    }
    c->tool = toolset_find(c->site.serving->generation->tools, name, strlen(name));
    if (!c->tool)
        fprintf(stderr,
                "moongate: Unknown tool: %s; `moongate tools` lists them, `moongate check` says "
                "what did not load\n",
                name);
    else if (!principal_may(c->principal, name))
        fprintf(stderr, "moongate: the key %s may not call %s; `moongate may %s %s` says why\n",
                c->principal->name, name, c->principal->name, name);
    else
        return 0;
    return 1;
}

/* ---- what it says ---- */

static void tell_progress(struct local_call *c, const struct task_progress *p)
{
    const char *message = p->message ? p->message : "";
    (void)c;
    if (p->has_total)
        fprintf(stderr, "progress %g of %g %s\n", p->done, p->total, message);
    else
        fprintf(stderr, "progress %g %s\n", p->done, message);
}

static void tell_log(struct local_call *c, int level, const char *json, size_t len)
{
    (void)c;
    fprintf(stderr, "%s %.*s\n", mcp_log_level_text((enum mcp_log_level)level), (int)len, json);
}

/* A block, a prompt's message, a resource's contents: the text that is in it, else its JSON. */
static void print_block(FILE *out, struct json_text block)
{
    struct json_text found[2];
    struct buf text = { 0 };
    json_find(block, (const char *const[]){ "text", "content" }, found, 2);
    if (found[1].type == JSON_OBJECT)
        json_find(found[1], (const char *const[]){ "text" }, found, 1);
    if (found[0].type == JSON_STRING)
        json_string_decode(found[0], &text);
    else
        buf_append(&text, block.p, block.len);
    fwrite(text.data, 1, text.len, out);
    fputc('\n', out);
    buf_fini(&text);
}

/* A JSON-RPC answer, as it was encoded here or came from the gateway. Returns the exit code. */
static int print_reply(const struct buf *reply)
{
    struct json_limits limits = { 0 };
    struct json_text root, found[2], part[4], block;
    struct err e = { 0 };
    if (!buf_ok(reply) || json_scan(reply->data, reply->len, &limits, &root, &e) != 0 ||
        root.type != JSON_OBJECT) {
        fprintf(stderr, "moongate: the answer cannot be read: %s\n", e.code ? e.text : "no memory");
        return 1;
    }
    json_find(root, (const char *const[]){ "result", "error" }, found, 2);
    if (found[0].type != JSON_OBJECT) {
        struct buf text = { 0 };
        part[0] = (struct json_text){ 0 };
        if (found[1].type == JSON_OBJECT)
            json_find(found[1], (const char *const[]){ "message" }, part, 1);
        if (part[0].type == JSON_STRING)
            json_string_decode(part[0], &text);
        fprintf(stderr, "moongate: %s\n",
                text.len ? buf_cstr(&text) : "an answer without a result");
        buf_fini(&text);
        return 1;
    }
    static const char *const names[] = { "isError", "content", "messages", "contents" };
    json_find(found[0], names, part, 4);
    bool is_error = part[0].type == JSON_TRUE;
    for (int i = 1; i < 4; i++) {
        if (part[i].type != JSON_ARRAY)
            continue;
        struct json_iter it = json_iter(part[i]);
        while (json_next_item(&it, &block))
            print_block(is_error ? stderr : stdout, block);
    }
    fflush(stdout); /* jobs may take long */
    return is_error ? 1 : 0;
}

/* ---- running it ---- */

struct durable {
    struct store_wait wait;
    bool is_known;
    int code;
};

static void durable_known(struct store_wait *w, int code)
{
    struct durable *d = (struct durable *)w;
    d->is_known = true;
    d->code = code;
}

/* What is printed is true after a power cut as well. */
static bool is_durable(struct standalone_run *r, struct vm *vm, uint64_t seq)
{
    struct durable d = { .wait = { .loop = r->services.loop, .seq = seq, .done = durable_known } };
    if (store_is_durable(r->services.store, seq))
        return true;
    store_wait(r->services.store, &d.wait);
    while (!d.is_known)
        standalone_turn(r, vm, -1);
    return d.code == 0;
}

/* What was asked and cannot be answered. */
static int tell_open(struct buf *problem)
{
    const char *text = buf_cstr(problem);
    fprintf(stderr, "moongate: %s; give the answer as a client would: --answer KEY=JSON\n",
            text ? text : "not enough memory");
    buf_fini(problem);
    return 1;
}

/* All rounds of it. Returns whether the reply is there to be printed. */
static bool run_rounds(struct command *c, struct standalone_run *r, struct vm *vm,
                       struct local_call *call)
{
    const struct toolset *tools = c->site.serving->generation->tools;
    struct buf problem = { 0 };
    enum rounds_next next;
    do {
        if (local_call_open(call, tools, c->o->tool, c->args.p, c->args.len)) {
            local_call_start(call, vm);
            while (!call->is_over)
                standalone_turn(r, vm, -1);
        }
        next = local_call_next(call, &problem);
    } while (next == ROUNDS_NEXT);
    if (next == ROUNDS_OPEN)
        tell_open(&problem);
    return next == ROUNDS_OVER;
}

static int run(struct command *c, struct standalone_run *r, struct vm *vm)
{
    struct local_call call = { .serving = c->site.serving,
                               .principal = c->principal,
                               .client = "moongate",
                               .progress = tell_progress,
                               .log = tell_log,
                               .rounds = { .answers = c->answers } };
    int code = 1;
    bool is_answered = run_rounds(c, r, vm, &call);
    if (is_durable(r, vm, call.seq))
        code = is_answered ? print_reply(&call.reply) : 1;
    else
        fprintf(stderr, "moongate: the change could not be made durable and may or may not be "
                        "there: the disk of the state has failed\n");
    local_call_fini(&call);
    /* What the call has started runs to its end, and its events leave. */
    while (vm_task_count(vm) > 0)
        standalone_turn(r, vm, -1);
    return code;
}

static int run_on(struct command *c, struct store *store)
{
    struct standalone_run r;
    struct err e = { 0 };
    struct generation *g = c->site.serving->generation;
    int code = 1;
    struct standalone_parts parts = { .store = store, .reads_index = !c->o->commit };
    if (standalone_run_open(&r, &c->site, &parts, &e) != 0) {
        fprintf(stderr, "moongate: %s\n", e.text);
        return 1;
    }
    vm_attach(g->vms[0], &r.services);
    code = run(c, &r, g->vms[0]);
    vm_free(g->vms[0]);
    g->vms[0] = NULL;
    if (standalone_run_close(&r, &e) != 0) {
        fprintf(stderr, "moongate: %s\n", e.text);
        code = 1;
    }
    return code;
}

static int fail(const struct err *e)
{
    fprintf(stderr, "moongate: %s\n", e->text);
    return 1;
}

static int run_live(struct command *c)
{
    struct live_call call = {
        .tool = c->tool, .args = c->args.p, .len = c->args.len, .as = c->o->as
    };
    struct rounds rounds = { .answers = c->answers };
    struct buf reply = { 0 }, problem = { 0 };
    struct live live;
    struct err e = { 0 };
    enum rounds_next next = ROUNDS_NEXT;
    int code = live_open(&live, &c->site, &call, &e);
    while (code == 0 && next == ROUNDS_NEXT) {
        buf_fini(&reply);
        code = live_send(&live, &rounds, &reply, &e);
        if (code == 0)
            next = rounds_next(&rounds, &reply, &problem);
    }
    code = code != 0 ? fail(&e) : next == ROUNDS_OPEN ? tell_open(&problem) : print_reply(&reply);
    live_close(&live);
    rounds_fini(&rounds);
    buf_fini(&reply);
    return code;
}

/* On the state itself, or where a gateway holds it, through that one. */
static int run_committed(struct command *c)
{
    const struct config *config = c->site.config;
    struct err e = { 0 };
    struct store *store = services_open_store(config, &e);
    if (!store && e.code == MG_E_CONFLICT)
        return run_live(c);
    if (!store)
        return fail(&e);
    if (own_set(c->site.gateway.own, config, store, &e) != 0) {
        struct err later;
        (void)store_close(store, &later);
        return fail(&e);
    }
    return run_on(c, store);
}

static int run_on_copy(struct command *c)
{
    struct err e = { 0 };
    struct store *store = store_open_copy(c->site.config->state.path, &e);
    return store ? run_on(c, store) : fail(&e);
}

int offline_call(const char *ini_path, const struct offline_call *o)
{
    struct command c = { .o = o };
    int code = args_read(&c);
    if (code == 0)
        code = answers_read(&c);
    if (code == 0) {
        code = standalone_open(&c.site, ini_path, NULL);
        if (code == 0)
            code = principal_find(&c);
        if (code == 0)
            code = tool_look_up(&c);
        if (code == 0)
            code = o->commit ? run_committed(&c) : run_on_copy(&c);
        standalone_close(&c.site);
    }
    buf_fini(&c.input);
    buf_fini(&c.answer_text);
    return code;
}
