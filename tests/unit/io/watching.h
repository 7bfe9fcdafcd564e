/* watching.h - a folder that is followed, and an inotify that can be told to fail. The folder is a
 * new one, so nobody else changes anything in it. */
#ifndef TEST_IO_WATCHING_H
#define TEST_IO_WATCHING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/watchfiles.h"

#define POLL_NEVER 3600000
#define HANG_MS 20000

extern int no_descriptor, no_watch; /* the errno that inotify fails with, or 0 */

struct site {
    char dir[64], tools[96], ini[96];
    struct loop *loop;
    struct watchfiles *watch;
    int changed, limited; /* how often they were called */
    char why[200];
    void (*then)(struct site *s); /* called by changed(), once */
};

/* tools.d with a.lua, and mcp.ini: both are followed. */
struct site *site_new(int64_t poll_ms);
void site_free(struct site *s);
void follow(struct site *s, int64_t poll_ms);
void path_of(const struct site *s, const char *name, char out[256]);
void rename_one(const struct site *s, const char *from, const char *to);
void write_a(const struct site *s);
void write_new(const struct site *s);

/* Until changed() was called so often; not once more. */
void poll_until(struct site *s, int want);
void stays_silent(struct site *s);

#endif
