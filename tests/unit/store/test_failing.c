/* Memory runs out at every single request for it, one after the other: each time an operation is
 * done whole or not at all, a start works or says why not, and nothing leaks (the sanitizers look).
 * The files that allocate are compiled into this program with a malloc that can be told to fail;
 * the linker then leaves the archives' copies of them out. */
#include "support/failing.h"

#include "base/buf.c"
#define key_hash json_key_hash
#include "base/json_keys.c"
#undef key_hash
#include "store/collection.c"
#include "store/declare.c"
#include "store/journal.c"
#include "store/lines.c"
#include "store/read.c"
#include "store/recover.c"
#include "store/save.c"
#include "store/snapshot_read.c"
#include "store/table.c"
#include "store/value.c"
#include "store/write.c"
#define refuse replay_refuse
#define no_memory replay_no_memory
#include "store/replay.c"
#undef malloc
#undef calloc
#undef realloc

#include "store/fixture.h"

/* The operation under test is over: from here on there is memory again. */
static bool ran_out;
static void memory_back(void) { ran_out = atomic_exchange(&failing_after, -1) == 0; }

/* Runs step(arg) with 0, 1, 2 ... requests until it does not use them all. The step returns whether
 * its operation succeeded, and checks that it was whole or not done. */
static void exhaust(bool (*step)(void *arg), void *arg)
{
    bool ok = false;
    long k = 0;

    for (ran_out = true; !ok || ran_out; k++) {
        assert_true(k < 2000);
        failing_after = k;
        ok = step(arg);
        assert_true(ok || ran_out);
    }
    assert_true(k > 1);
}

/* ---- operations ---- */

static bool put_new(void *arg)
{
    struct store *s = arg;
    int code = put(s, "jobs", "new", 1);

    memory_back();
    assert_int_equal(get(s, "jobs", "new", NULL), code == 0 ? 1 : -1);
    assert_int_equal(count(s, "jobs"), code == 0 ? 7 : 6);
    assert_int_equal(del(s, "jobs", "new", NULL), 0);
    assert_true(code == 0 || code == MG_E_NOMEM);
    return code == 0;
}

static bool write_batch(void *arg)
{
    struct store *s = arg;
    static int n;
    char a[64], b[64];

    snprintf(a, sizeof a, "{\"jobId\":\"pair\",\"v\":%d}", ++n);
    snprintf(b, sizeof b, "{\"modelId\":\"pair\",\"v\":%d}", n);
    const struct store_change ch[] = {
        { .collection = "jobs",
          .key = "pair",
          .key_len = 4,
          .text = a,
          .len = strlen(a),
          .expect = STORE_ANY },
        { .collection = "jobs", .key = "gone", .key_len = 4, .expect = STORE_ANY },
        { .collection = "models",
          .key = "pair",
          .key_len = 4,
          .text = b,
          .len = strlen(b),
          .expect = STORE_ANY },
    };
    struct store_op op = { .kind = STORE_WRITE, .changes = ch, .change_count = 3 };
    int before = get(s, "jobs", "pair", NULL);
    assert_int_equal(store_submit(s, &op), 1);
    memory_back();
    int code = op.code, want = code == 0 ? n : before;
    store_op_fini(&op);
    assert_true(code == 0 || code == MG_E_NOMEM);
    assert_int_equal(get(s, "jobs", "pair", NULL), want);
    assert_int_equal(get(s, "models", "pair", NULL), want);
    return code == 0;
}

static bool list_all(void *arg)
{
    struct store_op op = { .kind = STORE_LIST, .collection = "jobs" };
    assert_int_equal(store_submit(arg, &op), 1);
    memory_back();
    int code = op.code;
    assert_true(code == 0 || code == MG_E_NOMEM);
    assert_int_equal(op.count, code == 0 ? count(arg, "jobs") : 0);
    store_op_fini(&op);
    return code == 0;
}

static bool declare_another(void *arg)
{
    static int n;
    struct err e = { 0 };
    char name[16];

    snprintf(name, sizeof name, "c%d", ++n);
    int code = store_declare(arg, name, NULL, &e);
    memory_back();
    assert_true(code == 0 || (code == MG_E_NOMEM && e.text[0]));
    /* What was not declared can be later, with any key. */
    assert_int_equal(store_declare(arg, name, "other", NULL), code == 0 ? MG_E_CONFLICT : 0);
    return code == 0;
}

static void operations_are_whole_or_not_done(void **state)
{
    struct store *s = ((struct fixture *)*state)->s;

    for (int i = 0; i < 6; i++) /* so that some puts meet a table that is full */
        assert_int_equal(put(s, "jobs", (const char[2]){ (char)('a' + i), 0 }, i), 0);
    exhaust(put_new, s);
    exhaust(write_batch, s);
    exhaust(list_all, s);
    exhaust(declare_another, s);
}

