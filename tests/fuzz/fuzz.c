#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void fuzz_hold(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "ERROR: does not hold: %s\n", what);
    abort();
}

char *fuzz_take(const uint8_t **data, size_t *size, uint8_t end, size_t *len)
{
    const uint8_t *stop = *size ? memchr(*data, end, *size) : NULL;
    size_t n = stop ? (size_t)(stop - *data) : *size, used = n + (stop != NULL);
    char *text = malloc(n + 1);

    fuzz_hold(text != NULL, "there is memory");
    if (n)
        memcpy(text, *data, n);
    text[n] = '\0';
    *data = *size ? *data + used : *data;
    *size -= used;
    if (len)
        *len = n;
    return text;
}

static char folder[64];
static pid_t owner;

static void remove_folder(void)
{
    DIR *dir = getpid() == owner ? opendir(folder) : NULL;

    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir));)
        unlinkat(dirfd(dir), d->d_name, 0); /* fails for . and .. */
    closedir(dir);
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    if (folder[0])
        return folder;
    /* In memory where that is: a run writes thousands of files a second. */
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    setenv("TMPDIR", base, 1); /* what is tried makes copies of its own, and syncs them */
    snprintf(folder, sizeof folder, "%s/moongate-fuzz-XXXXXX", base);
    fuzz_hold(mkdtemp(folder) != NULL, "there is a temporary folder");
    owner = getpid();
    atexit(remove_folder);
    return folder;
}

void fuzz_write(const char *name, const void *text, size_t len)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_hold(fd >= 0, "a file can be made");
    fuzz_hold(write(fd, text, len) == (ssize_t)len, "a file can be written");
    close(fd);
}

void fuzz_overrun(const void *text, size_t len)
{
    char *copy = malloc(len + 1);

    fuzz_hold(copy != NULL, "there is memory");
    memcpy(copy, text, len);
    volatile size_t wrong = len + 1;
    volatile char beyond = copy[wrong];
    (void)beyond;
    free(copy);
}
