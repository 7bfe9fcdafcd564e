#include "files/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static void make_printable(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t n = utf8_sequence(text, left);
        if (n == 0 || (unsigned char)*text < ' ' || *text == 0x7f) {
            *text = '?';
            n = 1;
        }
        text += n;
        left -= n;
    }
}

int fail_set(struct fail *f, int code, const char *word, const char *fmt, ...)
{
    char text[2 * sizeof f->err.text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    make_printable(text);
    f->word = word;
    return err_set(&f->err, code, "%s", text);
}

int fail_errno(struct fail *f, int reason, const char *path)
{
    const char *word = strerrorname_np(reason);

    switch (reason) {
    case EXDEV: return fail_set(f, MG_E_DENIED, "DENIED", "the path leaves the root: %s", path);
    case ELOOP:
        return fail_set(f, MG_E_DENIED, "DENIED", "a symbolic link is not followed: %s", path);
    case ENOENT: return fail_set(f, MG_E_NOTFOUND, "ENOENT", "no such file or folder: %s", path);
    case ENOTDIR:
        return fail_set(f, MG_E_NOTFOUND, "ENOTDIR",
                        "no such file or folder: %s (a part of it is "
                        "no folder)",
                        path);
    case ENAMETOOLONG:
        return fail_set(f, MG_E_INVALID, "INVALID", "the path, or a name in it, is too long");
    case ENOMEM: return fail_set(f, MG_E_NOMEM, "NOMEM", "not enough memory");
    default: return fail_set(f, MG_E_IO, word ? word : "EIO", "%s: %s", path, strerror(reason));
    }
}
