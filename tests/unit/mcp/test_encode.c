/* Results, errors, progress and log messages in the terms of each revision. */
#include <math.h>

#include "fixture.h"

#define INFO "\"" NS "serverInfo\":{\"name\":\"moongate\",\"version\":\"1.2.3\"}"
#define TEXT "[{\"type\":\"text\",\"text\":\"hi\"}]"
#define AUDIO "{\"type\":\"audio\",\"data\":\"UklG\",\"mimeType\":\"audio/wav\"}"
#define LINK "{\"type\":\"resource_link\",\"uri\":\"file:///a%20b\",\"name\":\"A \\\"b\\\"\"}"
#define TRAP "{\"type\":\"text\",\"text\":\"\\\"audio\\\" and \\\"resource_link\\\"\"}"
#define NAMED "{\"type\":\"text\",\"text\":\"audio\"}"

static void set(struct buf *b, const char *text)
{
    buf_clear(b);
    buf_str(b, text);
}

struct encode_case {
    enum mcp_revision revision;
    bool is_error;
    const char *content, *structured, *meta;
    const char *result; /* what stands behind "result": */
};

static void encode_check(const struct encode_case *c)
{
    struct fixture f;
    struct tool_result r = { .is_error = c->is_error };
    struct buf out = { 0 };
    char want[1024];

    fixture_init(&f);
    struct mcp_call *call = call_of(&f, c->revision, NULL);
    set(&r.content, c->content);
    set(&r.structured, c->structured ? c->structured : "");
    set(&r.meta, c->meta ? c->meta : "");
    mcp_encode_result(&f.server, call, &r, &out);
    snprintf(want, sizeof want, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":%s}", c->result);
    assert_string_equal(text_of(&out), want);
    buf_fini(&out);
    tool_result_fini(&r);
    mcp_call_free(call);
    fixture_fini(&f);
}

