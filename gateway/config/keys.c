#include "config/keys.h"

#include "config/config.h"
#include "config/shape.h"

#define AT(member) offsetof(struct config, member)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KB 1024LL
#define MB (1024 * KB)
#define GB (1024 * MB)
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct key_info server_keys[] = {
    { "host", KEY_LIST, AT(server.host), "127.0.0.1, ::1", .max = 8, .shape = shape_address,
      .required = true, .restart = true,
      .help = "Addresses to listen on; others than loopback need a key" },
    { "port", KEY_INT, AT(server.port), "8766", 0, 65535, .alias = "PORT", .restart = true,
      .help = "TCP port; 0 takes any free one and logs which" },
    { "path", KEY_TEXT, AT(server.path), "/mcp", .shape = shape_http_path, .required = true,
      .help = "Where MCP is served" },
    { "workers", KEY_INT, AT(server.workers), "0", 0, 256, .restart = true,
      .help = "Threads that serve; 0 = one for each usable core" },
    { "max_connections", KEY_INT, AT(server.max_connections), "10000", 1, 1000000, .restart = true,
      .help = "Open connections in all; more are answered 503 and closed" },
    { "max_connections_per_ip", KEY_INT, AT(server.max_connections_per_ip), "0", 0, 1000000,
      .help = "Open connections from one address; 0 = no limit" },
    { "max_body", KEY_SIZE, AT(server.max_body_bytes), "4M", KB, 256 * MB,
      .help = "Largest request body; more is answered 413" },
    { "max_headers", KEY_SIZE, AT(server.max_headers_bytes), "16K", 4 * KB, MB, .restart = true,
      .help = "Memory for the headers of one request; more is answered 431" },
    { "max_json_values", KEY_INT, AT(server.max_json_values), "100000", 100, 10000000,
      .help = "Most values (numbers, strings, objects, ...) in one JSON text" },
    { "max_result", KEY_SIZE, AT(server.max_result_bytes), "2M", KB, 256 * MB,
      .help = "Largest result of one tool call, and of all calls of one batch together" },
    { "max_stream_queue", KEY_SIZE, AT(server.max_stream_queue_bytes), "256K", 4 * KB, 64 * MB,
      .help = "Unread bytes held for one event stream; over it the stream is closed" },
    { "max_streams", KEY_INT, AT(server.max_streams), "5000", 1, 1000000,
      .help = "Open streams of sessions and subscriptions in all; more are answered 503" },
    { "max_subscriptions", KEY_INT, AT(server.max_subscriptions), "64", 1, 1000,
      .help = "Resources that one session or subscription is told of" },
    { "request_timeout", KEY_DURATION, AT(server.request_timeout_ms), "60s", 100, HOUR,
      .help = "Time to receive one whole request" },
    { "idle_timeout", KEY_DURATION, AT(server.idle_timeout_ms), "75s", SECOND, DAY,
      .whole_seconds = true, .restart = true,
      .help = "A connection that does nothing for so long is closed" },
    { "sse_keepalive", KEY_DURATION, AT(server.sse_keepalive_ms), "15s", 100, 10 * MINUTE,
      .help = "A comment is sent on event streams this often" },
    { "drain_timeout", KEY_DURATION, AT(server.drain_timeout_ms), "10s", 0, 10 * MINUTE,
      .help = "How long a stop waits for the calls that still run" },
    { "stuck_abort", KEY_DURATION, AT(server.stuck_abort_ms), "60s", 2 * SECOND, HOUR,
      .help = "A worker that is stuck for so long ends the process" },
    { "allowed_hosts", KEY_LIST, AT(server.allowed_hosts), "", .shape = shape_host,
      .note = "those of loopback", .help = "Host headers accepted beside those of loopback" },
    { "allowed_origins", KEY_LIST, AT(server.allowed_origins), "", .shape = shape_origin,
      .note = "those of loopback", .help = "Origins accepted beside those of loopback; * = all" },
    { "trusted_proxies", KEY_LIST, AT(server.trusted_proxies), "", .shape = shape_network,
      .note = "none", .help = "Proxies whose X-Forwarded-For is believed" },
    { "public_url", KEY_TEXT, AT(server.public_url), "", .shape = shape_url, .note = "none",
      .help = "The address that clients use, where a proxy stands before the gateway" },
};

static const struct key_info auth_keys[] = {
    { "keys", KEY_SECRETS, AT(auth.keys), "", .shape = shape_secret, .alias = "LUKHAS_MCP_API_KEYS",
      .opens = true, .note = "none",
      .help = "Keys that may use every tool; none here and no [key NAME]: no key is asked for" },
    { "allow_anonymous", KEY_BOOL, AT(auth.allow_anonymous), "no",
      .help = "Also serve callers without a key although there are keys" },
    { "query_key", KEY_BOOL, AT(auth.query_key), "yes",
      .help = "Accept ?key=KEY on event streams, for browsers, which cannot send headers there" },
};

