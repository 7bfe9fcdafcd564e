#include "base/log_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_scan.h"
#include "base/log.h"

char log_test_path[220], log_test_other[220];
static char folder[200];

void log_test_start(bool text, const char *file)
{
    static const char *const redact[] = { "secret", "token", NULL };
    struct log_options o = { .level = LOG_INFO, .text = text, .file = file, .redact = redact };
    struct err e;

    if (log_start(&o, &e) != 0)
        fail_msg("%s", e.text);
}

void log_test_read(const char *file, struct buf *out)
{
    char piece[4096];
    ssize_t n;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        buf_append(out, piece, (size_t)n);
    close(fd);
    assert_non_null(buf_cstr(out));
}

/* Stops the log and returns what it wrote. */
struct buf log_test_stop(void)
{
    struct buf out = { 0 };

    log_stop();
    log_test_read(log_test_path, &out);
    unlink(log_test_path);
    return out;
}

/* Every line must be one JSON object of valid UTF-8; returns their number. */
size_t log_test_lines(const struct buf *b)
{
    static const char *const names[] = { "ts", "level", "msg" };
    const char *p = b->data, *end = b->data + b->len;
    size_t lines = 0;

    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        struct json_text root, found[3];
        struct err e;
        assert_non_null(nl);
        assert_true(nl - p < LOG_LINE_MAX);
        if (json_scan(p, (size_t)(nl - p), NULL, &root, &e) != 0)
            fail_msg("%.*s: %s", (int)(nl - p), p, e.text);
        assert_int_equal(root.type, JSON_OBJECT);
        json_find(root, names, found, 3);
        assert_int_equal(found[0].len, 26);
        assert_int_equal(found[1].type, JSON_STRING);
        assert_int_equal(found[2].type, JSON_STRING);
        p = nl + 1;
        lines++;
    }
    return lines;
}

int log_test_setup(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof folder, "%.150s/log-XXXXXX", tmp && *tmp ? tmp : P_tmpdir);
    if (!mkdtemp(folder))
        return -1;
    snprintf(log_test_path, sizeof log_test_path, "%s/log", folder);
    snprintf(log_test_other, sizeof log_test_other, "%s/log.1", folder);
    return 0;
}

int log_test_teardown(void **state)
{
    (void)state;
    return rmdir(folder);
}
