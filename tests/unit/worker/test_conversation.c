/* What another gateway is told, and what the client hears of it: by lines alone. */
#include "worker/site.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "worker/conversation.h"

struct talk {
    struct conversation *c;
    struct buf client, gateway; /* what either heard, a line each */
    char ready[64];             /* the last line's id */
};

static void to_client(void *arg, const char *text, size_t len)
{
    struct talk *t = arg;
    buf_append(&t->client, text, len);
    buf_putc(&t->client, '\n');
}

static void to_gateway(void *arg, const char *text, size_t len)
{
    struct talk *t = arg;
    buf_append(&t->gateway, text, len);
    buf_putc(&t->gateway, '\n');
}

static const struct conversation_ops ops = { to_client, to_gateway };

static const struct mcp_server self = { .name = "moongate",
                                        .version = "1",
                                        .limits = { .max_values = 100 } };

static void says(struct talk *t, const char *text)
{
    conversation_client(t->c, text, strlen(text));
}

static bool hears(struct talk *t, const char *text)
{
    return conversation_gateway(t->c, text, strlen(text));
}

#define REQUEST(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define NOTE(method, params) \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":" params "}"
#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}"
#define ERROR(id) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":-32603,\"message\":\"no\"}}"
#define ACK(id, filter)                                               \
    NOTE("subscriptions/acknowledged",                                \
         "{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":" id \
         "},\"notifications\":" filter "}")

/* The ids under which things are said again nobody knows beforehand: the line's own is read. */
static void mark_of(struct talk *t, const char *method, char out[64])
{
    const char *text = buf_cstr(&t->gateway), *at = text;
    for (const char *found; (found = strstr(at, method)) != NULL; at = found + 1)
        if (found > text) {
            const char *line = found;
            while (line > text && line[-1] != '\n')
                line--;
            const char *id = strstr(line, "\"id\":");
            assert_non_null(id);
            snprintf(out, 64, "%.*s", (int)strcspn(id + 5, ",}"), id + 5);
        }
}

/* A gateway comes, and answers that it has heard all. */
static void resume(struct talk *t)
{
    char line[200];
    buf_clear(&t->gateway);
    conversation_resume(t->c);
    assert_false(conversation_is_resumed(t->c));
    mark_of(t, "\"ping\"", t->ready);
    snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", t->ready);
    assert_false(hears(t, line));
    assert_true(conversation_is_resumed(t->c));
}

static void again(struct talk *t)
{
    buf_clear(&t->client);
    conversation_break(t->c);
    assert_false(conversation_is_resumed(t->c));
    resume(t);
}

static int setup(void **state)
{
    struct talk *t = calloc(1, sizeof *t);
    t->c = conversation_new(&self, &ops, t);
    assert_non_null(t->c);
    assert_false(conversation_is_resumed(t->c));
    *state = t;
    resume(t);
    assert_int_equal(t->client.len, 0);
    return 0;
}

static int teardown(void **state)
{
    struct talk *t = *state;
    conversation_free(t->c);
    conversation_free(NULL);
    buf_fini(&t->client);
    buf_fini(&t->gateway);
    free(t);
    return 0;
}

static bool has(struct buf *b, const char *part) { return b->len && strstr(buf_cstr(b), part); }

static unsigned lines(const struct buf *b)
{
    unsigned n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->data[i] == '\n';
    return n;
}

static void agree(struct talk *t, const char *version)
{
    char line[200];
    snprintf(line, sizeof line, REQUEST("0", "initialize", "{\"protocolVersion\":\"%s\"}"),
             version);
    says(t, line);
    assert_true(hears(t, RESULT("0", "{\"capabilities\":{}}")));
}

static void test_errors(void **state)
{
    struct talk *t = *state;
    agree(t, "2025-03-26");
    says(t, REQUEST("1", "tools/call", "{}"));
    says(t, REQUEST("\"b\"", "tools/list", "{}"));
    says(t, REQUEST("3", "tools/call", "{}"));
    says(t, NOTE("cancelled", "{\"requestId\":3}"));
    says(t, "no JSON");
    says(t, "[" REQUEST("4", "ping", "{}") "," REQUEST("5", "ping", "{}") "]");
    assert_true(hears(t, RESULT("1", "{}")));
    assert_true(hears(t, "[" RESULT("4", "{}") "]"));
    assert_true(conversation_is_open(t->c));
    again(t);
    assert_false(conversation_is_open(t->c));
    assert_int_equal(lines(&t->client), 2);
    assert_true(has(&t->client, "\"id\":\"b\",\"error\":{\"code\":-32603"));
    assert_true(has(&t->client, "\"id\":5,\"error\""));
    assert_int_equal(lines(&t->gateway), 2);
}

