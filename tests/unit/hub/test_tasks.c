/* Tasks: who finds one, until when, how many there may be, and how their owners are told. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "support/failing.h"
#include "support/slow.h"

#include "base/buf.c"
#include "hub/per_key.c"
#include "hub/shares.c"
#include "hub/tasks.c"
#include "hub/tasks_read.c"

#define TTL 1000
#define NOW 50000

static const struct tasks_limits limits = {
    .max_tasks = 4, .max_per_key = 3, .max_running = 5, .max_bytes = 20 * TASKS_EACH_BYTES
};

static struct loop *loop;
static struct tasks *hub;

struct owner {
    struct tasks_entry *entry;
    int cancelled, answered;
    struct buf answers;
    bool ends; /* when it is answered */
};

static int setup(void **state)
{
    struct err e;

    (void)state;
    failing_after = -1;
    loop = loop_new(&e);
    hub = tasks_new(&limits);
    return loop && hub ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    failing_after = -1;
    tasks_free(hub);
    loop_free(loop);
    return 0;
}

static void on_cancel(void *arg) { ((struct owner *)arg)->cancelled++; }

static void on_answered(void *arg)
{
    struct owner *o = arg;

    o->answered++;
    buf_fini(&o->answers);
    tasks_take_answers(o->entry, &o->answers);
    if (o->ends)
        tasks_drop(o->entry);
}

static const struct tasks_ops ops = { on_cancel, on_answered };

static struct tasks_spec spec_of(struct owner *o, uint64_t principal)
{
    return (struct tasks_spec){ .principal = principal,
                                .tool = "t",
                                .expires_ms = NOW + TTL,
                                .loop = loop,
                                .ops = &ops,
                                .arg = o };
}

static int open_of(struct owner *o, uint64_t principal, struct err *e)
{
    struct tasks_spec s = spec_of(o, principal);

    *o = (struct owner){ 0 };
    return tasks_open(hub, &s, NOW, &o->entry, e);
}

/* One of principal 7 that is told. */
static void begin(struct owner *o, const char *text)
{
    assert_int_equal(open_of(o, 7, NULL), 0);
    assert_int_equal(tasks_tell(o->entry, text, strlen(text)), 0);
}

static void end(struct owner *o, const char *text)
{
    char *copy = strdup(text);
    struct tasks_text t = { copy, strlen(copy), copy, free };

    tasks_end(o->entry, &t);
    o->entry = NULL;
}

static bool may_7(void *arg, uint64_t principal, const char *tool)
{
    (void)arg;
    assert_string_equal(tool, "t");
    return principal == 7;
}

static bool may_nothing(void *arg, uint64_t principal, const char *tool)
{
    (void)arg, (void)principal, (void)tool;
    return false;
}

static const struct tasks_who seven = { may_7, NULL }, nobody = { may_nothing, NULL };

/* What is read at that time, with the answers behind a bar; "none", or "no memory". */
static const char *read_at(const char *id, const struct tasks_who *who, int64_t now)
{
    static char out[400];
    struct buf text = { 0 }, answers = { 0 };
    int code = tasks_get(hub, who, id, strlen(id), now, &text, &answers);

    snprintf(out, sizeof out, "%.*s", (int)text.len, text.data ? text.data : "");
    for (size_t at = 0; at < answers.len; at += strlen(answers.data + at) + 1)
        snprintf(out + strlen(out), sizeof out - strlen(out), "|%s", answers.data + at);
    buf_fini(&text);
    buf_fini(&answers);
    return code == 0 ? out : code == MG_E_NOTFOUND ? "none" : "no memory";
}

static const char *read_now(const char *id) { return read_at(id, &seven, NOW); }

static void test_life(void **state)
{
    struct owner a, b;
    char id[TASK_ID_SIZE];

    (void)state;
    assert_int_equal(open_of(&a, 7, NULL), 0);
    strcpy(id, tasks_id(a.entry));
    assert_int_equal(strlen(id), TASK_ID_SIZE - 1);
    assert_memory_equal(id, "task_", 5);
    assert_string_equal(read_now(id), "none"); /* its client does not know it yet */
    assert_int_equal(tasks_tell(a.entry, "one", 3), 0);
    assert_string_equal(read_now(id), "one");
    assert_int_equal(tasks_tell(a.entry, "two", 3), 0);
    assert_string_equal(read_now(id), "two");
    assert_string_equal(read_at(id, &nobody, NOW), "none");
    assert_string_equal(read_now("task_none"), "none");
    assert_string_equal(read_now(""), "none");
    end(&a, "end");
    assert_string_equal(read_now(id), "end");

    assert_int_equal(open_of(&b, 7, NULL), 0);
    assert_string_not_equal(tasks_id(b.entry), id);
    tasks_drop(b.entry);
    tasks_drop(NULL);
    assert_int_equal(tasks_count(hub), 1);
}

