#include "vm/load.h"

#include <lauxlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/metrics.h"
#include "schema/schema.h"
#include "tools/headerparams.h"
#include "tools/skill.h"
#include "tools/uritemplate.h"
#include "vm/chunks.h"
#include "vm/decl.h"
#include "vm/sandbox.h"
#include "vm/slice.h"
#include "vm/testing.h"

#include <stdlib.h>
#include <string.h>

struct loading { /* one file */
    struct vm *vm;
    struct toolset *set; /* declarations go there; NULL: they are there already */
    struct sources *sources;
    const struct source *source;
    struct report report;
    struct err error; /* of the task: what the file raised, or a kill */
    uint32_t first_tool, tool_count;
    int start_ref;
    bool is_test; /* a file of tests declares no tools */
    bool is_loaded;
    bool is_half_kept; /* memory ended between its declarations: there is no way back */
};

/* ---- keeping what was declared ---- */

static int tools_reserve(struct vm *vm, size_t count)
{
    if (count <= vm->tool_count)
        return 0;
    struct vm_tool *more = realloc(vm->tools, count * sizeof *more);
    if (!more)
        return MG_E_NOMEM;
    vm->tools = more;
    for (size_t i = vm->tool_count; i < count; i++)
        vm->tools[i] = (struct vm_tool){ .run_ref = LUA_NOREF,
                                         .settings_ref = LUA_NOREF,
                                         .every_ref = LUA_NOREF };
    vm->tool_count = count;
    return 0;
}

static int tool_keep(struct loading *l, const struct decl *d, uint32_t index)
{
    struct vm *vm = l->vm;
    if (tools_reserve(vm, (size_t)index + 1) != 0)
        return MG_E_NOMEM;
    vm->tools[index] = (struct vm_tool){
        .tool = toolset_by_index(vm->set, index),
        .policy = d->policy,
        .run_ref = d->run_ref,
        .settings_ref = d->settings_ref,
        .every_ref = d->every_ref,
        .every_ms = d->every_ms,
        .takes_ctx = d->takes_ctx,
    };
    if (l->tool_count++ == 0)
        l->first_tool = index;
    return 0;
}

/* Into the set, which keeps them for all workers. Their texts have been tried by decl_read(). */
static int schemas_compile(struct tool *t, struct err *e)
{
    if (strcmp(t->input_schema, DECL_ANY_INPUT) != 0 &&
        !(t->input = schema_compile(t->input_schema, strlen(t->input_schema), NULL, 0, e)))
        return e->code;
    if (strcmp(t->input_schema, DECL_ANY_INPUT) != 0 &&
        headerparams_compile(t->input_schema, strlen(t->input_schema), &t->headers, e) != 0)
        return e->code;
    if (t->output_schema &&
        !(t->output = schema_compile(t->output_schema, strlen(t->output_schema), NULL, 0, e)))
        return e->code;
    if (t->kind == TOOL_TEMPLATE && !(t->pattern = uritemplate_new(t->uri, e)))
        return e->code;
    return 0;
}

static int set_add(struct loading *l, struct tool *t, struct err *e)
{
    t->metric = metrics_tool(t->name);
    int code = schemas_compile(t, e);
    if (t->skill)
        skill_ref(t->skill);
    if (code == 0)
        code = toolset_add(l->set, t, e);
    if (code != 0) {
        skill_unref(t->skill);
        schema_free(t->input);
        schema_free(t->output);
        headerparams_free(t->headers);
        uritemplate_free(t->pattern);
    }
    t->input = t->output = NULL; /* the set's now, or gone */
    t->headers = NULL;
    t->pattern = NULL;
    t->skill = NULL;
    return code;
}

/* The tool's place in the set: a new one, or the one that the first vm got. MG_E_NOTFOUND: it is
 * not in the set. */
static int tool_place(struct loading *l, struct decl *d, uint32_t *index, struct err *e)
{
    if (l->set) {
        int code = set_add(l, &d->tool, e);
        *index = (uint32_t)toolset_size(l->set) - 1;
        return code;
    }
    const struct tool *t =
        toolset_offer_find(l->vm->set, d->tool.kind, d->tool.name, strlen(d->tool.name));
    if (!t)
        return err_set(e, MG_E_NOTFOUND, "the tool \"%s\" is not there in the first worker",
                       d->tool.name);
    *index = t->index;
    return 0;
}

