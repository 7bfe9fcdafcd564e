/* Counting from many threads, and the text that Prometheus reads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

static struct buf rendered;

static const char *render(void)
{
    buf_clear(&rendered);
    metrics_render(&rendered);
    assert_non_null(buf_cstr(&rendered));
    return rendered.data;
}

/* The value behind a whole line's beginning, such as `name{label="x"} `; -1: no such line. */
static double value_of(const char *line)
{
    const char *p = render();
    size_t len = strlen(line);

    for (; p && *p; p = strchr(p, '\n') + 1)
        if (strncmp(p, line, len) == 0 && p[len] == ' ')
            return strtod(p + len + 1, NULL);
    return -1;
}

static void check(const char *line, double want)
{
    double got = value_of(line);

    if (got != want)
        fail_msg("%s: %g instead of %g", line, got, want);
}

static void test_values(void **state)
{
    struct metrics_slot *a = metrics_slot(0), *b = metrics_slot(1);

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a, metrics_slot(0));
    assert_ptr_equal(metrics_slot(METRICS_SLOTS - 1), metrics_slot(METRICS_SLOTS + 1000));
    check("moongate_connections_open", 0);
    metrics_add(a, M_CONNECTIONS_OPEN, 5);
    metrics_add(b, M_CONNECTIONS_OPEN, 2);
    metrics_add(a, M_CONNECTIONS_OPEN, -3);
    metrics_add(metrics_slot(METRICS_SLOTS), M_CONNECTIONS_OPEN, 1);
    check("moongate_connections_open", 5);
    metrics_set(a, M_LUA_BYTES, 1000);
    metrics_set(b, M_LUA_BYTES, 500);
    metrics_set(a, M_LUA_BYTES, 800);
    check("moongate_lua_bytes", 1300);
    metrics_add(a, M_STREAMS_OVERFLOWED_CONNECTION, 1);
    metrics_add(b, M_STREAMS_OVERFLOWED_TOPIC, 2);
    check("moongate_streams_overflowed_total{queue=\"connection\"}", 1);
    check("moongate_streams_overflowed_total{queue=\"topic\"}", 2);
}

static void test_requests(void **state)
{
    struct metrics_slot *s = metrics_slot(2);

    (void)state;
    metrics_request(s, 200, 999);
    metrics_request(s, 200, 1000);
    metrics_request(s, 200, 1001);
    metrics_request(s, 404, 60000000);
    metrics_request(s, 500, 60000001);
    metrics_request(s, 0, -5);
    metrics_request(s, 1000000, 1500000);
    check("moongate_requests_total{status=\"200\"}", 3);
    check("moongate_requests_total{status=\"404\"}", 1);
    check("moongate_requests_total{status=\"500\"}", 1);
    check("moongate_requests_total{status=\"none\"}", 2);
    check("moongate_requests_total{status=\"201\"}", -1);
    check("moongate_request_duration_seconds_bucket{le=\"0.001\"}", 3);
    check("moongate_request_duration_seconds_bucket{le=\"0.0025\"}", 4);
    check("moongate_request_duration_seconds_bucket{le=\"1\"}", 4);
    check("moongate_request_duration_seconds_bucket{le=\"2.5\"}", 5);
    check("moongate_request_duration_seconds_bucket{le=\"60\"}", 6);
    check("moongate_request_duration_seconds_bucket{le=\"+Inf\"}", 7);
    check("moongate_request_duration_seconds_count", 7);
    check("moongate_request_duration_seconds_sum", 121.503001);
}

static void test_calls(void **state)
{
    unsigned echo = metrics_tool("echo"), odd = metrics_tool("odd\"\\\nname");

    (void)state;
    assert_int_equal(metrics_tool("echo"), echo);
    assert_int_not_equal(echo, odd);
    check("moongate_calls_total{tool=\"echo\",outcome=\"OK\"}", -1); /* never called: no lines */
    metrics_call(metrics_slot(0), echo, OUT_OK, 3000);
    metrics_call(metrics_slot(1), echo, OUT_OK, 200);
    metrics_call(metrics_slot(METRICS_SLOTS), echo, OUT_KILLED, 2000000);
    metrics_call(metrics_slot(0), odd, OUT_TIMEOUT, 1);
    check("moongate_calls_total{tool=\"echo\",outcome=\"OK\"}", 2);
    check("moongate_calls_total{tool=\"echo\",outcome=\"KILLED\"}", 1);
    check("moongate_calls_total{tool=\"echo\",outcome=\"CANCELLED\"}", 0);
    check("moongate_calls_total{tool=\"odd\\\"\\\\\\nname\",outcome=\"TIMEOUT\"}", 1);
    check("moongate_call_duration_seconds_bucket{tool=\"echo\",le=\"0.001\"}", 1);
    check("moongate_call_duration_seconds_bucket{tool=\"echo\",le=\"0.005\"}", 2);
    check("moongate_call_duration_seconds_bucket{tool=\"echo\",le=\"+Inf\"}", 3);
    check("moongate_call_duration_seconds_count{tool=\"echo\"}", 3);
    check("moongate_call_duration_seconds_sum{tool=\"echo\"}", 2.0032);
}