static const struct key_info rate_limit_keys[] = {
    { "window", KEY_DURATION, AT(rate_limit.window_ms), "10s", 1, HOUR, .alias = "MCP_RL_WINDOW_MS",
      .alias_ms = true, .help = "The time in which an empty bucket fills" },
    { "bucket", KEY_INT, AT(rate_limit.bucket), "60", 0, 1000000, .alias = "MCP_RL_BUCKET",
      .help = "Requests per window from one address; 0 = no limit" },
    { "per_key", KEY_INT, AT(rate_limit.per_key), "", 0, 1000000, .note = "bucket",
      .help = "Requests per window with one key; 0 = no limit, empty = as bucket" },
    { "max_clients", KEY_INT, AT(rate_limit.max_clients), "100000", 1, 10000000, .restart = true,
      .help = "Addresses and keys that are counted; the least recently seen leaves" },
};

static const struct key_info state_keys[] = {
    { "backend", KEY_CHOICE, AT(state.backend), "json", .choices = "json", .restart = true,
      .help = "Where the state is kept" },
    { "path", KEY_PATH, AT(state.path), "{root}/.mcp-state.json", .alias = "MCP_STATE_PATH",
      .required = true, .restart = true,
      .help = "The state file; its journal and lock lie beside it" },
    { "autosave", KEY_DURATION, AT(state.autosave_ms), "3s", 100, HOUR,
      .help = "How soon after a change the state file is written anew" },
    { "durability", KEY_CHOICE, AT(state.durability), "journal", .choices = "journal snapshot",
      .restart = true,
      .help = "journal: nothing acknowledged is lost; snapshot: up to autosave may be" },
    { "job_ttl", KEY_DURATION, AT(state.job_ttl_ms), "7d", SECOND, 3650 * DAY,
      .alias = "MCP_JOB_TTL_MS", .alias_ms = true,
      .help = "Jobs that ended are forgotten after this time" },
};

static const struct key_info paths_keys[] = {
    { "root", KEY_PATH, AT(paths.root), ".", .alias = "LUKHAS_REPO_ROOT", .required = true,
      .from_cwd = true,
      .help = "The repository that tools work on; relative to the working folder" },
    { "tools", KEY_PATH, AT(paths.tools), "tools.d", .required = true,
      .help = "The folder of the tools, one Lua file each" },
    { "deny", KEY_LIST, AT(paths.deny),
      "**/.git, **/.git/**, **/.env*, **/*.pem, **/*.key, **/id_*", .shape = shape_glob,
      .opens = true, .help = "Files in the root that no tool may touch, as globs" },
    { "view_base", KEY_TEXT, AT(paths.view_base), "", .shape = shape_url,
      .alias = "GITHUB_VIEW_BASE", .note = "file:// and the path",
      .help = "Where people see the root's files on the web: URLs in results begin so" },
};

static const struct key_info log_keys[] = {
    { "level", KEY_CHOICE, AT(log.level), "info", .choices = "debug info warn error off",
      .help = "What is logged: this level and what is more serious" },
    { "format", KEY_CHOICE, AT(log.format), "auto", .choices = "auto json text",
      .help = "auto: text for people on a terminal, else one JSON object a line" },
    { "file", KEY_PATH, AT(log.file), "", .note = "standard error",
      .help = "Append to this file instead of standard error; SIGHUP opens it anew" },
    { "access", KEY_BOOL, AT(log.access), "yes", .help = "One line for each request" },
    { "redact", KEY_LIST, AT(log.redact), "", .shape = shape_word, .opens = true, .note = "none",
      .help = "Names of log fields whose values are written ***" },
};

static const struct key_info tools_keys[] = {
    { "reload", KEY_BOOL, AT(tools.reload), "yes",
      .help = "Serve changed tools and a changed mcp.ini at once; no: only SIGHUP does" },
    { "poll", KEY_DURATION, AT(tools.poll_ms), "2s", 100, HOUR,
      .help = "How often files are looked at whose changes the kernel does not tell" },
    { "timeout", KEY_DURATION, AT(tools.timeout_ms), "30s", 10, DAY,
      .help = "Time for one call of a tool that declares none" },
    { "max_timeout", KEY_DURATION, AT(tools.max_timeout_ms), "10m", 10, DAY,
      .help = "The most that a tool may declare" },
    { "memory", KEY_SIZE, AT(tools.memory_bytes), "16M", 256 * KB, 16 * GB,
      .help = "Memory for one call of a tool that declares none" },
    { "max_memory", KEY_SIZE, AT(tools.max_memory_bytes), "256M", 256 * KB, 16 * GB,
      .help = "The most that a tool may declare" },
    { "worker_memory", KEY_SIZE, AT(tools.worker_memory_bytes), "512M", 8 * MB, 64 * GB,
      .help = "Memory of all tools together, for each worker" },
    { "max_concurrent", KEY_INT, AT(tools.max_concurrent), "256", 1, 100000,
      .help = "Calls that run at once; more wait up to 1 s, then fail" },
    { "page_size", KEY_INT, AT(tools.page_size), "0", 0, 100000,
      .help = "Entries on one page of a list; 0 = all on one" },
};

