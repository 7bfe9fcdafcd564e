#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "api/process.h"
#include "api/run.h"
#include "api/scratch.h"
#include "files/rootfile.h"

#define ARGV_MAX 1000
#define ENV_MAX 200
#define TIMEOUT_MAX_MS ((int64_t)24 * 3600 * 1000)
#define OUTPUT_DEFAULT ((uint64_t)1 << 20)
#define OUTPUT_MAX ((uint64_t)64 << 20)
#define INPUT_MAX ((size_t)16 << 20)

/* Everything that points somewhere points into strings on the stack. */
struct exec_options {
    struct process_options process;
    const char *cwd, *stdin_file, *stdout_file; /* below the root; NULL: not given */
};

/* ---- reading the options ---- */

static const char *check_text(lua_State *L, int index, const char *what)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    if (!text)
        luaL_error(L, "exec.run: %s: expected a string, got %s", what, luaL_typename(L, index));
    if (strlen(text) != len)
        luaL_error(L, "exec.run: %s: a zero byte cannot be passed to a program", what);
    return text;
}

/* Leaves the string on the stack. NULL: not given. */
static const char *text_option(lua_State *L, const char *name)
{
    return lua_getfield(L, 1, name) == LUA_TNIL ? NULL : check_text(L, -1, name);
}

static const char *const *check_argv(lua_State *L)
{
    if (lua_getfield(L, 1, "argv") != LUA_TTABLE)
        luaL_error(L, "exec.run: argv: expected a list of strings");
    int list = lua_gettop(L);
    lua_Unsigned n = lua_rawlen(L, list);
    if (n < 1 || n > ARGV_MAX)
        luaL_error(L, "exec.run: argv: expected 1 to %d strings", ARGV_MAX);
    luaL_checkstack(L, (int)n + 10, "exec.run: argv");
    const char **argv = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof *argv, 0);
    for (lua_Unsigned i = 0; i < n; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        argv[i] = check_text(L, -1, "argv");
    }
    argv[n] = NULL;
    if (argv[0][0] == '\0')
        luaL_error(L, "exec.run: argv: the program's name is empty");
    return argv;
}

static size_t add_plain_env(lua_State *L, const char **env)
{
    static const char *const names[] = { "PATH", "HOME", "LANG" };
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && lua_getfield(L, -1, names[i]) == LUA_TNIL) {
            lua_pop(L, 1);
            env[n++] = lua_pushfstring(L, "%s=%s", names[i], value);
            lua_insert(L, -2);
        } else if (value) {
            lua_pop(L, 1);
        }
    }
    return n;
}

/* NULL: the plain variables of the gateway. */
static const char *const *check_env(lua_State *L)
{
    int type = lua_getfield(L, 1, "env");
    if (type == LUA_TNIL)
        return NULL;
    if (type != LUA_TTABLE)
        luaL_error(L, "exec.run: env: expected a table of strings");
    luaL_checkstack(L, ENV_MAX + 20, "exec.run: env");
    const char **env = lua_newuserdatauv(L, (ENV_MAX + 4) * sizeof *env, 0);
    lua_insert(L, -2);
    size_t n = add_plain_env(L, env);
    int table = lua_gettop(L);
    size_t max = n + ENV_MAX;

    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) != LUA_TSTRING || strchr(check_text(L, -2, "env"), '=') || n == max)
            luaL_error(L, "exec.run: env: expected at most %d names without '='", ENV_MAX);
        env[n++] = lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), check_text(L, -1, "env"));
        lua_insert(L, table); /* stays, below the iteration */
        table++;
        lua_pop(L, 1);
    }
    env[n] = NULL;
    return env;
}

static void check_input(lua_State *L, struct exec_options *o)
{
    int type = lua_getfield(L, 1, "stdin");
    if (type == LUA_TNIL)
        return;
    if (type != LUA_TSTRING)
        luaL_error(L, "exec.run: stdin: expected a string");
    o->process.child.stdin_data = lua_tolstring(L, -1, &o->process.child.stdin_len);
    if (o->process.child.stdin_len > INPUT_MAX)
        luaL_error(L, "exec.run: stdin: at most %d bytes; stdin_file takes more", (int)INPUT_MAX);
    if (o->stdin_file)
        luaL_error(L, "exec.run: stdin and stdin_file exclude each other");
}

