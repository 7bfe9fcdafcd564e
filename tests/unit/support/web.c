#include "support/web.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CONNECTIONS 128
#define REQUEST_MAX (1 << 20)

struct connection {
    int fd; /* -1: free */
    char *data;
    size_t len;
    bool is_stuck; /* reads no more */
};

struct web {
    int listener, stop[2];
    unsigned port;
    pthread_t thread;
    atomic_uint accepted, requests;
    struct connection all[CONNECTIONS];
};

/* ---- answers ---- */

static void say(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static void say_text(int fd, const char *text) { say(fd, text, strlen(text)); }

static void say_body(int fd, int status, const char *fields, const char *body, size_t len)
{
    char head[4096];
    snprintf(head, sizeof head, "HTTP/1.1 %d Word\r\n%sContent-Length: %zu\r\n\r\n", status, fields,
             len);
    say_text(fd, head);
    say(fd, body, len);
}

static void say_bytes(int fd, long n)
{
    static const char part[4096] = { 'x' };
    say_text(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    for (; n > 0; n -= (long)sizeof part)
        say(fd, part, n < (long)sizeof part ? (size_t)n : sizeof part);
}

static void say_redirect(int fd, const char *rest)
{
    char fields[2048];
    int status = atoi(rest);
    const char *to = strpbrk(rest, "%+");
    snprintf(fields, sizeof fields, "Location: %s\r\n", to ? to + (*to == '+' ? 1 : 3) : "");
    say_body(fd, status, fields, "moved", 5);
}

static void say_fields(int fd, int n)
{
    say_text(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < n; i++) {
        char field[64];
        snprintf(field, sizeof field, "X-%d: %d\r\n", i, i);
        say_text(fd, field);
    }
    say_text(fd, "Content-Length: 0\r\n\r\n");
}

static void say_wide(int fd, int n)
{
    say_text(fd, "HTTP/1.1 200 OK\r\nX-Wide: ");
    for (; n > 0; n--)
        say_text(fd, "w");
    say_text(fd, "\r\nContent-Length: 0\r\n\r\n");
}

/* false: the connection is to be closed. */
static bool answer_strangely(struct connection *c, const char *path)
{
    if (strcmp(path, "/drop") == 0)
        return false;
    if (strcmp(path, "/garbage") == 0) {
        say_text(c->fd, "SSH-2.0-OpenSSH_9.2p1\r\n");
        return false;
    }
    if (strcmp(path, "/cut") == 0 || strcmp(path, "/half") == 0)
        say_text(c->fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    c->is_stuck = true; /* /stall, too */
    return strcmp(path, "/cut") != 0;
}

/* The request lies in c->data, whole. false: the connection is to be closed. */
static bool answer(struct connection *c, const char *path)
{
    int fd = c->fd;
    const char *rest = strchr(path, '?') ? strchr(path, '?') + 1 : "";

    if (strcmp(path, "/text") == 0)
        say_body(fd, 200, "Content-Type: text/plain\r\n", "hello", 5);
    else if (strncmp(path, "/echo", 5) == 0)
        say_body(fd, 200, "", c->data, c->len);
    else if (strncmp(path, "/bytes?", 7) == 0)
        return say_bytes(fd, atol(rest)), false;
    else if (strcmp(path, "/chunked") == 0)
        say_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: t\r\n\r\n");
    else if (strcmp(path, "/empty") == 0)
        say_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    else if (strncmp(path, "/status?", 8) == 0)
        say_body(fd, atoi(rest), "", "status", 6);
    else if (strncmp(path, "/to?", 4) == 0)
        say_redirect(fd, rest);
    else if (strcmp(path, "/cookies") == 0)
        say_body(fd, 200, "Set-Cookie: a=1\r\nX-Two: 1\r\nSet-Cookie: b=2\r\nx-two:  2 \r\n", "",
                 0);
    else if (strncmp(path, "/fields?", 8) == 0)
        say_fields(fd, atoi(rest));
    else if (strncmp(path, "/wide?", 6) == 0)
        say_wide(fd, atoi(rest));
    else if (strcmp(path, "/early") == 0)
        say_text(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    else
        return answer_strangely(c, path);
    return true;
}

/* ---- connections ---- */

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->data);
    *c = (struct connection){ .fd = -1 };
}

/* Length of head and body together; 0: not all is there. */
static size_t whole(const struct connection *c)
{
    const char *end = memmem(c->data, c->len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - c->data) + 4, body = 0;
    const char *length = memmem(c->data, head, "Content-Length: ", 16);
    if (length)
        body = (size_t)atol(length + 16);
    return c->len >= head + body ? head + body : 0;
}

static void read_some(struct web *w, struct connection *c)
{
    char part[16384], path[4096] = "";
    ssize_t n = recv(c->fd, part, sizeof part, 0);
    if (n <= 0 || c->len + (size_t)n > REQUEST_MAX) {
        drop(c);
        return;
    }
    c->data = realloc(c->data, c->len + (size_t)n + 1);
    memcpy(c->data + c->len, part, (size_t)n);
    c->len += (size_t)n;
    c->data[c->len] = '\0';
    if (whole(c) == 0)
        return;
    sscanf(c->data, "%*s %4095s", path);
    atomic_fetch_add(&w->requests, 1); /* before the client can look */
    bool is_kept = answer(c, path);
    c->len = 0;
    if (!is_kept)
        drop(c);
}

static void accept_one(struct web *w)
{
    int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    atomic_fetch_add(&w->accepted, 1);
    for (int i = 0; i < CONNECTIONS; i++)
        if (w->all[i].fd < 0) {
            w->all[i].fd = fd;
            return;
        }
    close(fd);
}

static void *serve(void *arg)
{
    struct web *w = arg;
    for (;;) {
        struct pollfd polled[CONNECTIONS + 2] = { { .fd = w->stop[0], .events = POLLIN },
                                                  { .fd = w->listener, .events = POLLIN } };
        for (int i = 0; i < CONNECTIONS; i++)
            polled[i + 2] = (struct pollfd){ .fd = w->all[i].fd, .events = POLLIN };
        if (poll(polled, CONNECTIONS + 2, -1) < 0)
            continue;
        if (polled[0].revents)
            return NULL;
        for (int i = 0; i < CONNECTIONS; i++)
            if (polled[i + 2].revents)
                read_some(w, &w->all[i]);
        if (polled[1].revents)
            accept_one(w);
    }
}

struct web *web_start(void)
{
    struct web *w = calloc(1, sizeof *w);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;

    assert_non_null(w);
    for (int i = 0; i < CONNECTIONS; i++)
        w->all[i].fd = -1;
    assert_int_equal(pipe2(w->stop, O_CLOEXEC), 0);
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(w->listener, 128), 0);
    assert_int_equal(getsockname(w->listener, (struct sockaddr *)&at, &size), 0);
    w->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
    return w;
}

void web_stop(struct web *w)
{
    assert_int_equal(write(w->stop[1], "x", 1), 1);
    pthread_join(w->thread, NULL);
    for (int i = 0; i < CONNECTIONS; i++)
        if (w->all[i].fd >= 0)
            drop(&w->all[i]);
    close(w->listener);
    close(w->stop[0]);
    close(w->stop[1]);
    free(w);
}

unsigned web_port(const struct web *w) { return w->port; }
unsigned web_connections(struct web *w) { return atomic_load(&w->accepted); }
unsigned web_requests(struct web *w) { return atomic_load(&w->requests); }
