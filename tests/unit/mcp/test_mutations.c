/* Broken and half-broken messages by the thousand: whatever comes in, what goes out is an answer.
 * The sequence is fixed; a failure prints the message that did it. */
#include "fixture.h"

static uint64_t seed = 0x9E3779B97F4A7C15u;

static unsigned next(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static const char *const bodies[] = {
    REQUEST("1730000000000", "tools/call",
            "\"name\":\"echo\",\"arguments\":{\"a\":[1,{\"b\":null}]}," META_AND(
                ",\"progressToken\":\"t\",\"" NS "logLevel\":\"info\"")),
    REQUEST("\"a\\u0062\"", "tools/call",
            "\"name\":\"\\u0065cho\",\"_meta\":{\"progressToken\":7}"),
    REQUEST("1", "initialize",
            "\"protocolVersion\":\"2025-06-18\",\"clientInfo\":{\"name\":\"c\"}"),
    REQUEST("1", "tools/list", "\"cursor\":\"dG9vbHM6ZWNobw\""),
    REQUEST("1", "server/discover", META),
    REQUEST("1", "logging/setLevel", "\"level\":\"debug\""),
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
};

static const char *const pieces[] = {
    "{",    "}",    "[",       "]",    ",",         ":",        "\"",    "\\",   "null",
    "true", "-1",   "1e9",     "\"\"", "\"id\":",   "{}",       "\\u00", "\xc3", "\xff",
    "2026", "v999", "\"2.0\"", "ping", "\"_meta\"", "\"name\"", " ",     "\t",   "0.5",
};

static const char *const headers[] = {
    NULL,
    "",
    V26,
    V11,
    "v999",
    " tools/call ",
    "tools/list",
    "echo",
    "=?base64?ZWNobw==?=",
    "=?base64?\xff?=",
    SESSION_06,
    SESSION_11,
    "gone",
    BOTH,
    "text/event-stream",
    "*/*;q=0",
};

/* Cuts, repeats, overwrites: up to three times. */
static void mutate(char *text, size_t size)
{
    for (unsigned n = next(4); n > 0; n--) {
        size_t len = strlen(text), at = len ? next((unsigned)len) : 0;
        const char *piece = pieces[next(COUNT(pieces))];
        size_t cut = next(3) ? 0 : next(12), plen = next(4) ? strlen(piece) : 0;
        if (cut > len - at)
            cut = len - at;
        if (len - cut + plen >= size)
            return;
        memmove(text + at + plen, text + at + cut, len - at - cut + 1);
        memcpy(text + at, piece, plen);
    }
}

static void check(const char *body, const struct mcp_out *out)
{
    struct json_text root;
    bool is_bare = out->status == 202;
    bool is_known = is_bare || out->status == 200 || out->status == 400 || out->status == 404 ||
                    out->status == 406;

    if (out->call) {
        const struct mcp_call *c = out->call;
        bool is_whole = c->tool && c->id.len && out->body.len == 0 &&
                        (c->arguments.type == JSON_NONE || c->arguments.type == JSON_OBJECT) &&
                        (c->meta.type == JSON_NONE || c->meta.type == JSON_OBJECT);
        if (!is_whole)
            fail_msg("half a call: %s", body);
        return;
    }
    if (!is_known || (out->body.len == 0) != is_bare)
        fail_msg("status %d, %zu bytes: %s", out->status, out->body.len, body);
    if (!is_bare && (json_scan(out->body.data, out->body.len, NULL, &root, NULL) < 0 ||
                     memchr(out->body.data, '\n', out->body.len)))
        fail_msg("not a line of JSON for: %s", body);
}

static void test_mutations(void **state)
{
    struct fixture f;
    struct mcp_out out;
    char body[1024];
    unsigned answered = 0, run = 0;

    (void)state;
    fixture_init(&f);
    for (int i = 0; i < 20000; i++) {
        const char *from = bodies[next(COUNT(bodies))];
        memcpy(body, from, strlen(from) + 1);
        mutate(body, sizeof body);
        bool is_modern = strstr(from, V26) != NULL;
        struct probe p = { .body = body };
        if (next(2)) { /* right headers for what the body was */
            p.version = is_modern ? V26 : NULL;
            p.method = is_modern ? (from == bodies[0] ? "tools/call" : "server/discover") : NULL;
            p.tool = "echo";
        } else {
            p.version = headers[next(COUNT(headers))];
            p.session = headers[next(COUNT(headers))];
            p.method = headers[next(COUNT(headers))];
            p.tool = headers[next(COUNT(headers))];
            p.accept = headers[next(COUNT(headers))];
        }
        f.log[0] = '\0';
        probe_send(&f, &p, &out);
        check(body, &out);
        run += out.call != NULL;
        answered += out.status == 200 && out.error_code == 0;
        mcp_out_fini(&out);
    }
    fixture_fini(&f);
    /* The mutations must not be so wild that nothing gets through to the methods. */
    assert_in_range(run, 100, 10000);
    assert_in_range(answered, 100, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_mutations) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
