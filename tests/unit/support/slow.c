#include "support/slow.h"

#include <stdlib.h>
#include <string.h>

bool is_under_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload");
}

int slow_factor(void)
{
    if (is_under_valgrind())
        return 50;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 10;
#else
    return 1;
#endif
}
