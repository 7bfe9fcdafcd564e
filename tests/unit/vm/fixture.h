/* fixture.h - a vm over a tools folder of its own, with a real loop and a real watchdog. */
#ifndef MG_TEST_VM_FIXTURE_H
#define MG_TEST_VM_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/loop.h"
#include "io/watchdog.h"
#include "tools/toolset.h"
#include "vm/module.h"
#include "vm/vm.h"

/* Under sanitizers and valgrind tests do less, and bounds on time are not looked at. */
int slow_factor(void);

struct fixture {
    char dir[128]; /* .../tools.d */
    struct vm_options o;
    struct vm_policy policy;
    struct toolset *set;
    struct vm *vm;
    struct vm_services services;
    struct watchdog *dog;
    struct watch_slot slot;
    int64_t call_timeout_ms; /* of the next calls; 0: the tool's own */
};

struct call { /* one tools/call and what came of it */
    struct task_info info;
    struct task *task;
    struct tool_result result;
    uint64_t wait;
    bool is_done;
    int64_t begin_ms, took_ms;
    int progress, logs;
    char last[256];
};

struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
/* Writes a file below the tools folder (folders are made). */
void fixture_write(struct fixture *f, const char *name, const char *text);
/* The body of a tool file with the one tool `name`, whose run is `function(args, ctx) BODY end`. */
void fixture_tool(struct fixture *f, const char *name, const char *body);
/* Loads what is there and attaches the vm; frees the vm that was there before. */
void fixture_load(struct fixture *f);

/* Starts a call; args is JSON text or NULL. */
void call_start(struct fixture *f, struct call *c, const char *tool, const char *args);
/* The two halves of call_start(), for what lies between: a call's _meta. */
void call_begin(struct fixture *f, struct call *c, const char *tool);
void call_run(struct fixture *f, struct call *c, uint32_t index);
/* Runs all start functions to their end; the last one that failed is written to failed. */
void start_all(struct fixture *f, char *failed, size_t size);
/* Polls and runs until *done; fails the test after limit_ms. */
void run_until(struct fixture *f, const bool *done, int64_t limit_ms);
void call_wait(struct fixture *f, struct call *c);
void call_fini(struct call *c);
/* The text of the result's one text block, decoded. Static storage. */
const char *call_text(const struct call *c);
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
