#include "files/tally.h"

#include <string.h>

struct reader {
    const struct tally_syntax *s;
    struct tally *t;
    struct buf *kept;
    const char *until; /* what ends the comment or string that is open; NULL: none is */
    bool is_comment;   /* that is what is open */
    bool has_code, has_comment;
    const char *section;         /* what ends the part that is kept; NULL: none is */
    bool may_begin[256];         /* bytes that may begin something of the syntax */
    bool has_count[TALLY_ITEMS]; /* the text holds this word at all */
    bool has_keep[TALLY_ITEMS];
};

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool begins(const char *at, const char *end, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0;
}

/* How often the word stands in the line, not right behind a part of another one; at most max. */
static uint32_t times_in(const char *at, const char *end, const char *word, uint32_t max)
{
    size_t len = strlen(word);
    uint32_t n = 0;
    const char *found, *start = at;
    while (n < max && at < end && (found = memmem(at, (size_t)(end - at), word, len)) != NULL) {
        n += found == start || !is_word(word[0]) || !is_word(found[-1]);
        at = found + len;
    }
    return n;
}

/* A marker is a word of its own. */
static void look_for_markers(struct reader *r, const char *at, const char *end)
{
    const char *start = at;
    for (; at < end; at++) {
        if (!is_word(*at) || (at > start && is_word(at[-1])))
            continue;
        for (size_t i = 0; i < r->s->marker_count; i++) {
            const char *word = r->s->markers[i], *behind = at + strlen(word);
            if (begins(at, end, word) && (behind == end || !is_word(*behind)))
                r->t->markers++;
        }
    }
}

static void note_span(struct reader *r, const char *at, const char *end)
{
    const char *c = at;
    while (c < end && is_blank(*c))
        c++;
    if (c == end)
        return;
    if (r->is_comment) {
        r->has_comment = true;
        look_for_markers(r, at, end);
    } else {
        r->has_code = true;
    }
}

/* Behind what is open, or the end of the line. */
static const char *pass_open(struct reader *r, const char *at, const char *end)
{
    size_t len = strlen(r->until);
    const char *close = memmem(at, (size_t)(end - at), r->until, len);
    note_span(r, at, close ? close + len : end);
    if (!close)
        return end;
    r->until = NULL;
    return close + len;
}

static const char *pass_quoted(const char *at, const char *end)
{
    for (char quote = *at++; at < end && *at != quote; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
    return at < end ? at + 1 : end;
}

static const struct tally_pair *opened(const struct tally_pair *pairs, size_t n, const char *at,
                                       const char *end, bool is_first)
{
    for (size_t i = 0; i < n; i++)
        if ((is_first || !pairs[i].is_first) && begins(at, end, pairs[i].open))
            return &pairs[i];
    return NULL;
}

/* What stands at `at`, no blank and outside of everything. Returns what is behind it. */
static const char *pass_one(struct reader *r, const char *at, const char *end, bool is_first)
{
    const struct tally_syntax *s = r->s;
    const struct tally_pair *pair = opened(s->block, s->blocks, at, end, is_first);
    if (pair) {
        r->until = pair->close;
        r->is_comment = r->has_comment = true;
        return at + strlen(pair->open);
    }
    for (size_t i = 0; i < s->lines; i++) {
        if (begins(at, end, s->line[i])) {
            r->is_comment = true;
            note_span(r, at, end);
            return end;
        }
    }
    r->has_code = true;
    pair = opened(s->text, s->texts, at, end, is_first);
    if (pair) {
        r->until = pair->close;
        r->is_comment = false;
        return at + strlen(pair->open);
    }
    return s->quotes && strchr(s->quotes, *at) ? pass_quoted(at, end) : at + 1;
}

static void keep_line(struct reader *r, const char *at, const char *end)
{
    if (r->t->kept == TALLY_LINES_KEPT) {
        r->t->more++;
        return;
    }
    size_t len = (size_t)(end - at);
    buf_append(r->kept, at, len < TALLY_LINE_KEPT ? len : TALLY_LINE_KEPT);
    buf_putc(r->kept, '\0');
    r->t->kept++;
}

static bool is_kept(struct reader *r, const char *at, const char *end)
{
    const struct tally_syntax *s = r->s;
    if (r->section) {
        if (begins(at, end, r->section))
            r->section = NULL;
        return true;
    }
    const struct tally_pair *part = opened(s->section, s->sections, at, end, true);
    if (part) {
        r->section = part->close;
        return true;
    }
    for (size_t i = 0; i < s->keeps; i++) {
        const char *word = s->keep[i];
        if (word[0] == '^' ? begins(at, end, word + 1)
                           : r->has_keep[i] && times_in(at, end, word, 1) > 0)
            return true;
    }
    return false;
}

/* A line with code: at is its first byte that is no blank. */
static void look_at_code(struct reader *r, const char *at, const char *end)
{
    const struct tally_syntax *s = r->s;
    while (end > at && is_blank(end[-1]))
        end--;
    for (size_t i = 0; i < s->counts; i++) {
        const char *word = s->count[i];
        if (word[0] == '^')
            r->t->counts[i] += begins(at, end, word + 1);
        else if (r->has_count[i])
            r->t->counts[i] += times_in(at, end, word, UINT32_MAX);
    }
    if (is_kept(r, at, end))
        keep_line(r, at, end);
}

static void take_line(struct reader *r, const char *at, const char *end)
{
    const char *first = at;
    while (first < end && is_blank(*first))
        first++;
    r->t->lines++;
    if (first == end) {
        r->t->blank++;
        return;
    }
    r->has_code = r->has_comment = false;
    if (r->t->lines == 1 && begins(at, end, "#!")) { /* it says what runs the file */
        r->t->code++;
        look_at_code(r, first, end);
        return;
    }
    at = first;
    while (at < end) {
        if (r->until) {
            at = pass_open(r, at, end);
        } else if (is_blank(*at)) {
            at++;
        } else if (!r->may_begin[(unsigned char)*at]) {
            r->has_code = true;
            while (at < end && !r->may_begin[(unsigned char)*at])
                at++;
        } else {
            at = pass_one(r, at, end, at == first);
        }
    }
    if (r->has_code) {
        r->t->code++;
        look_at_code(r, first, end);
    } else {
        r->t->comment++;
    }
}

static void prepare(struct reader *r, const char *text, size_t len)
{
    const struct tally_syntax *s = r->s;
    for (size_t i = 0; i < s->lines; i++)
        r->may_begin[(unsigned char)s->line[i][0]] = true;
    for (size_t i = 0; i < s->blocks; i++)
        r->may_begin[(unsigned char)s->block[i].open[0]] = true;
    for (size_t i = 0; i < s->texts; i++)
        r->may_begin[(unsigned char)s->text[i].open[0]] = true;
    for (const char *c = s->quotes; c && *c; c++)
        r->may_begin[(unsigned char)*c] = true;
    for (size_t i = 0; i < s->counts; i++)
        r->has_count[i] = memmem(text, len, s->count[i], strlen(s->count[i])) != NULL;
    for (size_t i = 0; i < s->keeps; i++)
        r->has_keep[i] = memmem(text, len, s->keep[i], strlen(s->keep[i])) != NULL;
}

void tally_text(const struct tally_syntax *s, const char *text, size_t len, struct tally *t,
                struct buf *kept)
{
    struct reader r = { .s = s, .t = t, .kept = kept };
    const char *at = text, *end = text + len;
    *t = (struct tally){ 0 };
    if (len == 0)
        return;
    prepare(&r, text, len);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        take_line(&r, at, stop);
        at = newline ? newline + 1 : end;
    }
}
