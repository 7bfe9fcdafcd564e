#include "io/watchset.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/hash.h"

#define NAME_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF)
#define DATA_EVENTS (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

void watchset_open(struct watchset *s)
{
    *s = (struct watchset){ .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC) };
    s->error = s->fd < 0 ? errno : 0;
}

static void uses_clear(struct watch_uses *u)
{
    for (size_t i = 0; i < u->n; i++)
        free(u->items[i].name);
    u->n = 0;
}

void watchset_close(struct watchset *s)
{
    uses_clear(&s->now);
    uses_clear(&s->next);
    free(s->now.items);
    free(s->next.items);
    if (s->fd >= 0)
        close(s->fd);
    *s = (struct watchset){ .fd = -1 };
}

/* ---- renewing ---- */

void watchset_begin(struct watchset *s)
{
    uses_clear(&s->next);
    if (s->fd < 0) /* perhaps there is room now */
        s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    s->next_error = s->fd < 0 ? errno : 0;
}

static bool is_there(const struct watch_uses *u, int wd, int kind, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->items[i].wd == wd && (int)u->items[i].kind == kind &&
            (!name || strcmp(u->items[i].name, name) == 0))
            return true;
    return false;
}

static bool uses_reserve(struct watch_uses *u)
{
    if (u->n < u->cap)
        return true;
    size_t cap = u->cap ? 2 * u->cap : 32;
    struct watch_use *more = u->n < WATCHSET_MAX ? realloc(u->items, cap * sizeof *more) : NULL;
    if (!more)
        return false;
    u->items = more;
    u->cap = cap;
    return true;
}

/* A watch that is there already is widened. What does not exist, or may not be read, is none: the
 * folder above tells when that changes, and what cannot be told is polled. */
static void add(struct watchset *s, const char *path, uint32_t mask, int kind, const char *name)
{
    if (s->fd < 0)
        return;
    int wd = inotify_add_watch(s->fd, path, mask | IN_MASK_ADD);
    if (wd < 0) {
        if (errno == ENOSPC || errno == ENOMEM)
            s->next_error = errno;
        return;
    }
    if (is_there(&s->next, wd, kind, name))
        return;
    struct watch_use use = { .wd = wd, .name = name ? strdup(name) : NULL };
    use.kind = kind;
    if ((name && !use.name) || !uses_reserve(&s->next)) {
        s->next_error = s->next.n < WATCHSET_MAX ? ENOMEM : ENOSPC;
        free(use.name);
        return;
    }
    s->next.items[s->next.n++] = use;
}

void watchset_name(struct watchset *s, const char *folder, const char *name)
{
    add(s, folder, NAME_EVENTS | IN_ONLYDIR, WATCH_NAME, name);
}

void watchset_folder(struct watchset *s, const char *folder)
{
    add(s, folder, NAME_EVENTS | SELF_EVENTS | DATA_EVENTS | IN_ONLYDIR, WATCH_FOLDER, NULL);
}

void watchset_file(struct watchset *s, const char *path)
{
    add(s, path, SELF_EVENTS | DATA_EVENTS, WATCH_FILE, NULL);
}

static bool has_watch(const struct watch_uses *u, int wd)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->items[i].wd == wd)
            return true;
    return false;
}

void watchset_end(struct watchset *s)
{
    for (size_t i = 0; i < s->now.n; i++)
        if (!has_watch(&s->next, s->now.items[i].wd))
            inotify_rm_watch(s->fd, s->now.items[i].wd); /* of a folder that is gone: fails */
    uses_clear(&s->now);
    struct watch_uses empty = s->now;
    s->now = s->next;
    s->next = empty;
    s->error = s->next_error;
}

/* ---- events ---- */

static uint64_t writer_of(int wd, const char *name)
{
    char key[NAME_MAX + 1 + sizeof wd] = { 0 };
    size_t len = strnlen(name, NAME_MAX);
    memcpy(key, &wd, sizeof wd);
    memcpy(key + sizeof wd, name, len);
    return hash_key(key, sizeof wd + len);
}

static void note_writer(struct watchset *s, uint32_t mask, int wd, const char *name)
{
    uint64_t writer = writer_of(wd, name);
    size_t i = 0;
    while (i < s->writer_count && s->writers[i] != writer)
        i++;
    if ((mask & IN_MODIFY) && i == s->writer_count && i < WATCHSET_WRITERS)
        s->writers[s->writer_count++] = writer;
    else if (!(mask & (IN_MODIFY | IN_ATTRIB)) && i < s->writer_count)
        s->writers[i] = s->writers[--s->writer_count];
}

static bool matters(const struct watchset *s, const struct inotify_event *ev)
{
    const char *name = ev->len ? ev->name : "";
    for (size_t i = 0; i < s->now.n; i++) {
        const struct watch_use *u = &s->now.items[i];
        if (u->wd != ev->wd)
            continue;
        if (u->kind == WATCH_NAME && (ev->mask & NAME_EVENTS) && strcmp(u->name, name) == 0)
            return true;
        if (u->kind == WATCH_FOLDER && name[0] != '.')
            return true;
        if (u->kind == WATCH_FILE)
            return true;
    }
    return false;
}

static bool event_matters(struct watchset *s, const struct inotify_event *ev)
{
    if (ev->mask & (IN_Q_OVERFLOW | IN_UNMOUNT))
        return true;
    if ((ev->mask & IN_IGNORED) || !matters(s, ev))
        return false;
    note_writer(s, ev->mask, ev->wd, ev->len ? ev->name : "");
    return true;
}

bool watchset_read(struct watchset *s)
{
    _Alignas(struct inotify_event) char block[16384];
    bool any = false;
    ssize_t n;
    while (s->fd >= 0 && (n = read(s->fd, block, sizeof block)) > 0)
        for (char *p = block; p < block + n;) {
            const struct inotify_event *ev = (const struct inotify_event *)(const void *)p;
            any |= event_matters(s, ev);
            p += sizeof *ev + ev->len;
        }
    return any;
}

bool watchset_is_written(const struct watchset *s) { return s->writer_count > 0; }

void watchset_forget(struct watchset *s) { s->writer_count = 0; }

int watchset_error(const struct watchset *s) { return s->error; }
