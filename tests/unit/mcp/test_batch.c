/* Batches: for whom they are, what refuses the whole, and memory that runs out. */
#include "support/failing.h"

#include "fixture.h"

#include "base/buf.c"
#include "mcp/batch.c"

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define QUIET "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}"

static const struct {
    const char *body, *version, *session;
    int status, code; /* 0: taken */
    size_t n;
    const char *has;
} cases[] = {
    { "[" PING("1") "]", NULL, NULL, 0, 0, 1, NULL },
    { " \t\r\n[" PING("1") "," PING("\"1\"") "," QUIET "," QUIET "]", NULL, NULL, 0, 0, 4, NULL },
    { "[" PING("1") "]", NULL, SESSION_03, 0, 0, 1, NULL },
    { "[" PING("1") "]", V03, SESSION_03, 0, 0, 1, NULL },
    { "[" PING("1") "]", NULL, SESSION_06, 400, MCP_INVALID_REQUEST, 0, "of revision 2025-03-26" },
    { "[" PING("1") "]", NULL, SESSION_11, 400, MCP_INVALID_REQUEST, 0, "of revision 2025-03-26" },
    { "[" PING("1") "]", V03, NULL, 400, MCP_BAD_REQUEST, 0, "Mcp-Session-Id" },
    { "[" PING("1") "]", V26, NULL, 400, MCP_INVALID_REQUEST, 0, "of revision 2025-03-26" },
    { "[" PING("1") "]", NULL, "unknown", 404, MCP_SESSION_NOT_FOUND, 0, "Session not found" },
    { "[", NULL, NULL, 400, MCP_PARSE_ERROR, 0, "Parse error" },
    { "[]", NULL, NULL, 400, MCP_INVALID_REQUEST, 0, "is empty" },
    { "[1]", NULL, NULL, 400, MCP_INVALID_REQUEST, 0, "JSON object" },
    { "[[" PING("1") "]]", NULL, NULL, 400, MCP_INVALID_REQUEST, 0, "one message at a time" },
    { "[" PING("1") ",{}]", NULL, NULL, 400, MCP_INVALID_REQUEST, 0, "Invalid Request" },
    { "[" PING("1") "," PING("2") "," PING("1") "]", NULL, NULL, 400, MCP_INVALID_REQUEST, 0,
      "stands twice" },
    { "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}]", NULL, NULL, 400,
      MCP_INVALID_REQUEST, 0, "stands alone" },
    { "[" REQUEST("1", "ping", META) "]", NULL, NULL, 400, MCP_INVALID_REQUEST, 0,
      "of revision 2026-07-28" },
};

static bool take(struct fixture *f, size_t i, size_t *n, struct mcp_out *out)
{
    struct json_text items;
    struct mcp_in in = {
        .body = cases[i].body,
        .len = strlen(cases[i].body),
        .is_http = true,
        .protocol_version = cases[i].version,
        .session_id = cases[i].session,
        .principal = f->caller,
        .tools = f->tools,
    };
    mcp_accept(&in, BOTH);
    assert_true(mcp_is_batch(in.body, in.len));
    return mcp_batch(&f->server, &in, &items, n, out);
}

static void test_who_and_what(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mcp_out out;
        size_t n = 0;
        bool is_taken = take(&f, i, &n, &out);
        buf_putc(&out.body, '\0');
        if (is_taken != (cases[i].status == 0) || out.status != cases[i].status ||
            out.error_code != cases[i].code || (is_taken && n != cases[i].n) ||
            (cases[i].has && !strstr(out.body.data, cases[i].has)))
            fail_msg("%s: %d, %zu, %d, %s", cases[i].body, is_taken, n, out.status, out.body.data);
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

static void test_is_batch(void **state)
{
    (void)state;
    assert_true(mcp_is_batch("[", 1));
    assert_true(mcp_is_batch("\r\n\t [x", 6));
    assert_false(mcp_is_batch("", 0));
    assert_false(mcp_is_batch("  ", 2));
    assert_false(mcp_is_batch("{[", 2));
    assert_false(mcp_is_batch(" [", 1));
}

/* A refusal without memory has a status and no body. */
static void test_memory(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mcp_out out;
        size_t n = 0;
        failing_after = 0;
        bool is_taken = take(&f, i, &n, &out);
        failing_after = -1;
        if (!is_taken) {
            assert_int_equal(out.status, 500);
            assert_int_equal(out.body.len, 0);
        }
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_and_what),
        cmocka_unit_test(test_is_batch),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
