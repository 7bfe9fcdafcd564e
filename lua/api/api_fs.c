#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/fs_job.h"
#include "api/fs_names.h"
#include "api/fs_tally.h"

#define READ_DEFAULT ((uint64_t)4 << 20)

/* ---- arguments ---- */

/* 0, or the number of results that refuse it. */
static int check_grant(lua_State *L, enum vm_fs needed)
{
    const struct tool *tool = tool_of(L);
    if (policy_of(L)->fs >= needed)
        return 0;
    return api_fail(L, "DENIED", "the tool may not %s files; in mcp.ini: [tool %s] fs = %s",
                    needed == VM_FS_WRITE ? "change" : "read", tool ? tool->name : "NAME",
                    needed == VM_FS_WRITE ? "write" : "read");
}

/* Paths come from callers: what is wrong with one does not raise. */
static int check_path(lua_State *L, int index, const char **path)
{
    size_t len;
    *path = luaL_checklstring(L, index, &len);
    if (strlen(*path) != len)
        return api_fail(L, "INVALID", "the path holds a zero byte");
    if (len >= PATH_MAX)
        return api_fail(L, "INVALID", "the path, or a name in it, is too long");
    return 0;
}

/* What every function begins with. */
static int begin(lua_State *L, int options, const char *const *names, enum vm_fs needed,
                 const char **path)
{
    lua_settop(L, options);
    if (names)
        opts_check(L, options, names);
    int refused = check_path(L, 1, path);
    return refused ? refused : check_grant(L, needed);
}

static bool bool_option(lua_State *L, int index, const char *name, bool fallback)
{
    if (!lua_istable(L, index))
        return fallback;
    int type = lua_getfield(L, index, name);
    bool value = type == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        luaL_error(L, "%s: expected true or false", name);
    lua_pop(L, 1);
    return value;
}

static bool has_option(lua_State *L, int index, const char *name)
{
    if (!lua_istable(L, index))
        return false;
    bool has = lua_getfield(L, index, name) != LUA_TNIL;
    lua_pop(L, 1);
    return has;
}

/* Stays on the stack, in lower case. */
static const char *digest_option(lua_State *L, int index)
{
    size_t len;
    if (!has_option(L, index, "sha256"))
        return NULL;
    if (lua_getfield(L, index, "sha256") != LUA_TSTRING)
        luaL_error(L, "sha256: expected 64 hex digits, or \"\" for: there is no file");
    const char *text = lua_tolstring(L, -1, &len);
    if ((len != 64 || strspn(text, "0123456789abcdefABCDEF") != 64) && len != 0)
        luaL_error(L, "sha256: expected 64 hex digits, or \"\" for: there is no file");
    char lower[DIGEST_TEXT] = "";
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 'a' - 'A' : text[i]);
    return lua_pushstring(L, lower);
}

static int check_data(lua_State *L, int index, struct fs_input *in)
{
    in->data = luaL_checklstring(L, index, &in->len);
    if (in->len <= READ_MAX)
        return 0;
    return api_fail(L, "TOO_LARGE", "more than %d bytes at once; append takes the rest",
                    (int)READ_MAX);
}

