/* resources/subscribe and resources/unsubscribe of legacy sessions, subscriptions/listen of modern
 * clients. Who may not read a resource cannot subscribe to it: it does not exist for him. */
#include <stdio.h>
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
    struct buf text = { 0 };

    if (!resources_are_there(rq))
        return;
    if (!rq->has_session) {
        reply_error(rq, 200, MCP_METHOD_NOT_FOUND, "Method not found: %s needs a session",
                    rq->out->method);
        return;
    }
    const char *p = resource_uri_read(rq, &text);
    if (p && on && !may_read(rq, p, text.len))
        resource_unknown(rq, rq->message.params[PARAM_URI]);
    else if (p)
        done(rq, host->session_subscribe(host->arg, rq->in->principal, rq->session.id, p, text.len,
                                         on));
    buf_fini(&text);
}

void subscribe_serve(struct request *rq) { change(rq, true); }

/* Of what was never subscribed to, or is no more: nothing to complain about. */
void unsubscribe_serve(struct request *rq) { change(rq, false); }

/* ---- modern ---- */

#define FILTERS (LISTS + 2)
static const char *const filter_names[FILTERS] = { "toolsListChanged", "promptsListChanged",
                                                   "resourcesListChanged", "resourceSubscriptions",
                                                   "taskIds" };

/* A list of names, decoded, one behind the other. */
struct names {
    const char *filter;
    bool (*is_there)(const struct request *rq, const char *name, size_t len);
    struct buf texts;
    size_t lens[MAX_URIS], n;
    size_t asked; /* there or not: each is looked for */
};

static bool bad_filter(struct request *rq, const char *what)
{
    reply_error(rq, 200, MCP_INVALID_PARAMS, "Invalid params: %s", what);
    return false;
}

static unsigned lists_there(const struct toolset *t)
{
    return 1u | (toolset_offers(t, TOOL_PROMPT) ? 2u : 0) | (resources_are_in(t) ? 4u : 0);
}

/* One that is not there for this caller is left out. False: answered. */
static bool name_take(struct request *rq, struct json_text item, struct names *all)
{
    size_t at = all->texts.len;
    char fault[80];

    snprintf(fault, sizeof fault, "too many %s", all->filter);
    if (all->asked++ == MAX_URIS)
        return bad_filter(rq, fault);
    snprintf(fault, sizeof fault, "%s must be a list of strings", all->filter);
    if (item.type != JSON_STRING)
        return bad_filter(rq, fault);
    json_string_decode(item, &all->texts);
    if (!buf_ok(&all->texts)) {
        reply_no_memory(rq);
        return false;
    }
    size_t len = all->texts.len - at;
    if (all->is_there(rq, len > 0 ? all->texts.data + at : "", len))
        all->lens[all->n++] = len;
    else
        all->texts.len = at;
    return true;
}

static bool names_read(struct request *rq, struct json_text list, struct names *all)
{
    struct json_text item;
    char fault[80];

    if (text_is_absent(list))
        return true;
    snprintf(fault, sizeof fault, "%s must be a list of strings", all->filter);
    if (list.type != JSON_ARRAY)
        return bad_filter(rq, fault);
    struct json_iter it = json_iter(list);
    while (json_next_item(&it, &item))
        if (!name_take(rq, item, all))
            return false;
    return true;
}

static char *names_copy(char *p, const struct names *from, const char **to, size_t *lens)
{
    for (size_t i = 0, at = 0; i < from->n; at += from->lens[i++]) {
        to[i] = p;
        lens[i] = from->lens[i];
        if (lens[i] > 0)
            memcpy(p, from->texts.data + at, lens[i]);
        p += lens[i];
    }
    return p;
}

