#include "worker/live.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "io/post.h"
#include "store/store.h"
#include "tools/headerparams.h"
#include "worker/local_call.h"

#define CLIENT "moongate"
#define POLL_MS 200 /* where the gateway does not say how often it may be asked */
#define POLL_MAX_MS 5000
#define MORE_MS 15000 /* beside the tool's own time: a place to wait for, a disk to be written */

struct credential {
    const char *name;
    const char *secret; /* NULL: none is needed */
};

/* The secret of the key of that name, or NULL: the configuration holds its digest only. */
static const char *secret_of(const struct config *c, const char *name)
{
    char number[32];
    for (size_t i = 0; i < c->n_keys; i++)
        if (strcmp(c->keys[i].name, name) == 0)
            return c->keys[i].secret && c->keys[i].secret[0] ? c->keys[i].secret : NULL;
    for (size_t i = 0; i < c->auth.keys.n; i++) {
        snprintf(number, sizeof number, "key%zu", i + 1);
        if (strcmp(number, name) == 0)
            return c->auth.keys.items[i];
    }
    return NULL;
}

static bool is_usable(const struct standalone *s, const char *name, const char *tool)
{
    const struct principal *p = keyring_named(s->serving->keyring, name);
    return p && principal_may(p, tool) && (p->expires_ms == 0 || clock_wall_ms() < p->expires_ms) &&
           secret_of(s->config, name);
}

/* Nobody was named: without a key where none is needed, else the first one that may. */
static bool credential_find(const struct standalone *s, const char *tool, char name[32],
                            struct credential *out)
{
    const struct config *c = s->config;
    if (keyring_named(s->serving->keyring, "anonymous")) {
        *out = (struct credential){ "anonymous", NULL };
        return true;
    }
    for (size_t i = 0; i < c->auth.keys.n; i++) {
        snprintf(name, 32, "key%zu", i + 1);
        if (is_usable(s, name, tool)) {
            *out = (struct credential){ name, secret_of(c, name) };
            return true;
        }
    }
    for (size_t i = 0; i < c->n_keys; i++)
        if (is_usable(s, c->keys[i].name, tool)) {
            *out = (struct credential){ c->keys[i].name, c->keys[i].secret };
            return true;
        }
    return false;
}

static int credential_get(const struct standalone *s, const struct live_call *call, char name[32],
                          struct credential *out, struct err *e)
{
    if (!call->as && credential_find(s, call->tool->name, name, out))
        return 0;
    if (!call->as)
        return err_set(e, MG_E_DENIED,
                       "a gateway runs on this state, and no key in the configuration can be used "
                       "to ask it: the keys stand there as digests, or may not call %s. Call it "
                       "with a client that has a key, or stop the gateway first",
                       call->tool->name);
    *out = (struct credential){ call->as, secret_of(s->config, call->as) };
    if (out->secret || strcmp(call->as, "anonymous") == 0)
        return 0;
    return err_set(e, MG_E_DENIED,
                   "a gateway runs on this state, and of the key %s the configuration holds the "
                   "digest only: call it with a client that has the key, or stop the gateway first",
                   call->as);
}

/* Where the gateway that holds the state says that it is: what the configuration says may be
 * somebody else, who would be given the key. */
static int url_make(const struct config *c, char *out, size_t size, struct err *e)
{
    static const struct {
        const char *all, *one;
    } wildcards[] = { { "0.0.0.0:", "127.0.0.1:" }, { "[::]:", "[::1]:" } };
    char address[200];
    const char *before = "", *rest = address;
    if (!store_announced(c->state.path, address, sizeof address))
        return err_set(e, MG_E_NOTFOUND,
                       "the process that holds the state does not say where it is reached: it is "
                       "starting, or no gateway; try again, or stop it first");
    for (size_t i = 0; i < sizeof wildcards / sizeof *wildcards; i++)
        if (strncmp(address, wildcards[i].all, strlen(wildcards[i].all)) == 0) {
            before = wildcards[i].one;
            rest = address + strlen(wildcards[i].all);
        }
    int n = snprintf(out, size, "http://%s%s%s", before, rest, c->server.path);
    return n > 0 && (size_t)n < size ? 0 : err_set(e, MG_E_LIMIT, "the address is too long");
}

