#include "api/state_op.h"

#include <lauxlib.h>
#include <string.h>

#include "vm/module.h"

#define SNAPSHOT_META "mg.snapshot"

static struct state_op *of_request(struct store_op *req)
{
    return (struct state_op *)((char *)req - offsetof(struct state_op, req));
}

/* ---- results ---- */

/* 0, or 3 with nil, message, code pushed. Whatever was read or written binds the reply to its
 * record. */
static int failed(lua_State *L, struct state_op *s)
{
    struct task *t = task_of(L);
    if (t)
        task_wait_for(t, s->req.seq);
    if (s->req.code == 0)
        return 0;
    return api_fail(L, err_word(s->req.code), "%s", s->req.err.text);
}

/* The object; with `only` a table of those of its members. The others are passed over in its text:
 * they cost neither memory nor much time. */
static void push_object(lua_State *L, const struct store_value *v, const struct buf *only)
{
    const char *names[STATE_ONLY_MAX];
    struct json_text object = { .type = JSON_OBJECT }, found[STATE_ONLY_MAX];
    size_t n = 0;

    object.p = store_value_text(v, &object.len);
    if (only->len == 0) {
        value_push(L, object.p, object.len);
        return;
    }
    for (size_t at = 0; at < only->len; at += strlen(names[n++]) + 1)
        names[n] = only->data + at;
    json_find(object, names, found, n);
    lua_createtable(L, 0, (int)n);
    for (size_t i = 0; i < n; i++)
        if (found[i].type != JSON_NONE) {
            lua_pushstring(L, names[i]);
            value_push(L, found[i].p, found[i].len);
            lua_rawset(L, -3);
        }
}

int state_results_get(lua_State *L, struct state_op *s)
{
    bool is_missing = s->req.code == MG_E_NOTFOUND;

    if (is_missing)
        s->req.code = 0;
    if (failed(L, s))
        return 3;
    if (is_missing)
        lua_pushnil(L);
    else
        push_object(L, s->req.values[0], &s->only);
    return 1;
}

int state_results_version(lua_State *L, struct state_op *s)
{
    if (state_results_get(L, s) == 3)
        return 3;
    lua_pushinteger(L, s->req.count ? (lua_Integer)store_value_seq(s->req.values[0]) : 0);
    return 2;
}

int state_results_write(lua_State *L, struct state_op *s)
{
    if (failed(L, s))
        return 3;
    lua_pushboolean(L, 1);
    return 1;
}

int state_results_delete(lua_State *L, struct state_op *s)
{
    if (failed(L, s))
        return 3;
    lua_pushboolean(L, s->req.count > 0);
    return 1;
}

int state_results_count(lua_State *L, struct state_op *s)
{
    if (failed(L, s))
        return 3;
    lua_pushinteger(L, (lua_Integer)s->req.count);
    return 1;
}

