/* What prompts, resources, lists and completions have come to, in the terms of each revision. */
#include "offers.h"

static void encoded(const char *request, enum mcp_revision r, struct tool_result *result,
                    const char *want)
{
    struct fixture f;
    struct mcp_out out;
    struct buf b = { 0 };

    offers_init(&f);
    struct mcp_in in = { .body = request,
                         .len = strlen(request),
                         .accepts_json = true,
                         .principal = alice,
                         .tools = f.tools };
    mcp_handle(&f.server, &in, &out);
    assert_non_null(out.call);
    out.call->revision = r;
    mcp_encode_result(&f.server, out.call, result, &b);
    if (!strstr(text_of(&b), want))
        fail_msg("%s\n wanted: %s\n got:    %s", request, want, text_of(&b));
    buf_fini(&b);
    tool_result_fini(result);
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static struct tool_result result_of(const char *content, const char *structured)
{
    struct tool_result r = { .outcome = OUT_OK };
    buf_str(&r.content, content);
    buf_str(&r.structured, structured);
    return r;
}

static void test_results(void **state)
{
    static const char audio[] =
        "[{\"content\":{\"data\":\"\",\"mimeType\":\"audio/wav\",\"type\":\"audio\"},"
        "\"role\":\"user\"}]";
    static const char contents[] = "[{\"text\":\"t\",\"uri\":\"test://today\"}]";
    struct tool_result r = result_of(audio, "");

    (void)state;
    encoded(GET(WHOLE), MCP_2025_11_25, &r,
            "\"result\":{\"description\":\"Look at it.\",\"messages\":[{\"content\":{\"data\":");
    r = result_of(audio, "");
    encoded(GET("\"name\":\"plain\""), MCP_2024_11_05, &r,
            "\"result\":{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\","
            "\"text\":\"[audio: audio/wav]\"}}]}}");
    r = result_of(contents, "");
    encoded(READ("\"uri\":\"test://today\""), MCP_2025_06_18, &r,
            "\"result\":{\"contents\":[{\"text\":\"t\",\"uri\":\"test://today\"}]}}");
    r = result_of(contents, "");
    encoded(READ("\"uri\":\"test://today\""), MCP_2026_07_28, &r,
            "\"result\":{\"resultType\":\"complete\",\"contents\":[{\"text\":\"t\","
            "\"uri\":\"test://today\"}],\"ttlMs\":0,\"cacheScope\":\"private\",\"_meta\":{\"" NS
            "serverInfo\":");
    r = result_of("[\"a\"]", "{\"hasMore\":false,\"total\":1}");
    encoded(COMPLETE(OF_PROMPT("review")), MCP_2025_11_25, &r,
            "\"result\":{\"completion\":{\"values\":[\"a\"],\"hasMore\":false,\"total\":1}}}");
    r = result_of("[]", "");
    encoded(RESOURCES("\"cursor\":\"bGlzdGVkOiE\""), MCP_2025_11_25, &r,
            "\"result\":{\"resources\":[],\"nextCursor\":\"bGlzdGVkOmZpbGU\"}}");
}

/* What is made while it is asked for is spared what a revision lacks, as what is declared is. */
static void test_newer_members(void **state)
{
    static const char listed[] = "[{\"_meta\":{},\"icons\":[],\"name\":\"title\",\"title\":\"T\","
                                 "\"uri\":\"x:1\"},{\"name\":\"b\",\"uri\":\"x:2\"}]";
    static const char contents[] = "[{\"_meta\":{\"icons\":1},\"text\":\"_meta\",\"uri\":\"x:1\"}]";
    static const struct {
        const char *request, *made;
        enum mcp_revision revision;
        const char *want;
    } cases[] = {
        { RESOURCES("\"cursor\":\"bGlzdGVkOiE\""), listed, MCP_2024_11_05,
          "\"resources\":[{\"name\":\"title\",\"uri\":\"x:1\"},{\"name\":\"b\",\"uri\":\"x:2\"}]" },
        { RESOURCES("\"cursor\":\"bGlzdGVkOiE\""), listed, MCP_2025_06_18,
          "\"resources\":[{\"_meta\":{},\"name\":\"title\",\"title\":\"T\",\"uri\":\"x:1\"}," },
        { RESOURCES("\"cursor\":\"bGlzdGVkOiE\""), listed, MCP_2025_11_25,
          "\"resources\":[{\"_meta\":{},\"icons\":[],\"name\":\"title\",\"title\":\"T\"," },
        { READ("\"uri\":\"test://today\""), contents, MCP_2025_03_26,
          "\"contents\":[{\"text\":\"_meta\",\"uri\":\"x:1\"}]" },
        { READ("\"uri\":\"test://today\""), contents, MCP_2025_06_18,
          "\"contents\":[{\"_meta\":{\"icons\":1},\"text\":\"_meta\",\"uri\":\"x:1\"}]" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tool_result r = result_of(cases[i].made, "");
        encoded(cases[i].request, cases[i].revision, &r, cases[i].want);
    }
}

static struct tool_result failure_of(const char *text, const char *data)
{
    struct tool_result r = { 0 };
    tool_result_text(&r, OUT_TOOL_ERROR, true, text, strlen(text));
    buf_str(&r.structured, data);
    return r;
}

#define MISSING "Resource not found", "{\"code\":\"NOT_FOUND\"}"
#define WRONG "no such thing", "{\"code\":\"INVALID\"}"
#define REFUSED "\"error\":{\"code\":-32602,\"message\":\"no such thing\"}}"
#define FAILED "\"error\":{\"code\":-32603,\"message\":\"no such thing\"}}"

static void test_failures(void **state)
{
    static const struct {
        const char *request;
        enum mcp_revision revision;
        const char *text, *data, *want;
    } cases[] = {
        { GET(WHOLE), MCP_2026_07_28, "it \"broke\"", "",
          "\"error\":{\"code\":-32603,\"message\":\"it \\\"broke\\\"\"}}" },
        { GET(WHOLE), MCP_2026_07_28, WRONG, REFUSED },
        { GET(WHOLE), MCP_2025_03_26, WRONG, REFUSED },
        { GET(WHOLE), MCP_2025_11_25, "no such thing", "{\"code\":\"NOT_FOUND\"}", FAILED },
        { GET(WHOLE), MCP_2025_11_25, "no such thing", "[\"INVALID\"]", FAILED },
        { COMPLETE(OF_PROMPT("review")), MCP_2025_11_25, WRONG, REFUSED },
        { READ("\"uri\":\"file:///x\""), MCP_2026_07_28, WRONG, REFUSED },
        { READ("\"uri\":\"test://today\""), MCP_2026_07_28, WRONG, FAILED },
        { READ("\"uri\":\"file:///x\""), MCP_2025_11_25, MISSING,
          "\"error\":{\"code\":-32002,\"message\":\"Resource not found\","
          "\"data\":{\"uri\":\"file:///x\"}}}" },
        { READ("\"uri\":\"file:///x\""), MCP_2026_07_28, MISSING,
          "\"error\":{\"code\":-32602,\"message\":\"Resource not found\","
          "\"data\":{\"uri\":\"file:///x\"}}}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tool_result r = failure_of(cases[i].text, cases[i].data);
        encoded(cases[i].request, cases[i].revision, &r, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_newer_members),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
