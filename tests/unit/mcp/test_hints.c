/* Cache hints: what a client may keep of what it read is what was declared; for all callers only
 * where all may read the same, and not at all what came of its answers. */
#include "fixture.h"

#include "tools/toolset.h"

#define READ REQUEST("1", "resources/read", "\"uri\":\"test://kept\"")

static const struct row {
    enum mcp_revision revision;
    bool all_alike, is_retried, is_answered;
    const char *want;
} rows[] = {
    { MCP_2026_07_28, true, false, false,
      "],\"ttlMs\":600000,\"cacheScope\":\"public\",\"_meta\"" },
    { MCP_2026_07_28, false, false, false, "],\"ttlMs\":600000,\"cacheScope\":\"private\"," },
    { MCP_2026_07_28, true, true, false, "],\"ttlMs\":0,\"cacheScope\":\"private\"," },
    { MCP_2026_07_28, true, false, true, "],\"ttlMs\":0,\"cacheScope\":\"private\"," },
    { MCP_2025_11_25, true, false, false, "\"result\":{\"contents\":[]}}" },
};

static void tools_set(struct fixture *f)
{
    static const struct tool kept = { .kind = TOOL_RESOURCE,
                                      .name = "resource:kept",
                                      .uri = "test://kept",
                                      .size = -1,
                                      .cache_ttl_ms = 600000,
                                      .cache_is_public = true };
    struct err e;

    toolset_unref(f->tools);
    f->tools = toolset_new(1);
    assert_non_null(f->tools);
    assert_int_equal(toolset_add(f->tools, &kept, &e), 0);
    assert_int_equal(toolset_seal(f->tools), 0);
}

static void encoded(struct fixture *f, const struct row *row, struct buf *out)
{
    struct mcp_in in = { .body = READ,
                         .len = sizeof READ - 1,
                         .accepts_json = true,
                         .principal = alice,
                         .tools = f->tools };
    struct tool_result r = { .outcome = OUT_OK };
    struct mcp_out answer;

    f->server.lists_are_public = row->all_alike;
    buf_str(&r.content, "[]");
    mcp_handle(&f->server, &in, &answer);
    assert_non_null(answer.call);
    answer.call->revision = row->revision;
    answer.call->has_state = row->is_retried;
    if (row->is_answered)
        answer.call->responses = (struct json_text){ "{}", 2, JSON_OBJECT };
    mcp_encode_result(&f->server, answer.call, &r, out);
    tool_result_fini(&r);
    mcp_out_fini(&answer);
}

static void test_read(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    tools_set(&f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b = { 0 };
        encoded(&f, &rows[i], &b);
        if (!strstr(buf_cstr(&b), rows[i].want))
            fail_msg("%zu: wanted %s in %s", i, rows[i].want, buf_cstr(&b));
        buf_fini(&b);
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
