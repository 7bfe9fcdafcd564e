#include "worker/said.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static enum said_kind kind_of(struct json_text method)
{
    static const char *const methods[] = {
        [SAID_HANDSHAKE] = "initialize",          [SAID_LEVEL] = "logging/setLevel",
        [SAID_SUBSCRIBE] = "resources/subscribe", [SAID_UNSUBSCRIBE] = "resources/unsubscribe",
        [SAID_LISTEN] = "subscriptions/listen",
    };
    for (size_t k = SAID_HANDSHAKE; k < sizeof methods / sizeof *methods; k++)
        if (method.type == JSON_STRING && json_string_eq(method, methods[k], strlen(methods[k])))
            return (enum said_kind)k;
    return SAID_ANY;
}

void said_add(struct said **list, struct json_text message, struct json_text id,
              struct json_text method)
{
    enum said_kind kind = kind_of(method);
    struct json_text whole = kind == SAID_ANY ? id : message, uri = { 0 };
    struct said *s = calloc(1, sizeof *s + whole.len);
    if (!s)
        return;
    if (kind == SAID_SUBSCRIBE || kind == SAID_UNSUBSCRIBE)
        uri = json_get(json_get(message, "params"), "uri");
    s->kind = kind;
    s->id_at = (size_t)(id.p - whole.p);
    s->id_len = id.len;
    s->uri_at = uri.p ? (size_t)(uri.p - whole.p) : 0;
    s->uri_len = uri.len;
    s->len = whole.len;
    memcpy(s->text, whole.p, whole.len);
    DL_APPEND(*list, s);
}

static struct json_text part(const struct said *s, size_t at, size_t len)
{
    struct json_text none = { NULL, 0, JSON_NONE };
    return len == 0 ? none : (struct json_text){ s->text + at, len, json_type_of(s->text[at]) };
}

struct json_text said_id(const struct said *s) { return part(s, s->id_at, s->id_len); }

struct json_text said_uri(const struct said *s) { return part(s, s->uri_at, s->uri_len); }

static bool is_same(struct json_text a, struct json_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

struct said *said_find(struct said *list, struct json_text id)
{
    struct said *s = list;
    while (s && !is_same(said_id(s), id))
        s = s->next;
    return s;
}

struct said *said_last(struct said *list, enum said_kind kind)
{
    struct said *last = NULL;
    for (struct said *s = list; s; s = s->next)
        if (s->kind == kind)
            last = s;
    return last;
}

void said_drop(struct said **list, struct said *s)
{
    DL_DELETE(*list, s);
    free(s);
}

void said_drop_all(struct said **list)
{
    while (*list)
        said_drop(list, *list);
}

void said_drop_alike(struct said **list, enum said_kind kind, const struct said *as)
{
    for (struct said *s = *list, *next; s; s = next) {
        next = s->next;
        if (s->kind == kind && is_same(said_uri(s), said_uri(as)))
            said_drop(list, s);
    }
}
