/* gateway.h - what the whole process shares, made by the supervisor before the first worker starts
 * and freed after the last has been joined. Everything here is immutable, or locked inside, or
 * atomic; what changes at a reload is in struct serving. */
#ifndef MG_GATEWAY_H
#define MG_GATEWAY_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/seal.h"
#include "http/server.h"
#include "hub/asks.h"
#include "hub/cache.h"
#include "hub/inboxes.h"
#include "hub/inflight.h"
#include "hub/notices.h"
#include "hub/replays.h"
#include "hub/sessions.h"
#include "hub/spent.h"
#include "hub/tasks.h"
#include "hub/topics.h"
#include "io/offload.h"
#include "io/watchdog.h"
#include "limit/gate.h"
#include "limit/ratelimit.h"
#include "store/store.h"
#include "worker/published.h"

#define GATEWAY_NAME "moongate"
#define MAX_ADDRESSES 8

struct index;
struct worker;
struct serving;

struct gateway {
    struct store *store;
    struct topics *topics;
    struct cache *cache; /* what tools share in memory */
    struct sessions *sessions;
    struct seal_key seal;    /* of requestState */
    struct spent *spent;     /* those that came back */
    struct notices *notices; /* who is told of changes: sessions, subscriptions */
    struct inboxes *inboxes; /* messages for clients of the 2024-11-05 transport */
    struct asks *asks;       /* requests to legacy clients that have no answer yet */
    struct replays *replays; /* streams of calls that legacy clients can resume */
    struct inflight *calls;  /* waiting calls of legacy clients, by session and request id */
    struct inflight *jobs;   /* running jobs, by job id */
    struct tasks *tasks;     /* calls that went on behind their answer */
    struct ratelimit *by_address, *by_key, *by_tool;
    struct gate *all_calls;      /* [tools] max_concurrent */
    struct toolgates *toolgates; /* how many calls of one tool at once, by its name */
    struct job_gates *job_gates; /* how many background jobs of a kind at once */
    struct own *own;             /* files that no tool may open */
    struct files *fs;            /* what tools do with files: locks, memory */
    struct offload *offload;
    struct index *index; /* full-text search */
    struct watchdog *watchdog;
    struct http_shared *http;
    struct rlimit files; /* of descriptors, as the gateway found it: programs get this one */
    struct http_address addresses[MAX_ADDRESSES];
    size_t address_count;
    uint16_t port;
    int64_t started_ms;         /* wall */
    struct published published; /* what new requests are served with */
    struct worker **workers;
    unsigned worker_count;
    atomic_bool draining;
    struct mail *adopted; /* posted to adopted_loop when a worker has switched to what is published
                           */
    struct loop *adopted_loop;
    atomic_bool is_adopting;      /* that message is under way */
    atomic_uint long_stuck;       /* workers held for over 10 s */
    atomic_uint full_workers;     /* whose tools keep so much that calls find no memory */
    atomic_uint live_generations; /* of tools; over a bound a reload waits */
    atomic_uint reload_failed;    /* 1: the last reload was refused, the old configuration serves */
    /* For whoever reads /metrics; written by the main thread. */
    atomic_uint reloads, reloads_failed, generation, tools, broken_files;
    atomic_uint start_failed; /* files whose start function failed when it last ran */
};

#endif
