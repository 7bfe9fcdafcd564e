/* fixture.h - a vm over a tools folder of its own, with a real loop and a real watchdog. */
#ifndef MG_TEST_VM_FIXTURE_H
#define MG_TEST_VM_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/loop.h"
#include "support/call.h"
#include "support/folder.h"
#include "support/machine.h"
#include "support/slow.h"
#include "vm/module.h"

struct fixture {
    char base[FOLDER_PATH];     /* the root */
    char dir[FOLDER_PATH + 16]; /* base/tools.d */
    struct vm_options o;
    struct vm_policy policy;
    struct toolset *set;
    struct vm *vm;
    struct vm_services services;
    struct dog dog;
    int64_t call_timeout_ms; /* of the next calls; 0: the tool's own */
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
int fixture_setup(void **state); /* for cmocka; counts from 0 what the test module counts */
int fixture_teardown(void **state);
/* Writes a file below the tools folder (folders are made). */
void fixture_write(struct fixture *f, const char *name, const char *text);
/* The body of a tool file with the one tool `name`, whose run is `function(args, ctx) BODY end`. */
void fixture_tool(struct fixture *f, const char *name, const char *body);
/* Loads what is there and attaches the vm; frees the vm that was there before. */
void fixture_load(struct fixture *f);

/* Starts a call; args is JSON text or NULL. */
void call_start(struct fixture *f, struct call *c, const char *tool, const char *args);
/* Its first half; the second is call_run(). Between them a call's _meta is set. */
void call_begin(struct fixture *f, struct call *c, const char *tool, const char *args);
/* Runs all start functions to their end; the last one that failed is written to failed. */
void start_all(struct fixture *f, char *failed, size_t size);
/* One turn of the loop and of the vm. */
void turn(struct fixture *f);
/* Turns until no task is left. */
void drain(struct fixture *f);
/* Turns until *done; fails the test after limit_ms. */
void run_until(struct fixture *f, const bool *done, int64_t limit_ms);
void call_wait(struct fixture *f, struct call *c);
/* A whole call: its text. The outcome must be as given. */
const char *call(struct fixture *f, const char *tool, const char *args, enum outcome want);
/* All problems of the set, one after the other; "" when there are none. Static storage. */
const char *problems(struct fixture *f);

/* A module for tests: mcp.test.sleep(ms) waits; mcp.test.hold() never ends; mcp.test.late() cannot
 * be stopped at once; mcp.test.garbage() makes what notes whether the watchdog watches while it is
 * collected. */
extern const struct api_module test_module;
extern _Thread_local int test_cancelled, test_released, test_collected, test_unwatched;

#endif
