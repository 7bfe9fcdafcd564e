/* block_shim.c - preloaded into a program: strftime("%G"), and so os.date("%G") of a tool, does not
 * return while the file that BLOCK_SHIM_FILE names is there. So a test can hold a worker inside a C
 * function, as a page that a dying disk does not deliver would, for as long as it likes. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

size_t strftime(char *out, size_t max, const char *format, const struct tm *tm);

size_t strftime(char *out, size_t max, const char *format, const struct tm *tm)
{
    size_t (*real)(char *, size_t, const char *, const struct tm *);
    const char *file = getenv("BLOCK_SHIM_FILE");
    const struct timespec moment = { .tv_nsec = 5000000 };

    while (file && strcmp(format, "%G") == 0 && access(file, F_OK) == 0)
        (void)nanosleep(&moment, NULL); /* the watchdog's signals end it early */
    *(void **)&real = dlsym(RTLD_NEXT, "strftime");
    return real(out, max, format, tm);
}