static const struct key_info evals_keys[] = {
    { "parallel", KEY_INT, AT(evals.parallel), "2", 1, 256,
      .help = "Evaluations that run at once; more are queued" },
    { "max_queued", KEY_INT, AT(evals.max_queued), "1000", 0, 1000000,
      .help = "Evaluations that may wait; more are refused" },
    { "max_output", KEY_SIZE, AT(evals.max_output_bytes), "16M", KB, GB,
      .help = "Output of one evaluation; of more, the middle is dropped" },
};

static const struct key_info gates_keys[] = {
    { "order", KEY_LIST, AT(gates.order), "", .shape = shape_word, .opens = true,
      .note = "any name is a gate",
      .help = "The gates a model can be promoted through, first to last" },
    { "strict", KEY_BOOL, AT(gates.strict), "no",
      .help = "A gate needs the one before it in order" },
};

static const struct key_info search_keys[] = {
    { "path", KEY_PATH, AT(search.path), "", .restart = true,
      .note = "the state file's, and -index",
      .help = "The index, a database that is made anew when it is lost" },
    { "max_file", KEY_SIZE, AT(search.max_file_bytes), "1M", KB, 3 * MB,
      .help = "Larger files are not indexed" },
    { "exclude", KEY_LIST, AT(search.exclude), "", .shape = shape_glob, .opens = true,
      .note = "none",
      .help = "Files that are not indexed, as globs, beside what .gitignore names" },
};

static const struct key_info key_keys[] = {
    { "secret", KEY_SECRET, offsetof(struct config_key, secret), "", .shape = shape_secret,
      .note = "none", .help = "The key itself, better as @/path or ${NAME}; or sha256" },
    { "sha256", KEY_TEXT, offsetof(struct config_key, sha256), "", .shape = shape_sha256,
      .hidden = true, .note = "none",
      .help = "The key's SHA-256 in hex, so that the key itself stands nowhere here" },
    { "tools", KEY_LIST, offsetof(struct config_key, tools), "*", .shape = shape_tool_glob,
      .required = true,
      .help = "What it may see and use: tools, prompt:NAME, resource:NAME, skill:NAME; globs, "
              "too" },
    { "scopes", KEY_LIST, offsetof(struct config_key, scopes), "", .shape = shape_scope,
      .note = "none", .help = "Words that tools find in ctx.scopes" },
    { "rate", KEY_RATE, offsetof(struct config_key, rate), "", .note = "as [rate_limit] says",
      .help = "Requests per time with this key, such as 100/10s" },
    { "expires", KEY_DATE, offsetof(struct config_key, expires_ms), "", .opens = true,
      .note = "never",
      .help = "Last day of validity such as 2027-01-31, or a time: 2027-01-31T12:00:00Z" },
};

static const struct key_info tool_keys[] = {
    { "enabled", KEY_BOOL, offsetof(struct config_tool, enabled), "yes",
      .help = "no: the tool is not there for anybody" },
    { "fs", KEY_CHOICE, offsetof(struct config_tool, fs), "none", .choices = "none read write",
      .help = "Files below [paths] root: read them, or change them too" },
    { "exec", KEY_LIST, offsetof(struct config_tool, exec), "", .shape = shape_program,
      .note = "none",
      .help = "Programs it may run: names, absolute paths; @evals: what [eval ...] runs" },
    { "env", KEY_LIST, offsetof(struct config_tool, env), "", .shape = shape_env_name,
      .note = "none", .help = "Environment variables it may read" },
    { "http", KEY_LIST, offsetof(struct config_tool, http), "", .shape = shape_host_grant,
      .note = "none",
      .help = "Servers it may ask: HOST (ports 80, 443), HOST:PORT, globs; @evals: those of [eval "
              "...]" },
    { "allow_private", KEY_BOOL, offsetof(struct config_tool, allow_private), "no",
      .help = "They may also be of this machine and of private networks" },
    { "state", KEY_LIST, offsetof(struct config_tool, state), "", .shape = shape_state_grant,
      .note = "its own",
      .help = "Collections beside its own: NAME:r or NAME:rw, NAME may be a glob" },
    { "timeout", KEY_DURATION, offsetof(struct config_tool, timeout_ms), "", 10, DAY,
      .note = "the tool's own, else as [tools] says", .help = "Time for one call" },
    { "memory", KEY_SIZE, offsetof(struct config_tool, memory_bytes), "", 256 * KB, 16 * GB,
      .note = "the tool's own, else as [tools] says", .help = "Memory for one call" },
    { "concurrent", KEY_INT, offsetof(struct config_tool, concurrent), "", 1, 100000,
      .note = "the tool's own, else no limit", .help = "Calls of it that run at once" },
    { "rate", KEY_RATE, offsetof(struct config_tool, rate), "", .note = "no limit",
      .help = "Calls of it per time, such as 10/1m" },
};

