#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"

#define MODE 0600
#define READ_CHUNK ((size_t)256 * 1024)
#define JOURNAL ".journal."

static int fail_io(const struct files *f, const char *what, const char *suffix, struct err *e)
{
    const char *hint = errno == ELOOP ? "; it is a symbolic link: configure the file itself" : "";

    return err_set(e, MG_E_IO, "cannot %s %s%s: %s%s", what, f->path, suffix, strerror(errno),
                   hint);
}

/* The file's name in its folder: name + suffix. */
struct name {
    char text[NAME_MAX + 1];
};

static const char *name_of(const struct files *f, const char *suffix, struct name *out)
{
    snprintf(out->text, sizeof out->text, "%s%s", f->name, suffix);
    return out->text;
}

void files_suffix_segment(char out[FILES_SUFFIX_MAX], uint64_t number)
{
    snprintf(out, FILES_SUFFIX_MAX, JOURNAL "%" PRIu64, number);
}

int files_open(struct files *f, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    *f = (struct files){ .dir = -1 };
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return err_set(e, MG_E_INVALID, "the state path %s names no file", path);
    if (strlen(name) > NAME_MAX - FILES_SUFFIX_MAX)
        return err_set(e, MG_E_INVALID, "the name of the state file is too long: %s", name);
    f->path = strdup(path);
    f->folder = !slash          ? strdup(".")
                : slash == path ? strdup("/")
                                : strndup(path, (size_t)(slash - path));
    if (!f->path || !f->folder) {
        files_close(f);
        return err_set(e, MG_E_NOMEM, "no memory for the state's path");
    }
    f->name = f->path + (name - path);
    f->dir = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir >= 0)
        return 0;
    int rc =
        err_set(e, MG_E_IO, "cannot open the state's folder %s: %s", f->folder, strerror(errno));
    files_close(f);
    return rc;
}

void files_close(struct files *f)
{
    if (f->dir >= 0)
        close(f->dir);
    free(f->path);
    free(f->folder);
    *f = (struct files){ .dir = -1 };
}

static int open_name(const struct files *f, const char *suffix, int flags)
{
    struct name name;

    return openat(f->dir, name_of(f, suffix, &name), flags | O_CLOEXEC | O_NOFOLLOW, MODE);
}

int files_sync_folder(struct files *f, struct err *e)
{
    if (fsync(f->dir) == 0)
        return 0;
    return err_set(e, MG_E_IO, "cannot sync the folder %s: %s", f->folder, strerror(errno));
}

int files_write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* a file that takes nothing and gives no reason */
        if (n <= 0)
            return MG_E_IO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- the snapshot ---- */

static int read_all(int fd, struct buf *out)
{
    for (;;) {
        buf_reserve(out, READ_CHUNK);
        if (!buf_ok(out)) {
            errno = ENOMEM;
            return MG_E_NOMEM;
        }
        ssize_t n = read(fd, out->data + out->len, READ_CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : MG_E_IO;
        out->len += (size_t)n;
    }
}

int files_read_snapshot(struct files *f, struct buf *out, bool *found, struct err *e)
{
    struct stat st;
    int fd = open_name(f, "", O_RDONLY | O_NONBLOCK); /* a FIFO must not hang the start */

    *found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : fail_io(f, "open", "", e);
    int rc = fstat(fd, &st) == 0 ? 0 : MG_E_IO;
    if (rc == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, MG_E_INVALID, "%s is no regular file", f->path);
    }
    if (rc == 0)
        buf_reserve(out, (size_t)st.st_size + READ_CHUNK);
    if (rc == 0)
        rc = read_all(fd, out);
    if (rc != 0)
        fail_io(f, "read", "", e);
    close(fd);
    return rc;
}

int files_create_temp(struct files *f, int *fd, struct err *e)
{
    /* One that a crash left behind may have any mode or owner: begin anew. */
    files_remove_temp(f);
    *fd = open_name(f, FILES_SUFFIX_TEMP, O_WRONLY | O_CREAT | O_EXCL);
    return *fd >= 0 ? 0 : fail_io(f, "create", FILES_SUFFIX_TEMP, e);
}

