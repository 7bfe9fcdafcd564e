/* fuzz_config.c - ini files: what is accepted prints as a file that is accepted and prints the same
 * (but for where each value comes from). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "config/config.h"
#include "fuzz.h"

static struct config *load(const char *name, bool *has_problem)
{
    static const char *const env[] = { "HOME=/x", "FUZZ=one, two", NULL };
    char path[128];
    struct problems problems = { 0 };

    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    const struct config_source source = { .path = path, .env = env, .cwd = fuzz_folder() };
    struct config *c = config_load(&source, &problems);
    *has_problem = problems.count > 0;
    fuzz_hold(!c == *has_problem, "what is refused has a reason");
    if (*has_problem && getenv("FUZZ_TELL"))
        problems_print(&problems, stderr);
    problems_fini(&problems);
    return c;
}

/* The printed text without the remarks. Returns whether each line is short enough to be read: what
 * is expanded may be longer. */
static bool print(const struct config *c, struct buf *bare)
{
    bool is_short = true;
    struct buf out = { 0 };

    config_print(c, &out);
    const char *p = buf_cstr(&out);
    fuzz_hold(p != NULL, "there is memory");
    while (*p) {
        size_t len = strcspn(p, "\n"), cut = len;
        if (*p == ';') { /* of a long line, before it */
            is_short = is_short && !memmem(p, len, "(too long for a line", 20);
            p += len + 1;
            continue;
        }
        for (size_t i = len; i > 1; i--)
            if (p[i - 1] == ';' && p[i - 2] == ' ') {
                cut = i - 1;
                break;
            }
        while (cut > 0 && p[cut - 1] == ' ')
            cut--;
        buf_append(bare, p, cut);
        buf_putc(bare, '\n');
        p += len + (p[len] == '\n');
    }
    buf_fini(&out);
    fuzz_hold(buf_cstr(bare) != NULL, "there is memory");
    return is_short;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool has_tools;
    bool has_problem;

    if (!has_tools) {
        char path[128];
        snprintf(path, sizeof path, "%s/tools.d", fuzz_folder());
        mkdir(path, 0700);
        has_tools = true;
    }
    fuzz_write("mcp.ini", data, size);
    struct config *c = load("mcp.ini", &has_problem);
    if (c) {
        struct buf once = { 0 }, twice = { 0 };
#ifdef FUZZ_PLANT
        if (c->n_tool_rules > 2)
            fuzz_overrun(c->tool_rules[1].name, strlen(c->tool_rules[1].name));
#endif
        bool is_short = print(c, &once);
        /* Too long for a line, or masked: secrets are all alike, and headers among them have no
         * name. */
        bool is_partial = !is_short || strstr(once.data, "\nheaders = ***") ||
                          strstr(once.data, "\nkeys = ***") || strstr(once.data, "\nsecret = ***");
        fuzz_write("again.ini", once.data, once.len);
        struct config *again = is_partial ? NULL : load("again.ini", &has_problem);
        if (again)
            print(again, &twice);
        else if (getenv("FUZZ_TELL"))
            fprintf(stderr, "%.*s", (int)once.len, once.data);
        fuzz_hold(is_partial || again != NULL, "what is printed is accepted");
        fuzz_hold(is_partial ||
                      (once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0),
                  "what is printed is read as the same");
        config_unref(again);
        buf_fini(&once);
        buf_fini(&twice);
    }
    config_unref(c);
    return 0;
}