static const struct key_info eval_keys[] = {
    { "command", KEY_ARGV, offsetof(struct config_eval, command), "", .shape = shape_placeholder,
      .note = "or url",
      .help = "Program and arguments, no shell; {taskId} {configId} {jobId} {root} are filled in" },
    { "url", KEY_TEXT, offsetof(struct config_eval, url), "", .shape = shape_orchestrator,
      .note = "or command",
      .help = "An orchestrator that runs it instead: POST URL, then GET and DELETE URL/ID" },
    { "headers", KEY_SECRETS, offsetof(struct config_eval, headers), "", .max = 20,
      .shape = shape_header, .note = "none",
      .help = "Header fields sent to it, NAME: VALUE, or @/path of a file with one a line" },
    { "poll", KEY_DURATION, offsetof(struct config_eval, poll_ms), "2s", 50, HOUR,
      .help = "How often the orchestrator is asked; longer after each failure, up to 1m" },
    { "cwd", KEY_PATH, offsetof(struct config_eval, cwd), "{root}", .required = true,
      .help = "The folder it runs in" },
    { "timeout", KEY_DURATION, offsetof(struct config_eval, timeout_ms), "10m", 100, DAY,
      .help = "It is ended, with all that it started, after this time" },
};

const struct section_info config_sections[] = {
    { .name = "server",
      .keys = server_keys,
      .n_keys = COUNT(server_keys),
      .help = "Where the gateway listens and what one client may ask of it" },
    { .name = "auth",
      .keys = auth_keys,
      .n_keys = COUNT(auth_keys),
      .help = "Who may call. Without any key only loopback is served, and everybody there" },
    { .name = "rate_limit",
      .keys = rate_limit_keys,
      .n_keys = COUNT(rate_limit_keys),
      .help = "Token buckets that refill all the time" },
    { .name = "state",
      .keys = state_keys,
      .n_keys = COUNT(state_keys),
      .help = "What survives a restart" },
    { .name = "paths",
      .keys = paths_keys,
      .n_keys = COUNT(paths_keys),
      .help = "The folders the gateway works on" },
    { .name = "log", .keys = log_keys, .n_keys = COUNT(log_keys), .help = "The log" },
    { .name = "tools",
      .keys = tools_keys,
      .n_keys = COUNT(tools_keys),
      .help = "Limits of all tools" },
    { .name = "evals",
      .keys = evals_keys,
      .n_keys = COUNT(evals_keys),
      .help = "Limits of the evaluations that run_eval starts" },
    { .name = "gates",
      .keys = gates_keys,
      .n_keys = COUNT(gates_keys),
      .help = "The gates of promote_model" },
    { .name = "search",
      .keys = search_keys,
      .n_keys = COUNT(search_keys),
      .help = "The index of the repository that search looks in" },
    { .name = "key",
      .named = "NAME",
      .name_shape = shape_key_name,
      .size = sizeof(struct config_key),
      .keys = key_keys,
      .n_keys = COUNT(key_keys),
      .help = "One key with a name of its own, which the log shows, and its rights" },
    { .name = "tool",
      .named = "NAME or GLOB",
      .name_shape = shape_tool_glob,
      .size = sizeof(struct config_tool),
      .has_settings = true,
      .keys = tool_keys,
      .n_keys = COUNT(tool_keys),
      .help = "What one tool is granted, its limits, and any setting that the tool declares" },
    { .name = "eval",
      .named = "NAME or *",
      .name_shape = shape_eval_name,
      .size = sizeof(struct config_eval),
      .keys = eval_keys,
      .n_keys = COUNT(eval_keys),
      .help = "What run_eval runs for the taskId NAME; * for those without a section" },
};

const size_t config_section_count = COUNT(config_sections);
