/* Prompts, resources, templates, completion: what is shown, to whom, and what is asked of Lua. */
#include "support/failing.h"

#include "base/buf.c"
#include "base/json_keys.c"
#include "mcp/tools_call.c"
#undef malloc
#undef calloc
#undef realloc
#include "offers.h"

#define SUBSCRIBE(uri) REQUEST("1", "resources/subscribe", "\"uri\":\"" uri "\"")
#define LISTEN(id, params) REQUEST(id, "subscriptions/listen", params META)
#define LISTENS .version = V26, .method = "subscriptions/listen"

struct asked {
    struct probe probe;
    const char *arguments; /* of the call that the probe makes; NULL: any */
    bool as_bob;
    size_t page_size;
};

static void ask(const struct asked *a)
{
    struct fixture f;
    struct mcp_out out;

    offers_init(&f);
    f.caller = a->as_bob ? bob : alice;
    f.server.page_size = a->page_size;
    probe_send(&f, &a->probe, &out);
    probe_compare(&a->probe, &out);
    if (a->arguments) {
        assert_non_null(out.call);
        struct json_text got = out.call->arguments;
        if (got.len != strlen(a->arguments) || memcmp(got.p, a->arguments, got.len) != 0)
            fail_msg("%s: arguments %.*s, want %s", a->probe.name, (int)got.len, got.p,
                     a->arguments);
    }
    mcp_out_fini(&out);
    fixture_fini(&f);
}

static void ask_all(const struct asked *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ask(&a[i]);
}

#define PLAIN "{\"name\":\"plain\"}"
#define ARGUMENTS                                                                   \
    "\"arguments\":[{\"name\":\"file\",\"required\":true},{\"name\":\"f\\u00fcr\"," \
    "\"required\":true},{\"name\":\"tone\"}]"
#define TODAY                                                                   \
    "{\"uri\":\"test://today\",\"name\":\"today\",\"mimeType\":\"text/plain\"," \
    "\"annotations\":{\"priority\":1},\"size\":5}"
#define FILES "{\"uriTemplate\":\"file:///{+path}\",\"name\":\"file\"}"

static void test_lists(void **state)
{
    static const struct asked asked[] = {
        { .probe = { "what 2024-11-05 knows of a prompt", PROMPTS(""), .status = 200,
                     .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"prompts\":[" PLAIN
                              ",{\"name\":\"review\",\"description\":\"Look at it.\"," ARGUMENTS
                              "}]}}" },
          .as_bob = true },
        { .probe = { "a session of 2025-11-25", PROMPTS(""), .session = SESSION_11, .status = 200,
                     .has = "\"title\":\"Review\",\"description\":\"Look at it.\",\"icons\":[" } },
        { .probe = { "the title of an argument", PROMPTS(""), .session = SESSION_06, .status = 200,
                     .has = "{\"title\":\"Tone\",\"name\":\"tone\"}" } },
        { .probe = { "modern", PROMPTS(META), .version = V26, .method = "prompts/list",
                     .status = 200, .has = "\"ttlMs\":60000,\"cacheScope\":\"private\"" } },
        { .probe = { "everything", PROMPTS(""), .status = 200, .has = "\"name\":\"secret\"" } },
        { .probe = { "a page", PROMPTS(""), .status = 200, .has = "[" PLAIN "],\"nextCursor\":\"",
                     .lacks = "review" },
          .page_size = 1 },
        { .probe = { "the page behind it", PROMPTS("\"cursor\":\"cHJvbXB0czpyZXZpZXc\""),
                     .status = 200, .has = "\"prompts\":[]}" },
          .as_bob = true },
        { .probe = { "a cursor of another list", PROMPTS("\"cursor\":\"dG9vbHM6ZWNobw\""),
                     .status = 200, .code = -32602 } },
        { .probe = { "templates", REQUEST("1", "resources/templates/list", ""), .status = 200,
                     .has = "\"resourceTemplates\":[" FILES "]" },
          .as_bob = true },
        { .probe = { "resources, and what templates list", RESOURCES(""), .runs = "resource:file" },
          .arguments = "{}",
          .as_bob = true },
        { .probe = { "a full page, and that templates have some", RESOURCES(""), .status = 200,
                     .has = "\"resources\":[" TODAY "],\"nextCursor\":\"bGlzdGVkOiE\"" },
          .as_bob = true,
          .page_size = 1 },
        { .probe = { "modern resources", RESOURCES(META), .version = V26,
                     .method = "resources/list", .status = 200,
                     .has = "\"cacheScope\":\"private\"" },
          .page_size = 2 },
        { .probe = { "a page of resources", RESOURCES(""), .status = 200,
                     .has = "\"name\":\"secret\"}],\"nextCursor\":\"cmVzb3VyY2VzOnNlY3JldA\"" },
          .page_size = 1 },
        { .probe = { "the last one a caller may use", RESOURCES("\"cursor\":\"bGlzdGVkOiE\""),
                     .runs = "resource:file" },
          .arguments = "{}",
          .as_bob = true },
        { .probe = { "nothing of a template one may not use",
                     RESOURCES("\"cursor\":\"bGlzdGVkOmZpbGU\""), .status = 200,
                     .has = "\"resources\":[]}" },
          .as_bob = true },
        { .probe = { "the second template's", RESOURCES("\"cursor\":\"bGlzdGVkOmZpbGU\""),
                     .runs = "resource:secret_file" },
          .arguments = "{}" },
        { .probe = { "behind all", RESOURCES("\"cursor\":\"bGlzdGVkOnp6eg\""), .status = 200,
                     .has = "\"resources\":[]}" } },
        { .probe = { "no cursor", RESOURCES("\"cursor\":\"!\""), .status = 200, .code = -32602 } },
        { .probe = { "no string", RESOURCES("\"cursor\":7"), .status = 200, .code = -32602 } },
    };

    (void)state;
    ask_all(asked, COUNT(asked));
}


