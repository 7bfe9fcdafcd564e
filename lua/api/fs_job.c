#include "api/fs_job.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "vm/module.h"

static void job_free(struct helped *h)
{
    struct fs_job *j = (struct fs_job *)h;
    buf_fini(&j->out);
    buf_fini(&j->names.text);
    files_give(j->at.shared, j->taken);
    free(j);
}

static void job_work(struct helped *h)
{
    struct fs_job *j = (struct fs_job *)h;
    j->code = fileop_stopped(&j->at, &j->fail);
    if (j->code == 0)
        j->code = j->type->work(j);
}

static void job_stop(struct helped *h) { atomic_store(&((struct fs_job *)h)->stop, true); }

static int job_push(lua_State *L, struct helped *h)
{
    struct fs_job *j = (struct fs_job *)h;
    if (j->code < 0)
        return api_fail(L, j->fail.word, "%s", j->fail.err.text);
    return j->type->push(L, j);
}

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
    static const struct helped_type helped = { job_work, job_stop, job_push, job_free };
    struct files *files = vm_services_of(L)->fs;
    struct helped_op *op = helped_push(L);
    if (!op)
        return 3;
    if (!files_take(files, in->len))
        return helped_refuse(L, op, "LIMIT", "too much is read and written at once; try again");
    struct fs_job *j = job_new(L, type, in);
    if (!j) {
        files_give(files, in->len);
        return helped_refuse(L, op, "NOMEM", "no memory for a copy of the input");
    }
    j->helped.type = &helped;
    j->taken = in->len;
    return helped_run(L, op, &j->helped);
}
