#include "tools/ownview.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/own_struct.h"
#include "tools/pathglob.h"

struct ownview {
    char **deny;             /* NULL-terminated */
    char **prefixes;         /* of the state's files, relative to the root */
    char **files, **folders; /* own ones in the root; where a folder tells other inodes than stat()
                              */
    struct inode *inodes;
    size_t count, cap;
    bool is_short; /* no memory */
};

static char **texts_new(char *const *from, const char *root)
{
    size_t n = 0, at = 0, skip = root ? strlen(root) : 0;
    while (from[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        if (root && strncmp(from[i], root, skip) != 0)
            continue;
        if (!(copy[at++] = strdup(from[i] + skip))) {
            while (at-- > 0)
                free(copy[at]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static void texts_free(char **texts)
{
    for (char **p = texts; p && *p; p++)
        free(*p);
    free(texts);
}

static void inode_add(struct ownview *v, const struct stat *st)
{
    if (v->count == v->cap) {
        size_t cap = v->cap ? 2 * v->cap : 64;
        struct inode *more = realloc(v->inodes, cap * sizeof *more);
        if (!more) {
            v->is_short = true;
            return;
        }
        v->inodes = more;
        v->cap = cap;
    }
    v->inodes[v->count++] = (struct inode){ st->st_dev, st->st_ino };
}

static void paths_add(struct ownview *v, char *const *paths)
{
    struct stat st;
    for (; *paths; paths++)
        if (stat(*paths, &st) == 0)
            inode_add(v, &st);
}

/* All files whose names begin so. */
static void prefix_add(struct ownview *v, const char *prefix)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(prefix, '/');
    if (!slash || (size_t)snprintf(folder, sizeof folder, "%.*s/", (int)(slash - prefix), prefix) >=
                      sizeof folder)
        return;
    DIR *d = opendir(folder);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        struct stat st;
        if (strncmp(entry->d_name, slash + 1, strlen(slash + 1)) == 0 &&
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            inode_add(v, &st);
    }
    if (d)
        closedir(d);
}

struct ownview *ownview_new(const struct ownfiles *o)
{
    char root[PATH_MAX + 1];
    struct ownview *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    snprintf(root, sizeof root, "%s%s", o->root, strcmp(o->root, "/") == 0 ? "" : "/");
    v->deny = texts_new(o->deny, NULL);
    v->prefixes = texts_new(o->prefixes, root);
    v->files = texts_new(o->files, root);
    v->folders = texts_new(o->folders, root);
    for (size_t i = 0; i < o->inode_count && !v->is_short; i++)
        inode_add(v, &(struct stat){ .st_dev = o->inodes[i].dev, .st_ino = o->inodes[i].ino });
    paths_add(v, o->files);
    paths_add(v, o->folders);
    for (char **p = o->prefixes; *p; p++)
        prefix_add(v, *p);
    if (!v->deny || !v->prefixes || !v->files || !v->folders || v->is_short) {
        ownview_free(v);
        return NULL;
    }
    if (v->count > 1)
        qsort(v->inodes, v->count, sizeof *v->inodes, own_by_inode);
    return v;
}

void ownview_free(struct ownview *v)
{
    if (!v)
        return;
    texts_free(v->deny);
    texts_free(v->prefixes);
    texts_free(v->files);
    texts_free(v->folders);
    free(v->inodes);
    free(v);
}

static bool is_denied(const struct ownview *v, char *path, size_t len, bool is_folder)
{
    for (char **p = v->deny; *p; p++) {
        if (pathglob_match(*p, path, len))
            return true;
        if (!is_folder)
            continue;
        path[len] = '/'; /* as a glob for all that is in it says */
        bool found = pathglob_match(*p, path, len + 1);
        path[len] = '\0';
        if (found)
            return true;
    }
    return false;
}

static bool is_listed(char *const *paths, const char *path, size_t len)
{
    for (; *paths; paths++)
        if (strncmp(*paths, path, len) == 0 && (*paths)[len] == '\0')
            return true;
    return false;
}

bool ownview_allows(const struct ownview *v, char *path, size_t len, bool is_folder, dev_t dev,
                    ino_t ino)
{
    struct inode key = { dev, ino };
    for (char **p = v->prefixes; *p; p++)
        if (strlen(*p) <= len && strncmp(path, *p, strlen(*p)) == 0)
            return false;
    if (is_listed(is_folder ? v->folders : v->files, path, len))
        return false;
    if (v->count > 0 && bsearch(&key, v->inodes, v->count, sizeof key, own_by_inode))
        return false;
    return !is_denied(v, path, len, is_folder);
}
