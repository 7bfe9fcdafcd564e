#include "worker/starter.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "worker/worker.h"

struct started { /* a file whose start function has run, and which bytes it had then */
    struct started *next;
    uint8_t digest[SHA256_SIZE];
    bool is_there; /* in the generation that runs */
    bool is_failed;
    char file[];
};

struct starter {
    struct started *first;
};

static struct started *started_get(struct starter *s, const char *file)
{
    for (struct started *f = s->first; f; f = f->next)
        if (strcmp(f->file, file) == 0)
            return f;
    struct started *f = calloc(1, sizeof *f + strlen(file) + 1);
    if (!f)
        return NULL;
    memcpy(f->file, file, strlen(file) + 1);
    f->next = s->first;
    s->first = f;
    return f;
}

/* What readiness tells of. */
static void count_failed(struct worker *w)
{
    unsigned n = 0;
    for (struct started *f = w->starter->first; f; f = f->next)
        n += f->is_failed;
    atomic_store(&w->gateway->start_failed, n);
}

/* A file that cannot be remembered runs again: better twice than never. */
static bool starter_skips(void *arg, const char *file, const char *text, size_t len)
{
    struct worker *w = arg;
    uint8_t digest[SHA256_SIZE];
    struct started *f = started_get(w->starter, file);
    if (!f)
        return false;
    f->is_there = true;
    hash_sha256(text, len, digest);
    if (memcmp(f->digest, digest, sizeof digest) == 0)
        return true;
    memcpy(f->digest, digest, sizeof digest);
    f->is_failed = false;
    return false;
}

/* Files that are gone, or have no start function any more. */
static void forget_others(struct starter *s)
{
    for (struct started **at = &s->first, *f; (f = *at);) {
        if (f->is_there) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free(f);
    }
}

static void starter_failed(void *arg, const char *file, const char *text)
{
    struct worker *w = arg;
    struct log_line l;
    for (struct started *f = w->starter->first; f; f = f->next)
        if (strcmp(f->file, file) == 0)
            f->is_failed = true;
    count_failed(w);
    log_begin(&l, LOG_ERROR, "start function failed");
    log_str(&l, "file", file);
    log_str(&l, "error", text);
    log_end(&l);
}

void starter_run(struct worker *w)
{
    if (!w->starter)
        w->starter = calloc(1, sizeof *w->starter);
    if (!w->starter) {
        log_printf(LOG_ERROR, "no memory to run the start functions of tools");
        return;
    }
    for (struct started *f = w->starter->first; f; f = f->next)
        f->is_there = false;
    vm_start_tools(w->vm, starter_skips, w, starter_failed, w);
    forget_others(w->starter);
    if (vm_every_start(w->vm) != 0)
        log_printf(LOG_ERROR, "no memory for what tools do at intervals");
    count_failed(w);
}

void starter_free(struct starter *s)
{
    while (s && s->first) {
        struct started *next = s->first->next;
        free(s->first);
        s->first = next;
    }
    free(s);
}
