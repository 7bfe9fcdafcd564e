/* The Accept header in all the ways clients write it. */
#include "fixture.h"

static void test_accept(void **state)
{
    static const struct {
        const char *accept;
        bool json, sse, prefers_sse, both;
    } cases[] = {
        { NULL, 1, 1, 0, 0 },
        { "", 1, 1, 0, 0 },
        { "  ", 1, 1, 0, 0 },
        { "*/*", 1, 1, 0, 0 },
        { "application/json", 1, 0, 0, 0 },
        { "text/event-stream", 0, 1, 1, 0 },
        { "application/json, text/event-stream", 1, 1, 0, 1 },
        { "text/event-stream,application/json", 1, 1, 1, 1 },
        { "APPLICATION/JSON , Text/Event-Stream", 1, 1, 0, 1 },
        { "text/html, application/json;charset=utf-8;q=0.9, */*;q=0.1", 1, 1, 0, 0 },
        { "text/event-stream, */*", 1, 1, 1, 0 },
        { "text/event-stream;q=0.5, application/json", 1, 1, 0, 1 },
        { "application/json;q=0.5, text/event-stream", 1, 1, 1, 1 },
        { "application/json;q=0.5, text/event-stream;q=0.500", 1, 1, 0, 1 },
        { "application/json, text/event-stream;q=0", 1, 0, 0, 0 },
        { "application/json;q=0, text/event-stream", 0, 1, 1, 0 },
        { "application/json;q=0.000, */*", 0, 1, 0, 0 },
        { "application/json;q=0.001", 1, 0, 0, 0 },
        { "*/*;q=0", 0, 0, 0, 0 },
        { "application/*", 1, 0, 0, 0 },
        { "text/*", 0, 1, 0, 0 },
        { "text/*;q=0, */*", 1, 0, 0, 0 },
        { "text/html", 0, 0, 0, 0 },
        { "application/jsonp", 0, 0, 0, 0 },
        { "application/json-seq", 0, 0, 0, 0 },
        { "application", 0, 0, 0, 0 },
        { "*", 0, 0, 0, 0 },
        { ",,application/json,,", 1, 0, 0, 0 },
        { "application/json;Q=0", 0, 0, 0, 0 },
        { "application/json; q=0", 0, 0, 0, 0 },
        { "application/json;q=", 1, 0, 0, 0 },
        { "application/json;q=x", 1, 0, 0, 0 },
        { "application/json;q=1.5", 1, 0, 0, 0 },
        { "application/json;q", 1, 0, 0, 0 },
        { ";q=0", 0, 0, 0, 0 },
        { "application/json;a=\"b;q=0\"", 1, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mcp_in in = { 0 };
        mcp_accept(&in, cases[i].accept);
        if (in.accepts_json != cases[i].json || in.accepts_sse != cases[i].sse ||
            in.prefers_sse != cases[i].prefers_sse || in.names_both != cases[i].both)
            fail_msg("%s: json %d sse %d prefers %d both %d", cases[i].accept, in.accepts_json,
                     in.accepts_sse, in.prefers_sse, in.names_both);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_accept) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
