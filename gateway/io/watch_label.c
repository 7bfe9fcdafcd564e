#include <string.h>

#include "io/watchdog.h"

void watch_label(struct watch_slot *s, const char *tool, const char *id)
{
    char text[WATCH_LABEL_SIZE] = { 0 };
    uint64_t words[WATCH_LABEL_SIZE / sizeof(uint64_t)];
    size_t n = strnlen(tool, WATCH_LABEL_SIZE - 24); /* an id always fits behind a long name */
    memcpy(text, tool, n);
    text[n] = ' ';
    memcpy(text + n + 1, id, strnlen(id, WATCH_LABEL_SIZE - n - 2));
    memcpy(words, text, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        atomic_store_explicit(&s->label[i], words[i], memory_order_relaxed);
}

void watch_label_read(struct watch_slot *s, char out[WATCH_LABEL_SIZE])
{
    uint64_t words[WATCH_LABEL_SIZE / sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = atomic_load_explicit(&s->label[i], memory_order_relaxed);
    memcpy(out, words, sizeof words);
    out[WATCH_LABEL_SIZE - 1] = '\0';
}
