#include "store/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct err *e, const char *path)
{
    return err_set(e, MG_E_IO, "cannot copy the state %s: %s", path, strerror(errno));
}

static int write_copy(struct files *to, const char *suffix, const char *data, size_t len)
{
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%s%s", to->name, suffix);
    int fd = openat(to->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return MG_E_IO;
    int code = files_write_all(fd, data, len);
    if (close(fd) != 0)
        code = MG_E_IO;
    return code;
}

static int copy_segment(struct files *from, struct files *to, uint64_t number)
{
    char suffix[FILES_SUFFIX_MAX], name[NAME_MAX + 1];
    struct buf text = { 0 };
    files_suffix_segment(suffix, number);
    snprintf(name, sizeof name, "%s%s", from->name, suffix);
    int fd = openat(from->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : MG_E_IO; /* covered by a newer snapshot since it was listed */
    char block[65536];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_append(&text, block, (size_t)n);
    close(fd);
    if (n == 0 && !buf_ok(&text))
        errno = ENOMEM;
    int code = n == 0 && buf_ok(&text) ? write_copy(to, suffix, text.data, text.len) : MG_E_IO;
    buf_fini(&text);
    return code;
}

/* The snapshot first: what it lacks is then in segments that were there after it. */
static int copy_all(struct files *from, struct files *to, struct err *e)
{
    struct buf text = { 0 };
    uint64_t *segments = NULL;
    size_t count = 0;
    bool found = false;
    int code = files_read_snapshot(from, &text, &found, e);
    if (code == 0)
        code = files_list_segments(from, &segments, &count, e);
    if (code == 0 && found && write_copy(to, "", text.data, text.len) != 0)
        code = fail(e, from->path);
    for (size_t i = 0; code == 0 && i < count; i++)
        if (copy_segment(from, to, segments[i]) != 0)
            code = fail(e, from->path);
    free(segments);
    buf_fini(&text);
    return code;
}

static int open_folder(const char *name, struct files *to, struct err *e)
{
    char path[PATH_MAX];
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(path, sizeof path, "%s/moongate-XXXXXX", tmp && tmp[0] ? tmp : P_tmpdir);
    if (n < 0 || (size_t)n >= sizeof path - NAME_MAX - 1)
        return err_set(e, MG_E_LIMIT, "TMPDIR is too long");
    if (!mkdtemp(path))
        return err_set(e, MG_E_IO, "cannot make a folder as %s: %s", path, strerror(errno));
    snprintf(path + n, sizeof path - (size_t)n, "/%s", name);
    int code = files_open(to, path, e);
    path[n] = '\0';
    if (code != 0)
        (void)rmdir(path);
    return code;
}

int copy_make(const char *path, struct files *copy, struct err *e)
{
    struct files from;
    int code = files_open(&from, path, e);
    if (code != 0)
        return code;
    code = open_folder(from.name, copy, e);
    if (code == 0 && (code = copy_all(&from, copy, e)) != 0) {
        copy_remove(copy);
        files_close(copy);
    }
    files_close(&from);
    return code;
}

void copy_remove(struct files *copy)
{
    int fd = openat(copy->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *entry; d && (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(copy->dir, entry->d_name, 0);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    (void)rmdir(copy->folder);
}
