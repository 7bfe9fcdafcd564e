#include "tools/skill.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/utf8.h"
#include "tools/frontmatter.h"

struct skill {
    atomic_uint refs;
    char *frontmatter, *description;
    size_t count;
    struct skill_file files[];
};

/* ---- names ---- */

bool skill_name_is_right(const char *name)
{
    size_t len = strlen(name);

    return len >= 1 && len <= SKILL_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && name[0] != '-' &&
           name[len - 1] != '-' && !strstr(name, "--");
}

/* Parts between single slashes, none of them "." or "..". */
static bool path_is_right(const char *path)
{
    size_t len = strlen(path);

    if (len == 0 || len > SKILL_PATH_MAX || utf8_valid(path, len) != len)
        return false;
    for (const char *p = path;;) {
        size_t part = strcspn(p, "/");
        if (part == 0 || (part == 1 && p[0] == '.') || (part == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        if (p[part] == '\0')
            return true;
        p += part + 1;
    }
}

/* The first part stands where a host stands in other URIs. */
static bool folder_is_right(const char *folder)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

    return folder[0] == '\0' || (path_is_right(folder) && folder[strspn(folder, allowed)] == '\0');
}

static const char *mime_of(const struct skill_file *f)
{
    static const struct {
        const char *suffix, *mime;
    } known[] = {
        { ".md", "text/markdown" },    { ".json", "application/json" }, { ".html", "text/html" },
        { ".csv", "text/csv" },        { ".xml", "application/xml" },   { ".svg", "image/svg+xml" },
        { ".png", "image/png" },       { ".jpg", "image/jpeg" },        { ".jpeg", "image/jpeg" },
        { ".pdf", "application/pdf" },
    };
    size_t len = strlen(f->path);

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].suffix);
        if (len > n && strcmp(f->path + len - n, known[i].suffix) == 0)
            return known[i].mime;
    }
    return f->is_text ? "text/plain" : "application/octet-stream";
}

/* ---- files ---- */

static char *uri_new(const char *folder, const char *name, const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    struct buf uri = { 0 };

    buf_printf(&uri, "skill://%s%s%s/", folder, folder[0] ? "/" : "", name);
    for (const char *p = path; *p; p++)
        if (strchr(plain, *p))
            buf_putc(&uri, *p);
        else
            buf_printf(&uri, "%%%02X", (unsigned char)*p);
    return buf_take(&uri, NULL);
}

static void file_fini(struct skill_file *f)
{
    free((void *)f->path);
    free((void *)f->uri);
    free((void *)f->data);
}

/* head: text before what the source has. */
static int file_init(struct skill_file *f, const char *folder, const char *name,
                     const struct skill_source *source, const struct buf *head)
{
    uint8_t digest[SHA256_SIZE];
    struct buf text = { 0 };
    char *data = malloc(head->len + source->len + 1);

    f->data = data;
    f->path = strdup(source->path);
    f->uri = uri_new(folder, name, source->path);
    if (!data || !f->path || !f->uri)
        return MG_E_NOMEM;
    if (head->len)
        memcpy(data, head->data, head->len);
    if (source->len)
        memcpy(data + head->len, source->data, source->len);
    f->len = head->len + source->len;
    data[f->len] = '\0';
    f->is_text = utf8_valid(data, f->len) == f->len && !memchr(data, '\0', f->len);
    f->mime = mime_of(f);
    hash_sha256(data, f->len, digest);
    buf_str(&text, "sha256:");
    hex_encode(&text, digest, sizeof digest);
    const char *hex = buf_cstr(&text);
    snprintf(f->digest, sizeof f->digest, "%s", hex ? hex : "");
    buf_fini(&text);
    return hex ? 0 : MG_E_NOMEM;
}

static int compare_files(const void *a, const void *b)
{
    const struct skill_file *x = a, *y = b;
    bool x_first = strcmp(x->path, SKILL_TEXT) == 0, y_first = strcmp(y->path, SKILL_TEXT) == 0;

    return x_first != y_first ? (int)y_first - (int)x_first : strcmp(x->path, y->path);
}

/* ---- SKILL.md ---- */

/* A text of SKILL.md's head, as a C string of its own. MG_E_NOTFOUND: it is none, or empty. */
static int member_take(struct json_text object, const char *name, char **out)
{
    struct json_text value;
    struct buf text = { 0 };

    json_find(object, &name, &value, 1);
    if (value.type != JSON_STRING || value.len <= 2)
        return MG_E_NOTFOUND;
    json_string_decode(value, &text);
    *out = buf_take(&text, NULL);
    return *out ? 0 : MG_E_NOMEM;
}

static int head_check(struct skill *s, const char *name, struct err *e)
{
    struct json_text root;
    char *own = NULL;
    int code = json_scan(s->frontmatter, strlen(s->frontmatter), NULL, &root, e);

    if (code != 0)
        return err_prefix(e, "%s: the head", SKILL_TEXT);
    code = member_take(root, "name", &own);
    bool is_named = own && strcmp(own, name) == 0;
    free(own);
    if (code == MG_E_NOMEM)
        return err_set(e, code, "not enough memory");
    if (!is_named)
        return err_set(e, MG_E_INVALID, "%s: its head must have name: %s", SKILL_TEXT, name);
    code = member_take(root, "description", &s->description);
    if (code == MG_E_NOMEM)
        return err_set(e, code, "not enough memory");
    return code == 0 ? 0 : err_set(e, MG_E_INVALID, "%s: its head needs a description", SKILL_TEXT);
}

