/* fixture.h - what the store's tests share: a folder of their own, and operations on one line. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

struct fixture {
    char dir[64];
    char path[96]; /* of the state file */
    struct store *s;
    struct store_options options; /* no autosave and no sweep within a test's time */
};

/* Group fixtures of cmocka: *state is a struct fixture with an empty folder and no store open. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* The same with a store that is in memory only. */
int memory_setup(void **state);

void fixture_open(struct fixture *f);  /* fails the test when it cannot */
void fixture_close(struct fixture *f); /* likewise */
/* Leaves the folder as kill -9 would: a copy of all files is opened, the process's store closed. */
void fixture_crash(struct fixture *f);
/* Tries to open, which must fail; the error's text. */
const char *fixture_refused(struct fixture *f);

char *file_read(struct fixture *f, const char *suffix, size_t *len); /* malloc'ed; NULL: not there
                                                                      */
void file_write(struct fixture *f, const char *suffix, const char *data, size_t len);
bool file_exists(struct fixture *f, const char *suffix);

/* All borrowed; text NULL deletes. */
struct store_change change(const char *collection, const char *key, const char *text,
                           store_seq expect);
/* Writes it alone; the operation's code. *seq (may be NULL): the new version's number. */
int put_change(struct store *s, const struct store_change *ch, store_seq *seq);
/* Operations on {"id"-like key field: key, "v": n}. The result is the operation's code. */
int put(struct store *s, const char *collection, const char *key, int n);
int put_if(struct store *s, const char *collection, const char *key, int n, store_seq expect,
           store_seq *seq);
int put_text(struct store *s, const char *collection, const char *key, const char *text);
int del(struct store *s, const char *collection, const char *key, bool *existed);
/* The object's "v", or -1 when it is not there; *seq (may be NULL): the version's number. */
int get(struct store *s, const char *collection, const char *key, store_seq *seq);
size_t count(struct store *s, const char *collection);
/* All keys in order, joined by blanks; malloc'ed. */
char *keys(struct store *s, const char *collection);

/* Waits with a loop of its own until the record is durable; the code that done() got. */
int wait_durable(struct store *s, store_seq seq);

#endif
