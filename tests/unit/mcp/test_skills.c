/* Skills: what is listed, got and read, by whom, and what happens without memory. */
#include "support/failing.h"

#include "base/buf.c"
#include "base/json_keys.c"
#undef malloc
#undef calloc
#undef realloc

#include "fixture.h"

#include "tools/skill.h"

#define MODERN(method_, params, ...)                                                      \
    REQUEST("1", method_, params META), .version = V26, .method = method_, .status = 200, \
                                        __VA_ARGS__
#define URI(uri) "\"uri\":\"" uri "\","
#define A_MD "---\nname: a\ndescription: D\n---\n"
#define A "skill://x/a"
#define DIGEST_OF_NOTHING "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static bool may(void *arg, const struct principal *p, const char *name)
{
    (void)arg;
    return p != bob || !strstr(name, "secret");
}

static void skill_put(struct toolset *s, const char *full, const char *folder,
                      const struct skill_source *files, size_t n)
{
    struct err e = { 0 };
    struct tool t = { .kind = TOOL_SKILL, .name = full, .mime_type = "text/markdown" };
    t.skill = skill_new(folder, strchr(full, ':') + 1, n > 1 ? NULL : "Hidden.", files, n, &e);
    if (!t.skill)
        fail_msg("%s", e.text);
    t.uri = skill_at(t.skill, 0)->uri;
    t.size = (int64_t)skill_at(t.skill, 0)->len;
    t.description = skill_description(t.skill);
    assert_int_equal(toolset_add(s, &t, &e), 0);
}

static void skills_init(struct fixture *f)
{
    static const struct skill_source secret[] = { { "SKILL.md", "", 0 } };
    static const struct skill_source a[] = { { "SKILL.md", A_MD, sizeof A_MD - 1 },
                                             { "b/c d/e", "", 0 },
                                             { "b/c d/f", "\xff", 1 },
                                             { "b-", "\"", 1 } };

    fixture_init(f);
    f->host.may = may;
    toolset_unref(f->tools);
    f->tools = toolset_new(1);
    assert_non_null(f->tools);
    skill_put(f->tools, "skill:secret", "", secret, 1);
    skill_put(f->tools, "skill:a", "x", a, 4);
    assert_int_equal(toolset_seal(f->tools), 0);
}

#define ENTRY(path, digest, size) \
    "{\"uri\":\"" A "/" path "\",\"digest\":\"" digest "\",\"size\":" size "}"

