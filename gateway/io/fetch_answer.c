#include "io/fetch_struct.h"

#include <stdlib.h>
#include <string.h>

void fetch_answer_clear(struct fetch *t)
{
    struct fetch_answer *a = &t->answer;
    size_t bytes = a->body.len + a->headers.len;
    t->held -= bytes;
    t->fetcher->held -= bytes;
    buf_fini(&a->body);
    buf_fini(&a->headers);
    a->header_count = 0;
    a->status = 0;
}

/* Appends to one of the answer's buffers; 0, as libcurl wants it, when the request has failed. */
static size_t keep(struct fetch *t, struct buf *to, const char *data, size_t len)
{
    if (!fetch_hold(t, len)) {
        fetch_fail(t, "LIMIT", "the requests of this worker hold more than %zu bytes",
                   FETCH_HELD_MAX);
        return 0;
    }
    buf_append(to, data, len);
    if (buf_ok(to))
        return len;
    /* Nothing of the last part was kept. */
    t->held -= len;
    t->fetcher->held -= len;
    fetch_fail(t, "NOMEM", "no memory for the answer of %s", t->url.host);
    return 0;
}

/* ---- header ---- */

static bool is_token_byte(char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static size_t fail_header(struct fetch *t)
{
    fetch_fail(t, "TOO_LARGE", "the header of %s's answer has more than %zu bytes or %d fields",
               t->url.host, FETCH_HEADERS_MAX, FETCH_HEADER_COUNT_MAX);
    return 0;
}

/* "Name: value" becomes "name\0value\0". What is no field is left out. */
static bool add_field(struct fetch *t, struct fetch_hop *h, const char *line, size_t len)
{
    char name[128];
    size_t n = 0;
    while (n < len && n < sizeof name - 1 && is_token_byte(line[n])) {
        name[n] = (char)(line[n] >= 'A' && line[n] <= 'Z' ? line[n] - 'A' + 'a' : line[n]);
        n++;
    }
    name[n] = '\0';
    if (n == 0 || n == len || line[n] != ':')
        return true;
    const char *value = line + n + 1;
    size_t value_len = len - n - 1;
    const char *zero = memchr(value, '\0', value_len);
    if (zero)
        value_len = (size_t)(zero - value);
    for (; value_len > 0 && (*value == ' ' || *value == '\t'); value++)
        value_len--;
    while (value_len > 0 && strchr(" \t\r\n", value[value_len - 1]))
        value_len--;
    if (strcmp(name, "location") == 0 && !h->location) {
        h->location = strndup(value, value_len);
        if (!h->location) {
            fetch_fail(t, "NOMEM", "no memory for the answer of %s", t->url.host);
            return false;
        }
    }
    if (t->answer.header_count == FETCH_HEADER_COUNT_MAX)
        return fail_header(t) != 0;
    t->answer.header_count++;
    return keep(t, &t->answer.headers, name, n + 1) != 0 &&
           (value_len == 0 || keep(t, &t->answer.headers, value, value_len) != 0) &&
           keep(t, &t->answer.headers, "", 1) != 0;
}

static void begin_answer(struct fetch *t, struct fetch_hop *h)
{
    long status = 0;
    fetch_answer_clear(t);
    free(h->location);
    h->location = NULL;
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    t->answer.status = (int)status;
}

size_t fetch_answer_header(char *data, size_t size, size_t n, void *hop)
{
    struct fetch_hop *h = hop;
    struct fetch *t = h->fetch;
    size_t len = size * n;

    if (!t)
        return 0;
    h->header_bytes += len;
    if (h->header_bytes > FETCH_HEADERS_MAX)
        return fail_header(t);
    if (h->in_body) /* a trailer */
        return len;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        begin_answer(t, h);
        return len;
    }
    if (len > 0 && (data[0] == '\r' || data[0] == '\n')) {
        /* Status 1xx is followed by the answer proper. */
        h->in_body = t->answer.status >= 200;
        return len;
    }
    return add_field(t, h, data, len) ? len : 0;
}

/* ---- body ---- */

size_t fetch_answer_body(char *data, size_t size, size_t n, void *hop)
{
    struct fetch_hop *h = hop;
    struct fetch *t = h->fetch;
    size_t len = size * n;

    if (!t)
        return 0;
    if (len > t->max_bytes - t->answer.body.len) {
        fetch_fail(t, "TOO_LARGE", "the answer of %s has more than %zu bytes", t->url.host,
                   t->max_bytes);
        return 0;
    }
    return keep(t, &t->answer.body, data, len);
}