void files_remove_temp(struct files *f)
{
    struct name name;

    unlinkat(f->dir, name_of(f, FILES_SUFFIX_TEMP, &name), 0);
}

int files_install_temp(struct files *f, bool *renamed, struct err *e)
{
    struct name from;

    *renamed = renameat(f->dir, name_of(f, FILES_SUFFIX_TEMP, &from), f->dir, f->name) == 0;
    return *renamed ? files_sync_folder(f, e) : fail_io(f, "replace", "", e);
}

/* ---- segments ---- */

/* False: not a segment of this state. Numbers are written one way only, so that no two names mean
 * one. */
static bool segment_number(const struct files *f, const char *name, uint64_t *number)
{
    size_t len = strlen(f->name);

    if (strncmp(name, f->name, len) != 0 || strncmp(name + len, JOURNAL, strlen(JOURNAL)) != 0)
        return false;
    const char *digits = name + len + strlen(JOURNAL);
    return *digits != '0' && parse_uint(digits, INT64_MAX, number) == 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int collect_segments(struct files *f, DIR *dir, struct buf *out)
{
    uint64_t number;
    struct dirent *entry;

    while ((errno = 0, entry = readdir(dir)))
        if (segment_number(f, entry->d_name, &number))
            buf_append(out, &number, sizeof number);
    return errno ? MG_E_IO : buf_ok(out) ? 0 : MG_E_NOMEM;
}

int files_list_segments(struct files *f, uint64_t **numbers, size_t *count, struct err *e)
{
    struct buf found = { 0 };
    /* A description of its own: that of f->dir has a position which others would share. */
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    int rc = dir ? collect_segments(f, dir, &found) : MG_E_IO;

    if (rc != 0)
        err_set(e, rc, "cannot read the folder %s: %s", f->folder,
                strerror(rc == MG_E_IO ? errno : ENOMEM));
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    size_t bytes = 0;
    *numbers = (uint64_t *)(void *)buf_take(&found, &bytes);
    *count = rc == 0 ? bytes / sizeof **numbers : 0;
    if (rc == 0 && !*numbers)
        return err_set(e, MG_E_NOMEM, "no memory to list the journal");
    if (rc == 0)
        qsort(*numbers, *count, sizeof **numbers, by_number);
    return rc;
}

int files_open_segment(struct files *f, uint64_t number, int *fd, struct err *e)
{
    char suffix[FILES_SUFFIX_MAX];

    files_suffix_segment(suffix, number);
    *fd = open_name(f, suffix, O_RDWR | O_NONBLOCK);
    return *fd >= 0 ? 0 : fail_io(f, "open", suffix, e);
}

int files_create_segment(struct files *f, uint64_t number, int *fd, struct err *e)
{
    char suffix[FILES_SUFFIX_MAX];
    struct stat st;

    files_suffix_segment(suffix, number);
    *fd = open_name(f, suffix, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK);
    if (*fd < 0)
        return fail_io(f, "create", suffix, e);
    int rc = fstat(*fd, &st) == 0 ? 0 : fail_io(f, "read", suffix, e);
    if (rc == 0 && (!S_ISREG(st.st_mode) || st.st_size != 0))
        rc = err_set(e, MG_E_CONFLICT, "%s%s exists and is not empty", f->path, suffix);
    if (rc == 0)
        rc = files_sync_folder(f, e);
    if (rc == 0)
        return 0;
    close(*fd);
    *fd = -1;
    return rc;
}

int files_remove_segment(struct files *f, uint64_t number, struct err *e)
{
    char suffix[FILES_SUFFIX_MAX];
    struct name name;

    files_suffix_segment(suffix, number);
    if (unlinkat(f->dir, name_of(f, suffix, &name), 0) == 0 || errno == ENOENT)
        return 0;
    return fail_io(f, "remove", suffix, e);
}
