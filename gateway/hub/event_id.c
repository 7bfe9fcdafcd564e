#include "hub/event_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

void event_id_write(uint64_t stream, uint64_t number, char out[static EVENT_ID_SIZE])
{
    snprintf(out, EVENT_ID_SIZE, "%016" PRIx64 "-%" PRIu64, stream, number);
}

int event_id_read(const char *text, uint64_t *stream, uint64_t *number)
{
    char again[EVENT_ID_SIZE];
    int len = 0;

    if (sscanf(text, "%16" SCNx64 "-%n", stream, &len) != 1 || len != 17 ||
        parse_uint(text + len, UINT64_MAX, number) != 0)
        return MG_E_INVALID;
    event_id_write(*stream, *number, again); /* there is no other way to write it */
    return strcmp(text, again) == 0 ? 0 : MG_E_INVALID;
}
