#include "vm/ask_answer.h"

#include "schema/schema.h"

#include <string.h>

static bool is_one_of(struct json_text text, const char *const *words)
{
    for (; *words; words++)
        if (text.type == JSON_STRING && json_string_eq(text, *words, strlen(*words)))
            return true;
    return false;
}

/* Without content: as a form in which nothing was filled in. */
static int content_check(struct json_text schema_text, struct json_text content)
{
    struct json_text empty = { "{}", 2, JSON_OBJECT };
    struct err e = { 0 };
    if (content.type == JSON_NONE)
        content = empty;
    if (content.type != JSON_OBJECT)
        return MG_E_INVALID;
    struct schema *s = schema_compile(schema_text.p, schema_text.len, NULL, 0, &e);
    if (!s)
        return e.code == MG_E_NOMEM ? MG_E_NOMEM : MG_E_INVALID;
    int code = schema_check(s, content, &e);
    schema_free(s);
    return code == 0 || code == MG_E_NOMEM ? code : MG_E_INVALID;
}

static int elicited_check(const struct tool_question *q, struct json_text answer)
{
    static const char *const actions[] = { "accept", "decline", "cancel", NULL };
    static const char *const accept[] = { "accept", NULL };
    struct json_text action = json_get(answer, "action");
    struct json_text schema = json_get(q->params, "requestedSchema");
    if (!is_one_of(action, actions))
        return MG_E_INVALID;
    if (schema.type == JSON_NONE || !is_one_of(action, accept))
        return 0;
    return content_check(schema, json_get(answer, "content"));
}

static int sampled_check(struct json_text answer)
{
    static const char *const roles[] = { "assistant", "user", NULL };
    enum json_type content = json_get(answer, "content").type;
    bool is_right = is_one_of(json_get(answer, "role"), roles) &&
                    json_get(answer, "model").type == JSON_STRING &&
                    (content == JSON_OBJECT || content == JSON_ARRAY);
    return is_right ? 0 : MG_E_INVALID;
}

static int roots_check(struct json_text answer)
{
    struct json_text roots = json_get(answer, "roots"), root;
    struct json_iter it = json_iter(roots);
    if (roots.type != JSON_ARRAY)
        return MG_E_INVALID;
    while (json_next_item(&it, &root))
        if (root.type != JSON_OBJECT || json_get(root, "uri").type != JSON_STRING)
            return MG_E_INVALID;
    return 0;
}

int answer_check(const struct tool_question *q, struct json_text answer)
{
    if (answer.type != JSON_OBJECT)
        return MG_E_INVALID;
    if (strcmp(q->method, "elicitation/create") == 0)
        return elicited_check(q, answer);
    if (strcmp(q->method, "sampling/createMessage") == 0)
        return sampled_check(answer);
    return roots_check(answer);
}
