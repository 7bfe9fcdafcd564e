#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define DEADLINE_MS 20000

static void open_with(struct site *s, struct client *c, int receive_buffer)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(s->port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *c = (struct client){ .site = s };
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    if (receive_buffer)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

void client_open(struct site *s, struct client *c) { open_with(s, c, 0); }
void client_open_small(struct site *s, struct client *c) { open_with(s, c, 4096); }

void site_visit(struct site *s, const struct http_options *o, struct client *c)
{
    site_open(s, o);
    client_open(s, c);
}

void site_leave(struct site *s, struct client *c)
{
    client_close(c);
    site_close(s);
}

void client_close(struct client *c)
{
    close(c->fd);
    buf_fini(&c->in);
    c->fd = -1;
}

void client_reset(struct client *c)
{
    struct linger hard = { 1, 0 };
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    client_close(c);
}

bool client_offer(struct client *c, const void *data, size_t len)
{
    const char *p = data;
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    while (len > 0) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else {
            site_pump(c->site);
        }
        assert_true(clock_mono_ms() < end);
    }
    return true;
}

void client_send_bytes(struct client *c, const void *data, size_t len)
{
    assert_true(client_offer(c, data, len));
}

void client_send(struct client *c, const char *text) { client_send_bytes(c, text, strlen(text)); }

void client_fill(struct client *c)
{
    char data[16384];
    ssize_t n;
    while (!c->is_closed && (n = recv(c->fd, data, sizeof data, 0)) != 0) {
        if (n > 0) {
            buf_append(&c->in, data, (size_t)n);
        } else if (errno == EAGAIN) {
            return;
        } else {
            c->error = errno;
            break;
        }
    }
    c->is_closed = true;
}

void client_until_closed(struct client *c)
{
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    while (!c->is_closed && clock_mono_ms() < end) {
        site_pump(c->site);
        client_fill(c);
    }
    assert_true(c->is_closed);
}

void client_until_text(struct client *c, const char *text)
{
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    for (;;) {
        client_fill(c);
        const char *in = buf_cstr(&c->in);
        if (in && strstr(in, text))
            return;
        if (c->is_closed || clock_mono_ms() >= end)
            fail_msg("no \"%s\" in \"%s\"", text, in ? in : "");
        site_pump(c->site);
    }
}

/* ---- replies ---- */

static const char *field(const char *head, const char *name)
{
    const char *p = strcasestr(head, name);
    return p ? p + strlen(name) : NULL;
}

/* Decodes chunks from p; returns what follows the last one, or NULL when it has not all come. */
static const char *unchunk(const char *p, const char *end, struct answer *a)
{
    a->body = malloc((size_t)(end - p) + 1);
    a->len = 0;
    for (;;) {
        char *after;
        unsigned long n = strtoul(p, &after, 16);
        if (after == p || end - after < 2 || (size_t)(end - after) < n + 4)
            break;
        assert_memory_equal(after, "\r\n", 2);
        memcpy(a->body + a->len, after + 2, n);
        a->len += n;
        p = after + 2 + n;
        assert_memory_equal(p, "\r\n", 2);
        p += 2;
        if (n == 0)
            return p;
    }
    free(a->body);
    a->body = NULL;
    return NULL;
}

static bool try_answer(struct client *c, struct answer *a)
{
    const char *in = buf_cstr(&c->in);
    const char *head_end = in ? strstr(in, "\r\n\r\n") : NULL;
    if (!head_end)
        return false;
    size_t head = (size_t)(head_end - in) + 4;
    const char *p = in + head, *end = in + c->in.len;
    assert_true(head < sizeof a->head);
    memcpy(a->head, in, head);
    a->head[head] = '\0';
    a->body = NULL;
    a->len = 0;
    assert_int_equal(sscanf(in, "HTTP/1.1 %d ", &a->status), 1);
    const char *length = field(a->head, "\r\nContent-Length: ");
    if (field(a->head, "\r\nTransfer-Encoding: chunked")) {
        p = unchunk(p, end, a);
        if (!p)
            return false;
    } else if (length) {
        size_t n = strtoul(length, NULL, 10);
        if ((size_t)(end - p) < n)
            return false;
        a->body = malloc(n + 1);
        memcpy(a->body, p, n);
        a->len = n;
        p += n;
    } else if (a->status >= 200 && a->status != 204) {
        if (!c->is_closed)
            return false;
        a->body = malloc((size_t)(end - p) + 1);
        a->len = (size_t)(end - p);
        memcpy(a->body, p, a->len);
        p = end;
    }
    if (a->body)
        a->body[a->len] = '\0';
    buf_consume(&c->in, (size_t)(p - in));
    return true;
}

bool client_answer(struct client *c, struct answer *a)
{
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    for (;;) {
        if (try_answer(c, a))
            return true;
        if (c->is_closed)
            return false;
        assert_true(clock_mono_ms() < end);
        site_pump(c->site);
        client_fill(c);
    }
}

void answer_free(struct answer *a)
{
    free(a->body);
    a->body = NULL;
}

int client_ask(struct client *c, const char *text, struct answer *a)
{
    struct answer own;
    client_send(c, text);
    if (!client_answer(c, a ? a : &own))
        fail_msg("closed without a reply to: %s", text);
    int status = a ? a->status : own.status;
    if (!a)
        answer_free(&own);
    return status;
}

void client_expect(struct client *c, int status, const char *body)
{
    struct answer a;
    if (!client_answer(c, &a))
        fail_msg("closed without a reply");
    assert_int_equal(a.status, status);
    if (body)
        assert_string_equal(a.body, body);
    answer_free(&a);
}

void client_check(struct client *c)
{
    client_send(c, "GET /static " H "\r\n");
    client_expect(c, 200, "static");
}
