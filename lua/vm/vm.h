/* vm.h - what the gateway sees of Lua: one machine per worker and toolset generation. No <lua.h>
 * here. A vm holds one lua_State with every tool file of the generation loaded in it. It is built
 * by the loader's thread (vm_new), then belongs to one worker's thread until vm_free(), which the
 * worker or, after it has let go, the loader calls. Tasks run only inside task_start(), vm_run()
 * and vm_load(). Two queues: new strands and completed waits first, then one slice of one preempted
 * strand per vm_run(). */
#ifndef MG_VM_H
#define MG_VM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json_scan.h"
#include "base/metrics.h"
#include "io/loop.h"
#include "io/watchdog.h"
#include "tools/result.h"
#include "tools/toolset.h"

struct store;
struct cache;
struct topics;
struct notices;
struct inflight;
struct index;
struct offload;
struct rlimit;
struct gate;
struct every;
struct sources; /* vm/sources.h */
struct files;   /* files/files.h: locks and memory of all file operations; one per process */
struct ownview;
struct job_gates;  /* api/job_gates.h: how many jobs of a kind run at once; one per process */
struct fetcher;    /* io/fetch.h: HTTP requests; one per worker */
struct outbox;     /* api/outbox.h: events that wait until a change is durable; one per worker */
struct api_module; /* vm/module.h: what lua/api hands in */
struct vm_testing; /* vm/testing.h: one file of tests and its surroundings */

/* borrowed; the same for all generations of a worker. NULLs: not available (check, load) */
struct vm_services {
    struct loop *loop;
    struct store *store;
    struct topics *topics;
    struct notices *notices; /* who is told of changed resources */
    struct cache *cache;     /* what tools share in memory */
    struct inflight *jobs;   /* job id -> owner, for jobs.cancel() from any worker */
    struct offload *offload;
    struct job_gates *job_gates;
    struct files *fs;
    struct outbox *outbox;
    struct index *index; /* full-text search */
    struct fetcher *fetcher;
    struct watch_slot *watch;
    struct metrics_slot *metrics;
    struct every **every;       /* those of the worker that run now; private to every.c */
    const struct rlimit *files; /* of descriptors, for programs; NULL: the gateway's own */
    unsigned worker;
};

enum vm_fs { VM_FS_NONE, VM_FS_READ, VM_FS_WRITE }; /* write: and read */

struct vm_policy { /* what mcp.ini says of one tool; borrowed from the configuration snapshot */
    bool enabled;
    /* NULL-terminated lists; state: "jobs:rw", "models:r" */
    const char *const *exec, *const *env, *const *state;
    enum vm_fs fs;
    const char *const *http; /* "HOST" or "HOST:PORT", HOST may be a glob; NULL: none */
    bool allow_private;      /* of the addresses that these lead to */
    int64_t timeout_ms;      /* 0: what the tool declares, else the default */
    uint64_t memory_bytes;   /* 0: likewise */
    uint32_t concurrent;     /* 0: likewise */
    uint32_t rate_bucket, rate_window_ms;
    const struct vm_setting {
        const char *key, *value, *where; /* where: "mcp.ini:41" */
        /* What its file holds, where it is declared a secret; NULL: value. Or why that cannot be
         * read. */
        const char *secret, *secret_error;
    } * settings; /* the tool's own settings, not yet checked against its declaration */
    size_t setting_count;
};

struct vm_options {        /* copied; what it points to outlives the vm */
    const char *tools_dir; /* absolute; NULL: no tools */
    /* What was read of tools_dir, for the first vm of a generation, which keeps references of its
     * own. NULL: it reads by itself. */
    struct sources *sources;
    const char *root;                                               /* [paths] root, absolute */
    const struct api_module *const *modules;                        /* NULL-terminated, in order */
    const struct vm_policy *(*policy)(void *arg, const char *tool); /* NULL: no memory */
    void *policy_arg;
    /* May tools touch the opened file or folder? Not when it is one of the gateway's own (by device
     * and inode) or denied by [paths] deny. NULL: tools may open none. Any thread. */
    bool (*may_open)(void *arg, int fd);
    /* May tools make a file of this name in the opened folder, which may_open() allows? NULL: they
     * may make none. */
    bool (*may_make)(void *arg, int folder, const char *name);
    /* What may_open() says of all files, for listings; NULL: it is asked for each. Any thread. */
    struct ownview *(*view)(void *arg);
    void *may_open_arg;
    /* opaque to the vm: reachable for API modules that need whole sections (struct vm_sections,
     * vm/module.h) */
    const void *config;
    int64_t default_timeout_ms, max_timeout_ms;
    int64_t ask_timeout_ms; /* of an answer by a person; 0 = 10 minutes */
    int64_t grace_ms;       /* between the two steps of a cancellation; 0 = 2000 */
    uint64_t default_memory, max_memory, worker_memory;
    uint64_t max_result;              /* bytes of a result's JSON; 0 = 2 MB */
    bool permanent_hook;              /* instead of signals: ThreadSanitizer */
    const struct vm_testing *testing; /* NULL: no test file is loaded (vm/testing.h) */
};

struct vm;
/* The first vm of a generation: set is not NULL; reads and loads every file of tools_dir and adds
 * declarations and problems to set. With `like` (the generation before) a file that does not load
 * any more keeps the version it had there. For further workers set is NULL and `like` is the first
 * vm, whose set is sealed: the same bytes are loaded again, none are read. A broken file is a
 * problem, not a failure. NULL only without memory. */
