#include "worker/test_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "worker/local_call.h"
#include "worker/standalone.h"

struct test_call {
    struct local_call call;
    struct test_calls *calls;
    struct test_call *next, **prev; /* in one of the two lists */
    struct testing_call *asker;     /* NULL: the test waits for it no more */
    char *tool, *args, *answers;
    size_t len;
    struct buf problem;       /* why it did not come to its end */
    struct buf progress, log; /* what it told: the items of two JSON lists */
};

static void call_link(struct test_call *c, struct test_call **list)
{
    c->next = *list;
    c->prev = list;
    if (c->next)
        c->next->prev = &c->next;
    *list = c;
}

static void call_unlink(struct test_call *c)
{
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
}

static void call_free(struct test_call *c)
{
    local_call_fini(&c->call);
    buf_fini(&c->progress);
    buf_fini(&c->log);
    free(c->tool);
    free(c->args);
    free(c->answers);
    buf_fini(&c->problem);
    free(c);
}

/* ---- what the test gets ---- */

static void member(struct buf *out, const char *name, struct json_text value)
{
    if (value.type == JSON_NONE)
        return;
    json_key(out, name);
    json_raw_text(out, value);
}

/* The text of a block of content, of a prompt's message, which holds one, or of a resource. */
static struct json_text text_of(struct json_text item)
{
    struct json_text found[2], block[1];
    json_find(item, (const char *const[]){ "content" }, block, 1);
    if (block[0].type == JSON_OBJECT)
        item = block[0];
    json_find(item, (const char *const[]){ "type", "text" }, found, 2);
    if (found[0].type == JSON_STRING && !json_string_eq(found[0], "text", 4))
        found[1] = (struct json_text){ 0 };
    return found[1];
}

/* All texts, one below the other. */
static void texts_join(struct json_text content, struct buf *out)
{
    struct json_text item;
    struct json_iter it = json_iter(content);
    while (json_next_item(&it, &item)) {
        struct json_text text = text_of(item);
        if (text.type != JSON_STRING)
            continue;
        if (out->len)
            buf_putc(out, '\n');
        json_string_decode(text, out);
    }
}

static void write_value(const struct buf *text, struct json_text structured, struct buf *out)
{
    struct json_limits limits = { 0 };
    struct json_text value = structured;
    if (value.type == JSON_NONE && text->len &&
        json_scan(text->data, text->len, &limits, &value, NULL) != 0)
        return;
    member(out, "value", value);
}

static void write_result(const struct test_call *c, struct json_text result, struct buf *out)
{
    static const char *const names[] = { "content", "isError",  "structuredContent",
                                         "_meta",   "messages", "contents" };
    struct json_text found[6];
    struct buf text = { 0 };
    json_find(result, names, found, 6);
    for (int i = 0; i < 6; i++)
        if (found[i].type == JSON_ARRAY && i != 2)
            texts_join(found[i], &text);
    json_key(out, "ok");
    json_bool(out, found[1].type != JSON_TRUE);
    json_key(out, "outcome");
    json_str(out, outcome_word(c->call.result.outcome));
    json_key(out, "text");
    json_str_n(out, text.len ? text.data : "", text.len);
    write_value(&text, found[2], out);
    member(out, "content", found[0]);
    member(out, "messages", found[4]);
    member(out, "contents", found[5]);
    member(out, "structured", found[2]);
    member(out, "meta", found[3]);
    out->failed |= !buf_ok(&text);
    buf_fini(&text);
}

static void write_refusal(struct json_text error, struct buf *out)
{
    struct json_text found[2] = { { 0 }, { 0 } };
    if (error.type == JSON_OBJECT)
        json_find(error, (const char *const[]){ "code", "message" }, found, 2);
    json_key(out, "ok");
    json_bool(out, false);
    member(out, "code", found[0]);
    member(out, "text", found[1]);
}

static void list(struct buf *out, const char *name, const struct buf *items)
{
    json_key(out, name);
    buf_putc(out, '[');
    buf_append(out, items->data, items->len);
    buf_putc(out, ']');
    out->failed |= !buf_ok(items);
}

/* What it was asked, in order. */
static void asked_write(const struct rounds *r, struct buf *out)
{
    json_key(out, "asked");
    if (r->asked.len)
        json_raw(out, r->asked.data, r->asked.len);
    else
        buf_str(out, "[]");
}

static void answer(struct test_call *c)
{
    struct json_limits limits = { 0 };
    struct json_text root, found[2];
    struct buf out = { 0 };
    size_t len = 0;
    json_open(&out, '{');
    if (buf_ok(&c->call.reply) &&
        json_scan(c->call.reply.data, c->call.reply.len, &limits, &root, NULL) == 0) {
        json_find(root, (const char *const[]){ "result", "error" }, found, 2);
        if (found[0].type == JSON_OBJECT)
            write_result(c, found[0], &out);
        else
            write_refusal(found[1], &out);
    } else {
        out.failed = true;
    }
    if (c->problem.len) {
        json_key(&out, "problem");
        json_str_n(&out, c->problem.data, c->problem.len);
    }
    asked_write(&c->call.rounds, &out);
    list(&out, "progress", &c->progress);
    list(&out, "log", &c->log);
    json_close(&out, '}');
    char *json = buf_take(&out, &len);
    testing_answer(c->asker, json, len);
}

