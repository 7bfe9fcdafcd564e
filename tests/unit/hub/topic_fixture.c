#include "hub/topic_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct loop *topic_loop;
struct topics *topic_hub;

void topic_hub_make(const struct topics_options *o)
{
    static const struct topics_options usual = { .max_topics = 1000,
                                                 .max_bytes = 1 << 20,
                                                 .max_topics_per_sub = 8,
                                                 .max_queue_bytes = 1 << 20 };

    topics_free(topic_hub);
    topic_hub = topics_new(o ? o : &usual);
    assert_non_null(topic_hub);
}

int topic_setup(void **state)
{
    struct err e;

    (void)state;
    topic_loop = loop_new(&e);
    topic_hub_make(NULL);
    return topic_loop ? 0 : -1;
}

int topic_teardown(void **state)
{
    (void)state;
    topics_free(topic_hub);
    topic_hub = NULL;
    loop_free(topic_loop);
    return 0;
}

/* The frame must be exactly what goes over the wire. */
static void on_event(void *arg, struct topic_event *ev)
{
    struct listener *l = arg;
    const char *frame = ev->frame, *end = frame + ev->len;

    assert_memory_equal(frame, "event: ", 7);
    const char *line_end = memchr(frame, '\n', ev->len);
    assert_non_null(line_end);
    assert_memory_equal(line_end, "\ndata: ", 7);
    assert_memory_equal(end - 2, "\n\n", 2);
    buf_append(&l->got, frame + 7, (size_t)(line_end - frame - 7));
    buf_putc(&l->got, ':');
    buf_append(&l->got, line_end + 7, (size_t)(end - 2 - line_end - 7));
    buf_putc(&l->got, ' ');
    if (++l->events == l->leave_after)
        listener_leave(l);
}

static void on_closed(void *arg, int code)
{
    struct listener *l = arg;

    buf_printf(&l->got, "closed:%s ", err_word(code));
    l->closed++;
    listener_leave(l);
}

void listen_to(struct listener *l, const char *names)
{
    static const struct topic_sub_ops ops = { on_event, on_closed };
    char copy[400], *save = NULL;
    const char *patterns[16];
    struct err e;
    size_t n = 0;

    memset(l, 0, sizeof *l);
    assert_true(strlen(names) < sizeof copy);
    memcpy(copy, names, strlen(names) + 1);
    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        patterns[n++] = p;
    l->sub = topics_subscribe(topic_hub, topic_loop, patterns, n, &ops, l, &e);
    if (!l->sub)
        fail_msg("%s: %s", names, e.text);
}

void listener_leave(struct listener *l)
{
    topics_unsubscribe(l->sub);
    l->sub = NULL;
}

void listener_expect(struct listener *l, const char *want)
{
    loop_poll(topic_loop, 0);
    assert_string_equal(buf_cstr(&l->got), want);
    buf_fini(&l->got);
}

void publish(const char *topic, const char *event, const char *data)
{
    assert_int_equal(topics_publish(topic_hub, topic, event, data, strlen(data)), 0);
}

long topic_metric(const char *name)
{
    struct buf b = { 0 };
    long value = -1;

    topics_metrics(topic_hub, &b);
    size_t len = strlen(name);
    for (const char *p = buf_cstr(&b); p && *p; p = strchr(p, '\n') + 1)
        if (strncmp(p, name, len) == 0 && p[len] == ' ')
            value = strtol(p + len, NULL, 10);
    buf_fini(&b);
    return value;
}
