#include "ini_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void ini_file_new(struct ini_file *f)
{
    const char *tmp = getenv("TMPDIR");

    /* Thousands of small files: in memory where that is possible. */
    if (!tmp || !*tmp || strlen(tmp) > 32)
        tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : P_tmpdir;
    *f = (struct ini_file){ 0 };
    snprintf(f->dir, sizeof f->dir, "%.32s/mg-config-XXXXXX", tmp);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/mcp.ini", f->dir);
    char tools[80];
    snprintf(tools, sizeof tools, "%s/tools.d", f->dir);
    assert_int_equal(mkdir(tools, 0700), 0);
}

static void loaded_forget(struct ini_file *f)
{
    problems_fini(&f->problems);
    config_unref(f->config);
    f->config = NULL;
}

void ini_file_free(struct ini_file *f)
{
    DIR *dir = opendir(f->dir);

    loaded_forget(f);
    assert_non_null(dir);
    for (struct dirent *d = readdir(dir); d; d = readdir(dir))
        unlinkat(dirfd(dir), d->d_name, d->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    closedir(dir);
    assert_int_equal(rmdir(f->dir), 0);
}

void ini_file_write(struct ini_file *f, const char *name, const void *data, size_t len,
                    unsigned mode)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        assert_true(n > 0);
        done += (size_t)n;
    }
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

struct config *ini_file_load_bytes(struct ini_file *f, const void *data, size_t len,
                                   const char *const *env)
{
    struct config_source source = { .path = f->path, .env = env, .cwd = f->dir };

    loaded_forget(f);
    ini_file_write(f, "mcp.ini", data, len, 0644);
    f->config = config_load(&source, &f->problems);
    /* Either all is right, or something is said. */
    assert_true((f->config == NULL) == (f->problems.count > 0));
    return f->config;
}

struct config *ini_file_load(struct ini_file *f, const char *text, const char *const *env)
{
    return ini_file_load_bytes(f, text, strlen(text), env);
}

const char *ini_file_problems(struct ini_file *f)
{
    static char text[64 * 1024];
    char *out = text;
    size_t dir = strlen(f->dir);

    *out = '\0';
    for (size_t i = 0; i < f->problems.kept; i++) {
        for (const char *s = f->problems.lines[i]; *s && out < text + sizeof text - 2; s++) {
            if (strncmp(s, f->dir, dir) == 0 && s[dir] == '/')
                s += dir + 1;
            *out++ = *s;
        }
        *out++ = '\n';
        *out = '\0';
    }
    return text;
}

void ini_file_assert(struct ini_file *f, const char *text, const char *const *env,
                     const char *problems)
{
    ini_file_load(f, text, env);
    if (strcmp(ini_file_problems(f), problems) != 0)
        fail_msg("of\n%s\nwanted\n%s\ngot\n%s", text, problems, ini_file_problems(f));
}
