#include "worker/own.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "tools/ownfiles.h"

#define MAX_PATHS 64

struct own {
    pthread_rwlock_t lock;
    struct ownfiles *files;
};

struct paths {
    const char *items[MAX_PATHS + 1];
    size_t n;
};

static void paths_add(void *arg, const char *path)
{
    struct paths *p = arg;
    if (path && path[0] && p->n < MAX_PATHS)
        p->items[p->n++] = path;
}

struct own *own_new(void)
{
    struct own *o = calloc(1, sizeof *o);
    if (o)
        pthread_rwlock_init(&o->lock, NULL);
    return o;
}

void own_free(struct own *o)
{
    if (!o)
        return;
    ownfiles_free(o->files);
    pthread_rwlock_destroy(&o->lock);
    free(o);
}

/* The folder of the running binary, when it is a build folder of its own, and the runtime library's
 * sources beside it. */
static void binary_folders(char build[PATH_MAX], char lua[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", build, PATH_MAX - 1);
    build[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(build, '/');
    if (slash)
        *slash = '\0';
    lua[0] = '\0';
    slash = strrchr(build, '/');
    if (!slash || strcmp(slash, "/build") != 0 || strlen(build) + 1 > PATH_MAX - 8)
        return;
    memcpy(lua, build, (size_t)(slash - build));
    memcpy(lua + (slash - build), "/lua", sizeof "/lua");
}

int own_set(struct own *o, const struct config *c, struct store *s, struct err *e)
{
    char build[PATH_MAX], lua[PATH_MAX];
    struct paths files = { .n = 0 }, folders = { .n = 0 };
    binary_folders(build, lua);
    for (size_t i = 0; i < c->own_files.n; i++)
        paths_add(&files, c->own_files.items[i]);
    paths_add(&files, c->file);
    paths_add(&files, c->log.file);
    if (s)
        store_own_files(s, paths_add, &files);
    paths_add(&folders, c->paths.tools);
    paths_add(&folders, lua);
    paths_add(lua[0] ? &folders : &files, build);
    const char *prefixes[] = { c->state.path, NULL };
    struct ownfiles_options options = { .root = c->paths.root,
                                        .deny = c->paths.deny.items,
                                        .files = files.items,
                                        .folders = folders.items,
                                        .prefixes = prefixes };
    struct ownfiles *next = ownfiles_new(&options, e);
    if (!next)
        return MG_E_NOMEM;
    pthread_rwlock_wrlock(&o->lock);
    struct ownfiles *old = o->files;
    o->files = next;
    pthread_rwlock_unlock(&o->lock);
    ownfiles_free(old);
    return 0;
}

bool own_may_open(void *own, int fd)
{
    struct own *o = own;
    pthread_rwlock_rdlock(&o->lock);
    bool may = o->files && ownfiles_allows(o->files, fd);
    pthread_rwlock_unlock(&o->lock);
    return may;
}