static void test_results(void **state)
{
    static const struct encode_case cases[] = {
        { MCP_2025_03_26, false, TEXT, NULL, NULL, "{\"content\":" TEXT "}" },
        { MCP_2025_03_26, true, TEXT, NULL, NULL, "{\"content\":" TEXT ",\"isError\":true}" },
        { MCP_2025_03_26, false, "[]", NULL, NULL, "{\"content\":[]}" },
        { MCP_2025_11_25, false, TEXT, NULL, "{\"com.example/x\":[1]}",
          "{\"content\":" TEXT ",\"_meta\":{\"com.example/x\":[1]}}" },
        { MCP_2026_07_28, false, TEXT, NULL, NULL,
          "{\"resultType\":\"complete\",\"content\":" TEXT ",\"_meta\":{" INFO "}}" },
        { MCP_2026_07_28, true, "[]", NULL, NULL,
          "{\"resultType\":\"complete\",\"content\":[],\"isError\":true,\"_meta\":{" INFO "}}" },
        { MCP_2026_07_28, false, TEXT, NULL, "{\"a\":1,\"b\":{\"c\":[]}}",
          "{\"resultType\":\"complete\",\"content\":" TEXT
          ",\"_meta\":{\"a\":1,\"b\":{\"c\":[]}," INFO "}}" },
        { MCP_2026_07_28, false, TEXT, NULL, "{}",
          "{\"resultType\":\"complete\",\"content\":" TEXT ",\"_meta\":{" INFO "}}" },
        /* A tool does not speak for the gateway. */
        { MCP_2026_07_28, false, TEXT, NULL, "{\"" NS "serverInfo\":{\"name\":\"x\"},\"a\":2}",
          "{\"resultType\":\"complete\",\"content\":" TEXT ",\"_meta\":{\"a\":2," INFO "}}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        encode_check(&cases[i]);
}

static void test_structured(void **state)
{
    static const struct {
        enum mcp_revision revision;
        const char *structured;
        bool is_sent;
    } cases[] = {
        { MCP_2024_11_05, "{\"a\":1}", false }, { MCP_2025_03_26, "{\"a\":1}", false },
        { MCP_2025_06_18, "{\"a\":1}", true },  { MCP_2025_11_25, "{}", true },
        { MCP_2025_06_18, "[1]", false },       { MCP_2025_11_25, "null", false },
        { MCP_2025_11_25, "\"{}\"", false },    { MCP_2026_07_28, "[1]", true },
        { MCP_2026_07_28, "null", true },       { MCP_2026_07_28, "\"s\"", true },
        { MCP_2026_07_28, "{\"a\":1}", true },
    };
    char result[256];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_modern = mcp_is_modern(cases[i].revision);
        snprintf(result, sizeof result, "{%s\"content\":[]%s%s%s}",
                 is_modern ? "\"resultType\":\"complete\"," : "",
                 cases[i].is_sent ? ",\"structuredContent\":" : "",
                 cases[i].is_sent ? cases[i].structured : "",
                 is_modern ? ",\"_meta\":{" INFO "}" : "");
        struct encode_case c = { .revision = cases[i].revision,
                                 .content = "[]",
                                 .structured = cases[i].structured,
                                 .result = result };
        encode_check(&c);
    }
}

static void test_content_of_older_revisions(void **state)
{
    static const struct encode_case cases[] = {
        { MCP_2024_11_05, false, "[" NAMED "," AUDIO "," LINK "," TRAP "]", NULL, NULL,
          "{\"content\":[" NAMED ",{\"type\":\"text\",\"text\":\"[audio: audio/wav]\"},"
          "{\"type\":\"text\",\"text\":\"[resource_link: A \\\"b\\\": file:///a%20b]\"}," TRAP
          "]}" },
        { MCP_2025_03_26, false, "[" AUDIO "," LINK "]", NULL, NULL,
          "{\"content\":[" AUDIO ",{\"type\":\"text\",\"text\":"
          "\"[resource_link: A \\\"b\\\": file:///a%20b]\"}]}" },
        { MCP_2025_06_18, false, "[" AUDIO "," LINK "]", NULL, NULL,
          "{\"content\":[" AUDIO "," LINK "]}" },
        { MCP_2024_11_05, false, "[" TRAP "]", NULL, NULL, "{\"content\":[" TRAP "]}" },
        { MCP_2024_11_05, false, "[{\"type\":\"audio\"}]", NULL, NULL,
          "{\"content\":[{\"type\":\"text\",\"text\":\"[audio]\"}]}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        encode_check(&cases[i]);
}

static void test_errors(void **state)
{
    static const struct {
        bool modern;
        const char *body;
    } refusals[] = {
        { false, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,"
                 "\"message\":\"Unauthorized\"}}" },
        { true, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"Unauthorized\"}}" },
    };
    struct fixture f;
    struct buf out = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        buf_clear(&out);
        mcp_refusal(&out, -32000, "Unauthorized", refusals[i].modern);
        assert_string_equal(text_of(&out), refusals[i].body);
    }
    fixture_init(&f);
    for (enum mcp_revision r = MCP_2025_03_26; r < MCP_REVISIONS; r++) {
        struct mcp_call *c = call_of(&f, r, NULL);
        buf_clear(&out);
        mcp_encode_error(c, MCP_INTERNAL_ERROR, "no \"luck\"", &out);
        assert_string_equal(text_of(&out),
                            "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32603,"
                            "\"message\":\"no \\\"luck\\\"\"}}");
        mcp_call_free(c);
    }
    buf_fini(&out);
    fixture_fini(&f);
}

static void test_progress(void **state)
{
    static const struct {
        enum mcp_revision revision;
        const char *token;
        double progress, total;
        bool has_total;
        const char *message, *params;
    } cases[] = {
        { MCP_2026_07_28, "\"p1\"", 0, 100, true, NULL,
          "{\"progressToken\":\"p1\",\"progress\":0,\"total\":100}" },
        { MCP_2025_11_25, "1730000000000", 0.5, 0, false, "a \"b\"",
          "{\"progressToken\":1730000000000,\"progress\":0.5,\"message\":\"a \\\"b\\\"\"}" },
        { MCP_2024_11_05, "1", 1, INFINITY, true, "not known yet",
          "{\"progressToken\":1,\"progress\":1}" },
        { MCP_2025_03_26, "\"\\u0041\"", 3, 4.25, true, "",
          "{\"progressToken\":\"\\u0041\",\"progress\":3,\"total\":4.25,\"message\":\"\"}" },
    };
    struct fixture f;
    struct buf out = { 0 };
    char want[256];

    (void)state;
    fixture_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mcp_call *c = call_of(&f, cases[i].revision, cases[i].token);
        buf_clear(&out);
        mcp_encode_progress(c, cases[i].progress, cases[i].total, cases[i].has_total,
                            cases[i].message, &out);
        snprintf(want, sizeof want,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":%s}",
                 cases[i].params);
        assert_string_equal(text_of(&out), want);
        mcp_call_free(c);
    }
    buf_fini(&out);
    fixture_fini(&f);
}

static void test_progress_grows(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    struct mcp_call *none = call_of(&f, MCP_2025_11_25, NULL);
    assert_false(mcp_progress_due(none, 1, 0));
    mcp_call_free(none);

    struct mcp_call *c = call_of(&f, MCP_2025_11_25, "1");
    assert_true(mcp_progress_due(c, -1, 0));
    assert_false(mcp_progress_due(c, -1, 1000));
    assert_false(mcp_progress_due(c, -2, 1000));
    assert_false(mcp_progress_due(c, NAN, 1000));
    assert_false(mcp_progress_due(c, INFINITY, 1000));
    assert_true(mcp_progress_due(c, -0.5, 1000));
    c->may_stream = false;
    assert_false(mcp_progress_due(c, 5, 2000));
    mcp_call_free(c);
    fixture_fini(&f);
}

/* 32 at once, then one every 20 ms; a call that was silent for a while has its 32 again. */
static void test_progress_pace(void **state)
{
    struct fixture f;
    double p = 0;

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = call_of(&f, MCP_2026_07_28, "1");
    for (int i = 0; i < 32; i++)
        assert_true(mcp_progress_due(c, ++p, 5000));
    assert_false(mcp_progress_due(c, ++p, 5000));
    assert_false(mcp_progress_due(c, ++p, 5019));
    assert_true(mcp_progress_due(c, ++p, 5020));
    assert_false(mcp_progress_due(c, ++p, 5039));
    assert_true(mcp_progress_due(c, ++p, 5040));
    for (int i = 0; i < 32; i++)
        assert_true(mcp_progress_due(c, ++p, 9000));
    assert_false(mcp_progress_due(c, ++p, 9000));
    mcp_call_free(c);
    fixture_fini(&f);
}

static void test_log(void **state)
{
    struct fixture f;
    struct buf out = { 0 };

    (void)state;
    fixture_init(&f);
    struct mcp_call *c = call_of(&f, MCP_2025_06_18, NULL); /* its session wants warnings */
    assert_false(mcp_log_due(c, MCP_LOG_NOTICE));
    assert_true(mcp_log_due(c, MCP_LOG_WARNING));
    assert_true(mcp_log_due(c, MCP_LOG_EMERGENCY));
    c->may_stream = false;
    assert_false(mcp_log_due(c, MCP_LOG_EMERGENCY));
    mcp_encode_log(c, MCP_LOG_WARNING, "echo", "{\"a\":[]}", 8, &out);
    assert_string_equal(text_of(&out),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                        "{\"level\":\"warning\",\"logger\":\"echo\",\"data\":{\"a\":[]}}}");
    buf_clear(&out);
    mcp_encode_log(c, MCP_LOG_DEBUG, NULL, "\"x\"", 3, &out);
    assert_string_equal(text_of(&out),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                        "{\"level\":\"debug\",\"data\":\"x\"}}");
    mcp_call_free(c);
    c = call_of(&f, MCP_2026_07_28, NULL); /* this one asked for none */
    assert_false(mcp_log_due(c, MCP_LOG_EMERGENCY));
    mcp_call_free(c);
    buf_fini(&out);
    fixture_fini(&f);
}

static void test_levels(void **state)
{
    static const char *const words[] = {
        "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        assert_int_equal(mcp_log_level_parse(words[i], strlen(words[i])), i);
        assert_string_equal(mcp_log_level_text((enum mcp_log_level)i), words[i]);
    }
    assert_int_equal(mcp_log_level_parse("warn", 4), MCP_LOG_NONE);
    assert_int_equal(mcp_log_level_parse("", 0), MCP_LOG_NONE);
    assert_null(mcp_log_level_text(MCP_LOG_NONE));
}

static void test_sse(void **state)
{
    struct buf out = { 0 };

    (void)state;
    mcp_sse(&out, "{}", 2);
    mcp_sse(&out, "[1]", 3);
    assert_string_equal(text_of(&out), "event: message\ndata: {}\n\nevent: message\ndata: [1]\n\n");
    buf_fini(&out);
}

static void test_result_text(void **state)
{
    struct tool_result r = { 0 };

    (void)state;
    set(&r.structured, "{}");
    set(&r.meta, "{}");
    tool_result_text(&r, OUT_TIMEOUT, true, "a \"b\"\n\xff", 7);
    assert_int_equal(r.outcome, OUT_TIMEOUT);
    assert_true(r.is_error);
    assert_string_equal(text_of(&r.content),
                        "[{\"type\":\"text\",\"text\":\"a \\\"b\\\"\\n\xEF\xBF\xBD\"}]");
    assert_int_equal(r.structured.len, 0);
    assert_int_equal(r.meta.len, 0);
    tool_result_text(&r, OUT_OK, false, "", 0);
    assert_string_equal(text_of(&r.content), "[{\"type\":\"text\",\"text\":\"\"}]");
    tool_result_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_structured),
        cmocka_unit_test(test_content_of_older_revisions),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_progress_grows),
        cmocka_unit_test(test_progress_pace),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_sse),
        cmocka_unit_test(test_result_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
