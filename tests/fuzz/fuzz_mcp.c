/* fuzz_mcp.c - whole messages with their headers: every reply is JSON on one line, every call that
 * is to be run points into its own text. Input: five lines of headers (each may be empty: absent),
 * then the body. */
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "fuzz.h"
#include "mcp/mcp.h"

struct principal {
    int unused;
};

#define SESSION "00000000000000000000000000000011"

static bool may(void *arg, const struct principal *p, const char *tool)
{
    (void)arg, (void)p;
    return strcmp(tool, "secret") != 0;
}

static int create(void *arg, const struct principal *p, struct mcp_session *s)
{
    (void)arg, (void)p;
    memcpy(s->id, SESSION, sizeof s->id);
    return 0;
}

static int find(void *arg, const struct principal *p, const char *id, struct mcp_session *out)
{
    (void)arg, (void)p;
    if (strcmp(id, SESSION) != 0)
        return MG_E_NOTFOUND;
    *out = (struct mcp_session){ .id = SESSION,
                                 .revision = MCP_2025_11_25,
                                 .log_level = MCP_LOG_INFO,
                                 .client_name = "client",
                                 .client_version = "1" };
    return 0;
}

static int by_id(void *arg, const struct principal *p, const char *id)
{
    struct mcp_session s;
    return find(arg, p, id, &s);
}

static int set_level(void *arg, const struct principal *p, const char *id, enum mcp_log_level l)
{
    fuzz_hold(l >= MCP_LOG_DEBUG && l <= MCP_LOG_EMERGENCY, "a level is one");
    return by_id(arg, p, id);
}

static void cancel(void *arg, const struct principal *p, const char *session, const char *id,
                   size_t len)
{
    struct json_text root;

    (void)arg, (void)p, (void)session;
    fuzz_hold(json_scan(id, len, NULL, &root, NULL) == 0, "an id is JSON");
}

static int subscribe(void *arg, const struct principal *p, const char *id, const char *uri,
                     size_t len, bool on)
{
    (void)uri, (void)len, (void)on;
    return by_id(arg, p, id);
}

static void answer(void *arg, const struct principal *p, const char *session,
                   const struct mcp_answer *a)
{
    (void)arg, (void)p, (void)session;
    fuzz_hold(a->result.type != JSON_NONE || a->error, "an answer says something");
}

static const char *who(void *arg, const struct principal *p, uint64_t *number)
{
    (void)arg, (void)p;
    *number = 1;
    return "fuzz";
}

static bool spend(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms)
{
    (void)arg, (void)id, (void)expires_ms;
    return true;
}

static int task_get(void *arg, const struct principal *p, const char *id, size_t len,
                    struct buf *members)
{
    (void)arg, (void)p;
    if (len != 1 || *id != 't')
        return MG_E_NOTFOUND;
    buf_str(members, "\"taskId\":\"t\"");
    return 0;
}

static int task_update(void *arg, const struct principal *p, const char *id, size_t len,
                       struct json_text responses)
{
    (void)arg, (void)p, (void)id, (void)len;
    fuzz_hold(responses.type == JSON_OBJECT, "responses are an object");
    return 0;
}

static int task_cancel(void *arg, const struct principal *p, const char *id, size_t len)
{
    (void)arg, (void)p, (void)id, (void)len;
    return MG_E_NOTFOUND;
}

static struct mcp_host host = { .may = may,
                                .session_create = create,
                                .session_find = find,
                                .session_initialized = by_id,
                                .session_log_level = set_level,
                                .session_subscribe = subscribe,
                                .session_remove = by_id,
                                .cancel = cancel,
                                .answer = answer,
                                .caller = who,
                                 .spend = spend,
                                 .task_get = task_get,
                                 .task_update = task_update,
                                 .task_cancel = task_cancel };
static struct seal_key seal;
static struct mcp_server server = { .name = "fuzz",
                                    .version = "1",
                                    .limits = { .max_values = 10000 },
                                    .page_size = 1,
                                    .host = &host,
                                    .seal = &seal,
                                    .ask_timeout_ms = 1000 };
static struct toolset *tools;
static const struct principal caller;

