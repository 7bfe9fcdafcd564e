/* The state file's text: written, read back, damaged, edited, and as the ops kit writes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "store/fixture.h"
#include "store/snapshot.h"

static int collect(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
    return 0;
}

/* What a reader was told, as one text. */
static int heard_collection(void *arg, struct json_text name, const char *field, size_t field_len,
                            store_seq seq, struct err *e)
{
    (void)e;
    buf_printf(arg, "[%.*s %.*s %d]", (int)name.len - 2, name.p + 1, (int)field_len, field,
               (int)seq);
    return 0;
}

static int heard_value(void *arg, const char *key, size_t key_len, const char *text, size_t len,
                       struct err *e)
{
    (void)e;
    buf_printf(arg, "%.*s=%.*s;", (int)key_len, key, (int)len, text);
    return 0;
}

static int heard_expiry(void *arg, const char *key, size_t key_len, int64_t ms, struct err *e)
{
    (void)e;
    buf_printf(arg, "%.*s until %d;", (int)key_len, key, (int)ms);
    return 0;
}

static int heard_extra(void *arg, struct json_text name, const char *text, size_t len,
                       struct err *e)
{
    (void)e;
    buf_printf(arg, "(%.*s %.*s)", (int)name.len - 2, name.p + 1, (int)len, text);
    return 0;
}

struct outcome {
    int rc;
    struct buf heard;
    struct snapshot_meta meta;
    bool has_meta;
    struct err e;
};

static void read_text(const char *text, size_t len, struct outcome *o)
{
    *o = (struct outcome){ 0 };
    const struct snapshot_reader reader = { &o->heard, heard_collection, heard_value, heard_expiry,
                                            heard_extra };
    o->rc = snapshot_read("F", text, len, &reader, &o->meta, &o->has_meta, &o->e);
}

static void check(const char *text, const char *want)
{
    struct outcome o;
    read_text(text, strlen(text), &o);
    if (o.rc != 0)
        fail_msg("%s: %s", text, o.e.text);
    assert_string_equal(buf_cstr(&o.heard), want);
    buf_fini(&o.heard);
}

static void refused(const char *text, const char *reason)
{
    struct outcome o;
    read_text(text, strlen(text), &o);
    assert_int_equal(o.rc, MG_E_INVALID);
    if (!strstr(o.e.text, reason))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, o.e.text, reason);
    buf_fini(&o.heard);
}

static void the_kits_file(void **state)
{
    (void)state;
    check("{}", "");
    check("{\"jobs\":[],\"models\":[]}", "[jobs jobId 0][models modelId 0]");
    check("{\n  \"jobs\": [\n    {\n      \"jobId\": \"a\",\n      \"n\": [1, 2]\n    }\n  ],\n  "
          "\"other\": { \"x\": 1 }\n}\n",
          "[jobs jobId 0]a={\"jobId\":\"a\",\"n\":[1,2]};(other {\"x\":1})");
    check("{\"jobs\":[{\"jobId\":\"a\",\"v\":1},{\"jobId\":\"a\",\"v\":2}],\"canaries\":[{\"id\":"
          "\"c\"}]}",
          "[jobs jobId 0]a={\"jobId\":\"a\",\"v\":1};a={\"jobId\":\"a\",\"v\":2};(canaries "
          "[{\"id\":\"c\"}])");
}

static void what_is_no_state_file(void **state)
{
    (void)state;
    refused("", "not a state file");
    refused("[]", "no JSON object");
    refused("{\"jobs\":[}", "F:1: not a state file");
    refused("{\n\n\"jobs\":[],\n\"jobs\":[]}", "F:4: not a state file");
    refused("{\"jobs\":{}}", "must be an array");
    refused("{\"jobs\":[\n1]}", "F:2: every item");
    refused("{\"jobs\":[{\"id\":\"x\"}]}", "\"jobId\"");
    refused("{\"jobs\":[{\"jobId\":\"\"}]}", "1 to 512 bytes");
    refused("{\"_meta\":{}}", "no format");
    refused("{\"_meta\":1}", "no format");
    refused("{\"_meta\":{\"format\":2}}", "newer format");
    refused("{\"_meta\":{\"format\":1,\"lineage\":\"short\",\"seq\":1,\"segment\":1}}", "damaged");
}

static struct store_value *value(const char *key, const char *text, int64_t expires_ms)
{
    struct store_value *v = value_new(key, strlen(key), text, strlen(text));
    assert_non_null(v);
    v->expires_ms = expires_ms;
    return v;
}

static void add(struct snapshot_writer *w, const char *key, const char *text, int64_t expires_ms)
{
    struct store_value *v = value(key, text, expires_ms);
    snapshot_value(w, v);
    store_value_unref(v);
}

static const struct snapshot_meta sample_meta = {
    .lineage = "00112233445566ff", .seq = 17, .segment = 3, .wall_ms = 1795501841220
};

