/* resources/subscribe and resources/unsubscribe of legacy sessions, subscriptions/listen of modern
 * clients. Who may not read a resource cannot subscribe to it: it does not exist for him. */
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "mcp/request.h"

#define LISTS 3
#define MAX_URIS 1000 /* as many as any configuration allows one subscription */

static bool may_read(const struct request *rq, const char *uri, size_t len)
{
    struct buf values = { 0 };
    const struct tool *t = NULL;

    if (skill_file_find(rq, uri, len, &t))
        return true;
    t = resource_find(rq, uri, len, &values);
    buf_fini(&values);
    return t != NULL;
}

bool mcp_may_read(const struct mcp_server *s, const struct toolset *tools,
                  const struct principal *p, const char *uri, size_t len)
{
    struct mcp_in in = { .principal = p, .tools = tools };
    struct request rq = { .server = s, .in = &in };

    return may_read(&rq, uri, len);
}

/* ---- sessions ---- */

static void done(struct request *rq, int rc)
{
    if (rc == MG_E_NOTFOUND) {
        reply_error(rq, 404, MCP_SESSION_NOT_FOUND, "Session not found");
    } else if (rc == MG_E_LIMIT) {
        reply_error(rq, 200, MCP_INVALID_PARAMS,
                    "Too many subscriptions: unsubscribe from some, or raise [server] "
                    "max_subscriptions");
    } else if (rc < 0) {
        reply_no_memory(rq);
    } else {
        reply_result_begin(rq);
        reply_result_end(rq);
    }
}

static void change(struct request *rq, bool on)
{
    const struct mcp_host *host = rq->server->host;
    struct json_text uri = rq->message.params[PARAM_URI];
    struct buf text = { 0 };

    if (!resources_are_there(rq))
        return;
    if (!rq->has_session || !rq->in->is_http) {
        reply_error(rq, 200, MCP_METHOD_NOT_FOUND, "Method not found: %s needs a session over HTTP",
                    rq->out->method);
        return;
    }
    if (uri.type != JSON_STRING) {
        reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: uri must be a string");
        return;
    }
    json_string_decode(uri, &text);
    const char *p = text.len ? text.data : "";
    if (!buf_ok(&text))
        reply_no_memory(rq);
    else if (on && !may_read(rq, p, text.len))
        resource_unknown(rq, uri);
    else
        done(rq, host->session_subscribe(host->arg, rq->in->principal, rq->session.id, p, text.len,
                                         on));
    buf_fini(&text);
}

void subscribe_serve(struct request *rq) { change(rq, true); }

/* Of what was never subscribed to, or is no more: nothing to complain about. */
void unsubscribe_serve(struct request *rq) { change(rq, false); }

/* ---- modern ---- */

static const char *const filter_names[] = { "toolsListChanged", "promptsListChanged",
                                            "resourcesListChanged", "resourceSubscriptions" };

static bool bad_filter(struct request *rq, const char *what)
{
    reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: %s", what);
    return false;
}

static unsigned lists_there(const struct toolset *t)
{
    return 1u | (toolset_offers(t, TOOL_PROMPT) ? 2u : 0) | (resources_are_in(t) ? 4u : 0);
}

/* One URI of the list; decoded texts lie one behind the other in *texts. False: answered. */
static bool uri_take(struct request *rq, struct json_text item, struct buf *texts, size_t *lens,
                     size_t *n)
{
    size_t at = texts->len;

    if (item.type != JSON_STRING)
        return bad_filter(rq, "resourceSubscriptions must be a list of strings");
    if (*n == MAX_URIS)
        return bad_filter(rq, "too many resourceSubscriptions");
    json_string_decode(item, texts);
    if (!buf_ok(texts)) {
        reply_no_memory(rq);
        return false;
    }
    if (may_read(rq, texts->len > at ? texts->data + at : "", texts->len - at))
        lens[(*n)++] = texts->len - at;
    else
        texts->len = at;
    return true;
}

