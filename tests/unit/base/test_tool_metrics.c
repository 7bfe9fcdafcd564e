/* test_tool_metrics.c - what tools count: the lines of /metrics, bounds, and threads. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/tool_metrics.h"

static struct tool_metric *make(const char *name, enum tool_metric_type type)
{
    static const double bounds[] = { 0.1, 1, 2.5 };
    struct err e = { 0 };
    bool is_histogram = type == TOOL_HISTOGRAM;
    struct tool_metric *m = tool_metric_find(name, type, "Help.", is_histogram ? bounds : NULL,
                                             is_histogram ? 3 : 0, &e);
    if (!m)
        fail_msg("%s", e.text);
    return m;
}

/* label: "name=value", or NULL. */
static void note(struct tool_metric *m, const char *tool, double v, const char *label)
{
    char name[200] = "";
    struct tool_label l = { .name = name };
    const char *equals = label ? strchr(label, '=') : NULL;
    struct err e = { 0 };

    if (equals) {
        memcpy(name, label, (size_t)(equals - label));
        l.value = equals + 1;
        l.value_len = strlen(l.value);
    }
    assert_int_equal(tool_metric_note(m, tool, v, &l, equals ? 1 : 0, &e), 0);
}

static void has(const char *line, bool wanted)
{
    struct buf out = { 0 };
    char want[1200];

    buf_str(&out, "\n");
    tool_metrics_render(NULL, &out);
    snprintf(want, sizeof want, "\n%s\n", line);
    const char *text = buf_cstr(&out);
    if ((strstr(text, want) != NULL) != wanted)
        fail_msg("%s: %s\n%s", wanted ? "missing" : "there", line, text);
    buf_fini(&out);
}

static void test_lines(void **state)
{
    (void)state;
    struct tool_metric *c = make("hits_total", TOOL_COUNTER), *g = make("depth", TOOL_GAUGE);
    struct tool_metric *h = make("seconds", TOOL_HISTOGRAM);

    has("# TYPE moongate_tool_hits_total counter", false); /* nothing was counted */
    note(c, "a", 1, NULL);
    note(c, "a", 1.5, NULL);
    note(c, "b", 1, "code=200");
    note(g, "a", 5, NULL);
    note(g, "a", -0.25, NULL);
    note(h, "a", 0.1, NULL);
    note(h, "a", 0.2, NULL);
    note(h, "a", 99, NULL);
    has("# HELP moongate_tool_hits_total Help.", true);
    has("# TYPE moongate_tool_hits_total counter", true);
    has("moongate_tool_hits_total{tool=\"a\"} 2.5", true);
    has("moongate_tool_hits_total{tool=\"b\",code=\"200\"} 1", true);
    has("moongate_tool_depth{tool=\"a\"} -0.25", true);
    has("moongate_tool_seconds_bucket{tool=\"a\",le=\"0.1\"} 1", true);
    has("moongate_tool_seconds_bucket{tool=\"a\",le=\"1\"} 2", true);
    has("moongate_tool_seconds_bucket{tool=\"a\",le=\"2.5\"} 2", true);
    has("moongate_tool_seconds_bucket{tool=\"a\",le=\"+Inf\"} 3", true);
    has("moongate_tool_seconds_count{tool=\"a\"} 3", true);
    assert_ptr_equal(make("hits_total", TOOL_COUNTER), c); /* a reload: the values stay */
    has("moongate_tool_hits_total{tool=\"a\"} 2.5", true);
}

