#include "worker/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/rand.h"
#include "mcp/mcp.h"
#include "worker/said.h"

#define MARK_SIZE 24
#define LISTS 3

static const struct json_text none = { NULL, 0, JSON_NONE };

struct conversation {
    const struct mcp_server *self;
    const struct conversation_ops *ops;
    void *arg;
    struct said *open;   /* requests of the client without an answer */
    struct said *kept;   /* what the next gateway is told, the handshake first */
    struct said *asked;  /* requests to the client without one */
    bool is_initialized; /* the client has said so */
    bool is_resumed;
    bool is_told[LISTS];   /* of which lists the gateway tells changes, by its handshake */
    char again[MARK_SIZE]; /* id of what is said once more, JSON; nobody can guess it */
    char ready[MARK_SIZE]; /* of the last of it */
};

/* ---- messages ---- */

struct message {
    struct json_text method, id, params, result, error;
};

static bool message_read(struct json_text text, struct message *m)
{
    static const char *const names[] = { "method", "id", "params", "result", "error" };
    struct json_text found[5];
    if (text.type != JSON_OBJECT)
        return false;
    json_find(text, names, found, 5);
    *m = (struct message){ found[0], found[1], found[2], found[3], found[4] };
    return true;
}

static bool has_id(const struct message *m) { return mcp_is_id(m->id); }

/* An open subscription; NULL: that is none. */
static struct said *subscription(const struct conversation *c, struct json_text id)
{
    struct said *s = id.len > 0 ? c->kept : NULL;
    while ((s = said_find(s, id)) && s->kind != SAID_LISTEN)
        s = s->next;
    return s;
}

static bool is_notification(const struct message *m, const char *method)
{
    return m->id.type == JSON_NONE && m->method.type == JSON_STRING &&
           json_string_eq(m->method, method, strlen(method));
}

/* ---- the client ---- */

/* What is cancelled is not answered. A handshake cannot be. */
static void client_cancels(struct conversation *c, struct json_text id)
{
    struct said *s = said_find(c->open, id), *listen = subscription(c, id);
    if (s && s->kind != SAID_HANDSHAKE)
        said_drop(&c->open, s);
    else if (listen)
        said_drop(&c->kept, listen);
}

static void client_message(struct conversation *c, struct json_text text)
{
    struct message m;
    if (!message_read(text, &m))
        return;
    if (m.method.type == JSON_STRING && has_id(&m)) {
        said_add(&c->open, text, m.id, m.method);
    } else if (is_notification(&m, "notifications/initialized")) {
        c->is_initialized = true;
    } else if (is_notification(&m, "notifications/cancelled")) {
        struct json_text id = json_get(m.params, "requestId");
        if (id.len > 0)
            client_cancels(c, id);
    } else if (m.method.type == JSON_NONE && has_id(&m)) {
        struct said *s = said_find(c->asked, m.id);
        if (s)
            said_drop(&c->asked, s);
    }
}

/* The session that the client has, or will have when what it says now is read: of the handshake
 * that it said last. One that was refused is forgotten. */
static struct mcp_session session_of(const struct conversation *c)
{
    const struct said *handshake = said_last(c->open, SAID_HANDSHAKE);
    if (!handshake)
        handshake = said_last(c->kept, SAID_HANDSHAKE);
    if (!handshake)
        return (struct mcp_session){ .is_open = false };
    struct json_text whole = { handshake->text, handshake->len, JSON_OBJECT };
    struct json_text version = json_get(json_get(whole, "params"), "protocolVersion");
    return (struct mcp_session){ .is_open = true, .revision = mcp_revision_agreed(version) };
}

/* Does a gateway take it? One that it refuses has one answer, without an id. */
static bool batch_is_taken(const struct conversation *c, const char *text, size_t len)
{
    struct mcp_session session = session_of(c);
    struct mcp_in in = { .body = text, .len = len, .session = &session, .accepts_json = true };
    struct json_text items;
    struct mcp_out out;
    size_t n;
    bool is_taken = mcp_batch(c->self, &in, &items, &n, &out);
    mcp_out_fini(&out);
    return is_taken;
}

void conversation_client(struct conversation *c, const char *text, size_t len)
{
    struct json_text root, item;
    struct err e = { 0 };
    if (json_scan(text, len, &c->self->limits, &root, &e) != 0)
        return;
    if (root.type != JSON_ARRAY) {
        client_message(c, root);
    } else if (batch_is_taken(c, text, len)) {
        for (struct json_iter it = json_iter(root); json_next_item(&it, &item);)
            client_message(c, item);
    }
}

/* ---- the gateway ---- */

/* A request was granted: it says something about what is to be told to the next gateway. */
static void keep(struct conversation *c, struct said *s)
{
    DL_DELETE(c->open, s);
    said_drop_alike(&c->kept, s->kind == SAID_UNSUBSCRIBE ? SAID_SUBSCRIBE : s->kind, s);
    if (s->kind == SAID_HANDSHAKE)
        DL_PREPEND(c->kept, s);
    else if (s->kind == SAID_UNSUBSCRIBE)
        free(s);
    else
        DL_APPEND(c->kept, s);
}

