#include "api/fs_job.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "vm/module.h"
#include "vm/op.h"

struct fs_op {
    struct op op;
    struct fs_job *job; /* NULL: there was none */
    const char *refused;
    bool is_done;
};

static void job_free(struct fs_job *j)
{
    buf_fini(&j->out);
    buf_fini(&j->names.text);
    files_give(j->at.shared, j->taken);
    free(j);
}

static void job_work(struct offload_job *job)
{
    struct fs_job *j = (struct fs_job *)job;
    j->code = fileop_stopped(&j->at, &j->fail);
    if (j->code == 0)
        j->code = j->type->work(j);
}

static void job_done(struct offload_job *job)
{
    struct fs_job *j = (struct fs_job *)job;
    if (!j->op) {
        job_free(j);
        return;
    }
    j->op->is_done = true;
    op_complete(&j->op->op);
}

static void op_abandon(struct op *op)
{
    struct fs_op *o = (struct fs_op *)op;
    if (o->job && !o->is_done) {
        atomic_store(&o->job->stop, true);
        o->job->op = NULL;
        o->job = NULL;
    }
}

static void op_free(struct op *op)
{
    struct fs_op *o = (struct fs_op *)op;
    op_abandon(op);
    if (o->job)
        job_free(o->job);
    o->job = NULL;
}

static int op_results(lua_State *L, struct op *op)
{
    struct fs_op *o = (struct fs_op *)op;
    if (o->refused)
        return api_fail(L, "LIMIT", "%s", o->refused);
    if (!o->job)
        return api_fail(L, "NOMEM", "no memory for a copy of the input");
    if (o->job->code < 0)
        return api_fail(L, o->job->fail.word, "%s", o->job->fail.err.text);
    return o->job->type->push(L, o->job);
}

static const struct op_type fs_op_type = {
    .name = "fs",
    .size = sizeof(struct fs_op),
    .cancel = op_abandon,
    .release = op_free,
    .results = op_results,
};

static const char *put_text(char **at, const char *text)
{
    if (!text)
        return NULL;
    char *copy = memcpy(*at, text, strlen(text) + 1);
    *at += strlen(text) + 1;
    return copy;
}

static size_t text_size(const char *text) { return text ? strlen(text) + 1 : 0; }

static struct fs_job *job_new(lua_State *L, const struct fs_type *type, const struct fs_input *in)
{
    const struct vm_options *o = vm_options_of(L);
    struct fs_job *j =
        calloc(1, sizeof *j + text_size(o->root) + text_size(in->path) + text_size(in->to) +
                      text_size(in->sha256) + text_size(in->glob) + in->len);
    if (!j)
        return NULL;
    char *at = j->texts;
    j->job.work = job_work;
    j->job.done = job_done;
    j->type = type;
    j->in = *in;
    j->rules = (struct rootfile_rules){ .root = put_text(&at, o->root),
                                        .may_open = o->may_open,
                                        .may_make = o->may_make,
                                        .view = o->view,
                                        .arg = o->may_open_arg };
    j->in.path = put_text(&at, in->path);
    j->in.to = put_text(&at, in->to);
    j->in.sha256 = put_text(&at, in->sha256);
    j->in.glob = put_text(&at, in->glob);
    if (in->len > 0)
        memcpy(at, in->data, in->len);
    j->in.data = at;
    j->at =
        (struct fileop){ .rules = &j->rules, .shared = vm_services_of(L)->fs, .stop = &j->stop };
    return j;
}

int fs_run(lua_State *L, const struct fs_type *type, const struct fs_input *in)
{
    const struct vm_services *services = vm_services_of(L);
    struct fs_op *o = (struct fs_op *)op_push(L, &fs_op_type);
    if (!o)
        return 3;
    bool has_room = files_take(services->fs, in->len);
    o->job = has_room ? job_new(L, type, in) : NULL;
    if (!o->job) {
        if (has_room)
            files_give(services->fs, in->len);
        else
            o->refused = "too much is read and written at once; try again";
        op_complete(&o->op);
        return op_wait(L, &o->op);
    }
    o->job->taken = in->len;
    o->job->op = o;
    if (offload_submit(services->offload, services->loop, &o->job->job) != 0) {
        o->job->op = NULL; /* the operation frees it */
        o->is_done = true;
        o->refused = "the helper threads have too much to do; try again";
        op_complete(&o->op);
    }
    return op_wait(L, &o->op);
}
