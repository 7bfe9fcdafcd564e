#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "base/utf8.h"
#include "index/index.h"
#include "tools/pathglob.h"
#include "vm/op.h"

#define META "mg.index"
#define TOOL_NAME_MAX 128
#define SEARCH_DEFAULT 10
#define LIST_DEFAULT 100

struct named {
    char name[INDEX_NAME_MAX + 1];
};

/* One operation that a strand waits for. What it was given is in index.in; late, because a helper
 * thread may be at it when the call ends. */
struct waiting {
    struct op op;
    struct index_op index;
    int (*push)(lua_State *L, struct index_op *op);
    char tool[TOOL_NAME_MAX + 1], name[INDEX_NAME_MAX + 1];
};

static struct named *named_check(lua_State *L) { return luaL_checkudata(L, 1, META); }

/* ---- the operation ---- */

static void waiting_cancel(struct op *op) { index_op_cancel(&((struct waiting *)op)->index); }
static void waiting_free(struct op *op) { index_op_fini(&((struct waiting *)op)->index); }

static int waiting_results(lua_State *L, struct op *op)
{
    struct waiting *w = (struct waiting *)op;
    if (w->index.code != 0)
        return api_fail(L, err_word(w->index.code), "%s", w->index.err.text);
    return w->push(L, &w->index);
}

static const struct op_type waiting_type = {
    .name = "index",
    .size = sizeof(struct waiting),
    .late = true,
    .cancel = waiting_cancel,
    .release = waiting_free,
    .results = waiting_results,
};

static void index_done(struct index_op *index)
{
    struct waiting *w = (struct waiting *)(void *)((char *)index - offsetof(struct waiting, index));
    op_complete(&w->op);
}

/* NULL: the task is being cancelled and three results are pushed. */
static struct waiting *waiting_push(lua_State *L, enum index_kind kind,
                                    int (*push)(lua_State *L, struct index_op *op))
{
    const struct named *named = named_check(L);
    const struct vm_services *services = vm_services_of(L);
    const struct tool *tool = tool_of(L);

    if (!tool || !task_of(L) || !services || !services->index)
        luaL_error(L, "index: there is no index while a file is loaded");
    struct waiting *w = (struct waiting *)op_push(L, &waiting_type);
    if (!w)
        return NULL;
    memcpy(w->name, named->name, sizeof w->name);
    memcpy(w->tool, tool->name, strnlen(tool->name, TOOL_NAME_MAX));
    w->push = push;
    w->index.kind = kind;
    w->index.loop = services->loop;
    w->index.done = index_done;
    w->index.tool = w->tool;
    w->index.name = w->name;
    w->index.deadline_ms = task_deadline(task_of(L));
    return w;
}

static void add_text(struct waiting *w, int text, const char *s, size_t len)
{
    struct buf *in = &w->index.in;
    w->index.text[text] = (struct index_span){ in->len, len };
    buf_append(in, s, len);
}

static int waiting_run(lua_State *L, struct waiting *w)
{
    if (buf_ok(&w->index.in)) {
        index_submit(vm_services_of(L)->index, &w->index);
    } else {
        w->index.code = err_set(&w->index.err, MG_E_NOMEM, "no memory for a copy of the text");
        op_complete(&w->op);
    }
    return op_wait(L, &w->op);
}

/* ---- results ---- */

static void push_span(lua_State *L, const struct index_op *op, const struct index_span *s)
{
    lua_pushlstring(L, s->len > 0 ? op->out.data + s->at : "", s->len);
}

static int push_true(lua_State *L, struct index_op *op)
{
    (void)op;
    lua_pushboolean(L, 1);
    return 1;
}

static int push_removed(lua_State *L, struct index_op *op)
{
    lua_pushboolean(L, op->count > 0);
    return 1;
}

static int push_count(lua_State *L, struct index_op *op)
{
    lua_pushinteger(L, (lua_Integer)op->count);
    return 1;
}

