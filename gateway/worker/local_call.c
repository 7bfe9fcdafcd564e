#include "worker/local_call.h"

#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "vm/ask.h"

/* No tool has a colon in its name: "prompt:review" is a prompt, any other is a URI that is read. */
static void write_target(const char *name, struct buf *b)
{
    static const char prompt[] = "prompt:";
    bool is_prompt = strncmp(name, prompt, sizeof prompt - 1) == 0;
    bool is_uri = !is_prompt && strchr(name, ':');
    json_key(b, "method");
    json_str(b, is_prompt ? "prompts/get" : is_uri ? "resources/read" : "tools/call");
    json_key(b, "params");
    json_open(b, '{');
    json_key(b, is_uri ? "uri" : "name");
    json_str(b, is_prompt ? name + sizeof prompt - 1 : name);
}

void local_call_meta(const char *client, bool can_be_asked, bool knows_tasks, struct buf *b)
{
    static const char all[] = "\"elicitation\":{\"form\":{},\"url\":{}},\"roots\":{},"
                              "\"sampling\":{\"context\":{},\"tools\":{}}";
    buf_printf(b,
               ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"%s\","
               "\"io.modelcontextprotocol/clientCapabilities\":{%s%s%s},"
               "\"io.modelcontextprotocol/clientInfo\":{\"name\":",
               mcp_revision_text(MCP_2026_07_28), can_be_asked ? all : "",
               can_be_asked && knows_tasks ? "," : "",
               knows_tasks ? "\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}" : "");
    json_str(b, client);
    buf_str(b, ",\"version\":\"" MG_VERSION "\"}");
}

void local_call_message(const char *client, const char *tool, const char *args, size_t len,
                        bool wants_progress, bool wants_log, bool knows_tasks,
                        const struct rounds *rounds, struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1");
    write_target(tool, b);
    buf_str(b, ",\"arguments\":");
    buf_append(b, args, len);
    local_call_meta(client, rounds != NULL, knows_tasks, b);
    if (wants_log)
        buf_str(b, ",\"io.modelcontextprotocol/logLevel\":\"debug\"");
    if (wants_progress)
        buf_str(b, ",\"progressToken\":1");
    buf_putc(b, '}');
    if (rounds)
        rounds_write(rounds, b);
    buf_str(b, "}}");
}

static void refuse(struct local_call *c, int code, const char *text)
{
    buf_fini(&c->reply);
    mcp_refusal(&c->reply, code, text, true);
}

/* Arguments that are no JSON would change what the message around them says. */
static bool args_are_json(struct local_call *c, const char *args, size_t len)
{
    struct json_text root;
    struct err e = { 0 };
    if (json_scan(args, len, &c->serving->mcp.limits, &root, &e) == 0)
        return true;
    char text[600];
    snprintf(text, sizeof text, "Parse error: the arguments: %s", e.text);
    refuse(c, MCP_PARSE_ERROR, text);
    return false;
}

bool local_call_open(struct local_call *c, const struct toolset *tools, const char *tool,
                     const char *args, size_t len)
{
    struct buf message = { 0 };
    struct mcp_out out = { 0 };
    if (!args_are_json(c, args, len))
        return false;
    local_call_message(c->client, tool, args, len, c->progress != NULL, c->log != NULL, true,
                       c->cannot_ask ? NULL : &c->rounds, &message);
    if (!buf_ok(&message)) {
        buf_fini(&message);
        refuse(c, MCP_INTERNAL_ERROR, "Internal error: out of memory");
        return false;
    }
    struct mcp_in in = { .body = message.data,
                         .len = message.len,
                         .accepts_json = true,
                         .accepts_sse = true,
                         .principal = c->principal,
                         .tools = tools };
    mcp_handle(&c->serving->mcp, &in, &out);
    c->mcp = out.call;
    out.call = NULL;
    c->reply = out.body;
    out.body = (struct buf){ 0 };
    mcp_out_fini(&out);
    buf_fini(&message);
    return c->mcp != NULL;
}

static void call_progress(void *arg, const struct task_progress *p, uint64_t wait)
{
    struct local_call *c = arg;
    (void)wait;
    c->progress(c, p);
}

static void call_log(void *arg, int level, const char *json, size_t len, uint64_t wait)
{
    struct local_call *c = arg;
    (void)wait;
    c->log(c, level, json, len);
}

static void call_done(void *arg, struct tool_result *r, uint64_t seq)
{
    struct local_call *c = arg;
    c->result = *r;
    memset(r, 0, sizeof *r);
    if (seq > c->seq)
        c->seq = seq;
    c->task = NULL;
    c->is_over = true;
    mcp_encode_result(&c->serving->mcp, c->mcp, &c->result, &c->reply);
    if (c->over)
        c->over(c);
}

static enum task_asked call_ask(void *arg, struct task_ask *a, uint64_t wait, struct err *e)
{
    struct local_call *c = arg;
    (void)wait;
    return mcp_may_ask(c->mcp, a->questions, a->count, e) ? ASK_ENDS : ASK_REFUSED;
}

enum rounds_next local_call_next(struct local_call *c, struct buf *problem)
{
    enum rounds_next next = rounds_next(&c->rounds, &c->reply, problem);
    if (next != ROUNDS_NEXT)
        return next;
    mcp_call_free(c->mcp);
    c->mcp = NULL;
    tool_result_fini(&c->result);
    c->result = (struct tool_result){ 0 };
    buf_fini(&c->reply);
    c->is_over = false;
    return next;
}

void local_call_start(struct local_call *c, struct vm *vm)
{
    static const struct task_ops ops = {
        .progress = call_progress, .log = call_log, .done = call_done, .ask = call_ask
    };
    const struct mcp_call *m = c->mcp;
    c->info = (struct task_info){ .call_id = "call_local",
                                  .tool = m->tool->name,
                                  .principal = c->principal->name,
                                  .scopes = c->principal->scopes,
                                  .tools = c->principal->tools,
                                  .ip = "",
                                  .client_name = m->client_name,
                                  .client_version = m->client_version,
                                  .protocol = mcp_revision_text(m->revision),
                                  .args = m->arguments,
                                  .meta = m->meta,
                                  .responses = m->responses,
                                  .memory = m->memory,
                                  .timeout_ms = m->tool->timeout_ms,
                                  .memory_bytes = m->tool->memory_bytes,
                                  .wants_progress = c->progress != NULL,
                                  .wants_log = c->log != NULL };
    struct task *t = task_start(vm, m->tool->index, &c->info, &ops, c);
    if (t)
        c->task = t;
}

void local_call_cancel(struct local_call *c)
{
    if (c->task)
        task_cancel(c->task, TASK_CANCELLED);
}

void local_call_fini(struct local_call *c)
{
    mcp_call_free(c->mcp);
    tool_result_fini(&c->result);
    buf_fini(&c->reply);
    rounds_fini(&c->rounds);
    c->mcp = NULL;
}