/* What a gateway refuses without an id has had its answer. */
static void test_refused(void **state)
{
    struct talk *t = *state;
    char id[300], line[400];
    memset(id, 'x', sizeof id);
    snprintf(line, sizeof line, REQUEST("\"%.260s\"", "ping", "{}"), id);
    says(t, line);
    says(t, REQUEST("1.5", "ping", "{}"));
    says(t, "[" REQUEST("1", "ping", "{}") "]"); /* before there is a session */
    agree(t, "2025-06-18");
    says(t, "[" REQUEST("1", "ping", "{}") "]");
    says(t, REQUEST("0", "initialize", "{\"protocolVersion\":\"2025-03-26\"}"));
    says(t, "[" REQUEST("2", "ping", "{}") "]"); /* by then it is agreed on */
    assert_true(hears(t, RESULT("0", "{\"capabilities\":{}}")));
    assert_true(hears(t, "[" RESULT("2", "{}") "]"));
    says(t, "[" REQUEST("1", "ping", "{}") "," REQUEST("1", "ping", "{}") "]");
    says(t, "[" REQUEST("1", "ping", "{}") ",{\"method\":1}]");
    char *many = calloc(1, 1000);
    strcpy(many, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"params\":{\"a\":[0");
    for (unsigned i = 0; i < 100; i++)
        strcat(many, ",0");
    strcat(many, "]}}");
    says(t, many);
    free(many);
    assert_false(conversation_is_open(t->c));
    again(t);
    assert_int_equal(t->client.len, 0);
}

static void test_session(void **state)
{
    struct talk *t = *state;
    char mark[64], line[300];
    says(t, REQUEST("0", "initialize", "{\"protocolVersion\":\"2025-06-18\",\"x\":\"first\"}"));
    assert_true(hears(t, RESULT("0", "{}")));
    says(t, REQUEST("1", "initialize", "{\"protocolVersion\":\"2025-11-25\"}"));
    assert_true(hears(t, RESULT("1", "{\"capabilities\":{}}")));
    says(t, NOTE("initialized", "{}"));
    says(t, REQUEST("2", "logging/setLevel", "{\"level\":\"debug\"}"));
    assert_true(hears(t, RESULT("2", "{}")));
    says(t, REQUEST("3", "logging/setLevel", "{\"level\":\"error\"}"));
    assert_true(hears(t, RESULT("3", "{}")));
    says(t, REQUEST("4", "logging/setLevel", "{\"level\":\"none\"}"));
    assert_true(hears(t, ERROR("4")));
    for (unsigned i = 5; i < 8; i++) {
        snprintf(line, sizeof line, REQUEST("%u", "resources/subscribe", "{\"uri\":\"test:%u\"}"),
                 i, i % 2);
        says(t, line);
        snprintf(line, sizeof line, RESULT("%u", "{}"), i);
        assert_true(hears(t, line));
    }
    says(t, REQUEST("8", "resources/unsubscribe", "{\"uri\":\"test:0\"}"));
    assert_true(hears(t, RESULT("8", "{}")));
    again(t);
    assert_false(has(&t->gateway, "first"));
    assert_false(has(&t->gateway, "\"debug\""));
    assert_false(has(&t->gateway, "\"none\""));
    assert_false(has(&t->gateway, "test:0"));
    assert_int_equal(lines(&t->gateway), 5);
    char *handshake = strstr(buf_cstr(&t->gateway), "2025-11-25");
    char *initialized = strstr(buf_cstr(&t->gateway), "notifications/initialized");
    assert_true(handshake && initialized && handshake < initialized);
    assert_true(initialized < strstr(buf_cstr(&t->gateway), "\"error\""));
    assert_int_equal(lines(&t->client), 1);
    assert_true(has(&t->client,
                    "notifications/resources/updated\",\"params\":{\"uri\":\"test:1\"}"));

    /* What the next one says that it tells of may have changed since. */
    buf_clear(&t->client);
    buf_clear(&t->gateway);
    conversation_break(t->c);
    conversation_resume(t->c);
    mark_of(t, "\"initialize\"", mark);
    snprintf(line, sizeof line,
             RESULT("%s", "{\"capabilities\":{\"tools\":{\"listChanged\":true},"
                          "\"prompts\":{\"listChanged\":false}}}"),
             mark);
    assert_false(hears(t, line));
    assert_int_equal(t->client.len, 0);
    mark_of(t, "\"ping\"", mark);
    snprintf(line, sizeof line, RESULT("%s", "{}"), mark);
    assert_false(hears(t, line));
    assert_true(has(&t->client, "notifications/tools/list_changed"));
    assert_false(has(&t->client, "notifications/prompts/list_changed"));
}

