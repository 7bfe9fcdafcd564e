/* Functions that run again and again: `every` of mcp.tool. Once per process, as the one worker that
 * starts tools schedules them, and at even distances that a reload does not move: whenever the
 * clock passes a multiple of the interval. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "vm/state.h"

struct every {
    struct vm *vm;
    const struct vm_tool *tool;
    struct loop_timer timer;
    struct task_info info;
    struct err error;
    struct every *next, **link; /* while it runs: of all in this worker, whatever vm they are of */
};

static void every_failed(const struct every *e, const char *text)
{
    struct log_line l;
    log_begin(&l, LOG_ERROR, "scheduled function failed");
    log_str(&l, "tool", e->tool->tool->name);
    log_str(&l, "error", text);
    log_end(&l);
}

/* Also when a reload has put a new version beside it: one at a time. */
static bool is_running(const struct every *e)
{
    for (const struct every *other = *e->vm->services.every; other; other = other->next)
        if (strcmp(other->tool->tool->name, e->tool->tool->name) == 0)
            return true;
    return false;
}

static void run_begins(struct every *e)
{
    e->link = e->vm->services.every;
    e->next = *e->link;
    if (e->next)
        e->next->link = &e->next;
    *e->link = e;
}

static void run_ends(struct every *e)
{
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
}

static void every_ended(struct task *t)
{
    struct every *e = t->ended_arg;
    run_ends(e);
    t->error = NULL;
    if (e->error.code)
        every_failed(e, e->error.text);
    else if (t->result.is_error)
        every_failed(e, t->result.content.len ? buf_cstr(&t->result.content) : "?");
    t->info = NULL;
}

static void every_run(struct every *e)
{
    struct vm *vm = e->vm;
    const struct tool *tool = e->tool->tool;
    struct task *t = task_new(vm, TASK_START, e->tool, (int64_t)tool->memory_bytes);
    struct strand *main = t ? task_main(t, function_body) : NULL;
    if (!main) {
        every_failed(e, "not enough memory");
        return;
    }
    run_begins(e);
    e->error = (struct err){ 0 };
    e->info = (struct task_info){
        .call_id = "every", .tool = tool->name, .principal = "", .scopes = "", .protocol = ""
    };
    t->info = &e->info;
    t->error = &e->error;
    t->ended = every_ended;
    t->ended_arg = e;
    task_set_timeout(t, tool->timeout_ms);
    lua_rawgeti(main->L, LUA_REGISTRYINDEX, e->tool->every_ref);
    main->nargs = 1;
    strand_ready(main);
}

static void every_wait(struct every *e);

static void every_due(void *arg)
{
    struct every *e = arg;
    every_wait(e);
    if (!is_running(e)) /* one that takes longer than its interval is left out meanwhile */
        every_run(e);
}

static void every_wait(struct every *e)
{
    int64_t ms = e->tool->every_ms - clock_mono_ms() % e->tool->every_ms;
    timer_start(e->vm->services.loop, &e->timer, ms, every_due, e);
}

int vm_every_start(struct vm *vm)
{
    size_t n = 0;
    for (size_t i = 0; i < vm->tool_count; i++)
        n += vm->tools[i].tool && vm->tools[i].every_ref != LUA_NOREF;
    if (n == 0 || vm->every)
        return 0;
    vm->every = calloc(n, sizeof *vm->every);
    if (!vm->every)
        return MG_E_NOMEM;
    for (size_t i = 0; i < vm->tool_count; i++) {
        if (!vm->tools[i].tool || vm->tools[i].every_ref == LUA_NOREF)
            continue;
        struct every *e = &vm->every[vm->every_count++];
        e->vm = vm;
        e->tool = &vm->tools[i];
        every_wait(e);
    }
    return 0;
}

void vm_every_stop(struct vm *vm)
{
    for (size_t i = 0; i < vm->every_count; i++)
        if (vm->every[i].timer.armed)
            timer_stop(vm->services.loop, &vm->every[i].timer);
}

void every_free(struct vm *vm)
{
    vm_every_stop(vm);
    free(vm->every);
    vm->every = NULL;
    vm->every_count = 0;
}
