#include "files/ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "tools/pathglob.h"

struct rule {
    uint32_t glob; /* offset in text */
    bool is_negated, is_for_folders;
    bool is_name; /* held against the last part of the path alone */
};

struct ignore {
    const struct ignore *up;
    size_t at;
    struct rule *rules; /* in the file's order */
    size_t count, cap;
    struct buf text; /* globs, each with a zero behind it */
};

/* A line's pattern as a glob of tools/pathglob.h, which knows no backslash, and two stars only
 * between slashes. */
static void add_glob(struct buf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\\' && i + 1 < len) {
            i++;
            if (strchr("*?[", s[i]))
                buf_printf(out, "[%c]", s[i]);
            else
                buf_putc(out, s[i]);
        } else if (s[i] == '*') {
            size_t n = 1;
            while (i + n < len && s[i + n] == '*')
                n++;
            bool is_whole = (i == 0 || s[i - 1] == '/') && (i + n == len || s[i + n] == '/');
            buf_str(out, n == 2 && is_whole ? "**" : "*");
            i += n - 1;
        } else {
            buf_putc(out, s[i]);
        }
    }
    buf_putc(out, '\0');
}

/* Blanks at the end do not count, unless a backslash stands before them. */
static size_t trimmed(const char *s, size_t len)
{
    if (len > 0 && s[len - 1] == '\r')
        len--;
    while (len > 0 && s[len - 1] == ' ' && (len < 2 || s[len - 2] != '\\'))
        len--;
    return len;
}

static int add_line(struct ignore *g, const char *s, size_t len)
{
    struct rule rule = { 0 };
    len = trimmed(s, len);
    if (len == 0 || *s == '#')
        return 0;
    if (*s == '!') {
        rule.is_negated = true;
        s++;
        len--;
    }
    if (len > 0 && s[len - 1] == '/') {
        rule.is_for_folders = true;
        len--;
    }
    rule.is_name = !memchr(s, '/', len);
    if (len > 0 && *s == '/') {
        s++;
        len--;
    }
    if (len == 0)
        return 0;
    if (g->count == g->cap) {
        size_t cap = g->cap ? 2 * g->cap : 16;
        struct rule *more = realloc(g->rules, cap * sizeof *more);
        if (!more)
            return MG_E_NOMEM;
        g->rules = more;
        g->cap = cap;
    }
    rule.glob = (uint32_t)g->text.len;
    add_glob(&g->text, s, len);
    g->rules[g->count++] = rule;
    return buf_ok(&g->text) ? 0 : MG_E_NOMEM;
}

static int parse(struct ignore *g, const char *s, size_t len)
{
    int code = 0;
    for (const char *end = s + len; code == 0 && s < end;) {
        const char *newline = memchr(s, '\n', (size_t)(end - s));
        size_t n = newline ? (size_t)(newline - s) : (size_t)(end - s);
        if (!memchr(s, '\0', n))
            code = add_line(g, s, n);
        s += n + 1;
    }
    return code;
}

/* The file's text; none: an empty one. */
static int read_text(int folder, struct buf *out, struct fail *f)
{
    struct stat st;
    int fd =
        openat(folder, ".gitignore", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* none, or one that git does not read either */
    int code = 0;
    ssize_t n = 1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        n = 0;
    while (code == 0 && n > 0) {
        buf_reserve(out, 65536);
        if (!buf_ok(out))
            code = fail_errno(f, ENOMEM, ".gitignore");
        else
            n = read(fd, out->data + out->len, 65536);
        if (code == 0 && n > 0)
            out->len += (size_t)n;
        if (out->len > IGNORE_BYTES)
            code = fail_set(f, MG_E_LIMIT, "TOO_LARGE", ".gitignore is larger than %zu bytes",
                            IGNORE_BYTES);
    }
    close(fd);
    return code;
}

int ignore_read(int folder, size_t at, const struct ignore *up, struct ignore **out, struct fail *f)
{
    struct buf text = { 0 };
    *out = NULL;
    int code = read_text(folder, &text, f);
    if (code == 0 && text.len > 0) {
        struct ignore *g = calloc(1, sizeof *g);
        if (g) {
            g->up = up;
            g->at = at;
        }
        if (!g || parse(g, text.data, text.len) != 0) {
            ignore_free(g);
            g = NULL;
            code = fail_errno(f, ENOMEM, ".gitignore");
        }
        *out = g;
    }
    buf_fini(&text);
    return code;
}

void ignore_free(struct ignore *g)
{
    if (!g)
        return;
    free(g->rules);
    buf_fini(&g->text);
    free(g);
}

bool ignore_has(const struct ignore *g, const char *path, size_t len, bool is_folder)
{
    const char *slash = memrchr(path, '/', len);
    const char *base = slash ? slash + 1 : path;
    for (; g; g = g->up) {
        for (size_t i = g->count; i-- > 0;) { /* the last one that matches decides */
            const struct rule *rule = &g->rules[i];
            const char *from = rule->is_name ? base : path + g->at;
            if ((!rule->is_for_folders || is_folder) &&
                pathglob_match(g->text.data + rule->glob, from, len - (size_t)(from - path)))
                return !rule->is_negated;
        }
    }
    return false;
}
