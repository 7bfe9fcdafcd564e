#include "store/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"

/* What stands behind the text that the checksum covers:  ,"s":"0123456789abcdef"}  */
static const char tail_open[] = ",\"s\":\"";
static const char tail_close[] = "\"}";
#define TAIL_OPEN (sizeof tail_open - 1)
#define TAIL_CLOSE (sizeof tail_close - 1)
#define TAIL_LEN (TAIL_OPEN + CHECKSUM_SIZE - 1 + TAIL_CLOSE)

/* page NULL: the text stands for itself. */
static void text_checksum(struct checksum *sum, const struct record_page *page, const char *text,
                          size_t len, char out[CHECKSUM_SIZE])
{
    if (page) {
        char seed[LINEAGE_SIZE + 24];
        int n = snprintf(seed, sizeof seed, "%s:%" PRIu64 "\n", page->lineage, page->segment);
        checksum_add(sum, seed, (size_t)n);
    }
    checksum_add(sum, text, len);
    checksum_hex(sum, out);
}

static void line_end(struct buf *b, size_t start, const struct record_page *page,
                     struct checksum *sum)
{
    char hex[CHECKSUM_SIZE];

    if (!buf_ok(b))
        return;
    text_checksum(sum, page, b->data + start, b->len - start, hex);
    buf_str(b, tail_open);
    buf_str(b, hex);
    buf_str(b, tail_close);
    buf_putc(b, '\n');
}

void record_write_header(struct buf *b, const struct record_page *page, store_seq first,
                         struct checksum *sum)
{
    size_t start = b->len;

    buf_printf(b,
               "{\"moongate\":\"journal\",\"format\":%d,\"lineage\":\"%s\",\"segment\":%" PRIu64
               ",\"first\":%" PRIu64,
               RECORD_FORMAT, page->lineage, page->segment, first);
    line_end(b, start, NULL, sum);
}

void record_begin(struct buf *b, store_seq number, store_seq synced, int64_t wall_ms)
{
    buf_printf(b, "{\"n\":%" PRIu64 ",\"d\":%" PRIu64 ",\"t\":%" PRId64 ",\"c\":[", number, synced,
               wall_ms);
}

static void change_open(struct buf *b, const char *collection)
{
    json_open(b, '{');
    json_key(b, "k");
    json_str(b, collection);
}

void record_put(struct buf *b, const char *collection, const char *key, size_t key_len,
                const char *text, size_t len, int64_t expires_ms)
{
    change_open(b, collection);
    json_key(b, "id");
    json_str_n(b, key, key_len);
    if (expires_ms != 0) {
        json_key(b, "e");
        json_int(b, expires_ms);
    }
    json_key(b, "v");
    json_raw(b, text, len);
    json_close(b, '}');
}

void record_delete(struct buf *b, const char *collection, const char *key, size_t key_len)
{
    change_open(b, collection);
    json_key(b, "id");
    json_str_n(b, key, key_len);
    json_key(b, "del");
    json_bool(b, true);
    json_close(b, '}');
}

void record_declare(struct buf *b, const char *collection, const char *key_field)
{
    change_open(b, collection);
    json_key(b, "key");
    json_str(b, key_field);
    json_close(b, '}');
}

void record_end(struct buf *b, size_t start, const struct record_page *page, struct checksum *sum)
{
    buf_putc(b, ']');
    line_end(b, start, page, sum);
}

/* ---- reading ---- */

static bool checksum_ok(const char *line, size_t len, const struct record_page *page,
                        struct checksum *sum)
{
    char hex[CHECKSUM_SIZE];

    if (len < TAIL_LEN)
        return false;
    const char *tail = line + len - TAIL_LEN;
    if (memcmp(tail, tail_open, TAIL_OPEN) != 0 ||
        memcmp(line + len - TAIL_CLOSE, tail_close, TAIL_CLOSE) != 0)
        return false;
    text_checksum(sum, page, line, len - TAIL_LEN, hex);
    return memcmp(tail + TAIL_OPEN, hex, CHECKSUM_SIZE - 1) == 0;
}

static bool natural(struct json_text t, store_seq *out)
{
    int64_t v;

    if (!json_integer(t, &v) || v < 0)
        return false;
    *out = (store_seq)v;
    return true;
}

int record_parse(const char *line, size_t len, const struct record_page *page, struct checksum *sum,
                 struct record *out)
{
    static const char *const names[] = { "n", "d", "t", "c" };
    struct json_text root, member[4];

    if (!checksum_ok(line, len, page, sum))
        return MG_E_INVALID;
    int rc = json_scan(line, len, NULL, &root, NULL);
    if (rc != 0)
        return rc == MG_E_NOMEM ? rc : MG_E_INVALID;
    json_find(root, names, member, 4);
    if (!natural(member[0], &out->number) || !natural(member[1], &out->synced) ||
        !json_integer(member[2], &out->wall_ms) || member[3].type != JSON_ARRAY)
        return MG_E_INVALID;
    out->changes = member[3];
    return 0;
}

int record_change_parse(struct json_text item, struct record_change *out)
{
    static const char *const names[] = { "k", "id", "v", "del", "key", "e" };
    struct json_text member[6];

    json_find(item, names, member, 6);
    *out = (struct record_change){
        .collection = member[0], .key = member[1], .value = member[2], .key_field = member[4]
    };
    if (out->collection.type != JSON_STRING)
        return MG_E_INVALID;
    if (member[4].type == JSON_STRING) {
        out->kind = RECORD_DECLARE;
        return 0;
    }
    if (out->key.type != JSON_STRING)
        return MG_E_INVALID;
    if (member[3].type == JSON_TRUE) {
        out->kind = RECORD_DELETE;
        return 0;
    }
    out->kind = RECORD_PUT;
    if (member[5].type != JSON_NONE && !json_integer(member[5], &out->expires_ms))
        return MG_E_INVALID;
    return out->value.type == JSON_OBJECT ? 0 : MG_E_INVALID;
}

int record_parse_header(const char *line, size_t len, struct record_page *page, store_seq *first,
                        struct checksum *sum)
{
    static const char *const names[] = { "moongate", "format", "lineage", "segment", "first" };
    struct json_text root, member[5];
    int64_t format;

    if (!checksum_ok(line, len, NULL, sum))
        return MG_E_INVALID;
    int rc = json_scan(line, len, NULL, &root, NULL);
    if (rc != 0)
        return rc == MG_E_NOMEM ? rc : MG_E_INVALID;
    json_find(root, names, member, 5);
    if (member[0].type != JSON_STRING || !json_string_eq(member[0], "journal", 7) ||
        !json_integer(member[1], &format) || member[2].type != JSON_STRING ||
        member[2].len != LINEAGE_SIZE + 1 || !natural(member[3], &page->segment) ||
        !natural(member[4], first))
        return MG_E_INVALID;
    memcpy(page->lineage, member[2].p + 1, LINEAGE_SIZE - 1);
    page->lineage[LINEAGE_SIZE - 1] = '\0';
    return format == RECORD_FORMAT ? 0 : MG_E_CONFLICT;
}
