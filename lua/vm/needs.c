/* What a tool says it needs, against what mcp.ini grants it. */
#include <lauxlib.h>

#include "base/parse.h"
#include "vm/decl.h"

#include <stdio.h>
#include <string.h>

static const char *const known[] = { "exec", "env", "fs", "http", "state", NULL };
static const char *const later[] = { "redis", NULL };

static bool is_one_of(const char *s, size_t len, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == len && memcmp(*words, s, len) == 0)
            return true;
    return false;
}

/* "jobs:rw" grants "jobs", and so does "job*". */
static bool grants_collection(const char *const *state, const char *name, size_t len)
{
    char glob[256];
    for (; state && *state; state++) {
        size_t n = strcspn(*state, ":");
        if (n >= sizeof glob)
            continue;
        memcpy(glob, *state, n);
        glob[n] = '\0';
        if (glob_match(glob, name, len))
            return true;
    }
    return false;
}

static void note(lua_State *L, int granted, const char *need, size_t len)
{
    lua_pushlstring(L, need, len);
    lua_pushboolean(L, 1);
    lua_rawset(L, granted);
}

/* Under "fs?", the line that would grant it: for whoever uses it nevertheless. */
static void note_lack(lua_State *L, int granted, const char *need, const char *tool,
                      const char *line)
{
    lua_pushfstring(L, "%s?", need);
    lua_pushfstring(L, "[tool %s] %s", tool, line);
    lua_rawset(L, granted);
}

/* A line that grants it. Of the programs it runs, a file says those of [eval ...] only. */
static const char *example(const char *need, const struct source *file)
{
    if (strcmp(need, "env") == 0)
        return "env = NAME";
    if (strcmp(need, "fs") == 0)
        return "fs = read";
    if (strcmp(need, "http") == 0)
        return "http = HOST";
    return strstr(file->text, "mcp.evals") ? "exec = @evals" : "exec = PROGRAM";
}

/* One need, without its "?". */
static void check_need(lua_State *L, const char *tool, const struct vm_policy *p, int granted,
                       const char *need, size_t len, bool is_optional, struct report *r)
{
    char hint[80], name[64];
    const char *colon = memchr(need, ':', len);
    size_t word = colon ? (size_t)(colon - need) : len;
    snprintf(name, sizeof name, "%.*s", word < 60 ? (int)word : 60, need);
    if (is_one_of(need, word, later)) {
        if (!is_optional)
            report_add(r, "needs", "needs: \"%s\" is not available in this version", name);
        return;
    }
    if (!is_one_of(need, word, known) || (colon != NULL) != (strcmp(name, "state") == 0)) {
        report_add(r, "needs", "needs: unknown need \"%.*s\"%s", (int)(len < 60 ? len : 60), need,
                   strcmp(name, "state") == 0 ? " (write \"state:COLLECTION\")"
                                              : report_nearest(name, known, hint, sizeof hint));
        return;
    }
    bool has = colon                       ? grants_collection(p->state, colon + 1, len - word - 1)
               : strcmp(name, "fs") == 0   ? p->fs != VM_FS_NONE
               : strcmp(name, "exec") == 0 ? p->exec && *p->exec
               : strcmp(name, "http") == 0 ? p->http && *p->http
                                           : p->env && *p->env;
    if (has) {
        note(L, granted, need, word);
    } else if (!is_optional && colon) {
        report_add(r, "needs",
                   "needs \"%.*s\", which is not granted; write in mcp.ini: [tool %s] state = "
                   "%.*s:r (or :rw, if it changes them)",
                   (int)len, need, tool, (int)(len - word - 1), colon + 1);
        report_help(r, "add to mcp.ini:\n[tool %s]\nstate = %.*s:r", tool, (int)(len - word - 1),
                    colon + 1);
    } else if (!is_optional) {
        report_add(r, "needs",
                   "needs \"%s\", which is not granted; write in mcp.ini: [tool %s] %s%s", name,
                   tool, example(name, r->source),
                   strcmp(name, "fs") == 0 ? " (or write, if it changes files)" : "");
        report_help(r, "add to mcp.ini:\n[tool %s]\n%s", tool, example(name, r->source));
    } else if (!colon) {
        note_lack(L, granted, name, tool, example(name, r->source));
    }
}

bool needs_check(lua_State *L, int index, const char *tool, const struct vm_policy *p, int granted,
                 struct report *r)
{
    unsigned before = r->count;
    if (!lua_istable(L, index)) {
        report_add(r, "needs", "needs: expected a list of strings, got %s",
                   luaL_typename(L, index));
        return false;
    }
    lua_Integer n = (lua_Integer)lua_rawlen(L, index);
    for (lua_Integer i = 1; i <= n; i++) {
        size_t len = 0;
        lua_rawgeti(L, index, i);
        if (lua_type(L, -1) != LUA_TSTRING) {
            report_add(r, "needs", "needs: expected strings, got %s", luaL_typename(L, -1));
        } else {
            const char *s = lua_tolstring(L, -1, &len);
            bool is_optional = len > 0 && s[len - 1] == '?';
            check_need(L, tool, p, granted, s, is_optional ? len - 1 : len, is_optional, r);
        }
        lua_pop(L, 1);
    }
    return r->count == before;
}
