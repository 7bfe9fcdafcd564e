#include <lauxlib.h>
#include <string.h>

#include "api/api.h"
#include "api/job.h"
#include "api/scratch.h"
#include "base/rand.h"

#define JOBS_MAX 10000 /* alive in the process */
#define PARALLEL_MAX 1000
#define QUEUED_MAX 1000000
#define RANDOM_ID_LEN 10
/* While a job waits for its turn only this bounds it. */
#define QUEUE_TIMEOUT_MS ((int64_t)7 * 24 * 3600 * 1000)

struct start_options {
    const char *kind, *id; /* on the stack */
    char random_id[sizeof "job_" + RANDOM_ID_LEN];
    int run, on_end; /* indices of the functions; the second may be nil */
    int64_t timeout_ms;
    uint32_t parallel, max_queued; /* parallel 0: no limit */
};

static uint32_t check_count(lua_State *L, const char *name, lua_Integer min, uint32_t max,
                            uint32_t fallback)
{
    int is_integer;
    if (lua_getfield(L, 1, name) == LUA_TNIL)
        return fallback;
    lua_Integer n = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || n < min || n > max)
        luaL_error(L, "jobs.start: %s: expected %d to %d", name, (int)min, (int)max);
    return (uint32_t)n;
}

/* Leaves the string on the stack. */
static const char *check_word(lua_State *L, const char *name, size_t max)
{
    size_t len = 0;
    if (lua_getfield(L, 1, name) == LUA_TNIL)
        return NULL;
    const char *word = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";
    size_t plain =
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-");
    if (plain == 0 || plain > max || word[plain] != '\0' || plain != len)
        luaL_error(L, "jobs.start: %s: expected 1 to %d of A-Z a-z 0-9 _ . : -", name, (int)max);
    return word;
}

static void check_start(lua_State *L, struct start_options *o)
{
    static const char *const names[] = { "kind",    "id",       "run",        "on_end",
                                         "timeout", "parallel", "max_queued", NULL };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    opts_check(L, 1, names);
    if (!task_of(L) || !vm_services_of(L)->jobs)
        luaL_error(L, "jobs.start: no job can start while a file is loaded");
    o->kind = check_word(L, "kind", JOB_KIND_NAME_MAX);
    if (!o->kind)
        o->kind = tool_of(L)->name;
    o->id = check_word(L, "id", JOB_ID_MAX);
    if (!o->id) {
        memcpy(o->random_id, "job_", strlen("job_"));
        rand_base36(o->random_id + strlen("job_"), RANDOM_ID_LEN);
        o->id = o->random_id;
    }
    o->timeout_ms =
        opts_duration(L, 1, "timeout", vm_options_of(L)->max_timeout_ms, QUEUE_TIMEOUT_MS);
    o->parallel = check_count(L, "parallel", 1, PARALLEL_MAX, 0);
    o->max_queued = check_count(L, "max_queued", 0, QUEUED_MAX, JOB_UNBOUNDED);
    if (lua_getfield(L, 1, "run") != LUA_TFUNCTION)
        luaL_error(L, "jobs.start: run: expected a function");
    o->run = lua_gettop(L);
    int on_end = lua_getfield(L, 1, "on_end");
    if (on_end != LUA_TNIL && on_end != LUA_TFUNCTION)
        luaL_error(L, "jobs.start: on_end: expected a function");
    o->on_end = lua_gettop(L);
}

/* Its place among the jobs of its tool. 0, or 3 with nil, message, code pushed. */
static int reserve_of_tool(lua_State *L, struct job *j)
{
    struct job_gates *gates = j->services->job_gates;
    int code = gates ? job_gates_enter(gates, j->tool) : 0;
    if (code == MG_E_LIMIT)
        return api_fail(L, "LIMIT", "%d jobs of the tool %s are alive already", JOBS_OF_TOOL_MAX,
                        j->tool);
    if (code != 0)
        return api_fail(L, err_word(code), "no memory for a job");
    j->is_of_tool = gates != NULL;
    return 0;
}

/* Its place among its kind, its tool and in the table of jobs. 0, or 3 with nil, message, code
 * pushed. */
static int reserve(lua_State *L, struct job *j, const struct start_options *o)
{
    const struct vm_services *s = j->services;

    if (inflight_count(s->jobs) >= JOBS_MAX)
        return api_fail(L, "LIMIT", "%d jobs are alive already", JOBS_MAX);
    if (reserve_of_tool(L, j))
        return 3;
    if (o->parallel && s->job_gates) {
        struct job_kind *kind = job_gates_find(s->job_gates, o->kind, o->parallel);
        if (!kind)
            return api_fail(L, "LIMIT", "there are %d other kinds of jobs", JOB_KINDS_MAX);
        if (!job_kind_add(kind, o->max_queued))
            return api_fail(L, "LIMIT", "%u jobs of kind %s are waiting already",
                            (unsigned)o->max_queued, o->kind);
        j->kind = kind;
    }
    int code = inflight_add(s->jobs, j->id, strlen(j->id), s->loop, job_cancel, j, &j->entry);
    if (code == MG_E_CONFLICT)
        return api_fail(L, "CONFLICT", "the job %s is running already", j->id);
    if (code != 0)
        return api_fail(L, err_word(code), "no memory to register the job");
    return 0;
}