static int push_stamp(lua_State *L, struct index_op *op)
{
    if (op->row_count > 0)
        push_span(L, op, &op->rows[0].text[0]);
    else
        lua_pushnil(L);
    return 1;
}

static int push_hits(lua_State *L, struct index_op *op)
{
    static const char *const names[] = { "id", "title", "snippet" };
    lua_createtable(L, (int)op->row_count, 0);
    for (size_t i = 0; i < op->row_count; i++) {
        lua_createtable(L, 0, 4);
        for (int k = 0; k < 3; k++) {
            push_span(L, op, &op->rows[i].text[k]);
            lua_setfield(L, -2, names[k]);
        }
        lua_pushnumber(L, op->rows[i].score);
        lua_setfield(L, -2, "score");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    value_mark_array(L, -1);
    return 1;
}

static int push_list(lua_State *L, struct index_op *op)
{
    lua_createtable(L, (int)op->row_count, 0);
    for (size_t i = 0; i < op->row_count; i++) {
        lua_createtable(L, 0, 2);
        push_span(L, op, &op->rows[i].text[0]);
        lua_setfield(L, -2, "id");
        push_span(L, op, &op->rows[i].text[1]);
        lua_setfield(L, -2, "stamp");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    value_mark_array(L, -1);
    if (!op->has_more)
        return 1;
    push_span(L, op, &op->rows[op->row_count - 1].text[0]);
    return 2;
}

/* ---- arguments ---- */

static const char *check_id(lua_State *L, int index, size_t *len)
{
    luaL_checktype(L, index, LUA_TSTRING);
    const char *id = lua_tolstring(L, index, len);
    luaL_argcheck(L, *len >= 1 && *len <= INDEX_ID_MAX, index, "expected an id of 1 to 4096 bytes");
    luaL_argcheck(L, utf8_valid(id, *len) == *len, index, "expected an id in UTF-8");
    return id;
}

static uint32_t check_limit(lua_State *L, int index, uint32_t fallback, uint32_t most)
{
    int is_integer;
    if (!lua_istable(L, index) || lua_getfield(L, index, "limit") == LUA_TNIL)
        return fallback;
    lua_Integer limit = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || limit < 1 || limit > (lua_Integer)most)
        luaL_error(L, "limit: expected 1 to %d", (int)most);
    return (uint32_t)limit;
}

/* Which of a document's texts the member is whose name is at index. */
static int text_of(lua_State *L, int index)
{
    const char *name = lua_tostring(L, index);
    return strcmp(name, "title") == 0  ? INDEX_TITLE
           : strcmp(name, "text") == 0 ? INDEX_TEXT
                                       : INDEX_MORE;
}

/* The document at index 3. 0, or 3 with nil, message, code pushed; raises where it is none. */
static int check_document(lua_State *L)
{
    size_t total = 0, len;

    luaL_checktype(L, 3, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "put: expected a document whose members are texts with names");
        const char *text = lua_tolstring(L, -1, &len);
        total += len + 1;
        if (utf8_valid(text, len) != len)
            return api_fail(L, "INVALID", "the document's %s is not UTF-8", lua_tostring(L, -2));
        if (text_of(L, -2) == INDEX_TITLE && len > INDEX_TITLE_MAX)
            return api_fail(L, "TOO_LARGE", "the document's title has more than %d bytes",
                            INDEX_TITLE_MAX);
    }
    if (total > INDEX_DOCUMENT_MAX)
        return api_fail(L, "TOO_LARGE", "the document has more than %d bytes",
                        (int)INDEX_DOCUMENT_MAX);
    return 0;
}

/* Those texts of the document at index 3 that are `which`; no Lua function is called and nothing is
 * made. */
static void add_texts(lua_State *L, struct waiting *w, int which)
{
    struct buf *in = &w->index.in;
    size_t begin = in->len, len;

    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
        if (text_of(L, -2) != which)
            continue;
        const char *text = lua_tolstring(L, -1, &len);
        buf_append(in, text, len);
        if (which == INDEX_MORE)
            buf_putc(in, '\n');
    }
    w->index.text[which] = (struct index_span){ begin, in->len - begin };
}