/* Reads the head, or makes one in *head where there is none. */
static int head_read(struct skill *s, const char *name, const char *description,
                     const struct skill_source *text, struct buf *head, struct err *e)
{
    struct buf json = { 0 };
    int code = frontmatter_read(text->data, text->len, &json, e);

    if (code == 0 && description) {
        code = err_set(e, MG_E_INVALID, "%s has a head: its description is that one, give no other",
                       SKILL_TEXT);
    } else if (code == MG_E_NOTFOUND && description) {
        buf_clear(&json);
        json_open(&json, '{');
        json_member_str(&json, "name", name);
        json_member_str(&json, "description", description);
        json_close(&json, '}');
        buf_printf(head, "---\nname: \"%s\"\ndescription: ", name);
        json_str(head, description);
        buf_str(head, "\n---\n\n");
        code = buf_ok(head) ? 0 : err_set(e, MG_E_NOMEM, "not enough memory");
    } else if (code != 0) {
        err_prefix(e, "%s", SKILL_TEXT);
    }
    if (code != 0) {
        buf_fini(&json);
        return code;
    }
    s->frontmatter = buf_take(&json, NULL);
    return s->frontmatter ? head_check(s, name, e) : err_set(e, MG_E_NOMEM, "not enough memory");
}

/* ---- the whole ---- */

static int sources_check(const struct skill_source *files, size_t count,
                         const struct skill_source **text, struct err *e)
{
    *text = NULL;
    if (count > SKILL_MAX_FILES)
        return err_set(e, MG_E_LIMIT, "more than %d files", SKILL_MAX_FILES);
    for (size_t i = 0; i < count; i++) {
        if (!path_is_right(files[i].path))
            return err_set(e, MG_E_INVALID, "\"%.100s\" is no path of a file", files[i].path);
        for (size_t k = 0; k < i; k++)
            if (strcmp(files[k].path, files[i].path) == 0)
                return err_set(e, MG_E_INVALID, "%.100s stands there twice", files[i].path);
        if (strcmp(files[i].path, SKILL_TEXT) == 0)
            *text = &files[i];
    }
    return *text ? 0 : err_set(e, MG_E_INVALID, "there is no %s", SKILL_TEXT);
}

static int fill(struct skill *s, const char *folder, const char *name, const char *description,
                const struct skill_source *files, size_t count, struct err *e)
{
    const struct skill_source *text = NULL;
    struct buf head = { 0 };
    const struct buf none = { 0 };
    size_t bytes = 0;

    int code = sources_check(files, count, &text, e);
    if (code == 0)
        code = head_read(s, name, description, text, &head, e);
    for (size_t i = 0; code == 0 && i < count; i++) {
        bool is_text = &files[i] == text;
        bytes += files[i].len + (is_text ? head.len : 0);
        if (bytes > SKILL_MAX_BYTES)
            code = err_set(e, MG_E_LIMIT, "more than %u bytes", SKILL_MAX_BYTES);
        else if (file_init(&s->files[s->count++], folder, name, &files[i],
                           is_text ? &head : &none) != 0)
            code = err_set(e, MG_E_NOMEM, "not enough memory");
    }
    buf_fini(&head);
    if (code == 0)
        qsort(s->files, s->count, sizeof *s->files, compare_files);
    if (code == 0 && !s->files[0].is_text)
        code = err_set(e, MG_E_INVALID, "%s is no UTF-8, or holds a zero byte", SKILL_TEXT);
    return code;
}

struct skill *skill_new(const char *folder, const char *name, const char *description,
                        const struct skill_source *files, size_t count, struct err *e)
{
    if (!skill_name_is_right(name)) {
        err_set(e, MG_E_INVALID,
                "name: \"%.100s\" is not 1 to %d lower case letters, digits and "
                "single hyphens between them",
                name, SKILL_NAME_MAX);
        return NULL;
    }
    if (!folder_is_right(folder)) {
        err_set(e, MG_E_INVALID,
                "path: \"%.100s\" is not parts of letters, digits, - . _ ~ with "
                "slashes between them",
                folder);
        return NULL;
    }
    size_t room = count <= SKILL_MAX_FILES ? count : 0;
    struct skill *s = calloc(1, sizeof *s + room * sizeof(struct skill_file));
    if (!s) {
        err_set(e, MG_E_NOMEM, "not enough memory");
        return NULL;
    }
    atomic_init(&s->refs, 1);
    if (fill(s, folder, name, description, files, count, e) != 0) {
        skill_unref(s);
        return NULL;
    }
    return s;
}

struct skill *skill_ref(struct skill *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void skill_unref(struct skill *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        file_fini(&s->files[i]);
    free(s->frontmatter);
    free(s->description);
    free(s);
}

/* ---- reading ---- */

const char *skill_frontmatter(const struct skill *s) { return s->frontmatter; }

const char *skill_description(const struct skill *s) { return s->description; }

size_t skill_count(const struct skill *s) { return s->count; }

const struct skill_file *skill_at(const struct skill *s, size_t i) { return &s->files[i]; }

const struct skill_file *skill_find(const struct skill *s, const char *uri, size_t len)
{
    for (size_t i = 0; i < s->count; i++)
        if (strlen(s->files[i].uri) == len && memcmp(s->files[i].uri, uri, len) == 0)
            return &s->files[i];
    return NULL;
}

bool skill_is_same(const struct skill *a, const struct skill *b)
{
    if (!a || !b)
        return a == b;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; a != b && i < a->count; i++)
        if (strcmp(a->files[i].uri, b->files[i].uri) != 0 ||
            strcmp(a->files[i].digest, b->files[i].digest) != 0)
            return false;
    return true;
}
