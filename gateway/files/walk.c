#include "files/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "files/folder.h"
#include "files/ignore.h"
#include "tools/ownview.h"

struct walker {
    const struct fileop *op;
    const struct walk_options *o;
    struct walk_names *names;
    struct ownview *view; /* NULL: every entry is asked for */
    size_t start;         /* of what the globs see, in path */
    size_t depth_max;
    size_t seen;
    bool is_full;
    char path[PATH_MAX + 2]; /* of what is looked at, relative to the root */
};

static void note_missing(struct walker *w, const char *reason, const char *path)
{
    char *out = w->names->missing;
    if (!*out)
        snprintf(out, sizeof w->names->missing, "%s%.*s", reason, 90, path);
    while (utf8_valid(out, strlen(out)) < strlen(out))
        out[utf8_valid(out, strlen(out))] = '?';
}

/* Asked of the opened thing itself, where there is no view. */
static bool may_open(const struct walker *w, int folder, const char *name)
{
    const struct rootfile_rules *r = w->op->rules;
    int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    bool may = fd >= 0 && r->may_open(r->arg, fd);
    if (fd >= 0)
        close(fd);
    return may;
}

static bool is_for_tools(struct walker *w, int folder, const struct folder_entry *e, size_t len,
                         const struct stat *st)
{
    if (!w->view)
        return may_open(w, folder, e->name);
    return ownview_allows(w->view, w->path, len, e->is_folder, st->st_dev, st->st_ino);
}

static bool is_shown(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return utf8_valid(name, strlen(name)) == strlen(name);
}

static void tell(struct walker *w, size_t len, bool is_folder)
{
    struct walk_names *names = w->names;
    if (w->o->globs && !globs_match(w->o->globs, w->path + w->start, len - w->start))
        return;
    if (names->count == w->o->max || names->text.len + len + 2 > WALK_BYTES) {
        note_missing(w, "there are more names than max", "");
        w->is_full = true;
        return;
    }
    buf_append(&names->text, w->path, len);
    if (is_folder)
        buf_putc(&names->text, '/');
    buf_putc(&names->text, '\0');
    names->count++;
}

static int visit_folder(struct walker *w, int folder, size_t at, size_t depth,
                        const struct ignore *up, struct fail *f);

static int enter(struct walker *w, int folder, const char *name, size_t len, size_t depth,
                 const struct ignore *ignore, struct fail *f)
{
    struct stat st;
    if (!w->o->is_recursive || depth >= w->depth_max)
        return 0;
    if (depth >= WALK_DEPTH || len + 2 >= PATH_MAX) {
        note_missing(w, "not entered, it lies too deep: ", w->path);
        return 0;
    }
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
            note_missing(w, "cannot be read: ", w->path);
        return 0;
    }
    /* What is mounted there is another inode than its name has. */
    bool may = fstat(fd, &st) == 0 &&
               (!w->view || ownview_allows(w->view, w->path, len, true, st.st_dev, st.st_ino));
    w->path[len] = '/';
    int code = may ? visit_folder(w, fd, len + 1, depth + 1, ignore, f) : 0;
    close(fd);
    return code;
}

/* len: of the folder's path with the slash behind it. */
static int visit(struct walker *w, int folder, dev_t dev, const struct folder_entry *e, size_t at,
                 size_t depth, const struct ignore *ignore, struct fail *f)
{
    struct stat st = { .st_dev = dev, .st_ino = e->ino };
    size_t len = at + strlen(e->name);
    if (!is_shown(e->name)) {
        w->path[at] = '\0';
        note_missing(w,
                     "a name is left out that is no printable UTF-8, in: ", at > 0 ? w->path : ".");
        return 0;
    }
    if (len + 2 >= PATH_MAX) {
        note_missing(w, "a path is left out that is too long", "");
        return 0;
    }
    memcpy(w->path + at, e->name, strlen(e->name) + 1);
    if (!is_for_tools(w, folder, e, len, &st) ||
        (w->o->honours_ignore &&
         (strcmp(e->name, ".git") == 0 || ignore_has(ignore, w->path, len, e->is_folder))))
        return 0;
    if (!e->is_folder || w->o->wants_folders)
        tell(w, len, e->is_folder);
    if (e->is_folder && !w->is_full)
        return enter(w, folder, e->name, len, depth, ignore, f);
    return 0;
}