/* ---- the functions ---- */

/* index:put(id, document [, stamp]) -> true, or nil, message, code (w).
 * Adds the document, or replaces the one of that id. document: {title=, text=, ...}: texts in
 * UTF-8, of at most 4 MB together; a title has at most 1024 bytes. Words in the title count most;
 * further members are searched and not shown. stamp: a text of at most 256 bytes that says of what
 * state of the thing this is (its time and size, a hash). Puts that wait at the same time, as by
 * mcp.spawn, share one transaction: much faster than one after the other. */
static int l_put(lua_State *L)
{
    size_t id_len, stamp_len;
    lua_settop(L, 4);
    const char *id = check_id(L, 2, &id_len);
    const char *stamp = luaL_optlstring(L, 4, "", &stamp_len);
    luaL_argcheck(L, stamp_len <= INDEX_STAMP_MAX, 4, "expected a stamp of at most 256 bytes");
    if (check_document(L))
        return 3;
    struct waiting *w = waiting_push(L, INDEX_PUT, push_true);
    if (!w)
        return 3;
    add_text(w, INDEX_ID, id, id_len);
    add_text(w, INDEX_STAMP_TEXT, stamp, stamp_len);
    add_texts(L, w, INDEX_TITLE);
    add_texts(L, w, INDEX_TEXT);
    add_texts(L, w, INDEX_MORE);
    return waiting_run(L, w);
}

static int of_id(lua_State *L, enum index_kind kind, int (*push)(lua_State *L, struct index_op *op))
{
    size_t len;
    const char *id = check_id(L, 2, &len);
    struct waiting *w = waiting_push(L, kind, push);
    if (!w)
        return 3;
    add_text(w, INDEX_ID, id, len);
    return waiting_run(L, w);
}

/* index:remove(id) -> was it there? Or nil, message, code (w). */
static int l_remove(lua_State *L) { return of_id(L, INDEX_REMOVE, push_removed); }

/* index:stamp(id) -> the stamp that was put with it, nil when it is not there, or nil, message,
 * code (w). */
static int l_stamp(lua_State *L) { return of_id(L, INDEX_STAMP, push_stamp); }

/* index:count() -> integer: documents; or nil, message, code (w). */
static int l_count(lua_State *L)
{
    struct waiting *w = waiting_push(L, INDEX_COUNT, push_count);
    return w ? waiting_run(L, w) : 3;
}

/* index:list([{after=, limit=}]) -> array of {id=, stamp=}, next; or nil, message, code (w).
 * A page of at most limit (100; up to 1000) documents in bytewise order of id; next is the id to
 * give as `after` for the following page, nil on the last. */
static int l_list(lua_State *L)
{
    static const char *const names[] = { "after", "limit", NULL };
    const char *after = "";
    size_t len = 0;

    lua_settop(L, 2);
    opts_check(L, 2, names);
    uint32_t limit = check_limit(L, 2, LIST_DEFAULT, INDEX_LIST_MAX);
    if (lua_istable(L, 2) && lua_getfield(L, 2, "after") != LUA_TNIL)
        after = check_id(L, lua_gettop(L), &len);
    struct waiting *w = waiting_push(L, INDEX_LIST, push_list);
    if (!w)
        return 3;
    w->index.limit = limit;
    add_text(w, INDEX_ID, after, len);
    return waiting_run(L, w);
}

/* index:search(query [, {limit=, any=}]) -> array of {id=, score=, title=, snippet=}, or nil,
 * message, code (w). The best first, at most limit (10; up to 100). All words of the query must be
 * in a document (any = true: one of them, and those with more come first); "quoted words" must
 * stand there one behind the other; word* is what begins so. All else is taken as it stands. Case
 * and accents do not matter, and neither does how names are written: getUserName, get_user_name and
 * "get user name" find each other. snippet: the part of the text with most of the words, on one
 * line of at most 240 bytes. At most 32 words and phrases; code TIMEOUT after 5 s. */
