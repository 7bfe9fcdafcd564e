#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/http_options.h"
#include "api/http_send.h"
#include "api/process.h"
#include "api/run.h"
#include "api/scratch.h"
#include "api/testing.h"
#include "files/rootfile.h"

#define GRANT "@evals"         /* in `exec` and `http` of the tool: what [eval ...] sections name */
#define ERROR_OUTPUT_MAX 65536 /* bytes kept of an evaluation's standard error */
#define ID_MAX 1000
#define REMOTE_ID_MAX 256
#define REMOTE_ANSWER_MAX ((uint64_t)4 << 20) /* bytes of one answer of an orchestrator */

static const struct vm_sections *sections_of(lua_State *L)
{
    static const struct vm_sections none;
    const void *config = vm_options_of(L)->config;
    return config ? config : &none;
}

static const struct vm_eval *find(const struct vm_sections *s, const char *task)
{
    const struct vm_eval *fallback = NULL;
    for (size_t i = 0; i < s->eval_count; i++) {
        if (!s->evals[i].command[0] && !s->evals[i].url)
            continue;
        if (strcmp(s->evals[i].name, task) == 0)
            return &s->evals[i];
        if (strcmp(s->evals[i].name, "*") == 0)
            fallback = &s->evals[i];
    }
    return fallback;
}

static int fail_unknown(lua_State *L, const struct vm_sections *s, const char *task)
{
    struct buf *known = scratch_push(L);
    for (size_t i = 0; i < s->eval_count; i++)
        buf_printf(known, "%s%s", i ? ", " : "", s->evals[i].name);
    const char *names = known->len ? buf_cstr(known) : "none";
    int results = api_fail(L, "ENOENT", "Unknown task: %s (known: %s)", task, names ? names : "?");
    buf_fini(known);
    return results;
}

/* mcp.evals.find(taskId) -> {name=, timeout=, parallel=, max_queued=, is_remote=, poll=}, or nil,
 * message, code. What [eval NAME] or [eval *] and [evals] of mcp.ini say of a task. is_remote: it
 * has a url and no command. Times are seconds. */
static int l_find(lua_State *L)
{
    const char *task = luaL_checkstring(L, 1);
    const struct vm_sections *s = sections_of(L);
    const struct vm_eval *eval = find(s, task);

    if (!eval)
        return fail_unknown(L, s, task);
    lua_createtable(L, 0, 6);
    lua_pushboolean(L, eval->url != NULL);
    lua_setfield(L, -2, "is_remote");
    lua_pushnumber(L, (lua_Number)eval->poll_ms / 1e3);
    lua_setfield(L, -2, "poll");
    lua_pushstring(L, eval->name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (lua_Number)eval->timeout_ms / 1e3);
    lua_setfield(L, -2, "timeout");
    lua_pushinteger(L, s->evals_parallel);
    lua_setfield(L, -2, "parallel");
    lua_pushinteger(L, s->evals_max_queued);
    lua_setfield(L, -2, "max_queued");
    return 1;
}

/* ---- the command ---- */

struct ids {
    const char *task, *config, *job, *root;
};

/* The value of the placeholder at p, and its length as written; NULL: there is none. */
static const char *placeholder(const struct ids *ids, const char *p, size_t *len)
{
    const struct {
        const char *name, *value;
    } known[] = {
        { "{taskId}", ids->task },
        { "{configId}", ids->config },
        { "{jobId}", ids->job },
        { "{root}", ids->root },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        *len = strlen(known[i].name);
        if (strncmp(p, known[i].name, *len) == 0)
            return known[i].value;
    }
    return NULL;
}

/* Pushes the argument that the template makes. An id that would be the begin of an argument and an
 * option at that is refused: it comes from the client. */
