/* Questions of a strand to its client. What they say, and what they are asked with, is made in
 * lua/lib/mcp/ask.lua; here they are looked up, sent, waited for, and what comes is checked. */
#include "vm/ask.h"

#include <lauxlib.h>

#include "base/json_write.h"
#include "vm/ask_answer.h"
#include "vm/ask_record.h"
#include "vm/outcome.h"
#include "vm/state.h"

#include <string.h>

#define ASK_TIMEOUT_MS (INT64_C(10) * 60 * 1000)

struct answer {
    struct buf text; /* the result, or the text of an error */
    bool is_there, is_error;
};

struct ask_op {
    struct op op;
    struct task_ask ask;
    struct loop *loop; /* NULL: no timer */
    struct loop_timer timer;
    size_t left;  /* answers that are missing */
    size_t bytes; /* of those that are there: no more than the record may hold */
    bool is_sent, is_late;
    struct tool_question questions[QUESTIONS_MAX]; /* texts: Lua's, on the strand's stack */
    struct answer answers[QUESTIONS_MAX];
};

static struct ask_op *op_of(struct op *op) { return (struct ask_op *)op; }

/* ---- the host's side ---- */

static void wait_over(struct ask_op *a)
{
    a->is_sent = false;
    if (a->timer.armed)
        timer_stop(a->loop, &a->timer);
    task_time_go(a->op.task);
}

/* The host is told that nobody waits any more. */
static void take_back(struct ask_op *a)
{
    const struct task *t = a->op.task;
    if (!a->is_sent)
        return;
    wait_over(a);
    if (a->left > 0 && t->ops && t->ops->ask_drop)
        t->ops->ask_drop(t->ops_arg, &a->ask);
}

static void ask_late(void *arg)
{
    struct ask_op *a = arg;
    a->is_late = true;
    take_back(a);
    op_complete(&a->op);
}

void task_answer(struct task_ask *ask, size_t i, struct json_text result, const char *error)
{
    struct ask_op *a = (struct ask_op *)((char *)ask - offsetof(struct ask_op, ask));
    struct answer *to = &a->answers[i];
    if (to->is_there)
        return;
    to->is_there = true;
    to->is_error = result.type == JSON_NONE;
    to->text.max = a->bytes < ASK_RECORD_MAX ? ASK_RECORD_MAX - a->bytes : 1;
    if (to->is_error)
        buf_str(&to->text, error ? error : "the client failed");
    else
        buf_append(&to->text, result.p, result.len);
    a->bytes += to->text.len;
    if (--a->left > 0)
        return;
    if (a->is_sent)
        wait_over(a);
    op_complete(&a->op);
}

/* ---- the operation ---- */

static void ask_cancel(struct op *op) { take_back(op_of(op)); }

static void ask_release(struct op *op)
{
    struct ask_op *a = op_of(op);
    for (size_t i = 0; i < a->ask.count; i++)
        buf_fini(&a->answers[i].text);
}

static int fail_code(lua_State *L, int code)
{
    if (code == MG_E_LIMIT)
        return api_fail(L, "TOO_LARGE", "what this call was told and keeps is over %d bytes",
                        ASK_RECORD_MAX);
    return api_fail(L, "NOMEM", "not enough memory");
}

/* The answer, if it is one, into the record and the table at index 3. 0, or MG_E_LIMIT, NOMEM. */
static int answer_take(lua_State *L, struct task *t, const struct tool_question *q,
                       struct json_text answer, bool is_kept)
{
    int code = answer_check(q, answer);
    if (code == MG_E_INVALID)
        return 0;
    if (code == 0 && !is_kept)
        code = ask_record_keep(t->record, &t->record->answers, q->key, answer);
    if (code != 0)
        return code;
    value_push(L, answer.p, answer.len);
    lua_setfield(L, 3, q->key);
    return 0;
}

static int ask_results(lua_State *L, struct op *op)
{
    struct ask_op *a = op_of(op);
    if (a->is_late)
        return api_fail(L, "TIMEOUT", "no answer in time ([tools] ask_timeout)");
    for (size_t i = 0; i < a->ask.count; i++) {
        struct answer *got = &a->answers[i];
        struct json_text text = { 0 };
        struct err e = { 0 };
        if (!buf_ok(&got->text))
            return fail_code(L, got->text.is_over ? MG_E_LIMIT : MG_E_NOMEM);
        if (got->is_error)
            return api_fail(L, "FAILED", "%.*s", (int)got->text.len, got->text.data);
        if (json_scan(got->text.data, got->text.len, NULL, &text, &e) != 0)
            continue;
        int code = answer_take(L, op->task, &a->questions[i], text, false);
        if (code != 0)
            return fail_code(L, code);
    }
    lua_settop(L, 3);
    return 1;
}

