#include "config/ini.h"

#include <ini.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "config/file.h"

struct ini {
    const char *name; /* of the file */
    const struct ini_ops *ops;
    void *arg;
    struct problems *problems;
    uint32_t line;
};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static char *blanks_skip(char *s)
{
    while (is_blank(*s))
        s++;
    return s;
}

static void blanks_trim(char *s)
{
    size_t len = strlen(s);

    while (len > 0 && is_blank(s[len - 1]))
        s[--len] = '\0';
}

static int pair_found(void *user, const char *section, const char *key, const char *value)
{
    struct ini *ini = user;

    (void)section;
    if (*key == '\0')
        return 0;
    ini->ops->pair(ini->arg, key, value, ini->line);
    return 1;
}

static void heading_read(struct ini *ini, char *line)
{
    char *end = strchr(line, ']');

    if (!end) {
        problems_add(ini->problems, ini->name, ini->line, "a section heading ends with ]");
        return;
    }
    *end = '\0';
    char *rest = blanks_skip(end + 1);
    if (*rest && *rest != ';' && *rest != '#') {
        problems_add(ini->problems, ini->name, ini->line, "text behind the section heading: %s",
                     rest);
        return;
    }
    char *name = blanks_skip(line + 1);
    blanks_trim(name);
    ini->ops->section(ini->arg, name, ini->line);
}

/* What is wrong with the bytes of a line, or NULL. */
static const char *line_reason(const char *line, size_t len)
{
    if (memchr(line, '\0', len))
        return "a NUL byte: this is not a text file";
    if (utf8_valid(line, len) < len)
        return "not UTF-8 text";
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
            return "a control character";
    return NULL;
}

static void line_read(struct ini *ini, char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    const char *reason = line_reason(line, len);
    if (reason) {
        problems_add(ini->problems, ini->name, ini->line, "%s", reason);
        return;
    }
    char *start = blanks_skip(line);
    if (*start == '\0' || *start == ';' || *start == '#')
        return;
    if (len > INI_LINE_BYTES)
        problems_add(ini->problems, ini->name, ini->line,
                     "a line of %zu bytes: at most %d (a list may stand on several lines)", len,
                     INI_LINE_BYTES);
    else if (start > line)
        problems_add(ini->problems, ini->name, ini->line,
                     "an indented line: keys and headings begin in the first column");
    else if (*line == '[')
        heading_read(ini, line);
    else if (ini_parse_string(line, pair_found, ini) != 0)
        problems_add(ini->problems, ini->name, ini->line, "expected [section] or key = value");
}

void ini_read_text(const char *name, char *text, size_t len, const struct ini_ops *ops, void *arg,
                   struct problems *p)
{
    struct ini ini = { .name = name, .ops = ops, .arg = arg, .problems = p };
    char *at = text, *end = text + len;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* some editors put it there */
        at += 3;
    while (at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *stop = newline ? newline : end;
        ini.line++;
        line_read(&ini, at, (size_t)(stop - at));
        at = stop + 1;
    }
}

int ini_read_file(const char *path, const struct ini_ops *ops, void *arg, struct problems *p)
{
    struct buf text = { 0 };
    struct stat st;
    struct err e;
    int rc = file_read(path, INI_FILE_BYTES, &text, &st, &e);

    if (rc == 0 && !buf_cstr(&text))
        rc = err_set(&e, MG_E_NOMEM, "not enough memory to read it");
    if (rc < 0)
        problems_add(p, path, 0, "%s", e.text);
    else
        ini_read_text(path, text.data, text.len, ops, arg, p);
    if (text.data)
        explicit_bzero(text.data, text.len); /* keys may stand in it */
    buf_fini(&text);
    return rc;
}