static bool is_same(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

static const struct tool *find_added(const struct loading *l, const struct tool *t)
{
    for (size_t i = 0; i < l->vm->tool_count; i++) {
        const struct tool *other = l->vm->tools[i].tool;
        if (other && (is_same(other->name, t->name) || is_same(other->uri, t->uri)))
            return other;
    }
    return NULL;
}

static void report_taken(struct loading *l, const struct tool *t, const struct tool *other)
{
    bool is_name = is_same(other->name, t->name);
    const char *field = is_name ? "name" : t->kind == TOOL_TEMPLATE ? "uriTemplate" : "uri";
    const char *text = is_name ? tool_wire_name(t) : t->uri;
    if (other->file == t->file)
        report_add(&l->report, field, "the %s \"%s\" is declared twice", field, text);
    else
        report_add(&l->report, field, "the %s \"%s\" is taken by %s", field, text, other->file);
}

/* All or nothing: names are checked before the first one is added. */
static bool names_are_free(struct loading *l, const struct decl *d, int n)
{
    for (int i = 0; i < n; i++) {
        const struct tool *t = &d[i].tool, *taken = find_added(l, t);
        l->report.line = d[i].line;
        if (taken)
            report_taken(l, t, taken);
        for (int k = 0; k < i; k++)
            if (is_same(d[k].tool.name, t->name) || is_same(d[k].tool.uri, t->uri))
                report_taken(l, t, &d[k].tool);
    }
    return l->report.count == 0;
}

/* What completes or lists is called by itself, under the same grants. */
static int part_keep(struct loading *l, const struct decl *d, enum tool_kind kind, int ref,
                     struct err *e)
{
    struct decl part = *d;
    uint32_t index = 0;
    if (ref == LUA_NOREF)
        return 0;
    part.tool.kind = kind;
    part.tool.uri = NULL;
    part.run_ref = ref;
    part.every_ref = LUA_NOREF;
    int code = tool_place(l, &part, &index, e);
    return code == 0 ? tool_keep(l, &part, index) : code;
}

static int decl_keep(struct loading *l, struct decl *d, struct err *e)
{
    uint32_t index = 0;
    int code = tool_place(l, d, &index, e);
    if (code == 0)
        code = tool_keep(l, d, index);
    if (code == 0)
        code = part_keep(l, d, TOOL_COMPLETER, d->complete_ref, e);
    if (code == 0)
        code = part_keep(l, d, TOOL_LISTER, d->list_ref, e);
    /* Its functions will be given back: nothing may call them. */
    for (size_t i = 0; code != 0 && i < l->vm->tool_count; i++)
        if (l->vm->tools[i].tool && strcmp(l->vm->tools[i].tool->name, d->tool.name) == 0)
            l->vm->tools[i].tool = NULL;
    return code;
}

static void keep_decls(struct loading *l, struct decl *d, int n)
{
    lua_State *L = l->vm->L;
    for (int i = 0; i < n; i++) {
        struct err e = { 0 };
        if (!d[i].policy->enabled) {
            decl_unref(L, &d[i]);
            continue;
        }
        if (decl_keep(l, &d[i], &e) != 0) {
            report_add(&l->report, NULL, "%s", *e.text ? e.text : "not enough memory");
            l->is_half_kept |= e.code == 0 || e.code == MG_E_NOMEM;
            decl_unref(L, &d[i]);
            continue;
        }
        if (d[i].start_ref != LUA_NOREF && l->start_ref == LUA_NOREF)
            l->start_ref = d[i].start_ref;
        else if (d[i].start_ref != LUA_NOREF)
            report_add(&l->report, "start", "a file may declare one start function");
    }
}

/* The file has run; what it returned lies at the top. Stack: mcp, env, value. */
static void take_decls(lua_State *L, struct loading *l)
{
    int value = lua_gettop(L), mcp = value - 2;
    lua_newtable(L);
    int anchor = lua_gettop(L);
    lua_newtable(L);
    int granted = lua_gettop(L);
    int n = decl_count(L, value, &l->report);
    if (n < 0)
        return;
    struct decl *d = lua_newuserdatauv(L, (size_t)n * sizeof *d, 0);
    int done = 0;
    for (int i = 0; i < n; i++)
        if (decl_read(L, value, i, anchor, granted, &l->vm->o, &d[done], &l->report))
            done++;
    if (l->report.count || !names_are_free(l, d, done)) {
        for (int i = 0; i < done; i++)
            decl_unref(L, &d[i]);
        return;
    }
    keep_decls(l, d, done);
    sandbox_seal(L, l->vm, mcp, granted);
    l->is_loaded = l->report.count == 0;
}

/* ---- running one file ---- */

/* Tests have no grants of their own. Stack: mcp, env, whatever the file returned. */
static void test_returned(lua_State *L, struct loading *l)
{
    int mcp = lua_gettop(L) - 2;
    lua_newtable(L);
    sandbox_seal(L, l->vm, mcp, lua_gettop(L));
    l->is_loaded = true;
}

static int file_returned(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct loading *l = (struct loading *)ctx;
    if (l->is_test)
        test_returned(L, l);
    else
        take_decls(L, l);
    return 0;
}

static int load_body(lua_State *L)
{
    struct loading *l = lua_touserdata(L, 1);
    lua_settop(L, 0);
    l->vm->is_opening = true;
    sandbox_push(L, l->vm, l->sources);
    l->vm->is_opening = false;
    chunk_push(L, l->source, 2);
    lua_callk(L, 0, 1, (lua_KContext)l, file_returned);
    return file_returned(L, LUA_OK, (lua_KContext)l);
}

/* Runs the vm's queues until the task has ended: nothing else is in them. */
static void run_to_end(struct vm *vm, struct task *t)
{
    uint64_t serial = t->serial;
    int64_t until = cpu_time_us() + LOAD_MS * INT64_C(1000);
    strand_ready(t->main);
    while (t->serial == serial) {
        vm_run(vm);
        if (t->serial == serial && cpu_time_us() >= until)
            task_kill(t, OUT_TIMEOUT);
    }
}

static void load_file(struct loading *l)
{
    struct task *t = NULL;
    if (!l->source->text) {
        report_add(&l->report, NULL, "%s", l->source->problem);
        return;
    }
    t = task_new(l->vm, TASK_LOAD, NULL, LOAD_MEMORY);
    struct strand *s = t ? task_main(t, load_body) : NULL;
    if (!s) {
        report_no_memory(&l->report);
        return;
    }
    lua_pushlightuserdata(s->L, l);
    s->nargs = 1;
    t->error = &l->error;
    run_to_end(l->vm, t);
    l->vm->is_opening = false; /* memory may have ended meanwhile */
    if (!l->error.code)
        return;
    l->is_loaded = false;
    l->report.lacks_memory |= l->error.code == MG_E_NOMEM;
    report_raised(&l->report, l->error.text);
}

/* ---- all of them ---- */

static int files_reserve(struct vm *vm)
{
    struct vm_file *more = realloc(vm->files, (vm->file_count + 1) * sizeof *more);
    if (!more)
        return MG_E_NOMEM;
    vm->files = more;
    return 0;
}

/* A version that has loaded once fails for its settings alone: then mcp.ini is wrong. */
static int check_settings(const struct report *r, struct err *e)
{
    if (r->count == 0 || r->settings < r->count)
        return 0;
    const char *end = memchr(r->text.data, '\n', r->text.len);
    return err_set(e, MG_E_INVALID, "%.*s", end ? (int)(end - r->text.data) : (int)r->text.len,
                   r->text.data);
}

struct problem { /* empty: none */
    struct buf text, shown;
};

static void problem_take(struct problem *p, struct report *r)
{
    *p = (struct problem){ r->text, r->shown };
    r->text = r->shown = (struct buf){ 0 };
}

static void problem_fini(struct problem *p)
{
    buf_fini(&p->text);
    buf_fini(&p->shown);
}

static int problem_add(struct toolset *set, const struct source *s, struct problem *p)
{
    const char *bytes = s->text ? s->text : s->problem;
    struct toolset_problem told = { .file = s->name,
                                    .text = buf_cstr(&p->text),
                                    .shown = buf_cstr(&p->shown),
                                    .version = hash_key(bytes, s->text ? s->len : strlen(bytes)) };
    return told.text ? toolset_add_problem(set, &told) : MG_E_NOMEM;
}

/* Loads one file; *problem gets what is wrong with it, or stays empty. NULL: it is a version that
 * loaded before, and nobody is told; but a lack of memory, or settings that are wrong now, are then
 * this function's failure. */
static int load_one(struct vm *vm, struct toolset *set, struct sources *sources,
                    const struct source *s, struct problem *problem, struct err *e)
{
    if (files_reserve(vm) != 0)
        return MG_E_NOMEM;
    vm->is_test = vm->o.testing && strcmp(vm->o.testing->file, s->name) == 0;
    struct loading l = { .vm = vm,
                         .set = set,
                         .sources = sources,
                         .source = s,
                         .start_ref = LUA_NOREF,
                         .is_test = vm->is_test,
                         .report = { .source = s, .sources = sources } };
    load_file(&l);
    /* Closures of a file that did not load may be alive still: its helpers' texts stay as long as
     * the vm. */
    vm->files[vm->file_count++] = (struct vm_file){ .sources = sources_ref(sources),
                                                    .source = s,
                                                    .is_loaded = l.is_loaded,
                                                    .has_tools = l.tool_count > 0,
                                                    .tool_index = l.first_tool,
                                                    .start_ref = l.start_ref };
    bool is_lost = l.is_half_kept || (!problem && l.report.lacks_memory);
    bool is_whole = buf_ok(&l.report.text) && buf_ok(&l.report.shown);
    int code = is_whole && !is_lost ? 0 : MG_E_NOMEM;
    if (!problem && code == 0)
        code = check_settings(&l.report, e);
    if (problem && code == 0)
        problem_take(problem, &l.report);
    report_fini(&l.report);
    return code;
}

static const struct vm_file *loaded_before(const struct vm *before, const char *name)
{
    for (size_t i = 0; before && i < before->file_count; i++)
        if (before->files[i].is_loaded && strcmp(before->files[i].source->name, name) == 0)
            return &before->files[i];
    return NULL;
}

static int load_or_keep(struct vm *vm, struct toolset *set, struct sources *sources,
                        const struct source *s, const struct vm *before, struct err *e)
{
    struct problem problem = { 0 };
    int code = load_one(vm, set, sources, s, &problem, e);
    if (code == 0 && problem.text.len) {
        code = problem_add(set, s, &problem);
        const struct vm_file *old = loaded_before(before, s->name);
        if (code == 0 && old)
            code = load_one(vm, set, old->sources, old->source, NULL, e);
    }
    problem_fini(&problem);
    return code;
}

int load_all(struct vm *vm, struct toolset *set, const struct vm *before, struct err *e)
{
    if (!vm->o.tools_dir)
        return 0;
    struct err why = { 0 };
    struct sources *sources =
        vm->o.sources ? sources_ref(vm->o.sources) : sources_read(vm->o.tools_dir, &why);
    vm->o.sources = NULL; /* the caller's */
    if (!sources) {
        if (why.code == MG_E_NOMEM) /* a reload must not lose all tools for that */
            return err_set(e, MG_E_NOMEM, "tools folder: %s", why.text);
        log_printf(LOG_ERROR, "tools folder: %s", why.text);
        struct toolset_problem told = { .file = "", .text = why.text };
        return toolset_add_problem(set, &told) == 0 ? 0
                                                    : err_set(e, MG_E_NOMEM, "not enough memory");
    }
    int code = vm->o.testing ? sources_add(sources, vm->o.tools_dir, vm->o.testing->file, e) : 0;
    for (size_t i = 0; code == 0 && i < sources_count(sources); i++)
        if (!sources_at(sources, i)->is_helper)
            code = load_or_keep(vm, set, sources, sources_at(sources, i), before, e);
    sources_unref(sources);
    return code == MG_E_NOMEM ? err_set(e, MG_E_NOMEM, "not enough memory") : code;
}

int load_again(struct vm *vm, const struct vm *first, struct err *e)
{
    for (size_t i = 0; i < first->file_count; i++) {
        const struct vm_file *f = &first->files[i];
        struct problem problem = { 0 };
        if (!f->is_loaded)
            continue;
        int code = load_one(vm, NULL, f->sources, f->source, &problem, e);
        /* It loaded in the first worker: then time or memory is short, or the file is not
         * deterministic. */
        if (code == 0 && problem.text.len)
            log_printf(LOG_ERROR, "a further worker could not load %.*s", (int)problem.text.len,
                       problem.text.data);
        problem_fini(&problem);
        if (code != 0)
            return err_set(e, MG_E_NOMEM, "not enough memory");
    }
    if (tools_reserve(vm, toolset_size(vm->set)) != 0)
        return err_set(e, MG_E_NOMEM, "not enough memory");
    return 0;
}

void load_fini(struct vm *vm)
{
    for (size_t i = 0; i < vm->file_count; i++)
        sources_unref(vm->files[i].sources);
    free(vm->files);
    free(vm->tools);
}
