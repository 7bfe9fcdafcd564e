/* What the tool of a task asks its client: the questions stand in the task until they are answered
 * by tasks/update. A key is never used twice, so that a client knows which it has seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "vm/ask.h"
#include "worker/call_task_struct.h"

#define ASKED_BYTES ((size_t)2 * QUESTIONS_BYTES) /* of what one task asks for at once */
#define KEYS_MAX 1000                             /* that one task may ever use */

struct task_pending { /* one question without an answer */
    struct task_pending *next;
    struct task_ask *ask;
    size_t i; /* which of it */
    char key[QUESTION_KEY_MAX + 8];
};

static bool key_is_used(const struct call_task *t, const char *key)
{
    for (size_t at = 0; at < t->keys.len; at += strlen(t->keys.data + at) + 1)
        if (strcmp(t->keys.data + at, key) == 0)
            return true;
    return false;
}

/* The tool's own key, or, where that was used, with the first number behind it that was not. */
static bool key_take(struct call_task *t, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s", name);
    for (unsigned n = 2; key_is_used(t, out); n++)
        snprintf(out, size, "%.*s.%u", QUESTION_KEY_MAX, name, n);
    buf_append(&t->keys, out, strlen(out) + 1);
    return buf_ok(&t->keys);
}

void task_write_questions(struct call_task *t)
{
    buf_clear(&t->inputs);
    if (!t->pending)
        return;
    json_open(&t->inputs, '{');
    for (const struct task_pending *p = t->pending; p; p = p->next) {
        const struct tool_question *q = &p->ask->questions[p->i];
        json_key_n(&t->inputs, p->key, strlen(p->key));
        json_open(&t->inputs, '{');
        json_key(&t->inputs, "method");
        json_str(&t->inputs, q->method);
        json_key(&t->inputs, "params");
        json_raw_text(&t->inputs, q->params);
        json_close(&t->inputs, '}');
    }
    json_close(&t->inputs, '}');
}

static size_t pending_bytes(const struct call_task *t, size_t *count)
{
    size_t bytes = 0;
    *count = 0;
    for (const struct task_pending *p = t->pending; p; p = p->next) {
        bytes += p->ask->questions[p->i].params.len;
        ++*count;
    }
    return bytes;
}

void call_task_ask_drop(struct call *c, struct task_ask *a)
{
    struct call_task *t = c->tasked;
    for (struct task_pending **at = &t->pending, *p; (p = *at);) {
        if (p->ask != a) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        free(p);
    }
    task_say(t, 0);
}

static int pending_add(struct call_task *t, struct task_ask *a, size_t i)
{
    struct task_pending **last = &t->pending, *p = calloc(1, sizeof *p);
    if (!p || !key_take(t, a->questions[i].key, p->key, sizeof p->key)) {
        free(p);
        return MG_E_NOMEM;
    }
    p->ask = a;
    p->i = i;
    while (*last)
        last = &(*last)->next;
    *last = p;
    t->key_count++;
    return 0;
}

static int check_room(const struct call_task *t, const struct task_ask *a, struct err *e)
{
    size_t count, bytes = pending_bytes(t, &count);
    for (size_t i = 0; i < a->count; i++)
        bytes += a->questions[i].params.len;
    if (t->key_count + a->count > KEYS_MAX)
        return err_set(e, MG_E_LIMIT, "one task asks for %d things at most", KEYS_MAX);
    if (count + a->count > 2 * QUESTIONS_MAX || bytes > ASKED_BYTES)
        return err_set(e, MG_E_LIMIT, "the task waits for too many answers already");
    return 0;
}

bool call_task_ask(struct call *c, struct task_ask *a, uint64_t wait, struct err *e)
{
    struct call_task *t = c->tasked;
    if (!mcp_may_ask(c->mcp, a->questions, a->count, e) || check_room(t, a, e) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (pending_add(t, a, i) == 0)
            continue;
        call_task_ask_drop(c, a);
        err_set(e, MG_E_NOMEM, "no memory for a question");
        return false;
    }
    task_say(t, wait);
    return true;
}

/* ---- answers ---- */

static struct task_pending *pending_take(struct call_task *t, struct json_text key)
{
    for (struct task_pending **at = &t->pending, *p; (p = *at); at = &p->next)
        if (json_string_eq(key, p->key, strlen(p->key))) {
            *at = p->next;
            return p;
        }
    return NULL;
}

static void take(struct call_task *t, struct json_text answers)
{
    struct json_iter it = json_iter(answers);
    struct json_text key, value;
    while (json_next_member(&it, &key, &value)) {
        struct task_pending *p = pending_take(t, key);
        if (p)
            task_answer(p->ask, p->i, value, NULL);
        free(p);
    }
}

void task_take_answers(void *arg)
{
    struct call_task *t = arg;
    struct buf answers = { 0 };
    tasks_take_answers(t->entry, &answers);
    for (size_t at = 0; at < answers.len; at += strlen(answers.data + at) + 1)
        take(t, (struct json_text){ answers.data + at, strlen(answers.data + at), JSON_OBJECT });
    buf_fini(&answers);
    task_say(t, 0);
}

void task_free_questions(struct call_task *t)
{
    while (t->pending) {
        struct task_pending *p = t->pending;
        t->pending = p->next;
        free(p);
    }
    buf_fini(&t->keys);
    buf_fini(&t->inputs);
}
