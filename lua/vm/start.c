/* start functions: once per process and generation, each as a task of its own. */
#include <lauxlib.h>

#include "base/log.h"
#include "vm/state.h"

#include <stdlib.h>

#define START_MS 30000

struct starting {
    struct err error;
    const struct vm_file *file;
    struct task_info info;
};

static void start_ended(struct task *t)
{
    struct starting *s = t->ended_arg;
    struct vm *vm = t->vm;
    t->error = NULL;
    if (t->result.is_error && !s->error.code) {
        const char *text = t->result.content.len ? buf_cstr(&t->result.content) : NULL;
        err_set(&s->error, MG_E_INVALID, "start returned an error: %s", text ? text : "?");
    }
    if (s->error.code) {
        log_printf(LOG_ERROR, "start function of %s failed: %s", s->file->source->title,
                   s->error.text);
        if (vm->start_failed)
            vm->start_failed(vm->start_failed_arg, s->file->source->name, s->error.text);
    }
    t->info = NULL;
    free(s);
}

static int start_one(struct vm *vm, const struct vm_file *f)
{
    struct starting *s = calloc(1, sizeof *s);
    int64_t memory = f->tool ? (int64_t)f->tool->tool->memory_bytes : (int64_t)vm->o.default_memory;
    struct task *t = s ? task_new(vm, TASK_START, f->tool, memory) : NULL;
    struct strand *main = t ? task_main(t, function_body) : NULL;
    if (!main) {
        free(s);
        return MG_E_NOMEM;
    }
    s->file = f;
    s->info = (struct task_info){ .call_id = "start",
                                  .tool = f->tool ? f->tool->tool->name : NULL,
                                  .principal = "",
                                  .scopes = "",
                                  .protocol = "" };
    t->info = &s->info;
    t->error = &s->error;
    t->ended = start_ended;
    t->ended_arg = s;
    task_set_timeout(t, START_MS);
    lua_rawgeti(main->L, LUA_REGISTRYINDEX, f->start_ref);
    main->nargs = 1;
    strand_ready(main);
    return 0;
}

void vm_start_tools(struct vm *vm,
                    bool (*skip)(void *arg, const char *file, const char *text, size_t len),
                    void *skip_arg, void (*failed)(void *arg, const char *file, const char *text),
                    void *failed_arg)
{
    vm->start_failed = failed;
    vm->start_failed_arg = failed_arg;
    for (size_t i = 0; i < vm->file_count; i++) {
        const struct vm_file *f = &vm->files[i];
        const struct source *from = f->source;
        if (f->start_ref == LUA_NOREF ||
            (skip && skip(skip_arg, from->name, from->text, from->len)))
            continue;
        if (start_one(vm, f) != 0 && failed)
            failed(failed_arg, f->source->name, "not enough memory");
    }
}
