/* log_thread.h - the one thread that writes the log.
 * Private to the log. It empties all rings every 20 ms, and before that when one of them is
 * filling; after a second without lines it sleeps until one comes. What cannot be written stays in
 * the rings and is tried again 20 ms later. */
#ifndef MG_LOG_THREAD_H
#define MG_LOG_THREAD_H
#include "base/log_sink.h"

/* Where to write from now on; takes the sink over and closes the one before. Any thread. Returns
 * the number of lines lost: 1 when the old sink had taken only the beginning of one. */
unsigned log_thread_sink(struct log_sink *sink);
int log_thread_start(struct err *e) MG_NODISCARD;
/* Writes what waits, as far as the sink takes it. Returns the number of lines lost. */
size_t log_thread_stop(void);
/* A line has been put into a ring. */
void log_thread_notice(void);
/* A ring is filling. */
void log_thread_hurry(void);
/* Waits until what is in the rings now has been written, at most five seconds. */
void log_thread_flush(void);

#endif
