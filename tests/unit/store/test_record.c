/* The journal's lines: what is written is read back, and nothing that differs by a byte is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/fixture.h"
#include "store/record.h"

static const struct record_page page = { .lineage = "0123456789abcdef", .segment = 7 };

static struct checksum sum;

static int setup(void **state)
{
    (void)state;
    return checksum_init(&sum);
}

static int teardown(void **state)
{
    (void)state;
    checksum_fini(&sum);
    return 0;
}

/* A batch of all kinds, with everything in keys that needs escaping. */
static void write_sample(struct buf *b)
{
    size_t start = b->len;

    record_begin(b, 42, 40, 1795501841220);
    record_put(b, "jobs", "a\"b\\c\n\xc3\xa9", 8, "{\"jobId\":\"x\",\"n\":[1,2]}", 23, 0);
    record_put(b, "cache.x", "k", 1, "{}", 2, 1795501900000);
    record_delete(b, "jobs", "gone", 4);
    record_declare(b, "cache.x", "id");
    record_end(b, start, &page, &sum);
    assert_true(buf_ok(b));
}

static void a_record_is_read_back(void **state)
{
    struct buf b = { 0 }, key = { 0 };
    struct record rec;
    struct json_text item;
    struct record_change ch;
    (void)state;

    write_sample(&b);
    assert_int_equal(b.data[b.len - 1], '\n');
    assert_null(memchr(b.data, '\n', b.len - 1));
    assert_int_equal(record_parse(b.data, b.len - 1, &page, &sum, &rec), 0);
    assert_int_equal(rec.number, 42);
    assert_int_equal(rec.synced, 40);
    assert_int_equal(rec.wall_ms, 1795501841220);

    struct json_iter it = json_iter(rec.changes);
    assert_true(json_next_item(&it, &item));
    assert_int_equal(record_change_parse(item, &ch), 0);
    assert_int_equal(ch.kind, RECORD_PUT);
    json_string_decode(ch.key, &key);
    assert_int_equal(key.len, 8);
    assert_memory_equal(key.data, "a\"b\\c\n\xc3\xa9", 8);
    assert_int_equal(ch.value.len, 23);
    assert_int_equal(ch.expires_ms, 0);

    assert_true(json_next_item(&it, &item));
    assert_int_equal(record_change_parse(item, &ch), 0);
    assert_int_equal(ch.kind, RECORD_PUT);
    assert_int_equal(ch.expires_ms, 1795501900000);

    assert_true(json_next_item(&it, &item));
    assert_int_equal(record_change_parse(item, &ch), 0);
    assert_int_equal(ch.kind, RECORD_DELETE);
    assert_true(json_string_eq(ch.key, "gone", 4));

    assert_true(json_next_item(&it, &item));
    assert_int_equal(record_change_parse(item, &ch), 0);
    assert_int_equal(ch.kind, RECORD_DECLARE);
    assert_true(json_string_eq(ch.key_field, "id", 2));
    assert_false(json_next_item(&it, &item));
    buf_fini(&b);
    buf_fini(&key);
}

static void two_records_follow_each_other(void **state)
{
    struct buf b = { 0 };
    struct record rec;
    (void)state;

    write_sample(&b);
    size_t first = b.len;
    write_sample(&b);
    assert_int_equal(b.len, 2 * first);
    assert_memory_equal(b.data, b.data + first, first);
    assert_int_equal(record_parse(b.data + first, first - 1, &page, &sum, &rec), 0);
    buf_fini(&b);
}

/* Every length but the whole one, and every byte changed in each of its bits. */
static void every_cut_and_flip_is_seen(void **state)
{
    struct buf b = { 0 };
    struct record rec;
    (void)state;

    write_sample(&b);
    size_t len = b.len - 1;
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(record_parse(b.data, cut, &page, &sum, &rec), MG_E_INVALID);
        assert_int_equal(record_parse(b.data + len - cut, cut, &page, &sum, &rec), MG_E_INVALID);
    }
    for (size_t i = 0; i < len; i++)
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] = (char)(b.data[i] ^ 1 << bit);
            assert_int_equal(record_parse(b.data, len, &page, &sum, &rec), MG_E_INVALID);
            b.data[i] = (char)(b.data[i] ^ 1 << bit);
        }
    assert_int_equal(record_parse(b.data, len, &page, &sum, &rec), 0);
    buf_fini(&b);
}

