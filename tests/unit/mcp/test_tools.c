/* tools/list and tools/call: what is shown, to whom, and what becomes of a call. */
#include "fixture.h"

#define CALL(params) REQUEST("1", "tools/call", params)
#define LIST(params) REQUEST("1", "tools/list", params)
#define SEARCH \
    "{\"name\":\"search\",\"description\":\"Find it.\",\"inputSchema\":{\"type\":\"object\"}}"
#define SECRET "{\"name\":\"secret\",\"inputSchema\":{\"type\":\"object\",\"$comment\":\"x\"}}"
#define ANY_OUT "{\"name\":\"any_out\",\"inputSchema\":{\"type\":\"object\"}}"
#define SCHEMA \
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"b\":{},\"a\":{\"default\":[]}}}"

static void test_call_params(void **state)
{
    static const struct probe probes[] = {
        { "arguments", CALL("\"name\":\"echo\",\"arguments\":{\"a\":1}"), .runs = "echo" },
        { "no arguments", CALL("\"name\":\"echo\""), .runs = "echo" },
        { "null arguments", CALL("\"name\":\"echo\",\"arguments\":null"), .runs = "echo" },
        { "members that nobody knows", CALL("\"name\":\"echo\",\"task\":{\"ttl\":1}"),
          .runs = "echo" },
        { "an escaped name", CALL("\"name\":\"\\u0065cho\""), .runs = "echo" },
        { "array arguments", CALL("\"name\":\"echo\",\"arguments\":[]"), .status = 200,
          .code = -32602 },
        { "string arguments", CALL("\"name\":\"echo\",\"arguments\":\"{}\""), .status = 200,
          .code = -32602 },
        { "no name", CALL("\"arguments\":{}"), .status = 200, .code = -32602 },
        { "no params", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", .status = 200,
          .code = -32602 },
        { "name null", CALL("\"name\":null"), .status = 200, .code = -32602 },
        { "unknown", CALL("\"name\":\"nope\""), .status = 200, .code = -32602,
          .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,"
                   "\"message\":\"Unknown tool: nope\"}}" },
        { "names are exact", CALL("\"name\":\"Echo\""), .status = 200, .code = -32602 },
        { "empty", CALL("\"name\":\"\""), .status = 200, .code = -32602 },
        { "quotes and controls are escaped", CALL("\"name\":\"a\\\"\\n\\u0001\""), .status = 200,
          .code = -32602, .has = "Unknown tool: a\\\"\\n\\u0001\"" },
        { "format directives are text", CALL("\"name\":\"%s%n\""), .status = 200, .code = -32602,
          .has = "Unknown tool: %s%n\"" },
        { "_meta of a wrong type", CALL("\"name\":\"echo\",\"_meta\":5"), .status = 200,
          .code = -32602 },
        { "a token of a wrong type", CALL("\"name\":\"echo\",\"_meta\":{\"progressToken\":true}"),
          .status = 200, .code = -32602 },
        { "legacy clients have no log level of the request",
          CALL("\"name\":\"echo\",\"_meta\":{\"" NS "logLevel\":\"loud\"}"), .runs = "echo" },
        { "modern unknown tool is in band", CALL("\"name\":\"nope\"," META), .version = V26,
          .method = "tools/call", .tool = "nope", .status = 200, .code = -32602,
          .has = "Unknown tool: nope" },
        { "modern bad arguments are in band", CALL("\"name\":\"echo\",\"arguments\":[]," META),
          .version = V26, .method = "tools/call", .tool = "echo", .status = 200, .code = -32602 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

/* A name of any length is answered by at most so much of it, cut between characters. */
static void test_long_name(void **state)
{
    char body[1200], name[600];
    struct fixture f;
    struct mcp_out out;

    (void)state;
    memset(name, 'n', sizeof name);
    memcpy(name + 127, "\xc3\xa9", 2);
    name[500] = '\0';
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
             "{\"name\":\"%s\"}}",
             name);
    fixture_init(&f);
    struct probe p = { .body = body };
    probe_send(&f, &p, &out);
    name[127] = '\0';
    char want[800];
    snprintf(want, sizeof want, "\"message\":\"Unknown tool: %s\"}}", name);
    assert_non_null(strstr(text_of(&out.body), want));
    mcp_out_fini(&out);
    fixture_fini(&f);
}

/* For who may not call it, a tool is exactly as unknown as one that does not exist. */
static void test_denied_is_unknown(void **state)
{
    static const struct probe probes[] = {
        { .body = CALL("\"name\":\"secret\"") },
        { .body = CALL("\"name\":\"absent\"") },
        { .body = CALL("\"name\":\"secret\",\"arguments\":[]") },
        { .body = CALL("\"name\":\"absent\",\"arguments\":[]") },
        { .body = CALL("\"name\":\"secret\"," META),
          .version = V26,
          .method = "tools/call",
          .tool = "secret" },
        { .body = CALL("\"name\":\"absent\"," META),
          .version = V26,
          .method = "tools/call",
          .tool = "absent" },
    };
    struct fixture f;
    struct mcp_out denied, absent;

    (void)state;
    fixture_init(&f);
    f.caller = bob;
    for (size_t i = 0; i < COUNT(probes); i += 2) {
        probe_send(&f, &probes[i], &denied);
        probe_send(&f, &probes[i + 1], &absent);
        assert_null(denied.call);
        assert_int_equal(denied.status, absent.status);
        assert_int_equal(denied.error_code, absent.error_code);
        char *name = strstr(buf_cstr(&denied.body), "secret");
        assert_non_null(name);
        memcpy(name, "absent", 6);
        assert_string_equal(text_of(&denied.body), text_of(&absent.body));
        mcp_out_fini(&denied);
        mcp_out_fini(&absent);
    }
    f.caller = alice;
    probe_send(&f, &probes[0], &denied);
    assert_non_null(denied.call);
    mcp_out_fini(&denied);
    fixture_fini(&f);
}

/* The call owns its texts: the message may change or go. */
static void test_call_texts(void **state)
{
    char body[] =
        CALL("\"arguments\":{\"x\" : [1, 2]},\"_meta\":{\"progressToken\":\"t\\n\",\"k\":1},"
             "\"name\":\"echo\"");
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    struct probe p = { .body = body, .session = SESSION_06, .accept = BOTH };
    probe_send(&f, &p, &out);
    struct mcp_call *c = out.call;
    assert_non_null(c);
    memset(body, 'x', sizeof body);
    assert_string_equal(c->id.p, "1");
    assert_string_equal(c->arguments.p, "{\"x\" : [1, 2]}");
    assert_string_equal(c->meta.p, "{\"progressToken\":\"t\\n\",\"k\":1}");
    assert_int_equal(c->progress_token.type, JSON_STRING);
    assert_memory_equal(c->progress_token.p, "\"t\\n\"", c->progress_token.len);
    assert_int_equal(c->progress_token.len, 5);
    assert_int_equal(c->arguments.len, strlen(c->arguments.p));
    assert_int_equal(c->revision, MCP_2025_06_18);
    assert_int_equal(out.revision, MCP_2025_06_18);
    assert_int_equal(c->log_level, MCP_LOG_WARNING);
    assert_true(c->has_session);
    assert_string_equal(c->session_id, SESSION_06);
    assert_string_equal(c->client_name, "mid");
    assert_string_equal(c->client_version, "0.6");
    assert_int_equal(out.body.len, 0);
    assert_string_equal(out.method, "tools/call");
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static void test_call_of_a_modern_client(void **state)
{
    struct fixture f;
    struct mcp_out out;
    struct probe p = {
        .body =
            CALL("\"name\":\"echo\"," META_AND(",\"" NS "clientInfo\":{\"name\":\"cli\","
                                               "\"version\":\"2\"},\"" NS "logLevel\":\"error\"")),
        .version = V26,
        .method = "tools/call",
        .tool = "echo",
        .session = SESSION_06,
    };

    (void)state;
    fixture_init(&f);
    probe_send(&f, &p, &out);
    assert_non_null(out.call);
    assert_int_equal(out.call->revision, MCP_2026_07_28);
    assert_int_equal(out.call->log_level, MCP_LOG_ERROR);
    assert_false(out.call->has_session);
    assert_string_equal(out.call->session_id, "");
    assert_string_equal(out.call->client_name, "cli");
    assert_string_equal(out.call->client_version, "2");
    assert_int_equal(out.call->arguments.type, JSON_NONE);
    assert_int_equal(out.call->progress_token.type, JSON_NONE);
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static void test_call_streams(void **state)
{
    static const struct {
        bool modern;
        const char *accept;
        bool may, must;
    } cases[] = {
        { false, NULL, false, false },
        { false, "*/*", false, false },
        { false, "application/json", false, false },
        { false, BOTH, true, false },
        { false, "text/event-stream", true, true },
        { false, "text/event-stream, application/json", true, true },
        { true, NULL, true, false },
        { true, "*/*", true, false },
        { true, "application/json", false, false },
        { true, BOTH, true, false },
        { true, "text/event-stream", true, true },
    };
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct probe p = { .body = CALL("\"name\":\"echo\""), .accept = cases[i].accept };
        if (cases[i].modern) {
            p.body = CALL("\"name\":\"echo\"," META);
            p.version = V26;
            p.method = "tools/call";
            p.tool = "echo";
        }
        probe_send(&f, &p, &out);
        assert_non_null(out.call);
        if (out.call->may_stream != cases[i].may || out.call->must_stream != cases[i].must)
            fail_msg("case %zu: may %d must %d", i, out.call->may_stream, out.call->must_stream);
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

/* What each revision is shown of the same four tools. */
static void test_list_by_revision(void **state)
{
    static const struct probe probes[] = {
        { "stateless, 2025-03-26", LIST(""), .status = 200,
          .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[" SEARCH "," ANY_OUT ","
                   "{\"name\":\"echo\",\"description\":\"Say \\\"it\\\" again.\"," SCHEMA ","
                   "\"annotations\":{\"readOnlyHint\":true}}," SECRET "]}}" },
        { "2025-06-18", LIST(""), .session = SESSION_06, .status = 200,
          .exact =
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[" SEARCH "," ANY_OUT ","
              "{\"name\":\"echo\",\"title\":\"Echo\",\"description\":\"Say \\\"it\\\" "
              "again.\"," SCHEMA ",\"outputSchema\":{\"type\":\"object\",\"required\":[\"a\"]},"
              "\"annotations\":{\"readOnlyHint\":true},\"_meta\":{\"com.example/x\":1}}," SECRET
              "]}}" },
        { "2025-11-25", LIST(""), .session = SESSION_11, .status = 200,
          .has = "again.\",\"icons\":[{\"src\":\"https://example.com/i.png\"}]," SCHEMA ",",
          .lacks = "array" },
        { "2026-07-28", LIST(META), .version = V26, .method = "tools/list", .status = 200,
          .has = "{\"name\":\"any_out\",\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":"
                 "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}" },
        { "2026-07-28: hints", LIST(META), .version = V26, .method = "tools/list", .status = 200,
          .has = "],\"ttlMs\":60000,\"cacheScope\":\"private\",\"_meta\":{\"" NS "serverInfo\":" },
        { "null cursor is none", LIST("\"cursor\":null"), .status = 200, .has = SECRET "]}}" },
        { "empty cursor begins at the start", LIST("\"cursor\":\"\""), .status = 200,
          .has = "[" SEARCH },
        { "no cursor of ours", LIST("\"cursor\":\"abc\""), .status = 200, .code = -32602 },
        { "cursor of another type", LIST("\"cursor\":1"), .status = 200, .code = -32602 },
    };

    (void)state;
    probes_check(probes, COUNT(probes));
}

static void test_public_lists(void **state)
{
    struct fixture f;
    struct mcp_out out;
    struct probe p = { .body = LIST(META), .version = V26, .method = "tools/list" };

    (void)state;
    fixture_init(&f);
    f.server.lists_are_public = true;
    probe_send(&f, &p, &out);
    assert_non_null(strstr(text_of(&out.body), "\"cacheScope\":\"public\""));
    mcp_out_fini(&out);
    fixture_fini(&f);
}

/* The list shows exactly what a call would run, for everybody. */
static void test_list_equals_call(void **state)
{
    static const struct principal *const *const callers[] = { &alice, &bob };
    struct fixture f;
    struct mcp_out list, call;
    char body[256], entry[160];

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(callers); i++) {
        f.caller = *callers[i];
        struct probe p = { .body = LIST("") };
        probe_send(&f, &p, &list);
        for (size_t k = 0; k < toolset_count(f.tools); k++) {
            const char *name = toolset_at(f.tools, k)->name;
            snprintf(body, sizeof body,
                     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
                     "\"params\":{\"name\":\"%s\"}}",
                     name);
            snprintf(entry, sizeof entry, "{\"name\":\"%s\"", name);
            p.body = body;
            probe_send(&f, &p, &call);
            assert_int_equal(call.call != NULL, strstr(text_of(&list.body), entry) != NULL);
            mcp_out_fini(&call);
        }
        mcp_out_fini(&list);
    }
    assert_ptr_equal(f.caller, bob);
    fixture_fini(&f);
}

/* Follows the cursors to the end; names the tools it saw. */
static void walk(struct fixture *f, char *seen, size_t size)
{
    char cursor[256] = "", body[512];
    struct mcp_out out;

    seen[0] = '\0';
    for (int page = 0; page < 10; page++) {
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
                 "\"params\":{\"cursor\":\"%s\"}}",
                 cursor);
        struct probe p = { .body = body };
        probe_send(f, &p, &out);
        const char *text = text_of(&out.body);
        for (const char *t = text; (t = strstr(t, "{\"name\":\"")) != NULL;) {
            t += 9;
            snprintf(seen + strlen(seen), size - strlen(seen), "%.*s ", (int)strcspn(t, "\""), t);
        }
        snprintf(seen + strlen(seen), size - strlen(seen), "| ");
        const char *next = strstr(text, "\"nextCursor\":\"");
        if (next)
            snprintf(cursor, sizeof cursor, "%.*s", (int)strcspn(next + 14, "\""), next + 14);
        mcp_out_fini(&out);
        if (!next)
            return;
    }
    fail_msg("the pages do not end: %s", seen);
}

static void test_pages(void **state)
{
    static const struct {
        bool is_bob;
        size_t page_size;
        const char *seen;
    } cases[] = {
        { false, 0, "search any_out echo secret | " },
        { false, 1, "search | any_out | echo | secret | " },
        { false, 2, "search any_out | echo secret | " },
        { false, 3, "search any_out echo | secret | " },
        { false, 4, "search any_out echo secret | " },
        { false, 5, "search any_out echo secret | " },
        /* No empty page at the end, and no word of the tool that is hidden. */
        { true, 3, "search any_out echo | " },
        { true, 1, "search | any_out | echo | " },
    };
    struct fixture f;
    char seen[256];

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        f.caller = cases[i].is_bob ? bob : alice;
        f.server.page_size = cases[i].page_size;
        walk(&f, seen, sizeof seen);
        assert_string_equal(seen, cases[i].seen);
    }
    fixture_fini(&f);
}

/* base64url of "tools:NAME"; what else comes is refused, and none of it shows a hidden tool. */
static void test_cursors(void **state)
{
    static const struct {
        const char *cursor;
        const char *first; /* the first tool behind it; "": none; NULL: refused */
    } cases[] = {
        { "dG9vbHM6c2VhcmNo", "any_out" }, /* tools:search */
        { "dG9vbHM6ZmV0Y2g", "any_out" },  /* tools:fetch, which this set has not */
        { "dG9vbHM6ZWNobw", "" },          /* tools:echo: secret follows, for others */
        { "dG9vbHM6ZWNoYQ", "echo" },      /* tools:echa: a name that is gone */
        { "dG9vbHM6c2VjcmV0", "" },        /* tools:secret */
        { "dG9vbHM6", NULL },              /* tools: */
        { "cHJvbXB0czphYQ", NULL },        /* prompts:aa */
        { "dG9vbHM6ZWNobw==", NULL },      /* padding */
        { "dG9vbHM6ZWNob", NULL },         /* cut */
        { "dG9vbHM6AA", NULL },            /* a NUL */
        { "dG9vbHM6_w", NULL },            /* not UTF-8 */
        { "!!!!", NULL },
        { "echo", NULL },
    };
    struct fixture f;
    struct mcp_out out;
    char body[256], first[64];

    (void)state;
    fixture_init(&f);
    f.caller = bob;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
                 "\"params\":{\"cursor\":\"%s\"}}",
                 cases[i].cursor);
        struct probe p = { .body = body };
        probe_send(&f, &p, &out);
        assert_int_equal(out.status, 200);
        snprintf(first, sizeof first, "\"tools\":[%s%s",
                 cases[i].first && *cases[i].first ? "{\"name\":\"" : "]",
                 cases[i].first ? cases[i].first : "");
        if (cases[i].first ? !strstr(text_of(&out.body), first) : out.error_code != -32602)
            fail_msg("%s: %s", cases[i].cursor, text_of(&out.body));
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

static void test_cursor_length(void **state)
{
    char body[2000], cursor[1600];
    struct fixture f;
    struct mcp_out out;

    (void)state;
    fixture_init(&f);
    /* "tools:" and n letters z, three at a time: 128 letters are the longest name. */
    for (int n = 126; n <= 129; n += 3) {
        strcpy(cursor, "dG9vbHM6");
        for (int i = 0; i < n; i += 3)
            memcpy(cursor + strlen(cursor), "enp6", 5);
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\","
                 "\"params\":{\"cursor\":\"%s\"}}",
                 cursor);
        struct probe p = { .body = body };
        probe_send(&f, &p, &out);
        assert_int_equal(out.error_code, n > 128 ? -32602 : 0);
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

/* A boolean stands for a property's schema since 2026-07-28. */
static void test_boolean_properties(void **state)
{
    static const char schema[] = "{\"type\":\"object\",\"properties\":{\"x\":true,\"y\":false}}";
    static const char legacy[] =
        "{\"type\":\"object\",\"properties\":{\"x\":{},\"y\":{\"not\":{}}}}";
    struct tool declared = { .name = "t", .input_schema = schema, .output_schema = schema };
    struct toolset *s = toolset_new(1);

    (void)state;
    assert_int_equal(toolset_add(s, &declared, NULL), 0);
    assert_int_equal(toolset_seal(s), 0);
    for (enum mcp_revision r = MCP_2024_11_05; r < MCP_REVISIONS; r++) {
        const char *sent = mcp_is_modern(r) ? schema : legacy;
        struct buf got = { 0 }, want = { 0 };
        mcp_encode_tool(toolset_at(s, 0), r, &got);
        buf_printf(&want, "{\"name\":\"t\",\"inputSchema\":%s", sent);
        if (r >= MCP_2025_06_18)
            buf_printf(&want, ",\"outputSchema\":%s", sent);
        buf_putc(&want, '}');
        assert_string_equal(text_of(&got), text_of(&want));
        buf_fini(&got);
        buf_fini(&want);
    }
    toolset_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_params),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_denied_is_unknown),
        cmocka_unit_test(test_call_texts),
        cmocka_unit_test(test_call_of_a_modern_client),
        cmocka_unit_test(test_call_streams),
        cmocka_unit_test(test_list_by_revision),
        cmocka_unit_test(test_public_lists),
        cmocka_unit_test(test_list_equals_call),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_cursors),
        cmocka_unit_test(test_cursor_length),
        cmocka_unit_test(test_boolean_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