static void test_unanswered_handshake(void **state)
{
    struct talk *t = *state;
    says(t, REQUEST("7", "initialize", "{}"));
    says(t, NOTE("cancelled", "{\"requestId\":7}")); /* which it cannot be */
    again(t);
    assert_int_equal(t->client.len, 0);
    assert_true(has(&t->gateway, REQUEST("7", "initialize", "{}")));
    assert_true(hears(t, RESULT("7", "{}")));
    says(t, REQUEST("8", "initialize", "{}"));
    conversation_end(t->c);
    assert_true(has(&t->client, "\"id\":8,\"error\""));
}

static void test_subscriptions(void **state)
{
    struct talk *t = *state;
    says(t, REQUEST("1", "initialize", "{}"));
    assert_true(hears(t, RESULT("1", "{}")));
    for (const char *const *one =
             (const char *const[]){ "1", "\"b\"", "\"gone\"", "\"bad\"", NULL };
         *one; one++) {
        char line[200];
        snprintf(line, sizeof line, REQUEST("%s", "subscriptions/listen", "{\"notifications\":{}}"),
                 *one);
        says(t, line);
    }
    assert_true(hears(t, ACK("1", "{}")));
    assert_true(hears(t, ACK("\"gone\"", "{}")));
    assert_true(hears(t, ERROR("\"bad\"")));
    says(t, NOTE("cancelled", "{\"requestId\":\"gone\"}"));
    /* The gateway ends what goes on elsewhere. */
    assert_false(hears(t, RESULT("1", "{\"resultType\":\"complete\"}")));
    assert_false(hears(t, NOTE("cancelled", "{\"requestId\":1}")));
    again(t);
    assert_int_equal(t->client.len, 0);
    assert_int_equal(lines(&t->gateway), 4); /* the handshake, two, the last word */
    assert_true(has(&t->gateway, REQUEST("1", "subscriptions/listen", "{\"notifications\":{}}")));
    assert_true(has(&t->gateway,
                    REQUEST("\"b\"", "subscriptions/listen", "{\"notifications\":{}}")));
    assert_false(hears(t, ACK("1", "{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"test:"
                                   "a\\u0062\"]}")));
    assert_int_equal(lines(&t->client), 2);
    assert_true(has(&t->client, "list_changed\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
                                "subscriptionId\":1}}"));
    assert_true(has(&t->client, "\"uri\":\"test:ab\""));
    assert_true(hears(t, ACK("\"b\"", "{}")));
    assert_true(hears(t, ERROR("1"))); /* no more, there */
    assert_true(hears(t, NOTE("cancelled", "{\"requestId\":1}")));
}

/* There is no next one. */
static void test_end(void **state)
{
    struct talk *t = *state;
    says(t, REQUEST("1", "subscriptions/listen", "{\"notifications\":{}}"));
    says(t, REQUEST("2", "subscriptions/listen", "{\"notifications\":{}}"));
    assert_true(hears(t, ACK("1", "{}")));
    assert_false(hears(t, RESULT("1", "{\"resultType\":\"complete\"}")));
    for (unsigned i = 0; i < 2; i++) { /* once */
        conversation_end(t->c);
        assert_int_equal(lines(&t->client), 3);
    }
    assert_true(has(&t->client, "\"id\":2,\"error\""));
    const char *end =
        strstr(buf_cstr(&t->client), "\"id\":1,\"result\":{\"resultType\":\"complete\"");
    const char *cancelled = strstr(buf_cstr(&t->client), "notifications/cancelled");
    assert_true(end && cancelled && end < cancelled && strstr(cancelled, "\"requestId\":1"));
}

static void test_asks(void **state)
{
    struct talk *t = *state;
    assert_true(hears(t, REQUEST("\"ask_1\"", "elicitation/create", "{}")));
    assert_true(hears(t, REQUEST("\"ask_2\"", "elicitation/create", "{}")));
    assert_true(hears(t, REQUEST("\"ask_3\"", "roots/list", "{}")));
    says(t, RESULT("\"ask_1\"", "{}"));
    assert_true(hears(t, NOTE("cancelled", "{\"requestId\":\"ask_3\"}")));
    again(t);
    assert_int_equal(lines(&t->client), 1);
    assert_true(has(&t->client, "notifications/cancelled\",\"params\":{\"requestId\":\"ask_2\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unanswered_handshake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_subscriptions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_asks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