struct vm *vm_new(const struct vm_options *o, struct toolset *set, struct vm *like, struct err *e);
/* Gives back what only loading needed, of the first vm once the further ones are there. */
void vm_settle(struct vm *vm);
void vm_free(struct vm *vm); /* kills what still runs, by dropping */
/* on its worker's thread, before the first task */
void vm_attach(struct vm *vm, const struct vm_services *s);
/* How many calls of each tool, by its index, may run at once; NULL: any number. Borrowed. */
void vm_set_gates(struct vm *vm, struct gate *const *gates);

/* ---- a call ---- */
struct task;
struct task_info { /* borrowed until done() returned, but args and meta: only for task_start() */
    const char *call_id, *tool, *principal, *scopes, *ip, *client_name, *client_version, *protocol;
    const char *tools; /* what the principal may call: comma-separated globs; NULL: everything */
    struct json_text args; /* object or JSON_NONE */
    struct json_text meta; /* _meta or JSON_NONE */
    /* Until done() returned. What the client answers with this call, an object of results by key;
     * and what an earlier run of it has left (tool_asks.memory). JSON_NONE: nothing. */
    struct json_text responses, memory;
    int64_t timeout_ms;
    uint64_t memory_bytes;
    bool wants_progress, wants_log; /* else ctx:progress and ctx:log cost nothing */
};
struct task_progress {
    double done, total;
    bool has_total;
    const char *message; /* NULL: none */
};
/* ctx:as_task{}: what it asks for, and how it is told what has become of it. */
struct task_terms {
    int64_t ttl_ms, poll_ms; /* 0: the host's default */
};
struct task_creation { /* the vm's */
    /* Once. 0: text is the new task's id; else why there is none, the call just goes on. */
    void (*done)(struct task_creation *c, int code, const char *text);
};
struct task_ask; /* vm/ask.h, which says what these mean */
enum task_asked { ASK_SENT, ASK_ENDS, ASK_REFUSED };
/* On the worker's thread. progress, log and ask may be called inside task_start(). wait: the record
 * number that what is told, or the reply, must wait for. progress, log: NULL where nobody is told;
 * ask: NULL where nobody can be asked. */
struct task_ops {
    void (*progress)(void *arg, const struct task_progress *p, uint64_t wait);
    /* level: enum mcp_log_level's number */
    void (*log)(void *arg, int level, const char *data_json, size_t len, uint64_t wait);
    /* What that question of mode "url" was for is done. NULL: nobody is told. */
    void (*elicit_done)(void *arg, const char *key, uint64_t wait);
    /* Once. The call has ended; r is moved out by the receiver (or left: then it is freed). Called
     * inside task_start() when the tool did not wait. */
    void (*done)(void *arg, struct tool_result *r, uint64_t wait);
    /* The client's connection ends, and it comes back for the rest after retry_ms. False: it would
     * not. NULL: there are no connections. */
    bool (*close_stream)(void *arg, int64_t retry_ms);
    /* The call is to be answered with a task, which must be durable by then, as must what the tool
     * has changed: then c->done() is called, perhaps inside. false: its client knows no tasks,
     * nothing happens. NULL: likewise. */
    bool (*as_task)(void *arg, const struct task_terms *terms, struct task_creation *c);
    /* Before done(): the call is being stopped, c is not to be touched any more. */
    void (*as_task_cancel)(void *arg, struct task_creation *c);
    enum task_asked (*ask)(void *arg, struct task_ask *a, uint64_t wait, struct err *e);
    void (*ask_drop)(void *arg, struct task_ask *a); /* NULL where ask never says ASK_SENT */
};
/* Runs the first slice at once. NULL: done() was called already (ended, or could not start), else
 * the running task, valid until done(). index: struct tool's. */
struct task *task_start(struct vm *vm, uint32_t index, const struct task_info *i,
                        const struct task_ops *ops, void *arg);
enum task_stop { TASK_CANCELLED, TASK_TIMEOUT, TASK_SHUTDOWN };
/* in two steps, as lua-api.md says; idempotent */
void task_cancel(struct task *t, enum task_stop why);

/* Runs `start` functions and recoveries: once per process and generation, by one worker. Files
 * whose start already ran and did not change are skipped by the caller's judgement, by the text
 * that is loaded: of a file that is broken now, that of before. */
void vm_start_tools(struct vm *vm,
                    bool (*skip)(void *arg, const char *file, const char *text, size_t len),
                    void *skip_arg, void (*failed)(void *arg, const char *file, const char *text),
                    void *failed_arg);

/* The `every` functions of its tools run from now on, until vm_every_stop(): of one vm in the
 * process at a time. What is running then goes on. MG_E_NOMEM. */
int vm_every_start(struct vm *vm) MG_NODISCARD;
void vm_every_stop(struct vm *vm);

bool vm_has_work(const struct vm *vm);     /* ready or preempted strands are queued: poll with 0 */
bool vm_is_computing(const struct vm *vm); /* some strand used up its slice and wants more */
/* Some task waits for what is neither a timer nor another task of this machine. */
bool vm_awaits_world(const struct vm *vm);
void vm_run(struct vm *vm);                /* once per loop iteration */
size_t vm_task_count(const struct vm *vm); /* calls, jobs, start and on_end tasks alive */
void vm_shutdown(struct vm *vm);           /* cancels everything with TASK_SHUTDOWN; jobs too */
uint64_t vm_memory(const struct vm *vm);   /* bytes held now */
/* worker_memory was reached although garbage had just been collected: what tools keep in their
 * files' own variables leaves no room for calls. Only a new generation heals it. */
bool vm_is_full(const struct vm *vm);

/* The longest a strand computes while others wait: the watchdog's slice_ms. */
#define VM_SLICE_MS 3

/* hook.c: installs the process-wide handler for the preemption signal (SIGURG); called once from
 * main. */
int vm_install_signal(struct err *e) MG_NODISCARD;
int vm_preempt_signal(void); /* 0: a permanent hook is used instead */

#endif
