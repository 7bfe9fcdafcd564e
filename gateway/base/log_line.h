/* log_line.h - what building a line asks of the log. Private to the log. */
#ifndef MG_LOG_LINE_H
#define MG_LOG_LINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/* Answers for the calling thread: sets how lines look now, text and redact_lengths. */
bool log_admits(struct log_line *l);
bool log_redacts(const char *key, size_t len); /* of a length that redact_lengths has */
/* Lines of this thread that were dropped since its last one that was not. */
uint64_t log_missing(void);
/* The finished line with its newline. */
void log_submit(const struct log_line *l);

#endif