static void test_prompts_get(void **state)
{
    static const struct asked asked[] = {
        { .probe = { "all that is required", GET(WHOLE), .runs = "prompt:review" },
          .arguments = "{\"file\":\"a\",\"f\xc3\xbcr\":\"b\"}" },
        { .probe = { "without arguments", GET("\"name\":\"plain\""), .runs = "prompt:plain" },
          .arguments = "{}" },
        { .probe = { "null arguments", GET("\"name\":\"plain\",\"arguments\":null"),
                     .runs = "prompt:plain" },
          .arguments = "{}" },
        { .probe = { "modern", GET(WHOLE "," META), .version = V26, .method = "prompts/get",
                     .tool = "review", .runs = "prompt:review" } },
        { .probe = { "another name in the header", GET(WHOLE "," META), .version = V26,
                     .method = "prompts/get", .tool = "plain", .status = 400, .code = -32020 } },
        { .probe = { "one is missing",
                     GET("\"name\":\"review\",\"arguments\":{\"file\":\"a\",\"tone\":\"b\"}"),
                     .status = 200, .code = -32602,
                     .has = "missing required argument \\\"f\xc3\xbcr\\\"\"" } },
        { .probe = { "all are missing", GET("\"name\":\"review\""), .status = 200, .code = -32602,
                     .has = "missing required argument \\\"file\\\", \\\"f\xc3\xbcr\\\"\"" } },
        { .probe = { "null is missing",
                     GET("\"name\":\"review\",\"arguments\":{\"file\":null,\"f\xc3\xbcr\":\"b\"}"),
                     .status = 200, .code = -32602,
                     .has = "missing required argument \\\"file\\\"\"" } },
        { .probe = { "no string", GET("\"name\":\"plain\",\"arguments\":{\"x\":5}"), .status = 200,
                     .code = -32602, .has = "argument x must be a string" } },
        { .probe = { "an array", GET("\"name\":\"plain\",\"arguments\":[]"), .status = 200,
                     .code = -32602 } },
        { .probe = { "unknown", GET("\"name\":\"nope\""), .status = 200, .code = -32602,
                     .has = "Unknown prompt: nope" } },
        { .probe = { "not for this caller", GET("\"name\":\"secret\""), .status = 200,
                     .code = -32602, .has = "Unknown prompt: secret" },
          .as_bob = true },
        { .probe = { "for this one", GET("\"name\":\"secret\""), .runs = "prompt:secret" } },
        { .probe = { "its full name is none", GET("\"name\":\"prompt:plain\""), .status = 200,
                     .code = -32602 } },
        { .probe = { "no name", GET(""), .status = 200, .code = -32602 } },
        { .probe = { "a prompt is no tool", REQUEST("1", "tools/call", "\"name\":\"prompt:plain\""),
                     .status = 200, .code = -32602, .has = "Unknown tool" } },
    };

    (void)state;
    ask_all(asked, COUNT(asked));
}