static const char *expand(lua_State *L, const char *template, const struct ids *ids)
{
    struct buf *out = scratch_push(L);
    size_t len;

    for (const char *p = template; *p;) {
        const char *value = *p == '{' ? placeholder(ids, p, &len) : NULL;
        if (value && p == template && value[0] == '-') {
            buf_fini(out);
            return NULL;
        }
        if (value) {
            buf_str(out, value);
            p += len;
        } else {
            buf_putc(out, *p++);
        }
    }
    scratch_push_string(L, out);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

/* A program with a relative path is meant relative to the folder in which it runs. */
static const char *program(lua_State *L, const char *name, const char *folder)
{
    if (name[0] == '/' || !strchr(name, '/'))
        return name;
    return lua_pushfstring(L, "%s/%s", folder, name);
}

/* NULL: an id begins with a dash where it must not. */
static const char *const *command(lua_State *L, const struct vm_eval *eval, const struct ids *ids,
                                  const char *folder)
{
    size_t n = 1; /* find() has seen the first */
    while (eval->command[n])
        n++;
    luaL_checkstack(L, (int)n + 10, "evals.run");
    const char **argv = lua_newuserdatauv(L, (n + 1) * sizeof *argv, 0);
    for (size_t i = 0; i < n; i++) {
        argv[i] = expand(L, eval->command[i], ids);
        if (!argv[i])
            return NULL;
    }
    argv[n] = NULL;
    argv[0] = program(L, argv[0], folder);
    return argv;
}

/* ---- running ---- */

/* Leaves the string on the stack. */
static const char *check_id(lua_State *L, const char *function, const char *name)
{
    size_t len = 0;
    const char *id = lua_getfield(L, 1, name) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
    if (len == 0 || len > ID_MAX || strlen(id) != len)
        luaL_error(L, "%s: %s: expected a string of 1 to %d bytes", function, name, ID_MAX);
    return id;
}

static bool is_granted(const char *const *entry)
{
    for (; entry && *entry; entry++)
        if (strcmp(*entry, GRANT) == 0)
            return true;
    return false;
}

/* The program runs with the gateway's own rights and may take an id for a file's name: one that
 * leads to what is not for tools is refused. A task with a section was named by the operator. */
static int check_names(lua_State *L, const struct vm_eval *eval, const struct ids *ids,
                       const char *folder, struct err *e)
{
    const struct vm_options *o = vm_options_of(L);
    struct rootfile_rules rules = { .root = o->root,
                                    .may_open = o->may_open,
                                    .arg = o->may_open_arg };
    const char *const from[] = { folder, ids->root };
    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        int code = rootfile_named(&rules, from[i], ids->config, e);
        if (code == 0 && strcmp(eval->name, ids->task) != 0)
            code = rootfile_named(&rules, from[i], ids->task, e);
        if (code != 0)
            return code;
    }
    return 0;
}

static int start(lua_State *L, const struct vm_eval *eval, const struct ids *ids, bool wants_lines)
{
    const char *folder = eval->cwd ? eval->cwd : ids->root;
    const char *const *argv = command(L, eval, ids, folder);
    struct err e;
    if (!argv)
        return api_fail(L, "INVALID", "taskId and configId must not begin with \"-\"");
    if (check_names(L, eval, ids, folder, &e) != 0)
        return api_fail(L, "DENIED", "%s", e.text);
    if (testing_is_on(L))
        return testing_program(L, argv);

    struct process_options o = {
        .child = { .argv = argv, .cwd = folder, .stdin_fd = -1, .stdout_fd = -1 },
        .timeout_ms = eval->timeout_ms,
        .max_output = sections_of(L)->evals_max_output,
        .max_error = ERROR_OUTPUT_MAX,
        .wants_lines = wants_lines,
        .wants_object = true,
    };
    struct process **box = run_box_push(L);
    *box = process_push(L);
    if (!*box)
        return 3;
    int code = process_start(*box, &o, &e);
    if (code != 0) {
        process_drop(*box);
        *box = NULL;
        return api_fail(L, run_error_word(code), "%s", e.text);
    }
    return 1;
}

/* mcp.evals.run{task=, config=, job=, on_line=} -> {code=, signal=, result=, stderr=, truncated=,
 * duration=}, or nil, message, code (w). Runs the command of the task's [eval ...] section; `exec =
 * @evals` grants it. result is the last line of its standard output that is a JSON object, if there
 * is one. on_line as in mcp.exec.run. */
static int l_start(lua_State *L)
{
    static const char *const names[] = { "task", "config", "job", "on_line", NULL };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    opts_check(L, 1, names);
    struct ids ids = {
        .task = check_id(L, "evals.run", "task"),
        .config = check_id(L, "evals.run", "config"),
        .job = check_id(L, "evals.run", "job"),
        .root = vm_options_of(L)->root,
    };
    int on_line = lua_getfield(L, 1, "on_line");
    if (on_line != LUA_TNIL && on_line != LUA_TFUNCTION)
        return luaL_error(L, "evals.run: on_line: expected a function");

    const struct vm_eval *eval = find(sections_of(L), ids.task);
    if (!is_granted(policy_of(L)->exec))
        return api_fail(L, "DENIED",
                        "the evaluations are not granted; in mcp.ini: [tool %s] exec = " GRANT,
                        tool_of(L) ? tool_of(L)->name : "NAME");
    if (!eval)
        return fail_unknown(L, sections_of(L), ids.task);
    if (eval->url)
        return api_fail(L, "INVALID", "[eval %s] has no command", eval->name);
    return start(L, eval, &ids, on_line == LUA_TFUNCTION);
}

/* ---- asking an orchestrator ---- */

/* Appends the id as one segment of a path. */
static void put_segment(struct buf *out, const char *id)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *id; id++) {
        if (strchr(plain, *id))
            buf_putc(out, *id);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)*id);
    }
}

