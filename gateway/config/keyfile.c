/* keyfile.c - keys that lie in a file of their own, one a line. */
#include <string.h>

#include "config/expand.h"
#include "config/value.h"

static int no_memory(struct err *e) { return err_set(e, MG_E_NOMEM, "not enough memory"); }

/* Where the @file of a value is; added to the files that were read. */
static int file_path(struct value_reader *r, const struct raw *raw, const char *item,
                     struct buf *path, struct err *e)
{
    struct buf name = { 0 };
    int rc = 0;

    if (raw->has_refs)
        rc = expand_refs(&name, item + 1, strlen(item + 1), r->env, e);
    else
        buf_str(&name, item + 1);
    if (rc == 0 && name.len == 0)
        rc = err_set(e, MG_E_INVALID, "after @ comes the path of a file");
    if (rc == 0 && buf_cstr(&name))
        path_join(path, raw->at.kind == CONFIG_FILE ? r->dir : r->cwd, name.data);
    if (rc == 0)
        rc = buf_cstr(path) ? list_add(r->arena, r->files, path->data, path->len, e) : no_memory(e);
    buf_fini(&name);
    return rc;
}

/* The line without the blanks around it, cut off at its end; NULL: an empty line or a comment,
 * which taken for a key would be one that everybody can guess. */
static char *line_trim(char *line)
{
    size_t len;

    line += strspn(line, " \t");
    len = strlen(line);
    while (len > 0 && strchr(" \t\r", line[len - 1]))
        line[--len] = '\0';
    return *line && *line != '#' && *line != ';' ? line : NULL;
}

static int lines_read(struct arena *a, const char *path, char *at,
                      const struct keyfile_rules *rules, struct config_list *l, struct err *e)
{
    static const char bom[] = "\xef\xbb\xbf";
    size_t before = l->n;
    int rc = 0;

    if (strncmp(at, bom, strlen(bom)) == 0)
        at += strlen(bom);
    for (unsigned number = 1; at && rc == 0; number++) {
        char *newline = strchr(at, '\n');
        if (newline)
            *newline++ = '\0';
        const char *key = line_trim(at);
        const char *wrong = key ? rules->shape(key) : NULL;
        if (wrong)
            rc = err_set(e, MG_E_INVALID, "%s:%u: expected %s", path, number, wrong);
        else if (key && l->n - before == rules->most)
            rc = err_set(e, MG_E_LIMIT, "%s:%u: one key too many", path, number);
        else if (key)
            rc = list_add(a, l, key, strlen(key), e);
        at = newline;
    }
    return rc;
}

int keyfile_read(struct value_reader *r, const struct raw *raw, const char *item,
                 const struct keyfile_rules *rules, struct config_list *l, struct err *e)
{
    struct buf path = { 0 }, text = { 0 };
    int rc = file_path(r, raw, item, &path, e);

    if (rc == 0)
        rc = expand_file(&text, path.data, e);
    if (rc == 0 && text.len > 0 && memchr(text.data, '\0', text.len))
        rc = err_set(e, MG_E_INVALID, "a NUL byte");
    else if (rc == 0)
        rc = buf_cstr(&text) ? lines_read(r->arena, path.data, text.data, rules, l, e)
                             : no_memory(e);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_fini(&text);
    buf_fini(&path);
    return rc;
}