static void test_resources_read(void **state)
{
    static const struct asked asked[] = {
        { .probe = { "a resource", READ("\"uri\":\"test://today\""), .runs = "resource:today" },
          .arguments = "{\"uri\":\"test://today\",\"vars\":{}}" },
        { .probe = { "of a template", READ("\"uri\":\"file:///a%20b/c\""),
                     .runs = "resource:file" },
          .arguments = "{\"uri\":\"file:///a%20b/c\",\"vars\":{\"path\":\"a b/c\"}}" },
        { .probe = { "an escaped URI", READ("\"uri\":\"test:\\/\\/today\""),
                     .runs = "resource:today" } },
        { .probe = { "unknown, legacy", READ("\"uri\":\"test://nope\""), .status = 200,
                     .code = -32002, .has = "\"data\":{\"uri\":\"test://nope\"}" } },
        { .probe = { "unknown, modern", READ("\"uri\":\"test://nope\"," META), .version = V26,
                     .method = "resources/read", .tool = "test://nope", .status = 200,
                     .code = -32602, .has = "\"data\":{\"uri\":\"test://nope\"}" } },
        { .probe = { "not for this caller", READ("\"uri\":\"test://secret\""), .status = 200,
                     .code = -32002 },
          .as_bob = true },
        { .probe = { "nor by its template", READ("\"uri\":\"secret:1\""), .status = 200,
                     .code = -32002 },
          .as_bob = true },
        { .probe = { "for this one", READ("\"uri\":\"secret:1\""),
                     .runs = "resource:secret_file" } },
        { .probe = { "no URI", READ(""), .status = 200, .code = -32602 } },
        { .probe = { "a number", READ("\"uri\":5"), .status = 200, .code = -32602 } },
    };

    (void)state;
    ask_all(asked, COUNT(asked));
}


static void test_complete(void **state)
{
    static const struct asked asked[] = {
        { .probe = { "a prompt's", COMPLETE(OF_PROMPT("review")), .runs = "prompt:review" },
          .arguments = "{\"name\":\"a\",\"value\":\"v\",\"others\":{}}" },
        { .probe = { "with what is known",
                     COMPLETE(OF_PROMPT("review") ",\"context\":{\"arguments\":{\"b\":\"c\"}}"),
                     .runs = "prompt:review" },
          .arguments = "{\"name\":\"a\",\"value\":\"v\",\"others\":{\"b\":\"c\"}}" },
        { .probe = { "a template's", COMPLETE(OF_URI("file:///{+path}")),
                     .runs = "resource:file" } },
        { .probe = { "of a URI", COMPLETE(OF_URI("file:///a/b")), .runs = "resource:file" } },
        { .probe = { "where nothing completes", COMPLETE(OF_PROMPT("plain")), .status = 200,
                     .has = "\"completion\":{\"values\":[],\"total\":0,\"hasMore\":false}" } },
        { .probe = { "unknown", COMPLETE(OF_PROMPT("nope")), .status = 200, .code = -32602 } },
        { .probe = { "not for this caller", COMPLETE(OF_PROMPT("secret")), .status = 200,
                     .code = -32602 },
          .as_bob = true },
        { .probe = { "an unknown URI", COMPLETE(OF_URI("x:y")), .status = 200, .code = -32602 } },
        { .probe = { "another kind",
                     COMPLETE("\"ref\":{\"type\":\"ref/tool\",\"name\":\"x\"}," ARGUMENT),
                     .status = 200, .code = -32602 } },
        { .probe = { "no ref", COMPLETE(ARGUMENT), .status = 200, .code = -32602 } },
        { .probe = { "no value",
                     COMPLETE("\"ref\":{\"type\":\"ref/prompt\",\"name\":\"review\"},"
                              "\"argument\":{\"name\":\"a\"}"),
                     .status = 200, .code = -32602 } },
        { .probe = { "nothing", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\"}",
                     .status = 200, .code = -32602 } },
        { .probe = { "modern", COMPLETE(OF_PROMPT("plain") "," META), .version = V26,
                     .method = "completion/complete", .status = 200,
                     .has = "\"resultType\":\"complete\",\"completion\"" } },
    };

    (void)state;
    ask_all(asked, COUNT(asked));
}