/* The texts are copied behind the block: names, and the id of the request. */
static struct mcp_listen *listen_new(const struct request *rq, unsigned lists,
                                     const struct names *uris, const struct names *tasks)
{
    struct json_text id = rq->message.id;
    size_t n = uris->n + tasks->n;
    struct mcp_listen *l = calloc(1, sizeof *l + n * (sizeof(char *) + sizeof(size_t)) +
                                         uris->texts.len + tasks->texts.len + id.len);
    if (!l)
        return NULL;
    l->lists = lists;
    l->uri_count = uris->n;
    l->task_count = tasks->n;
    l->uris = (const char **)(l + 1);
    l->tasks = l->uris + uris->n;
    l->uri_lens = (size_t *)(l->uris + n);
    l->task_lens = l->uri_lens + uris->n;
    char *p = names_copy((char *)(l->uri_lens + n), uris, l->uris, l->uri_lens);
    p = names_copy(p, tasks, l->tasks, l->task_lens);
    l->id = (struct json_text){ memcpy(p, id.p, id.len), id.len, id.type };
    return l;
}

static void names_write(struct buf *b, const char *filter, const char *const *names,
                        const size_t *lens, size_t n)
{
    json_key(b, filter);
    json_open(b, '[');
    for (size_t i = 0; i < n; i++)
        json_str_n(b, names[i], lens[i]);
    json_close(b, ']');
}

static void acknowledge(struct buf *b, const struct mcp_listen *l, bool has_uris, bool has_tasks)
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
    if (has_uris)
        names_write(b, filter_names[LISTS], l->uris, l->uri_lens, l->uri_count);
    if (has_tasks)
        names_write(b, filter_names[LISTS + 1], l->tasks, l->task_lens, l->task_count);
    buf_str(b, "}}}");
}

static bool filter_read(struct request *rq, struct json_text member[static FILTERS],
                        unsigned *lists)
{
    struct json_text filter = rq->message.params[PARAM_NOTIFICATIONS];

    if (filter.type != JSON_OBJECT)
        return bad_filter(rq, "notifications must be an object");
    json_find(filter, filter_names, member, FILTERS);
    for (unsigned i = 0; i < LISTS; i++) {
        if (!text_is_absent(member[i]) && member[i].type != JSON_TRUE &&
            member[i].type != JSON_FALSE)
            return bad_filter(rq, "the members of notifications for lists must be booleans");
        *lists |= member[i].type == JSON_TRUE ? 1u << i : 0;
    }
    *lists &= lists_there(rq->in->tools);
    return true;
}

/* Members of the filter that are lists of names. False: answered. */
static bool lists_read(struct request *rq, const struct json_text member[static FILTERS],
                       struct names *uris, struct names *tasks)
{
    *uris = (struct names){ .filter = filter_names[LISTS], .is_there = may_read };
    *tasks = (struct names){ .filter = filter_names[LISTS + 1], .is_there = task_is_there };
    if (!text_is_absent(member[LISTS + 1]) && !tasks_must_be_known(rq))
        return false;
    return names_read(rq, member[LISTS], uris) && names_read(rq, member[LISTS + 1], tasks);
}

static void listen_open(struct request *rq)
{
    struct json_text member[FILTERS];
    struct names uris = { 0 }, tasks = { 0 };
    unsigned lists = 0;

    if (filter_read(rq, member, &lists) && lists_read(rq, member, &uris, &tasks)) {
        struct mcp_listen *l = listen_new(rq, lists, &uris, &tasks);
        if (l) {
            rq->out->listen = l;
            rq->out->status = 200;
            acknowledge(&rq->out->body, l, member[LISTS].type == JSON_ARRAY,
                        member[LISTS + 1].type == JSON_ARRAY);
        } else {
            reply_no_memory(rq);
        }
    }
    buf_fini(&uris.texts);
    buf_fini(&tasks.texts);
}

void listen_serve(struct request *rq)
{
    if (!rq->in->is_http && !rq->in->session)
        reply_error(rq, 404, MCP_METHOD_NOT_FOUND, "Method not found: %s needs a client that stays",
                    rq->out->method);
    else if (!rq->in->accepts_sse)
        reply_error(rq, 406, MCP_INVALID_REQUEST,
                    "Not Acceptable: the answer is text/event-stream");
    else
        listen_open(rq);
}