static void check_options(lua_State *L, struct exec_options *o)
{
    static const char *const names[] = { "argv",       "cwd",         "env",     "stdin",
                                         "stdin_file", "stdout_file", "timeout", "max_output",
                                         "on_line",    NULL };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    opts_check(L, 1, names);
    *o = (struct exec_options){ .process.child = { .stdin_fd = -1, .stdout_fd = -1 } };
    o->process.child.argv = check_argv(L);
    o->process.child.env = check_env(L);
    o->cwd = text_option(L, "cwd");
    o->stdin_file = text_option(L, "stdin_file");
    o->stdout_file = text_option(L, "stdout_file");
    check_input(L, o);
    o->process.timeout_ms = opts_duration(L, 1, "timeout", 0, TIMEOUT_MAX_MS);
    o->process.max_output = (size_t)opts_size(L, 1, "max_output", OUTPUT_DEFAULT, OUTPUT_MAX);
    o->process.max_error = o->process.max_output;
    int on_line = lua_getfield(L, 1, "on_line");
    if (on_line != LUA_TNIL && on_line != LUA_TFUNCTION)
        luaL_error(L, "exec.run: on_line: expected a function");
    o->process.wants_lines = on_line == LUA_TFUNCTION;
    lua_pop(L, 1);
}

/* ---- starting ---- */

/* A name is looked up in PATH and must be granted as such; a path must be granted to the letter. */
static bool is_granted(const struct vm_policy *policy, const char *program)
{
    for (const char *const *entry = policy->exec; entry && *entry; entry++)
        if (strcmp(*entry, program) == 0 && program[0] != '@')
            return true;
    return false;
}

static void rules_of(lua_State *L, struct rootfile_rules *rules)
{
    const struct vm_options *o = vm_options_of(L);
    rules->root = o->root;
    rules->may_open = o->may_open;
    rules->may_make = o->may_make;
    rules->arg = o->may_open_arg;
}

/* Opens the files and the folder. What was opened is to be closed also after a failure. */
static int open_files(lua_State *L, struct exec_options *o, struct buf *cwd, struct err *e)
{
    struct rootfile_rules rules;
    struct child_options *child = &o->process.child;

    rules_of(L, &rules);
    child->cwd = rules.root;
    if (o->cwd) {
        int code = rootfile_folder(&rules, o->cwd, cwd, e);
        if (code != 0)
            return code;
        child->cwd = buf_cstr(cwd);
        if (!child->cwd)
            return err_set(e, MG_E_NOMEM, "no memory for the path");
    }
    if (o->stdin_file) {
        child->stdin_fd = rootfile_read(&rules, o->stdin_file, e);
        if (child->stdin_fd < 0)
            return e->code;
    }
    if (o->stdout_file) {
        child->stdout_fd = rootfile_write(&rules, o->stdout_file, e);
        if (child->stdout_fd < 0)
            return e->code;
    }
    return 0;
}

static void close_files(struct exec_options *o)
{
    if (o->process.child.stdin_fd >= 0)
        close(o->process.child.stdin_fd);
    if (o->process.child.stdout_fd >= 0)
        close(o->process.child.stdout_fd);
}

/* For lua/lib/mcp/exec.lua: options -> process, or nil, message, code. */
static int l_start(lua_State *L)
{
    struct exec_options o;
    struct err e;

    check_options(L, &o);
    if (!is_granted(policy_of(L), o.process.child.argv[0]))
        return api_fail(L, "DENIED",
                        "the program %s is not granted; in mcp.ini: [tool %s] exec = %s",
                        o.process.child.argv[0], tool_of(L) ? tool_of(L)->name : "NAME",
                        o.process.child.argv[0]);
    struct buf *cwd = scratch_push(L);
    struct process **box = run_box_push(L);
    *box = process_push(L);
    if (!*box)
        return 3;

    int code = open_files(L, &o, cwd, &e);
    if (code == 0)
        code = process_start(*box, &o.process, &e);
    close_files(&o);
    buf_fini(cwd);
    if (code != 0) {
        process_drop(*box);
        *box = NULL;
        return api_fail(L, run_error_word(code), "%s", e.text);
    }
    return 1;
}

int mgl_open_exec(lua_State *L)
{
    lua_createtable(L, 0, 1);
    run_open(L, l_start);
    return 1;
}
