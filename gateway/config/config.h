/* config.h - the configuration: one immutable snapshot of mcp.ini, the environment, the defaults.
 * Lifetime: reference-counted; everything in it, strings too, lives as long as the snapshot. A
 *           reload makes a new one, and only when all of it is right.
 * Threads:  any, once loaded; nothing in it changes.
 * Units:    durations in milliseconds (_ms), sizes in bytes (_bytes). Paths are absolute.
 * Only main.c and the worker layer read it; modules take their own small option structs. */
#ifndef MG_CONFIG_H
#define MG_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "config/problems.h"

struct config_list {
    const char *const *items; /* NULL-terminated, never NULL */
    size_t n;
    const char *text; /* the items, comma-separated; "" when there are none or they are secrets */
};

struct config_rate { /* "100/10s"; all 0: none was set */
    uint32_t bucket, window_ms;
};

struct config_origin { /* where a value comes from */
    enum { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENV } kind;
    uint32_t line;    /* CONFIG_FILE: in the ini file */
    const char *name; /* CONFIG_FILE: the file as it was named; CONFIG_ENV: the variable */
};

enum config_backend { CONFIG_BACKEND_JSON };
enum config_durability { CONFIG_DURABILITY_JOURNAL, CONFIG_DURABILITY_SNAPSHOT };
enum config_fs { CONFIG_FS_NONE, CONFIG_FS_READ, CONFIG_FS_WRITE };
enum config_log_format { CONFIG_LOG_AUTO, CONFIG_LOG_JSON, CONFIG_LOG_TEXT };

struct config_key { /* [key NAME] */
    const char *name;
    uint32_t line;
    const char *secret;       /* exactly one of the two is not "" */
    const char *sha256;       /* 64 hex digits */
    struct config_list tools; /* globs, at least one */
    struct config_list scopes;
    struct config_rate rate;
    int64_t expires_ms; /* wall clock; 0: never */
};

struct config_setting {      /* a key of [tool ...] that only the tool knows; not checked yet */
    const char *key, *value; /* ${NAME} is expanded, "@file" is not read */
    bool names_file; /* it was written as @file: if it is a secret, config_secret() reads it */
    struct config_origin at;
    const char *where;   /* the same for people: "mcp.ini:41", or the variable's name */
    const char *section; /* the NAME or glob of the section it stands in */
};

/* What [tool ...] sections say. A number that is 0 was not set: the tool's own, then [tools],
 * applies. */
struct config_tool {
    const char *name;  /* the section's NAME or glob */
    uint32_t line;     /* 0: no section, made of defaults */
    const char *where; /* the same for people: "mcp.ini:12" */
    bool is_glob;
    bool enabled;
    enum config_fs fs;
    struct config_list exec; /* program names, absolute paths, "@evals" */
    struct config_list env;
    struct config_list http; /* host globs, with or without a port */
    bool allow_private;
    struct config_list state; /* "jobs:rw", "models:r"; a bare name is :r, globs are meant */
    int64_t timeout_ms;
    uint64_t memory_bytes;
    uint32_t concurrent;
    struct config_rate rate;
    const struct config_setting *settings;
    size_t n_settings;
};

struct config_eval { /* [eval NAME]; "*" is the fallback */
    const char *name;
    uint32_t line;
    struct config_list command; /* argv template; empty: it has a url */
    const char *url;            /* "": it has a command */
    struct config_list headers; /* "NAME: VALUE", for the url */
    int64_t poll_ms;
    const char *cwd;
    int64_t timeout_ms;
};

