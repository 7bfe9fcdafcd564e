/* log.h - the log: one JSON object a line (or text for people), written by one thread of its own.
 * A line is built in the caller's frame, then copied into the calling thread's ring; the log thread
 * empties all rings every 20 ms. Nobody waits for the log: a full ring drops the line, counts it,
 * and the next line of that thread says "dropped":N. Before log_start() and after log_stop() lines
 * go straight to standard error. Threads: any. Lifetime: process-wide (the one place besides
 * metrics with file-scope state). */
#ifndef MG_LOG_H
#define MG_LOG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

struct log_options {
    enum log_level level;
    bool text;        /* false: JSON lines; true: for people */
    const char *file; /* NULL: standard error; opened O_APPEND, mode 0640 */
    /* field names whose values are written "***"; NULL-terminated; may be NULL. Copied. */
    const char *const *redact;
};

int log_start(const struct log_options *o, struct err *e) MG_NODISCARD;
/* reload; opens the file anew */
int log_configure(const struct log_options *o, struct err *e) MG_NODISCARD;
void log_stop(void); /* writes what is queued, joins the thread */
/* waits until what was queued before is written; tests and fatal paths only */
void log_flush(void);
uint64_t log_dropped(void); /* lines dropped since the start, for /metrics */

bool log_enabled(enum log_level level);

#define LOG_LINE_MAX 4096
struct log_line { /* on the stack; a value that does not fit is cut and the line says "cut":true */
    uint32_t len;
    bool cut, text, off;
    enum log_level level;
    uint64_t redact_lengths; /* which lengths of a field's name may have to be redacted */
    char data[LOG_LINE_MAX];
};

/* ts, level and msg come first. msg starts in lower case. */
void log_begin(struct log_line *l, enum log_level level, const char *msg);
/* A key is a plain name, fit for JSON as it is; only log_raw() takes any text. NULL value: nothing
 * is added. */
void log_text(struct log_line *l, const char *key, size_t key_len, const char *value, size_t len);
/* Inline, so that the length of a literal key costs nothing. */
static inline void log_str(struct log_line *l, const char *key, const char *value)
{
    if (value)
        log_text(l, key, strlen(key), value, strlen(value));
}
static inline void log_str_n(struct log_line *l, const char *key, const char *value, size_t len)
{
    log_text(l, key, strlen(key), value, len);
}
void log_int(struct log_line *l, const char *key, int64_t value);
void log_double(struct log_line *l, const char *key, double value); /* three decimals */
void log_bool(struct log_line *l, const char *key, bool value);
/* validated JSON, on one line */
void log_raw(struct log_line *l, const char *key, const char *json, size_t len);
void log_end(struct log_line *l);

/* A line with a formatted message and no fields. */
void log_printf(enum log_level level, const char *fmt, ...) MG_PRINTF(2, 3);

#endif
