#include "base/log_style.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_style *current;
static atomic_uint current_number;

struct log_style *log_style_new(const struct log_options *o)
{
    size_t n = 0, bytes = 0;

    while (o->redact && o->redact[n])
        bytes += strlen(o->redact[n++]) + 1;
    struct log_style *s = malloc(sizeof *s + n * sizeof s->redact[0] + bytes);
    if (!s)
        return NULL;
    s->refs = 1;
    s->text = o->text;
    s->redact_count = n;
    s->redact_lengths = 0;
    char *p = (char *)&s->redact[n];
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(o->redact[i]) + 1;
        s->redact[i] = memcpy(p, o->redact[i], len);
        s->redact_lengths |= UINT64_C(1) << (len - 1) % 64;
        p += len;
    }
    return s;
}

static void unref_locked(struct log_style *s)
{
    if (s && --s->refs == 0)
        free(s);
}

void log_style_set(struct log_style *s)
{
    pthread_mutex_lock(&lock);
    unref_locked(current);
    current = s;
    atomic_fetch_add(&current_number, 1);
    pthread_mutex_unlock(&lock);
}

void log_style_refresh(struct log_style **mine, unsigned *number)
{
    if (*number == atomic_load_explicit(&current_number, memory_order_relaxed))
        return;
    pthread_mutex_lock(&lock);
    unref_locked(*mine);
    *mine = current;
    if (current)
        current->refs++;
    *number = atomic_load(&current_number);
    pthread_mutex_unlock(&lock);
}

void log_style_unref(struct log_style *s)
{
    pthread_mutex_lock(&lock);
    unref_locked(s);
    pthread_mutex_unlock(&lock);
}

bool log_style_redacts(const struct log_style *s, const char *key, size_t len)
{
    for (size_t i = 0; s && i < s->redact_count; i++)
        if (strncmp(s->redact[i], key, len) == 0 && s->redact[i][len] == '\0')
            return true;
    return false;
}