/* Leaves the URL on the stack: that of the section, or the one of a job below it. */
static const char *push_url(lua_State *L, const struct vm_eval *eval)
{
    size_t len = 0, url_len = strlen(eval->url);
    int type = lua_getfield(L, 1, "id");
    if (type == LUA_TNIL)
        return eval->url;
    const char *id = type == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
    if (len == 0 || len > REMOTE_ID_MAX || strlen(id) != len || strspn(id, ".") == len)
        luaL_error(L, "evals.ask: id: expected a string of 1 to %d bytes that is not all dots",
                   REMOTE_ID_MAX);
    struct buf *out = scratch_push(L);
    buf_append(out, eval->url, url_len);
    if (eval->url[url_len - 1] != '/')
        buf_putc(out, '/');
    put_segment(out, id);
    scratch_push_string(L, out);
    return lua_tostring(L, -1);
}

/* Leaves the fields on the stack: those of the section, and the kind of the body. */
static void push_fields(lua_State *L, const struct vm_eval *eval, struct fetch_options *o)
{
    size_t n = 0;
    while (eval->headers && eval->headers[n])
        n++;
    luaL_checkstack(L, (int)n + 10, "evals.ask");
    struct fetch_header *fields = lua_newuserdatauv(L, (n + 2) * sizeof *fields, 0);
    for (size_t i = 0; i < n; i++) {
        const char *colon = strchr(eval->headers[i], ':');
        lua_pushlstring(L, eval->headers[i], (size_t)(colon - eval->headers[i]));
        fields[i] = (struct fetch_header){ .name = lua_tostring(L, -1),
                                           .value = colon + 1 + strspn(colon + 1, " \t") };
    }
    if (o->body)
        fields[n++] = (struct fetch_header){ "Content-Type", "application/json" };
    o->headers = fields;
    o->header_count = n;
}

static const char *check_method(lua_State *L)
{
    static const char *const methods[] = { "GET", "POST", "DELETE" };
    const char *method = lua_getfield(L, 1, "method") == LUA_TSTRING ? lua_tostring(L, -1) : "";
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i]) == 0)
            return methods[i];
    luaL_error(L, "evals.ask: method: expected GET, POST or DELETE");
    return NULL;
}

static int send_request(lua_State *L, const struct vm_eval *eval)
{
    const struct task_info *info = task_info_of(L);
    uint64_t most = sections_of(L)->evals_max_output;
    struct fetch_options o = {
        .method = check_method(L),
        .url = push_url(L, eval),
        .timeout_ms = opts_duration(L, 1, "timeout", 30000, HTTP_TIMEOUT_MAX_MS),
        .max_bytes = (size_t)(most < REMOTE_ANSWER_MAX ? most : REMOTE_ANSWER_MAX),
        .hosts = eval->hosts,
        .allow_private = policy_of(L)->allow_private,
        .owner = policy_of(L),
        .tool = tool_of(L) ? tool_of(L)->name : NULL,
        .call = info ? info->call_id : NULL,
    };
    if (o.timeout_ms < 1)
        o.timeout_ms = 1;
    int body = lua_getfield(L, 1, "body");
    if (body == LUA_TSTRING)
        o.body = lua_tolstring(L, -1, &o.body_len);
    else if (body != LUA_TNIL)
        return luaL_error(L, "evals.ask: body: expected a string, got %s", luaL_typename(L, -1));
    push_fields(L, eval, &o);
    return http_send(L, &o);
}

/* mcp.evals.ask{task=, method=, id=, body=, timeout=} -> {status=, headers=, body=}, or nil,
 * message, code (w). A request to the orchestrator that [eval NAME] names by its url, with the
 * section's headers; `http = @evals` grants it, and no other address. method is GET, POST or
 * DELETE; with id the URL is url/ID. body is JSON. Redirects are answers. timeout is 30 s. Codes as
 * those of mcp.http.request. */
static int l_ask(lua_State *L)
{
    static const char *const names[] = { "task", "method", "id", "body", "timeout", NULL };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    opts_check(L, 1, names);
    const char *task = check_id(L, "evals.ask", "task");
    const struct vm_eval *eval = find(sections_of(L), task);
    if (!is_granted(policy_of(L)->http))
        return api_fail(L, "DENIED",
                        "orchestrators are not granted; in mcp.ini: [tool %s] http = " GRANT,
                        tool_of(L) ? tool_of(L)->name : "NAME");
    if (!eval)
        return fail_unknown(L, sections_of(L), task);
    if (!eval->url)
        return api_fail(L, "INVALID", "[eval %s] has no url", eval->name);
    return send_request(L, eval);
}

int mgl_open_evals(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, l_ask);
    lua_setfield(L, -2, "ask");
    lua_pushcfunction(L, l_find);
    lua_setfield(L, -2, "find");
    run_open(L, l_start);
    return 1;
}
