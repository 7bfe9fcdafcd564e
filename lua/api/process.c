#include "api/process.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api/capture.h"
#include "api/line_queue.h"
#include "api/scratch.h"
#include "base/clock.h"
#include "vm/module.h"
#include "vm/op.h"

#define OBJECT_WITHIN_BYTES ((size_t)4 << 20)

struct process {
    struct op op; /* never waited for: keeps the process with its task */
    struct loop *loop;
    const struct rlimit *files;
    struct child *child;
    struct loop_timer timer;
    int64_t timeout_ms, started_us, duration_us;
    struct capture out[2]; /* of fd 1 and 2 */
    struct line_queue lines;
    char *input;       /* own copy of what goes to its standard input */
    struct op *waiter; /* of the strand that waits for a line or the end */
    int code, signal;
    bool wants_lines, wants_object;
    bool waits_for_end;
    bool is_paused, has_ended, is_timed_out;
};

/* ---- events of the loop ---- */

static void tell_waiter(struct process *p)
{
    struct op *waiter = p->waiter;
    if (!waiter)
        return;
    if (p->has_ended || (!p->waits_for_end && p->lines.first)) {
        p->waiter = NULL;
        op_complete(waiter);
    }
}

static bool on_output(void *arg, int fd, const char *data, size_t len)
{
    struct process *p = arg;

    capture_add(&p->out[fd - 1], data, len);
    if (p->wants_lines) {
        line_queue_add(&p->lines, fd, data, len);
        if (line_queue_full(&p->lines) && !p->is_paused) {
            p->is_paused = true;
            child_pause(p->child, true);
        }
        tell_waiter(p);
    }
    return true;
}

static void on_exited(void *arg, int code, int sig)
{
    struct process *p = arg;

    timer_stop(p->loop, &p->timer);
    p->has_ended = true;
    p->code = code;
    p->signal = sig;
    p->duration_us = clock_mono_us() - p->started_us;
    line_queue_end(&p->lines);
    tell_waiter(p);
}

/* Its group dies at once; the end is told by on_exited(), which a paused child would not reach. */
static void on_timeout(void *arg)
{
    struct process *p = arg;

    p->is_timed_out = true;
    p->wants_lines = false;
    if (p->is_paused)
        child_pause(p->child, false);
    p->is_paused = false;
    child_signal(p->child, SIGKILL);
}

/* ---- life ---- */

static void process_stop(struct op *op)
{
    struct process *p = (struct process *)op;
    if (p->loop)
        timer_stop(p->loop, &p->timer);
    child_free(p->child);
    p->child = NULL;
}

static void process_release(struct op *op)
{
    struct process *p = (struct process *)op;
    process_stop(op);
    capture_fini(&p->out[0]);
    capture_fini(&p->out[1]);
    line_queue_fini(&p->lines);
    free(p->input);
}

static const struct op_type process_type = {
    .name = "exec.run",
    .size = sizeof(struct process),
    .cancel = process_stop,
    .release = process_release,
};

struct process *process_push(lua_State *L)
{
    struct process *p = (struct process *)op_push(L, &process_type);
    if (p) {
        p->loop = vm_services_of(L)->loop;
        p->files = vm_services_of(L)->files;
    }
    return p;
}

void process_drop(struct process *p) { op_drop(&p->op); }

static int copy_input(struct process *p, struct child_options *child, struct err *e)
{
    if (!child->stdin_data)
        return 0;
    p->input = malloc(child->stdin_len + 1);
    if (!p->input)
        return err_set(e, MG_E_NOMEM, "no memory for the program's input");
    memcpy(p->input, child->stdin_data, child->stdin_len);
    child->stdin_data = p->input;
    return 0;
}

int process_start(struct process *p, const struct process_options *o, struct err *e)
{
    static const struct child_ops ops = { .output = on_output, .exited = on_exited };
    struct child_options child = o->child;

    capture_init(&p->out[0], o->max_output);
    capture_init(&p->out[1], o->max_error);
    p->wants_lines = o->wants_lines;
    p->wants_object = o->wants_object;
    p->timeout_ms = o->timeout_ms;
    int code = copy_input(p, &child, e);
    if (code != 0)
        return code;
    child.files = p->files;
    p->started_us = clock_mono_us();
    p->child = child_start(p->loop, &child, &ops, p, e);
    if (!p->child)
        return e->code;
    if (o->timeout_ms > 0)
        timer_start(p->loop, &p->timer, o->timeout_ms, on_timeout, p);
    return 0;
}