/* The headers that repeat arguments of the tool, each with its NUL. */
static void params_write(const struct live_call *c, struct buf *out)
{
    struct json_text arguments = { c->args, c->len, JSON_OBJECT };
    for (const struct headerparam *h = c->tool->headers; h; h = h->next)
        if (headerparam_write(h, headerparam_value(h, arguments), out))
            buf_putc(out, '\0');
}

/* One request. name: of what it is about, in a header as well; params: further headers, each with
 * its NUL, or NULL. */
static int request(struct live *l, const char *method, const char *name, const struct buf *params,
                   const struct buf *body, struct buf *reply, struct err *e)
{
    struct buf about = { 0 }, as = { 0 };
    int status = 0, code = 0;
    buf_printf(&as, "Mcp-Method: %s", method);
    buf_printf(&about, "Mcp-Name: %s", name);
    const char *headers[8 + HEADERPARAMS_MAX] = { "Content-Type: application/json",
                                                  "Accept: application/json",
                                                  "MCP-Protocol-Version: 2026-07-28",
                                                  "Expect:",
                                                  buf_cstr(&as),
                                                  buf_cstr(&about) };
    size_t n = 6;
    for (size_t at = 0, len = params ? params->len : 0; at < len;
         at += strlen(params->data + at) + 1)
        headers[n++] = params->data + at;
    headers[n] = l->key.len ? buf_cstr(&l->key) : NULL;
    struct post p = { .url = l->url,
                      .headers = headers,
                      .body = body->data,
                      .len = body->len,
                      .timeout_ms = l->call->tool->timeout_ms + MORE_MS };
    if (!buf_ok(body) || !buf_ok(&as) || !buf_ok(&about) || !buf_ok(&l->key) ||
        (params && !buf_ok(params)))
        code = err_set(e, MG_E_NOMEM, "no memory for a request");
    else if ((code = post_send(&p, reply, &status, e)) != 0)
        code = err_prefix(e, "a gateway holds this state, but does not answer");
    else if (status != 200 && (reply->len == 0 || reply->data[0] != '{'))
        code = err_set(e, MG_E_IO, "%s answers with status %d", l->url, status);
    buf_fini(&about);
    buf_fini(&as);
    return code;
}

/* A tool that is a task for everybody is one here, too; any other is waited for. */
static int call_send(struct live *l, const struct rounds *rounds, struct buf *reply, struct err *e)
{
    struct buf body = { 0 }, params = { 0 };
    const struct live_call *c = l->call;
    params_write(c, &params);
    local_call_message(CLIENT, c->tool->name, c->args, c->len, false, false, c->tool->needs_task,
                       rounds, &body);
    int code = request(l, "tools/call", c->tool->name, &params, &body, reply, e);
    buf_fini(&params);
    buf_fini(&body);
    return code;
}

/* ---- a call that has become a task ---- */

static int task_send(struct live *l, const char *method, const struct buf *responses,
                     struct buf *reply, struct err *e)
{
    struct buf body = { 0 };
    buf_printf(&body,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"taskId\":", method);
    json_str(&body, buf_cstr(&l->task));
    if (responses) {
        json_key(&body, "inputResponses");
        buf_append(&body, responses->data, responses->len);
    }
    local_call_meta(CLIENT, true, true, &body);
    buf_str(&body, "}}}");
    int code = request(l, method, buf_cstr(&l->task), NULL, &body, reply, e);
    buf_fini(&body);
    return code;
}

static bool is_text(struct json_text t, const char *text)
{
    return t.type == JSON_STRING && json_string_eq(t, text, strlen(text));
}

static struct json_text member_of(const struct buf *reply, const char *name)
{
    struct json_limits limits = { 0 };
    struct json_text root = { 0 };
    struct err e;
    if (!buf_ok(reply) || json_scan(reply->data, reply->len, &limits, &root, &e) != 0)
        return (struct json_text){ 0 };
    return json_get(root, name);
}

