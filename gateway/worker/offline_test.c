/* moongate test: the files of tests, their cases, and what is told of them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/offline.h"
#include "worker/test_machine.h"

#define SUFFIX "_test.lua"
#define LOG_SHOWN 16384 /* bytes of the log that are told of a failed case, its end */

struct test_file {
    char *name;
    struct test_cases cases;
    struct buf problem;
};

struct tests {
    struct standalone site;
    const struct offline_test *o;
    struct test_file *files;
    size_t n;
    int log_fd; /* a file in memory that the log is written to */
    size_t run, failed;
};

/* ---- which files ---- */

static bool is_test(const char *name)
{
    size_t len = strlen(name), suffix = strlen(SUFFIX);
    return len > suffix && name[0] != '.' && strcmp(name + len - suffix, SUFFIX) == 0;
}

static int file_add(struct tests *t, const char *name)
{
    struct test_file *more = realloc(t->files, (t->n + 1) * sizeof *more);
    if (!more)
        return 1;
    t->files = more;
    t->files[t->n] = (struct test_file){ .name = strdup(name) };
    return t->files[t->n++].name ? 0 : 1;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct test_file *)a)->name, ((const struct test_file *)b)->name);
}

static int files_of_folder(struct tests *t)
{
    const char *folder = t->site.config->paths.tools;
    DIR *d = opendir(folder);
    int code = 0;
    if (!d) {
        fprintf(stderr, "moongate: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    for (struct dirent *x; code == 0 && (x = readdir(d)) != NULL;)
        if (is_test(x->d_name))
            code = file_add(t, x->d_name);
    closedir(d);
    if (t->n > 1)
        qsort(t->files, t->n, sizeof *t->files, compare);
    if (code == 0 && t->n == 0) {
        fprintf(stderr,
                "moongate: there are no tests (*" SUFFIX ") in %s; `moongate new NAME` "
                "writes some\n",
                folder);
        code = 1;
    }
    return code;
}

static int files_named(struct tests *t)
{
    const char *folder = t->site.config->paths.tools;
    for (const char *const *file = t->o->files; *file; file++) {
        const char *slash = strrchr(*file, '/');
        const char *name = slash ? slash + 1 : *file;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (!is_test(name)) {
            fprintf(stderr, "moongate: %s: the name of a file of tests ends in " SUFFIX "\n",
                    *file);
            return 2;
        }
        if (access(path, F_OK) != 0) {
            fprintf(stderr, "moongate: %s: there is no such file in %s\n", *file, folder);
            return 1;
        }
        if (file_add(t, name) != 0)
            return 1;
    }
    return 0;
}

/* ---- telling ---- */

/* Every line of the text behind a prefix. */
static void print_lines(const char *prefix, const char *text, size_t len)
{
    while (len > 0) {
        const char *nl = memchr(text, '\n', len);
        size_t n = nl ? (size_t)(nl - text) : len;
        printf("%s%.*s\n", prefix, (int)n, text);
        n += nl != NULL;
        text += n;
        len -= n;
    }
}

static void log_clear(const struct tests *t)
{
    log_flush();
    if (ftruncate(t->log_fd, 0) != 0)
        fprintf(stderr, "moongate: the log: %s\n", strerror(errno));
}

static void print_log(const struct tests *t, const char *prefix)
{
    char text[LOG_SHOWN];
    log_flush();
    off_t size = lseek(t->log_fd, 0, SEEK_END);
    off_t from = size > LOG_SHOWN ? size - LOG_SHOWN : 0;
    ssize_t n = size > 0 ? pread(t->log_fd, text, sizeof text, from) : 0;
    if (n > 0)
        print_lines(prefix, text, (size_t)n);
}

static void tell(struct tests *t, const char *file, const struct test_case *c,
                 const struct buf *failure)
{
    bool is_ok = failure->len == 0;
    const char *prefix = t->o->tap ? "#   " : "    ";
    t->run++;
    t->failed += !is_ok;
    if (t->o->tap)
        printf("%s %zu - %s%s%s\n", is_ok ? "ok" : "not ok", t->run, file, c ? ": " : "",
               c ? c->name : "");
    else
        printf("%s %s%s%s", is_ok ? "ok  " : "FAIL", file, c ? ": " : "", c ? c->name : "");
    if (!t->o->tap)
        printf(!is_ok && c ? " (%s)\n" : "\n", c ? c->place : "");
    if (!is_ok) {
        print_lines(prefix, failure->data, failure->len);
        print_log(t, prefix);
    }
    fflush(stdout);
}

static bool is_wanted(const struct tests *t, const char *file, const char *name)
{
    char text[1024];
    snprintf(text, sizeof text, "%s: %s", file, name);
    return !t->o->filter || strstr(text, t->o->filter) != NULL;
}

/* ---- running ---- */

static int fail(const struct err *e)
{
    fprintf(stderr, "moongate: %s\n", e->text);
    return 1;
}

static int files_list(struct tests *t)
{
    struct err e = { 0 };
    for (size_t i = 0; i < t->n; i++) {
        struct test_file *f = &t->files[i];
        if (test_list(&t->site, f->name, &f->cases, &f->problem, &e) != 0)
            return fail(&e);
        if (f->problem.len == 0 && f->cases.n == 0)
            buf_printf(&f->problem, "%s: it names no case", f->name);
    }
    return 0;
}

/* How many results there will be. */
static size_t count(const struct tests *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct test_file *f = &t->files[i];
        for (size_t k = 0; f->problem.len == 0 && k < f->cases.n; k++)
            n += is_wanted(t, f->name, f->cases.items[k].name);
        n += f->problem.len > 0;
    }
    return n;
}

static int file_run(struct tests *t, const struct test_file *f)
{
    struct err e = { 0 };
    if (f->problem.len > 0) {
        log_clear(t);
        tell(t, f->name, NULL, &f->problem);
        return 0;
    }
    for (size_t i = 0; i < f->cases.n; i++) {
        struct buf failure = { 0 };
        if (!is_wanted(t, f->name, f->cases.items[i].name))
            continue;
        log_clear(t);
        if (test_run(&t->site, f->name, &f->cases, i, &failure, &e) != 0) {
            buf_fini(&failure);
            return fail(&e);
        }
        tell(t, f->name, &f->cases.items[i], &failure);
        buf_fini(&failure);
    }
    return 0;
}

static int run_all(struct tests *t)
{
    int code = files_list(t);
    size_t total = code == 0 ? count(t) : 0;
    if (code == 0 && total == 0) {
        fprintf(stderr, "moongate: no case's name contains \"%s\"\n", t->o->filter);
        return 1;
    }
    if (code == 0 && t->o->tap)
        printf("TAP version 13\n1..%zu\n", total);
    for (size_t i = 0; code == 0 && i < t->n; i++)
        code = file_run(t, &t->files[i]);
    if (code == 0 && !t->o->tap)
        printf("%zu test%s, %zu failed\n", t->run, t->run == 1 ? "" : "s", t->failed);
    return code == 0 && t->failed > 0 ? 1 : code;
}

static void tests_fini(struct tests *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->files[i].name);
        test_cases_fini(&t->files[i].cases);
        buf_fini(&t->files[i].problem);
    }
    free(t->files);
}

int offline_test(const char *ini_path, const struct offline_test *o)
{
    struct tests t = { .o = o, .log_fd = memfd_create("log", MFD_CLOEXEC) };
    char log[64];
    if (t.log_fd < 0) {
        fprintf(stderr, "moongate: a file in memory: %s\n", strerror(errno));
        return 1;
    }
    snprintf(log, sizeof log, "/proc/self/fd/%d", t.log_fd);
    int code = standalone_open(&t.site, ini_path, log);
    bool are_tools_whole = code != 0 || standalone_tell_problems(&t.site) == 0;
    if (code == 0)
        code = o->files[0] ? files_named(&t) : files_of_folder(&t);
    if (code == 0)
        code = run_all(&t);
    if (code == 0 && !are_tools_whole && !o->files[0])
        code = 1;
    tests_fini(&t);
    standalone_close(&t.site);
    log_stop();
    close(t.log_fd);
    return code;
}
