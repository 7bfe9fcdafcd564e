/* suite.c - runs the official JSON-Schema-Test-Suite: usage: schema-suite DIR, where DIR/tests
 * holds the required tests of draft 2020-12 and DIR/remotes the documents they refer to. Prints
 * what fails and how many passed; exit code 0: all did. */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schema/schema.h"
#include "schema/tape.h"

#define REMOTE "http://localhost:1234/"
#define REMOTES_MAX 200

static struct schema_document remotes[REMOTES_MAX];
static size_t remote_count, remotes_prefix;
static unsigned passed, failed;

static char *file_read(const char *path, size_t *len)
{
    struct buf b = { 0 };
    char part[65536];
    size_t n;
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        exit(2);
    }
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_append(&b, part, n);
    fclose(f);
    char *text = buf_take(&b, len);
    if (!text)
        exit(2);
    return text;
}

static int add_remote(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)at;
    size_t n = strlen(path);
    if (kind != FTW_F || n < 5 || strcmp(path + n - 5, ".json") != 0 || strstr(path, "/v1/"))
        return 0;
    if (remote_count == REMOTES_MAX) {
        fputs("schema-suite: too many remotes\n", stderr);
        exit(2);
    }
    struct buf uri = { 0 };
    struct schema_document *d = &remotes[remote_count++];
    buf_str(&uri, REMOTE);
    buf_str(&uri, path + remotes_prefix + 1);
    d->uri = buf_take(&uri, NULL);
    d->text = file_read(path, &d->len);
    return 0;
}

static void run_case(const char *file, const char *group, const struct schema *s,
                     struct json_text test)
{
    static const char *const names[] = { "description", "data", "valid" };
    struct json_text found[3];
    struct err e = { 0 };

    json_find(test, names, found, 3);
    int rc = schema_check(s, found[1], &e);
    bool is_right = found[2].type == JSON_TRUE ? rc == 0 : rc == MG_E_INVALID;
    passed += is_right;
    failed += !is_right;
    if (!is_right)
        printf("FAIL %s: %s: %.*s: wanted %.*s, got %d %s\n", file, group, (int)found[0].len,
               found[0].p, (int)found[2].len, found[2].p, rc, e.text);
}

static void run_group(const char *file, struct json_text group)
{
    static const char *const names[] = { "description", "schema", "tests" };
    struct json_text found[3], test;
    struct err e = { 0 };
    char title[200];

    json_find(group, names, found, 3);
    snprintf(title, sizeof title, "%.*s", (int)found[0].len, found[0].p);
    struct schema *s = schema_compile(found[1].p, found[1].len, remotes, remote_count, &e);
    if (!s) {
        printf("FAIL %s: %s: does not compile: %s\n", file, title, e.text);
        failed++;
        return;
    }
    for (struct json_iter it = json_iter(found[2]); json_next_item(&it, &test);)
        run_case(file, title, s, test);
    schema_free(s);
}

static void run_file(const char *folder, const char *name)
{
    char path[4096];
    size_t len;
    struct json_text root, group;
    struct err e;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = file_read(path, &len);
    const struct json_limits limits = { .takes_nul = true };
    if (json_scan(text, len, &limits, &root, &e) != 0) {
        printf("FAIL %s: %s\n", name, e.text);
        failed++;
    } else {
        for (struct json_iter it = json_iter(root); json_next_item(&it, &group);)
            run_group(name, group);
    }
    free(text);
}

static int is_json(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 5 && strcmp(d->d_name + n - 5, ".json") == 0;
}

int main(int argc, char **argv)
{
    char folder[4096];
    struct dirent **files;

    if (argc != 2) {
        fputs("usage: schema-suite DIR\n", stderr);
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/remotes", argv[1]);
    remotes_prefix = strlen(folder);
    if (nftw(folder, add_remote, 16, FTW_PHYS) != 0) {
        perror(folder);
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/tests", argv[1]);
    int n = scandir(folder, &files, is_json, alphasort);
    if (n <= 0) {
        fprintf(stderr, "%s: no tests\n", folder);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        run_file(folder, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    for (size_t i = 0; i < remote_count; i++) {
        free((char *)(uintptr_t)remotes[i].uri);
        free((char *)(uintptr_t)remotes[i].text);
    }
    printf("JSON Schema 2020-12: %u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