/* Not a millisecond before its time, and not one after. */
static void test_time(void **state)
{
    struct owner a, b;
    char id[TASK_ID_SIZE], running[TASK_ID_SIZE];

    (void)state;
    begin(&a, "a");
    begin(&b, "b");
    strcpy(id, tasks_id(a.entry));
    strcpy(running, tasks_id(b.entry));
    end(&a, "end");
    assert_string_equal(read_at(id, &seven, NOW + TTL - 1), "end");
    assert_string_equal(read_at(id, &seven, NOW + TTL), "none");
    assert_int_equal(tasks_sweep(hub, NOW + TTL - 1), 0);
    assert_int_equal(tasks_count(hub), 2);
    assert_int_equal(tasks_sweep(hub, NOW + TTL), 1);
    assert_int_equal(tasks_count(hub), 1);

    /* One that runs is not found any more, and goes when it has ended. */
    assert_string_equal(read_at(running, &seven, NOW + TTL), "none");
    assert_int_equal(tasks_cancel(hub, &seven, running, strlen(running), NOW + TTL), MG_E_NOTFOUND);
    end(&b, "end");
    assert_int_equal(tasks_sweep(hub, NOW + TTL), 1);
    assert_int_equal(tasks_count(hub), 0);
}

static void test_limits(void **state)
{
    struct owner o[5];
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        begin(&o[i], "x");
    assert_int_equal(open_of(&o[3], 7, &e), MG_E_LIMIT);
    assert_non_null(strstr(e.text, "max_per_key"));
    end(&o[0], "end");
    assert_int_equal(open_of(&o[3], 8, &e), 0);
    assert_int_equal(open_of(&o[4], 9, &e), MG_E_LIMIT);
    assert_non_null(strstr(e.text, "max_tasks"));
    tasks_drop(o[1].entry);
    assert_int_equal(open_of(&o[4], 7, &e), 0); /* of three there was one dropped */
    tasks_drop(o[4].entry);
    /* What has ended and is over makes room by itself. */
    tasks_set_limits(hub, &(struct tasks_limits){ 3, 3, 5, 1 << 20 });
    struct tasks_spec s = spec_of(&o[4], 7);
    s.expires_ms += TTL;
    assert_int_equal(tasks_open(hub, &s, NOW + TTL - 1, &o[4].entry, &e), MG_E_LIMIT);
    assert_int_equal(tasks_open(hub, &s, NOW + TTL, &o[4].entry, &e), 0);
    for (int i = 2; i < 5; i++)
        tasks_drop(o[i].entry);
}

/* Of those that run each key has its share. */
static void test_running(void **state)
{
    struct owner o[3];
    struct err e = { 0 };

    (void)state;
    tasks_set_limits(hub, &(struct tasks_limits){ 9, 9, 3, 1 << 20 });
    for (int i = 0; i < 2; i++)
        begin(&o[i], "x");
    assert_int_equal(open_of(&o[2], 7, &e), MG_E_LIMIT);
    assert_non_null(strstr(e.text, "2 tasks run already ([tasks] max_running), 2 of them this"));
    assert_int_equal(open_of(&o[2], 8, &e), 0);
    for (int i = 0; i < 3; i++)
        tasks_drop(o[i].entry);
}

/* Half of 20 is one key's. */
static void test_bytes(void **state)
{
    struct owner a, b, c;
    struct err e = { 0 };

    (void)state;
    begin(&a, "a");
    begin(&b, "b");
    assert_int_equal(tasks_reserve(a.entry, 8 * TASKS_EACH_BYTES + 1), MG_E_LIMIT);
    assert_int_equal(tasks_reserve(a.entry, 8 * TASKS_EACH_BYTES), 0);
    assert_int_equal(open_of(&c, 7, &e), MG_E_LIMIT);
    assert_non_null(strstr(e.text, "max_bytes"));
    assert_int_equal(open_of(&c, 8, &e), 0);
    tasks_drop(c.entry);
    assert_int_equal(tasks_reserve(b.entry, 1), MG_E_LIMIT);
    assert_int_equal(tasks_reserve(a.entry, 7 * TASKS_EACH_BYTES), 0); /* instead of that */
    assert_int_equal(open_of(&c, 7, &e), 0);
    tasks_drop(a.entry);
    tasks_drop(b.entry);
    tasks_drop(c.entry);
}

