/* fuzz_event.c - Last-Event-ID: a client goes on behind an event of its own, or nowhere. Input: an
 * id a line; @ stands for the name of the stream of a call, $ for that of the session's own stream,
 * # for the stream of a call of another session. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hub/notices.h"
#include "hub/replays.h"

#define OWN "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define PRINCIPAL 7
#define EVENTS 12 /* of each stream of a call */

static struct loop *loop;
static struct replays *replays;
static struct notices *notices;
static char stream[3][EVENT_ID_SIZE]; /* of "@$#", with the hyphen */

/* ---- a connection ---- */

struct client {
    struct replay_feed *call;
    struct notice_feed *session;
    unsigned heard; /* events */
};

static void call_due(void *arg)
{
    struct client *c = arg;
    struct buf out = { 0 };
    uint32_t retry_ms;

    while (replay_next(c->call, &out, &retry_ms) != REPLAY_NOTHING)
        c->heard++;
    buf_fini(&out);
}

static void session_due(void *arg)
{
    struct client *c = arg;
    struct notice n;

    while (notices_next(c->session, &n))
        c->heard++;
}

static void call_lost(void *arg)
{
    (void)arg;
    fuzz_hold(false, "nobody else takes a stream");
}

static void session_closed(void *arg, int code)
{
    (void)code;
    call_lost(arg);
}

static const struct replay_feed_ops call_ops = { call_due, call_lost };
static const struct notice_feed_ops session_ops = { session_due, session_closed };

/* ---- the streams ---- */

static void call_begin(const char *session, char name[EVENT_ID_SIZE])
{
    struct replay *one;

    fuzz_hold(replays_begin(replays, session, PRINCIPAL, &one) == 0, "a stream begins");
    for (int i = 0; i < EVENTS; i++)
        fuzz_hold(replay_put(one, "{}", 2, true) == 0, "an event is kept");
    replay_event_id(one, 0, name);
    name[17] = '\0';
}

static unsigned all_lists(void *arg, uint64_t principal)
{
    (void)arg, (void)principal;
    return (1u << NOTICE_LISTS) - 1;
}

static void prepare(void)
{
    static const struct notices_limits limits = { .max_feeds = 2, .max_uris = 1 };
    struct client c = { .heard = 0 };
    struct err e;

    loop = loop_new(&e);
    replays = replays_new(1 << 20);
    notices = notices_new(&limits);
    fuzz_hold(loop && replays && notices, "there is memory");
    call_begin(OWN, stream[0]);
    call_begin(OTHER, stream[2]);
    fuzz_hold(notices_open_session(notices, loop, OWN, PRINCIPAL, NULL, &session_ops, &c,
                                   &c.session) == 0,
              "a session has a stream");
    notices_event_id(c.session, 0, stream[1]);
    stream[1][17] = '\0';
    notices_lists(notices, all_lists, NULL);
    loop_poll(loop, 0);
    fuzz_hold(c.heard == NOTICE_LISTS, "a session is told");
    notices_close(c.session);
    loop_poll(loop, 0);
}

/* How many events follow the one that is named; -1: it is none of this stream of `count`. */
static int following(const char *id, const char *name, unsigned count)
{
    const char *digits = id + strlen(name);
    char *end;

    if (strncmp(id, name, strlen(name)) != 0 || strspn(digits, "0123456789") == 0 ||
        (digits[0] == '0' && digits[1] != '\0'))
        return -1;
    unsigned long number = strtoul(digits, &end, 10);
    return *end == '\0' && number <= count ? (int)(count - number) : -1;
}

static void check(const char *id)
{
    struct client c = { .heard = 0 };
    int wanted = following(id, stream[0], EVENTS);

    if (replays_resume(replays, loop, OWN, PRINCIPAL, id, &call_ops, &c, &c.call) == 0) {
        loop_poll(loop, 0);
        fuzz_hold(wanted == (int)c.heard, "what follows the named event of a call is told");
#ifdef FUZZ_PLANT
        if (c.heard < 2)
            fuzz_overrun(id, strlen(id));
#endif
        replay_close(c.call, 0);
    } else {
        fuzz_hold(wanted < 0, "an event of a call can be named");
    }
    c.heard = 0;
    wanted = following(id, stream[1], NOTICE_LISTS);
    if (notices_open_session(notices, loop, OWN, PRINCIPAL, id, &session_ops, &c, &c.session) ==
        0) {
        loop_poll(loop, 0);
        fuzz_hold(wanted == (int)c.heard, "what follows the named event of a session is told");
        notices_close(c.session);
    } else {
        fuzz_hold(wanted < 0, "an event of a session can be named");
    }
    loop_poll(loop, 0);
    fuzz_hold(replays_resume(replays, loop, OWN, PRINCIPAL + 1, id, &call_ops, &c, &c.call) < 0,
              "an event is its own caller's");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!loop)
        prepare();
    for (int lines = 0; size > 0 && lines < 20; lines++) {
        struct buf id = { 0 };
        char *line = fuzz_take(&data, &size, '\n', NULL);
        for (const char *p = line; *p; p++) {
            static const char signs[] = "@$#";
            const char *sign = strchr(signs, *p);
            if (sign)
                buf_str(&id, stream[sign - signs]);
            else
                buf_putc(&id, *p);
        }
        const char *text = buf_cstr(&id);
        char *exact = strdup(text ? text : "");
        fuzz_hold(exact != NULL, "there is memory");
        check(exact);
        free(exact);
        free(line);
        buf_fini(&id);
    }
    return 0;
}