static struct json_text result_of(const struct buf *reply) { return member_of(reply, "result"); }

static void task_note(struct live *l, const struct buf *reply)
{
    struct json_text result = result_of(reply), id = json_get(result, "taskId");
    if (is_text(json_get(result, "resultType"), "task") && id.type == JSON_STRING)
        json_string_decode(id, &l->task);
}

/* What the call would have been answered, had it not become this task. */
static void task_reply(struct json_text task, struct buf *out)
{
    static const char *const names[] = { "status", "result", "error", "inputRequests" };
    struct json_text found[4];
    json_find(task, names, found, 4);
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":1,");
    if (is_text(found[0], "input_required")) {
        buf_str(out, "\"result\":{\"resultType\":\"input_required\",\"inputRequests\":");
        json_raw_text(out, found[3]);
        buf_putc(out, '}');
    } else if (found[1].type == JSON_OBJECT) {
        json_key(out, "result");
        json_raw_text(out, found[1]);
    } else if (found[2].type == JSON_OBJECT) {
        json_key(out, "error");
        json_raw_text(out, found[2]);
    } else {
        buf_str(out, "\"error\":{\"code\":-32603,\"message\":\"the task was cancelled\"}");
    }
    buf_putc(out, '}');
}

/* Until it asks something, or has ended. */
static int task_wait(struct live *l, struct buf *reply, struct err *e)
{
    for (;;) {
        struct buf state = { 0 };
        int64_t pause = POLL_MS;
        int code = task_send(l, "tasks/get", NULL, &state, e);
        struct json_text task = result_of(&state), status = json_get(task, "status");
        bool is_working = is_text(status, "working");
        if (json_integer(json_get(task, "pollIntervalMs"), &pause) && pause > POLL_MAX_MS)
            pause = POLL_MAX_MS;
        if (code == 0 && !is_working) {
            l->is_asked = is_text(status, "input_required");
            buf_clear(reply);
            if (task.type == JSON_OBJECT)
                task_reply(task, reply);
            else
                buf_append(reply, state.data, state.len); /* an error: it is unknown by now */
        }
        buf_fini(&state);
        if (code != 0 || !is_working)
            return code;
        nanosleep(&(struct timespec){ pause / 1000, pause % 1000 * 1000000 }, NULL);
    }
}

/* ---- all of it ---- */

int live_open(struct live *l, const struct standalone *site, const struct live_call *call,
              struct err *e)
{
    char name[32];
    struct credential who = { NULL, NULL };
    *l = (struct live){ .call = call };
    int code = credential_get(site, call, name, &who, e);
    if (code == 0)
        code = url_make(site->config, l->url, sizeof l->url, e);
    if (code != 0)
        return code;
    if (who.secret)
        buf_printf(&l->key, "X-API-Key: %s", who.secret);
    fprintf(stderr, "through the gateway at %s, as %s\n", l->url, who.name);
    return 0;
}

int live_send(struct live *l, const struct rounds *rounds, struct buf *reply, struct err *e)
{
    int code;
    if (l->is_asked) {
        code = task_send(l, "tasks/update", &rounds->responses, reply, e);
        if (code == 0 && member_of(reply, "error").type != JSON_NONE)
            return 0; /* the task only goes on asking, and does not say why */
    } else {
        code = call_send(l, rounds, reply, e);
        if (code == 0)
            task_note(l, reply);
    }
    return code == 0 && l->task.len > 0 ? task_wait(l, reply, e) : code;
}

void live_close(struct live *l)
{
    struct buf reply = { 0 };
    struct err e;
    if (l->is_asked)
        (void)!task_send(l, "tasks/cancel", NULL, &reply, &e); /* nobody answers it any more */
    if (l->key.data)
        explicit_bzero(l->key.data, l->key.len);
    buf_fini(&l->key);
    buf_fini(&l->task);
    buf_fini(&reply);
}
