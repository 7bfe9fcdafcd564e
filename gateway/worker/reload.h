/* reload.h - what serves now, and its replacement: by a signal, or because tools, mcp.ini or a file
 * that it names have changed. Whatever fails leaves what serves as it is; it is told once, shown by
 * readiness, and tried again as soon as something changes and every [tools] poll.
 * Lifetime: embedded in the supervisor. Threads: the main one. */
#ifndef MG_RELOAD_H
#define MG_RELOAD_H
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "io/loop.h"
#include "io/watchfiles.h"
#include "worker/gateway.h"
#include "worker/listchange.h"
#include "worker/serving.h"

struct reload {
    struct gateway *gateway;
    struct loop *loop;
    const struct mcp_host *host;
    const char *ini_path;
    struct config *config;        /* a reference, the owner's to give up; what serves */
    struct serving *serving;      /* a reference */
    struct listchange lists;      /* who is told of them */
    struct watchfiles *watch;     /* NULL: [tools] reload = no */
    struct loop_timer wait;       /* for a generation to end */
    struct loop_timer retry;      /* of what failed */
    int64_t wanted_ms;            /* 0: none waits for a generation to end */
    bool is_signal;               /* the one that waits is not for a mere suspicion */
    uint8_t files[SHA256_SIZE];   /* mcp.ini and what it names, when it was last read */
    uint8_t failure[SHA256_SIZE]; /* what was told of the last failure */
    bool is_failed;
};

/* Once the first serving is published: begins to follow the files, where [tools] reload says so. */
void reload_begin(struct reload *r);
/* SIGHUP: reads the configuration again, opens the log anew. */
void reload_now(struct reload *r);
void reload_end(struct reload *r); /* stops following; gives up what serves. On zeroes it is legal.
                                    */

/* Tells the log of the tool files of this generation that did not load, and of sections that mean
 * no tool. */
void reload_tell_problems(const struct generation *g);

#endif