/* Every line is a comment or a name with optional labels and a number; every name has its HELP and
 * TYPE once, in front of its values. */
static void test_format(void **state)
{
    char family[100] = "";
    const char *end;
    int families = 0;

    (void)state;
    for (const char *p = render(); *p; p = end + 1) {
        char name[100], type[20];
        int used = 0;
        end = strchr(p, '\n');
        assert_non_null(end);
        if (sscanf(p, "# HELP %99[a-z_] %n", name, &used) == 1 && used > 0) {
            assert_true(end - p > used + 5);
            for (const char *again = strstr(end, "# HELP "); again;
                 again = strstr(again + 1, "# HELP "))
                assert_false(strncmp(again + 7, name, strlen(name)) == 0 &&
                             again[7 + strlen(name)] == ' ');
            families++;
        } else if (sscanf(p, "# TYPE %99[a-z_] %19s", family, type) == 2) {
            assert_string_equal(family, name);
            bool is_total =
                strlen(family) > 6 && strcmp(family + strlen(family) - 6, "_total") == 0;
            assert_int_equal(is_total, strcmp(type, "counter") == 0);
        } else {
            assert_memory_equal(p, "moongate_", 9);
            assert_memory_equal(p, family, strlen(family));
            const char *space = memrchr(p, ' ', (size_t)(end - p));
            char *behind;
            assert_non_null(space);
            strtod(space + 1, &behind);
            assert_ptr_equal(behind, end);
        }
    }
    assert_int_equal(families, 4 + M_COUNT - 4);
}

static void source(void *arg, struct buf *out)
{
    buf_printf(out, "source_value %d\n", *(int *)arg);
}

static void test_sources(void **state)
{
    static int value = 41;

    (void)state;
    metrics_source(source, &value);
    value++;
    check("source_value", 42);
    for (int i = 0; i < 20; i++) /* those over the limit are left out, and logged */
        metrics_source(source, &value);
    int lines = 0;
    for (const char *p = render(); (p = strstr(p, "source_value")) != NULL; p++)
        lines++;
    assert_int_equal(lines, 16);
}

#define EACH 20000

static void *count(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    struct metrics_slot *s = metrics_slot(index);
    unsigned tool = metrics_tool("threaded");

    for (int i = 0; i < EACH; i++) {
        metrics_add(s, M_STREAM_EVENTS, 1);
        metrics_call(s, tool, i % 2 ? OUT_OK : OUT_TOOL_ERROR, i % 100);
        if (i % 5000 == 0) {
            struct buf b = { 0 };
            metrics_render(&b);
            assert_true(buf_ok(&b));
            buf_fini(&b);
        }
    }
    return NULL;
}

/* Two threads with a slot each, and two that share the last one: nothing is lost. */
static void test_threads(void **state)
{
    static const unsigned index[4] = { 10, 11, METRICS_SLOTS - 1, METRICS_SLOTS - 1 };
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, (void *)(uintptr_t)index[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    check("moongate_stream_events_total", 4 * EACH);
    check("moongate_calls_total{tool=\"threaded\",outcome=\"OK\"}", 2 * EACH);
    check("moongate_call_duration_seconds_count{tool=\"threaded\"}", 4 * EACH);
}

/* Names past the most share one number, and their calls are counted under it. Last, because names
 * stay. */
static void test_too_many_tools(void **state)
{
    unsigned index = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < METRICS_TOOLS + 50; i++) {
        snprintf(name, sizeof name, "tool%d", i);
        index = metrics_tool(name);
        assert_true(index < METRICS_TOOLS);
    }
    assert_int_equal(index, METRICS_TOOLS - 1);
    assert_int_equal(metrics_tool("one more"), METRICS_TOOLS - 1);
    assert_int_equal(metrics_tool("tool0"), metrics_tool("tool0"));
    assert_int_not_equal(metrics_tool("tool0"), METRICS_TOOLS - 1);
    metrics_call(metrics_slot(0), index, OUT_OK, 1);
    metrics_call(metrics_slot(0), METRICS_TOOLS + 7, OUT_OK, 1);
    check("moongate_calls_total{tool=\"other\",outcome=\"OK\"}", 2);
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(outcome_word(OUT_OK), "OK");
    assert_string_equal(outcome_word(OUT_KILLED), "KILLED");
    for (int o = 0; o < OUT_COUNT; o++)
        assert_string_not_equal(outcome_word((enum outcome)o), "UNKNOWN");
    assert_string_equal(outcome_word(OUT_COUNT), "UNKNOWN");
}

static int done(void **state)
{
    (void)state;
    buf_fini(&rendered);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),         cmocka_unit_test(test_requests),
        cmocka_unit_test(test_calls),          cmocka_unit_test(test_format),
        cmocka_unit_test(test_sources),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_too_many_tools), cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
