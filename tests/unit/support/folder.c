#include "support/folder.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

void folder_make(char path[FOLDER_PATH], const char *name)
{
    const char *tmp = getenv("TMPDIR");
    char real[PATH_MAX];

    if (!tmp || !realpath(tmp, real) || strlen(real) > FOLDER_PATH / 2)
        assert_non_null(realpath(P_tmpdir, real));
    assert_true(snprintf(path, FOLDER_PATH, "%s/moongate-%s-XXXXXX", real, name) < FOLDER_PATH);
    if (!mkdtemp(path))
        fail_msg("no folder can be made in %s", real);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void write_file(const char *folder, const char *name, const char *format, va_list values)
{
    char path[PATH_MAX];

    assert_true(snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path);
    for (char *p = path + strlen(folder) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        (void)mkdir(path, 0700); /* it may be there; if it is no folder, fopen() fails */
        *p = '/';
    }
    FILE *out = fopen(path, "we");
    if (!out)
        fail_msg("%s cannot be written", path);
    assert_true(vfprintf(out, format, values) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

void folder_printf(const char *path, const char *name, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    write_file(path, name, format, values);
    va_end(values);
}

void folder_write(const char *path, const char *name, const char *text)
{
    folder_printf(path, name, "%s", text);
}

int descriptors_open(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}
