#include "worker/tooldigest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"

#define MAX_DEPTH 8

static void digest_file(struct buf *facts, int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        char block[16384];
        ssize_t n;
        buf_printf(facts, "file %zu:%s %lld\n", strlen(name), name, (long long)st.st_size);
        while ((n = read(fd, block, sizeof block)) > 0)
            buf_append(facts, block, (size_t)n);
    }
    close(fd);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *d) { return d->d_name[0] != '.'; }

static void digest_dir(struct buf *facts, int dir, int depth)
{
    struct dirent **entries;
    int n = scandirat(dir, ".", &entries, not_hidden, by_name);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        size_t len = strlen(name);
        int sub = depth < MAX_DEPTH ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (sub >= 0) {
            buf_printf(facts, "dir %s\n", name);
            digest_dir(facts, sub, depth + 1);
            close(sub);
        } else if (len > 4 && strcmp(name + len - 4, ".lua") == 0) {
            digest_file(facts, dir, name);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void digest_tool(struct buf *facts, const struct config *c, const struct config_tool *t)
{
    buf_printf(facts, "tool %s %d %s|%s|%s|%s|%d %lld %llu %u %u/%u\n", t->name, t->enabled,
               t->exec.text, t->env.text, t->state.text, t->http.text, t->allow_private,
               (long long)t->timeout_ms, (unsigned long long)t->memory_bytes, t->concurrent,
               t->rate.bucket, t->rate.window_ms);
    for (size_t i = 0; i < t->n_settings; i++) {
        const struct config_setting *s = &t->settings[i];
        buf_printf(facts, "%s=%s@%s\n", s->key, s->value, s->where);
        if (s->names_file && config_secret(c, s, facts, NULL) != 0)
            buf_str(facts, "unreadable\n");
    }
}

static void digest_sections(struct buf *facts, const struct config *c)
{
    buf_printf(facts, "paths %s %s %s\n", c->paths.root, c->paths.tools, c->paths.deny.text);
    buf_printf(facts, "tools %lld %lld %llu %llu %llu %llu\n", (long long)c->tools.timeout_ms,
               (long long)c->tools.max_timeout_ms, (unsigned long long)c->tools.memory_bytes,
               (unsigned long long)c->tools.max_memory_bytes,
               (unsigned long long)c->tools.worker_memory_bytes,
               (unsigned long long)c->server.max_result_bytes);
    for (size_t i = 0; i < c->n_tool_rules; i++)
        digest_tool(facts, c, &c->tool_rules[i]);
    buf_printf(facts, "evals %u %u %llu\n", c->evals.parallel, c->evals.max_queued,
               (unsigned long long)c->evals.max_output_bytes);
    for (size_t i = 0; i < c->n_eval_rules; i++) {
        const struct config_eval *v = &c->eval_rules[i];
        buf_printf(facts, "eval %s %s %lld\n", v->name, v->cwd ? v->cwd : "",
                   (long long)v->timeout_ms);
        for (size_t k = 0; k < v->command.n; k++)
            buf_printf(facts, "%zu:%s\n", strlen(v->command.items[k]), v->command.items[k]);
    }
    buf_printf(facts, "gates %s %d\n", c->gates.order.text, c->gates.strict);
}

int tool_digest(const struct config *c, uint8_t out[32], struct err *e)
{
    struct buf facts = { 0 };
    digest_sections(&facts, c);
    int dir = open(c->paths.tools, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        digest_dir(&facts, dir, 0);
        close(dir);
    } else {
        buf_printf(&facts, "no folder: %d\n", errno);
    }
    bool is_whole = buf_ok(&facts);
    if (is_whole)
        hash_sha256(facts.data, facts.len, out);
    buf_fini(&facts);
    return is_whole ? 0 : err_set(e, MG_E_NOMEM, "no memory to compare the tools");
}