static const struct op_type ask_type = {
    .name = "ask",
    .size = sizeof(struct ask_op),
    .cancel = ask_cancel,
    .release = ask_release,
    .results = ask_results,
};

/* ---- the end of a run ---- */

static struct tool_asks *asks_of(const struct ask_op *a, const struct ask_record *r)
{
    struct tool_asks *asks = calloc(1, sizeof *asks);
    if (!asks)
        return NULL;
    struct buf *b = &asks->requests;
    json_open(b, '{');
    for (size_t i = 0; i < a->ask.count; i++) {
        const struct tool_question *q = &a->questions[i];
        json_key(b, q->key);
        json_open(b, '{');
        json_key(b, "method");
        json_str(b, q->method);
        json_key(b, "params");
        json_raw_text(b, q->params);
        json_close(b, '}');
    }
    json_close(b, '}');
    ask_record_write(r, &asks->memory);
    if (buf_ok(b) && buf_ok(&asks->memory))
        return asks;
    tool_asks_free(asks);
    return NULL;
}

/* The strand is not resumed any more: as after a kill, its task ends when it yields. */
static int end_run(lua_State *L, struct ask_op *a)
{
    struct task *t = a->op.task;
    struct tool_asks *asks = asks_of(a, t->record);
    if (!asks) {
        op_drop(&a->op);
        return fail_code(L, MG_E_NOMEM);
    }
    outcome_reset(t);
    t->result.outcome = OUT_INPUT_REQUIRED;
    t->result.asks = asks;
    buf_str(&t->result.content, "[]");
    task_kill(t, OUT_INPUT_REQUIRED);
    return op_wait(L, &a->op);
}

/* ---- asking ---- */

/* Should the call fail now, that is why. */
static int cannot_ask(lua_State *L, struct task *t, const char *why)
{
    t->cannot_ask = true;
    return api_fail(L, "UNSUPPORTED", "%s", why);
}

static int send(lua_State *L, struct task *t, struct ask_op *a)
{
    int64_t ms = t->vm->o.ask_timeout_ms ? t->vm->o.ask_timeout_ms : ASK_TIMEOUT_MS;
    struct err e = { 0 };
    /* Before the host is asked: it may answer at once. */
    a->is_sent = true;
    task_time_stop(t);
    enum task_asked how = t->ops->ask(t->ops_arg, &a->ask, task_wait_seq(t), &e);
    if (how == ASK_SENT) {
        a->loop = t->vm->services.loop;
        if (a->is_sent && a->loop)
            timer_start(a->loop, &a->timer, ms, ask_late, a);
        return op_wait(L, &a->op);
    }
    wait_over(a);
    if (how == ASK_ENDS)
        return end_run(L, a);
    op_drop(&a->op);
    return cannot_ask(L, t, e.text);
}

/* Who may ask: the call itself, while it runs, in its own strands. */
static struct task *asker(lua_State *L, const char *what)
{
    struct task *t = ctx_task(L);
    if (strand_of(L)->task != t || t->is_ended)
        luaL_error(L, "ctx:%s: only while the call itself runs, not in a job or when it has ended",
                   what);
    if (t->tool->tool->kind == TOOL_LISTER || t->tool->tool->kind == TOOL_COMPLETER)
        luaL_error(L, "ctx:%s: lists and completions must be made without asking", what);
    if (!t->record && !(t->record = ask_record_new(t->info->memory)))
        luaL_error(L, "not enough memory");
    return t;
}

/* The list at index 2, of { key, method, params as JSON }, as lib/mcp/ask.lua makes it. */
static size_t read_questions(lua_State *L, struct tool_question *q)
{
    size_t n = (size_t)lua_rawlen(L, 2);
    luaL_argcheck(L, n <= QUESTIONS_MAX, 2, "too many questions");
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        for (int k = 1; k <= 3; k++)
            lua_rawgeti(L, -k, k);
        /* The list keeps the texts while this strand is alive. */
        q[i].key = lua_tostring(L, -3);
        q[i].method = lua_tostring(L, -2);
        q[i].params.p = lua_tolstring(L, -1, &q[i].params.len);
        q[i].params.type = JSON_OBJECT;
        lua_pop(L, 4);
    }
    return n;
}

/* What was said before, by an earlier run or with this call: the rest is moved to the front. 0, or
 * MG_E_LIMIT, NOMEM. */