static void test_cancel(void **state)
{
    struct owner a;
    char id[TASK_ID_SIZE];

    (void)state;
    begin(&a, "a");
    strcpy(id, tasks_id(a.entry));
    assert_int_equal(tasks_cancel(hub, &nobody, id, strlen(id), NOW), MG_E_NOTFOUND);
    assert_int_equal(tasks_cancel(hub, &seven, id, strlen(id), NOW), 0);
    assert_int_equal(tasks_cancel(hub, &seven, id, strlen(id), NOW), 0);
    assert_int_equal(a.cancelled, 0); /* not here: on its loop */
    loop_poll(loop, 0);
    assert_int_equal(a.cancelled, 1);
    end(&a, "end");
    assert_int_equal(tasks_cancel(hub, &seven, id, strlen(id), NOW), 0);
    loop_poll(loop, 0);
    assert_int_equal(a.cancelled, 1);
}

/* It ended while the message was under way. */
static void test_late(void **state)
{
    struct owner a, b;

    (void)state;
    begin(&a, "a");
    begin(&b, "b");
    assert_int_equal(tasks_cancel(hub, &seven, tasks_id(a.entry), TASK_ID_SIZE - 1, NOW), 0);
    end(&a, "end");
    assert_int_equal(tasks_answer(hub, &seven, tasks_id(b.entry), TASK_ID_SIZE - 1, NOW, "{}", 2),
                     0);
    tasks_drop(b.entry);
    loop_poll(loop, 0);
    assert_int_equal(a.cancelled + b.answered, 0);
}

/* An answer that was taken stays beside the text until its owner has said something new. */
static void test_answers(void **state)
{
    struct owner a;
    char id[TASK_ID_SIZE];

    (void)state;
    begin(&a, "asks");
    strcpy(id, tasks_id(a.entry));
    assert_int_equal(tasks_answer(hub, &nobody, id, strlen(id), NOW, "{}", 2), MG_E_NOTFOUND);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "{1}", 3), 0);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "{2}", 3), 0);
    assert_string_equal(read_now(id), "asks|{1}|{2}");
    loop_poll(loop, 0);
    assert_int_equal(a.answered, 1);
    assert_int_equal(a.answers.len, 8);
    assert_memory_equal(a.answers.data, "{1}\0{2}\0", 8);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "{3}", 3), 0);
    assert_string_equal(read_now(id), "asks|{1}|{2}|{3}");
    assert_int_equal(tasks_tell(a.entry, "less", 4), 0);
    assert_string_equal(read_now(id), "less|{3}");
    a.ends = true;
    loop_poll(loop, 0);
    assert_int_equal(a.answered, 2);
    assert_string_equal(read_now(id), "none");
    buf_fini(&a.answers);
}

/* An owner that tells nothing, as while the state is read-only, piles nothing up either. */
static void test_taken_answers_count(void **state)
{
    static char much[TASKS_ANSWERS_MAX - 1];
    struct owner a;

    (void)state;
    memset(much, ' ', sizeof much);
    begin(&a, "asks");
    const char *id = tasks_id(a.entry);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, much, sizeof much), 0);
    loop_poll(loop, 0);
    assert_int_equal(a.answered, 1);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "", 0), MG_E_LIMIT);
    assert_int_equal(tasks_tell(a.entry, "told", 4), 0);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "", 0), 0);
    a.ends = true;
    loop_poll(loop, 0);
    buf_fini(&a.answers);
}

static void test_answers_are_bounded(void **state)
{
    static char much[TASKS_ANSWERS_MAX];
    struct owner a;

    (void)state;
    memset(much, ' ', sizeof much);
    begin(&a, "asks");
    const char *id = tasks_id(a.entry);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, much, sizeof much), MG_E_LIMIT);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, much, sizeof much - 1), 0);
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "", 0), MG_E_LIMIT);
    a.ends = true;
    loop_poll(loop, 0);
    assert_int_equal(a.answers.len, sizeof much);
    buf_fini(&a.answers);
}

