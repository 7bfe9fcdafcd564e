/* One immutable set of tools: its order, its lookups, what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "tools/toolset.c"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct tool tool(const char *name)
{
    return (struct tool){ .name = name, .description = "d", .input_schema = "{}", .file = "f.lua" };
}

static void add(struct toolset *s, const char *name)
{
    struct tool t = tool(name);
    struct err e;

    if (toolset_add(s, &t, &e) != 0)
        fail_msg("%s", e.text);
}

static void test_wire_order(void **state)
{
    static const char *const added[] = { "zeta", "fetch",  "Alpha", "alpha", "search",
                                         "a",    "fetch2", "aa",    "_x" };
    static const char *const wire[] = { "search", "fetch", "Alpha",  "_x",  "a",
                                        "aa",     "alpha", "fetch2", "zeta" };
    struct toolset *s = toolset_new(7);

    (void)state;
    for (size_t i = 0; i < COUNT(added); i++)
        add(s, added[i]);
    assert_null(toolset_at(s, 0)); /* only a complete set has an order */
    assert_null(toolset_find(s, "a", 1));
    assert_int_equal(toolset_seal(s), 0);
    assert_int_equal(toolset_seal(s), 0);
    assert_int_equal(toolset_generation(s), 7);
    assert_int_equal(toolset_count(s), COUNT(added));
    for (size_t i = 0; i < COUNT(added); i++) {
        const struct tool *t = toolset_at(s, i);
        assert_string_equal(t->name, wire[i]);
        assert_string_equal(added[t->index], wire[i]);
        assert_ptr_equal(toolset_by_index(s, t->index), t);
        assert_ptr_equal(toolset_find(s, wire[i], strlen(wire[i])), t);
    }
    assert_null(toolset_at(s, COUNT(added)));
    assert_null(toolset_by_index(s, COUNT(added)));
    toolset_unref(s);
}

static void test_find(void **state)
{
    struct toolset *s = toolset_new(1);

    (void)state;
    add(s, "status");
    add(s, "stat");
    add(s, "list_jobs");
    assert_int_equal(toolset_seal(s), 0);
    assert_string_equal(toolset_find(s, "status", 6)->name, "status");
    assert_string_equal(toolset_find(s, "statusx", 6)->name, "status");
    assert_string_equal(toolset_find(s, "status", 4)->name, "stat");
    assert_null(toolset_find(s, "sta", 3));
    assert_null(toolset_find(s, "statu", 5));
    assert_null(toolset_find(s, "statuss", 7));
    assert_null(toolset_find(s, "Status", 6));
    assert_null(toolset_find(s, "", 0));
    assert_null(toolset_find(s, "stat\0", 5));
    assert_null(toolset_find(s, "stat\0x", 6));
    assert_null(toolset_find(s, "zzz", 3));
    toolset_unref(s);
    s = toolset_new(2);
    assert_int_equal(toolset_seal(s), 0); /* an empty set is a set */
    assert_null(toolset_find(s, "x", 1));
    assert_int_equal(toolset_count(s), 0);
    toolset_unref(s);
    toolset_unref(NULL);
}