struct config {
    struct {
        struct config_list host; /* numeric addresses, at least one */
        uint32_t port;           /* 0: any free one */
        const char *path;
        uint32_t workers;                                 /* 0: usable cores */
        uint32_t max_connections, max_connections_per_ip; /* the latter 0: no limit */
        uint64_t max_body_bytes, max_headers_bytes;
        uint32_t max_json_values;
        uint64_t max_result_bytes, max_stream_queue_bytes;
        uint32_t max_streams, max_subscriptions, max_sessions;
        int64_t session_idle_ms;
        int64_t request_timeout_ms;
        int64_t idle_timeout_ms; /* whole seconds */
        int64_t sse_keepalive_ms, drain_timeout_ms, stuck_abort_ms;
        struct config_list allowed_hosts, allowed_origins;
        struct config_list trusted_proxies; /* addresses or ADDRESS/BITS */
        const char *public_url;             /* "" when not set */
    } server;
    struct {
        struct config_list keys; /* the secrets themselves */
        bool allow_anonymous, query_key;
    } auth;
    struct {
        int64_t window_ms;
        uint32_t bucket; /* per address; 0: no limit */
        uint32_t per_key;
        uint32_t max_clients;
    } rate_limit;
    struct {
        enum config_backend backend;
        const char *path;
        int64_t autosave_ms;
        enum config_durability durability;
        int64_t job_ttl_ms;
    } state;
    struct {
        const char *root; /* an existing folder, no symbolic link in it */
        const char *tools;
        struct config_list deny; /* path globs relative to root */
        const char *view_base;   /* "" when not set */
    } paths;
    struct {
        enum log_level level;
        enum config_log_format format;
        const char *file; /* "": standard error */
        bool access;
        struct config_list redact;
    } log;
    struct {
        bool reload;     /* follow the tools folder, the ini file and the files it names */
        int64_t poll_ms; /* where the kernel tells nothing of changes */
        int64_t timeout_ms, max_timeout_ms;
        int64_t ask_timeout_ms; /* of an answer by the client */
        uint64_t memory_bytes, max_memory_bytes, worker_memory_bytes;
        uint32_t max_concurrent;
        uint32_t page_size; /* of tools/list; 0: all */
    } tools;
    struct {
        int64_t ttl_ms, max_ttl_ms, poll_ms;
        uint32_t max_tasks, max_per_key, max_running;
        uint64_t max_bytes;
    } tasks;
    struct {
        uint32_t parallel, max_queued;
        uint64_t max_output_bytes;
    } evals;
    struct {
        struct config_list order; /* empty: any name is a gate */
        bool strict;
    } gates;
    struct {
        const char *path; /* "": beside the state file */
        uint64_t max_file_bytes;
        struct config_list exclude; /* path globs relative to root */
    } search;

    const struct config_key *keys;
    size_t n_keys;
    const struct config_tool *tool_rules; /* in the file's order, unmerged: ask
                                             config_tool_resolve() */
    size_t n_tool_rules;
    const struct config_eval *eval_rules;
    size_t n_eval_rules;

    const char *file; /* the ini file, absolute */
    const char *dir;  /* its folder */
    /* What was read to make this, absolute: the ini file, every @file (also those that tools'
     * settings name). */
    struct config_list own_files;

    struct config_private *private; /* section.h; not for users */
};

struct config_source {
    const char *path;       /* the ini file */
    const char *const *env; /* "NAME=VALUE", NULL-terminated */
    const char *cwd;        /* absolute; NULL: the process's working folder */
};

/* Reads, checks and freezes; the caller holds one reference. NULL: every reason is in *problems,
 * which is borrowed and stays empty on success. Changes nothing outside. */
struct config *config_load(const struct config_source *source, struct problems *problems);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is legal; the last one wipes and frees */

/* Everything that [tool ...] sections say of one tool: key by key, its own section wins over globs
 * and a later glob over an earlier one. out->settings belongs to the caller: config_tool_fini(). */
int config_tool_resolve(const struct config *c, const char *name,
                        struct config_tool *out) MG_NODISCARD;
void config_tool_fini(struct config_tool *t);

/* The text of a tool's setting of secret type: what the file holds when it names one. Appends to
 * out. */
int config_secret(const struct config *c, const struct config_setting *s, struct buf *out,
                  struct err *e) MG_NODISCARD;

/* Calls changed() with "server.port" for every key that differs and takes effect only at the next
 * start. */
void config_restart_diff(const struct config *old, const struct config *now,
                         void (*changed)(void *arg, const char *key), void *arg);

/* The effective configuration as an ini text, each value with its origin, secrets masked. */
void config_print(const struct config *c, struct buf *out);

#endif