static void say(struct conversation *c, const struct buf *json)
{
    if (buf_ok(json))
        c->ops->to_client(c->arg, json->data, json->len);
}

static void tell_list(struct conversation *c, unsigned list, struct json_text subscription)
{
    struct buf json = { 0 };
    mcp_encode_list_changed(list, subscription, &json);
    say(c, &json);
    buf_fini(&json);
}

static void tell_updated(struct conversation *c, struct json_text uri,
                         struct json_text subscription)
{
    struct buf json = { 0 }, name = { 0 };
    if (uri.type == JSON_STRING)
        json_string_decode(uri, &name);
    if (name.len > 0 && buf_ok(&name)) {
        mcp_encode_updated(name.data, name.len, subscription, &json);
        say(c, &json);
    }
    buf_fini(&name);
    buf_fini(&json);
}

/* What may have changed while nobody told. */
static void tell_missed_session(struct conversation *c)
{
    for (unsigned k = 0; k < LISTS; k++)
        if (c->is_told[k] && c->is_initialized)
            tell_list(c, k, none);
    for (const struct said *s = c->kept; s; s = s->next)
        if (s->kind == SAID_SUBSCRIBE)
            tell_updated(c, said_uri(s), none);
}

/* The same of what a subscription is for. Of its tasks the new gateway tells by itself. */
static void tell_missed_listen(struct conversation *c, struct json_text id, struct json_text agreed)
{
    static const char *const lists[LISTS] = { "toolsListChanged", "promptsListChanged",
                                              "resourcesListChanged" };
    struct json_text uris = json_get(agreed, "resourceSubscriptions"), uri;
    for (unsigned k = 0; k < LISTS; k++)
        if (json_get(agreed, lists[k]).type == JSON_TRUE)
            tell_list(c, k, id);
    if (uris.type != JSON_ARRAY)
        return;
    for (struct json_iter it = json_iter(uris); json_next_item(&it, &uri);)
        tell_updated(c, uri, id);
}

/* A subscription is open. False: it was already, and the client knows. */
static bool acknowledged(struct conversation *c, struct json_text params)
{
    struct json_text id =
        json_get(json_get(params, "_meta"), "io.modelcontextprotocol/subscriptionId");
    struct said *s = id.len > 0 ? said_find(c->open, id) : NULL;
    if (s && s->kind == SAID_LISTEN) {
        DL_DELETE(c->open, s);
        DL_APPEND(c->kept, s);
        return true;
    }
    if (!subscription(c, id))
        return true;
    tell_missed_listen(c, id, json_get(params, "notifications"));
    return false;
}

/* A gateway that ends takes back what it asked, and ends subscriptions, which go on elsewhere. */
static bool gateway_cancels(struct conversation *c, struct json_text id)
{
    struct said *s = said_find(c->asked, id);
    if (s)
        said_drop(&c->asked, s);
    return s || !subscription(c, id);
}

/* To what was said once more. */
static void answered_again(struct conversation *c, const struct message *m, bool is_last)
{
    static const char *const names[LISTS] = { "tools", "prompts", "resources" };
    struct json_text capabilities = json_get(m->result, "capabilities");
    for (unsigned k = 0; k < LISTS && capabilities.type == JSON_OBJECT; k++)
        c->is_told[k] = json_get(json_get(capabilities, names[k]), "listChanged").type == JSON_TRUE;
    if (!is_last)
        return;
    c->is_resumed = true;
    tell_missed_session(c);
}

static bool is_mark(struct json_text id, const char *mark)
{
    return id.len == strlen(mark) && memcmp(id.p, mark, id.len) == 0;
}

static bool answered(struct conversation *c, const struct message *m)
{
    bool is_error = m->error.type != JSON_NONE, is_last = is_mark(m->id, c->ready);
    if (is_last || is_mark(m->id, c->again)) {
        answered_again(c, m, is_last);
        return false;
    }
    struct said *s = said_find(c->open, m->id);
    if (s && !is_error && s->kind != SAID_ANY && s->kind != SAID_LISTEN)
        keep(c, s);
    else if (s)
        said_drop(&c->open, s);
    if (s)
        return true;
    s = subscription(c, m->id);
    if (s && is_error)
        said_drop(&c->kept, s);
    return !s || is_error;
}

static bool gateway_message(struct conversation *c, struct json_text text)
{
    struct message m;
    if (!message_read(text, &m))
        return true;
    if (m.method.type == JSON_NONE)
        return !has_id(&m) || answered(c, &m);
    if (has_id(&m)) {
        said_add(&c->asked, text, m.id, none);
        return true;
    }
    if (is_notification(&m, "notifications/subscriptions/acknowledged"))
        return acknowledged(c, m.params);
    struct json_text id = json_get(m.params, "requestId");
    return !is_notification(&m, "notifications/cancelled") || id.len == 0 || gateway_cancels(c, id);
}

