/* fixture.h - an index in a folder of its own, with a real loop and helper threads. Every function
 * submits and waits. */
#ifndef MG_TEST_INDEX_FIXTURE_H
#define MG_TEST_INDEX_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "index/index.h"
#include "support/folder.h"

struct fixture {
    char dir[FOLDER_PATH], path[FOLDER_PATH + 16];
    struct index_options o;
    struct offload *offload;
    struct loop *loop;
    struct index *ix;
    char said[65536]; /* what the last operation gave, as text */
    struct err err;   /* likewise */
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_close(struct fixture *f);
/* With f->o as it is now. */
void fixture_open(struct fixture *f);
void fixture_reopen(struct fixture *f);

/* An operation of the tool "t" and the index "x", filled in, not submitted. */
struct test_op {
    struct index_op op;
    bool is_done;
};
void op_make(struct fixture *f, struct test_op *t, enum index_kind kind, const char *id);
void op_put(struct fixture *f, struct test_op *t, const char *id, const char *title,
            const char *text);
int op_wait(struct fixture *f, struct test_op *t); /* its code */

int put(struct fixture *f, const char *id, const char *title, const char *text);
int take_away(struct fixture *f, const char *id); /* 1: it was there */
/* The ids found, best first, with blanks between; or "!WORD" for an error. */
const char *search(struct fixture *f, const char *query);
/* The excerpt of the first hit. */
const char *excerpt(struct fixture *f, const char *query);
const char *stamp(struct fixture *f, const char *id); /* "nil": not there */
int64_t count(struct fixture *f);
/* Puts n documents at once. */
void fill(struct fixture *f, int n, const char *text);

#endif
