/* render.c - from values back to texts. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "config/value.h"

/* In the largest unit that leaves no rest. */
static void duration_render(struct buf *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
    size_t i = 0;

    while (ms % units[i].ms || (ms == 0 && units[i].ms != 1000))
        i++;
    buf_printf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}

static void size_render(struct buf *out, uint64_t bytes)
{
    static const char units[] = "\0KMG";
    unsigned shift = 30;

    while (shift > 0 && (bytes == 0 || bytes & ((UINT64_C(1) << shift) - 1)))
        shift -= 10;
    buf_printf(out, "%" PRIu64, bytes >> shift);
    if (shift > 0)
        buf_putc(out, units[shift / 10]);
}

void bounds_render(struct buf *out, const struct key_info *k)
{
    if (k->whole_seconds)
        buf_str(out, "whole seconds from ");
    if (k->type == KEY_DURATION) {
        duration_render(out, k->min);
        buf_str(out, " to ");
        duration_render(out, k->max);
    } else if (k->type == KEY_SIZE) {
        size_render(out, (uint64_t)k->min);
        buf_str(out, " to ");
        size_render(out, (uint64_t)k->max);
    } else {
        buf_printf(out, "a number from %" PRId64 " to %" PRId64, k->min, k->max);
    }
}

static void choice_render(struct buf *out, const struct key_info *k, const void *field)
{
    const char *word = k->choices;
    unsigned value;

    memcpy(&value, field, sizeof value);
    for (; value > 0; value--)
        word += strcspn(word, " ") + 1;
    buf_append(out, word, strcspn(word, " "));
}

/* A ${ that stands for itself is written $${. */
static void literal_putc(struct buf *out, const char *s)
{
    if (s[0] == '$' && s[1] == '{')
        buf_putc(out, '$');
    buf_putc(out, *s);
}

static void literal_render(struct buf *out, const char *s)
{
    for (; *s; s++)
        literal_putc(out, s);
}

/* Quoted where it must be, so that argv_split() gives the same word back. Quotes do not keep a ;
 * behind a blank from beginning a comment: there they are closed and opened again. */
static void word_render(struct buf *out, const char *word)
{
    bool plain = *word && *word != '#' && strcspn(word, " \t\"'\\;") == strlen(word);

    if (plain) {
        literal_render(out, word);
        return;
    }
    buf_putc(out, '"');
    for (char before = '"'; *word; before = *word++) {
        if (*word == '"' || *word == '\\')
            buf_putc(out, '\\');
        if (*word == ';' && (before == ' ' || before == '\t'))
            buf_str(out, "\"\"");
        literal_putc(out, word);
    }
    buf_putc(out, '"');
}

/* Does the list begin and end as a value in quotes? */
static bool looks_quoted(const struct config_list *l)
{
    const char *first = l->items[0], *last = l->items[l->n - 1];
    return (*first == '"' || *first == '\'') && *last && last[strlen(last) - 1] == *first;
}

/* Before item i. A # or ; behind a blank would read as a comment, a first # as one behind no value
 * (print.c sees to a first ;); an item that is empty is none. */
static const char *separator(const struct key_info *k, const struct config_list *l, size_t i)
{
    const char *item = l->items[i];
    if (k->type == KEY_ARGV)
        return i == 0 ? "" : " ";
    if (i > 0)
        return *item == '#' || *item == ';' ? "," : ", ";
    bool is_comment = *item == '#' && (item[1] == ' ' || item[1] == '\0');
    return is_comment || looks_quoted(l) ? "," : "";
}

static void list_render(struct buf *out, const struct key_info *k, const struct config_list *l,
                        bool masked)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_str(out, masked ? (i > 0 ? ", " : "") : separator(k, l, i));
        if (masked)
            buf_str(out, "***");
        else if (k->type == KEY_ARGV)
            word_render(out, l->items[i]);
        else
            literal_render(out, l->items[i]);
    }
}

static void rate_render(struct buf *out, const struct config_rate *rate)
{
    if (rate->window_ms == 0)
        return;
    buf_printf(out, "%" PRIu32 "/", rate->bucket);
    duration_render(out, rate->window_ms);
}

static void date_render(struct buf *out, int64_t ms)
{
    char iso[CLOCK_ISO_SIZE];

    if (ms == 0)
        return;
    clock_iso(iso, ms);
    buf_append(out, iso, strlen("2027-01-31T12:00:00"));
    buf_putc(out, 'Z');
}

static void text_render(struct buf *out, const char *s, bool masked)
{
    if (masked && *s)
        buf_str(out, "***");
    else
        literal_render(out, s);
}

/* A 0 that nobody could have written. */
static bool is_unset(const struct key_info *k, int64_t number) { return number == 0 && k->min > 0; }

static void number_render(struct buf *out, const struct key_info *k, const void *field)
{
    if (k->type == KEY_INT && !is_unset(k, *(const uint32_t *)field))
        buf_printf(out, "%" PRIu32, *(const uint32_t *)field);
    else if (k->type == KEY_SIZE && !is_unset(k, (int64_t) * (const uint64_t *)field))
        size_render(out, *(const uint64_t *)field);
    else if (k->type == KEY_DURATION && !is_unset(k, *(const int64_t *)field))
        duration_render(out, *(const int64_t *)field);
}

void value_render(struct buf *out, const struct key_info *k, const void *field, bool masked)
{
    masked = masked && key_is_secret(k);
    switch (k->type) {
    case KEY_TEXT:
    case KEY_PATH:
    case KEY_SECRET: text_render(out, *(const char *const *)field, masked); break;
    case KEY_BOOL: buf_str(out, *(const bool *)field ? "yes" : "no"); break;
    case KEY_INT:
    case KEY_SIZE:
    case KEY_DURATION: number_render(out, k, field); break;
    case KEY_RATE: rate_render(out, field); break;
    case KEY_DATE: date_render(out, *(const int64_t *)field); break;
    case KEY_CHOICE: choice_render(out, k, field); break;
    case KEY_LIST:
    case KEY_SECRETS:
    case KEY_ARGV: list_render(out, k, field, masked); break;
    }
}

void value_copy(const struct key_info *k, void *to, const void *from)
{
    static const size_t size[] = {
        [KEY_TEXT] = sizeof(char *),
        [KEY_PATH] = sizeof(char *),
        [KEY_SECRET] = sizeof(char *),
        [KEY_BOOL] = sizeof(bool),
        [KEY_INT] = sizeof(uint32_t),
        [KEY_DURATION] = sizeof(int64_t),
        [KEY_SIZE] = sizeof(uint64_t),
        [KEY_RATE] = sizeof(struct config_rate),
        [KEY_DATE] = sizeof(int64_t),
        [KEY_CHOICE] = sizeof(unsigned),
        [KEY_LIST] = sizeof(struct config_list),
        [KEY_SECRETS] = sizeof(struct config_list),
        [KEY_ARGV] = sizeof(struct config_list),
    };

    memcpy(to, from, size[k->type]);
}