/* ---- while it runs ---- */

static struct test_call *of(struct local_call *c) { return (struct test_call *)c; }

static void call_progress(struct local_call *call, const struct task_progress *p)
{
    struct buf *b = &of(call)->progress;
    json_open(b, '{');
    json_key(b, "done");
    json_double(b, p->done);
    if (p->has_total) {
        json_key(b, "total");
        json_double(b, p->total);
    }
    if (p->message) {
        json_key(b, "message");
        json_str(b, p->message);
    }
    json_close(b, '}');
}

static void call_log(struct local_call *call, int level, const char *json, size_t len)
{
    struct buf *b = &of(call)->log;
    json_open(b, '{');
    json_key(b, "level");
    json_str(b, mcp_log_level_text((enum mcp_log_level)level));
    json_key(b, "data");
    json_raw(b, json, len);
    json_close(b, '}');
}

static void call_append(struct test_call *c)
{
    struct test_call **last = &c->calls->pending;
    while (*last)
        last = &(*last)->next;
    call_link(c, last);
}

/* The next round is another call, made when this one has really ended. */
static void call_over(struct local_call *call)
{
    struct test_call *c = of(call);
    call_unlink(c);
    if (c->asker && local_call_next(call, &c->problem) == ROUNDS_NEXT) {
        call_append(c);
        return;
    }
    if (c->asker)
        answer(c);
    call_free(c);
}

/* ---- beginning and end ---- */

static const struct principal *principal_of(const struct serving *s, const char *as, struct err *e)
{
    const struct principal *p = as ? keyring_named(s->keyring, as) : &standalone_operator;
    if (!p)
        err_set(e, MG_E_NOTFOUND, "there is no key of the name %s in mcp.ini", as);
    else if (p->expires_ms != 0 && clock_wall_ms() >= p->expires_ms)
        err_set(e, MG_E_DENIED, "the key %s has expired", as);
    else
        return p;
    return NULL;
}

int test_call_new(void *arg, struct testing_call *asker, const struct testing_request *r,
                  struct err *e)
{
    struct test_calls *calls = arg;
    const struct principal *p = principal_of(calls->serving, r->as, e);
    if (!p)
        return e->code;
    struct test_call *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, MG_E_NOMEM, "not enough memory");
    c->tool = strdup(r->tool);
    c->args = strndup(r->args, r->len);
    c->len = r->len;
    c->answers = r->answers ? strndup(r->answers, r->answers_len) : NULL;
    if (!c->tool || !c->args || (r->answers && !c->answers)) {
        call_free(c);
        return err_set(e, MG_E_NOMEM, "not enough memory");
    }
    c->call = (struct local_call){ .serving = calls->serving,
                                   .principal = p,
                                   .client = "moongate",
                                   .cannot_ask = !r->answers,
                                   .progress = call_progress,
                                   .log = call_log,
                                   .over = call_over };
    if (c->answers)
        c->call.rounds.answers = (struct json_text){ c->answers, r->answers_len, JSON_OBJECT };
    c->calls = calls;
    c->asker = asker;
    call_append(c);
    return 0;
}

/* Not begun: it never is. Begun: it is cancelled, and ends on its own. */
void test_call_drop(void *arg, struct testing_call *asker)
{
    struct test_calls *calls = arg;
    for (struct test_call *c = calls->pending; c; c = c->next)
        if (c->asker == asker) {
            call_unlink(c);
            call_free(c);
            return;
        }
    for (struct test_call *c = calls->running; c; c = c->next)
        if (c->asker == asker) {
            c->asker = NULL;
            local_call_cancel(&c->call);
            return;
        }
}

/* The first that is not begun, out of its list; NULL: none. */
static struct test_call *pending_take(struct test_calls *calls)
{
    struct test_call *c = calls->pending;
    if (!c)
        return NULL;
    calls->pending = c->next;
    if (c->next)
        c->next->prev = &calls->pending;
    return c;
}

bool test_calls_start(struct test_calls *calls, struct vm *vm)
{
    bool some = calls->pending != NULL;
    for (struct test_call *c; (c = pending_take(calls)) != NULL;) {
        call_link(c, &calls->running);
        if (local_call_open(&c->call, calls->tools, c->tool, c->args, c->len))
            local_call_start(&c->call, vm);
        else
            call_over(&c->call);
    }
    return some;
}

void test_calls_fini(struct test_calls *calls)
{
    for (struct test_call *c; (c = pending_take(calls)) != NULL;)
        call_free(c);
}
