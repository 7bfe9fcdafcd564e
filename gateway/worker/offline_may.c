/* moongate may: whether a key may call a tool, and the line of the configuration that decides. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "worker/offline.h"
#include "worker/standalone.h"

struct question {
    const struct config *config;
    struct buf shown; /* the configuration in effect, each value with its origin */
    const char *key, *tool;
};

/* The value of `name` in [section] and where it comes from, such as "yes" and "mcp.ini:3"; empty
 * texts when there is none. */
struct shown {
    char value[256], origin[256];
};

static void copy(char *out, size_t size, const char *from, const char *end)
{
    while (end > from && end[-1] == ' ')
        end--;
    snprintf(out, size, "%.*s", (int)(end - from), from);
}

/* "name = value   ; origin" */
static bool line_read(const char *line, const char *end, const char *name, struct shown *out)
{
    size_t n = strlen(name);
    if ((size_t)(end - line) < n + 3 || memcmp(line, name, n) != 0 ||
        memcmp(line + n, " =", 2) != 0)
        return false;
    const char *value = line + n + 2, *mark = NULL;
    for (const char *p = value; p + 1 < end; p++)
        if (p[0] == ';' && p[1] == ' ')
            mark = p;
    value += strspn(value, " ");
    if (!mark || value > mark)
        value = mark = mark ? mark : end;
    copy(out->value, sizeof out->value, value, mark);
    copy(out->origin, sizeof out->origin, mark < end ? mark + 2 : end, end);
    return true;
}

static struct shown find(struct question *q, const char *section, const char *name)
{
    struct shown found = { "", "" };
    char head[300];
    const char *text = buf_cstr(&q->shown);
    bool is_inside = false;
    snprintf(head, sizeof head, "[%s]", section);
    while (text && *text) {
        const char *end = text + strcspn(text, "\n");
        if (*text == '[')
            is_inside =
                (size_t)(end - text) == strlen(head) && memcmp(text, head, strlen(head)) == 0;
        else if (is_inside && line_read(text, end, name, &found))
            break;
        text = *end ? end + 1 : end;
    }
    return found;
}

/* Prints the answer; returns the exit code. */
static int answer(const struct question *q, bool may, const char *why)
{
    printf("%s: %s %s call %s: %s\n", may ? "yes" : "no", q->key, may ? "may" : "may not", q->tool,
           why);
    return may ? 0 : 1;
}

static int by_line(struct question *q, bool may, const char *section, const char *name,
                   const char *more)
{
    struct shown s = find(q, section, name);
    char why[1200];
    if (s.origin[0] && strcmp(s.origin, "default") != 0)
        snprintf(why, sizeof why, "%s: [%s] %s = %s%s", s.origin, section, name, s.value, more);
    else
        snprintf(why, sizeof why, "[%s] %s = %s, the default%s", section, name, s.value, more);
    return answer(q, may, why);
}

/* The section that switched it off: its own, else the last glob that fits. */
static const char *section_of_disabled(const struct config *c, const char *tool)
{
    const char *best = NULL;
    for (size_t i = 0; i < c->n_tool_rules; i++) {
        const struct config_tool *rule = &c->tool_rules[i];
        if (rule->enabled)
            continue;
        if (!rule->is_glob && strcmp(rule->name, tool) == 0)
            return rule->name;
        if (rule->is_glob && glob_match(rule->name, tool, strlen(tool)))
            best = rule->name;
    }
    return best;
}

static int tool_disabled(struct question *q)
{
    char section[200];
    const char *rule = section_of_disabled(q->config, q->tool);
    snprintf(section, sizeof section, "tool %s", rule ? rule : q->tool);
    return by_line(q, false, section, "enabled", ": nobody may");
}

static bool is_disabled(const struct config *c, const char *tool)
{
    struct config_tool rule;
    if (config_tool_resolve(c, tool, &rule) != 0)
        return false;
    bool disabled = !rule.enabled;
    config_tool_fini(&rule);
    return disabled;
}

static const struct config_key *key_section(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->n_keys; i++)
        if (strcmp(c->keys[i].name, name) == 0)
            return &c->keys[i];
    return NULL;
}

/* Of [key NAME]: its end, then its list. */
static int by_key(struct question *q, const struct principal *p)
{
    char section[200], more[200] = "";
    size_t len = strlen(q->tool);
    snprintf(section, sizeof section, "key %s", q->key);
    if (p->expires_ms != 0 && clock_wall_ms() >= p->expires_ms)
        return by_line(q, false, section, "expires", ": it has expired");
    bool is_offer = strchr(q->tool, ':') != NULL; /* a prompt or resource */
    if (!principal_may(p, q->tool))
        return by_line(q, false, section, "tools", ": none of them fits");
    const struct config_list *globs = &key_section(q->config, q->key)->tools;
    for (size_t i = 0; i < globs->n; i++)
        if (!more[0] && glob_match(globs->items[i], q->tool, len) && globs->n > 1 &&
            (!is_offer || strchr(globs->items[i], ':') || strcmp(globs->items[i], "*") == 0))
            snprintf(more, sizeof more, " (%s fits)", globs->items[i]);
    return by_line(q, true, section, "tools", more);
}

static int decide(struct question *q, const struct serving *s)
{
    const struct principal *p = keyring_named(s->keyring, q->key);
    bool is_anonymous = strcmp(q->key, "anonymous") == 0 && !key_section(q->config, q->key);
    if (!p && !is_anonymous) {
        fprintf(stderr,
                "moongate: there is no key of the name %s: those of [auth] keys are key1, key2, "
                "...; who has none is anonymous\n",
                q->key);
        return 2;
    }
    if (is_disabled(q->config, q->tool))
        return tool_disabled(q);
    if (!toolset_named(s->generation->tools, q->tool)) {
        fprintf(stderr,
                "moongate: Unknown tool: %s; `moongate tools` lists them, `moongate check` says "
                "what did not load\n",
                q->tool);
        return 2;
    }
    if (!p)
        return by_line(q, false, "auth", "allow_anonymous", ": there are keys, and one is needed");
    if (is_anonymous && keyring_is_open(s->keyring))
        return answer(q, true, "there is no key, so everybody on this machine may");
    if (is_anonymous)
        return by_line(q, true, "auth", "allow_anonymous", "");
    if (!key_section(q->config, q->key))
        return by_line(q, true, "auth", "keys", ": a key of this list may call every tool");
    return by_key(q, p);
}

int offline_may(const char *ini_path, const char *key, const char *tool)
{
    struct standalone site;
    struct question q = { .key = key, .tool = tool };
    int code = standalone_open(&site, ini_path, NULL);
    if (code == 0) {
        q.config = site.config;
        config_print(site.config, &q.shown);
        if (buf_ok(&q.shown)) {
            code = decide(&q, site.serving);
        } else {
            fprintf(stderr, "moongate: out of memory\n");
            code = 1;
        }
        buf_fini(&q.shown);
    } else {
        code = 2;
    }
    standalone_close(&site);
    return code;
}
