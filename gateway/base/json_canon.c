#include "base/json_canon.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"

struct member {
    struct buf name; /* decoded */
    struct json_text value;
};

static int by_name(const void *a, const void *b)
{
    const struct buf *x = &((const struct member *)a)->name, *y = &((const struct member *)b)->name;
    size_t n = x->len < y->len ? x->len : y->len;
    int order = n ? memcmp(x->data, y->data, n) : 0;
    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static void string_write(struct buf *out, struct json_text s)
{
    struct buf text = { 0 };
    json_string_decode(s, &text);
    json_str_n(out, text.len ? text.data : "", text.len);
    out->failed |= text.failed;
    buf_fini(&text);
}

static void members_write(struct buf *out, struct member *list, size_t n)
{
    qsort(list, n, sizeof *list, by_name);
    json_open(out, '{');
    for (size_t i = 0; i < n; i++) {
        json_key_n(out, list[i].name.len ? list[i].name.data : "", list[i].name.len);
        json_canonical(out, list[i].value);
    }
    json_close(out, '}');
}

static void object_write(struct buf *out, struct json_text object)
{
    struct json_text key, value;
    struct json_iter it = json_iter(object);
    size_t n = json_find(object, NULL, NULL, 0), i = 0;
    struct member *list = calloc(n + 1, sizeof *list);
    if (!list) {
        out->failed = true;
        return;
    }
    for (; i < n && json_next_member(&it, &key, &value); i++) {
        json_string_decode(key, &list[i].name);
        list[i].value = value;
        out->failed |= list[i].name.failed;
    }
    members_write(out, list, i);
    for (size_t k = 0; k < i; k++)
        buf_fini(&list[k].name);
    free(list);
}

void json_canonical(struct buf *out, struct json_text value)
{
    struct json_text item;
    struct json_iter it;
    switch (value.type) {
    case JSON_OBJECT: object_write(out, value); break;
    case JSON_ARRAY:
        json_open(out, '[');
        for (it = json_iter(value); json_next_item(&it, &item);)
            json_canonical(out, item);
        json_close(out, ']');
        break;
    case JSON_STRING: string_write(out, value); break;
    default: json_raw_text(out, value); break;
    }
}
