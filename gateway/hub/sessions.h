/* sessions.h - the sessions of the legacy revisions (2025-03-26 to 2025-11-25).
 * Ids are 128 bits from the kernel as 32 hex digits. A session belongs to the principal that made
 * it: under any other it does not exist. Bounded: max in all, of which one principal has its share
 * (hub/shares.h). For one more of somebody who has that the least recently used of his own leaves,
 * and one that is in use, by an open stream or a call, only when all are. Idle ones expire.
 * Threads: any; sharded locks; time is passed in. */
#ifndef MG_SESSIONS_H
#define MG_SESSIONS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SESSION_ID_SIZE 33

struct session_info { /* copied out */
    char id[SESSION_ID_SIZE];
    char protocol[16];                        /* negotiated revision */
    char client_name[64], client_version[32]; /* cut; valid UTF-8 */
    uint64_t principal;                       /* principal's number, see auth/principal.h */
    bool initialized;
    int8_t log_level; /* -1: not set */
    uint8_t asks;     /* what its client can be asked for, as bits of the protocol's */
};

struct sessions;
struct sessions *sessions_new(uint32_t max, int64_t idle_ms);
void sessions_free(struct sessions *s);
void sessions_set_idle(struct sessions *s, int64_t idle_ms); /* a reload */
/* Called whenever one ends, however it does, under a lock: it must not call back in here. Before
 * the first session. */
void sessions_on_end(struct sessions *s, void (*ended)(void *arg, const char *id), void *arg);
/* Fills info->id. MG_E_NOMEM only. */
int sessions_create(struct sessions *s, struct session_info *info, int64_t now_ms) MG_NODISCARD;
/* Copies it out and touches it. MG_E_NOTFOUND when unknown, expired, or another principal's. */
int sessions_find(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms,
                  struct session_info *out) MG_NODISCARD;
int sessions_set_initialized(struct sessions *s, const char *id, uint64_t principal,
                             int64_t now_ms) MG_NODISCARD;
/* level: an enum mcp_log_level as a number; -1 = not set. */
int sessions_set_log_level(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms,
                           int8_t level) MG_NODISCARD;
int sessions_remove(struct sessions *s, const char *id, uint64_t principal) MG_NODISCARD;
/* Runs fn while the session cannot end, under the same lock, and returns what it does. hold: when
 * that is 0 the session is in use until sessions_release(). fn NULL: nothing is to be done.
 * MG_E_NOTFOUND as above. */
int sessions_enter(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms,
                   bool hold, int (*fn)(void *arg), void *arg) MG_NODISCARD;
/* A session that has ended meanwhile is nothing to care about. */
void sessions_release(struct sessions *s, const char *id, uint64_t principal, int64_t now_ms);
uint32_t sessions_count(struct sessions *s);
/* drops expired ones; called once a minute */
void sessions_sweep(struct sessions *s, int64_t now_ms);

#endif
