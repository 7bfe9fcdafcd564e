#include "schema/uri.h"

#include <string.h>

#include "base/hash.h"

struct parts { /* extents; p NULL: not there */
    const char *scheme, *authority, *path;
    size_t scheme_len, authority_len, path_len;
    const char *query; /* with its ? */
    size_t query_len;
};

static bool is_scheme(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool is_letter = (s[i] | 32) >= 'a' && (s[i] | 32) <= 'z';
        if (!is_letter && (i == 0 || ((s[i] < '0' || s[i] > '9') && !strchr("+-.", s[i]))))
            return false;
    }
    return len > 0;
}

static struct parts split(const char *s)
{
    struct parts u = { 0 };
    size_t scheme = strcspn(s, ":/?#");

    if (s[scheme] == ':' && is_scheme(s, scheme)) {
        u.scheme = s;
        u.scheme_len = scheme;
        s += scheme + 1;
    }
    if (s[0] == '/' && s[1] == '/') {
        u.authority = s + 2;
        u.authority_len = strcspn(u.authority, "/?#");
        s = u.authority + u.authority_len;
    }
    u.path = s;
    u.path_len = strcspn(s, "?#");
    s += u.path_len;
    if (*s == '?') {
        u.query = s;
        u.query_len = strcspn(s, "#");
    }
    return u;
}

/* Appends a path with its "." and ".." segments carried out; nothing before `root` is removed. */
static void append_path(struct buf *out, const char *path, size_t len)
{
    size_t root = out->len, i = 0;

    while (i < len && buf_ok(out)) {
        size_t end = i + (path[i] == '/');
        while (end < len && path[end] != '/')
            end++;
        const char *name = path + i + (path[i] == '/');
        size_t n = (size_t)(path + end - name);
        bool is_dot = n == 1 && name[0] == '.', is_up = n == 2 && name[0] == '.' && name[1] == '.';
        if (is_up)
            while (out->len > root && out->data[--out->len] != '/')
                ;
        if (!is_dot && !is_up)
            buf_append(out, path + i, end - i);
        else if (end == len)
            buf_putc(out, '/');
        i = end;
    }
}

static void append_merged(struct buf *out, const struct parts *base, const struct parts *r)
{
    struct buf path = { 0 };
    size_t keep = base->path_len;

    if (base->authority && base->path_len == 0)
        buf_putc(&path, '/');
    while (keep > 0 && base->path[keep - 1] != '/')
        keep--;
    buf_append(&path, base->path, keep);
    buf_append(&path, r->path, r->path_len);
    if (buf_ok(&path))
        append_path(out, path.data ? path.data : "", path.len);
    else
        out->failed = true;
    buf_fini(&path);
}

static void append_authority(struct buf *out, const struct parts *u)
{
    if (!u->authority)
        return;
    buf_append(out, "//", 2);
    buf_append(out, u->authority, u->authority_len);
}

void uri_resolve(const char *base, const char *reference, struct buf *out, const char **fragment)
{
    struct parts b = split(base), r = split(reference);
    const struct parts *top = r.scheme ? &r : &b;
    const char *hash = strchr(reference, '#');

    *fragment = hash ? hash + 1 : NULL;
    if (top->scheme) {
        buf_append(out, top->scheme, top->scheme_len);
        buf_putc(out, ':');
    }
    append_authority(out, r.scheme || r.authority ? &r : &b);
    if (r.scheme || r.authority || (r.path_len > 0 && r.path[0] == '/'))
        append_path(out, r.path, r.path_len);
    else if (r.path_len > 0)
        append_merged(out, &b, &r);
    else
        buf_append(out, b.path, b.path_len);
    if (r.query)
        buf_append(out, r.query, r.query_len);
    else if (!r.scheme && !r.authority && r.path_len == 0 && b.query)
        buf_append(out, b.query, b.query_len);
}

void uri_decode(const char *s, struct buf *out)
{
    for (; *s; s++) {
        if (*s == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0) {
            buf_putc(out, (char)(hex_digit(s[1]) << 4 | hex_digit(s[2])));
            s += 2;
        } else {
            buf_putc(out, *s);
        }
    }
}