static void test_restore(void **state)
{
    struct owner none = { 0 };
    struct tasks_spec s = spec_of(&none, 7);
    struct tasks_text text = { "old", 3, NULL, NULL };
    char long_id[TASK_ID_SIZE + 1];

    (void)state;
    memset(long_id, 'x', sizeof long_id);
    for (int i = 0; i < 5; i++) { /* whatever the limits */
        char id[] = "task_0";
        id[5] = (char)('0' + i);
        assert_int_equal(tasks_restore(hub, &s, id, 6, &text), 0);
        assert_string_equal(read_now(id), "old");
    }
    assert_int_equal(tasks_restore(hub, &s, "task_0", 6, &text), MG_E_CONFLICT);
    assert_int_equal(tasks_restore(hub, &s, "", 0, &text), MG_E_INVALID);
    assert_int_equal(tasks_restore(hub, &s, long_id, TASK_ID_SIZE, &text), MG_E_INVALID);
    assert_int_equal(tasks_restore(hub, &s, long_id, TASK_ID_SIZE - 1, &text), 0);
    assert_int_equal(tasks_cancel(hub, &seven, "task_0", 6, NOW), 0);
    assert_int_equal(tasks_answer(hub, &seven, "task_0", 6, NOW, "{}", 2), 0);
    assert_int_equal(tasks_sweep(hub, NOW + TTL), 6);
}

/* Each request for memory fails once: nothing is lost, and what was there is. */
static void test_no_memory(void **state)
{
    struct owner a, b;
    struct err e = { 0 };
    char id[TASK_ID_SIZE];

    (void)state;
    begin(&a, "kept");
    strcpy(id, tasks_id(a.entry));
    for (int n = 0;; n++) {
        failing_after = n;
        int code = open_of(&b, 8, &e);
        failing_after = -1;
        if (code == 0)
            break;
        assert_int_equal(code, MG_E_NOMEM);
        assert_int_equal(tasks_count(hub), 1);
    }
    failing_after = 0;
    assert_int_equal(tasks_tell(a.entry, "new", 3), MG_E_NOMEM);
    assert_string_equal(read_now(id), "no memory");
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "{}", 2), MG_E_NOMEM);
    failing_after = -1;
    assert_string_equal(read_now(id), "kept");
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW, "{}", 2), 0);
    failing_after = 0;
    assert_int_equal(tasks_answer(hub, &seven, id, strlen(id), NOW,
                                  "0123456789012345678901234567890"
                                  "123456789012345678901234567890123456789012345678901234567890",
                                  90),
                     MG_E_NOMEM);
    struct tasks_spec s = spec_of(&b, 9);
    struct tasks_text text = { "old", 3, NULL, NULL };
    assert_int_equal(tasks_restore(hub, &s, "task_9", 6, &text), MG_E_NOMEM);
    assert_null(tasks_new(&limits));
    failing_after = -1;
    assert_string_equal(read_now(id), "kept|{}");
    tasks_drop(a.entry);
    tasks_drop(b.entry);
    loop_poll(loop, 0);
}

/* ---- threads ---- */

static atomic_bool is_over;

static void *ask_for_ever(void *arg)
{
    const char *id = arg;
    struct buf text = { 0 }, answers = { 0 };

    while (!atomic_load(&is_over)) {
        (void)!tasks_get(hub, &seven, id, TASK_ID_SIZE - 1, NOW, &text, &answers);
        (void)!tasks_answer(hub, &seven, id, TASK_ID_SIZE - 1, NOW, "{}", 2);
        (void)!tasks_cancel(hub, &seven, id, TASK_ID_SIZE - 1, NOW);
        buf_clear(&text);
        buf_clear(&answers);
        tasks_sweep(hub, NOW);
        if (is_under_valgrind()) /* one thread at a time: the others post more than it can read */
            nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    }
    buf_fini(&text);
    buf_fini(&answers);
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[2];
    struct owner a;
    char id[TASK_ID_SIZE];

    (void)state;
    begin(&a, "a");
    strcpy(id, tasks_id(a.entry));
    atomic_store(&is_over, false);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_ever, id), 0);
    for (int i = 0; i < 2000 || a.answered == 0 || a.cancelled == 0; i++) {
        assert_int_equal(tasks_tell(a.entry, "again", 5), 0);
        loop_poll(loop, 0);
    }
    end(&a, "end");
    for (int i = 0; i < 100; i++)
        loop_poll(loop, 0);
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    loop_poll(loop, 0);
    buf_fini(&a.answers);
    assert_string_equal(read_now(id), "end");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_life),      TEST(test_time),
        TEST(test_limits),    TEST(test_running),
        TEST(test_bytes),     TEST(test_cancel),
        TEST(test_late),      TEST(test_answers),
        TEST(test_restore),   TEST(test_answers_are_bounded),
        TEST(test_threads),   TEST(test_taken_answers_count),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
