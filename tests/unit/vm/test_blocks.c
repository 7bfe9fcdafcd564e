/* test_blocks.c - small blocks that are kept: their sizes at the edges, what is in them, how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vm/blocks.h"

#define LARGEST ((size_t)BLOCKS_CLASSES * BLOCKS_STEP)

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS false
#else
#define KEEPS true
#endif

static void test_kept_for_their_size(void **state)
{
    (void)state;
    static const struct {
        size_t size, next;
        bool same;
    } rows[] = {
        { 1, 16, true },
        { 16, 1, true },
        { 16, 17, false },
        { 17, 32, true },
        { LARGEST, LARGEST - 15, true },
        { LARGEST - 16, LARGEST, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct blocks b = { 0 };
        char *first = blocks_take(&b, rows[i].size);
        assert_non_null(first);
        memset(first, 'x', rows[i].size);
        blocks_give(&b, first, rows[i].size);
        assert_int_equal(b.kept_bytes > 0, KEEPS);
        char *second = blocks_take(&b, rows[i].next);
        assert_non_null(second);
        memset(second, 'y', rows[i].next); /* all of it is there */
        if (KEEPS)
            assert_int_equal(second == first, rows[i].same);
        blocks_give(&b, second, rows[i].next);
        blocks_fini(&b);
        assert_int_equal(b.kept_bytes, 0);
    }
}

static void test_large_ones_are_not(void **state)
{
    (void)state;
    struct blocks b = { 0 };
    blocks_give(&b, blocks_take(&b, LARGEST + 1), LARGEST + 1);
    assert_int_equal(b.kept_bytes, 0);
    blocks_fini(&b);
}

static void test_resize_keeps_what_is_in_it(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1,           16, 17, 64,   LARGEST, LARGEST + 1, 4000, LARGEST,
                                    LARGEST + 1, 8,  24, 9000, 1 };
    struct blocks b = { 0 };
    size_t size = 8;
    char *block = blocks_take(&b, size);
    assert_non_null(block);
    memset(block, 'z', size);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t least = size < sizes[i] ? size : sizes[i];
        block = blocks_resize(&b, block, size, sizes[i]);
        assert_non_null(block);
        for (size_t k = 0; k < least; k++)
            assert_int_equal(block[k], 'z');
        size = sizes[i];
        memset(block, 'z', size);
    }
    blocks_give(&b, block, size);
    blocks_fini(&b);
}

static void test_no_more_than_the_limit(void **state)
{
    enum { SIZE = 512, N = BLOCKS_KEPT / SIZE };
    static void *all[N + 2];
    (void)state;
    struct blocks b = { 0 };
    for (int i = 0; i < N + 2; i++)
        assert_non_null(all[i] = blocks_take(&b, SIZE));
    for (int i = 0; i < N - 1; i++)
        blocks_give(&b, all[i], SIZE);
    assert_int_equal(b.kept_bytes, KEEPS ? BLOCKS_KEPT - SIZE : 0);
    for (int i = N - 1; i < N + 2; i++)
        blocks_give(&b, all[i], SIZE);
    assert_int_equal(b.kept_bytes, KEEPS ? BLOCKS_KEPT : 0);
    blocks_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_for_their_size),
        cmocka_unit_test(test_large_ones_are_not),
        cmocka_unit_test(test_resize_keeps_what_is_in_it),
        cmocka_unit_test(test_no_more_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
