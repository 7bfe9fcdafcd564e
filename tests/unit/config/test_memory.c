/* test_memory.c - loading with memory that runs out at every single allocation: refused, nothing
 * leaked. This program's own malloc family stands before the C library's. */
#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer's own malloc must be the first, and there are no threads here. */
int main(void) { return 0; }
#else

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>

#include "ini_file.h"
#include "support/slow.h"

/* The allocation that fails, counted from now; 0: none. Volatile: a compiler knows that malloc()
 * looks at nobody's variables. */
static volatile size_t fail_at;

/* They run before AddressSanitizer does, which looks into its tables for each variable. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

EARLY static bool fails(void) { return fail_at > 0 && --fail_at == 0; }

/* dlsym() itself may allocate before it has found the next one: a little from here, never given
 * back. */
EARLY static void *early(size_t size)
{
    static max_align_t pool[64];
    static size_t used;
    size_t n = (size + sizeof *pool - 1) / sizeof *pool;

    if (n > sizeof pool / sizeof *pool - used)
        abort();
    used += n;
    return pool + used - n;
}

EARLY void *malloc(size_t size)
{
    static void *(*next)(size_t);
    static bool looking;

    if (!next && looking)
        return early(size);
    if (!next) {
        looking = true;
        *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    }
    return fails() ? NULL : next(size);
}

EARLY void *calloc(size_t n, size_t size)
{
    static void *(*next)(size_t, size_t);
    static bool looking;

    if (!next && looking)
        return early(n * size);
    if (!next) {
        looking = true;
        *(void **)&next = dlsym(RTLD_NEXT, "calloc");
    }
    return fails() ? NULL : next(n, size);
}

EARLY void *realloc(void *p, size_t size)
{
    static void *(*next)(void *, size_t);

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "realloc");
    return fails() ? NULL : next(p, size);
}

static int need_failures(void **state)
{
    (void)state;
    /* valgrind calls its own functions in the place of ours. */
    if (is_under_valgrind()) {
        print_message("skipped under valgrind\n");
        exit(0);
    }
    /* The first round lets each of ours find the next one. */
    void *volatile p = NULL;
    for (size_t round = 0; round < 2; round++) {
        free(p);
        p = calloc(1, 1);
        p = realloc(p, 2);
        free(p);
        fail_at = round;
        p = malloc(1);
        fail_at = 0;
    }
    assert_null(p);
    return 0;
}

static const char text[] =
    "[server]\nport = 1\nallowed_hosts = a, b, c, d, e, f\nprot = 1\nmax_body = 0\n"
    "[auth]\nkeys = ${KEY}, @keys\n[key ci]\nsecret = @key\nscopes = a, b\n"
    "[tools]\ntimeout = 1h\n[tool *]\nexec = git\nttl = @key\n[tool x]\nttl = ${KEY}\n"
    "[eval *]\ncommand = bin/run 'a b' ${KEY}\n[log]\nfile = {root}/x\n[nix]\n";

static void load_with_failures(const char *ini, bool is_right)
{
    static const char *const env[] = { "KEY=k1", "PORT=2", "MOONGATE_LOG_LEVEL=warn",
                                       "MOONGATE_TOOL_X_TTL=5s", NULL };
    struct ini_file f;

    ini_file_new(&f);
    ini_file_write(&f, "key", "k2\n", 3, 0600);
    ini_file_write(&f, "keys", "k3\nk4\n", 6, 0600);
    ini_file_write(&f, "mcp.ini", ini, strlen(ini), 0600);
    struct config_source source = { .path = f.path, .env = env, .cwd = f.dir };
    for (size_t k = 1; k < 5000; k++) {
        struct problems problems = { 0 };
        fail_at = k;
        struct config *c = config_load(&source, &problems);
        bool done = fail_at > 0; /* it was never reached */
        fail_at = 0;
        if (done) {
            assert_true((c != NULL) == is_right);
            assert_true(k > 20); /* the failures did happen */
        } else if (is_right || problems.count == 0) {
            assert_null(c);
        }
        assert_true((c == NULL) == (problems.count > 0));
        config_unref(c);
        problems_fini(&problems);
        if (done) {
            ini_file_free(&f);
            return;
        }
    }
    fail_msg("it never ended");
}

static void test_bad_file(void **state)
{
    (void)state;
    load_with_failures(text, false);
}

static void test_good_file(void **state)
{
    (void)state;
    load_with_failures("[auth]\nkeys = ${KEY}, @keys\n[key ci]\nsecret = @key\nscopes = a, b\n"
                       "[tool *]\nexec = git\nttl = @key\n[tool x]\n[eval *]\n"
                       "command = bin/run 'a b' ${KEY}\n[log]\nfile = {root}/x\n",
                       true);
}

/* So much that the snapshot's own memory comes in several pieces. */
static void test_large_file(void **state)
{
    struct buf ini = { 0 };

    (void)state;
    buf_str(&ini, "[auth]\nkeys = ${KEY}\n[tool x]\n");
    for (int i = 0; i < 150; i++)
        buf_printf(&ini, "[tool tool_%d]\nexec = git\nttl = %d\n", i, i);
    load_with_failures(buf_cstr(&ini), true);
    buf_fini(&ini);
}

static void test_resolve(void **state)
{
    struct ini_file f;
    struct config_tool t;

    (void)state;
    ini_file_new(&f);
    assert_non_null(ini_file_load(&f, "[tool x]\na = b\n", NULL));
    fail_at = 1;
    assert_int_equal(config_tool_resolve(f.config, "x", &t), MG_E_NOMEM);
    fail_at = 0;
    config_tool_fini(&t);
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_good_file),
        cmocka_unit_test(test_large_file),
        cmocka_unit_test(test_resolve),
    };

    return cmocka_run_group_tests(tests, need_failures, NULL);
}
#endif
