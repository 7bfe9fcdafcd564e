/* log_style.h - how lines look: the part of the options that a line is built with.
 * Private to the log. Immutable and counted: a reload swaps the current one, a thread changes to it
 * at its next line, and the last holder frees the old one. Threads: any. */
#ifndef MG_LOG_STYLE_H
#define MG_LOG_STYLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct log_style {
    unsigned refs; /* under the lock in log_style.c */
    bool text;
    uint64_t redact_lengths; /* bit i: a name of i bytes, modulo 64 */
    size_t redact_count;
    char *redact[]; /* the names follow in the same block */
};

/* Makes a style of the options. NULL: no memory. */
struct log_style *log_style_new(const struct log_options *o);
/* Takes the reference over. */
void log_style_set(struct log_style *s);
/* Exchanges *mine for the current style when that has changed since *number was set. NULL is the
 * style before the first: JSON, nothing redacted. */
void log_style_refresh(struct log_style **mine, unsigned *number);
void log_style_unref(struct log_style *s); /* NULL is legal */
bool log_style_redacts(const struct log_style *s, const char *key, size_t len);

#endif
