#include "worker/own.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "tools/ownfiles.h"
#include "tools/ownview.h"

#define MAX_PATHS 512

struct own {
    pthread_rwlock_t lock;
    struct ownfiles *files;
};

struct paths {
    char *items[MAX_PATHS + 1];
    size_t n;
    bool is_short; /* one is missing: there was no memory, or no place */
};

static void paths_add(void *arg, const char *path)
{
    struct paths *p = arg;
    if (!path || !path[0])
        return;
    if (p->n == MAX_PATHS || !(p->items[p->n] = strdup(path)))
        p->is_short = true;
    else
        p->n++;
}

static void paths_fini(struct paths *p)
{
    while (p->n > 0)
        free(p->items[--p->n]);
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

/* The running binary; and where it lies in a build folder, all of that and the runtime library's
 * sources beside it. */
static void paths_add_program(struct paths *files, struct paths *folders, struct paths *places)
{
    static const char build[] = "/build";
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    paths_add(files, path);
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    *slash = '\0';
    size_t len = strlen(path);
    if (len < sizeof build - 1 || strcmp(path + len - (sizeof build - 1), build) != 0)
        return;
    paths_add(places, path); /* thousands of files, at every start and reload */
    memcpy(path + len - (sizeof build - 1), "/lua", sizeof "/lua");
    paths_add(folders, path);
}

/* The store names its state file first. */
static void paths_add_first(void *arg, const char *path)
{
    struct paths *p = arg;
    if (p->n == 0)
        paths_add(p, path);
}

/* What an evaluation runs, or reads its program from, runs with the gateway's own rights: whatever
 * word of its command is the path of a file, or would be one. What a client fills in is judged when
 * it is. */
static void paths_add_word(struct paths *files, const struct config_eval *rule, const char *word,
                           const char *root)
{
    static const char mark[] = "{root}";
    char path[PATH_MAX];
    struct stat st;
    bool is_below = strncmp(word, mark, sizeof mark - 1) == 0;
    const char *rest = is_below ? word + sizeof mark - 1 : word;
    if (word[0] == '-' || strchr(rest, '{'))
        return;
    int n = is_below         ? snprintf(path, sizeof path, "%s%s", root, rest)
            : word[0] == '/' ? snprintf(path, sizeof path, "%s", word)
                             : snprintf(path, sizeof path, "%s/%s", rule->cwd, word);
    if (n < 0 || (size_t)n >= sizeof path)
        return;
    bool is_there = stat(path, &st) == 0;
    if (is_there ? S_ISREG(st.st_mode) : strchr(word, '/') != NULL)
        paths_add(files, path);
}

static void paths_collect(const struct config *c, struct store *s, struct paths *files,
                          struct paths *folders, struct paths *places, struct paths *prefixes)
{
    /* The state that is open, and the one of the next start where a reload has named another. */
    if (s)
        store_own_files(s, paths_add_first, prefixes);
    paths_add(prefixes, c->state.path);
    paths_add(prefixes, c->search.path); /* by default beside the state */
    for (size_t i = 0; i < c->own_files.n; i++)
        paths_add(files, c->own_files.items[i]);
    for (size_t i = 0; i < c->n_eval_rules; i++)
        for (size_t k = 0; k < c->eval_rules[i].command.n; k++)
            paths_add_word(files, &c->eval_rules[i], c->eval_rules[i].command.items[k],
                           c->paths.root);
    paths_add(files, c->file);
    paths_add(files, c->log.file);
    if (s)
        store_own_files(s, paths_add, files);
    paths_add(folders, c->paths.tools);
    paths_add_program(files, folders, places);
}

static struct ownfiles *collect(const struct config *c, struct store *s, struct err *e)
{
    struct paths files = { .n = 0 }, folders = { .n = 0 }, places = { .n = 0 };
    struct paths prefixes = { .n = 0 };
    struct ownfiles_options options = { .root = c->paths.root,
                                        .deny = c->paths.deny.items,
                                        .files = (const char *const *)files.items,
                                        .folders = (const char *const *)folders.items,
                                        .places = (const char *const *)places.items,
                                        .prefixes = (const char *const *)prefixes.items };
    paths_collect(c, s, &files, &folders, &places, &prefixes);
    struct ownfiles *made = NULL;
    if (files.is_short || folders.is_short || places.is_short || prefixes.is_short)
        err_set(e, MG_E_LIMIT,
                "the list of the gateway's own files is too long, or there is no memory for it");
    else
        made = ownfiles_new(&options, e);
    paths_fini(&files);
    paths_fini(&folders);
    paths_fini(&places);
    paths_fini(&prefixes);
    return made;
}

int own_set(struct own *o, const struct config *c, struct store *s, struct err *e)
{
    struct ownfiles *next = collect(c, s, e);
    if (!next)
        return e->code;
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

bool own_may_make(void *own, int folder, const char *name)
{
    struct own *o = own;
    pthread_rwlock_rdlock(&o->lock);
    bool may = o->files && ownfiles_allows_new(o->files, folder, name);
    pthread_rwlock_unlock(&o->lock);
    return may;
}

struct ownview *own_view(void *own)
{
    struct own *o = own;
    pthread_rwlock_rdlock(&o->lock);
    struct ownview *view = o->files ? ownview_new(o->files) : NULL;
    pthread_rwlock_unlock(&o->lock);
    return view;
}
