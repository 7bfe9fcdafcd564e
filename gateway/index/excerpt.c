#include "index/excerpt.h"

#include <string.h>

#include "index/tokenizer.h"

#define BEFORE 60 /* bytes of text shown before the first hit */
/* Bytes from the begin of the first hit to the end of the last one. */
#define SPAN (EXCERPT_MAX - BEFORE - 8)
#define HITS 32       /* looked at together */
#define LOOK_EACH 256 /* words between two looks at the time */

struct hit {
    size_t begin, end, place; /* place: number of the word in the text */
    size_t word;              /* of the query */
};

struct search {
    const struct query *q;
    const struct excerpt_stop *stop;
    struct hit hit[HITS]; /* a ring of the last ones */
    size_t first, count, place;
    unsigned looked;
    size_t best_begin;
    unsigned best;
};

static bool matches(const struct query *q, const struct query_word *want, const struct word *w)
{
    if (want->is_prefix ? w->len < want->len : w->len != want->len)
        return false;
    return memcmp(q->words.data + want->at, w->text, want->len) == 0;
}

static const struct hit *hit_at(const struct search *s, size_t i)
{
    return &s->hit[(s->first + i) % HITS];
}

/* Different words count most; a word right behind its neighbour in a phrase counts as well. */
static unsigned score(const struct search *s)
{
    uint64_t seen = 0, phrases = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct hit *h = hit_at(s, i), *before = i > 0 ? hit_at(s, i - 1) : NULL;
        seen |= (uint64_t)1 << h->word;
        if (s->q->word[h->word].follows && before && before->word + 1 == h->word &&
            before->place + 1 == h->place)
            phrases |= (uint64_t)1 << h->word;
    }
    return (unsigned)(2 * __builtin_popcountll(seen) + __builtin_popcountll(phrases));
}

static void add_hit(struct search *s, const struct word *w, size_t word)
{
    while (s->count > 0 && (s->count == HITS || w->end - hit_at(s, 0)->begin > SPAN)) {
        s->first = (s->first + 1) % HITS;
        s->count--;
    }
    s->hit[(s->first + s->count++) % HITS] = (struct hit){ w->begin, w->end, s->place, word };
    unsigned now = score(s);
    if (now > s->best) {
        s->best = now;
        s->best_begin = hit_at(s, 0)->begin;
    }
}

static bool take_word(void *arg, const struct word *w)
{
    struct search *s = arg;
    s->place += !w->is_whole;
    for (size_t i = 0; i < s->q->count; i++)
        if (matches(s->q, &s->q->word[i], w))
            add_hit(s, w, i);
    return ++s->looked % LOOK_EACH != 0 || !s->stop->is_over(s->stop->arg);
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_inside(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* Where to begin so that the hit has a little before it: at a word, or else at a character. */
static size_t begin_before(const char *text, size_t hit)
{
    if (hit <= BEFORE)
        return 0;
    size_t at = hit - BEFORE;
    for (size_t i = at; i < hit; i++)
        if (is_blank(text[i]))
            return i + 1;
    while (at < hit && is_inside(text[at]))
        at++;
    return at;
}

static size_t end_behind(const char *text, size_t len, size_t begin)
{
    size_t end = begin + EXCERPT_MAX - 6; /* room for both "..." */
    if (end >= len)
        return len;
    for (size_t i = end; i > begin + EXCERPT_MAX / 2; i--)
        if (is_blank(text[i]))
            return i;
    while (end > begin && is_inside(text[end]))
        end--;
    return end;
}

/* Control characters and runs of blanks become one blank. */
static void append_line(struct buf *out, const char *text, size_t len)
{
    bool is_gap = true;
    size_t begin = out->len;
    for (size_t i = 0; i < len; i++) {
        bool is_space = (unsigned char)text[i] <= ' ' || text[i] == 0x7F;
        if (!is_space)
            buf_putc(out, text[i]);
        else if (!is_gap)
            buf_putc(out, ' ');
        is_gap = is_space;
    }
    if (buf_ok(out) && out->len > begin && out->data[out->len - 1] == ' ')
        out->len--;
}

int excerpt_make(sqlite3 *db, const struct query *q, const char *text, size_t len,
                 const struct excerpt_stop *stop, struct buf *out)
{
    struct search s = { .q = q, .stop = stop };
    int rc = tokenizer_words(db, text, len, false, take_word, &s);
    if (rc != SQLITE_OK)
        return rc;
    size_t begin = begin_before(text, s.best_begin);
    size_t end = end_behind(text, len, begin);
    if (begin > 0)
        buf_str(out, "...");
    append_line(out, text + begin, end - begin);
    if (end < len)
        buf_str(out, "...");
    return SQLITE_OK;
}
