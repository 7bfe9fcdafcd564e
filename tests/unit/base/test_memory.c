/* Memory runs out at every single request, one after the other: each time there is an outcome that
 * the headers name, and nothing leaks (the sanitizers look). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/failing.h"

#include "base/buf.c"
#include "base/json_keys.c"
#include "base/log_source.c"
#include "base/metrics.c"

/* Three objects inside each other with more keys than are compared one by one, some of them
 * escaped. */
static struct buf text_of_keys(void)
{
    struct buf b = { 0 };

    for (int depth = 0; depth < 3; depth++) {
        for (int i = 0; i < 40; i++)
            buf_printf(&b, "%s\"%s%d\":0", i ? "," : "{", i % 2 ? "key" : "k\\u0065y", i);
        buf_printf(&b, ",\"inner%d\":", depth);
    }
    buf_str(&b, "1}}}");
    assert_true(buf_ok(&b));
    return b;
}

static void test_scan(void **state)
{
    struct buf b = text_of_keys();
    struct json_text root;
    struct err e;
    int rc = MG_E_NOMEM;
    long n;

    (void)state;
    for (n = 0; rc != 0; n++) {
        failing_after = n;
        rc = json_scan(b.data, b.len, NULL, &root, &e);
        failing_after = -1;
        assert_true(rc == 0 || rc == MG_E_NOMEM);
        assert_true(n < 100);
    }
    assert_true(n > 5); /* so many requests there were */
    buf_fini(&b);
}

/* What is of the usual size needs no memory at all. */
static void test_small_scan(void **state)
{
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
                               "{\"name\":\"echo\",\"arguments\":{\"a\":1,\"b\":[{\"c\":2}]}}}";
    struct json_text root;
    struct err e;

    (void)state;
    failing_after = 0;
    assert_int_equal(json_scan(text, sizeof text - 1, NULL, &root, &e), 0);
    failing_after = -1;
}

/* Without memory a worker counts in the shared slot, a tool as "other". */
static void test_metrics(void **state)
{
    struct buf b = { 0 };

    (void)state;
    failing_after = 0;
    assert_ptr_equal(metrics_slot(3), metrics_slot(METRICS_SLOTS - 1));
    metrics_add(metrics_slot(3), M_UNAUTHORIZED, 1);
    assert_int_equal(metrics_tool("unlucky"), METRICS_OTHER);
    failing_after = -1;
    struct metrics_slot *s = metrics_slot(3);
    assert_ptr_not_equal(s, metrics_slot(METRICS_SLOTS - 1));
    unsigned tool = metrics_tool("lucky");
    failing_after = 0;
    metrics_call(s, tool, OUT_OK, 1);
    failing_after = -1;
    metrics_call(s, tool, OUT_OK, 1);
    metrics_render(&b);
    assert_non_null(strstr(buf_cstr(&b), "moongate_unauthorized_total 1\n"));
    assert_non_null(strstr(b.data, "moongate_calls_total{tool=\"other\",outcome=\"OK\"} 1\n"));
    assert_non_null(strstr(b.data, "moongate_calls_total{tool=\"lucky\",outcome=\"OK\"} 1\n"));
    buf_fini(&b);
}

static void *log_without_memory(void *arg)
{
    (void)arg;
    failing_after = 0;
    log_printf(LOG_ERROR, "this line cannot be kept");
    failing_after = -1;
    return NULL;
}

/* A thread whose ring cannot be made loses its line, and that is counted. */
static void test_log(void **state)
{
    uint64_t dropped = log_dropped();
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, log_without_memory, NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(log_dropped() - dropped, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_small_scan),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