/* Who is told of a resource: who may read it, in a session or for as long as he listens. */
static void test_subscriptions(void **state)
{
    static const struct asked asked[] = {
        { .probe = { "without a session", SUBSCRIBE("x:1"), .status = 200, .code = -32601 } },
        { .probe = { "no uri", REQUEST("1", "resources/subscribe", ""), .session = SESSION_11,
                     .status = 200, .code = -32602 } },
        { .probe = { "nothing that can be read", SUBSCRIBE("nope:1"), .session = SESSION_11,
                     .status = 200, .code = -32002, .has = "\"uri\":\"nope:1\"" } },
        { .probe = { "leaving what was never asked for",
                     REQUEST("1", "resources/unsubscribe", "\"uri\":\"nope:1\""),
                     .session = SESSION_11, .status = 200,
                     .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}" } },
        { .probe = { "no filter", LISTEN("1", ""), LISTENS, .status = 200, .code = -32602 } },
        { .probe = { "lists",
                     LISTEN("7", "\"notifications\":{\"toolsListChanged\":true,"
                                 "\"promptsListChanged\":false,\"resourcesListChanged\":true},"),
                     LISTENS, .status = 200,
                     .has = "subscriptionId\":7},\"notifications\":{\"toolsListChanged\":true,"
                            "\"resourcesListChanged\":true}}}" } },
        { .probe = { "resources that are not there are left out",
                     LISTEN("\"x\"", "\"notifications\":{\"resourceSubscriptions\":[\"nope:1\"]},"),
                     LISTENS, .status = 200,
                     .has = "subscriptionId\":\"x\"},\"notifications\":{"
                            "\"resourceSubscriptions\":[]}}}" } },
        { .probe = { "no stream is accepted", LISTEN("1", "\"notifications\":{},"), LISTENS,
                     .accept = "application/json", .status = 406, .code = -32600 } },
    };

    (void)state;
    ask_all(asked, COUNT(asked));
}

/* Without any, the methods are none; with some, the capabilities say so. */
static void test_capabilities(void **state)
{
    static const char *const methods[] = { "prompts/list",   "prompts/get",
                                           "resources/list", "resources/templates/list",
                                           "resources/read", "completion/complete" };
    static const struct asked asked[] = {
        { .probe = { "discover", REQUEST("1", "server/discover", META), .version = V26,
                     .method = "server/discover", .status = 200,
                     .has =
                         "\"prompts\":{\"listChanged\":true},\"resources\":{\"listChanged\":true,"
                         "\"subscribe\":true},\"completions\":{},\"logging\":{}" } },
        { .probe = { "initialize", REQUEST("1", "initialize", "\"protocolVersion\":\"" V03 "\""),
                     .status = 200, .has = "\"completions\":{}}" } },
        { .probe = { "the oldest has no word for completion",
                     REQUEST("1", "initialize", "\"protocolVersion\":\"" V24 "\""), .status = 200,
                     .has = "\"resources\":{", .lacks = "completions" } },
    };
    char legacy[200], modern[400];

    (void)state;
    ask_all(asked, COUNT(asked));
    for (size_t i = 0; i < COUNT(methods); i++) {
        snprintf(legacy, sizeof legacy, REQUEST("1", "%s", ""), methods[i]);
        snprintf(modern, sizeof modern, REQUEST("1", "%s", META), methods[i]);
        const struct probe probes[] = {
            { "legacy", legacy, .status = 200, .code = -32601, .has = methods[i] },
            { "modern", modern, .version = V26, .method = methods[i], .status = 404,
              .code = -32601 },
        };
        probes_check(probes, COUNT(probes));
    }
}

/* Memory runs out at every single request for it: the answer is whole, or a 500 without a body. */
static void test_no_memory(void **state)
{
    static const struct probe probes[] = {
        { "list", PROMPTS(""), .status = 200 },
        { "a cursor", RESOURCES("\"cursor\":\"bGlzdGVkOiE\""), .runs = "resource:file" },
        { "get", GET(WHOLE), .runs = "prompt:review" },
        { "missing arguments", GET("\"name\":\"review\""), .status = 200 },
        { "read", READ("\"uri\":\"file:///a%20b/c\""), .runs = "resource:file" },
        { "unknown", READ("\"uri\":\"x:y\""), .status = 200 },
        { "complete", COMPLETE(OF_URI("file:///a")), .runs = "resource:file" },
        { "complete nothing", COMPLETE(OF_PROMPT("plain")), .status = 200 },
        { "complete what is not there", COMPLETE(OF_URI("x:y")), .status = 200 },
    };
    struct fixture f;
    (void)state;
    offers_init(&f);
    for (size_t i = 0; i < COUNT(probes); i++) {
        const struct probe *p = &probes[i];
        bool is_whole = false;
        for (long requests = 0; !is_whole; requests++) {
            struct mcp_out out;
            assert_true(requests < 100);
            failing_after = requests;
            probe_send(&f, p, &out);
            failing_after = -1;
            is_whole = p->runs ? out.call != NULL : !out.call && out.status == p->status;
            if (!is_whole && (out.status != 500 || out.body.len || out.call))
                fail_msg("%s after %ld: status %d: %.*s", p->name, requests, out.status,
                         (int)out.body.len, out.body.data);
            mcp_out_fini(&out);
        }
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscriptions), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_prompts_get),   cmocka_unit_test(test_resources_read),
        cmocka_unit_test(test_complete),      cmocka_unit_test(test_capabilities),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
