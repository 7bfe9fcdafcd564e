/* tally.h - what the lines of a text are: code, comment or blank; which of them hold certain words.
 * A line with code is code, whatever comment stands behind it; blank is blank, also in a comment; a
 * first line that begins with #! is code.
 * Threads: pure functions; a syntax is immutable, a result belongs to its caller. */
#ifndef MG_TALLY_H
#define MG_TALLY_H
#include <stdint.h>

#include "base/buf.h"

#define TALLY_ITEMS 24       /* of each list of a syntax */
#define TALLY_LINE_KEPT 240  /* bytes of a line that is kept; longer ones are cut */
#define TALLY_LINES_KEPT 400 /* lines of one text that are kept */

struct tally_pair {
    const char *open, *close;
    bool is_first; /* opens only as the first thing of a line */
};

/* Texts are borrowed and not empty. A word that begins with ^ must be the first thing of a line
 * with code; others stand anywhere in one, not right behind a letter, digit or _. */
struct tally_syntax {
    const char *line[TALLY_ITEMS]; /* begin a comment that ends with the line */
    struct tally_pair block[TALLY_ITEMS];
    struct tally_pair text[TALLY_ITEMS]; /* strings of several lines */
    const char *markers[TALLY_ITEMS];    /* words in comments */
    const char *count[TALLY_ITEMS];
    const char *keep[TALLY_ITEMS];          /* lines with one of them are kept */
    struct tally_pair section[TALLY_ITEMS]; /* whole parts that are kept: from a line that begins
                                               with open to one that begins with close */
    size_t lines, blocks, texts, marker_count, counts, keeps, sections;
    const char *quotes; /* characters around strings that end with the line; \ escapes */
};

struct tally {
    uint32_t lines, blank, comment, code, markers;
    uint32_t counts[TALLY_ITEMS]; /* as syntax->count */
    uint32_t kept, more;          /* lines in text; how many were not kept beyond the limit */
};

/* kept: the lines, without the blanks around them, each with a zero; appended. */
void tally_text(const struct tally_syntax *s, const char *text, size_t len, struct tally *t,
                struct buf *kept);

#endif
