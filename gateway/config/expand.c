#include "config/expand.h"

#include <ctype.h>
#include <string.h>

#include "config/file.h"

#define SECRET_FILE_BYTES (64 * 1024)

const char *env_get(const char *const *env, const char *name, size_t len)
{
    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

/* Replaces the reference whose name begins at s; *used is the length of NAME}. */
static int ref_replace(struct buf *out, const char *s, size_t len, const char *const *env,
                       size_t *used, struct err *e)
{
    size_t n = 0;

    while (n < len && (isalnum((unsigned char)s[n]) || s[n] == '_'))
        n++;
    if (n == 0 || n == len || s[n] != '}' || isdigit((unsigned char)*s))
        return err_set(e, MG_E_INVALID,
                       "after ${ comes a variable's name and } ($${ stands for ${)");
    const char *value = env_get(env, s, n);
    if (!value)
        return err_set(e, MG_E_INVALID, "the environment variable %.*s is not set", (int)n, s);
    buf_str(out, value);
    *used = n + 1;
    return 0;
}

int expand_refs(struct buf *out, const char *s, size_t len, const char *const *env, struct err *e)
{
    for (size_t i = 0; i < len; i++) {
        size_t used = 0;
        if (len - i >= 3 && memcmp(s + i, "$${", 3) == 0) {
            buf_str(out, "${");
            i += 2;
        } else if (len - i >= 2 && memcmp(s + i, "${", 2) == 0) {
            int rc = ref_replace(out, s + i + 2, len - i - 2, env, &used, e);
            if (rc < 0)
                return rc;
            i += 1 + used;
        } else {
            buf_putc(out, s[i]);
        }
    }
    return buf_ok(out) ? 0 : err_set(e, MG_E_NOMEM, "not enough memory");
}

int expand_file(struct buf *out, const char *path, struct err *e)
{
    struct stat st;
    size_t start = out->len;
    int rc = file_read(path, SECRET_FILE_BYTES, out, &st, e);

    if (rc < 0)
        return err_prefix(e, "%s", path);
    if (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) {
        if (out->len > start)
            explicit_bzero(out->data + start, out->len - start);
        out->len = start;
        return err_set(e, MG_E_DENIED, "%s: mode %04o lets others at the key: chmod 600 %s", path,
                       (unsigned)(st.st_mode & 07777), path);
    }
    while (out->len > start && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    return 0;
}

void path_join(struct buf *out, const char *dir, const char *path)
{
    if (*path == '/') {
        buf_str(out, path);
        return;
    }
    while (path[0] == '.' && path[1] == '/')
        for (path += 2; *path == '/';)
            path++;
    buf_str(out, dir);
    if (*path == '\0' || strcmp(path, ".") == 0)
        return;
    if (strcmp(dir, "/") != 0)
        buf_putc(out, '/');
    buf_str(out, path);
}
