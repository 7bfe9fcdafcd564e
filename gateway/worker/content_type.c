#include "worker/content_type.h"

#include <string.h>
#include <strings.h>

bool content_type_is(const char *header, const char *type)
{
    size_t n = strlen(type);
    if (!header || strncasecmp(header, type, n) != 0)
        return false;
    return header[n] == '\0' || header[n] == ';' || header[n] == ' ' || header[n] == '\t';
}
