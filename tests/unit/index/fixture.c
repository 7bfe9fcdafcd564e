#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LIMIT_MS 60000

void fixture_open(struct fixture *f)
{
    struct err e = { 0 };
    f->offload = offload_new(4, 64, &e);
    assert_non_null(f->offload);
    f->o.path = f->path;
    f->o.offload = f->offload;
    f->ix = index_new(&f->o);
    assert_non_null(f->ix);
}

void fixture_close(struct fixture *f)
{
    offload_free(f->offload);
    index_close(f->ix);
    loop_poll(f->loop, 0);
    index_free(f->ix);
    f->ix = NULL;
    f->offload = NULL;
}

void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

struct fixture *fixture_new(void)
{
    struct err e = { 0 };
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    folder_make(f->dir, "index");
    snprintf(f->path, sizeof f->path, "%s/index", f->dir);
    f->loop = loop_new(&e);
    assert_non_null(f->loop);
    fixture_open(f);
    return f;
}

void fixture_free(struct fixture *f)
{
    fixture_close(f);
    loop_free(f->loop);
    folder_remove(f->dir);
    free(f);
}

int fixture_setup(void **state) { return (*state = fixture_new()) ? 0 : -1; }

int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* ---- operations ---- */

static void done(struct index_op *op) { ((struct test_op *)op)->is_done = true; }

static void add(struct index_op *op, int text, const char *s)
{
    op->text[text] = (struct index_span){ op->in.len, strlen(s) };
    buf_append(&op->in, s, strlen(s));
}

void op_make(struct fixture *f, struct test_op *t, enum index_kind kind, const char *id)
{
    *t = (struct test_op){ .op = { .kind = kind,
                                   .loop = f->loop,
                                   .done = done,
                                   .tool = "t",
                                   .name = "x",
                                   .limit = 10,
                                   .deadline_ms = INT64_MAX } };
    add(&t->op, INDEX_ID, id);
}

void op_put(struct fixture *f, struct test_op *t, const char *id, const char *title,
            const char *text)
{
    op_make(f, t, INDEX_PUT, id);
    add(&t->op, INDEX_STAMP_TEXT, "1");
    add(&t->op, INDEX_TITLE, title);
    add(&t->op, INDEX_TEXT, text);
    add(&t->op, INDEX_MORE, "");
    assert_true(buf_ok(&t->op.in));
}

int op_wait(struct fixture *f, struct test_op *t)
{
    int64_t end = clock_mono_ms() + LIMIT_MS;
    while (!t->is_done) {
        if (clock_mono_ms() > end)
            fail_msg("an operation is not done within %d ms", LIMIT_MS);
        loop_poll(f->loop, 100);
    }
    f->err = t->op.err;
    return t->op.code;
}

int put(struct fixture *f, const char *id, const char *title, const char *text)
{
    struct test_op t;
    op_put(f, &t, id, title, text);
    index_submit(f->ix, &t.op);
    int code = op_wait(f, &t);
    index_op_fini(&t.op);
    return code;
}

int take_away(struct fixture *f, const char *id)
{
    struct test_op t;
    op_make(f, &t, INDEX_REMOVE, id);
    index_submit(f->ix, &t.op);
    int code = op_wait(f, &t);
    int found = (int)t.op.count;
    index_op_fini(&t.op);
    return code != 0 ? code : found;
}

static const char *ask(struct fixture *f, enum index_kind kind, const char *text, int column)
{
    struct test_op t;
    op_make(f, &t, kind, text);
    index_submit(f->ix, &t.op);
    size_t n = 0;
    f->said[0] = '\0';
    if (op_wait(f, &t) != 0)
        snprintf(f->said, sizeof f->said, "!%s", err_word(t.op.code));
    for (size_t i = 0; t.op.code == 0 && i < t.op.row_count; i++) {
        const struct index_span *s = &t.op.rows[i].text[column];
        n += (size_t)snprintf(f->said + n, sizeof f->said - n, "%s%.*s", i > 0 ? " " : "",
                              (int)s->len, s->len > 0 ? t.op.out.data + s->at : "");
        assert_true(n < sizeof f->said);
        if (i > 0)
            assert_true(t.op.rows[i - 1].score >= t.op.rows[i].score);
    }
    if (t.op.code == 0 && kind == INDEX_STAMP && t.op.row_count == 0)
        snprintf(f->said, sizeof f->said, "nil");
    index_op_fini(&t.op);
    return f->said;
}

const char *search(struct fixture *f, const char *query) { return ask(f, INDEX_SEARCH, query, 0); }
const char *stamp(struct fixture *f, const char *id) { return ask(f, INDEX_STAMP, id, 0); }

const char *excerpt(struct fixture *f, const char *query) { return ask(f, INDEX_SEARCH, query, 2); }

int64_t count(struct fixture *f)
{
    struct test_op t;
    op_make(f, &t, INDEX_COUNT, "");
    index_submit(f->ix, &t.op);
    int code = op_wait(f, &t);
    int64_t n = (int64_t)t.op.count;
    index_op_fini(&t.op);
    return code != 0 ? code : n;
}

void fill(struct fixture *f, int n, const char *text)
{
    struct test_op *all = calloc((size_t)n, sizeof *all);
    char id[32];

    assert_non_null(all);
    for (int i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%06d", i);
        op_put(f, &all[i], id, id, text);
        index_submit(f->ix, &all[i].op);
        if (i % 500 == 499)
            op_wait(f, &all[i]);
    }
    for (int i = 0; i < n; i++) {
        assert_int_equal(op_wait(f, &all[i]), 0);
        index_op_fini(&all[i].op);
    }
    free(all);
}
