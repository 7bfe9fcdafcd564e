/* mcp.skill{...}: the files of a skill, of a folder in the tools folder or as texts. */
#include <lauxlib.h>
#include <string.h>

#include "tools/skill.h"
#include "vm/reading.h"
#include "vm/state.h"

#define BOX "mg.skill"
#define MIME "text/markdown"

/* ---- the box that keeps a skill until the set has taken it ---- */

static int l_gc(lua_State *L)
{
    struct skill **box = lua_touserdata(L, 1);
    skill_unref(*box);
    *box = NULL;
    return 0;
}

static struct skill **box_push(lua_State *L)
{
    struct skill **box = lua_newuserdatauv(L, sizeof(struct skill *), 0);
    *box = NULL;
    if (luaL_getmetatable(L, BOX) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_createtable(L, 0, 2);
        lua_pushcfunction(L, l_gc);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, BOX);
    }
    lua_setmetatable(L, -2);
    return box;
}

/* ---- files ---- */

struct files {
    struct skill_source *list; /* userdata on the stack */
    size_t count;
};

static struct files files_push(lua_State *L, size_t room)
{
    return (struct files){ lua_newuserdatauv(L, (room + 1) * sizeof(struct skill_source), 0), 0 };
}

/* files = { ["SKILL.md"] = "..." }, at the top of the stack. */
static bool given_read(struct reading *x, struct files *f)
{
    lua_State *L = x->L;
    int table = lua_gettop(L);
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            report_add(x->r, "files",
                       "files: expected texts by their paths, such as { "
                       "[\"SKILL.md\"] = \"...\" }");
            return false;
        }
        n++;
    }
    *f = files_push(L, n);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        struct skill_source *s = &f->list[f->count++]; /* the table keeps both texts */
        s->path = lua_tostring(L, -2);
        s->data = lua_tolstring(L, -1, &s->len);
        if (strlen(s->path) != lua_rawlen(L, -2)) {
            report_add(x->r, "files", "files: a path with a zero byte");
            return false;
        }
    }
    return true;
}

/* Does it lie in the folder? So does a link that leads out where the folder, or one on the way to
 * it, should be: that one has a problem to tell. */
static bool is_of_folder(const struct source *s, const char *folder, size_t len)
{
    size_t n = strlen(s->name);
    if (n > len)
        return strncmp(s->name, folder, len) == 0 && s->name[len] == '/';
    return s->problem && strncmp(s->name, folder, n) == 0 && (folder[n] == '/' || n == len);
}

/* folder = "skills/NAME", at the top of the stack. */
static bool folder_read(struct reading *x, struct files *f)
{
    lua_State *L = x->L;
    const char *folder = lua_tostring(L, -1);
    const struct sources *all = x->r->sources;
    size_t len = strlen(folder), n = 0;
    bool is_whole = true;
    for (size_t i = 0; i < sources_count(all); i++)
        n += is_of_folder(sources_at(all, i), folder, len);
    *f = files_push(L, n);
    for (size_t i = 0; i < sources_count(all); i++) {
        const struct source *s = sources_at(all, i);
        if (!is_of_folder(s, folder, len))
            continue;
        if (s->text)
            f->list[f->count++] = (struct skill_source){ s->name + len + 1, s->text, s->len };
        else
            report_add(x->r, "folder", "%s: %s", s->name, s->problem);
        is_whole &= s->text != NULL;
    }
    if (strncmp(folder, "skills/", 7) != 0 || !folder[7] || folder[len - 1] == '/')
        report_add(x->r, "folder",
                   "folder: expected one such as \"skills/%s\", in the tools folder",
                   x->d->tool.name ? tool_wire_name(&x->d->tool) : "hello");
    else if (f->count == 0 && is_whole)
        report_add(x->r, "folder", "folder: there are no files in %s", folder);
    else
        return is_whole;
    return false;
}

/* One of the two; leaves what keeps the files on the stack. */
static bool files_read(struct reading *x, struct files *f)
{
    int folder = reading_field(x, "folder"), files = reading_field(x, "files");
    if ((folder != LUA_TNIL) == (files != LUA_TNIL)) {
        report_add(x->r, NULL,
                   "mcp.skill: expected folder = \"skills/NAME\" or files = { "
                   "[\"SKILL.md\"] = \"...\" }%s",
                   folder != LUA_TNIL ? ", not both" : "");
    } else if (files == LUA_TTABLE) {
        return given_read(x, f);
    } else if (files != LUA_TNIL) {
        reading_wrong_type(x, "files", "a table");
    } else {
        lua_pop(x->L, 1);
        if (folder == LUA_TSTRING)
            return folder_read(x, f);
        reading_wrong_type(x, "folder", "a string");
    }
    return false;
}

static void skill_make(struct reading *x, const struct files *f)
{
    struct tool *t = &x->d->tool;
    const char *path = NULL;
    struct err e = { 0 };
    reading_text(x, "path", &path);
    struct skill **box = box_push(x->L); /* nothing between making and keeping may raise */
    *box = skill_new(path ? path : "", tool_wire_name(t), t->description, f->list, f->count, &e);
    if (!*box) {
        if (e.code == MG_E_NOMEM)
            report_no_memory(x->r);
        else
            report_add(x->r, f->list && strncmp(e.text, "path", 4) == 0 ? "path" : NULL, "%s",
                       e.text);
        return;
    }
    lua_rawseti(x->L, x->anchor, (lua_Integer)lua_rawlen(x->L, x->anchor) + 1);
    t->skill = *box;
    t->uri = skill_at(*box, 0)->uri;
    t->mime_type = MIME;
    t->size = (int64_t)skill_at(*box, 0)->len;
    t->description = skill_description(*box);
}

void skill_read(struct reading *x)
{
    int top = lua_gettop(x->L);
    struct files f = { NULL, 0 };
    /* A further machine's: the set has what the first one's files became. */
    if (x->d->tool.name && !vm_of(x->L)->like && files_read(x, &f))
        skill_make(x, &f);
    lua_settop(x->L, top);
}