static void write_sample(struct buf *out)
{
    struct snapshot_writer w;

    assert_int_equal(snapshot_begin(&w, collect, out), 0);
    snapshot_collection(&w, "jobs", "jobId", 19);
    add(&w, "a", "{\"jobId\":\"a\"}", 0);
    add(&w, "b\"", "{\"jobId\":\"b\\\"\"}", 5000);
    snapshot_collection_end(&w);
    snapshot_collection(&w, "models", "modelId", 17);
    snapshot_collection_end(&w);
    snapshot_collection(&w, "t.x", "id", 18);
    add(&w, "c", "{\"id\":\"c\"}", 7000);
    snapshot_collection_end(&w);
    snapshot_extra(&w, "note\n", "\"hi\"", 4);
    assert_int_equal(snapshot_end(&w, &sample_meta), 0);
    snapshot_fini(&w);
}

static const char sample_heard[] =
    "[jobs jobId 19]a={\"jobId\":\"a\"};b\"={\"jobId\":\"b\\\"\"};b\" until 5000;[models modelId "
    "17]"
    "[t.x id 18]c={\"id\":\"c\"};c until 7000;(note\\n \"hi\")";

static void our_own_file(void **state)
{
    struct buf text = { 0 };
    struct outcome o;
    struct json_text root;
    (void)state;

    write_sample(&text);
    assert_int_equal(json_scan(text.data, text.len, NULL, &root, NULL), 0);
    read_text(text.data, text.len, &o);
    assert_int_equal(o.rc, 0);
    assert_true(o.has_meta);
    assert_string_equal(buf_cstr(&o.heard), sample_heard);
    assert_string_equal(o.meta.lineage, sample_meta.lineage);
    assert_int_equal(o.meta.seq, 17);
    assert_int_equal(o.meta.segment, 3);
    assert_false(o.meta.closed);
    buf_fini(&o.heard);
    buf_fini(&text);
}

/* A file with one byte changed is refused, or says exactly the same about every object. */
static void no_flip_changes_a_value(void **state)
{
    struct buf text = { 0 };
    struct outcome o;
    size_t accepted = 0;
    (void)state;

    write_sample(&text);
    for (size_t i = 0; i < text.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            read_text(text.data, text.len, &o);
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            if (o.rc == 0) {
                accepted++;
                if (!o.heard.len || strcmp(buf_cstr(&o.heard), sample_heard) != 0)
                    fail_msg("byte %zu bit %d: %s", i, bit, buf_cstr(&o.heard));
            }
            buf_fini(&o.heard);
        }
    assert_true(accepted < 8 * 8); /* only what stands around the checksum itself */
    buf_fini(&text);
}

static void no_cut_is_taken_for_whole(void **state)
{
    struct buf text = { 0 };
    struct outcome o;
    (void)state;

    write_sample(&text);
    for (size_t len = 0; len + 1 < text.len; len++) {
        read_text(text.data, len, &o);
        assert_int_equal(o.rc, MG_E_INVALID);
        buf_fini(&o.heard);
    }
    buf_fini(&text);
}

static char *replace(const char *text, const char *what, const char *with)
{
    const char *at = strstr(text, what);
    struct buf b = { 0 };
    assert_non_null(at);
    buf_append(&b, text, (size_t)(at - text));
    buf_str(&b, with);
    buf_str(&b, at + strlen(what));
    return buf_take(&b, NULL);
}

static void edited_by_hand(void **state)
{
    struct buf text = { 0 };
    struct outcome o;
    (void)state;

    write_sample(&text);
    char *edited = replace(buf_cstr(&text), "{\"jobId\":\"a\"}", "{\"jobId\":\"z\"}");
    refused(edited, "checksum");
    char *sum = strstr(edited, ",\"sum\"");
    assert_non_null(sum);
    strcpy(sum, "}}\n");
    read_text(edited, strlen(edited), &o);
    assert_int_equal(o.rc, 0);
    assert_non_null(strstr(buf_cstr(&o.heard), "z={\"jobId\":\"z\"}"));
    assert_true(o.has_meta);
    buf_fini(&o.heard);
    free(edited);
    buf_fini(&text);
}

static int fail_third(void *arg, const char *data, size_t len)
{
    int *left = arg;
    (void)data, (void)len;
    return --*left > 0 ? 0 : MG_E_IO;
}

static void a_failed_write_is_sticky(void **state)
{
    struct snapshot_writer w;
    char text[2048];
    int left = 3;
    (void)state;

    memset(text, 'x', sizeof text);
    memcpy(text, "{\"jobId\":\"", 10);
    memcpy(text + sizeof text - 3, "\"}", 3);
    assert_int_equal(snapshot_begin(&w, fail_third, &left), 0);
    snapshot_collection(&w, "jobs", "jobId", 1);
    for (int i = 0; i < 1000; i++)
        add(&w, "a", text, 0);
    snapshot_collection_end(&w);
    assert_int_equal(snapshot_end(&w, &sample_meta), MG_E_IO);
    assert_int_equal(left, 0); /* it was not called again */
    snapshot_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kits_file),
        cmocka_unit_test(what_is_no_state_file),
        cmocka_unit_test(our_own_file),
        cmocka_unit_test(no_flip_changes_a_value),
        cmocka_unit_test(no_cut_is_taken_for_whole),
        cmocka_unit_test(edited_by_hand),
        cmocka_unit_test(a_failed_write_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