static const struct {
    struct probe probe;
    bool as_bob;
    size_t page_size;
} asked[] = {
    { .probe = { "a list",
                 MODERN("skills/list", "",
                        .has = "\"skills\":[{\"uri\":\"" A "/SKILL.md\",\"frontmatter\":{\"name\":"
                               "\"a\",\"description\":\"D\"},\"resources\":[{\"uri\":\"" A
                               "/SKILL.md\"") } },
    { .probe = { "digests and sizes",
                 MODERN("skills/list", "", .has = ENTRY("b/c%20d/e", DIGEST_OF_NOTHING, "0")) } },
    { .probe = { "all of them", MODERN("skills/list", "", .has = "skill://secret/SKILL.md",
                                       .lacks = "nextCursor") } },
    { .probe = { "hints", MODERN("skills/list", "", .has = "\"ttlMs\":60000,\"cacheScope\":\"") } },
    { .probe = { "what bob may see", MODERN("skills/list", "", .lacks = "secret") },
      .as_bob = true },
    { .probe = { "a page", MODERN("skills/list", "", .has = "\"nextCursor\":\"c2tpbGxzOmE\"",
                                  .lacks = "secret") },
      .page_size = 1 },
    { .probe = { "the page behind it", MODERN("skills/list", "\"cursor\":\"c2tpbGxzOmE\",",
                                              .has = "skill://secret/", .lacks = "nextCursor") },
      .page_size = 1 },
    { .probe = { "no page behind it for bob",
                 MODERN("skills/list", "\"cursor\":\"c2tpbGxzOmE\",", .has = "\"skills\":[]") },
      .as_bob = true },
    { .probe = { "a wrong cursor", MODERN("skills/list", "\"cursor\":\"x\",", .code = -32602) } },
    { .probe = { "one",
                 MODERN("skills/get", URI(A "/SKILL.md"),
                        .has = "\"result\":{\"resultType\":\"complete\",\"skill\":{\"uri\":\"" A
                               "/SKILL.md\"") } },
    { .probe = { "none", MODERN("skills/get", URI("skill://b/SKILL.md"), .code = -32602,
                                .has = "\"data\":{\"uri\":\"skill://b/SKILL.md\"}") } },
    { .probe = { "a file of one", MODERN("skills/get", URI(A "/b-"), .code = -32602) } },
    { .probe = { "one that bob may not see",
                 MODERN("skills/get", URI("skill://secret/SKILL.md"), .code = -32602) },
      .as_bob = true },
    { .probe = { "no uri", MODERN("skills/get", "", .code = -32602) } },
    { .probe = { "uri is no string", MODERN("skills/get", "\"uri\":5,", .code = -32602) } },
    { .probe = { "a folder",
                 MODERN("resources/directory/read", URI(A),
                        .has = "\"resources\":[{\"uri\":\"" A "/SKILL.md\",\"name\":\"SKILL.md\","
                               "\"mimeType\":\"text/markdown\",\"size\":31},{\"uri\":\"" A
                               "/b-\",\"name\":\"b-\",\"mimeType\":\"text/plain\",\"size\":1},"
                               "{\"uri\":\"" A "/b\",\"name\":\"b\",\"mimeType\":"
                               "\"inode/directory\"}]") } },
    { .probe = { "a folder with one folder",
                 MODERN("resources/directory/read", URI(A "/b"),
                        .has = "[{\"uri\":\"" A "/b/c%20d\",\"name\":\"c d\","
                               "\"mimeType\":\"inode/directory\"}]") } },
    { .probe = { "its files",
                 MODERN("resources/directory/read", URI(A "/b/c%20d"),
                        .has = "\"name\":\"f\",\"mimeType\":\"application/octet-stream\","
                               "\"size\":1}]") } },
    { .probe = { "the beginning of a folder's name",
                 MODERN("resources/directory/read", URI(A "/b/c"), .code = -32602) } },
    { .probe = { "a file", MODERN("resources/directory/read", URI(A "/b-"), .code = -32602) } },
    { .probe = { "what is above",
                 MODERN("resources/directory/read", URI("skill://x"), .code = -32602) } },
    { .probe = { "nothing", MODERN("resources/directory/read", URI(""), .code = -32602) } },
    { .probe = { "a folder that bob may not see",
                 MODERN("resources/directory/read", URI("skill://secret"), .code = -32602) },
      .as_bob = true },
    { .probe = { "a text",
                 MODERN("resources/read", URI(A "/b-"), .tool = A "/b-",
                        .has = "\"contents\":[{\"uri\":\"" A "/b-\",\"mimeType\":\"text/plain\","
                               "\"text\":\"\\\"\"}],\"ttlMs\":") } },
    { .probe = { "bytes",
                 MODERN("resources/read", URI(A "/b/c%20d/f"), .tool = A "/b/c%20d/f",
                        .has = "\"mimeType\":\"application/octet-stream\",\"blob\":\"/w==\"}") } },
    { .probe = { "what bob may not read",
                 MODERN("resources/read", URI("skill://secret/SKILL.md"),
                        .tool = "skill://secret/SKILL.md", .code = -32602) },
      .as_bob = true },
    { .probe = { "a legacy client reads", REQUEST("1", "resources/read", "\"uri\":\"" A "/b-\""),
                 .status = 200,
                 .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"contents\":[{\"uri\":\"" A
                          "/b-\",\"mimeType\":\"text/plain\",\"text\":\"\\\"\"}]}}" } },
    { .probe = { "and lists", REQUEST("1", "resources/list", ""), .status = 200,
                 .exact = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resources\":[{\"uri\":\"" A
                          "/SKILL.md\",\"name\":\"a\",\"description\":\"D\",\"mimeType\":\"text/"
                          "markdown\","
                          "\"size\":31}]}}" },
      .as_bob = true },
    { .probe = { "but has no list of skills", REQUEST("1", "skills/list", ""), .status = 200,
                 .code = -32601 } },
    { .probe = { "discovered",
                 MODERN("server/discover", "",
                        .has = "\"io.modelcontextprotocol/skills\":{\"directoryRead\":true}") } },
    { .probe = { "with resources",
                 MODERN("server/discover", "", .has = "\"resources\":{\"listChanged\":true,") } },
    { .probe = { "a handshake says nothing of it",
                 REQUEST("1", "initialize",
                         "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
                         "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}"),
                 .status = 200, .lacks = "extensions" } },
};

static void test_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct mcp_out out;
        struct fixture f;
        skills_init(&f);
        f.caller = asked[i].as_bob ? bob : alice;
        f.server.page_size = asked[i].page_size;
        probe_send(&f, &asked[i].probe, &out);
        probe_compare(&asked[i].probe, &out);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

/* The fixture's own set has none. */
static void test_none_is_there(void **state)
{
    static const char *const methods[] = { "skills/list", "skills/get",
                                           "resources/directory/read" };

    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{" META "}}",
                 methods[i]);
        struct probe p = { methods[i],           body,          .version = V26,
                           .method = methods[i], .status = 404, .code = -32601 };
        probes_check(&p, 1);
    }
}

static void test_no_memory(void **state)
{
    struct fixture f;

    (void)state;
    skills_init(&f);
    for (size_t i = 0; i < COUNT(asked); i++) {
        const struct probe *p = &asked[i].probe;
        bool is_whole = false;
        f.caller = asked[i].as_bob ? bob : alice;
        for (long requests = 0; !is_whole; requests++) {
            struct mcp_out out;
            assert_true(requests < 100);
            failing_after = requests;
            probe_send(&f, p, &out);
            failing_after = -1;
            is_whole = out.status == p->status;
            if (!is_whole && (out.status != 500 || out.body.len || out.call))
                fail_msg("%s after %ld: status %d", p->name, requests, out.status);
            mcp_out_fini(&out);
        }
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_none_is_there),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