/* ---- waiting ---- */

struct process_wait {
    struct op op;
    struct process *process;
};

static void wait_cancel(struct op *op)
{
    struct process_wait *w = (struct process_wait *)op;
    w->process->waiter = NULL;
}

static int push_line(lua_State *L, struct process *p)
{
    struct line *line = line_queue_take(&p->lines);

    if (p->is_paused && !line_queue_full(&p->lines)) {
        p->is_paused = false;
        child_pause(p->child, false);
    }
    if (!line) {
        lua_pushboolean(L, 0);
        return 1;
    }
    /* The line must be freed although making the string may raise. */
    struct buf *text = scratch_push(L);
    int fd = line->fd;
    buf_append(text, line->text, line->len);
    free(line);
    scratch_push_string(L, text);
    lua_pushstring(L, fd == 1 ? "stdout" : "stderr");
    return 2;
}

static int line_results(lua_State *L, struct op *op)
{
    return push_line(L, ((struct process_wait *)op)->process);
}

static void push_stream(lua_State *L, struct process *p, int fd, const char *name)
{
    struct capture *c = &p->out[fd - 1];
    struct buf *text = scratch_push(L);
    text->max = 0;
    capture_text(c, text);
    capture_fini(c);
    if (!buf_ok(text))
        luaL_error(L, "no memory for the program's output");
    lua_pushlstring(L, text->data ? text->data : "", text->len);
    buf_fini(text);
    lua_setfield(L, -3, name);
    lua_pop(L, 1);
}

/* Sets result to the last JSON object among the lines of standard output, and stderr. */
static void push_object(lua_State *L, struct process *p)
{
    struct buf *text = scratch_push(L);
    capture_end(&p->out[0], OBJECT_WITHIN_BYTES, text);
    capture_fini(&p->out[0]);
    struct json_text object = { .type = JSON_NONE };
    if (buf_ok(text))
        object = capture_last_object(text);
    if (object.type == JSON_OBJECT) {
        value_push(L, object.p, object.len);
        lua_setfield(L, -3, "result");
    }
    buf_fini(text);
    lua_pop(L, 1);
    push_stream(L, p, 2, "stderr");
}

static int end_results(lua_State *L, struct op *op)
{
    struct process *p = ((struct process_wait *)op)->process;

    if (p->is_timed_out)
        return api_fail(L, "TIMEOUT", "the program did not end within %g s and was killed",
                        (double)p->timeout_ms / 1e3);
    lua_createtable(L, 0, 6);
    if (p->signal)
        lua_pushinteger(L, p->signal);
    else
        lua_pushinteger(L, p->code);
    lua_setfield(L, -2, p->signal ? "signal" : "code");
    lua_pushnumber(L, (lua_Number)p->duration_us / 1e6);
    lua_setfield(L, -2, "duration");
    lua_pushboolean(L, capture_is_cut(&p->out[0]) || capture_is_cut(&p->out[1]));
    lua_setfield(L, -2, "truncated");
    if (p->wants_object) {
        push_object(L, p);
    } else {
        push_stream(L, p, 1, "stdout");
        push_stream(L, p, 2, "stderr");
    }
    return 1;
}

static const struct op_type line_type = {
    .name = "exec.run",
    .size = sizeof(struct process_wait),
    .cancel = wait_cancel,
    .results = line_results,
};

static const struct op_type end_type = {
    .name = "exec.run",
    .size = sizeof(struct process_wait),
    .cancel = wait_cancel,
    .results = end_results,
};

static int process_wait(lua_State *L, struct process *p, bool for_end)
{
    struct process_wait *w = (struct process_wait *)op_push(L, for_end ? &end_type : &line_type);
    if (!w)
        return 3;
    w->process = p;
    p->waits_for_end = for_end;
    p->waiter = &w->op;
    tell_waiter(p);
    return op_wait(L, &w->op);
}

int process_line(lua_State *L, struct process *p) { return process_wait(L, p, false); }

int process_result(lua_State *L, struct process *p)
{
    p->wants_lines = false;
    line_queue_fini(&p->lines);
    if (p->is_paused && p->child)
        child_pause(p->child, false);
    p->is_paused = false;
    return process_wait(L, p, true);
}
