/* A disk that cannot keep up: changes gather up to a bound, then they are refused, and once the
 * disk is back all that were accepted become durable. The journal is compiled into this program
 * with a sync that waits for the test. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int slow_sync(int fd)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return fdatasync(fd);
}

#define fdatasync(fd) slow_sync(fd)
#include "store/journal.c"
#undef fdatasync

#include "store/fixture.h"

#define TEXT_BYTES ((size_t)STORE_MAX_TEXT)

static int put_large(struct store *s, const char *text, store_seq *seq, struct err *e)
{
    const struct store_change ch = change("jobs", "large", text, STORE_ANY);
    struct store_op op = { .kind = STORE_WRITE, .changes = &ch, .change_count = 1 };
    assert_int_equal(store_submit(s, &op), 1);
    int code = op.code;
    *seq = op.seq;
    *e = op.err;
    store_op_fini(&op);
    return code;
}

static void changes_gather_up_to_a_bound(void **state)
{
    struct fixture *f = *state;
    struct err e;
    store_seq seq = 0, accepted = 0;
    size_t n = 0;
    char *text = malloc(TEXT_BYTES + 1);

    assert_non_null(text);
    memset(text, 'x', TEXT_BYTES);
    memcpy(text, "{\"jobId\":\"large\",\"x\":\"", 22);
    memcpy(text + TEXT_BYTES - 2, "\"}", 3);
    fixture_open(f);
    pthread_mutex_lock(&gate);
    while (put_large(f->s, text, &seq, &e) == 0) {
        accepted = seq;
        assert_true(++n <= 2 + JOURNAL_BACKLOG_BYTES / TEXT_BYTES);
    }
    assert_int_equal(e.code, MG_E_READONLY);
    assert_non_null(strstr(e.text, "64 MB of changes wait for the disk"));
    /* The bound itself is full; the journal may hold one group more. */
    assert_true(n > JOURNAL_BACKLOG_BYTES / TEXT_BYTES);
    assert_false(store_is_durable(f->s, accepted));
    pthread_mutex_unlock(&gate);

    assert_int_equal(wait_durable(f->s, accepted), 0);
    assert_int_equal(put_large(f->s, text, &seq, &e), 0);
    assert_int_equal(seq, accepted + 1); /* what was refused took no number */
    assert_int_equal(wait_durable(f->s, seq), 0);
    fixture_close(f);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_gather_up_to_a_bound, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