/* Prompts and resources are there for those who ask for them, and no tools. */
static void test_kinds(void **state)
{
    struct toolset *s = toolset_new(1);
    static const struct tool added[] = {
        { .kind = TOOL_TEMPLATE, .name = "resource:b", .uri = "x:{a}", .mime_type = "m/t" },
        { .kind = TOOL_LISTER, .name = "resource:b" },
        { .kind = TOOL_COMPLETER, .name = "resource:b" },
        { .name = "zeta" },
        { .kind = TOOL_PROMPT, .name = "prompt:b", .arguments = "[]" },
        { .kind = TOOL_RESOURCE, .name = "resource:a", .uri = "x:y", .size = 3 },
        { .kind = TOOL_PROMPT, .name = "prompt:a" },
        { .name = "search" },
    };
    static const struct tool taken = { .kind = TOOL_RESOURCE, .name = "resource:b", .uri = "x:z" };
    struct err e;

    (void)state;
    for (size_t i = 0; i < COUNT(added); i++)
        assert_int_equal(toolset_add(s, &added[i], &e), 0);
    assert_int_equal(toolset_add(s, &taken, &e), MG_E_CONFLICT);
    assert_null(toolset_offer_find(s, TOOL_PROMPT, "prompt:a", 8));
    assert_int_equal(toolset_seal(s), 0);
    assert_int_equal(toolset_count(s), 2);
    assert_int_equal(toolset_size(s), COUNT(added));
    assert_string_equal(toolset_at(s, 0)->name, "search");
    assert_string_equal(toolset_at(s, 1)->name, "zeta");
    assert_null(toolset_at(s, 2));
    assert_null(toolset_find(s, "prompt:a", 8));
    assert_string_equal(toolset_find(s, "zeta", 4)->name, "zeta");
    assert_int_equal(toolset_offers(s, TOOL_PROMPT), 2);
    assert_string_equal(toolset_offer_at(s, TOOL_PROMPT, 0)->name, "prompt:a");
    assert_string_equal(toolset_offer_at(s, TOOL_PROMPT, 1)->arguments, "[]");
    assert_null(toolset_offer_at(s, TOOL_PROMPT, 2));
    assert_null(toolset_offer_find(s, TOOL_PROMPT, "resource:a", 10));
    const struct tool *t = toolset_offer_find(s, TOOL_TEMPLATE, "resource:b", 10);
    assert_string_equal(t->uri, "x:{a}");
    assert_string_equal(t->mime_type, "m/t");
    assert_string_equal(tool_wire_name(t), "b");
    assert_int_equal(toolset_offer_find(s, TOOL_LISTER, "resource:b", 10)->index, 1);
    assert_int_equal(toolset_offer_find(s, TOOL_COMPLETER, "resource:b", 10)->index, 2);
    assert_int_equal(toolset_offer_at(s, TOOL_RESOURCE, 0)->size, 3);
    assert_string_equal(toolset_named(s, "prompt:b")->arguments, "[]");
    assert_ptr_equal(toolset_named(s, "resource:b"), t);
    assert_ptr_equal(toolset_named(s, "zeta"), toolset_at(s, 1));
    assert_null(toolset_named(s, "prompt:c"));
    toolset_unref(s);
}

static void test_refused(void **state)
{
    struct toolset *s = toolset_new(1);
    struct tool t = tool("greet");
    struct err e;

    (void)state;
    t.file = "a.lua";
    assert_int_equal(toolset_add(s, &t, &e), 0);
    t.file = "b.lua";
    assert_int_equal(toolset_add(s, &t, &e), MG_E_CONFLICT);
    assert_string_equal(e.text, "b.lua: the tool greet is already declared by a.lua");
    assert_int_equal(toolset_seal(s), 0);
    assert_string_equal(toolset_find(s, "greet", 5)->file, "a.lua");
    t.name = "other";
    assert_int_equal(toolset_add(s, &t, &e), MG_E_INVALID);
    assert_int_equal(toolset_count(s), 1);
    toolset_unref(s);
}

/* Nothing of what was given is referred to afterwards. */
static void test_copies(void **state)
{
    char text[11][8] = { "name",  "title", "desc", "in",    "out", "ann",
                         "icons", "meta",  "file", "needs", "set" };
    struct toolset *s = toolset_new(1);
    struct tool t = {
        .name = text[0],
        .title = text[1],
        .description = text[2],
        .input_schema = text[3],
        .output_schema = text[4],
        .annotations = text[5],
        .icons = text[6],
        .meta = text[7],
        .file = text[8],
        .needs = text[9],
        .settings = text[10],
        .timeout_ms = 5,
        .memory_bytes = 6,
        .concurrent = 7,
        .rate_bucket = 8,
        .rate_window_ms = 9,
        .coerce = true,
        .metric = 10,
        .index = 99,
    };

    (void)state;
    assert_int_equal(toolset_add(s, &t, NULL), 0);
    memset(text, 'X', sizeof text);
    assert_int_equal(toolset_seal(s), 0);
    const struct tool *c = toolset_find(s, "name", 4);
    assert_string_equal(c->title, "title");
    assert_string_equal(c->description, "desc");
    assert_string_equal(c->input_schema, "in");
    assert_string_equal(c->output_schema, "out");
    assert_string_equal(c->annotations, "ann");
    assert_string_equal(c->icons, "icons");
    assert_string_equal(c->meta, "meta");
    assert_string_equal(c->file, "file");
    assert_string_equal(c->needs, "needs");
    assert_string_equal(c->settings, "set");
    assert_int_equal(c->timeout_ms, 5);
    assert_int_equal(c->memory_bytes, 6);
    assert_int_equal(c->concurrent, 7);
    assert_int_equal(c->rate_bucket, 8);
    assert_int_equal(c->rate_window_ms, 9);
    assert_true(c->coerce);
    assert_int_equal(c->metric, 10);
    assert_int_equal(c->index, 0);
    toolset_unref(s);
}