static bool uris_read(struct request *rq, struct json_text list, struct buf *texts, size_t *lens,
                      size_t *n)
{
    struct json_text item;

    if (text_is_absent(list))
        return true;
    if (list.type != JSON_ARRAY)
        return bad_filter(rq, "resourceSubscriptions must be a list of strings");
    struct json_iter it = json_iter(list);
    while (json_next_item(&it, &item))
        if (!uri_take(rq, item, texts, lens, n))
            return false;
    return true;
}

/* The texts are copied behind the block: URIs, and the id of the request. */
static struct mcp_listen *listen_new(const struct request *rq, unsigned lists,
                                     const struct buf *texts, const size_t *lens, size_t n)
{
    struct json_text id = rq->message.id;
    struct mcp_listen *l =
        calloc(1, sizeof *l + n * (sizeof(char *) + sizeof(size_t)) + texts->len + id.len);
    if (!l)
        return NULL;
    l->lists = lists;
    l->uri_count = n;
    l->uris = (const char **)(l + 1);
    l->uri_lens = (size_t *)(l->uris + n);
    char *p = (char *)(l->uri_lens + n);
    for (size_t i = 0, at = 0; i < n; at += lens[i++]) {
        l->uris[i] = memcpy(p, texts->data + at, lens[i]);
        l->uri_lens[i] = lens[i];
        p += lens[i];
    }
    l->id = (struct json_text){ memcpy(p, id.p, id.len), id.len, id.type };
    return l;
}

static void acknowledge(struct buf *b, const struct mcp_listen *l, bool has_uris)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
               "\"params\":{\"_meta\":{\"" META_PREFIX "subscriptionId\":");
    json_raw_text(b, l->id);
    buf_str(b, "},\"notifications\":{");
    for (unsigned i = 0; i < LISTS; i++)
        if (l->lists & (1u << i)) {
            json_key(b, filter_names[i]);
            json_bool(b, true);
        }
    if (has_uris) {
        json_key(b, filter_names[LISTS]);
        json_open(b, '[');
        for (size_t i = 0; i < l->uri_count; i++)
            json_str_n(b, l->uris[i], l->uri_lens[i]);
        json_close(b, ']');
    }
    buf_str(b, "}}}");
}

static bool filter_read(struct request *rq, struct json_text member[static LISTS + 1],
                        unsigned *lists)
{
    struct json_text filter = rq->message.params[PARAM_NOTIFICATIONS];

    if (filter.type != JSON_OBJECT)
        return bad_filter(rq, "notifications must be an object");
    json_find(filter, filter_names, member, LISTS + 1);
    for (unsigned i = 0; i < LISTS; i++) {
        if (!text_is_absent(member[i]) && member[i].type != JSON_TRUE &&
            member[i].type != JSON_FALSE)
            return bad_filter(rq, "the members of notifications for lists must be booleans");
        *lists |= member[i].type == JSON_TRUE ? 1u << i : 0;
    }
    *lists &= lists_there(rq->in->tools);
    return true;
}

void listen_serve(struct request *rq)
{
    struct json_text member[LISTS + 1];
    struct buf texts = { 0 };
    size_t lens[MAX_URIS], n = 0;
    unsigned lists = 0;

    if (!rq->in->is_http) {
        reply_error(rq, 404, MCP_METHOD_NOT_FOUND, "Method not found: %s is there over HTTP",
                    rq->out->method);
        return;
    }
    if (!rq->in->accepts_sse) {
        reply_error(rq, 406, MCP_INVALID_REQUEST,
                    "Not Acceptable: the answer is text/event-stream");
        return;
    }
    if (filter_read(rq, member, &lists) && uris_read(rq, member[LISTS], &texts, lens, &n)) {
        struct mcp_listen *l = listen_new(rq, lists, &texts, lens, n);
        if (l) {
            rq->out->listen = l;
            rq->out->status = 200;
            acknowledge(&rq->out->body, l, member[LISTS].type == JSON_ARRAY);
        } else {
            reply_no_memory(rq);
        }
    }
    buf_fini(&texts);
}