static int push_true(lua_State *L, struct fs_job *j)
{
    (void)j;
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- reading ---- */

static int work_read(struct fs_job *j)
{
    size_t taken;
    int code = root_read(&j->at, j->in.path, &j->in.read, &j->out, &taken, &j->info, &j->fail);
    j->taken += taken;
    return code;
}

static int push_bytes(lua_State *L, struct fs_job *j)
{
    lua_pushlstring(L, j->out.data ? j->out.data : "", j->out.len);
    buf_fini(&j->out);
    lua_pushinteger(L, (lua_Integer)j->info.size);
    return 2;
}

/* mcp.fs.read(path [, {offset=, length=, max=}]) -> bytes, the file's size (w). Failure: nil,
 * message, code. From offset (0) on: length bytes, or as many as there are; without length all of
 * them, but more than max (4M, up to 16M) are refused: TOO_LARGE. Links that lead to a file below
 * the root are followed. */
static int l_read(lua_State *L)
{
    static const struct fs_type type = { "read", work_read, push_bytes };
    static const char *const names[] = { "offset", "length", "max", NULL };
    struct fs_input in = { 0 };
    int refused = begin(L, 2, names, VM_FS_READ, &in.path);
    in.read.offset = opts_size(L, 2, "offset", 0, INT64_MAX);
    in.read.has_length = has_option(L, 2, "length");
    in.read.length = opts_size(L, 2, "length", 0, READ_MAX);
    in.read.max = opts_size(L, 2, "max", READ_DEFAULT, READ_MAX);
    return refused ? refused : fs_run(L, &type, &in);
}

static int push_piece(lua_State *L, struct fs_job *j)
{
    push_bytes(L, j);
    lua_pop(L, 1);
    lua_pushfstring(L, "%I:%I", (LUAI_UACINT)j->info.dev, (LUAI_UACINT)j->info.ino);
    return 2;
}

/* For lua/lib/mcp/fs.lua: path, offset, length -> bytes, which file it is; nil, message, code. */
static int l_piece(lua_State *L)
{
    static const struct fs_type type = { "lines", work_read, push_piece };
    struct fs_input in = { .read.has_length = true };
    in.read.offset = (uint64_t)luaL_checkinteger(L, 2);
    in.read.length = (uint64_t)luaL_checkinteger(L, 3);
    int refused = begin(L, 3, NULL, VM_FS_READ, &in.path);
    return refused ? refused : fs_run(L, &type, &in);
}

static int work_stat(struct fs_job *j) { return root_stat(&j->at, j->in.path, &j->info, &j->fail); }

static int push_info(lua_State *L, struct fs_job *j)
{
    const struct file_info *info = &j->info;
    char mode[8];
    snprintf(mode, sizeof mode, "%04o", info->mode);
    lua_createtable(L, 0, 7);
    lua_pushstring(L, info->type == 'd' ? "folder" : info->type == 'l' ? "link" : "file");
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, (lua_Integer)info->size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, info->modified);
    lua_setfield(L, -2, "modified");
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "mode");
    lua_pushstring(L, info->path);
    lua_setfield(L, -2, "path");
    lua_pushfstring(L, "%s%s%s", j->rules.root, strcmp(j->rules.root, "/") == 0 ? "" : "/",
                    strcmp(info->path, ".") == 0 ? "" : info->path);
    if (strcmp(info->path, ".") == 0) {
        lua_pop(L, 1);
        lua_pushstring(L, j->rules.root);
    }
    lua_setfield(L, -2, "absolute");
    if (info->is_link) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "link");
    }
    return 1;
}

/* mcp.fs.stat(path) -> {type=, size=, modified=, mode=, path=, absolute=, link=} (w). Failure: nil,
 * message, code (ENOENT: there is nothing; DENIED also of a name that tools may not make). type is
 * "file" or "folder", or "link" for one that leads nowhere; link is true when the path's last part
 * is one that was followed. modified: seconds since 1970. mode: "0644". path is relative to the
 * root with all links resolved, absolute the same with the root before it. "." is the root. */
static int l_stat(lua_State *L)
{
    static const struct fs_type type = { "stat", work_stat, push_info };
    struct fs_input in = { 0 };
    int refused = begin(L, 1, NULL, VM_FS_READ, &in.path);
    return refused ? refused : fs_run(L, &type, &in);
}

/* ---- changing ---- */

static int work_write(struct fs_job *j)
{
    struct write_options o = j->in.write;
    o.data = j->in.data;
    o.len = j->in.len;
    o.sha256 = j->in.sha256;
    return root_write(&j->at, j->in.path, &o, &j->written, &j->fail);
}

static int push_written(lua_State *L, struct fs_job *j)
{
    const struct written *w = &j->written;
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)w->size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, w->modified);
    lua_setfield(L, -2, "modified");
    lua_pushboolean(L, w->is_new);
    lua_setfield(L, -2, "created");
    if (w->sha256[0]) {
        lua_pushstring(L, w->sha256);
        lua_setfield(L, -2, "sha256");
    }
    return 1;
}

/* mcp.fs.write(path, data [, {overwrite=, create=, sha256=}]) -> {sha256=, size=, modified=,
 * created=} (w). Failure: nil, message, code. The file is made, or replaced as a whole: whoever
 * reads, also after a power cut, finds the old bytes or the new ones. It keeps its mode; a hard
 * link to it keeps the old bytes; a symbolic link is not written through (DENIED). overwrite =
 * false or create = true: it must not exist (else EEXIST); create = false: it must (else ENOENT).
 * sha256: what is there now has this digest, or, for "", nothing is there, else CONFLICT, and the
 * message says what the digest is; of two writers with the same digest one wins. data: up to 16M.
 * A call that is cancelled meanwhile leaves the old file or the new one. */