static void test_escapes(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct tool_metric *c = tool_metric_find("odd", TOOL_COUNTER, "a\\b\nc", NULL, 0, &e);
    char longest[200];

    assert_non_null(c);
    note(c, "a", 1, "x=a\"b\\c\nd\xff");
    has("# HELP moongate_tool_odd a\\\\b\\nc", true);
    has("moongate_tool_odd{tool=\"a\",x=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 1", true);
    /* Cut at 128 bytes, not inside a character. */
    snprintf(longest, sizeof longest, "y=%0127d\xC3\xA9", 0);
    note(c, "a", 1, longest);
    snprintf(longest, sizeof longest, "moongate_tool_odd{tool=\"a\",y=\"%0127d\"} 1", 0);
    has(longest, true);
    /* Sorted: one series however the labels are given. */
    struct tool_label two[] = { { "b", "2", 1 }, { "a", "1", 1 } };
    assert_int_equal(tool_metric_note(c, "a", 1, two, 2, &e), 0);
    struct tool_label again[] = { { "a", "1", 1 }, { "b", "2", 1 } };
    assert_int_equal(tool_metric_note(c, "a", 1, again, 2, &e), 0);
    has("moongate_tool_odd{tool=\"a\",a=\"1\",b=\"2\"} 2", true);
    /* The longest key that there may be. */
    char names[TOOL_METRICS_LABELS][TOOL_METRICS_LABEL_NAME_MAX + 1], tool[129], value[129];
    struct tool_label all[TOOL_METRICS_LABELS];
    memset(tool, 't', 128);
    memset(value, '\xff', 128);
    tool[128] = value[128] = '\0';
    for (int i = 0; i < TOOL_METRICS_LABELS; i++) {
        memset(names[i], 'a' + i, TOOL_METRICS_LABEL_NAME_MAX);
        names[i][TOOL_METRICS_LABEL_NAME_MAX] = '\0';
        all[i] = (struct tool_label){ names[i], value, 128 };
    }
    assert_int_equal(tool_metric_note(c, tool, 1, all, TOOL_METRICS_LABELS, &e), 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "1a",      "a-b",      "a b",          "x_bucket",
        "x_sum", "x_count", "\xC3\xA9", "files_broken", "metrics_overflowed_total"
    };
    static const char *const bad_labels[] = { "", "1a", "a-b", "tool", "le", "__name__" };
    struct err e = { 0 };
    char name[TOOL_METRICS_NAME_MAX + 2];
    double falling[] = { 1, 1 }, infinite[] = { INFINITY }, other[] = { 1, 2 };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(tool_metric_find(bad[i], TOOL_COUNTER, "", NULL, 0, &e));
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_null(tool_metric_find(name, TOOL_COUNTER, "", NULL, 0, &e));
    name[sizeof name - 2] = '\0';
    assert_non_null(tool_metric_find(name, TOOL_COUNTER, "", NULL, 0, &e));
    assert_null(tool_metric_find("h", TOOL_HISTOGRAM, "", falling, 2, &e));
    assert_null(tool_metric_find("h", TOOL_HISTOGRAM, "", infinite, 1, &e));
    assert_null(tool_metric_find("h", TOOL_COUNTER, "\xff", NULL, 0, &e));
    make("taken", TOOL_HISTOGRAM);
    assert_null(tool_metric_find("taken", TOOL_GAUGE, "", NULL, 0, &e));
    assert_int_equal(e.code, MG_E_CONFLICT);
    assert_string_equal(e.text, "taken is a histogram already and cannot be a gauge");
    assert_null(tool_metric_find("taken", TOOL_HISTOGRAM, "", other, 2, &e));
    assert_int_equal(e.code, MG_E_CONFLICT);
    struct tool_metric *c = make("labelled", TOOL_COUNTER);
    for (size_t i = 0; i < sizeof bad_labels / sizeof *bad_labels; i++) {
        struct tool_label l = { bad_labels[i], "", 0 };
        assert_int_equal(tool_metric_note(c, "a", 1, &l, 1, &e), MG_E_INVALID);
    }
    struct tool_label twice[] = { { "a", "", 0 }, { "a", "", 0 } };
    assert_int_equal(tool_metric_note(c, "a", 1, twice, 2, &e), MG_E_INVALID);
}

/* Past the bound of series everything counts into one whose values are "other". */
static void test_series_bound(void **state)
{
    (void)state;
    struct tool_metric *c = make("many", TOOL_COUNTER);
    char label[32], line[100];

    for (int i = 0; i < TOOL_METRICS_SERIES + 50; i++) {
        snprintf(label, sizeof label, "id=%d", i);
        note(c, "a", 1, label);
    }
    note(c, "a", 1, "id=0");
    note(c, "b", 1, "id=200"); /* another tool has a bound of its own */
    has("moongate_tool_many{tool=\"a\",id=\"0\"} 2", true);
    snprintf(line, sizeof line, "moongate_tool_many{tool=\"a\",id=\"%d\"} 1",
             TOOL_METRICS_SERIES - 1);
    has(line, true);
    snprintf(line, sizeof line, "moongate_tool_many{tool=\"a\",id=\"%d\"} 1", TOOL_METRICS_SERIES);
    has(line, false);
    has("moongate_tool_many{tool=\"a\",id=\"other\"} 50", true);
    has("moongate_tool_many{tool=\"b\",id=\"200\"} 1", true);
    has("moongate_tool_metrics_overflowed_total 50", true);
}

#define THREADS 4
#define EACH 2000

static struct tool_metric *shared_counter, *shared_histogram;

static void *hammer(void *arg)
{
    char label[32];
    for (int i = 0; i < EACH; i++) {
        snprintf(label, sizeof label, "n=%d", i % 150);
        note(shared_counter, "t", 1, NULL);
        note(shared_histogram, "t", i, label);
        make("threads", TOOL_COUNTER);
        if (i % 200 == 0) {
            struct buf out = { 0 };
            tool_metrics_render(NULL, &out);
            buf_fini(&out);
        }
    }
    return arg;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    char line[100];

    shared_counter = make("threads", TOOL_COUNTER);
    shared_histogram = make("threads_h", TOOL_HISTOGRAM);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    snprintf(line, sizeof line, "moongate_tool_threads{tool=\"t\"} %d", THREADS * EACH);
    has(line, true);
}

/* Last: the bounds of the process stay reached. */
static void test_process_bounds(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct tool_metric *last = NULL;
    char name[32], label[32];
    int made = 0;

    for (int i = 0; i < TOOL_METRICS_NAMES; i++) {
        snprintf(name, sizeof name, "fill%d", i);
        struct tool_metric *m = tool_metric_find(name, TOOL_COUNTER, "", NULL, 0, &e);
        if (!m)
            break;
        last = m;
        made++;
        for (int k = 0; k < TOOL_METRICS_SERIES; k++) {
            snprintf(label, sizeof label, "k=%d", k);
            note(m, "f", 1, label);
        }
    }
    assert_int_equal(e.code, MG_E_LIMIT);
    assert_true(made > TOOL_METRICS_NAMES - 50 && made < TOOL_METRICS_NAMES);
    note(last, "f", 1, "new=1");
    snprintf(name, sizeof name, "moongate_tool_fill%d", made - 1);
    char line[100];
    snprintf(line, sizeof line, "%s{tool=\"other\"} %d", name, TOOL_METRICS_SERIES + 1);
    has(line, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_series_bound),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_process_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
