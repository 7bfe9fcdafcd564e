/* capture.h - what a program prints, in bounded memory: its first bytes and its last ones. Pure.
 * Lifetime: embedded; capture_fini() frees. Half of the limit is for the begin, half for the end,
 *           where programs say how it went. */
#ifndef MG_CAPTURE_H
#define MG_CAPTURE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json_scan.h"

struct capture {
    size_t max;            /* bytes kept */
    struct buf head, tail; /* tail is a ring once it is full */
    size_t tail_at;        /* where the ring's oldest byte is */
    uint64_t total;        /* bytes that came */
};

void capture_init(struct capture *c, size_t max_bytes);
void capture_fini(struct capture *c);
/* Keeps what fits. Memory running out loses bytes, which capture_is_cut() then tells. */
void capture_add(struct capture *c, const char *data, size_t len);
bool capture_is_cut(const struct capture *c);
/* Appends what is kept; where bytes are missing stands a line of its own that says how many. */
void capture_text(const struct capture *c, struct buf *out);

/* Appends the last bytes that are kept, at most `within`, from the begin of a line on. */
void capture_end(const struct capture *c, size_t within, struct buf *out);
/* The last line of text that is a JSON object. JSON_NONE: no line is one. Looks at each byte once,
 * so the caller bounds its time by the text's length. */
struct json_text capture_last_object(const struct buf *text);

#endif
