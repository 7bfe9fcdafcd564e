#include "io/watchwalk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

#define MAX_HOPS 16 /* links to links */
#define MAX_DEPTH 6

static int64_t ms_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* Facts are summed, for the order in which a folder lists them says nothing. */
static void note(struct watchwalk *w, const char *path, const void *facts, size_t len)
{
    char key[PATH_MAX + 256];
    size_t n = strnlen(path, PATH_MAX);
    memcpy(key, path, n);
    key[n++] = '\0';
    if (len > sizeof key - n)
        len = sizeof key - n;
    memcpy(key + n, facts, len);
    w->facts += hash_key(key, n + len);
}

/* What a file is, and what it holds. */
static void note_file(struct watchwalk *w, const char *path, const struct stat *st)
{
    uint64_t facts[] = { st->st_dev,
                         st->st_ino,
                         st->st_mode,
                         (uint64_t)st->st_size,
                         (uint64_t)st->st_mtim.tv_sec,
                         (uint64_t)st->st_mtim.tv_nsec,
                         (uint64_t)st->st_ctim.tv_sec,
                         (uint64_t)st->st_ctim.tv_nsec };
    int64_t changed = ms_of(&st->st_ctim), written = ms_of(&st->st_mtim);
    if (written > changed)
        changed = written;
    if (changed > w->newest_ms)
        w->newest_ms = changed;
    note(w, path, facts, sizeof facts);
}

/* Which folder or link it is; times of folders on the way change with every neighbour. */
static void note_identity(struct watchwalk *w, const char *path, const struct stat *st)
{
    uint64_t facts[] = { st->st_dev, st->st_ino, st->st_mode };
    note(w, path, facts, sizeof facts);
}

static void note_missing(struct watchwalk *w, const char *path)
{
    int error = errno;
    note(w, path, &error, sizeof error);
}

static bool spend(struct watchwalk *w)
{
    if (w->entries < WATCHWALK_MAX) {
        w->entries++;
        return true;
    }
    w->is_cut = true;
    return false;
}

/* ---- the way to a path ---- */

struct way {
    char done[PATH_MAX]; /* resolved, no link in it; "" is the root */
    char rest[PATH_MAX];
    unsigned hops;
};

static void way_up(struct way *v)
{
    char *slash = strrchr(v->done, '/');
    if (slash)
        *slash = '\0';
}

/* done is a link: goes on where it points to. */
static bool way_turn(struct watchwalk *w, struct way *v)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t n = readlink(v->done, target, sizeof target - 1);
    if (n <= 0 || ++v->hops > MAX_HOPS)
        return false;
    target[n] = '\0';
    note(w, v->done, target, (size_t)n);
    if ((size_t)snprintf(rest, sizeof rest, "%s/%s", target, v->rest) >= sizeof rest)
        return false;
    memcpy(v->rest, rest, sizeof rest);
    if (target[0] == '/')
        v->done[0] = '\0';
    else
        way_up(v);
    return true;
}

/* One name further. False: it ends here. */
static bool way_step(struct watchwalk *w, struct way *v, struct stat *st)
{
    char name[NAME_MAX + 1];
    const char *begin = v->rest + strspn(v->rest, "/");
    size_t len = strcspn(begin, "/"), done = strlen(v->done);
    if (len > NAME_MAX || done + len + 2 > sizeof v->done)
        return false;
    memcpy(name, begin, len);
    name[len] = '\0';
    memmove(v->rest, begin + len, strlen(begin + len) + 1);
    if (strcmp(name, ".") == 0)
        return true;
    if (strcmp(name, "..") == 0) {
        way_up(v);
        return true;
    }
    if (w->set) /* before it is looked at: no change may come between */
        watchset_name(w->set, done ? v->done : "/", name);
    v->done[done] = '/';
    memcpy(v->done + done + 1, name, len + 1);
    if (lstat(v->done, st) != 0) {
        note_missing(w, v->done);
        return false;
    }
    note_identity(w, v->done, st);
    return S_ISLNK(st->st_mode) ? way_turn(w, v) : true;
}

/* Follows path to what it leads to, which *st describes. */
static bool way_follow(struct watchwalk *w, struct way *v, const char *path, struct stat *st)
{
    v->done[0] = '\0';
    v->hops = 0;
    if ((size_t)snprintf(v->rest, sizeof v->rest, "%s", path) >= sizeof v->rest)
        return false;
    while (v->rest[strspn(v->rest, "/")])
        if (!spend(w) || !way_step(w, v, st))
            return false;
    return stat(v->done[0] ? v->done : "/", st) == 0;
}

void watchwalk_file(struct watchwalk *w, const char *path)
{
    struct way v;
    struct stat st;
    if (!way_follow(w, &v, path, &st))
        return;
    if (w->set)
        watchset_file(w->set, v.done);
    if (stat(v.done, &st) == 0) /* as it is once it is watched */
        note_file(w, v.done, &st);
    else
        note_missing(w, v.done);
}

/* ---- folders ---- */

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

/* Is the folder `name`, in a followed one, the one in which all files matter? */
static bool is_whole(const struct watchwalk *w, const char *name)
{
    return w->whole && strcmp(name, w->whole) == 0;
}

static bool is_wanted(const struct watchwalk *w, const struct dirent *d, unsigned depth, bool whole)
{
    if (d->d_name[0] == '.')
        return false;
    if (whole || has_suffix(d->d_name, w->suffix))
        return true;
    if (depth == 0)
        return strcmp(d->d_name, w->enter) == 0 || is_whole(w, d->d_name);
    return d->d_type == DT_DIR || d->d_type == DT_LNK || d->d_type == DT_UNKNOWN;
}

static void walk_folder(struct watchwalk *w, const char *path, unsigned depth, bool whole);

static void walk_entry(struct watchwalk *w, const char *path, unsigned depth, bool whole)
{
    struct way v;
    struct stat st;
    if (lstat(path, &st) != 0) {
        note_missing(w, path);
        return;
    }
    const char *real = path;
    if (S_ISLNK(st.st_mode)) {
        if (!way_follow(w, &v, path, &st))
            return;
        real = v.done;
        if (S_ISREG(st.st_mode) && w->set)
            watchset_file(w->set, real);
    }
    if (S_ISDIR(st.st_mode))
        walk_folder(w, real, depth + 1, whole);
    else
        note_file(w, path, &st);
}

static void walk_folder(struct watchwalk *w, const char *path, unsigned depth, bool whole)
{
    char below[PATH_MAX];
    if (depth > MAX_DEPTH)
        return;
    if (w->set)
        watchset_folder(w->set, path);
    DIR *d = opendir(path);
    if (!d) {
        note_missing(w, path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(d));)
        if (is_wanted(w, entry, depth, whole) && spend(w) &&
            (size_t)snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < sizeof below)
            walk_entry(w, below, depth, whole || (depth == 0 && is_whole(w, entry->d_name)));
    closedir(d);
}

void watchwalk_folder(struct watchwalk *w, const char *path)
{
    struct way v;
    struct stat st;
    if (way_follow(w, &v, path, &st))
        walk_folder(w, v.done[0] ? v.done : "/", 0, false);
}
