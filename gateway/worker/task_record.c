#include "worker/task_record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"

#define SLACK_MS 1000 /* the clock of whoever removes it may be read a little earlier */

void task_record_write(const struct task_record *r, const char *members, size_t len,
                       struct buf *out)
{
    buf_reserve(out, len + 400);
    json_open(out, '{');
    json_key(out, TASK_KEY);
    json_str(out, r->id);
    json_key(out, "tool");
    json_str(out, r->tool);
    buf_printf(out,
               ",\"principal\":\"%016" PRIx64 "\",\"created\":%" PRId64 ",\"ttl\":%" PRId64
               ",\"poll\":%" PRId64 ",\"task\":{",
               r->principal, r->created_ms, r->ttl_ms, r->poll_ms);
    buf_append(out, members, len);
    buf_str(out, "}}");
}

bool task_record_members(const char *text, size_t len, struct json_text *members)
{
    struct json_text task = json_get((struct json_text){ text, len, JSON_OBJECT }, "task");

    if (task.type != JSON_OBJECT)
        return false;
    *members = (struct json_text){ task.p + 1, task.len - 2, JSON_OBJECT };
    return true;
}

int64_t task_record_ttl(const struct task_record *r, int64_t now_ms)
{
    int64_t left = r->created_ms + r->ttl_ms - now_ms;

    return (left > 0 ? left : 0) + SLACK_MS;
}

void task_error(const char *message, struct buf *out)
{
    buf_printf(out, "{\"code\":%d,\"message\":", MCP_INTERNAL_ERROR);
    json_str(out, message);
    buf_putc(out, '}');
}

/* ---- at a start ---- */

struct kept { /* a record, read back */
    struct task_record r;
    char id[TASK_ID_SIZE], tool[TASKS_TOOL_SIZE];
    bool is_working;
};

static bool text_read(struct json_text t, char *out, size_t size)
{
    struct buf b = { 0 };

    if (t.type != JSON_STRING)
        return false;
    json_string_decode(t, &b);
    bool is_right = buf_ok(&b) && b.len > 0 && b.len < size;
    if (is_right)
        memcpy(out, b.data, b.len);
    out[is_right ? b.len : 0] = '\0';
    buf_fini(&b);
    return is_right;
}

static bool kept_read(const struct store_value *v, struct kept *k)
{
    static const char *const names[] = { TASK_KEY, "tool", "principal", "created",
                                         "ttl",    "poll", "task" };
    static const char *const status[] = { "status" };
    struct json_text m[7], s;
    char number[17];
    size_t len;
    const char *text = store_value_text(v, &len);

    memset(k, 0, sizeof *k);
    json_find((struct json_text){ text, len, JSON_OBJECT }, names, m, 7);
    for (size_t i = 3; i < 6; i++)
        if (m[i].type != JSON_NUMBER)
            return false;
    if (!text_read(m[0], k->id, sizeof k->id) || !text_read(m[1], k->tool, sizeof k->tool) ||
        !text_read(m[2], number, sizeof number) || m[6].type != JSON_OBJECT ||
        !json_integer(m[3], &k->r.created_ms) || !json_integer(m[4], &k->r.ttl_ms) ||
        !json_integer(m[5], &k->r.poll_ms))
        return false;
    k->r.id = k->id;
    k->r.tool = k->tool;
    k->r.principal = strtoull(number, NULL, 16);
    json_find(m[6], status, &s, 1);
    k->is_working = s.type == JSON_STRING && json_string_eq(s, "working", 7);
    return true;
}

static void value_release(void *v) { store_value_unref(v); }

/* Takes the text over when it returns 0. */
static int restore(struct gateway *g, const struct kept *k, const struct tasks_text *text)
{
    struct tasks_spec spec = { .principal = k->r.principal,
                               .tool = k->tool,
                               .expires_ms = k->r.created_ms + k->r.ttl_ms };
    return tasks_restore(g->tasks, &spec, k->id, strlen(k->id), text);
}

