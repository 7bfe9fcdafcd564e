#include "base/embed.h"

#include <string.h>

const struct embedded *embedded_find(const struct embedded *array, const char *name)
{
    while (array->name && strcmp(array->name, name) != 0)
        array++;
    return array->name ? array : NULL;
}
