#include "tools/ownfiles.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/textlist.h"
#include "tools/own_struct.h"
#include "tools/pathglob.h"

#define MAX_DEPTH 8
#define MAX_INODES 20000 /* files remembered inside own folders */
#define MAX_HOPS 8       /* links to links */

int own_by_inode(const void *a, const void *b)
{
    const struct inode *x = a, *y = b;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    return x->dev == y->dev ? 0 : x->dev < y->dev ? -1 : 1;
}

static int inode_add(struct ownfiles *o, const struct stat *st)
{
    if (o->inode_count == o->inode_cap) {
        size_t cap = o->inode_cap ? 2 * o->inode_cap : 64;
        struct inode *more = realloc(o->inodes, cap * sizeof *more);
        if (!more)
            return MG_E_NOMEM;
        o->inodes = more;
        o->inode_cap = cap;
    }
    o->inodes[o->inode_count++] = (struct inode){ st->st_dev, st->st_ino };
    return 0;
}

/* Appends a path that is not there yet. */
static int list_add(char ***list, const char *path)
{
    size_t n = 0;
    for (; (*list)[n]; n++)
        if (strcmp((*list)[n], path) == 0)
            return 0;
    char **more = realloc(*list, (n + 2) * sizeof *more);
    if (!more)
        return MG_E_NOMEM;
    *list = more;
    more[n] = strdup(path);
    more[n + 1] = NULL;
    return more[n] ? 0 : MG_E_NOMEM;
}

static bool is_same(const char *path, const struct stat *st)
{
    struct stat own;
    return stat(path, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino;
}

/* Is this folder the root, or one above it? */
static bool holds_root(const struct ownfiles *o, const struct stat *st)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", o->root) >= sizeof path)
        return true;
    for (;;) {
        if (is_same(path[0] ? path : "/", st))
            return true;
        char *slash = strrchr(path, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
}

/* The link and what it leads to, each by name: what is there may be replaced, or not be there
 * yet. */
static int hops_add(struct ownfiles *o, char path[PATH_MAX])
{
    char target[PATH_MAX];
    for (int hops = 0; hops < MAX_HOPS; hops++) {
        if (list_add(&o->files, path) != 0)
            return MG_E_NOMEM;
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n <= 0)
            return 0;
        target[n] = '\0';
        char *name = target[0] == '/' ? path : strrchr(path, '/') + 1;
        if (n >= path + PATH_MAX - name)
            return 0;
        memcpy(name, target, (size_t)n + 1);
    }
    return 0;
}

/* A tool may be a link to a file that lies elsewhere, and so may a folder of helpers: what is there
 * is the gateway's own. A link to the root does not take all away. */
static int link_add(struct ownfiles *o, int dir, const char *name)
{
    char path[PATH_MAX], link[64];
    struct stat st;
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t n = readlink(link, path, sizeof path - 1);
    size_t len = n > 0 ? (size_t)n : 0;
    if (len == 0 ||
        (size_t)snprintf(path + len, sizeof path - len, "/%s", name) >= sizeof path - len)
        return 0;
    if (fstatat(dir, name, &st, 0) != 0 || !S_ISDIR(st.st_mode))
        return hops_add(o, path);
    return holds_root(o, &st) ? 0 : list_add(&o->folders, path);
}

static int folder_add(struct ownfiles *o, int dir, int depth)
{
    int code = 0;
    DIR *d = fdopendir(dir);
    if (!d) {
        close(dir);
        return 0;
    }
    for (struct dirent *entry; code == 0 && (entry = readdir(d));) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode) && o->inode_count < MAX_INODES)
            code = inode_add(o, &st);
        if (S_ISLNK(st.st_mode))
            code = link_add(o, dirfd(d), entry->d_name);
        int sub =
            S_ISDIR(st.st_mode) && depth < MAX_DEPTH
                ? openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                : -1;
        if (code == 0 && sub >= 0)
            code = folder_add(o, sub, depth + 1);
        else if (sub >= 0)
            close(sub);
    }
    closedir(d);
    return code;
}