/* Takes a reference of its own. */
static int restore_value(struct gateway *g, const struct kept *k, struct store_value *v)
{
    struct json_text members = { 0 };
    size_t len;
    const char *text = store_value_text(v, &len);

    if (!task_record_members(text, len, &members))
        return MG_E_INVALID;
    struct tasks_text held = { members.p, members.len, store_value_ref(v), value_release };
    int code = restore(g, k, &held);
    if (code != 0)
        store_value_unref(v);
    return code;
}

static int end_write(struct gateway *g, const struct kept *k, const struct buf *members,
                     int64_t now_ms)
{
    struct buf record = { 0 };
    task_record_write(&k->r, members->data, members->len, &record);
    struct store_change change = { .collection = STORE_TASKS,
                                   .key = k->id,
                                   .key_len = strlen(k->id),
                                   .text = record.data,
                                   .len = record.len,
                                   .expect = STORE_ANY,
                                   .ttl_ms = task_record_ttl(&k->r, now_ms) };
    struct store_op op = { .kind = STORE_WRITE, .changes = &change, .change_count = 1 };
    int code = buf_ok(&record) ? 0 : MG_E_NOMEM;
    if (code == 0 && store_submit(g->store, &op) == 1)
        code = op.code == 0 ? restore_value(g, k, op.values[0]) : op.code;
    store_op_fini(&op);
    buf_fini(&record);
    return code;
}

/* Where the state takes no change now, the next start will find it as this one did. */
static int restore_interrupted(struct gateway *g, const struct kept *k, int64_t now_ms)
{
    struct buf error = { 0 }, members = { 0 };
    task_error("the gateway ended while the task was at work", &error);
    struct mcp_task task = { .id = k->id,
                             .status = MCP_TASK_FAILED,
                             .created_ms = k->r.created_ms,
                             .updated_ms = now_ms,
                             .ttl_ms = k->r.ttl_ms,
                             .poll_ms = k->r.poll_ms,
                             .error = { error.data, error.len, JSON_OBJECT } };
    mcp_encode_task(&task, &members);
    int code = buf_ok(&error) && buf_ok(&members) ? end_write(g, k, &members, now_ms) : MG_E_NOMEM;
    buf_fini(&error);
    if (code == MG_E_READONLY) {
        size_t len = members.len;
        char *text = buf_take(&members, NULL);
        struct tasks_text held = { text, len, text, free };
        code = text ? restore(g, k, &held) : MG_E_NOMEM;
        if (code != 0)
            free(text);
    }
    buf_fini(&members);
    return code;
}

static int restore_one(struct gateway *g, struct store_value *v, int64_t now_ms)
{
    struct kept k;

    if (!kept_read(v, &k))
        return MG_E_INVALID;
    if (k.r.created_ms + k.r.ttl_ms <= now_ms)
        return 0; /* the state removes it */
    return k.is_working ? restore_interrupted(g, &k, now_ms) : restore_value(g, &k, v);
}

int task_records_restore(struct gateway *g, struct err *e)
{
    struct store_op list = { .kind = STORE_LIST, .collection = STORE_TASKS };
    int64_t now_ms = clock_wall_ms();
    int code = 0;
    size_t bad = 0;

    if (store_submit(g->store, &list) != 1 || list.code != 0)
        return err_set(e, list.code ? list.code : MG_E_IO, "cannot read the tasks of the state");
    for (size_t i = 0; i < list.count && code == 0; i++) {
        code = restore_one(g, list.values[i], now_ms);
        if (code == MG_E_INVALID || code == MG_E_CONFLICT) {
            bad++;
            code = 0;
        }
    }
    store_op_fini(&list);
    if (bad > 0)
        log_printf(LOG_WARN, "%zu objects of the collection %s are no tasks", bad, STORE_TASKS);
    return code == 0 ? 0 : err_set(e, code, "cannot restore the tasks: %s", err_word(code));
}
