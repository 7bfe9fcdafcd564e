#include "store/collection.h"

#include <stdlib.h>
#include <string.h>

static bool name_ok(const char *name, size_t len, size_t max)
{
    if (len == 0 || len > max)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '-'))
            return false;
    }
    return true;
}

/* "_meta" is the file's own member. */
bool collection_name_ok(const char *name, size_t len)
{
    return name_ok(name, len, COLLECTION_NAME_MAX) && !(len == 5 && memcmp(name, "_meta", 5) == 0);
}

bool collection_field_ok(const char *name, size_t len)
{
    return name_ok(name, len, COLLECTION_FIELD_MAX);
}

const char *collection_kit_field(const char *name, size_t len)
{
    if (len == 4 && memcmp(name, "jobs", 4) == 0)
        return "jobId";
    if (len == 6 && memcmp(name, "models", 6) == 0)
        return "modelId";
    return NULL;
}

static char *copy_text(const char *text, size_t len)
{
    char *out = malloc(len + 1);

    if (!out)
        return NULL;
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

struct collection *collection_new(const char *name, size_t len, const char *key_field,
                                  size_t field_len)
{
    struct collection *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    c->name = copy_text(name, len);
    c->name_len = len;
    c->key_field = copy_text(key_field, field_len);
    if (c->name && c->key_field)
        return c;
    collection_free(c);
    return NULL;
}

void collection_free(struct collection *c)
{
    if (!c)
        return;
    table_fini(&c->table);
    pthread_mutex_destroy(&c->lock);
    free(c->name);
    free(c->key_field);
    free(c);
}

void directory_init(struct directory *d)
{
    pthread_mutex_init(&d->lock, NULL);
    for (size_t i = 0; i < COLLECTION_BUCKETS; i++)
        atomic_init(&d->buckets[i], NULL);
    for (size_t i = 0; i < COLLECTION_MAX; i++)
        atomic_init(&d->all[i], NULL);
    atomic_init(&d->count, 0);
    d->extras = NULL;
}

/* Operators name collections, so nobody can make these collide on purpose. */
static size_t bucket_of(const char *name, size_t len)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return (h ^ h >> 16) % COLLECTION_BUCKETS;
}

struct collection *directory_find(struct directory *d, const char *name, size_t len)
{
    struct collection *c =
        atomic_load_explicit(&d->buckets[bucket_of(name, len)], memory_order_acquire);

    while (c && !(c->name_len == len && memcmp(c->name, name, len) == 0))
        c = c->next;
    return c;
}

bool directory_is_full(struct directory *d) { return directory_count(d) == COLLECTION_MAX; }

void directory_publish(struct directory *d, struct collection *c)
{
    _Atomic(struct collection *) *bucket = &d->buckets[bucket_of(c->name, c->name_len)];

    c->id = directory_count(d);
    c->next = atomic_load(bucket);
    atomic_store(&d->all[c->id], c);
    atomic_store(&d->count, c->id + 1);
    atomic_store(bucket, c);
}

static void extra_free(struct extra *x)
{
    free(x->name);
    free(x->text);
    free(x);
}

int directory_add_extra(struct directory *d, const char *name, size_t len, const char *text,
                        size_t text_len)
{
    struct extra **tail = &d->extras;
    struct extra *x = calloc(1, sizeof *x);

    if (!x)
        return MG_E_NOMEM;
    x->name = copy_text(name, len);
    x->name_len = len;
    x->text = copy_text(text, text_len);
    x->len = text_len;
    if (!x->name || !x->text) {
        extra_free(x);
        return MG_E_NOMEM;
    }
    while (*tail)
        tail = &(*tail)->next;
    *tail = x;
    return 0;
}

struct extra *directory_extra(struct directory *d, const char *name, size_t len)
{
    struct extra *x = d->extras;

    while (x && (x->adopted || x->name_len != len || memcmp(x->name, name, len) != 0))
        x = x->next;
    return x;
}

void directory_fini(struct directory *d)
{
    for (unsigned i = 0; i < directory_count(d); i++)
        collection_free(directory_at(d, i));
    for (struct extra *x = d->extras, *next; x; x = next) {
        next = x->next;
        extra_free(x);
    }
    pthread_mutex_destroy(&d->lock);
}