static int folders_scan(struct ownfiles *o)
{
    int code = 0;
    for (size_t i = 0; code == 0 && o->folders[i]; i++) { /* links in them may add more */
        int dir = open(o->folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
            code = folder_add(o, dir, 0);
    }
    if (o->inode_count > 1)
        qsort(o->inodes, o->inode_count, sizeof *o->inodes, own_by_inode);
    return code;
}

/* After the scan, which leaves them out. */
static int places_add(struct ownfiles *o, const char *const *places)
{
    int code = 0;
    for (; code == 0 && places && *places; places++)
        code = list_add(&o->folders, *places);
    return code;
}

struct ownfiles *ownfiles_new(const struct ownfiles_options *options, struct err *e)
{
    struct ownfiles *o = calloc(1, sizeof *o);
    if (o) {
        o->root = strdup(options->root);
        o->deny = textlist_copy(options->deny);
        o->files = textlist_copy(options->files);
        o->folders = textlist_copy(options->folders);
        o->prefixes = textlist_copy(options->prefixes);
    }
    if (o && o->root && o->deny && o->files && o->folders && o->prefixes && folders_scan(o) == 0 &&
        places_add(o, options->places) == 0)
        return o;
    ownfiles_free(o);
    err_set(e, MG_E_NOMEM, "no memory for the list of the gateway's own files");
    return NULL;
}

void ownfiles_free(struct ownfiles *o)
{
    if (!o)
        return;
    free(o->root);
    textlist_free(o->deny);
    textlist_free(o->files);
    textlist_free(o->folders);
    textlist_free(o->prefixes);
    free(o->inodes);
    free(o);
}

/* The own folders as they are now, as far as there is room. Returns the first that had none. */
static char **folders_now(const struct ownfiles *o, struct inode *now, size_t max, size_t *count)
{
    struct stat st;
    char **p = o->folders;
    for (*count = 0; *p && *count < max; p++)
        if (stat(*p, &st) == 0)
            now[(*count)++] = (struct inode){ st.st_dev, st.st_ino };
    return p;
}

static bool is_folder_now(const struct inode *now, size_t count, const struct stat *st)
{
    for (size_t i = 0; i < count; i++)
        if (now[i].dev == st->st_dev && now[i].ino == st->st_ino)
            return true;
    return false;
}

/* Is this path, or a folder above it, one of the own folders, by inode? Asked of every folder of a
 * repository: each own folder is looked at once. */
static bool is_in_folder(const struct ownfiles *o, char *path)
{
    struct inode now[64];
    size_t count;
    char **others = folders_now(o, now, sizeof now / sizeof *now, &count);
    for (char *end = path + strlen(path);;) {
        struct stat st;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            if (is_folder_now(now, count, &st))
                return true;
            for (char **p = others; *p; p++)
                if (is_same(*p, &st))
                    return true;
        }
        while (end > path && *end != '/')
            end--;
        if (end == path)
            return false;
        *end = '\0';
    }
}

/* Does path, in the same folder, begin as prefix does? The folder by its inode: it may be mounted
 * in two places. */
static bool is_named_so(const char *prefix, const char *path)
{
    char own[PATH_MAX], folder[PATH_MAX];
    struct stat st;
    const char *base = strrchr(path, '/'), *slash = strrchr(prefix, '/');
    if (!base || !slash || strncmp(base, slash, strlen(slash)) != 0)
        return false;
    snprintf(own, sizeof own, "%.*s", (int)(slash - prefix), prefix);
    snprintf(folder, sizeof folder, "%.*s", (int)(base - path), path);
    return stat(folder[0] ? folder : "/", &st) == 0 && is_same(own[0] ? own : "/", &st);
}

/* The state's files are replaced under the same name and come under new ones: every name that
 * begins so, as it is now. Reads the whole folder, so it is for what has several names. */
static bool is_beside(const char *prefix, const struct stat *st)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(prefix, '/');
    if (!slash || (size_t)(slash - prefix) >= sizeof folder)
        return true;
    memcpy(folder, prefix, (size_t)(slash - prefix));
    folder[slash - prefix] = '\0';
    DIR *d = opendir(folder[0] ? folder : "/");
    bool found = false;
    for (struct dirent *entry; d && !found && (entry = readdir(d));) {
        struct stat own;
        found = strncmp(entry->d_name, slash + 1, strlen(slash + 1)) == 0 &&
                fstatat(dirfd(d), entry->d_name, &own, AT_SYMLINK_NOFOLLOW) == 0 &&
                own.st_dev == st->st_dev && own.st_ino == st->st_ino;
    }
    if (d)
        closedir(d);
    return found;
}

