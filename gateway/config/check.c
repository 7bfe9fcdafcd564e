/* check.c - what no key alone can get wrong: limits that contradict each other, folders that are
 * not there, doors left open. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "config/load.h"
#include "config/shape.h"

struct check {
    const struct config *c;
    struct problems *problems;
};

static bool is_written(const struct section *s, const char *key)
{
    const struct raw *raw = s->raw[key_find(s->info, key) - s->info->keys];

    return raw && *raw->text;
}

static struct config_origin origin_of(const struct section *s, const char *key)
{
    return section_origin(s, key_find(s->info, key));
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* key of s must not be more than limit of the section `of`. To blame is the one that somebody
 * wrote. */
static void at_most_of(const struct check *ck, const struct section *s, const char *key,
                       uint64_t value, const char *of, const char *limit, uint64_t most)
{
    const struct section *tools = section_of(ck->c, of, NULL);
    const struct key_info *k = key_find(s->info, key), *l = key_find(tools->info, limit);
    struct config_origin at = origin_of(s, key), limit_at = origin_of(tools, limit);
    struct buf mine = { 0 }, theirs = { 0 };

    if (value <= most)
        return;
    value_render(&mine, k, section_field(s, k), false);
    value_render(&theirs, l, section_field(tools, l), false);
    if (!buf_cstr(&mine) || !buf_cstr(&theirs))
        problems_add(ck->problems, NULL, 0, "not enough memory");
    else if (is_written(s, key))
        section_problem(ck->problems, s, key, &at, "%s is more than [%s] %s = %s", mine.data, of,
                        limit, theirs.data);
    else
        section_problem(ck->problems, tools, limit, &limit_at, "%s is less than [%s] %s = %s",
                        theirs.data, of, key, mine.data);
    buf_fini(&mine);
    buf_fini(&theirs);
}

static void at_most(const struct check *ck, const struct section *s, const char *key,
                    uint64_t value, const char *limit, uint64_t most)
{
    at_most_of(ck, s, key, value, "tools", limit, most);
}

static void limits_check(const struct check *ck)
{
    const struct config *c = ck->c;
    const struct section *tools = section_of(c, "tools", NULL);

    at_most(ck, tools, "timeout", (uint64_t)c->tools.timeout_ms, "max_timeout",
            (uint64_t)c->tools.max_timeout_ms);
    at_most_of(ck, section_of(c, "tasks", NULL), "ttl", (uint64_t)c->tasks.ttl_ms, "tasks",
               "max_ttl", (uint64_t)c->tasks.max_ttl_ms);
    at_most(ck, tools, "memory", c->tools.memory_bytes, "max_memory", c->tools.max_memory_bytes);
    at_most(ck, tools, "max_memory", c->tools.max_memory_bytes, "worker_memory",
            c->tools.worker_memory_bytes);
    for (size_t i = 0; i < c->n_tool_rules; i++) {
        const struct config_tool *tool = &c->tool_rules[i];
        const struct section *s = section_of(c, "tool", tool->name);
        at_most(ck, s, "timeout", (uint64_t)tool->timeout_ms, "max_timeout",
                (uint64_t)c->tools.max_timeout_ms);
        at_most(ck, s, "memory", tool->memory_bytes, "max_memory", c->tools.max_memory_bytes);
    }
}

static void gates_check(const struct check *ck)
{
    const struct section *gates = section_of(ck->c, "gates", NULL);
    struct config_origin at = origin_of(gates, "strict");

    if (ck->c->gates.strict && !is_written(gates, "order"))
        section_problem(ck->problems, gates, "strict", &at, "needs the gates in order");
}

/* What runs an evaluation is a program or an orchestrator. */
static void evals_check(const struct check *ck)
{
    for (size_t i = 0; i < ck->c->n_eval_rules; i++) {
        const struct config_eval *eval = &ck->c->eval_rules[i];
        const struct section *s = section_of(ck->c, "eval", eval->name);
        bool has_command = is_written(s, "command"), has_url = is_written(s, "url");
        if (has_command == has_url)
            problems_add(ck->problems, ck->c->private->file, s->line, "[eval %s]: %s", eval->name,
                         has_url ? "has both command and url" : "needs command or url");
        else if (!has_url && is_written(s, "headers"))
            problems_add(ck->problems, ck->c->private->file, s->line,
                         "[eval %s]: has headers, but no url", eval->name);
    }
}

static void path_check(const struct check *ck)
{
    static const char *const taken[] = { "/sse", "/health", "/healthz", "/readyz", "/metrics" };
    const struct section *server = section_of(ck->c, "server", NULL);
    struct config_origin at = origin_of(server, "path");

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(ck->c->server.path, taken[i]) == 0)
            section_problem(ck->problems, server, "path", &at, "%s serves something else",
                            taken[i]);
}