static int read_ignore(struct walker *w, int folder, size_t at, const struct ignore *up,
                       struct ignore **out, struct fail *f)
{
    *out = NULL;
    if (!w->o->honours_ignore)
        return 0;
    int code = ignore_read(folder, at, up, out, f);
    if (code != MG_E_LIMIT)
        return code;
    w->path[at] = '\0';
    note_missing(w, "a .gitignore is too large and was not looked at, in: ", at ? w->path : ".");
    return 0;
}

static int visit_folder(struct walker *w, int folder, size_t at, size_t depth,
                        const struct ignore *up, struct fail *f)
{
    struct folder_names list = { 0 };
    struct ignore *own = NULL;
    struct stat st;
    int code = read_ignore(w, folder, at, up, &own, f);
    if (code == 0)
        code = folder_read(w->op, folder, WALK_ENTRIES - w->seen, &list, f);
    if (code == 0 && fstat(folder, &st) != 0)
        code = fail_errno(f, errno, "");
    w->seen += list.count;
    if (list.is_cut)
        note_missing(w, "more entries than are looked at", "");
    for (size_t i = 0; code == 0 && i < list.count && !w->is_full; i++) {
        code = fileop_stopped(w->op, f);
        if (code == 0)
            code = visit(w, folder, st.st_dev, &list.entries[i], at, depth, own ? own : up, f);
    }
    folder_names_fini(&list);
    ignore_free(own);
    return code;
}

/* The .gitignore files of the folders above the one that is asked for, one level a folder, then the
 * walk itself. */
static int descend(struct walker *w, int fd, size_t at, size_t to, const struct ignore *up,
                   struct fail *f)
{
    struct ignore *own = NULL;
    if (at >= to || !w->o->honours_ignore)
        return visit_folder(w, fd, to, 0, up, f);
    int code = read_ignore(w, fd, at, up, &own, f);
    char *slash = strchr(w->path + at, '/');
    *slash = '\0';
    int next = openat(fd, w->path + at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *slash = '/';
    if (code == 0)
        code = next < 0 ? fail_errno(f, errno, w->path)
                        : descend(w, next, (size_t)(slash + 1 - w->path), to, own ? own : up, f);
    if (next >= 0)
        close(next);
    ignore_free(own);
    return code;
}

/* From the root, if the ignore files of all folders on the way count; else from the folder. */
static int begin(struct walker *w, int start, struct fail *f)
{
    const struct rootfile_rules *r = w->op->rules;
    int code = rootplace_relative(r, start, w->o->folder, w->path, f);
    if (code != 0)
        return code;
    size_t len = strcmp(w->path, ".") == 0 ? 0 : strlen(w->path);
    if (len > 0) {
        w->path[len++] = '/';
        w->path[len] = '\0';
    }
    w->start = w->o->from_root ? 0 : len;
    if (w->o->globs)
        w->depth_max = globs_depth(w->o->globs);
    for (size_t i = w->start; i < len && w->depth_max != SIZE_MAX && w->depth_max > 0; i++)
        w->depth_max -= w->path[i] == '/'; /* the folders on the way from the root */
    int top = w->o->honours_ignore ? rootplace_folder(r, "", f) : fcntl(start, F_DUPFD_CLOEXEC, 0);
    if (top < 0)
        return w->o->honours_ignore ? top : fail_errno(f, errno, w->o->folder);
    int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = fd < 0 ? fail_errno(f, errno, w->o->folder) : descend(w, fd, 0, len, NULL, f);
    if (fd >= 0)
        close(fd);
    close(top);
    return code;
}

int walk(const struct fileop *op, const struct walk_options *o, struct walk_names *names,
         struct fail *f)
{
    struct walker w = { .op = op, .o = o, .names = names, .depth_max = SIZE_MAX };
    int start = rootplace_folder(op->rules, o->folder, f);
    if (start < 0)
        return start;
    if (op->rules->view) {
        w.view = op->rules->view(op->rules->arg);
        if (!w.view) {
            close(start);
            return fail_errno(f, ENOMEM, "");
        }
    }
    int code = begin(&w, start, f);
    close(start);
    ownview_free(w.view);
    if (code == 0 && !buf_ok(&names->text))
        code = fail_errno(f, ENOMEM, "");
    return code;
}