static void test_optional_texts(void **state)
{
    struct toolset *s = toolset_new(1);

    (void)state;
    add(s, "x");
    assert_int_equal(toolset_seal(s), 0);
    const struct tool *c = toolset_at(s, 0);
    assert_null(c->title);
    assert_null(c->output_schema);
    assert_null(c->annotations);
    assert_null(c->icons);
    assert_null(c->meta);
    toolset_unref(s);
}

static void test_problems(void **state)
{
    struct toolset *s = toolset_new(1);
    char text[] = "tools.d/bad.lua:3: unexpected symbol";

    (void)state;
    struct toolset_problem bad = { .file = "bad.lua", .text = text, .shown = text, .version = 5 };
    struct toolset_problem worse = { .file = "worse.lua", .text = "x" };
    assert_int_equal(toolset_add_problem(s, &bad), 0);
    assert_int_equal(toolset_add_problem(s, &worse), 0);
    assert_true(toolset_has_problem(s, &bad));
    bad.version = 6;
    assert_false(toolset_has_problem(s, &bad));
    worse.text = "y";
    assert_false(toolset_has_problem(s, &worse));
    memset(text, 'X', 5);
    assert_string_equal(toolset_problem_at(s, 0)->shown, "tools.d/bad.lua:3: unexpected symbol");
    assert_string_equal(toolset_problem_at(s, 1)->shown, "");
    assert_int_equal(toolset_problem_count(s), 2);
    assert_string_equal(toolset_problem_at(s, 0)->file, "bad.lua");
    assert_string_equal(toolset_problem_at(s, 0)->text, "tools.d/bad.lua:3: unexpected symbol");
    assert_string_equal(toolset_problem_at(s, 1)->file, "worse.lua");
    assert_null(toolset_problem_at(s, 2));
    toolset_unref(s);
}

static void test_many(void **state)
{
    struct toolset *s = toolset_new(1);
    char name[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "tool%d", (i * 7919) % 1000);
        add(s, name);
    }
    assert_int_equal(toolset_seal(s), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "tool%d", i);
        assert_string_equal(toolset_find(s, name, strlen(name))->name, name);
    }
    for (size_t i = 1; i < 1000; i++)
        assert_true(strcmp(toolset_at(s, i - 1)->name, toolset_at(s, i)->name) < 0);
    toolset_unref(s);
}

static void test_references(void **state)
{
    struct toolset *s = toolset_new(3);

    (void)state;
    assert_ptr_equal(toolset_ref(s), s);
    toolset_unref(s);
    assert_int_equal(toolset_generation(s), 3);
    toolset_unref(s);
}

/* What cannot be added is not there, half or whole, and the set can go on. */
static void test_no_memory(void **state)
{
    struct toolset *s;
    struct tool t = tool("a");
    struct err e;

    struct toolset_problem p = { .file = "f", .text = "t" };

    (void)state;
    failing_after = 0;
    assert_null(toolset_new(1));
    failing_after = -1;
    s = toolset_new(1);
    for (long n = 0; n < 2; n++) {
        failing_after = n;
        assert_int_equal(toolset_add(s, &t, &e), MG_E_NOMEM);
        failing_after = n;
        assert_int_equal(toolset_add_problem(s, &p), MG_E_NOMEM);
        assert_int_equal(toolset_problem_count(s), 0);
        assert_int_equal(toolset_count(s), 0);
    }
    for (long n = 2; n < 4; n++) {
        failing_after = n;
        assert_int_equal(toolset_add_problem(s, &p), MG_E_NOMEM);
        assert_int_equal(toolset_problem_count(s), 0);
    }
    failing_after = -1;
    assert_int_equal(toolset_add(s, &t, &e), 0);
    for (long n = 0; n < 2; n++) {
        failing_after = n;
        assert_int_equal(toolset_seal(s), MG_E_NOMEM);
        assert_null(toolset_at(s, 0));
    }
    failing_after = -1;
    assert_int_equal(toolset_seal(s), 0);
    assert_string_equal(toolset_at(s, 0)->name, "a");
    toolset_unref(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_order), cmocka_unit_test(test_find),
        cmocka_unit_test(test_kinds),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_copies),     cmocka_unit_test(test_optional_texts),
        cmocka_unit_test(test_problems),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_references), cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