/* mcp.jobs.start{run=, id=, kind=, parallel=, max_queued=, timeout=, on_end=} -> id, or nil,
 * message, code. run(job) is a background task under this tool's grants that outlives the call. Of
 * one kind (the tool's name) at most `parallel` jobs run at once in the process, others wait in
 * order, at most max_queued. The timeout (as [tools] max_timeout) runs from its turn on.
 * on_end(outcome) runs once, whatever ended the job, also when it never got its turn; but not when
 * the gateway stops while it waits, which its tool's start function will find. id: default job_ and
 * random characters. */
static int l_start(lua_State *L)
{
    struct start_options o;

    check_start(L, &o);
    luaL_getmetatable(L, JOB_META);
    lua_getfield(L, -1, "main");
    int main = lua_gettop(L);
    struct job *j = job_push(L, o.id, o.run, o.on_end);
    if (!j)
        return api_fail(L, "NOMEM", "no memory for a job");
    int object = lua_gettop(L);
    j->timeout_ms = o.timeout_ms;
    if (reserve(L, j, &o)) {
        job_leave(j);
        return 3;
    }
    j->task = task_spawn_job(L, main, object, j->id, QUEUE_TIMEOUT_MS, tool_of(L)->memory_bytes,
                             &job_task_ops, j);
    if (!j->task) {
        job_leave(j);
        return api_fail(L, "NOMEM", "no memory for a job");
    }
    j->refs++;
    lua_pushstring(L, j->id);
    return 1;
}

/* mcp.jobs.cancel(id) -> was there such a job? It ends soon, in whichever worker it runs. */
static int l_cancel(lua_State *L)
{
    size_t len;
    const char *id = luaL_checklstring(L, 1, &len);
    if (!task_of(L))
        return luaL_error(L, "jobs.cancel: there are no jobs while a file is loaded");
    lua_pushboolean(L, inflight_cancel(vm_services_of(L)->jobs, id, len));
    return 1;
}

static void add_id(void *arg, const char *key, size_t len)
{
    buf_append(arg, key, len);
    buf_putc(arg, '\0');
}

/* mcp.jobs.running() -> array with the ids of all jobs of the process, waiting ones too, in no
 * order. */
static int l_running(lua_State *L)
{
    if (!task_of(L))
        return luaL_error(L, "jobs.running: there are no jobs while a file is loaded");
    struct buf *ids = scratch_push(L);
    inflight_each(vm_services_of(L)->jobs, add_id, ids);
    if (!buf_ok(ids))
        return luaL_error(L, "not enough memory for the list of jobs");

    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t at = 0; at < ids->len; at += strlen(ids->data + at) + 1) {
        lua_pushstring(L, ids->data + at);
        lua_rawseti(L, -2, ++n);
    }
    value_mark_array(L, -1);
    return 1;
}

/* For lua/lib/mcp/jobs.lua: job -> true, or nil, message, code. */
static int l_enter(lua_State *L)
{
    return job_enter(L, *(struct job **)luaL_checkudata(L, 1, JOB_META));
}

/* Likewise: job -> the functions that jobs.start was given. */
static int l_functions(lua_State *L)
{
    luaL_checkudata(L, 1, JOB_META);
    lua_getiuservalue(L, 1, JOB_RUN);
    lua_getiuservalue(L, 1, JOB_ON_END);
    return 2;
}

/* Likewise: job -> is the gateway about to stop? */
static int l_is_stopping(lua_State *L)
{
    const struct vm_services *services = vm_services_of(L);
    luaL_checkudata(L, 1, JOB_META);
    lua_pushboolean(L, services->job_gates && job_gates_are_closed(services->job_gates));
    return 1;
}

static void push_metatable(lua_State *L)
{
    static const luaL_Reg primitives[] = { { "enter", l_enter },
                                           { "functions", l_functions },
                                           { "is_stopping", l_is_stopping },
                                           { NULL, NULL } };

    luaL_newmetatable(L, JOB_META);
    bool is_complete = lua_getfield(L, -1, "main") != LUA_TNIL;
    lua_pop(L, 1);
    if (is_complete)
        return;
    job_open(L);
    luaL_newlib(L, primitives);
    lib_run(L, "mcp/jobs.lua", 1, 1);
    lua_setfield(L, -2, "main");
}

int mgl_open_jobs(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "start", l_start }, { "cancel", l_cancel }, { "running", l_running }, { NULL, NULL }
    };

    push_metatable(L);
    luaL_newlib(L, functions);
    return 1;
}
