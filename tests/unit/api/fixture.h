/* fixture.h - a vm with all of Lua's modules over a tools folder of its own, with a real loop,
 * store, topics, helper threads and watchdog, and a subscriber that notes every event. */
#ifndef MG_TEST_API_FIXTURE_H
#define MG_TEST_API_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "hub/topics.h"
#include "io/loop.h"
#include "store/store.h"
#include "support/call.h"
#include "support/folder.h"
#include "support/machine.h"
#include "support/slow.h"
#include "vm/module.h"

struct fixture {
    char base[FOLDER_PATH];     /* the folder that all lies in; also the root */
    char dir[FOLDER_PATH + 16]; /* base/tools.d */
    struct vm_options o;
    struct vm_policy policy; /* of every tool */
    struct vm_sections sections;
    ino_t denied;  /* a file or folder that may_open() refuses */
    bool may_open; /* what may_open() says */
    struct toolset *set;
    struct vm *vm;
    struct vm_services services;
    struct dog dog;
    struct topic_sub *sub;
    char events[65536]; /* "event: E\ndata: {...}\n\n" of all topics so far */
    struct call *last;  /* for cancelling from a timer */
};

/* is_durable: the store keeps a journal; else it is in memory alone. */
struct fixture *fixture_new(bool is_durable);
void fixture_free(struct fixture *f);
int fixture_setup(void **state); /* for cmocka: memory */
int fixture_setup_durable(void **state);
int fixture_teardown(void **state);

/* Writes a file below the base folder (folders are made). */
void fixture_write(struct fixture *f, const char *name, const char *text);
/* A tool file with one tool whose run is function(args, ctx) BODY end. */
void fixture_tool(struct fixture *f, const char *name, const char *body);
/* Loads what is there and attaches the vm; frees the vm that was there before. Fails on any
 * problem. */
void fixture_load(struct fixture *f);
/* The store is closed and opened again, and a new vm loaded: a restart after a clean stop. */
void fixture_restart(struct fixture *f);

void call_start(struct fixture *f, struct call *c, const char *tool, const char *args);
void call_wait(struct fixture *f, struct call *c);
/* One turn of the loop and of the vm. */
void turn(struct fixture *f);
/* Turns until done(arg) or fails the test after 20 s. */
void turn_until(struct fixture *f, bool (*done)(void *arg), void *arg);
/* Turns until no task is left and the outbox is empty. */
void settle(struct fixture *f);
/* Turns until this text is among the events. */
void await_event(struct fixture *f, const char *text);
/* Cancels the call after some ms. */
void cancel_later(struct fixture *f, struct call *c, int64_t ms);

/* call_text(), and "!" before it when the call failed. Static storage. */
const char *call_said(const struct call *c);
/* A whole call; its outcome must be OK or, if it begins with "!", an error. Static storage. */
const char *call(struct fixture *f, const char *tool, const char *args);
/* Loads one tool with this body, calls it and compares its text; "!..." wants an error with that
 * text. */
void check(struct fixture *f, const char *body, const char *want);
/* The same with a table of {body, want} that a NULL ends. */
struct example {
    const char *body, *want;
};
void check_all(struct fixture *f, const struct example *examples);
/* Each of the n expressions must raise; prelude comes before them. */
void check_raises(struct fixture *f, const char *prelude, const char *const *lines, size_t n);

#endif
