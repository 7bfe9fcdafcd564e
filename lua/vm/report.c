#include "vm/report.h"

#include "base/parse.h"
#include "vm/excerpt.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_fini(struct report *r)
{
    buf_fini(&r->text);
    buf_fini(&r->shown);
    buf_fini(&r->scratch);
}

/* A problem begins: its line, and below it for people what stands there. */
static void begin(struct report *r, const struct source *s, const struct place *at,
                  const char *text)
{
    struct buf *both[] = { &r->text, &r->shown };
    for (int i = 0; i < 2; i++) {
        if (r->count)
            buf_putc(both[i], '\n');
        if (at->line > 0)
            buf_printf(both[i], "%s:%d: %s", s->title, at->line, text);
        else
            buf_printf(both[i], "%s: %s", s->title, text);
    }
    r->count++;
    excerpt_show(&r->shown, s, at);
}

void report_add(struct report *r, const char *field, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct place at = { .line = r->line };
    if (field && r->source->text)
        at = excerpt_find(r->source, r->line, field);
    begin(r, r->source, &at, text);
}

void report_help(struct report *r, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    const char *head = "help: ";
    for (const char *line = text; *line; head = "      ") {
        size_t len = strcspn(line, "\n");
        buf_printf(&r->shown, "\n      = %s%.*s", head, (int)len, line);
        line += len + (line[len] == '\n');
    }
}

void report_no_memory(struct report *r)
{
    report_add(r, NULL, "not enough memory");
    r->lacks_memory = true;
}

/* ---- what Lua says ---- */

/* The number behind "title:", and *reason behind that; 0 when text does not begin so. */
static int line_behind(const char *text, const char *title, const char **reason)
{
    size_t n = strlen(title);
    char *end;
    if (strncmp(text, title, n) != 0 || text[n] != ':')
        return 0;
    long line = strtol(text + n + 1, &end, 10);
    if (end == text + n + 1 || *end != ':' || line < 1 || line > 1 << 24)
        return 0;
    *reason = end + 1 + (end[1] == ' ');
    return (int)line;
}

static int raised_place(const struct report *r, const char *text, const struct source **s,
                        const char **reason)
{
    int line = line_behind(text, r->source->title, reason);
    *s = r->source;
    for (size_t i = 0; line == 0 && i < sources_count(r->sources); i++) {
        *s = sources_at(r->sources, i);
        line = line_behind(text, (*s)->title, reason);
    }
    return line;
}

/* The word that the message is about, in quotes: near 'x', (global 'x'), (field 'x'). */
static const char *meant_word(const char *reason, size_t *len)
{
    static const char *const before[] = { "near '",   "(global '", "(local '",
                                          "(field '", "(method '", "(upvalue '" };
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        const char *at = strstr(reason, before[i]);
        const char *word = at ? at + strlen(before[i]) : NULL;
        const char *end = at ? strrchr(word, '\'') : NULL;
        if (end && end > word) {
            *len = (size_t)(end - word);
            return word;
        }
    }
    *len = 0;
    return NULL;
}

static void help_raised(struct report *r, const char *reason)
{
    size_t len;
    const char *word = meant_word(reason, &len);
    bool is_global = strstr(reason, "(global '") && word;
    if (strstr(reason, "near <eof>"))
        report_help(r, "the file ends, but something is not closed: an \"end\", a } or a )");
    else if (strstr(reason, "'}' expected"))
        report_help(r, "is a comma missing before this, or a } too few above?");
    else if (is_global && len == 3 && memcmp(word, "mcp", 3) == 0)
        report_help(r, "begin the file with: local mcp = require \"mcp\"");
    else if (is_global)
        report_help(r, "a tool's environment has no \"%.*s\"; docs/lua-api.md lists what it has",
                    (int)(len < 60 ? len : 60), word);
}

void report_raised(struct report *r, const char *text)
{
    const struct source *s;
    const char *reason = text;
    size_t len;
    int line = raised_place(r, text, &s, &reason);
    if (line == 0) { /* a kill names no place; an error of a helper that cannot be read does */
        s = r->source;
        size_t title = strlen(s->title), folder = strcspn(s->title, "/") + 1;
        if (strncmp(text, s->title, title) == 0 && strncmp(text + title, ": ", 2) == 0)
            reason = text + title + 2;
        else if (strncmp(text, s->title, folder) == 0) {
            struct buf *both[] = { &r->text, &r->shown };
            for (int i = 0; i < 2; i++)
                buf_printf(both[i], "%s%s", r->count ? "\n" : "", text);
            r->count++;
            return;
        }
    }
    const char *word = meant_word(reason, &len);
    struct place at = { .line = line };
    if (word)
        at = excerpt_word(s, line, word, len);
    begin(r, s, &at, reason);
    help_raised(r, reason);
}

const char *report_nearest(const char *wrong, const char *const *names, char *out, size_t size)
{
    const char *best = NULL;
    unsigned least = 3; /* further away it is another word */
    for (; *names; names++) {
        unsigned d = edit_distance(wrong, *names);
        if (d < least) {
            least = d;
            best = *names;
        }
    }
    if (best)
        snprintf(out, size, " (did you mean \"%s\"?)", best);
    else
        out[0] = '\0';
    return out;
}