static int look_up(lua_State *L, struct task *t, struct tool_question *q, size_t *n)
{
    size_t open = 0;
    for (size_t i = 0; i < *n; i++) {
        struct json_text said = ask_record_find(&t->record->answers, q[i].key), given = { 0 };
        int code = said.type == JSON_NONE ? 0 : answer_take(L, t, &q[i], said, true);
        if (code == 0 && lua_getfield(L, 3, q[i].key) == LUA_TNIL &&
            t->info->responses.type == JSON_OBJECT) {
            json_find(t->info->responses, &q[i].key, &given, 1);
            if (given.type != JSON_NONE)
                code = answer_take(L, t, &q[i], given, false);
        }
        if (code != 0)
            return code;
        if (lua_getfield(L, 3, q[i].key) == LUA_TNIL)
            q[open++] = q[i];
        lua_settop(L, 3);
    }
    *n = open;
    return 0;
}

/* ask(ctx, list) -> table of answers by key, without those that were none; or nil, message, code
 */
static int l_ask(lua_State *L)
{
    struct tool_question questions[QUESTIONS_MAX];
    struct task *t = asker(L, "ask");
    lua_settop(L, 2);
    size_t n = read_questions(L, questions);
    t->cannot_ask = false;
    lua_newtable(L);
    int code = look_up(L, t, questions, &n);
    if (code != 0)
        return fail_code(L, code);
    if (n == 0)
        return 1;
    if (!t->ops || !t->ops->ask)
        return cannot_ask(L, t, "this client cannot be asked");
    struct ask_op *a = (struct ask_op *)op_push(L, &ask_type);
    if (!a)
        return 3;
    memcpy(a->questions, questions, n * sizeof *questions);
    a->ask = (struct task_ask){ .count = n, .questions = a->questions };
    a->left = n;
    return send(L, t, a);
}

/* ---- ctx:once ---- */

/* recall(ctx, key) -> true and the value, or false */
static int l_recall(lua_State *L)
{
    struct task *t = asker(L, "once");
    struct json_text list = ask_record_find(&t->record->once, luaL_checkstring(L, 2)), item;
    struct json_iter it = json_iter(list);
    lua_pushboolean(L, list.type == JSON_ARRAY);
    if (list.type != JSON_ARRAY || !json_next_item(&it, &item))
        return 1;
    value_push(L, item.p, item.len);
    return 2;
}

/* The value's JSON, in the vm's own buffer: what raises meanwhile leaves nothing behind. */
static struct buf *encode(lua_State *L, int index, bool in_list, int *code, struct err *e)
{
    struct buf *b = &strand_of(L)->vm->scratch;
    buf_clear(b);
    if (in_list)
        buf_putc(b, '[');
    *code = in_list && lua_isnoneornil(L, index) ? 0 : value_encode(L, index, b, e);
    if (in_list)
        buf_putc(b, ']');
    if (*code == 0 && !buf_ok(b))
        *code = MG_E_NOMEM;
    return b;
}

static void encoded(struct buf *b)
{
    if (b->cap > SCRATCH_KEPT)
        buf_fini(b);
}

/* remember(ctx, key, value): true; or nil and why not */
static int l_remember(lua_State *L)
{
    struct task *t = asker(L, "once");
    const char *key = luaL_checkstring(L, 2);
    struct err e = { 0 };
    int code;
    struct buf *b = encode(L, 3, true, &code, &e);
    if (code == 0)
        code = ask_record_keep(t->record, &t->record->once, key,
                               (struct json_text){ b->data, b->len, JSON_ARRAY });
    encoded(b);
    if (code == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (code != MG_E_INVALID)
        return fail_code(L, code);
    lua_pushnil(L);
    lua_pushstring(L, e.text);
    return 2;
}

/* encode(value) -> JSON, or nil and why not */
static int l_encode(lua_State *L)
{
    struct err e = { 0 };
    int code;
    struct buf *b = encode(L, 1, false, &code, &e);
    if (code == 0 && b->len <= QUESTIONS_BYTES) {
        lua_pushlstring(L, b->data, b->len);
        encoded(b);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, code == MG_E_INVALID ? e.text
                      : code != 0          ? "not enough memory"
                                           : "it is too long");
    encoded(b);
    return 2;
}

static int l_list(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    value_mark_array(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int l_object(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    value_mark_object(L, 1);
    lua_settop(L, 1);
    return 1;
}

void ask_open(lua_State *L)
{
    static const luaL_Reg primitives[] = {
        { "ask", l_ask },       { "recall", l_recall }, { "remember", l_remember },
        { "encode", l_encode }, { "list", l_list },     { "object", l_object },
        { NULL, NULL }
    };
    lua_pushvalue(L, -1);
    luaL_newlib(L, primitives);
    lua_pushinteger(L, QUESTIONS_MAX);
    lua_setfield(L, -2, "max_questions");
    lua_pushinteger(L, QUESTIONS_BYTES);
    lua_setfield(L, -2, "max_bytes");
    lib_run(L, "mcp/ask.lua", 2, 0);
}
