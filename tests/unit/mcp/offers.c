#include "offers.h"

#include "tools/uritemplate.h"

/* "prompt:secret" and "resource:secret" are hidden from bob as the tool "secret" is. */
static bool may(void *arg, const struct principal *p, const char *name)
{
    (void)arg;
    return p != bob || !strstr(name, "secret");
}

static void offers_add(struct toolset *s)
{
    static const struct tool offers[] = {
        { .kind = TOOL_PROMPT,
          .name = "prompt:review",
          .title = "Review",
          .description = "Look at it.",
          .size = -1,
          .icons = "[{\"src\":\"https://example.com/i.png\"}]",
          .meta = "{\"com.example/x\":1}",
          .arguments = "[{\"name\":\"file\",\"required\":true},{\"name\":\"f\\u00fcr\","
                       "\"required\":true},{\"title\":\"Tone\",\"name\":\"tone\"}]" },
        { .kind = TOOL_COMPLETER, .name = "prompt:review" },
        { .kind = TOOL_PROMPT, .name = "prompt:plain", .size = -1 },
        { .kind = TOOL_PROMPT, .name = "prompt:secret", .size = -1 },
        { .kind = TOOL_RESOURCE,
          .name = "resource:today",
          .uri = "test://today",
          .mime_type = "text/plain",
          .annotations = "{\"priority\":1}",
          .size = 5 },
        { .kind = TOOL_RESOURCE, .name = "resource:secret", .uri = "test://secret", .size = -1 },
        { .kind = TOOL_COMPLETER, .name = "resource:file" },
        { .kind = TOOL_LISTER, .name = "resource:file" },
        { .kind = TOOL_LISTER, .name = "resource:secret_file" },
    };
    static const struct tool templates[] = {
        { .kind = TOOL_TEMPLATE, .name = "resource:file", .uri = "file:///{+path}", .size = -1 },
        { .kind = TOOL_TEMPLATE, .name = "resource:secret_file", .uri = "secret:{x}", .size = -1 },
    };
    struct err e;

    for (size_t i = 0; i < COUNT(offers); i++)
        assert_int_equal(toolset_add(s, &offers[i], &e), 0);
    for (size_t i = 0; i < COUNT(templates); i++) {
        struct tool t = templates[i];
        assert_non_null(t.pattern = uritemplate_new(t.uri, &e));
        assert_int_equal(toolset_add(s, &t, &e), 0);
    }
    assert_int_equal(toolset_seal(s), 0);
}

void offers_init(struct fixture *f)
{
    fixture_init(f);
    f->host.may = may;
    toolset_unref(f->tools);
    f->tools = toolset_new(1);
    assert_non_null(f->tools);
    offers_add(f->tools);
}
