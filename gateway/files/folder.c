#include "files/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "files/newfile.h"

static int by_path(const void *a, const void *b)
{
    const struct folder_entry *x = a, *y = b;
    const unsigned char *p = (const unsigned char *)x->name, *q = (const unsigned char *)y->name;
    while (*p && *p == *q) {
        p++;
        q++;
    }
    int c = *p ? *p : x->is_folder ? '/' : 0, d = *q ? *q : y->is_folder ? '/' : 0;
    return c - d;
}

/* What it is; 0: nothing that is told. */
static unsigned char type_of(int folder, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_REG || entry->d_type == DT_DIR ? entry->d_type : 0;
    if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : 0;
}

/* The name is an offset until all are there: the text moves while it grows. */
static int add(struct folder_names *names, struct buf *text, const struct dirent *entry,
               bool is_folder)
{
    if (names->count == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 64;
        struct folder_entry *more = realloc(names->entries, cap * sizeof *more);
        if (!more)
            return MG_E_NOMEM;
        names->entries = more;
        names->cap = cap;
    }
    names->entries[names->count++] = (struct folder_entry){ .name = (const char *)text->len,
                                                            .ino = entry->d_ino,
                                                            .is_folder = is_folder };
    buf_append(text, entry->d_name, strlen(entry->d_name) + 1);
    return buf_ok(text) ? 0 : MG_E_NOMEM;
}

static int read_names(const struct fileop *op, DIR *d, size_t max, struct folder_names *names,
                      struct buf *text, struct fail *f)
{
    int code = 0;
    for (struct dirent *entry; code == 0 && (errno = 0, entry = readdir(d));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            strncmp(name, NEWFILE_PREFIX, sizeof NEWFILE_PREFIX - 1) == 0)
            continue;
        unsigned char type = type_of(dirfd(d), entry);
        if (type == 0)
            continue;
        if (names->count == max) {
            names->is_cut = true;
            return 0;
        }
        code = add(names, text, entry, type == DT_DIR) == 0 ? fileop_stopped(op, f)
                                                            : fail_errno(f, ENOMEM, "");
    }
    return code == 0 && errno != 0 ? fail_errno(f, errno, "the folder") : code;
}

int folder_read(const struct fileop *op, int folder, size_t max, struct folder_names *names,
                struct fail *f)
{
    struct buf text = { 0 };
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int code = fail_errno(f, errno, "the folder");
        if (fd >= 0)
            close(fd);
        return code;
    }
    int code = read_names(op, d, max, names, &text, f);
    closedir(d);
    if (code == 0 && text.len > 0) {
        names->text = buf_take(&text, NULL);
        for (size_t i = 0; i < names->count; i++)
            names->entries[i].name = names->text + (uintptr_t)names->entries[i].name;
        if (names->count > 1)
            qsort(names->entries, names->count, sizeof *names->entries, by_path);
    } else {
        names->count = 0;
    }
    buf_fini(&text);
    return code;
}

void folder_names_fini(struct folder_names *names)
{
    free(names->entries);
    free(names->text);
    *names = (struct folder_names){ 0 };
}
