#include "api/job.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/publish.h"
#include "api/scratch.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "vm/op.h"

/* Progress leaves at this pace; the first ones of a job may come faster. */
#define PROGRESS_PACE_MS 50
#define PROGRESS_BURST 100
#define PROGRESS_LINE_MAX 4096

/* ---- life ---- */

void job_leave(struct job *j)
{
    if (j->is_counted)
        metrics_add(j->services->metrics, M_JOBS_RUNNING, -1);
    if (j->entry)
        inflight_remove(j->services->jobs, j->entry);
    if (j->has_turn)
        gate_leave(job_kind_gate(j->kind));
    if (j->kind)
        job_kind_remove(j->kind);
    if (j->is_of_tool)
        job_gates_leave(j->services->job_gates, j->tool);
    j->is_counted = j->is_of_tool = false;
    j->entry = NULL;
    j->has_turn = false;
    j->kind = NULL;
}

void job_unref(struct job *j)
{
    if (!j)
        return;
    if (!j->task)
        job_leave(j);
    if (--j->refs == 0)
        free(j);
}

void job_cancel(void *job)
{
    struct job *j = job;
    if (j->task)
        task_cancel(j->task, TASK_CANCELLED);
}

static void log_end_of(const struct job *j, enum outcome o)
{
    struct log_line line;
    log_begin(&line, o == OUT_OK || o == OUT_CANCELLED ? LOG_INFO : LOG_WARN, "job ended");
    log_str(&line, "tool", j->tool);
    log_str(&line, "call_id", j->id);
    log_str(&line, "outcome", outcome_word(o));
    log_int(&line, "latency_ms", clock_mono_ms() - j->started_ms);
    log_end(&line);
}

static void job_done(void *arg, struct tool_result *r, uint64_t wait)
{
    struct job *j = arg;
    (void)wait;
    log_end_of(j, r->outcome);
    j->task = NULL;
    job_unref(j);
}

const struct task_ops job_task_ops = { .done = job_done };

/* ---- its turn ---- */

struct turn_op {
    struct op op;
    struct job *job; /* holds a reference */
    struct gate_waiter waiter;
    bool is_queued;
};

static void turn_given(struct gate_waiter *w)
{
    struct turn_op *t = (struct turn_op *)((char *)w - offsetof(struct turn_op, waiter));
    t->is_queued = false;
    t->job->has_turn = true;
    if (!job_kind_is_closed(t->job->kind)) /* else it waits for its end */
        op_complete(&t->op);
}

static void turn_cancel(struct op *op)
{
    struct turn_op *t = (struct turn_op *)op;
    if (t->is_queued && !gate_cancel(&t->waiter))
        gate_leave(job_kind_gate(t->job->kind));
    t->is_queued = false;
}

static void turn_release(struct op *op)
{
    struct turn_op *t = (struct turn_op *)op;
    job_unref(t->job);
    t->job = NULL;
}

static int turn_results(lua_State *L, struct op *op)
{
    struct job *j = ((struct turn_op *)op)->job;
    task_restart_timeout(j->task, j->timeout_ms);
    j->started_ms = clock_mono_ms();
    if (j->services->metrics && !j->is_counted) {
        metrics_add(j->services->metrics, M_JOBS_RUNNING, 1);
        j->is_counted = true;
    }
    lua_pushboolean(L, 1);
    return 1;
}

static const struct op_type turn_type = {
    .name = "jobs.start",
    .is_inner = true,
    .size = sizeof(struct turn_op),
    .cancel = turn_cancel,
    .release = turn_release,
    .results = turn_results,
};

int job_enter(lua_State *L, struct job *j)
{
    struct turn_op *t = (struct turn_op *)op_push(L, &turn_type);
    if (!t)
        return 3;
    t->job = j;
    j->refs++;
    if (j->kind) {
        t->waiter.loop = j->services->loop;
        t->waiter.entered = turn_given;
        t->is_queued = !gate_enter(job_kind_gate(j->kind), &t->waiter);
        j->has_turn = !t->is_queued;
    }
    if (!t->is_queued && !(j->kind && job_kind_is_closed(j->kind)))
        op_complete(&t->op);
    return op_wait(L, &t->op);
}

/* ---- the object ---- */

static struct job *check(lua_State *L) { return *(struct job **)luaL_checkudata(L, 1, JOB_META); }

struct job *job_push(lua_State *L, const char *id, int run, int on_end)
{
    struct job **box = lua_newuserdatauv(L, sizeof(struct job *), 2);
    *box = NULL;
    luaL_setmetatable(L, JOB_META);
    lua_pushvalue(L, run);
    lua_setiuservalue(L, -2, JOB_RUN);
    lua_pushvalue(L, on_end);
    lua_setiuservalue(L, -2, JOB_ON_END);