static bool is_own(const struct ownfiles *o, const struct stat *st, char *path)
{
    struct inode key = { st->st_dev, st->st_ino };
    if (o->inode_count > 0 && bsearch(&key, o->inodes, o->inode_count, sizeof key, own_by_inode))
        return true;
    for (char **p = o->files; *p; p++) /* a folder is none of them, whatever else its name is */
        if (strcmp(*p, path) == 0 || (!S_ISDIR(st->st_mode) && is_same(*p, st)))
            return true;
    for (char **p = o->prefixes; *p; p++)
        if (strncmp(path, *p, strlen(*p)) == 0 || is_named_so(*p, path))
            return true;
    for (char **p = o->prefixes; *p && st->st_nlink > 1 && !S_ISDIR(st->st_mode); p++)
        if (is_beside(*p, st))
            return true;
    return is_in_folder(o, path);
}

/* path has room for one byte more: of a folder, `.git/` too is asked for, so that a glob for all
 * that is in it (.git/ and two stars) names the folder as well. */
static bool is_denied(const struct ownfiles *o, char *path, bool is_folder)
{
    size_t root = strcmp(o->root, "/") == 0 ? 0 : strlen(o->root), len = strlen(path);
    if (strncmp(path, o->root, root) != 0 || (path[root] != '/' && path[root] != '\0'))
        return false; /* outside the root: not ours to judge here */
    size_t begin = root + (path[root] == '/');
    if (is_folder && len > begin)
        path[len++] = '/';
    bool found = false;
    for (char **p = o->deny; *p && !found; p++)
        found = pathglob_match(*p, path + begin, len - begin) ||
                (is_folder && len > begin && pathglob_match(*p, path + begin, len - begin - 1));
    if (is_folder && len > begin)
        path[--len] = '\0';
    return found;
}

/* Where it lies now, with room for one byte more. False: one that was removed meanwhile has no name
 * left to be judged by. */
static bool locate(int fd, char path[PATH_MAX], struct stat *st)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n <= 0 || n >= PATH_MAX - 1 || path[0] != '/' || fstat(fd, st) != 0)
        return false;
    path[n] = '\0';
    return st->st_nlink > 0;
}

bool ownfiles_allows(const struct ownfiles *o, int fd)
{
    char path[PATH_MAX];
    struct stat st;
    return locate(fd, path, &st) && !is_denied(o, path, S_ISDIR(st.st_mode)) &&
           !is_own(o, &st, path);
}

/* Would own, a path, be a file of this name in this folder, or begin the name of one? */
static bool is_meant(const char *own, const struct stat *folder, const char *name, bool is_prefix)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(own, '/');
    if (!slash || (size_t)(slash - own) >= sizeof parent)
        return true;
    if (is_prefix ? strncmp(name, slash + 1, strlen(slash + 1)) != 0 : strcmp(name, slash + 1) != 0)
        return false;
    memcpy(parent, own, (size_t)(slash - own));
    parent[slash - own] = '\0';
    return is_same(parent[0] ? parent : "/", folder);
}

static bool is_one_of(char **own, const char *path, const struct stat *folder, const char *name)
{
    for (; *own; own++)
        if (strcmp(path, *own) == 0 || is_meant(*own, folder, name, false))
            return true;
    return false;
}

bool ownfiles_allows_new(const struct ownfiles *o, int folder, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    if (!locate(folder, path, &st) || !S_ISDIR(st.st_mode))
        return false;
    size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);
    if ((size_t)snprintf(path + len, sizeof path - len, "/%s", name) >= sizeof path - len - 1)
        return false;
    /* A folder may be missing for a moment, while it is replaced. */
    if (is_one_of(o->files, path, &st, name) || is_one_of(o->folders, path, &st, name))
        return false;
    for (char **p = o->prefixes; *p; p++)
        if (strncmp(path, *p, strlen(*p)) == 0 || is_meant(*p, &st, name, true))
            return false;
    return !is_denied(o, path, false);
}
