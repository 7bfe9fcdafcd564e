#include "fixture.h"

#include "base/json_scan.h"

struct principal {
    const char *name;
};

static const struct principal principals[] = { { "alice" }, { "bob" } };
const struct principal *const alice = &principals[0], *const bob = &principals[1];

__attribute__((format(printf, 2, 3))) static void note(struct fixture *f, const char *fmt, ...)
{
    size_t len = strlen(f->log);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(f->log + len, sizeof f->log - len, fmt, ap);
    va_end(ap);
}

static bool host_may(void *arg, const struct principal *p, const char *tool)
{
    (void)arg;
    return p != bob || strcmp(tool, "secret") != 0;
}

static int host_create(void *arg, const struct principal *p, struct mcp_session *s)
{
    struct fixture *f = arg;

    if (f->create_result < 0)
        return f->create_result;
    memcpy(s->id, SESSION_11, sizeof s->id);
    f->asks = s->asks;
    note(f, "create:%s:%s:%s:%s ", p->name, mcp_revision_text(s->revision), s->client_name,
         s->client_version);
    return 0;
}

static int host_find(void *arg, const struct principal *p, const char *id, struct mcp_session *out)
{
    static const struct mcp_session sessions[] = {
        { SESSION_03, MCP_2025_03_26, MCP_LOG_NONE, "old", "0.3", 0, false, false },
        { SESSION_06, MCP_2025_06_18, MCP_LOG_WARNING, "mid", "0.6", 0, false, false },
        { SESSION_11, MCP_2025_11_25, MCP_LOG_NONE, "new", "1.1", 0, false, false },
    };

    for (size_t i = 0; i < COUNT(sessions); i++) {
        if (p == alice && strcmp(sessions[i].id, id) == 0) {
            *out = sessions[i];
            out->asks = ((struct fixture *)arg)->asks;
            return 0;
        }
    }
    return MG_E_NOTFOUND;
}

static int host_initialized(void *arg, const struct principal *p, const char *id)
{
    note(arg, "initialized:%s:%s ", p->name, id);
    return 0;
}

static int host_level(void *arg, const struct principal *p, const char *id, enum mcp_log_level l)
{
    note(arg, "level:%s:%s:%s ", p->name, id, mcp_log_level_text(l));
    return 0;
}

static int host_subscribe(void *arg, const struct principal *p, const char *id, const char *uri,
                          size_t len, bool on)
{
    note(arg, "%s:%s:%s:%.*s ", on ? "subscribe" : "unsubscribe", p->name, id, (int)len, uri);
    return ((struct fixture *)arg)->subscribe_result;
}

static int host_remove(void *arg, const struct principal *p, const char *id)
{
    struct mcp_session s;
    int rc = host_find(arg, p, id, &s);

    if (rc == 0)
        note(arg, "remove:%s:%s ", p->name, id);
    return rc;
}

static void host_cancel(void *arg, const struct principal *p, const char *session,
                        const char *request_id, size_t len)
{
    note(arg, "cancel:%s:%s:%.*s ", p->name, session ? session : "-", (int)len, request_id);
}

static void host_answer(void *arg, const struct principal *p, const char *session,
                        const struct mcp_answer *a)
{
    if (a->result.type == JSON_NONE)
        note(arg, "error:%s:%s:%s:%s ", p->name, session, a->id, a->error);
    else
        note(arg, "answer:%s:%s:%s:%.*s ", p->name, session, a->id, (int)a->result.len,
             a->result.p);
}

static const char *host_caller(void *arg, const struct principal *p, uint64_t *number)
{
    (void)arg;
    *number = 7;
    return p->name;
}

static bool host_spend(void *arg, const uint8_t id[SEAL_ID_SIZE], int64_t expires_ms)
{
    struct fixture *f = arg;
    (void)expires_ms;
    if (memcmp(f->spent, id, sizeof f->spent) == 0)
        return false;
    memcpy(f->spent, id, sizeof f->spent);
    return true;
}

static void tools_add(struct toolset *s)
{
    static const struct tool tools[] = {
        { .name = "search", .description = "Find it.", .input_schema = "{\"type\":\"object\"}" },
        { .name = "secret", .input_schema = "{\"type\":\"object\",\"$comment\":\"x\"}" },
        { .name = "echo",
          .title = "Echo",
          .description = "Say \"it\" again.",
          .input_schema = "{\"type\":\"object\",\"properties\":{\"b\":{},\"a\":{\"default\":[]}}}",
          .output_schema = "{\"type\":\"object\",\"required\":[\"a\"]}",
          .annotations = "{\"readOnlyHint\":true}",
          .icons = "[{\"src\":\"https://example.com/i.png\"}]",
          .meta = "{\"com.example/x\":1}" },
        { .name = "any_out",
          .input_schema = "{\"type\":\"object\"}",
          .output_schema = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}" },
    };

    for (size_t i = 0; i < COUNT(tools); i++)
        assert_int_equal(toolset_add(s, &tools[i], NULL), 0);
    assert_int_equal(toolset_seal(s), 0);
}

