/* block_shim.c - preloaded into a program: strftime("%G"), and so os.date("%G") of a tool, does not
 * return while the file that BLOCK_SHIM_FILE names is there, and makes it longer by a byte when it
 * begins to wait. So a test can hold a worker inside a C
 * function, as a page that a dying disk does not deliver would, for as long as it likes. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

size_t strftime(char *out, size_t max, const char *format, const struct tm *tm);

static void tell(const char *file)
{
    int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd >= 0 && write(fd, "x", 1) != 1)
        abort();
    if (fd >= 0)
        close(fd);
}

size_t strftime(char *out, size_t max, const char *format, const struct tm *tm)
{
    size_t (*real)(char *, size_t, const char *, const struct tm *);
    const char *file = getenv("BLOCK_SHIM_FILE");
    const struct timespec moment = { .tv_nsec = 5000000 };

    bool is_held = file && strcmp(format, "%G") == 0 && access(file, F_OK) == 0;

    if (is_held)
        tell(file);
    while (is_held && access(file, F_OK) == 0)
        (void)nanosleep(&moment, NULL); /* the watchdog's signals end it early */
    *(void **)&real = dlsym(RTLD_NEXT, "strftime");
    return real(out, max, format, tm);
}