bool conversation_gateway(struct conversation *c, const char *text, size_t len)
{
    struct json_limits limits = { 0 };
    struct json_text root, item;
    struct err e = { 0 };
    if (json_scan(text, len, &limits, &root, &e) != 0)
        return true;
    if (root.type != JSON_ARRAY)
        return gateway_message(c, root);
    /* Answers to a batch: all of them are the client's. */
    for (struct json_iter it = json_iter(root); json_next_item(&it, &item);)
        (void)gateway_message(c, item);
    return true;
}

bool conversation_is_open(const struct conversation *c) { return c->open != NULL; }

/* ---- from one gateway to the next ---- */

/* What can be asked of the next one as well, because the answer alone is what it is for. */
static bool can_wait(const struct said *s)
{
    return s->kind == SAID_HANDSHAKE || s->kind == SAID_LISTEN;
}

static void open_break(struct conversation *c, bool is_last)
{
    struct buf json = { 0 };
    for (struct said *s = c->open, *next; s; s = next) {
        next = s->next;
        if (can_wait(s) && !is_last)
            continue;
        buf_clear(&json);
        mcp_error(&json, said_id(s), false, MCP_INTERNAL_ERROR,
                  "Internal error: the gateway that served this is gone; the call may or may not "
                  "have had its effect");
        say(c, &json);
        said_drop(&c->open, s);
    }
    buf_fini(&json);
}

static void say_cancelled(struct conversation *c, const struct said *s, const char *why)
{
    struct buf json = { 0 };
    mcp_encode_cancelled(said_id(s), why, &json);
    say(c, &json);
    buf_fini(&json);
}

static void asked_break(struct conversation *c)
{
    for (const struct said *s = c->asked; s; s = s->next)
        say_cancelled(c, s, "the gateway that asked is gone");
    said_drop_all(&c->asked);
}

/* As a gateway ends them. */
static void subscriptions_end(struct conversation *c)
{
    struct buf json = { 0 };
    for (struct said *s = c->kept, *next; s; s = next) {
        next = s->next;
        if (s->kind != SAID_LISTEN)
            continue;
        buf_clear(&json);
        mcp_encode_listen_end(c->self, said_id(s), &json);
        say(c, &json);
        say_cancelled(c, s, "the gateway is shutting down");
        said_drop(&c->kept, s);
    }
    buf_fini(&json);
}

void conversation_break(struct conversation *c)
{
    c->is_resumed = false;
    open_break(c, false);
    asked_break(c);
}

void conversation_end(struct conversation *c)
{
    c->is_resumed = false;
    open_break(c, true);
    asked_break(c);
    subscriptions_end(c);
}

/* Under the mark, whose answer the client does not see; or as it was said. */
static void say_again(struct conversation *c, const struct said *s, bool is_marked)
{
    static const char initialized[] =
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
    struct buf line = { 0 };
    size_t end = s->id_at + s->id_len;
    buf_append(&line, s->text, s->id_at);
    buf_append(&line, is_marked ? c->again : s->text + s->id_at,
               is_marked ? strlen(c->again) : s->id_len);
    buf_append(&line, s->text + end, s->len - end);
    if (buf_ok(&line))
        c->ops->to_gateway(c->arg, line.data, line.len);
    if (s->kind == SAID_HANDSHAKE && c->is_initialized)
        c->ops->to_gateway(c->arg, initialized, sizeof initialized - 1);
    buf_fini(&line);
}

void conversation_resume(struct conversation *c)
{
    char last[80];
    memset(c->is_told, 0, sizeof c->is_told);
    for (const struct said *s = c->kept; s; s = s->next)
        say_again(c, s, s->kind != SAID_LISTEN);
    for (const struct said *s = c->open; s; s = s->next)
        say_again(c, s, false);
    /* Messages are read in their order: who answers this has heard all the others. */
    int n = snprintf(last, sizeof last, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}",
                     c->ready);
    c->ops->to_gateway(c->arg, last, (size_t)n);
}

bool conversation_is_resumed(const struct conversation *c) { return c->is_resumed; }

/* ---- life ---- */

static void mark_make(char out[static MARK_SIZE])
{
    out[0] = '"';
    rand_base36(out + 1, MARK_SIZE - 3);
    out[MARK_SIZE - 2] = '"';
    out[MARK_SIZE - 1] = '\0';
}

struct conversation *conversation_new(const struct mcp_server *self,
                                      const struct conversation_ops *ops, void *arg)
{
    struct conversation *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->self = self;
    c->ops = ops;
    c->arg = arg;
    mark_make(c->again);
    mark_make(c->ready);
    return c;
}

void conversation_free(struct conversation *c)
{
    if (!c)
        return;
    said_drop_all(&c->open);
    said_drop_all(&c->kept);
    said_drop_all(&c->asked);
    free(c);
}
