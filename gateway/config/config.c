#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/expand.h"
#include "config/load.h"

static struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);

    if (c)
        c->private = calloc(1, sizeof *c->private);
    if (!c || !c->private) {
        free(c);
        return NULL;
    }
    atomic_init(&c->private->refs, 1);
    return c;
}

static void config_free(struct config *c)
{
    arena_fini(&c->private->arena);
    free(c->private);
    free(c);
}

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->private->refs, 1, memory_order_relaxed);
    return c;
}

void config_unref(struct config *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->private->refs, 1, memory_order_acq_rel) > 1)
        return;
    config_free(c);
}

static bool places_find(struct loader *l, const struct config_source *source)
{
    char here[PATH_MAX];
    const char *cwd = source->cwd ? source->cwd : getcwd(here, sizeof here);

    if (!cwd) {
        problems_add(l->problems, NULL, 0, "the working folder is not there: %s", strerror(errno));
        return false;
    }
    l->file = arena_strndup(l->arena, source->path, strlen(source->path));
    l->c->private->file = l->file;
    l->c->private->cwd = cwd = arena_strndup(l->arena, cwd, strlen(cwd));
    l->c->file = cwd && l->file ? path_at(l->arena, cwd, l->file) : NULL;
    if (!l->c->file)
        return false;
    const char *slash = strrchr(l->c->file, '/');
    l->c->dir = slash > l->c->file
                    ? arena_strndup(l->arena, l->c->file, (size_t)(slash - l->c->file))
                    : "/";
    l->reader = (struct value_reader){ .arena = l->arena,
                                       .env = l->env,
                                       .dir = l->c->dir,
                                       .cwd = cwd,
                                       .root = cwd,
                                       .files = &l->c->own_files };
    return l->c->dir &&
           list_add(l->arena, &l->c->own_files, l->c->file, strlen(l->c->file), NULL) == 0;
}

struct config *config_load(const struct config_source *source, struct problems *problems)
{
    struct loader l = { .env = source->env, .problems = problems, .c = config_new() };
    size_t before = problems->count;

    if (!l.c) {
        problems_add(problems, NULL, 0, "not enough memory for the configuration");
        return NULL;
    }
    l.arena = &l.c->private->arena;
    l.tail = &l.c->private->sections;
    if (places_find(&l, source) && source_read(&l)) {
        environment_apply(&l);
        values_load(&l);
        if (!l.arena->failed)
            config_check(l.c, problems);
    }
    if (l.arena->failed)
        problems_add(problems, NULL, 0, "not enough memory for the configuration");
    if (problems->count == before)
        return l.c;
    config_free(l.c);
    return NULL;
}
