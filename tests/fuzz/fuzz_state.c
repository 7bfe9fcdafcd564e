/* fuzz_state.c - a state file and its journal, as a crash, a disk or a person may have left them.
 * Input: a byte of flags, the state file's members up to a NUL, then lines of the journal. With
 * SEALED the lines, which end before the bracket of their changes, get the checksums that a gateway
 * would have given them, so that what they hold is looked at; without it they stand as they are.
 * What is recovered is saved and recovered again as the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json_write.h"
#include "base/log.h"
#include "fuzz.h"
#include "store/collection.h"
#include "store/record.h"
#include "store/snapshot.h"
#include "store/store.h"

#define SEALED 1
#define HAS_META 2
#define HAS_JOURNAL 4

static const struct record_page page = { "0123456789abcdef", 1 };

static int keep(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
    return 0;
}

/* The members that the input gives, and the _meta of a state that they belong to. */
static void write_state(const char *members, size_t len, bool has_meta)
{
    struct buf b = { 0 };

    if (has_meta) {
        struct snapshot_writer w = { 0 };
        struct snapshot_meta meta = { .seq = 1, .segment = 1, .wall_ms = 1795501841220 };
        memcpy(meta.lineage, page.lineage, sizeof meta.lineage);
        int rc = snapshot_begin(&w, keep, &b);
        fuzz_hold(rc == 0, "a snapshot begins");
        snapshot_collection(&w, "jobs", "jobId", 1);
        snapshot_collection_end(&w);
        if (len > 0 && len < 4000 && !memchr(members, '\n', len))
            snapshot_extra(&w, "more", members, len);
        rc = snapshot_end(&w, &meta);
        fuzz_hold(rc == 0, "a snapshot ends");
        snapshot_fini(&w);
    } else {
        buf_append(&b, members, len);
    }
    fuzz_write("state.json", b.len ? b.data : "", b.len);
    buf_fini(&b);
}

static void write_journal(const uint8_t *data, size_t size, bool is_sealed)
{
    struct checksum sum = { 0 };
    struct buf b = { 0 };

    fuzz_hold(checksum_init(&sum) == 0, "there is a digest");
    record_write_header(&b, &page, 2, &sum);
    while (size > 0) {
        size_t len, start = b.len;
        char *line = fuzz_take(&data, &size, '\n', &len);
        buf_append(&b, line, len);
        if (is_sealed)
            record_end(&b, start, &page, &sum);
        else if (size > 0)
            buf_putc(&b, '\n');
        free(line);
    }
    fuzz_write("state.json.journal.1", b.data, b.len);
    checksum_fini(&sum);
    buf_fini(&b);
}

/* Does the object hold its key? A sealed journal may say otherwise, which a gateway never writes.
 */
static bool has_key(const char *collection, const char *key, size_t key_len, const char *text,
                    size_t len)
{
    const char *field = collection_kit_field(collection, strlen(collection));
    const char *const names[] = { field ? field : "id" };
    struct json_text root, value;

    if (json_scan(text, len, NULL, &root, NULL) != 0 || root.type != JSON_OBJECT)
        return false;
    json_find(root, names, &value, 1);
    return value.type == JSON_STRING && json_string_eq(value, key, key_len);
}

/* Is what the input recovers sure to be there a moment later? Not what expires, and what is under
 * another member than has_key() looks at. */
static bool is_lasting(const uint8_t *data, size_t size)
{
    static const char id[] = "\"key\":\"id\"";

    if (memmem(data, size, "\"e\"", 3) || memmem(data, size, "\\u", 2))
        return false;
    while (size > 0) {
        const uint8_t *p = memmem(data, size, "\"key\"", 5);
        size_t left = p ? size - (size_t)(p - data) : 0;
        if (p && (left < sizeof id - 1 || memcmp(p, id, sizeof id - 1) != 0))
            return false;
        data = p ? p + 5 : data;
        size = p ? left - 5 : 0;
    }
    return true;
}

/* Everything that the store's collections hold, as text. False: not all objects hold their keys. */
static bool dump(struct store *s, const char *const *names, size_t n, struct buf *out)
{
    bool have_keys = true;

    for (size_t i = 0; i < n; i++) {
        struct store_op op = { .kind = STORE_LIST, .collection = names[i] };
        fuzz_hold(store_submit(s, &op) == 1 && op.code == 0, "a collection is listed");
        buf_printf(out, "%s %zu\n", names[i], op.count);
        for (size_t j = 0; j < op.count; j++) {
            size_t len, key_len;
            const char *key = store_value_key(op.values[j], &key_len);
            const char *text = store_value_text(op.values[j], &len);
            have_keys &= has_key(names[i], key, key_len, text, len);
            buf_append(out, key, key_len);
            buf_putc(out, ' ');
            json_compact(out, text, len); /* a sealed line may hold blanks, a gateway's none */
            buf_putc(out, '\n');
#ifdef FUZZ_PLANT
            if (i == 0 && op.count == 1 && !strchr(text, 'x'))
                fuzz_overrun(text, len);
#endif
        }
        store_op_fini(&op);
    }
    return have_keys;
}

static void check(const char *path, bool is_sure)
{
    static const char *const names[] = { "jobs", "models", "a", "b", "more" };
    enum { N = sizeof names / sizeof names[0] };
    const struct store_options options = { .path = path,
                                           .autosave_ms = 1000000,
                                           .sweep_ms = 1000000 };
    struct buf before = { 0 }, after = { 0 };
    struct err e = { 0 };
    struct store *copy = store_open_copy(path, &e);

    if (!copy) {
        if (getenv("FUZZ_TELL"))
            fprintf(stderr, "%s\n", e.text);
        fuzz_hold(e.text[0] != '\0', "a state is refused with a reason");
        return;
    }
    bool have_keys = dump(copy, names, N, &before);
    store_close(copy, &e);
    if (!have_keys) {
        buf_fini(&before);
        return;
    }
    struct store *s = store_open_local(&options, &e);
    fuzz_hold(s != NULL, "what a copy recovers is recovered");
    fuzz_hold(store_close(s, &e) == 0, "what was recovered is saved");
    copy = store_open_copy(path, &e);
    fuzz_hold(copy != NULL || !is_sure, e.text);
    if (copy) {
        (void)dump(copy, names, N, &after);
        store_close(copy, &e);
    }
    fuzz_hold(!is_sure ||
                  (before.len == after.len && memcmp(before.data, after.data, before.len) == 0),
              "what was saved is what was recovered");
    buf_fini(&before);
    buf_fini(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    size_t len;

    if (size == 0)
        return 0;
    bool is_sure = is_lasting(data, size);
    unsigned flags = *data++;
    size--;
    char *members = fuzz_take(&data, &size, '\0', &len);
    write_state(members, len, flags & HAS_META);
    if (flags & HAS_JOURNAL)
        write_journal(data, size, flags & SEALED);
    snprintf(path, sizeof path, "%s/state.json", fuzz_folder());
    check(path, is_sure);
    for (int i = 1; i < 4; i++) {
        char segment[160];
        snprintf(segment, sizeof segment, "%s.journal.%d", path, i);
        unlink(segment);
    }
    free(members);
    return 0;
}
