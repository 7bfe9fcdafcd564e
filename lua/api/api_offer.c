#include <lauxlib.h>

#include "api/api.h"

/* For lua/lib/mcp/offer.lua: value -> "content" or "fail" for what mcp.content and mcp.fail made.
 */
static int l_mark_of(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, result_mark(L, 1));
    return 1;
}

enum { UP_KIND = 1, UP_NAME, UP_MAKERS };

/* Pushes offer.lua's table of makers, of this file. Most files declare tools alone: for them it is
 * never made. */
static void push_makers(lua_State *L)
{
    if (lua_rawgeti(L, lua_upvalueindex(UP_MAKERS), 1) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    result_push_primitives(L);
    lua_pushcfunction(L, l_mark_of);
    lua_setfield(L, -2, "mark_of");
    lib_run(L, "mcp/offer.lua", 1, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, lua_upvalueindex(UP_MAKERS), 1);
}

/* The functions that run it are made of the declaration's own; what is wrong with it is told when
 * the file has returned it. */
static int declare(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    push_makers(L);
    lua_pushvalue(L, lua_upvalueindex(UP_NAME));
    lua_rawget(L, -2);
    lua_remove(L, -2);
    lua_pushvalue(L, 1);
    lua_call(L, 1, DECL_PARTS - 1);
    decl_push(L, (enum tool_kind)lua_tointeger(L, lua_upvalueindex(UP_KIND)));
    return 1;
}

/* mcp.prompt{name=, title=, description=, arguments={{name=, title=, description=, required=}},
 * complete={ARGUMENT=}, icons=, meta=, needs=, settings=, limits=, run=function(args, ctx)} ->
 * what the file returns. run returns a text, a block, or a list of texts, blocks and messages
 * {role="user" or "assistant", content=text or block}; nil and why fails, and with "INVALID" as the
 * code blames the arguments, as it does in complete. Each argument is a string or absent. A value
 * of complete is a list of texts, or function(value, ctx, others) -> list: what the argument may
 * become, given what the person has typed of it and the other arguments. */
static int l_prompt(lua_State *L) { return declare(L); }

/* mcp.resource{uri=, name=, title=, description=, mimeType=, size=, annotations=, icons=, meta=,
 * needs=, settings=, limits=, cache={ttl=, public=}, read=function(ctx)} -> what the file returns.
 * read returns a text, {blob=bytes}, {text=}, or a list of these, each with uri=, mimeType= and
 * meta= where they are not the resource's own; nil says that there is none (also nil, message,
 * "ENOENT"), nil and a message that it failed. Clients may keep what was read for cache.ttl, and
 * share it among all callers if it is public. */
static int l_resource(lua_State *L) { return declare(L); }

/* mcp.resource_template{uriTemplate=, name=, title=, description=, mimeType=, annotations=, icons=,
 * meta=, needs=, settings=, limits=, cache={ttl=, public=}, complete={VARIABLE=},
 * list=function(ctx), read=function(vars, ctx, uri)} -> what the file returns. uriTemplate is RFC
 * 6570, "notes:///{+path}"; vars are its variables, decoded, each a text, of {x*} a list of them;
 * read, cache and complete are as above; nil, message, "INVALID" of read blames the URI. list
 * returns what of it is to stand in resources/list: a list of {uri=, name=, title=, description=,
 * mimeType=, size=, annotations=, icons=, meta=}. */
static int l_resource_template(lua_State *L) { return declare(L); }

/* mcp.skill{name=, title=, description=, path=, folder= or files=, meta=} -> what the file returns.
 * A skill is a SKILL.md and the files beside it: how to do something, for models to read when they
 * need it. folder, "skills/NAME", lies in the tools folder, at most three folders deep; a symbolic
 * link in it is relative and stays in the tools folder. Its files are read when the tool file is
 * loaded and served as they were then, and a change of one is served as a change of the tool file
 * is. files has the texts by their paths instead, {["SKILL.md"]
 * = "..."}. A SKILL.md begins with its head, YAML between lines of "---", whose name is name; where
 * it has none, one is made of name and description. Its URI is skill://PATH/NAME/SKILL.md. At most
 * 512 files, 1 MiB of each and 16 MiB of all. */
static int l_skill(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    decl_push(L, TOOL_SKILL);
    return 1;
}

/* Stack: the table that will hold the makers, the table to fill. */
static void add(lua_State *L, const char *name, enum tool_kind kind, lua_CFunction f)
{
    lua_pushinteger(L, kind);
    lua_pushstring(L, name);
    lua_pushvalue(L, -4);
    lua_pushcclosure(L, f, 3);
    lua_setfield(L, -2, name);
}

int mgl_open_offer(lua_State *L)
{
    lua_createtable(L, 1, 0);
    lua_createtable(L, 0, 4);
    add(L, "prompt", TOOL_PROMPT, l_prompt);
    add(L, "resource", TOOL_RESOURCE, l_resource);
    add(L, "resource_template", TOOL_TEMPLATE, l_resource_template);
    lua_pushcfunction(L, l_skill); /* nothing of it runs, so nothing makes what would */
    lua_setfield(L, -2, "skill");
    return 1;
}
