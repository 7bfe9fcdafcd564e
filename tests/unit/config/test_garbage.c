/* test_garbage.c - 10,000 broken files, and memory that runs out: never a crash, always a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/manual.h"
#include "ini_file.h"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const char *const pieces[] = {
    "[",
    "]",
    "\n",
    "=",
    ";",
    " #",
    "${",
    "}",
    "$${",
    "@",
    "@/dev/zero",
    "@/",
    "\"",
    "'",
    "\\",
    ",",
    "[tool *]\n",
    "[key a]\n",
    "[eval *]\n",
    "[server]\n",
    "{root}",
    "{taskId}",
    "\0",
    "\xff",
    "\r",
    " ",
    "\t",
    "0",
    "99999999999999999999",
    "1d",
    "8M",
    "${HOME}",
    "command = ",
    "secret = ",
    "exec = ",
    "host = 0.0.0.0\n",
    "\xef\xbb\xbf",
    "100/10s",
    "2027-01-31",
    "timeout = 1s\n",
};

/* Cuts, copies, flips and inserts: near enough to a right file that every part of the reader is
 * reached. */
static size_t mutate(char *text, size_t len, size_t cap, uint64_t *rng)
{
    for (uint64_t n = 1 + next_random(rng) % 8; n > 0; n--) {
        size_t at = len ? next_random(rng) % len : 0;
        const char *piece = pieces[next_random(rng) % (sizeof pieces / sizeof pieces[0])];
        size_t piece_len = *piece ? strlen(piece) : 1;
        switch (next_random(rng) % 4) {
        case 0:
            if (len)
                text[at] = (char)next_random(rng);
            break;
        case 1: {
            size_t cut = next_random(rng) % 40;
            cut = cut > len - at ? len - at : cut;
            memmove(text + at, text + at + cut, len - at - cut);
            len -= cut;
            break;
        }
        default:
            if (len + piece_len >= cap)
                break;
            memmove(text + at + piece_len, text + at, len - at);
            memcpy(text + at, piece, piece_len);
            len += piece_len;
        }
    }
    return len;
}

static const char seed_text[] =
    "[server]\nhost = 127.0.0.1, ::1\nport = 8766\nidle_timeout = 75s\ntrusted_proxies = "
    "10.0.0.0/8\n"
    "[auth]\nkeys = ${HOME}, abc\n[key ci]\nsecret = @key\ntools = run_*\nrate = 100/10s\n"
    "expires = 2027-01-31T12:00:00Z\n[state]\npath = {root}/s.json\n[gates]\norder = a, b\n"
    "[tool run_*]\nexec = git, @evals\nstate = jobs:rw\nown = $${x} ; c\n[tool x]\nrate = 1/1s\n"
    "[eval *]\ncommand = run 'a b' {taskId} \"c\\\" d\"\ncwd = .\n";

static void test_mutations(void **state)
{
    static const char *const env[] = { "HOME=/x", "MOONGATE_TOOL_X_OWN=1", "PORT=1", NULL };
    uint64_t rng = 0x9e3779b97f4a7c15;
    struct ini_file f;
    struct buf out = { 0 };
    char text[4096];
    size_t loaded = 0;

    (void)state;
    ini_file_new(&f);
    ini_file_write(&f, "key", "k", 1, 0600);
    if (!ini_file_load(&f, seed_text, env))
        fail_msg("%s", ini_file_problems(&f));
    for (int i = 0; i < 10000; i++) {
        size_t len = sizeof seed_text - 1;
        memcpy(text, seed_text, len);
        len = mutate(text, len, sizeof text, &rng);
        if (!ini_file_load_bytes(&f, text, len, i % 2 ? env : NULL))
            continue;
        loaded++;
        struct config_tool t;
        buf_clear(&out);
        config_print(f.config, &out);
        assert_true(buf_ok(&out));
        assert_int_equal(config_tool_resolve(f.config, "run_eval", &t), 0);
        config_tool_fini(&t);
    }
    assert_true(loaded > 100); /* else the reader's later parts were hardly seen */
    buf_fini(&out);
    ini_file_free(&f);
}

static void test_noise(void **state)
{
    uint64_t rng = 0x2545f4914f6cdd1d;
    struct ini_file f;
    char text[512];

    (void)state;
    ini_file_new(&f);
    for (int i = 0; i < 500; i++) {
        size_t len = next_random(&rng) % sizeof text;
        for (size_t j = 0; j < len; j++)
            text[j] = (char)(i % 2 ? next_random(&rng) : ' ' + next_random(&rng) % 95);
        ini_file_load_bytes(&f, text, len, NULL);
    }
    ini_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
