#include "vm/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"

#define HELPER_MAX_DEPTH 4
#define SKILLS "skills"
#define READ_TRIES 5 /* of a file that changes while it is read */

struct sources {
    atomic_uint refs;
    size_t count, capacity;
    size_t skill_files, skill_bytes; /* of the count */
    struct source *list;
};

static void source_fini(struct source *s)
{
    free(s->name);
    free(s->title);
    free(s->text);
    free(s->problem);
}

struct sources *sources_ref(struct sources *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void sources_unref(struct sources *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        source_fini(&s->list[i]);
    free(s->list);
    free(s);
}

size_t sources_count(const struct sources *s) { return s ? s->count : 0; }

const struct source *sources_at(const struct sources *s, size_t i) { return &s->list[i]; }

const struct source *sources_find(const struct sources *s, const char *name)
{
    for (size_t i = 0; i < sources_count(s); i++)
        if (strcmp(s->list[i].name, name) == 0)
            return &s->list[i];
    return NULL;
}

/* ---- reading ---- */

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

static int refuse(char *why, size_t size, int code, const char *text)
{
    snprintf(why, size, "%s", text);
    return code;
}

/* All that is there, at most `max` bytes. */
static int read_bytes(int fd, char *text, size_t max, size_t *len, char *why, size_t size)
{
    *len = 0;
    while (*len < max) {
        ssize_t n = pread(fd, text + *len, max - *len, (off_t)*len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            snprintf(why, size, "cannot be read: %s", strerror(errno));
            return MG_E_IO;
        }
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return 0;
}

static bool is_same_version(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* 1: it changed meanwhile. */
static int read_once(int fd, struct source *s, char *why, size_t size)
{
    struct stat before, after;
    if (fstat(fd, &before) != 0 || !S_ISREG(before.st_mode))
        return refuse(why, size, MG_E_INVALID, "not a regular file");
    if (before.st_size > SOURCE_MAX_BYTES) {
        snprintf(why, size, "larger than %u bytes", SOURCE_MAX_BYTES);
        return MG_E_LIMIT;
    }
    char *text = malloc((size_t)before.st_size + 1);
    if (!text)
        return MG_E_NOMEM;
    size_t len = 0;
    int code = read_bytes(fd, text, (size_t)before.st_size, &len, why, size);
    if (code == 0 && (len != (size_t)before.st_size || fstat(fd, &after) != 0 ||
                      !is_same_version(&before, &after)))
        code = 1;
    if (code != 0) {
        free(text);
        return code;
    }
    text[len] = '\0';
    s->text = text;
    s->len = len;
    return 0;
}

/* A file that changes while it is read is read again: what is loaded has been one version. */
static int read_all(int fd, struct source *s, char *why, size_t size)
{
    for (int i = 0; i < READ_TRIES; i++) {
        int code = read_once(fd, s, why, size);
        if (code <= 0)
            return code;
    }
    return refuse(why, size, MG_E_CONFLICT, "it is being written all the time");
}

/* A file that cannot be read is kept with its problem: it is reported where its tool is missed.
 * fd: opened, and taken; -1: errno says why not. */
static int source_read(int fd, struct source *s)
{
    char why[200] = "";
    int code = MG_E_IO;
    if (fd < 0 && errno == EXDEV) {
        snprintf(why, sizeof why, "a link that is absolute, or leads out of the tools folder");
    } else if (fd < 0) {
        snprintf(why, sizeof why, "cannot be opened: %s", strerror(errno));
    } else {
        code = read_all(fd, s, why, sizeof why);
        close(fd);
    }
    if (code == 0 || code == MG_E_NOMEM)
        return code;
    s->problem = strdup(why);
    return s->problem ? 0 : MG_E_NOMEM;
}

static struct source *source_add(struct sources *all, bool is_skill, struct err *e)
{
    size_t of_kind = is_skill ? all->skill_files : all->count - all->skill_files;
    if (of_kind == (is_skill ? SOURCES_SKILL_FILES : SOURCES_MAX_FILES)) {
        err_set(e, MG_E_LIMIT, "more than %d files%s",
                is_skill ? SOURCES_SKILL_FILES : SOURCES_MAX_FILES, is_skill ? " of skills" : "");
        return NULL;
    }
    if (all->count == all->capacity) {
        size_t n = all->capacity ? all->capacity * 2 : 32;
        struct source *more = realloc(all->list, n * sizeof *more);
        if (!more) {
            err_set(e, MG_E_NOMEM, "not enough memory");
            return NULL;
        }
        all->list = more;
        all->capacity = n;
    }
    struct source *s = &all->list[all->count++];
    *s = (struct source){ 0 };
    all->skill_files += is_skill;
    return s;
}

struct walk {
    struct sources *all;
    int root;          /* the folder */
    const char *title; /* last part of its path */
    struct err *e;
};

/* The folder of skills, or what lies in it. */
static bool is_of_skills(const char *below, const char *file)
{
    return *below ? strncmp(below, SKILLS "/", strlen(SKILLS "/")) == 0 : strcmp(file, SKILLS) == 0;
}

/* Tools are the author's to link; but what lies in a skill is handed to clients, so a link in one
 * must not bring in the machine's files. */
static int walk_open(const struct walk *w, const char *below, const char *file, int flags)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", below, file) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return is_of_skills(below, file) ? beneath_open(w->root, path, flags, 0)
                                     : openat(w->root, path, flags | O_CLOEXEC);
}

static int walk_file(struct walk *w, const char *below, const char *file)
{
    bool is_skill = is_of_skills(below, file);
    struct source *s = source_add(w->all, is_skill, w->e);
    if (!s)
        return w->e ? w->e->code : MG_E_NOMEM;
    s->is_helper = is_skill || *below != '\0';
    if (asprintf(&s->name, "%s%s", below, file) < 0)
        s->name = NULL;
    if (!s->name || asprintf(&s->title, "%s/%s", w->title, s->name) < 0) {
        s->title = NULL;
        return err_set(w->e, MG_E_NOMEM, "not enough memory");
    }
    int code = source_read(walk_open(w, below, file, O_RDONLY | O_NONBLOCK | O_NOCTTY), s);
    if (code != 0)
        return err_set(w->e, code, "not enough memory");
    w->all->skill_bytes += is_skill ? s->len : 0;
    return w->all->skill_bytes <= SOURCES_SKILL_BYTES
               ? 0
               : err_set(w->e, MG_E_LIMIT, "more than %u bytes of skills", SOURCES_SKILL_BYTES);
}

static int walk_folder(struct walk *w, int fd, const char *below, int depth);

static int walk_entry(struct walk *w, const char *below, const char *file, int depth)
{
    bool is_skill = is_of_skills(below, file);
    if (file[0] == '.' || (file[0] == '_' && !is_skill))
        return 0;
    if (!is_skill && has_suffix(file, ".lua"))
        return has_suffix(file, "_test.lua") ? 0 : walk_file(w, below, file);
    if (depth == 0 && strcmp(file, "lib") != 0 && !is_skill)
        return 0;
    int sub = walk_open(w, below, file, O_RDONLY | O_DIRECTORY);
    if (sub < 0) /* a file, or a link that leads out */
        return is_skill && (errno == EXDEV || (errno == ENOTDIR && depth > 0))
                   ? walk_file(w, below, file)
                   : 0;
    if (depth > HELPER_MAX_DEPTH) {
        close(sub);
        return is_skill ? walk_file(w, below, file) : 0; /* its skill tells of it */
    }
    char *path = NULL;
    int code = MG_E_NOMEM;
    if (asprintf(&path, "%s%s/", below, file) >= 0) {
        code = walk_folder(w, sub, path, depth + 1);
        free(path);
    } else {
        close(sub);
        err_set(w->e, code, "not enough memory");
    }
    return code;
}

/* Takes fd. */
static int walk_folder(struct walk *w, int fd, const char *below, int depth)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return err_set(w->e, MG_E_NOMEM, "not enough memory");
    }
    int code = 0;
    for (struct dirent *x; code == 0 && (x = readdir(d)) != NULL;)
        code = walk_entry(w, below, x->d_name, depth);
    closedir(d);
    return code;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

int sources_add(struct sources *s, const char *tools_dir, const char *file, struct err *e)
{
    int fd = open(tools_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, MG_E_IO, "%s: %s", tools_dir, strerror(errno));
    struct walk w = { s, fd, last_part(tools_dir), e };
    int code = walk_file(&w, "", file);
    close(fd);
    return code;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct source *)a)->name, ((const struct source *)b)->name);
}

struct sources *sources_read(const char *tools_dir, struct err *e)
{
    struct sources *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, MG_E_NOMEM, "not enough memory");
        return NULL;
    }
    atomic_init(&s->refs, 1);
    int fd = open(tools_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        err_set(e, MG_E_IO, "%s: %s", tools_dir, strerror(errno));
        sources_unref(s);
        return NULL;
    }
    struct walk w = { s, fd, last_part(tools_dir), e };
    if (walk_folder(&w, fd, "", 0) != 0) {
        err_prefix(e, "%s", tools_dir);
        sources_unref(s);
        return NULL;
    }
    if (s->count > 1)
        qsort(s->list, s->count, sizeof *s->list, compare);
    return s;
}
