#include "worker/offline.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_write.h"
#include "worker/standalone.h"
#include "worker/toolpage.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A tool file of that name, or a helper's below lib. */
static bool is_there(const struct config *c, const char *file)
{
    static const char *const folders[] = { "", "lib/" };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        int n = snprintf(path, sizeof path, "%s/%s%s", c->paths.tools, folders[i], base_name(file));
        if (n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static void show(void *count, const char *text)
{
    fprintf(stderr, "%s\n", text);
    ++*(size_t *)count;
}

int offline_check(const char *ini_path, const char *file)
{
    struct standalone o;
    int code = standalone_open(&o, ini_path, NULL);
    if (code == 0 && file && !is_there(o.config, file)) {
        fprintf(stderr, "moongate: %s: there is no such file in %s\n", file, o.config->paths.tools);
        standalone_close(&o);
        return 1;
    }
    const struct toolset *tools = code == 0 ? o.serving->generation->tools : NULL;
    size_t shown = 0;
    for (size_t i = 0; tools && i < toolset_problem_count(tools); i++) {
        const struct toolset_problem *p = toolset_problem_at(tools, i);
        if (file && p->file[0] && strcmp(base_name(p->file), base_name(file)) != 0)
            continue;
        show(&shown, p->shown[0] ? p->shown : p->text);
    }
    if (tools && !file)
        policies_strays(o.serving->generation->policies, tools, show, &shown);
    if (shown > 0)
        code = 1;
    if (code == 0)
        printf("%s is right; %zu tools load\n", o.config->file, toolset_count(tools));
    standalone_close(&o);
    return code;
}

static void list_tools(const struct toolset *tools, struct buf *b)
{
    for (size_t i = 0; i < toolset_count(tools); i++) {
        const struct tool *t = toolset_at(tools, i);
        buf_printf(b, "%-24s %s\n", t->name,
                   t->title         ? t->title
                   : t->description ? t->description
                                    : "");
    }
}

static void encode_tools(const struct toolset *tools, struct buf *b)
{
    json_open(b, '[');
    for (size_t i = 0; i < toolset_count(tools); i++)
        mcp_encode_tool(toolset_at(tools, i), MCP_2026_07_28, b);
    json_close(b, ']');
    buf_putc(b, '\n');
}

static int print_tools(const struct generation *g, enum offline_tools_form form)
{
    struct buf b = { 0 };
    switch (form) {
    case OFFLINE_TOOLS_LIST: list_tools(g->tools, &b); break;
    case OFFLINE_TOOLS_JSON: encode_tools(g->tools, &b); break;
    case OFFLINE_TOOLS_MARKDOWN: toolpage_write(g, &b); break;
    }
    bool is_whole = buf_ok(&b);
    if (is_whole)
        fwrite(b.data, 1, b.len, stdout);
    else
        fprintf(stderr, "moongate: out of memory\n");
    buf_fini(&b);
    return is_whole ? 0 : 1;
}

int offline_tools(const char *ini_path, enum offline_tools_form form)
{
    struct standalone o;
    int code = standalone_open(&o, ini_path, NULL);
    if (code == 0) {
        code = print_tools(o.serving->generation, form);
        if (standalone_tell_problems(&o) > 0)
            code = 1;
    }
    standalone_close(&o);
    return code;
}
