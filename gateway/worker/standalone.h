/* standalone.h - the gateway's configuration, tools and machine without a server, for the commands
 * that serve nobody: one loop, one machine, driven by the caller. Opens no socket.
 * Threads: the main one. */
#ifndef MG_STANDALONE_H
#define MG_STANDALONE_H
#include <stdbool.h>
#include <stdint.h>

#include "worker/gateway.h"
#include "worker/serving.h"

struct standalone {
    struct gateway gateway;
    struct config *config;
    struct serving *serving;
    struct mcp_host host;
};

/* Loads configuration and tools; tells every error on standard error. Returns the exit code so far;
 * tools that did not load are no failure: the toolset lists them. standalone_close() is legal after
 * any. The log goes to standard error as text, unless log_file names where. */
int standalone_open(struct standalone *s, const char *ini_path, const char *log_file);
void standalone_close(struct standalone *s);
/* The tools' problems on standard error. Returns how many there are. */
size_t standalone_tell_problems(const struct standalone *s);

/* Who calls where nobody is named: may call everything, and is no key. */
extern const struct principal standalone_operator;

/* What a machine needs to run calls. */
struct standalone_run {
    struct standalone *site;
    struct vm_services services;
    struct watch_slot slot;
    struct watchdog *dog;
};
struct standalone_parts {
    struct store *store;
    const char *index_path; /* of the full-text index; NULL: the configuration's */
    bool reads_index;       /* the configuration's is not changed */
};
/* Takes the store also when it fails, with the reason. */
int standalone_run_open(struct standalone_run *r, struct standalone *site,
                        const struct standalone_parts *parts, struct err *e) MG_NODISCARD;
/* When the machine is freed. Negative: what the store's end said. */
int standalone_run_close(struct standalone_run *r, struct err *e);
/* One turn: waits for at most max_wait_ms (-1: as long as it takes) when nothing is to be run. */
void standalone_turn(struct standalone_run *r, struct vm *vm, int64_t max_wait_ms);

#endif
