#include "worker/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/rand.h"
#include "mcp/mcp.h"

#define MARK_SIZE 24
#define LISTS 3

/* Requests of which more is kept than their id. */
enum said_kind {
    SAID_ANY,
    SAID_HANDSHAKE,
    SAID_LEVEL,
    SAID_SUBSCRIBE,
    SAID_UNSUBSCRIBE,
    SAID_LISTEN
};

static const char *const methods[] = {
    [SAID_HANDSHAKE] = "initialize",          [SAID_LEVEL] = "logging/setLevel",
    [SAID_SUBSCRIBE] = "resources/subscribe", [SAID_UNSUBSCRIBE] = "resources/unsubscribe",
    [SAID_LISTEN] = "subscriptions/listen",
};

struct said {
    struct said *prev, *next;
    enum said_kind kind;
    size_t id_at, id_len;   /* in text: its JSON */
    size_t uri_at, uri_len; /* likewise; 0: it names none */
    size_t len;
    char text[]; /* the message; of SAID_ANY the id alone */
};

struct conversation {
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

/* ---- what was said ---- */

static struct json_text id_of(const struct said *s)
{
    return (struct json_text){ s->text + s->id_at, s->id_len, json_type_of(s->text[s->id_at]) };
}

static bool is_same(struct json_text a, struct json_text b)
{
    return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static struct said *find(struct said *list, struct json_text id)
{
    struct said *s;
    DL_FOREACH(list, s)
    if (is_same(id_of(s), id))
        return s;
    return NULL;
}

static void drop(struct said **list, struct said *s)
{
    DL_DELETE(*list, s);
    free(s);
}

static void drop_all(struct said **list)
{
    while (*list)
        drop(list, *list);
}

/* Of this kind, and of this URI if it is for one. */
static void drop_alike(struct said **list, const struct said *like, enum said_kind kind)
{
    struct said *s, *next;
    DL_FOREACH_SAFE(*list, s, next)
    if (s != like && s->kind == kind && s->uri_len == like->uri_len &&
        memcmp(s->text + s->uri_at, like->text + like->uri_at, like->uri_len) == 0)
        drop(list, s);
}

static enum said_kind kind_of(struct json_text method)
{
    for (size_t k = SAID_HANDSHAKE; k < sizeof methods / sizeof *methods; k++)
        if (json_string_eq(method, methods[k], strlen(methods[k])))
            return (enum said_kind)k;
    return SAID_ANY;
}

/* Without memory it is not noted: it would miss its error, or be missed by the next gateway. */
static void note(struct said **list, enum said_kind kind, struct json_text message,
                 struct json_text id)
{
    struct json_text whole = kind == SAID_ANY ? id : message;
    struct json_text uri = { 0 };
    struct said *s = calloc(1, sizeof *s + whole.len);
    if (!s)
        return;
    if (kind == SAID_SUBSCRIBE || kind == SAID_UNSUBSCRIBE)
        uri = json_get(json_get(message, "params"), "uri");
    s->kind = kind;
    s->id_at = (size_t)(id.p - whole.p);
    s->id_len = id.len;
    s->uri_at = uri.p ? (size_t)(uri.p - whole.p) : 0;
    s->uri_len = uri.len;
    s->len = whole.len;
    memcpy(s->text, whole.p, whole.len);
    DL_APPEND(*list, s);
}

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

static bool has_id(const struct message *m)
{
    return m->id.type == JSON_STRING || m->id.type == JSON_NUMBER;
}

static bool is_notification(const struct message *m, const char *method)
{
    return m->id.type == JSON_NONE && m->method.type == JSON_STRING &&
           json_string_eq(m->method, method, strlen(method));
}

/* fn for the message, or each of a batch. Returns what the last one did; of several, true. */
static bool each(struct conversation *c, const char *text, size_t len,
                 bool (*fn)(struct conversation *c, struct json_text message))
{
    struct json_limits limits = { 0 };
    struct json_text root, item;
    struct err e = { 0 };
    if (json_scan(text, len, &limits, &root, &e) != 0)
        return true;
    if (root.type != JSON_ARRAY)
        return fn(c, root);
    for (struct json_iter it = json_iter(root); json_next_item(&it, &item);)
        (void)fn(c, item);
    return true;
}

/* ---- the client ---- */

/* What is cancelled is not answered. A handshake cannot be. */
static void client_cancels(struct conversation *c, struct json_text id)
{
    struct said *s = find(c->open, id);
    if (s && s->kind != SAID_HANDSHAKE) {
        drop(&c->open, s);
        return;
    }
    s = find(c->kept, id);
    if (s && s->kind == SAID_LISTEN)
        drop(&c->kept, s);
}

static bool client_message(struct conversation *c, struct json_text text)
{
    struct message m;
    if (!message_read(text, &m))
        return true;
    if (m.method.type == JSON_STRING && has_id(&m)) {
        note(&c->open, kind_of(m.method), text, m.id);
    } else if (is_notification(&m, "notifications/initialized")) {
        c->is_initialized = true;
    } else if (is_notification(&m, "notifications/cancelled")) {
        struct json_text id = json_get(m.params, "requestId");
        if (id.len > 0)
            client_cancels(c, id);
    } else if (m.method.type == JSON_NONE && has_id(&m)) {
        struct said *s = find(c->asked, m.id);
        if (s)
            drop(&c->asked, s);
    }
    return true;
}

void conversation_client(struct conversation *c, const char *text, size_t len)
{
    (void)each(c, text, len, client_message);
}

/* ---- the gateway ---- */

/* A request was granted: it says something about what is to be told to the next gateway. */
static void keep(struct conversation *c, struct said *s)
{
    DL_DELETE(c->open, s);
    drop_alike(&c->kept, s, s->kind == SAID_UNSUBSCRIBE ? SAID_SUBSCRIBE : s->kind);
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

/* Of the new gateway; what the old one told of changes may have been missed since. */
static void tell_missed_session(struct conversation *c)
{
    struct json_text none = { NULL, 0, JSON_NONE };
    struct said *s;
    for (unsigned k = 0; k < LISTS; k++)
        if (c->is_told[k] && c->is_initialized)
            tell_list(c, k, none);
    DL_FOREACH(c->kept, s)
    if (s->kind == SAID_SUBSCRIBE)
        tell_updated(c,
                     json_get(json_get((struct json_text){ s->text, s->len, JSON_OBJECT },
                                       "params"),
                              "uri"),
                     none);
}

/* agreed: the filter of which the new one says that it will tell. Tasks it tells by itself. */
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
    struct said *s = id.len > 0 ? find(c->open, id) : NULL;
    if (s && s->kind == SAID_LISTEN) {
        DL_DELETE(c->open, s);
        DL_APPEND(c->kept, s);
        return true;
    }
    s = id.len > 0 ? find(c->kept, id) : NULL;
    if (!s || s->kind != SAID_LISTEN)
        return true;
    tell_missed_listen(c, id, json_get(params, "notifications"));
    return false;
}

/* A gateway that ends takes back what it asked, and ends subscriptions, which go on elsewhere. */
static bool gateway_cancels(struct conversation *c, struct json_text id)
{
    struct said *s = find(c->asked, id);
    if (s) {
        drop(&c->asked, s);
        return true;
    }
    s = find(c->kept, id);
    return !s || s->kind != SAID_LISTEN;
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
    struct said *s = find(c->open, m->id);
    if (s && !is_error && s->kind != SAID_ANY && s->kind != SAID_LISTEN)
        keep(c, s);
    else if (s)
        drop(&c->open, s);
    if (s)
        return true;
    s = find(c->kept, m->id);
    if (!s || s->kind != SAID_LISTEN)
        return true;
    if (is_error)
        drop(&c->kept, s);
    return is_error;
}

static bool gateway_message(struct conversation *c, struct json_text text)
{
    struct message m;
    if (!message_read(text, &m))
        return true;
    if (m.method.type == JSON_NONE)
        return !has_id(&m) || answered(c, &m);
    if (has_id(&m)) {
        note(&c->asked, SAID_ANY, text, m.id);
        return true;
    }
    if (is_notification(&m, "notifications/subscriptions/acknowledged"))
        return acknowledged(c, m.params);
    struct json_text id = json_get(m.params, "requestId");
    return !is_notification(&m, "notifications/cancelled") || id.len == 0 || gateway_cancels(c, id);
}

bool conversation_gateway(struct conversation *c, const char *text, size_t len)
{
    return each(c, text, len, gateway_message);
}

bool conversation_is_open(const struct conversation *c) { return c->open != NULL; }

/* ---- from one gateway to the next ---- */

/* What can be asked of the next one as well, because the answer alone is what it is for. */
static bool can_wait(const struct said *s)
{
    return s->kind == SAID_HANDSHAKE || s->kind == SAID_LISTEN;
}

void conversation_break(struct conversation *c)
{
    struct said *s, *next;
    struct buf json = { 0 };
    c->is_resumed = false;
    DL_FOREACH_SAFE(c->open, s, next)
    {
        if (can_wait(s))
            continue;
        buf_clear(&json);
        mcp_error(&json, id_of(s), false, MCP_INTERNAL_ERROR,
                  "Internal error: the gateway that served this is gone; the call may or may not "
                  "have had its effect");
        say(c, &json);
        drop(&c->open, s);
    }
    DL_FOREACH(c->asked, s)
    {
        buf_clear(&json);
        mcp_encode_cancelled(id_of(s), "the gateway that asked is gone", &json);
        say(c, &json);
    }
    drop_all(&c->asked);
    buf_fini(&json);
}

/* Under the mark, whose answer the client does not see; or as it was said. */
static void say_again(struct conversation *c, const struct said *s, bool is_answered)
{
    struct buf line = { 0 };
    size_t end = s->id_at + s->id_len;
    if (!is_answered || s->kind == SAID_LISTEN) {
        c->ops->to_gateway(c->arg, s->text, s->len);
        return;
    }
    buf_append(&line, s->text, s->id_at);
    buf_str(&line, c->again);
    buf_append(&line, s->text + end, s->len - end);
    if (buf_ok(&line))
        c->ops->to_gateway(c->arg, line.data, line.len);
    buf_fini(&line);
}

static void say_initialized(struct conversation *c, const struct said *s)
{
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
    if (s->kind == SAID_HANDSHAKE && c->is_initialized)
        c->ops->to_gateway(c->arg, text, sizeof text - 1);
}

void conversation_resume(struct conversation *c)
{
    struct said *s;
    char last[80];
    memset(c->is_told, 0, sizeof c->is_told);
    DL_FOREACH(c->kept, s)
    {
        say_again(c, s, true);
        say_initialized(c, s);
    }
    DL_FOREACH(c->open, s)
    {
        say_again(c, s, false);
        say_initialized(c, s);
    }
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

struct conversation *conversation_new(const struct conversation_ops *ops, void *arg)
{
    struct conversation *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
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
    drop_all(&c->open);
    drop_all(&c->kept);
    drop_all(&c->asked);
    free(c);
}
