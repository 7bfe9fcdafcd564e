/* A page of resources that several templates fill. */
#include "fixture.h"

#define ONE "{\"name\":\"1\",\"uri\":\"x:1\"}"
#define TWO "{\"name\":\"2\",\"uri\":\"x:2\"}"
#define TODAY "{\"uri\":\"test://today\",\"name\":\"today\"}"
#define NEXT "\"nextCursor\":\"bGlzdGVkOmZpbGU\"" /* listed:file */
#define ALL REQUEST("1", "resources/list", "")
#define BEHIND(cursor) REQUEST("1", "resources/list", "\"cursor\":\"" cursor "\"")
#define BEHIND_DECLARED BEHIND("bGlzdGVkOiE")
#define BEHIND_FIRST BEHIND("bGlzdGVkOmZpbGU")

static void listers_init(struct fixture *f)
{
    static const struct tool offers[] = {
        { .kind = TOOL_RESOURCE, .name = "resource:today", .uri = "test://today", .size = -1 },
        { .kind = TOOL_LISTER, .name = "resource:file" },
        { .kind = TOOL_LISTER, .name = "resource:job" },
    };
    struct err e;

    fixture_init(f);
    toolset_unref(f->tools);
    assert_non_null(f->tools = toolset_new(1));
    for (size_t i = 0; i < COUNT(offers); i++)
        assert_int_equal(toolset_add(f->tools, &offers[i], &e), 0);
    assert_int_equal(toolset_seal(f->tools), 0);
}

/* What a lister ends with; NULL: it fails. */
static struct tool_result listed(const char *entry)
{
    struct tool_result r = { 0 };

    if (entry)
        buf_printf(&r.content, "[%s]", entry);
    else
        tool_result_text(&r, OUT_TOOL_ERROR, true, "it broke", 8);
    return r;
}

static void expect(struct fixture *f, const struct mcp_call *c, const struct tool_result *r,
                   const char *name, const char *want)
{
    struct buf b = { 0 };

    mcp_encode_result(&f->server, c, r, &b);
    if (!strstr(buf_cstr(&b), want))
        fail_msg("%s: %s, want %s", name, b.data, want);
    buf_fini(&b);
}

/* What two templates list stands on one page, unless it is full before that. */
static void test_two(void **state)
{
    static const struct {
        const char *name, *first, *second; /* NULL: it fails */
        size_t page_size, max;
        bool goes_on;
        const char *want;
    } rows[] = {
        { "both", ONE, TWO, 0, 1000, true, "{\"resources\":[" ONE "," TWO "]}" },
        { "both, where that fits", ONE, TWO, 2, 1000, true, "{\"resources\":[" ONE "," TWO "]}" },
        { "full", ONE, TWO, 1, 1000, false, "{\"resources\":[" ONE "]," NEXT "}" },
        { "too long", ONE, TWO, 0, 40, true, "{\"resources\":[" ONE "]," NEXT "}" },
        { "the first fails", NULL, TWO, 0, 1000, true, "{\"resources\":[" TWO "]}" },
        { "the second fails", ONE, NULL, 0, 1000, true, "{\"resources\":[" ONE "]}" },
        { "both fail", NULL, NULL, 0, 1000, true, "{\"resources\":[]}" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct mcp_out out;
        listers_init(&f);
        f.server.page_size = rows[i].page_size;
        probe_send(&f, &(struct probe){ .body = BEHIND_DECLARED }, &out);
        assert_non_null(out.call);
        struct tool_result r = listed(rows[i].first);
        bool goes_on = mcp_list_goes_on(&f.server, out.call, &r, rows[i].max);
        assert_int_equal(goes_on, rows[i].goes_on);
        assert_string_equal(out.call->tool->name, goes_on ? "resource:job" : "resource:file");
        if (goes_on) {
            tool_result_fini(&r);
            r = listed(rows[i].second);
            assert_false(mcp_list_goes_on(&f.server, out.call, &r, rows[i].max));
        }
        expect(&f, out.call, &r, rows[i].name, rows[i].want);
        tool_result_fini(&r);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

/* What is declared stands before what is listed; what has a gap is kept by nobody; what is
 * cancelled is no list. */
static void test_one(void **state)
{
    static const struct {
        const char *name, *body, *entry;
        enum mcp_revision revision;
        bool is_cancelled;
        const char *want;
    } rows[] = {
        { "declared", ALL, ONE, MCP_2025_11_25, false, "[" TODAY "," ONE "]," NEXT },
        { "whole", BEHIND_FIRST, ONE, MCP_2026_07_28, false,
          "[" ONE "],\"ttlMs\":60000,\"cacheScope\":\"private\"" },
        { "a gap", BEHIND_FIRST, NULL, MCP_2026_07_28, false,
          "\"resources\":[],\"ttlMs\":0,\"cacheScope\":\"private\"" },
        { "cancelled", BEHIND_FIRST, NULL, MCP_2025_11_25, true, "\"error\":{\"code\":-32603" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct mcp_out out;
        struct tool_result r = listed(rows[i].entry);
        listers_init(&f);
        probe_send(&f, &(struct probe){ .body = rows[i].body }, &out);
        assert_non_null(out.call);
        out.call->revision = rows[i].revision;
        if (rows[i].is_cancelled)
            r.outcome = OUT_CANCELLED;
        expect(&f, out.call, &r, rows[i].name, rows[i].want);
        tool_result_fini(&r);
        mcp_out_fini(&out);
        fixture_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two),
        cmocka_unit_test(test_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
