/* Order, and the promise that a reader who sleeps is woken, once. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mailbox.h"

#define WRITERS 4
#define EACH 20000

struct letter {
    struct mail mail;
    int writer, number;
};

static void test_order(void **state)
{
    struct letter letters[5];
    struct mailbox mb;

    (void)state;
    mailbox_init(&mb);
    assert_null(mailbox_take_all(&mb));
    for (int i = 0; i < 5; i++) {
        letters[i].number = i;
        assert_false(mailbox_post(&mb, &letters[i].mail)); /* the reader is awake */
    }
    struct mail *m = mailbox_take_all(&mb);
    for (int i = 0; i < 5; i++, m = m->next)
        assert_int_equal(((struct letter *)m)->number, i);
    assert_null(m);
    assert_null(mailbox_take_all(&mb));
}

static void test_sleep(void **state)
{
    struct letter a, b, c;
    struct mailbox mb;

    (void)state;
    mailbox_init(&mb);
    assert_true(mailbox_sleep(&mb));
    assert_true(mailbox_post(&mb, &a.mail)); /* wake it: once */
    assert_false(mailbox_post(&mb, &b.mail));
    assert_false(mailbox_sleep(&mb)); /* something is there */
    assert_false(mailbox_post(&mb, &c.mail));
    assert_non_null(mailbox_take_all(&mb));
    assert_true(mailbox_sleep(&mb));
    mailbox_awake(&mb);
    assert_false(mailbox_post(&mb, &a.mail));
}

static struct {
    struct mailbox mb;
    sem_t wake;
    struct letter letters[WRITERS][EACH];
} shared;

static void *writer(void *arg)
{
    int w = (int)(intptr_t)arg;

    for (int i = 0; i < EACH; i++) {
        struct letter *l = &shared.letters[w][i];
        l->writer = w;
        l->number = i;
        if (mailbox_post(&shared.mb, &l->mail))
            sem_post(&shared.wake);
    }
    return NULL;
}

/* The reader sleeps whenever it may. A lost wake-up would leave it asleep for ever; every letter
 * comes once, and those of one writer in their order. */
static void test_threads(void **state)
{
    pthread_t threads[WRITERS];
    int next[WRITERS] = { 0 }, got = 0;

    (void)state;
    mailbox_init(&shared.mb);
    sem_init(&shared.wake, 0, 0);
    for (int w = 0; w < WRITERS; w++)
        assert_int_equal(pthread_create(&threads[w], NULL, writer, (void *)(intptr_t)w), 0);
    while (got < WRITERS * EACH) {
        for (struct mail *m = mailbox_take_all(&shared.mb); m; m = m->next) {
            struct letter *l = (struct letter *)m;
            assert_int_equal(l->number, next[l->writer]++);
            got++;
        }
        if (got < WRITERS * EACH && mailbox_sleep(&shared.mb)) {
            while (sem_wait(&shared.wake) != 0)
                ;
            mailbox_awake(&shared.mb);
        }
    }
    for (int w = 0; w < WRITERS; w++)
        pthread_join(threads[w], NULL);
    assert_null(mailbox_take_all(&shared.mb));
    sem_destroy(&shared.wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
