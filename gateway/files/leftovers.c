#include "files/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "files/newfile.h"

#define OLD_S 60
#define DIGITS 16

static bool is_our_name(const char *name)
{
    size_t prefix = sizeof NEWFILE_PREFIX - 1;
    return strncmp(name, NEWFILE_PREFIX, prefix) == 0 && strlen(name) == prefix + DIGITS &&
           strspn(name + prefix, "0123456789abcdef") == DIGITS;
}

static bool is_old_file(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_mtime < time(NULL) - OLD_S;
}

/* Who is still writing it holds its lock, in this process or another. */
static void sweep_one(int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !is_old_file(&st))
        return;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && is_old_file(&st) && flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(folder, name, 0);
    close(fd);
}

void leftovers_sweep(struct files *s, int folder)
{
    struct stat st;
    if (fstat(folder, &st) != 0 || !files_is_first_in(s, &st))
        return;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *x; (x = readdir(d)) != NULL;)
        if (is_our_name(x->d_name))
            sweep_one(fd, x->d_name);
    closedir(d);
}
