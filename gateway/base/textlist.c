#include "base/textlist.h"

#include <stdlib.h>
#include <string.h>

char **textlist_copy(const char *const *items)
{
    size_t n = 0;
    while (items && items[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (!(copy[i] = strdup(items[i]))) {
            textlist_free(copy); /* it ends where the first one is missing */
            return NULL;
        }
    return copy;
}

void textlist_free(char **items)
{
    for (char **p = items; p && *p; p++)
        free(*p);
    free(items);
}
