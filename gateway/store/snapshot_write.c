#include "store/snapshot.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"

#define CHUNK ((size_t)128 * 1024)

int snapshot_begin(struct snapshot_writer *w, snapshot_write_fn *write, void *arg)
{
    *w = (struct snapshot_writer){ .write = write, .arg = arg };
    int rc = checksum_init(&w->sum);
    if (rc != 0)
        return rc;
    buf_putc(&w->out, '{');
    return 0;
}

void snapshot_fini(struct snapshot_writer *w)
{
    buf_fini(&w->out);
    buf_fini(&w->collections);
    buf_fini(&w->expires);
    checksum_fini(&w->sum);
}

/* Hands on what has gathered. After an error everything is dropped, so that memory stays bounded.
 */
static void flush(struct snapshot_writer *w, size_t threshold)
{
    if (w->code == 0 && !buf_ok(&w->out))
        w->code = MG_E_NOMEM;
    if (w->code == 0 && w->out.len > threshold) {
        checksum_add(&w->sum, w->out.data, w->out.len);
        w->code = w->write(w->arg, w->out.data, w->out.len);
        buf_clear(&w->out);
    }
    if (w->code != 0)
        buf_clear(&w->out);
}

void snapshot_collection(struct snapshot_writer *w, const char *name, const char *key_field,
                         store_seq seq)
{
    json_key(&w->out, name);
    json_open(&w->out, '[');
    w->name = name;
    w->has_item = w->has_expiry = false;

    json_key(&w->collections, name);
    buf_printf(&w->collections, "{\"key\":\"%s\",\"seq\":%" PRIu64 "}", key_field, seq);
}

static void add_expiry(struct snapshot_writer *w, const struct store_value *v)
{
    if (!w->has_expiry) {
        json_key(&w->expires, w->name);
        json_open(&w->expires, '{');
    }
    w->has_expiry = true;
    json_key_n(&w->expires, value_key(v), v->key_len);
    json_int(&w->expires, v->expires_ms);
}

void snapshot_value(struct snapshot_writer *w, const struct store_value *v)
{
    buf_str(&w->out, w->has_item ? ",\n" : "\n");
    buf_append(&w->out, v->bytes, v->len);
    w->has_item = true;
    if (v->expires_ms != 0)
        add_expiry(w, v);
    flush(w, CHUNK);
}

void snapshot_collection_end(struct snapshot_writer *w)
{
    buf_str(&w->out, w->has_item ? "\n],\n" : "],\n");
    if (w->has_expiry)
        json_close(&w->expires, '}');
}

void snapshot_extra(struct snapshot_writer *w, const char *name, const char *text, size_t len)
{
    json_key_n(&w->out, name, strlen(name));
    buf_append(&w->out, text, len);
    buf_str(&w->out, ",\n");
    flush(w, CHUNK);
}

int snapshot_end(struct snapshot_writer *w, const struct snapshot_meta *meta)
{
    char time[CLOCK_ISO_SIZE], hex[CHECKSUM_SIZE];
    struct buf *b = &w->out;

    clock_iso(time, meta->wall_ms);
    buf_printf(b,
               "\"_meta\":{\"format\":%d,\"lineage\":\"%s\",\"seq\":%" PRIu64
               ",\"segment\":%" PRIu64 ",\"time\":\"%s\"%s,\"collections\":{",
               SNAPSHOT_FORMAT, meta->lineage, meta->seq, meta->segment, time,
               meta->closed ? ",\"closed\":true" : "");
    buf_append(b, w->collections.data, w->collections.len);
    buf_str(b, "},\"expires\":{");
    buf_append(b, w->expires.data, w->expires.len);
    buf_putc(b, '}');
    b->failed |= w->collections.failed || w->expires.failed;
    flush(w, 0);

    checksum_hex(&w->sum, hex);
    buf_printf(b, ",\"sum\":\"%s\"}}\n", hex);
    if (w->code == 0 && !buf_ok(b))
        w->code = MG_E_NOMEM;
    if (w->code == 0)
        w->code = w->write(w->arg, b->data, b->len);
    return w->code;
}
