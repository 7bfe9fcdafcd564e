/* fuzz_mcp.c - whole messages with their headers: every reply is JSON on one line, every call that
 * is to be run points into its own text, every subscription names what is there. Input: six lines
 * of headers (each may be empty: absent) - version, session, method, name, Accept, and the value of
 * every Mcp-Param header - then the body. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fuzz.h"
#include "mcp/mcp.h"
#include "mcp_world.h"

#define HEADERS 6

static void check_extent(struct json_text t, const struct mcp_call *c, const char *what)
{
    struct json_text root;

    if (t.type != JSON_NONE)
        fuzz_hold(t.p >= c->text && json_scan(t.p, t.len, NULL, &root, NULL) == 0 &&
                      root.type == t.type,
                  what);
}

/* Holds what an encoder has written, and empties it. */
static void check_line(struct buf *out, const char *what)
{
    fuzz_hold(buf_ok(out), "there is memory");
    world_hold_json(out->data, out->len, what);
    buf_clear(out);
}

/* ---- what is said about a call ---- */

static void check_notes(struct mcp_call *c, struct buf *out)
{
    for (int i = 1; i < 40; i++)
        fuzz_hold(!mcp_progress_due(c, i, 1) || c->progress_token.type != JSON_NONE,
                  "nothing is told to who has not asked");
    if (c->progress_token.type != JSON_NONE) {
        mcp_encode_progress(c, 1, 2, true, "half", out);
        check_line(out, "progress is JSON");
    }
    if (mcp_log_due(c, MCP_LOG_ERROR)) {
        mcp_encode_log(c, MCP_LOG_ERROR, "fuzz", "{}", 2, out);
        check_line(out, "a log message is JSON");
    }
}

#define OBJECT(text)                          \
    {                                         \
        (text), sizeof(text) - 1, JSON_OBJECT \
    }
