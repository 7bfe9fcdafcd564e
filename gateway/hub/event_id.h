/* event_id.h - what names an event of a stream that can be resumed: "STREAM-NUMBER", which a
 * client sends back as Last-Event-ID. Pure. */
#ifndef MG_EVENT_ID_H
#define MG_EVENT_ID_H
#include <stdint.h>

#include "base/err.h"

#define EVENT_ID_SIZE 40 /* 16 hex digits, '-', 20 digits, NUL */

/* number 0: what stands before the first event. */
void event_id_write(uint64_t stream, uint64_t number, char out[static EVENT_ID_SIZE]);
/* MG_E_INVALID for all that is not written as above. */
int event_id_read(const char *text, uint64_t *stream, uint64_t *number) MG_NODISCARD;

#endif