int state_results_list(lua_State *L, struct state_op *s)
{
    size_t len;

    if (failed(L, s))
        return 3;
    lua_createtable(L, (int)s->req.count, 0);
    for (size_t i = 0; i < s->req.count; i++) {
        push_object(L, s->req.values[i], &s->only);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    value_mark_array(L, -1);
    if (!s->req.more || s->req.count == 0)
        return 1;
    const char *last = store_value_key(s->req.values[s->req.count - 1], &len);
    lua_pushlstring(L, last, len);
    return 2;
}

/* ---- the iterator of each() ---- */

struct snapshot {
    struct store_op req; /* holds the values */
    struct buf only;
    size_t next;
};

static int l_snapshot_gc(lua_State *L)
{
    struct snapshot *snap = lua_touserdata(L, 1);
    store_op_fini(&snap->req);
    buf_fini(&snap->only);
    return 0;
}

static int l_snapshot_next(lua_State *L)
{
    struct snapshot *snap = lua_touserdata(L, lua_upvalueindex(1));
    if (snap->next >= snap->req.count)
        return 0;
    push_object(L, snap->req.values[snap->next++], &snap->only);
    return 1;
}

int state_results_each(lua_State *L, struct state_op *s)
{
    if (failed(L, s))
        return 3;

    struct snapshot *snap = lua_newuserdatauv(L, sizeof *snap, 0);
    memset(snap, 0, sizeof *snap);
    if (luaL_newmetatable(L, SNAPSHOT_META)) {
        lua_pushcfunction(L, l_snapshot_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    snap->req = s->req;
    s->req.values = NULL;
    s->req.count = 0;
    snap->only = s->only;
    s->only = (struct buf){ 0 };
    lua_pushcclosure(L, l_snapshot_next, 1);
    return 1;
}

/* ---- life ---- */

static int op_results(lua_State *L, struct op *op)
{
    struct state_op *s = (struct state_op *)op;
    return s->results(L, s);
}

static void op_free(struct op *op)
{
    struct state_op *s = (struct state_op *)op;
    store_op_fini(&s->req);
    buf_fini(&s->bytes);
    buf_fini(&s->only);
    changes_free(s->batch, s->batch ? s->req.change_count : 0);
    s->batch = NULL;
}

static const struct op_type state_type = {
    .name = "state",
    .size = sizeof(struct state_op),
    .late = true,
    .release = op_free,
    .results = op_results,
};

static void request_done(struct store_op *req) { op_complete(&of_request(req)->op); }

static struct state_op *push(lua_State *L, state_results_fn results, enum store_kind kind)
{
    struct state_op *s = (struct state_op *)op_push(L, &state_type);
    if (!s)
        return NULL;
    s->results = results;
    s->req.loop = vm_services_of(L)->loop;
    s->req.done = request_done;
    s->req.kind = kind;
    return s;
}

struct state_op *state_op_read(lua_State *L, state_results_fn results, enum store_kind kind,
                               const struct collection *c, const char *id, size_t len)
{
    struct state_op *s = push(L, results, kind);
    if (!s)
        return NULL;
    buf_append(&s->bytes, c->name, strlen(c->name) + 1);
    buf_append(&s->bytes, id, len);
    if (!buf_ok(&s->bytes))
        return s;
    s->req.collection = s->bytes.data;
    if (id) {
        s->req.key = s->bytes.data + strlen(c->name) + 1;
        s->req.key_len = len;
    }
    return s;
}

struct state_op *state_op_write(lua_State *L, state_results_fn results, struct buf *bytes,
                                size_t len, bool is_delete, store_seq expect, int64_t ttl_ms)
{
    struct state_op *s = push(L, results, STORE_WRITE);
    if (!s)
        return NULL;
    s->bytes = *bytes;
    *bytes = (struct buf){ .max = bytes->max };
    s->req.changes = &s->change;
    s->req.change_count = 1;
    if (!buf_ok(&s->bytes))
        return s;

    const char *id = s->bytes.data + strlen(s->bytes.data) + 1;
    s->change = (struct store_change){
        .collection = s->bytes.data,
        .key = id,
        .key_len = len,
        .text = is_delete ? NULL : id + len + 1,
        .len = s->bytes.len - (size_t)(id + len + 1 - s->bytes.data),
        .expect = expect,
        .ttl_ms = ttl_ms,
    };
    return s;
}

struct state_op *state_op_batch(lua_State *L, struct batch *b)
{
    struct state_op *s = push(L, state_results_write, STORE_WRITE);
    if (!s)
        return NULL;
    s->batch = b->changes;
    s->req.changes = b->changes;
    s->req.change_count = b->count;
    *b = (struct batch){ .is_open = b->is_open };
    return s;
}

int state_op_run(lua_State *L, struct state_op *s)
{
    if (!buf_ok(&s->bytes) || !buf_ok(&s->only)) {
        s->req.code = err_set(&s->req.err, MG_E_NOMEM, "no memory for the operation");
        op_complete(&s->op);
    } else if (store_submit(vm_services_of(L)->store, &s->req) == 1) {
        op_complete(&s->op);
    }
    return op_wait(L, &s->op);
}