static const struct tool_question questions[] = {
    { "r", "roots/list", OBJECT("{}") },
    { "f", "elicitation/create",
      OBJECT("{\"mode\":\"form\",\"message\":\"m\",\"requestedSchema\":{}}") },
    { "u", "elicitation/create", OBJECT("{\"mode\":\"url\",\"message\":\"m\",\"url\":\"u\"}") },
    { "s", "sampling/createMessage", OBJECT("{\"messages\":[],\"maxTokens\":1}") },
    { "t", "sampling/createMessage", OBJECT("{\"messages\":[],\"tools\":[]}") },
    { "c", "sampling/createMessage",
      OBJECT("{\"messages\":[],\"includeContext\":\"thisServer\"}") },
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

/* A question that this client can be asked, as a request or as the call's answer. */
static void check_asked(struct mcp_call *c, const struct tool_question *q, struct buf *out)
{
    struct tool_result result = { .outcome = OUT_INPUT_REQUIRED };

    if (!mcp_is_modern(c->revision)) {
        bool is_page = mcp_encode_ask(c, q, "ask_1", "call_1", out);
        check_line(out, "a question is JSON");
        if (is_page)
            mcp_encode_elicit_done("call_1", q->key, out);
        if (is_page)
            check_line(out, "the end of a page is JSON");
        mcp_encode_ask_end("ask_1", "it is late", out);
        check_line(out, "the end of a question is JSON");
        return;
    }
    result.asks = calloc(1, sizeof *result.asks);
    fuzz_hold(result.asks != NULL, "there is memory");
    buf_printf(&result.asks->requests, "{\"%s\":{\"method\":\"%s\",\"params\":%.*s}}", q->key,
               q->method, (int)q->params.len, q->params.p);
    buf_str(&result.asks->memory, "{\"answers\":{}}");
    mcp_encode_result(&server, c, &result, out);
    check_line(out, "a question is JSON");
    tool_result_fini(&result);
}

static void check_questions(struct mcp_call *c, struct buf *out)
{
    struct tool_result result = { .outcome = OUT_TOOL_ERROR, .is_error = true, .cannot_ask = true };
    struct err e = { 0 };

    for (size_t i = 0; i < QUESTIONS; i++) {
        if (mcp_may_ask(c, &questions[i], 1, &e)) {
            check_asked(c, &questions[i], out);
            continue;
        }
        fuzz_hold(e.code == MG_E_DENIED && c->lacks, "who cannot be asked lacks something");
        buf_str(&result.content, "[]");
        mcp_encode_result(&server, c, &result, out);
        check_line(out, "what a client lacks is JSON");
        buf_clear(&result.content);
    }
    c->lacks = NULL;
    buf_fini(&result.content);
}

/* ---- what a call ends with ---- */

#define BLOCKS                                                                                    \
    "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"audio\",\"data\":\"\",\"mimeType\":\"a/b\"}," \
    "{\"type\":\"resource_link\",\"name\":\"n\",\"uri\":\"test://today\"}"

/* As offer.lua makes it of what the file returned. */
static void result_make(const struct mcp_call *c, struct tool_result *r)
{
    switch (c->tool->kind) {
    case TOOL_PROMPT:
        buf_str(&r->content, "[{\"role\":\"user\",\"content\":{\"type\":\"audio\",\"mimeType\":"
                             "\"a/b\"}}]");
        break;
    case TOOL_COMPLETER:
        buf_str(&r->content, "[\"a\"]");
        buf_str(&r->structured, "{\"total\":1,\"hasMore\":false}");
        break;
    case TOOL_TOOL:
        buf_str(&r->content, "[" BLOCKS "]");
        buf_str(&r->structured, "[1]");
        buf_str(&r->meta, "{\"com.example/x\":1,\"io.modelcontextprotocol/serverInfo\":2}");
        break;
    default: buf_str(&r->content, "[{\"uri\":\"test://today\",\"name\":\"n\",\"text\":\"\"}]");
    }
}

static void check_task(struct mcp_call *c, const struct tool_result *r, struct buf *out)
{
    struct buf members = { 0 }, result = { 0 };

    mcp_encode_task_result(r, &result);
    struct mcp_task task = { .id = "t",
                             .status = MCP_TASK_COMPLETED,
                             .message = "done",
                             .result = { result.data, result.len, JSON_OBJECT } };
    mcp_encode_task(&task, &members);
    mcp_encode_task_created(&server, c, members.data, members.len, out);
    check_line(out, "a task is JSON");
    buf_fini(&members);
    buf_fini(&result);
}

static void check_results(struct mcp_call *c, struct buf *out)
{
    struct tool_result result = { .outcome = OUT_OK }, failure = { .outcome = OUT_OK };

    result_make(c, &result);
    mcp_encode_result(&server, c, &result, out);
    check_line(out, "a result is JSON");
    if (mcp_call_may_be_task(c)) {
        fuzz_hold(mcp_is_modern(c->revision), "only the newest knows tasks");
        check_task(c, &result, out);
    }
    tool_result_text(&failure, OUT_TOOL_ERROR, true, "no \"such\" thing", 15);
    mcp_encode_result(&server, c, &failure, out);
    check_line(out, "a failure is JSON");
    buf_str(&failure.structured, "{}"); /* says that the resource is missing */
    mcp_encode_result(&server, c, &failure, out);
    check_line(out, "what is missing is JSON");
    mcp_encode_error(c, MCP_INTERNAL_ERROR, "no \"such\" thing", out);
    check_line(out, "an error is JSON");
    tool_result_fini(&result);
    tool_result_fini(&failure);
}

static void check_call(struct mcp_call *c)
{
    struct buf out = { 0 };

    fuzz_hold(!strstr(c->tool->name, "secret"), "what a caller may not use is not run");
    fuzz_hold(c->tool->kind != TOOL_SKILL && mcp_call_method(c), "what runs has a method");
    check_extent(c->id, c, "a call's id is JSON");
    check_extent(c->arguments, c, "a call's arguments are JSON");
    check_extent(c->meta, c, "a call's _meta is JSON");
    check_extent(c->progress_token, c, "a call's token is JSON");
    check_extent(c->capabilities, c, "what a client declares is JSON");
    check_extent(c->responses, c, "a call's answers are JSON");
    fuzz_hold(c->memory.type == JSON_NONE && !c->has_state, "nobody guesses a requestState");
    fuzz_hold(c->arguments.type == JSON_NONE || c->arguments.type == JSON_OBJECT,
              "arguments are an object");
    fuzz_hold(!c->tool->needs_task || mcp_call_may_be_task(c),
              "a tool that runs as a task is for who knows tasks");
    check_notes(c, &out);
    check_questions(c, &out);
    check_results(c, &out);
#ifdef FUZZ_PLANT
    if (c->tool->kind == TOOL_TEMPLATE && !c->may_stream)
        fuzz_overrun(c->id.p, c->id.len);
#endif
    buf_fini(&out);
}

/* ---- what is answered ---- */

static void check_listen(const struct mcp_listen *l)
{
    struct buf out = { 0 };

    fuzz_hold(l->lists < 8, "there are three lists");
    for (unsigned i = 0; i < 3; i++) {
        mcp_encode_list_changed(i, l->id, &out);
        check_line(&out, "a changed list is JSON");
    }
    for (size_t i = 0; i < l->uri_count; i++) {
        fuzz_hold(mcp_may_read(&server, world_tools(), caller, l->uris[i], l->uri_lens[i]),
                  "only what may be read is listened to");
        mcp_encode_updated(l->uris[i], l->uri_lens[i], l->id, &out);
        check_line(&out, "an update is JSON");
    }
    for (size_t i = 0; i < l->task_count; i++) {
        fuzz_hold(l->task_lens[i] == strlen(TASK) && memcmp(l->tasks[i], TASK, strlen(TASK)) == 0,
                  "only a task that is there is listened to");
        mcp_encode_task_told(task_members, strlen(task_members), l->id, &out);
        check_line(&out, "a task that is told is JSON");
    }
    mcp_encode_listen_end(&server, l->id, &out);
    check_line(&out, "the end of a subscription is JSON");
    buf_fini(&out);
}

static void check_out(const struct mcp_in *in, struct mcp_out *o)
{
    fuzz_hold(memchr(o->method, '\0', sizeof o->method) != NULL, "a method ends");
    if (o->call) {
        check_call(o->call);
    } else {
        fuzz_hold(o->status >= 200 && o->status < 600, "a reply has a status");
        fuzz_hold((o->status != 202 && o->status != 204) || o->body.len == 0,
                  "202 and 204 have no body");
        fuzz_hold(!o->as_stream || (in->is_http && in->accepts_sse && o->status == 200),
                  "an event stream is for who accepts one");
        if (o->body.len > 0)
            world_hold_json(o->body.data, o->body.len, "a reply is JSON on one line");
        fuzz_hold((o->error_code != 0) ==
                      (o->body.len > 0 && memmem(o->body.data, o->body.len, "\"error\":{", 9)),
                  "an error is noted as one");
    }
    if (o->listen)
        check_listen(o->listen);
    mcp_out_fini(o);
}

static void handle(const struct mcp_in *in)
{
    struct json_text items, item;
    struct mcp_in one = *in;
    struct mcp_out out;
    size_t n = 0, seen = 0;

    mcp_handle(&server, in, &out);
    check_out(in, &out);
    if (!mcp_is_batch(in->body, in->len))
        return;
    if (!mcp_batch(&server, in, &items, &n, &out)) {
        check_out(in, &out);
        return;
    }
    mcp_out_fini(&out);
    for (struct json_iter it = json_iter(items); json_next_item(&it, &item); seen++) {
        one.body = item.p;
        one.len = item.len;
        mcp_handle(&server, &one, &out);
        check_out(&one, &out);
    }
    fuzz_hold(seen == n && n > 0 && n <= MCP_BATCH_MAX, "a batch has its messages");
}

/* Every Mcp-Param header has the same value. */
static const char *header_of(void *arg, const char *name)
{
    fuzz_hold(strncasecmp(name, "Mcp-Param-", 10) == 0, "only parameters are asked for by name");
    return arg;
}

/* Over HTTP: a message, a DELETE and a GET. */
static void serve_http(const struct mcp_in *in)
{
    struct mcp_out out;

    handle(in);
    mcp_delete(&server, in, &out);
    check_out(in, &out);
    mcp_get(&server, in, &out);
    fuzz_hold(out.status == 200 || out.body.len > 0, "who gets no stream is told why");
    mcp_out_fini(&out);
}

/* On standard input: before the handshake, behind it, and for a call without a client. */
static void serve_stdio(struct mcp_in in)
{
    struct mcp_session fresh = { .id = SESSION_06, .log_level = MCP_LOG_NONE };
    struct mcp_session open = { .id = SESSION_11,
                                .revision = MCP_2025_11_25,
                                .log_level = MCP_LOG_DEBUG,
                                .asks = 0x3f,
                                .is_open = true };

    in.is_http = false;
    handle(&in);
    in.session = &fresh;
    handle(&in);
    in.session = &open;
    handle(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *header[HEADERS];
    size_t len;

    for (int i = 0; i < HEADERS; i++)
        header[i] = fuzz_take(&data, &size, '\n', NULL);
    char *body = fuzz_take(&data, &size, '\0', &len);
    struct mcp_in in = {
        .body = body,
        .len = len,
        .is_http = true,
        .protocol_version = *header[0] ? header[0] : NULL,
        .session_id = *header[1] ? header[1] : NULL,
        .method = *header[2] ? header[2] : NULL,
        .name = *header[3] ? header[3] : NULL,
        .header = header_of,
        .header_arg = *header[5] ? header[5] : NULL,
        .principal = caller,
        .tools = world_tools(),
    };
    mcp_accept(&in, *header[4] ? header[4] : NULL);
    serve_http(&in);
    serve_stdio(in);
    for (int i = 0; i < HEADERS; i++)
        free(header[i]);
    free(body);
    return 0;
}