static void a_record_belongs_to_its_page(void **state)
{
    struct buf b = { 0 };
    struct record rec;
    struct record_page other = page;
    (void)state;

    write_sample(&b);
    other.segment = 8;
    assert_int_equal(record_parse(b.data, b.len - 1, &other, &sum, &rec), MG_E_INVALID);
    other = page;
    other.lineage[15] = '0';
    assert_int_equal(record_parse(b.data, b.len - 1, &other, &sum, &rec), MG_E_INVALID);
    buf_fini(&b);
}

static void a_header_is_read_back(void **state)
{
    struct buf b = { 0 };
    struct record_page got;
    struct record rec;
    store_seq first;
    (void)state;

    record_write_header(&b, &page, 43, &sum);
    assert_int_equal(record_parse_header(b.data, b.len - 1, &got, &first, &sum), 0);
    assert_string_equal(got.lineage, page.lineage);
    assert_int_equal(got.segment, 7);
    assert_int_equal(first, 43);
    assert_int_equal(record_parse(b.data, b.len - 1, &page, &sum, &rec), MG_E_INVALID);
    for (size_t i = 0; i + 1 < b.len; i++) {
        b.data[i] ^= 4;
        assert_int_equal(record_parse_header(b.data, b.len - 1, &got, &first, &sum), MG_E_INVALID);
        b.data[i] ^= 4;
    }
    buf_clear(&b);
    write_sample(&b);
    assert_int_equal(record_parse_header(b.data, b.len - 1, &got, &first, &sum), MG_E_INVALID);
    buf_fini(&b);
}

/* Puts the right checksum behind a text that the writer never makes. */
static size_t seal(char *line, size_t size, const char *text)
{
    char hex[CHECKSUM_SIZE];

    checksum_add(&sum, text, strlen(text));
    checksum_hex(&sum, hex);
    return (size_t)snprintf(line, size, "%s,\"s\":\"%s\"}", text, hex);
}

static void a_newer_format_is_told_from_damage(void **state)
{
    char line[300];
    struct record_page got;
    store_seq first;
    (void)state;

    size_t len = seal(line, sizeof line,
                      "{\"moongate\":\"journal\",\"format\":2,\"lineage\":\"0123456789abcdef\","
                      "\"segment\":7,"
                      "\"first\":1");
    assert_int_equal(record_parse_header(line, len, &got, &first, &sum), MG_E_CONFLICT);
    len = seal(line, sizeof line,
               "{\"moongate\":\"journal\",\"format\":1,\"lineage\":\"0123\",\"segment\":7");
    assert_int_equal(record_parse_header(line, len, &got, &first, &sum), MG_E_INVALID);
    len = seal(line, sizeof line, "not JSON");
    assert_int_equal(record_parse_header(line, len, &got, &first, &sum), MG_E_INVALID);
}

static void strange_changes_are_refused(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "1",
        "{\"k\":1,\"id\":\"a\",\"v\":{}}",
        "{\"k\":\"c\"}",
        "{\"k\":\"c\",\"id\":1,\"v\":{}}",
        "{\"k\":\"c\",\"id\":\"a\"}",
        "{\"k\":\"c\",\"id\":\"a\",\"v\":[]}",
        "{\"k\":\"c\",\"id\":\"a\",\"del\":false}",
        "{\"k\":\"c\",\"id\":\"a\",\"v\":{},\"e\":\"soon\"}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_text root;
        struct record_change ch;
        assert_int_equal(json_scan(texts[i], strlen(texts[i]), NULL, &root, NULL), 0);
        assert_int_equal(record_change_parse(root, &ch), MG_E_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_back),
        cmocka_unit_test(two_records_follow_each_other),
        cmocka_unit_test(every_cut_and_flip_is_seen),
        cmocka_unit_test(a_record_belongs_to_its_page),
        cmocka_unit_test(a_header_is_read_back),
        cmocka_unit_test(a_newer_format_is_told_from_damage),
        cmocka_unit_test(strange_changes_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