static void prepare(void)
{
    static const struct tool some[] = {
        { .name = "search", .input_schema = "{\"type\":\"object\"}" },
        { .name = "echo", .title = "Echo", .input_schema = "{\"type\":\"object\"}" },
        { .name = "secret", .input_schema = "{\"type\":\"object\"}" },
    };

    tools = toolset_new(1);
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        fuzz_hold(toolset_add(tools, &some[i], NULL) == 0, "a tool is added");
    fuzz_hold(toolset_seal(tools) == 0, "the set is sealed");
}

static void check_text(struct json_text t, const char *text, const char *what)
{
    struct json_text root;

    if (t.type != JSON_NONE)
        fuzz_hold(t.p >= text && json_scan(t.p, t.len, NULL, &root, NULL) == 0 &&
                      root.type == t.type,
                  what);
}

static void check_call(struct mcp_call *c)
{
    struct tool_result result = { 0 };
    struct buf out = { 0 };
    struct json_text root;

    fuzz_hold(strcmp(c->tool->name, "secret") != 0, "what a caller may not call is not run");
    check_text(c->id, c->text, "a call's id is JSON");
    check_text(c->arguments, c->text, "a call's arguments are JSON");
    check_text(c->meta, c->text, "a call's _meta is JSON");
    check_text(c->progress_token, c->text, "a call's token is JSON");
    check_text(c->capabilities, c->text, "what a client declares is JSON");
    check_text(c->responses, c->text, "a call's answers are JSON");
    fuzz_hold(c->memory.type == JSON_NONE, "nobody guesses a requestState");
    fuzz_hold(c->arguments.type == JSON_NONE || c->arguments.type == JSON_OBJECT,
              "arguments are an object");
    mcp_encode_error(c, MCP_INTERNAL_ERROR, "no \"such\" thing", &out);
    fuzz_hold(json_scan(out.data, out.len, NULL, &root, NULL) == 0, "an error is JSON");
    buf_clear(&out);
    tool_result_text(&result, OUT_OK, false, "done", 4);
    mcp_encode_result(&server, c, &result, &out);
    fuzz_hold(json_scan(out.data, out.len, NULL, &root, NULL) == 0, "a result is JSON");
    tool_result_fini(&result);
    buf_clear(&out);
    if (c->progress_token.type != JSON_NONE) {
        mcp_encode_progress(c, 1, 2, true, "half", &out);
        fuzz_hold(json_scan(out.data, out.len, NULL, &root, NULL) == 0, "progress is JSON");
#ifdef FUZZ_PLANT
        if (c->arguments.type == JSON_NONE)
            fuzz_overrun(c->progress_token.p, c->progress_token.len);
#endif
    }
    buf_fini(&out);
}

static void check_out(struct mcp_out *o)
{
    struct json_text root;

    fuzz_hold(memchr(o->method, '\0', sizeof o->method) != NULL, "a method ends");
    if (o->call) {
        check_call(o->call);
    } else {
        fuzz_hold(o->status >= 200 && o->status < 600, "a reply has a status");
        fuzz_hold(o->status != 202 || o->body.len == 0, "202 has no body");
        if (o->body.len > 0)
            fuzz_hold(json_scan(o->body.data, o->body.len, NULL, &root, NULL) == 0 &&
                          !memchr(o->body.data, '\n', o->body.len),
                      "a reply is JSON on one line");
    }
    mcp_out_fini(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *header[5];
    struct mcp_in in = { .is_http = true, .principal = &caller };
    struct mcp_out out;

    if (!tools)
        prepare();
    for (int i = 0; i < 5; i++)
        header[i] = fuzz_take(&data, &size, '\n', NULL);
    size_t len;
    char *body = fuzz_take(&data, &size, '\0', &len);
    in.tools = tools;
    in.body = body;
    in.len = len;
    in.protocol_version = *header[0] ? header[0] : NULL;
    in.session_id = *header[1] ? header[1] : NULL;
    in.method = *header[2] ? header[2] : NULL;
    in.name = *header[3] ? header[3] : NULL;
    mcp_accept(&in, *header[4] ? header[4] : NULL);
    mcp_handle(&server, &in, &out);
    check_out(&out);
    in.is_http = false;
    mcp_handle(&server, &in, &out);
    check_out(&out);
    mcp_delete(&server, &in, &out);
    check_out(&out);
    mcp_get(&server, &in, &out);
    mcp_out_fini(&out);
    for (int i = 0; i < 5; i++)
        free(header[i]);
    free(body);
    return 0;
}