    struct job *j = calloc(1, sizeof *j);
    if (!j) {
        lua_pop(L, 1);
        return NULL;
    }
    j->refs = 1;
    j->services = vm_services_of(L);
    j->started_ms = clock_mono_ms();
    snprintf(j->topic, sizeof j->topic, "job/%s", id);
    j->id = j->topic + strlen("job/");
    snprintf(j->tool, sizeof j->tool, "%s", tool_of(L)->name);
    *box = j;
    return j;
}

static int l_gc(lua_State *L)
{
    struct job **box = lua_touserdata(L, 1);
    job_unref(*box);
    *box = NULL;
    return 0;
}

/* May progress leave now? One token comes back every PROGRESS_PACE_MS. */
static bool progress_pace(struct job *j)
{
    int64_t now = clock_mono_ms();
    int64_t earliest = now - (int64_t)PROGRESS_PACE_MS * PROGRESS_BURST;

    if (j->progress_due_ms < earliest)
        j->progress_due_ms = earliest;
    if (j->progress_due_ms > now) {
        j->skipped++;
        return false;
    }
    j->progress_due_ms += PROGRESS_PACE_MS;
    return true;
}

static void write_number(lua_State *L, struct buf *b, const char *key, int index)
{
    if (lua_isnoneornil(L, index))
        return;
    json_key(b, key);
    json_double(b, lua_tonumber(L, index));
}

static void write_line(lua_State *L, struct buf *b, int index)
{
    size_t len;
    const char *line = lua_tolstring(L, index, &len);
    if (!line)
        return;
    if (len > PROGRESS_LINE_MAX) {
        size_t good = utf8_valid(line, PROGRESS_LINE_MAX);
        len = PROGRESS_LINE_MAX - good < 4 ? good : PROGRESS_LINE_MAX;
    }
    json_key(b, "line");
    json_str_n(b, line, len);
}

/* job:progress([done [, total [, line]]]) -> true when it was published on job/ID as `progress`,
 * false when it came too fast (20 a second after the first 100). A line is cut at 4096 bytes. */
static int l_progress(lua_State *L)
{
    struct job *j = check(L);
    char ts[CLOCK_ISO_SIZE];

    lua_settop(L, 4);
    for (int i = 2; i <= 3; i++)
        if (!lua_isnoneornil(L, i))
            luaL_checknumber(L, i);
    if (!lua_isnoneornil(L, 4))
        luaL_checkstring(L, 4);
    if (!progress_pace(j)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    struct buf *b = scratch_push(L);
    clock_iso(ts, clock_wall_ms());
    json_open(b, '{');
    json_key(b, "jobId");
    json_str(b, j->id);
    json_key(b, "ts");
    json_str(b, ts);
    write_number(L, b, "done", 2);
    write_number(L, b, "total", 3);
    write_line(L, b, 4);
    if (j->skipped) {
        json_key(b, "skipped");
        json_int(b, (int64_t)j->skipped);
        j->skipped = 0;
    }
    json_close(b, '}');
    if (!buf_ok(b))
        return api_fail(L, "NOMEM", "no memory for the event");
    int results = publish_json(L, j->topic, "progress", b->data, b->len);
    buf_fini(b);
    return results;
}

/* job:publish(event, data) -> true, or nil, message, code: an event on job/ID. */
static int l_publish(lua_State *L)
{
    struct job *j = check(L);
    publish_check_name(L, 2, "event");
    luaL_checkany(L, 3);
    return publish_value(L, j->topic, lua_tostring(L, 2), 3);
}

/* job:cancelled() -> is it to end, or has it ended? */
static int l_cancelled(lua_State *L)
{
    struct job *j = check(L);
    lua_pushboolean(L, !j->task || task_is_cancelled(j->task));
    return 1;
}

/* job:on_end(fn): fn(outcome) runs once, whatever ended the job, as a task of its own with 1 s. */
static int l_on_end(lua_State *L)
{
    struct job *j = check(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (!j->task)
        return luaL_error(L, "job:on_end: the job has ended");
    task_on_end(L, j->task, 2);
    return 0;
}

/* job.id: its id. job.deadline: when its time is over, in seconds on the clock of mcp.time.mono(),
 * or nil. */
static int l_index(lua_State *L)
{
    struct job *j = check(L);
    const char *key = luaL_checkstring(L, 2);

    if (strcmp(key, "id") == 0) {
        lua_pushstring(L, j->id);
    } else if (strcmp(key, "deadline") == 0) {
        int64_t ms = j->task ? task_deadline(j->task) : INT64_MAX;
        if (ms == INT64_MAX)
            lua_pushnil(L);
        else
            lua_pushnumber(L, (lua_Number)ms / 1e3);
    } else {
        lua_pushvalue(L, 2);
        lua_rawget(L, lua_upvalueindex(1));
    }
    return 1;
}

void job_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "progress", l_progress }, { "publish", l_publish }, { "cancelled", l_cancelled },
        { "on_end", l_on_end },     { NULL, NULL },
    };

    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    luaL_newlib(L, methods);
    lua_pushcclosure(L, l_index, 1);
    lua_setfield(L, -2, "__index");
}
