#include "worker/rounds.h"

#include <string.h>

#include "base/json_write.h"

static bool is_text(struct json_text t, const char *text)
{
    return t.type == JSON_STRING && json_string_eq(t, text, strlen(text));
}

/* A key is letters, digits and _ . - : its text needs no decoding to be found and told. */
static const char *key_text(struct json_text key, char out[80])
{
    size_t len = key.len - 2 < 79 ? key.len - 2 : 79;
    memcpy(out, key.p + 1, len);
    out[len] = '\0';
    return out;
}

static bool was_asked(const struct rounds *r, struct json_text key)
{
    struct json_text item, all = { r->asked.data, r->asked.len, JSON_ARRAY };
    if (all.len == 0)
        return false;
    struct json_iter it = json_iter(all);
    while (json_next_item(&it, &item)) {
        struct json_text other = json_get(item, "key");
        if (other.len == key.len && memcmp(other.p, key.p, key.len) == 0)
            return true;
    }
    return false;
}

static void asked_add(struct rounds *r, struct json_text key, struct json_text request)
{
    struct buf *b = &r->asked;
    if (b->len > 0)
        b->len--; /* the closing bracket */
    else
        buf_putc(b, '[');
    json_open(b, '{');
    json_key(b, "key");
    json_raw_text(b, key);
    json_key(b, "method");
    json_raw_text(b, json_get(request, "method"));
    json_key(b, "params");
    json_raw_text(b, json_get(request, "params"));
    json_close(b, '}');
    buf_putc(b, ']');
}

/* "who: elicitation/create: Your name?" */
static void tell(struct json_text key, struct json_text request, const char *what, struct buf *out)
{
    struct json_text message = json_get(json_get(request, "params"), "message");
    char name[80];
    buf_printf(out, "%s%s: %s", out->len ? "; " : "", what, key_text(key, name));
    buf_str(out, " (");
    json_string_decode(json_get(request, "method"), out);
    if (message.type == JSON_STRING) {
        buf_str(out, ": ");
        json_string_decode(message, out);
    }
    buf_putc(out, ')');
}

static void request_answer(struct rounds *r, struct json_text key, struct json_text request,
                           struct buf *problem)
{
    char name[80];
    bool is_again = was_asked(r, key);
    struct json_text answer = json_get(r->answers, key_text(key, name));
    asked_add(r, key, request);
    if (answer.type == JSON_NONE) {
        tell(key, request, "asked, and no answer is given", problem);
    } else if (is_again) {
        tell(key, request, "the answer that is given is none to what is asked", problem);
    } else {
        json_key_n(&r->responses, name, strlen(name));
        json_raw_text(&r->responses, answer);
    }
}

enum rounds_next rounds_next(struct rounds *r, const struct buf *reply, struct buf *problem)
{
    struct json_limits limits = { 0 };
    struct json_text root, key, request;
    buf_fini(&r->responses);
    if (!buf_ok(reply) || json_scan(reply->data, reply->len, &limits, &root, NULL) != 0)
        return ROUNDS_OVER;
    struct json_text result = json_get(root, "result");
    if (!is_text(json_get(result, "resultType"), "input_required"))
        return ROUNDS_OVER;
    if (++r->count > ROUNDS_MAX) {
        buf_printf(problem, "more than %d rounds of questions", ROUNDS_MAX);
        return ROUNDS_OPEN;
    }
    json_open(&r->responses, '{');
    struct json_iter it = json_iter(json_get(result, "inputRequests"));
    while (json_next_member(&it, &key, &request))
        request_answer(r, key, request, problem);
    json_close(&r->responses, '}');
    buf_clear(&r->state);
    json_raw_text(&r->state, json_get(result, "requestState"));
    if (!buf_ok(&r->asked) || !buf_ok(&r->responses) || !buf_ok(&r->state))
        buf_str(problem, "not enough memory");
    return problem->len || !buf_ok(problem) ? ROUNDS_OPEN : ROUNDS_NEXT;
}

void rounds_write(const struct rounds *r, struct buf *b)
{
    if (r->responses.len == 0)
        return;
    buf_str(b, ",\"inputResponses\":");
    buf_append(b, r->responses.data, r->responses.len);
    buf_str(b, ",\"requestState\":");
    buf_append(b, r->state.data, r->state.len);
}

void rounds_fini(struct rounds *r)
{
    buf_fini(&r->asked);
    buf_fini(&r->responses);
    buf_fini(&r->state);
}