static int l_write(lua_State *L)
{
    static const struct fs_type type = { "write", work_write, push_written };
    static const char *const names[] = { "overwrite", "create", "sha256", NULL };
    struct fs_input in = { 0 };
    luaL_checktype(L, 2, LUA_TSTRING);
    int refused = begin(L, 3, names, VM_FS_WRITE, &in.path);
    bool has_create = has_option(L, 3, "create"), create = bool_option(L, 3, "create", false);
    in.write.must_be_new = create || !bool_option(L, 3, "overwrite", true);
    in.write.must_exist = has_create && !create;
    in.sha256 = digest_option(L, 3);
    if (in.write.must_be_new && (in.write.must_exist || (in.sha256 && in.sha256[0])))
        return luaL_error(L, "write: the options contradict each other: the file must be there, "
                             "and must not");
    if (in.write.must_exist && in.sha256 && !in.sha256[0])
        return luaL_error(L, "write: create = false and sha256 = \"\" contradict each other");
    if (!refused)
        refused = check_data(L, 2, &in);
    return refused ? refused : fs_run(L, &type, &in);
}

static int work_append(struct fs_job *j)
{
    return root_append(&j->at, j->in.path, j->in.data, j->in.len, &j->written, &j->fail);
}

/* mcp.fs.append(path, data) -> {size=, modified=, created=} (w). Failure: nil, message, code. Makes
 * the file when there is none. What was written when the disk turns out to be full is taken back.
 * data: up to 16M. */
static int l_append(lua_State *L)
{
    static const struct fs_type type = { "append", work_append, push_written };
    struct fs_input in = { 0 };
    luaL_checktype(L, 2, LUA_TSTRING);
    int refused = begin(L, 2, NULL, VM_FS_WRITE, &in.path);
    if (!refused)
        refused = check_data(L, 2, &in);
    return refused ? refused : fs_run(L, &type, &in);
}

static int work_rename(struct fs_job *j)
{
    return root_rename(&j->at, j->in.path, j->in.to, j->in.overwrite, &j->fail);
}

/* mcp.fs.rename(from, to [, {overwrite=}]) -> true (w). Failure: nil, message, code. A file or a
 * folder (of at most 10,000 entries, none of which may be one that tools may not touch, before or
 * after). A file at `to` is replaced with overwrite = true, else EEXIST; a folder there never is.
 * Links are not renamed. */
static int l_rename(lua_State *L)
{
    static const struct fs_type type = { "rename", work_rename, push_true };
    static const char *const names[] = { "overwrite", NULL };
    struct fs_input in = { 0 };
    luaL_checktype(L, 2, LUA_TSTRING);
    int refused = begin(L, 3, names, VM_FS_WRITE, &in.path);
    in.overwrite = bool_option(L, 3, "overwrite", false);
    if (!refused)
        refused = check_path(L, 2, &in.to);
    return refused ? refused : fs_run(L, &type, &in);
}

static int work_remove(struct fs_job *j)
{
    return root_remove(&j->at, j->in.path, j->in.sha256, &j->fail);
}

/* mcp.fs.remove(path [, {sha256=}]) -> true (w). Failure: nil, message, code. A file, a link (not
 * what it leads to), or an empty folder (else ENOTEMPTY). sha256: of the file as it is now, else
 * CONFLICT. */
static int l_remove(lua_State *L)
{
    static const struct fs_type type = { "remove", work_remove, push_true };
    static const char *const names[] = { "sha256", NULL };
    struct fs_input in = { 0 };
    int refused = begin(L, 2, names, VM_FS_WRITE, &in.path);
    in.sha256 = digest_option(L, 2);
    if (in.sha256 && !in.sha256[0])
        return luaL_error(L, "sha256: expected 64 hex digits");
    return refused ? refused : fs_run(L, &type, &in);
}

static int work_mkdir(struct fs_job *j) { return root_mkdir(&j->at, j->in.path, &j->fail); }

static int push_made(lua_State *L, struct fs_job *j)
{
    lua_pushboolean(L, j->code == 1);
    return 1;
}

/* mcp.fs.mkdir(path) -> boolean: was it made? (w) Failure: nil, message, code. The folders that it
 * lies in are made, too. false: there is such a folder; EEXIST: there is a file. */
static int l_mkdir(lua_State *L)
{
    static const struct fs_type type = { "mkdir", work_mkdir, push_made };
    struct fs_input in = { 0 };
    int refused = begin(L, 1, NULL, VM_FS_WRITE, &in.path);
    return refused ? refused : fs_run(L, &type, &in);
}

int mgl_open_fs(lua_State *L)
{
    static const luaL_Reg functions[] = { { "read", l_read },     { "stat", l_stat },
                                          { "write", l_write },   { "append", l_append },
                                          { "rename", l_rename }, { "remove", l_remove },
                                          { "mkdir", l_mkdir },   { "tally", mgl_fs_tally },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    lua_pushvalue(L, -1);
    lua_createtable(L, 0, 4);
    fs_names_open(L);
    lua_pushcfunction(L, l_piece);
    lua_setfield(L, -2, "piece");
    lib_run(L, "mcp/fs.lua", 2, 0);
    return 1;
}
