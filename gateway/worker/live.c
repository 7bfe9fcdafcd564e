#include "worker/live.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/post.h"
#include "store/store.h"
#include "worker/local_call.h"

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

static int send(const char *url, const struct live_call *call, const struct rounds *rounds,
                const struct credential *who, struct buf *key, struct buf *reply, struct err *e)
{
    char name[160];
    struct buf body = { 0 };
    int status = 0;
    snprintf(name, sizeof name, "Mcp-Name: %s", call->tool->name);
    if (who->secret)
        buf_printf(key, "X-API-Key: %s", who->secret);
    const char *const headers[] = { "Content-Type: application/json",
                                    "Accept: application/json",
                                    "MCP-Protocol-Version: 2026-07-28",
                                    "Mcp-Method: tools/call",
                                    "Expect:",
                                    name,
                                    who->secret ? buf_cstr(key) : NULL,
                                    NULL };
    local_call_message("moongate", call->tool->name, call->args, call->len, false, false, false,
                       rounds, &body);
    if (!buf_ok(&body) || !buf_ok(key)) {
        buf_fini(&body);
        return err_set(e, MG_E_NOMEM, "no memory for a request");
    }
    struct post p = { .url = url,
                      .headers = headers,
                      .body = body.data,
                      .len = body.len,
                      .timeout_ms = call->tool->timeout_ms + MORE_MS };
    int code = post_send(&p, reply, &status, e);
    buf_fini(&body);
    if (code != 0)
        return err_prefix(e, "a gateway holds this state, but does not answer");
    if (status != 200 && (reply->len == 0 || reply->data[0] != '{'))
        return err_set(e, MG_E_IO, "%s answers with status %d", url, status);
    return 0;
}

int live_send(const struct standalone *site, const struct live_call *call,
              const struct rounds *rounds, struct buf *reply, struct err *e)
{
    char url[512], name[32];
    struct credential who = { NULL, NULL };
    struct buf key = { 0 };
    int code = credential_get(site, call, name, &who, e);
    if (code == 0)
        code = url_make(site->config, url, sizeof url, e);
    if (code != 0)
        return code;
    if (rounds->count == 0)
        fprintf(stderr, "through the gateway at %s, as %s\n", url, who.name);
    code = send(url, call, rounds, &who, &key, reply, e);
    if (key.data)
        explicit_bzero(key.data, key.len);
    buf_fini(&key);
    return code;
}