/* ---- folders --------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void folder_check(const struct check *ck, const char *section, const char *key,
                         const char *path)
{
    const struct section *s = section_of(ck->c, section, NULL);
    struct config_origin at = origin_of(s, key);
    struct stat st;

    if (stat(path, &st) != 0)
        section_problem(ck->problems, s, key, &at, "the folder %s: %s", path, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        section_problem(ck->problems, s, key, &at, "%s: is not a folder", path);
}

/* A file that is made when it is not there: its folder must be. None is named by "". */
static void file_check(const struct check *ck, const char *section, const char *key,
                       const char *path)
{
    const struct section *s = section_of(ck->c, section, NULL);
    struct config_origin at = origin_of(s, key);
    const char *slash = strrchr(path, '/');

    if (*path == '\0')
        return;
    size_t len = slash ? (size_t)(slash - path) : 0; /* of an absolute path */
    char *folder = len > 0 ? strndup(path, len) : strdup("/");

    if (!folder)
        problems_add(ck->problems, NULL, 0, "not enough memory");
    else if (path[len + 1] == '\0' || is_folder(path))
        section_problem(ck->problems, s, key, &at, "%s: is a folder, not a file", path);
    else
        folder_check(ck, section, key, folder);
    free(folder);
}

static void folders_check(const struct check *ck)
{
    const struct config *c = ck->c;

    folder_check(ck, "paths", "tools", c->paths.tools);
    /* The root has its own problem, and these may begin with it. */
    if (!is_folder(c->paths.root))
        return;
    file_check(ck, "state", "path", c->state.path);
    file_check(ck, "search", "path", c->search.path);
    file_check(ck, "log", "file", c->log.file);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void host_check(const struct check *ck)
{
    const struct config *c = ck->c;
    const struct section *server = section_of(c, "server", NULL);
    struct config_origin at = origin_of(server, "host");

    if (c->n_keys > 0 || c->auth.keys.n > 0)
        return;
    /* Keys that could not be read are a problem already. */
    if (ck->problems->count > 0 && is_written(section_of(c, "auth", NULL), "keys"))
        return;
    for (size_t i = 0; i < c->server.host.n; i++) {
        if (shape_address(c->server.host.items[i]) || shape_is_loopback(c->server.host.items[i]))
            continue;
        section_problem(ck->problems, server, "host", &at,
                        "%s can be reached from other machines and there is no key; add the line "
                        "\"keys = SECRET\" under [auth] (openssl rand -hex 32 makes a secret)",
                        c->server.host.items[i]);
        return;
    }
}

/* One key of either kind, as what it is compared by. */
struct known_key {
    uint8_t sha256[SHA256_SIZE];
    const struct section *section;
    const char *key;
};

/* Complains when known[n] is one of those before it. */
static void known_key_compare(const struct check *ck, const struct known_key *known, size_t n)
{
    struct config_origin at = origin_of(known[n].section, known[n].key);

    for (size_t i = 0; i < n; i++) {
        const struct section *other = known[i].section;
        if (memcmp(known[i].sha256, known[n].sha256, SHA256_SIZE) != 0)
            continue;
        section_problem(ck->problems, known[n].section, known[n].key, &at,
                        "the same key as in [%s%s%s]", other->info->name, other->name ? " " : "",
                        other->name ? other->name : "");
        return;
    }
}

static bool hex_digest(const char *hex, uint8_t out[SHA256_SIZE])
{
    struct buf digest = { 0 };
    bool ok =
        hex_decode(&digest, hex, strlen(hex)) == 0 && digest.data && digest.len == SHA256_SIZE;

    if (ok)
        memcpy(out, digest.data, SHA256_SIZE);
    buf_fini(&digest);
    return ok;
}

/* False: neither of the two is there, or both, or a bad one that has its own problem. */
static bool key_digest(const struct check *ck, const struct config_key *key, struct known_key *out)
{
    const struct section *s = section_of(ck->c, "key", key->name);
    bool has_secret = is_written(s, "secret"), has_sha256 = is_written(s, "sha256");

    if (has_secret == has_sha256) {
        problems_add(ck->problems, ck->c->private->file, s->line, "[key %s]: %s", key->name,
                     has_secret ? "has both secret and sha256" : "needs secret or sha256");
        return false;
    }
    out->section = s;
    out->key = has_secret ? "secret" : "sha256";
    if (!has_secret)
        return hex_digest(key->sha256, out->sha256);
    hash_sha256(key->secret, strlen(key->secret), out->sha256);
    return *key->secret != '\0';
}

static void keys_check(const struct check *ck)
{
    const struct config *c = ck->c;
    struct known_key *known = calloc(c->auth.keys.n + c->n_keys + 1, sizeof *known);
    size_t n = 0;

    if (!known) {
        problems_add(ck->problems, NULL, 0, "not enough memory to compare keys");
        return;
    }
    for (size_t i = 0; i < c->auth.keys.n; i++, n++) {
        const char *secret = c->auth.keys.items[i];
        hash_sha256(secret, strlen(secret), known[n].sha256);
        known[n].section = section_of(c, "auth", NULL);
        known[n].key = "keys";
    }
    for (size_t i = 0; i < c->n_keys; i++)
        if (key_digest(ck, &c->keys[i], &known[n]))
            known_key_compare(ck, known, n++);
    free(known);
}

void config_check(const struct config *c, struct problems *p)
{
    struct check ck = { .c = c, .problems = p };

    limits_check(&ck);
    gates_check(&ck);
    evals_check(&ck);
    path_check(&ck);
    folders_check(&ck);
    keys_check(&ck);
    host_check(&ck);
}