/* ---- starts ---- */

static bool open_copy(void *arg)
{
    struct fixture *f = arg;
    struct err e = { 0 };
    struct store *s = store_open_copy(f->path, &e);

    memory_back();
    if (!s) {
        assert_true(e.text[0] != '\0');
        assert_int_not_equal(e.code, MG_E_INVALID); /* no memory is not damage */
        return false;
    }
    assert_int_equal(get(s, "jobs", "kept", NULL), 1);
    assert_int_equal(get(s, "jobs", "journalled", NULL), 2);
    assert_int_equal(get(s, "other", "adopted", NULL), 7);
    assert_int_equal(store_close(s, NULL), 0);
    return true;
}

static void a_start_works_or_says_why_not(void **state)
{
    static const char kit[] = "{\"jobs\":[{\"jobId\":\"kept\",\"v\":1}],\"other\":[{\"id\":"
                              "\"adopted\",\"v\":7}],\"x\":1}";
    struct fixture *f = *state;
    store_seq seq;

    file_write(f, "", kit, strlen(kit));
    fixture_open(f);
    assert_int_equal(store_declare(f->s, "other", "id", NULL), 0);
    assert_int_equal(put_if(f->s, "jobs", "journalled", 2, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_crash(f);
    exhaust(open_copy, f);
}

/* ---- snapshots ---- */

static bool save_now(void *arg)
{
    struct fixture *f = arg;
    struct err e = { 0 };
    store_seq saved = 0;
    int rc = local_save(local_of(f->s), false, &saved, &e);

    memory_back();
    assert_true(rc == 0 || (rc == MG_E_NOMEM && e.text[0]));
    assert_false(file_exists(f, ".tmp"));
    return rc == 0;
}

static void a_snapshot_is_whole_or_not_made(void **state)
{
    struct fixture *f = *state;

    f->options.durability = STORE_SNAPSHOT;
    fixture_open(f);
    for (int i = 0; i < 20; i++)
        assert_int_equal(put(f->s, "jobs", (const char[2]){ (char)('a' + i), 0 }, i), 0);
    exhaust(save_now, f);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(count(f->s, "jobs"), 20);
    fixture_close(f);
}

/* ---- the journal ---- */

static char *large_object(void)
{
    size_t len = 2 << 20;
    char *text = (malloc)(len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    memcpy(text, "{\"jobId\":\"large\",\"x\":\"", 22);
    memcpy(text + len - 2, "\"}", 3);
    return text;
}

/* No memory to write a record is trouble like any other that a disk can make. */
static void the_journal_without_memory_is_read_only(void **state)
{
    struct fixture *f = *state;
    char *text = large_object(), why[200];
    store_seq seq;

    fixture_open(f);
    assert_int_equal(put_if(f->s, "jobs", "small", 1, 0, &seq), 0);
    assert_int_equal(wait_durable(f->s, seq), 0);
    const struct store_change ch = change("jobs", "large", text, STORE_ANY);
    int code = 0;
    /* The journal's thread may ask for memory of its own while the least is looked for: then there
     * was one request more than that, and it could write. */
    for (int tries = 0; code == 0 && tries < 20; tries++) {
        code = MG_E_NOMEM;
        for (long k = 0; code == MG_E_NOMEM; k++) { /* the least with which it is accepted */
            failing_after = k;
            code = put_change(f->s, &ch, &seq);
        }
        failing_after = 0;
        assert_int_equal(code, 0);
        code = wait_durable(f->s, seq);
        if (code == 0)
            failing_after = -1;
    }
    assert_int_equal(code, MG_E_UNSURE);
    assert_non_null(store_trouble(f->s, why, sizeof why));
    assert_non_null(strstr(why, "Cannot allocate memory"));
    failing_after = -1;
    assert_int_equal(store_snapshot_now(f->s, NULL), 0);
    assert_null(store_trouble(f->s, why, sizeof why));
    assert_true(store_is_durable(f->s, seq));
    fixture_crash(f);
    fixture_open(f);
    struct store_op op = { .kind = STORE_GET, .collection = "jobs", .key = "large", .key_len = 5 };
    assert_int_equal(store_submit(f->s, &op), 1);
    assert_int_equal(op.code, 0);
    assert_string_equal(store_value_text(op.values[0], NULL), text);
    store_op_fini(&op);
    fixture_close(f);
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(operations_are_whole_or_not_done, memory_setup,
                                        fixture_teardown),
        TEST(a_start_works_or_says_why_not),
        TEST(a_snapshot_is_whole_or_not_made),
        TEST(the_journal_without_memory_is_read_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
