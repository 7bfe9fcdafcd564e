/* fuzz_json.c - any bytes as JSON: what scans, compacts to something that scans and compacts to
 * itself; what the outline tells is what a walk tells. */
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/json_write.h"
#include "fuzz.h"

static void check_strings(struct json_text s)
{
    struct buf decoded = { 0 }, again = { 0 };
    struct json_text root;

    json_string_decode(s, &decoded);
    fuzz_hold(buf_ok(&decoded), "a string decodes");
    fuzz_hold(json_string_eq(s, decoded.len ? decoded.data : "", decoded.len),
              "a string equals what it decodes to");
    json_str_n(&again, decoded.len ? decoded.data : "", decoded.len);
    struct json_limits limits = { .takes_nul = true };
    fuzz_hold(json_scan(again.data, again.len, &limits, &root, NULL) == 0 &&
                  json_string_eq(root, decoded.len ? decoded.data : "", decoded.len),
              "what is decoded encodes to the same string");
    buf_fini(&decoded);
    buf_fini(&again);
}

static void walk(struct json_text v)
{
    struct json_iter it = json_iter(v);
    struct json_text key, item;
    int64_t n;

    if (v.type == JSON_STRING)
        check_strings(v);
    if (v.type == JSON_NUMBER && json_integer(v, &n))
        fuzz_hold(n <= INT64_C(1) << 53 && n >= -(INT64_C(1) << 53), "an integer is within 2^53");
    if (v.type == JSON_OBJECT) {
        while (json_next_member(&it, &key, &item)) {
            check_strings(key);
            walk(item);
        }
    }
    if (v.type == JSON_ARRAY)
        while (json_next_item(&it, &item))
            walk(item);
#ifdef FUZZ_PLANT
    if (v.type == JSON_OBJECT && v.len > 8 && memchr(v.p, '-', v.len) && v.p[1] == '"' &&
        memchr(v.p, '[', v.len) && memchr(v.p, '\\', v.len))
        fuzz_overrun(v.p, v.len);
#endif
}

static void check_outline(const char *text, size_t len, const struct json_limits *limits)
{
    static const char *const names[] = { "jsonrpc", "id", "method", "params", "_meta" };
    enum { N = sizeof names / sizeof names[0] };
    struct json_text walked[N], outlined[N];
    struct json_outline o;

    fuzz_hold(json_scan_outline(text, len, limits, &o, NULL) == 0, "an outline of what scans");
    if (o.root.type != JSON_OBJECT)
        return;
    json_find(o.root, names, walked, N);
    json_outline_find(&o, o.root, names, outlined, N);
    for (int i = 0; i < N; i++)
        fuzz_hold(walked[i].p == outlined[i].p && walked[i].len == outlined[i].len &&
                      walked[i].type == outlined[i].type,
                  "the outline tells what a walk tells");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_limits limits = { .max_values = 10000 };
    struct json_text root, again;
    struct buf once = { 0 }, twice = { 0 };
    size_t len;
    struct err e;

    if (size == 0)
        return 0;
    limits.takes_nul = data[0] & 1;
    limits.max_depth = data[0] >> 1 & 63;
    const uint8_t *p = data + 1;
    size_t left = size - 1;
    char *text = malloc(left ? left : 1); /* no NUL behind it: the scan has a length */
    fuzz_hold(text != NULL, "there is memory");
    if (left)
        memcpy(text, p, left);
    len = left;
    if (json_scan(text, len, &limits, &root, &e) == 0) {
        fuzz_hold(root.p >= text && root.p + root.len <= text + len, "the root is in the text");
        walk(root);
        check_outline(text, len, &limits);
        json_compact(&once, root.p, root.len);
        fuzz_hold(json_scan(once.data, once.len, &limits, &again, NULL) == 0,
                  "what is compacted scans");
        json_compact(&twice, again.p, again.len);
        fuzz_hold(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0,
                  "compacting twice changes nothing");
    }
    buf_fini(&once);
    buf_fini(&twice);
    free(text);
    return 0;
}