void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->caller = alice;
    f->host = (struct mcp_host){
        .arg = f,
        .may = host_may,
        .session_create = host_create,
        .session_find = host_find,
        .session_initialized = host_initialized,
        .session_log_level = host_level,
        .session_subscribe = host_subscribe,
        .session_remove = host_remove,
        .cancel = host_cancel,
        .answer = host_answer,
        .caller = host_caller,
        .spend = host_spend,
    };
    f->server = (struct mcp_server){
        .name = "moongate",
        .version = "1.2.3",
        .limits = { .max_values = 1000 },
        .host = &f->host,
        .seal = &f->seal,
        .ask_timeout_ms = 60000,
    };
    seal_key_make(&f->seal);
    f->tools = toolset_new(1);
    assert_non_null(f->tools);
    tools_add(f->tools);
}

void fixture_fini(struct fixture *f) { toolset_unref(f->tools); }

void probe_send(struct fixture *f, const struct probe *p, struct mcp_out *out)
{
    struct mcp_in in = {
        .body = p->body,
        .len = strlen(p->body),
        .is_http = true,
        .protocol_version = p->version,
        .session_id = p->session,
        .method = p->method,
        .name = p->tool,
        .principal = f->caller,
        .tools = f->tools,
    };

    mcp_accept(&in, p->accept);
    mcp_handle(&f->server, &in, out);
}

/* Whatever the gateway says must itself be one JSON text on one line. */
static void check_is_line(const char *name, struct buf *b)
{
    struct json_text root;
    struct err e;

    if (b->len == 0)
        return;
    if (json_scan(b->data, b->len, NULL, &root, &e) < 0)
        fail_msg("%s: %s in %s", name, e.text, text_of(b));
    if (memchr(b->data, '\n', b->len))
        fail_msg("%s: more than one line: %s", name, text_of(b));
}

void probe_compare(const struct probe *p, struct mcp_out *out)
{
    const char *body = text_of(&out->body);
    const char *runs = out->call ? out->call->tool->name : NULL;

    check_is_line(p->name, &out->body);
    if (out->call ? !p->runs || strcmp(p->runs, runs) != 0 : p->runs != NULL)
        fail_msg("%s: runs %s, wanted %s (%s)", p->name, runs ? runs : "nothing",
                 p->runs ? p->runs : "nothing", body);
    if (!out->call && (out->status != p->status || out->error_code != p->code))
        fail_msg("%s: %d %d, wanted %d %d: %s", p->name, out->status, out->error_code, p->status,
                 p->code, body);
    if (p->exact && strcmp(body, p->exact) != 0)
        fail_msg("%s: %s\nwanted %s", p->name, body, p->exact);
    if (p->has && !strstr(body, p->has))
        fail_msg("%s: no %s in %s", p->name, p->has, body);
    if (p->lacks && strstr(body, p->lacks))
        fail_msg("%s: %s in %s", p->name, p->lacks, body);
    if (p->code) {
        char code[32];
        snprintf(code, sizeof code, "\"code\":%d,", p->code);
        if (!strstr(body, code))
            fail_msg("%s: no %s in %s", p->name, code, body);
    }
}

void probes_check(const struct probe *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fixture f;
        struct mcp_out out;

        fixture_init(&f);
        probe_send(&f, &p[i], &out);
        probe_compare(&p[i], &out);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

static struct probe call_probe(enum mcp_revision r, const char *token, char *body, size_t size)
{
    static const char *const sessions[] = { NULL, SESSION_03, SESSION_06, SESSION_11, NULL };
    char meta[256] = "";

    if (token)
        snprintf(meta, sizeof meta, "%s\"progressToken\":%s", mcp_is_modern(r) ? "," : "", token);
    if (mcp_is_modern(r))
        snprintf(body, size,
                 "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/"
                 "call\",\"params\":{\"name\":\"echo\","
                 "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS
                 "clientCapabilities\":{}%s}}}",
                 meta);
    else
        snprintf(body, size,
                 "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/"
                 "call\",\"params\":{\"name\":\"echo\","
                 "\"_meta\":{%s}}}",
                 meta);
    return (struct probe){
        .body = body,
        .session = sessions[r],
        .version = mcp_is_modern(r) ? V26 : NULL,
        .method = "tools/call",
        .tool = "echo",
        .accept = BOTH,
    };
}

struct mcp_call *call_of(struct fixture *f, enum mcp_revision r, const char *token)
{
    char body[1024];
    struct probe p = call_probe(r, token, body, sizeof body);
    struct mcp_out out;

    probe_send(f, &p, &out);
    assert_non_null(out.call);
    struct mcp_call *c = out.call;
    /* 2024-11-05 has no sessions over HTTP: such a call is made by another transport. */
    c->revision = r;
    out.call = NULL;
    mcp_out_fini(&out);
    return c;
}

const char *text_of(struct buf *b)
{
    const char *text = buf_cstr(b);

    assert_non_null(text);
    return text;
}
