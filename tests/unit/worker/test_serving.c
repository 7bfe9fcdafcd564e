/* What a reload replaces: when tools are shared and when built anew, and who frees them. */
#include "worker/site.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "worker/serving.h"

static struct serving *serve(struct site *s, const char *ini, struct serving *previous)
{
    struct config *c = site_config(s, ini);
    struct err e = { 0 };
    struct serving *made = serving_new(&s->gateway, c, previous, &s->host, &e);
    config_unref(c);
    if (!made)
        fail_msg("%s", e.text);
    return made;
}

static unsigned live(const struct site *s) { return atomic_load(&s->gateway.live_generations); }

static const struct tool *tool(const struct serving *s, const char *name)
{
    return toolset_find(s->generation->tools, name, strlen(name));
}

static void test_tools_are_shared(void **state)
{
    (void)state;
    struct site *s = site_new(2);
    site_tool(s, "one", "hello");
    struct serving *a = serve(s, "", NULL);
    struct serving *b = serve(s, "[rate_limit]\nbucket = 7\nper_key = 9\nwindow = 1s\n", a);
    assert_ptr_equal(a->generation, b->generation);
    assert_int_equal(live(s), 1);
    assert_int_equal(a->generation->number, 1);
    assert_int_equal(b->per_address.bucket, 7);
    assert_int_equal(b->per_key.bucket, 9);
    assert_int_equal(b->per_key.window_ms, 1000);
    assert_non_null(a->generation->vms[0]);
    assert_non_null(a->generation->vms[1]);
    serving_unref(a);
    assert_int_equal(live(s), 1);
    assert_non_null(tool(b, "one"));
    serving_unref(b);
    serving_unref(NULL);
    site_free(s);
}

static void test_tools_are_built_anew(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    site_tool(s, "one", "hello");
    struct serving *a = serve(s, "", NULL);
    site_tool(s, "two", "hello");
    struct serving *b = serve(s, "", a);
    assert_ptr_not_equal(a->generation, b->generation);
    assert_int_equal(b->generation->number, 2);
    assert_int_equal(live(s), 2);
    assert_null(tool(a, "two"));
    assert_non_null(tool(b, "two"));
    struct serving *c = serve(s, "[tools]\ntimeout = 7s\n", b);
    assert_int_equal(c->generation->number, 3);
    assert_int_equal(tool(c, "one")->timeout_ms, 7000);
    /* The newest does not need the one it was built after. */
    serving_unref(b);
    serving_unref(a);
    assert_int_equal(live(s), 1);
    serving_unref(c);
    site_free(s);
}

/* The version of before stays, in every machine, and the problem is told. */
static void test_a_broken_file_keeps_its_version(void **state)
{
    (void)state;
    struct site *s = site_new(2);
    site_tool(s, "one", "first");
    site_tool(s, "two", "first");
    struct serving *a = serve(s, "", NULL);
    site_write(s, "tools.d/one.lua", "this is not Lua");
    site_tool(s, "two", "second");
    struct serving *b = serve(s, "", a);
    assert_ptr_not_equal(a->generation, b->generation);
    assert_string_equal(tool(b, "one")->description, "Says first.");
    assert_string_equal(tool(b, "two")->description, "Says second.");
    assert_int_equal(toolset_problem_count(b->generation->tools), 1);
    assert_string_equal(toolset_problem_at(b->generation->tools, 0)->file, "one.lua");
    serving_unref(a);
    /* Still, when nothing is left of the generation that had loaded it. */
    site_tool(s, "two", "third");
    struct serving *c = serve(s, "", b);
    serving_unref(b);
    assert_string_equal(tool(c, "one")->description, "Says first.");
    site_remove(s, "tools.d/one.lua");
    struct serving *d = serve(s, "", c);
    serving_unref(c);
    assert_null(tool(d, "one"));
    assert_int_equal(toolset_problem_count(d->generation->tools), 0);
    serving_unref(d);
    site_free(s);
}

/* A folder that cannot be read: no reload, so that what serves stays. At the start it is told. */
static void test_no_folder(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    site_tool(s, "one", "hello");
    struct serving *a = serve(s, "", NULL);
    struct config *c = site_config(s, "");
    struct err e = { 0 };
    char path[256], away[256];
    snprintf(path, sizeof path, "%s/tools.d", s->dir);
    snprintf(away, sizeof away, "%s/away", s->dir);
    assert_int_equal(rename(path, away), 0);
    assert_null(serving_new(&s->gateway, c, a, &s->host, &e));
    assert_non_null(strstr(e.text, "tools folder"));
    assert_int_equal(live(s), 1);
    struct serving *b = serving_new(&s->gateway, c, NULL, &s->host, &e);
    assert_non_null(b);
    assert_int_equal(toolset_count(b->generation->tools), 0);
    assert_int_equal(toolset_problem_count(b->generation->tools), 1);
    assert_int_equal(rename(away, path), 0);
    struct serving *d = serving_new(&s->gateway, c, b, &s->host, &e);
    assert_non_null(tool(d, "one"));
    config_unref(c);
    serving_unref(a);
    serving_unref(b);
    serving_unref(d);
    site_free(s);
}

static void test_gates(void **state)
{
    (void)state;
    struct site *s = site_new(1);
    site_tool(s, "one", "hello");
    site_tool(s, "two", "hello");
    struct serving *a = serve(s, "[tool one]\nconcurrent = 2\n", NULL);
    struct gate *g = a->generation->gates[tool(a, "one")->index];
    assert_non_null(g);
    assert_null(a->generation->gates[tool(a, "two")->index]);
    struct serving *b = serve(s, "[tool one]\nconcurrent = 1\n[tool two]\nconcurrent = 1\n", a);
    assert_ptr_equal(b->generation->gates[tool(b, "one")->index], g);
    assert_non_null(b->generation->gates[tool(b, "two")->index]);
    serving_unref(a);
    serving_unref(b);
    site_free(s);
}

static void *hold(void *serving)
{
    for (int i = 0; i < 10000; i++)
        serving_unref(serving_ref(serving));
    serving_unref(serving);
    return NULL;
}

/* Whoever lets go last frees, on any thread, also machines that no worker ever took. */
static void test_threads(void **state)
{
    (void)state;
    struct site *s = site_new(2);
    site_tool(s, "one", "hello");
    struct serving *a = serve(s, "", NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold, serving_ref(a)), 0);
    serving_unref(a);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    site_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tools_are_shared),
        cmocka_unit_test(test_tools_are_built_anew),
        cmocka_unit_test(test_a_broken_file_keeps_its_version),
        cmocka_unit_test(test_no_folder),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