static int l_search(lua_State *L)
{
    static const char *const names[] = { "limit", "any", NULL };
    size_t len;

    lua_settop(L, 3);
    const char *query = luaL_checklstring(L, 2, &len);
    opts_check(L, 3, names);
    uint32_t limit = check_limit(L, 3, SEARCH_DEFAULT, INDEX_SEARCH_MAX);
    if (len > INDEX_QUERY_MAX)
        return api_fail(L, "INVALID", "the query has more than %d bytes", INDEX_QUERY_MAX);
    bool any = lua_istable(L, 3) && lua_getfield(L, 3, "any") != LUA_TNIL && lua_toboolean(L, -1);
    struct waiting *w = waiting_push(L, INDEX_SEARCH, push_hits);
    if (!w)
        return 3;
    w->index.any = any;
    w->index.limit = limit;
    add_text(w, INDEX_ID, query, len);
    return waiting_run(L, w);
}

/* mcp.index.open(name) -> index. The tool's own: another tool that opens the same name has another
 * one. It lies in a file beside the state and outlives restarts, but it is a cache: a damaged file
 * is begun anew, empty, so keep what is indexed elsewhere, and put again what list() lacks. */
static int l_open(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L,
                  len >= 1 && len <= INDEX_NAME_MAX &&
                      strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789_.-") == len,
                  1, "expected a name of 1 to 64 of A-Z a-z 0-9 _ . -");
    struct named *named = lua_newuserdatauv(L, sizeof *named, 0);
    memcpy(named->name, name, len + 1);
    luaL_setmetatable(L, META);
    return 1;
}

static const struct vm_sections *sections_of(lua_State *L)
{
    static const struct vm_sections none;
    const struct vm_sections *sections = vm_options_of(L)->config;
    return sections ? sections : &none;
}

/* mcp.index.settings() -> {max_file=, view_base=}: what mcp.ini says of files that are searched:
 * [search] max_file in bytes; [paths] view_base, a URL, or nil. */
static int l_settings(lua_State *L)
{
    const struct vm_sections *sections = sections_of(L);
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)sections->search_max_file);
    lua_setfield(L, -2, "max_file");
    lua_pushstring(L, sections->view_base);
    lua_setfield(L, -2, "view_base");
    return 1;
}

/* mcp.index.excludes(path) -> does [search] exclude of mcp.ini leave out this path, which is
 * relative to the root? */
static int l_excludes(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);
    const char *const *glob = sections_of(L)->search_exclude;
    bool is_out = false;

    for (; glob && *glob && !is_out; glob++)
        is_out = pathglob_match(*glob, path, len);
    lua_pushboolean(L, is_out);
    return 1;
}

static int l_tostring(lua_State *L)
{
    lua_pushfstring(L, "index: %s", named_check(L)->name);
    return 1;
}

static const luaL_Reg methods[] = {
    { "put", l_put },     { "remove", l_remove }, { "search", l_search }, { "stamp", l_stamp },
    { "count", l_count }, { "list", l_list },     { NULL, NULL },
};

/* Once for each state; registered when it is whole, and out of every tool's reach. */
static void make_metatable(lua_State *L)
{
    if (luaL_getmetatable(L, META) == LUA_TTABLE) {
        lua_pop(L, 1);
        return;
    }
    lua_pop(L, 1);
    lua_createtable(L, 0, 4);
    lua_pushstring(L, META);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, l_tostring);
    lua_setfield(L, -2, "__tostring");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_setfield(L, LUA_REGISTRYINDEX, META);
}

int mgl_open_index(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "open", l_open }, { "settings", l_settings }, { "excludes", l_excludes }, { NULL, NULL }
    };
    make_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
