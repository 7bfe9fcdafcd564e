/* Requests to legacy clients: what they declare to be asked, how they are asked, what they answer.
 */
#include "mcp/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/json_write.h"
#include "mcp/form.h"
#include "mcp/request.h"

static const char *const names[] = { "roots", "sampling", "elicitation" };

static bool is_object(struct json_text t) { return t.type == JSON_OBJECT; }

/* A client that says elicitation and no more shows forms. */
static unsigned elicitation_read(struct json_text elicitation, enum mcp_revision r)
{
    static const char *const modes[] = { "form", "url" };
    struct json_text mode[2];

    if (!is_object(elicitation) || r < MCP_2025_06_18)
        return 0;
    if (r < MCP_2025_11_25)
        return ASKS_FORM;
    json_find(elicitation, modes, mode, 2);
    return (is_object(mode[0]) || text_is_absent(mode[1]) ? ASKS_FORM : 0u) |
           (is_object(mode[1]) ? ASKS_URL : 0u);
}

/* What both are good for has to be declared only since there is something to declare. */
static unsigned sampling_read(struct json_text sampling, enum mcp_revision r)
{
    static const char *const parts[] = { "tools", "context" };
    struct json_text part[2];

    if (!is_object(sampling))
        return 0;
    if (r < MCP_2025_11_25)
        return ASKS_SAMPLE | ASKS_CONTEXT;
    json_find(sampling, parts, part, 2);
    return ASKS_SAMPLE | (is_object(part[0]) ? ASKS_TOOLS : 0u) |
           (is_object(part[1]) ? ASKS_CONTEXT : 0u);
}

unsigned asks_declared(struct json_text capabilities, enum mcp_revision r)
{
    struct json_text member[3];

    if (!is_object(capabilities))
        return 0;
    json_find(capabilities, names, member, 3);
    return (is_object(member[0]) ? ASKS_ROOTS : 0u) | sampling_read(member[1], r) |
           elicitation_read(member[2], r);
}

struct json_text asks_text(unsigned declared, char out[static ASKS_TEXT_SIZE])
{
    static const struct {
        unsigned bit;
        const char *text;
    } parts[] = {
        { 0, "{" },
        { ASKS_ROOTS, ",\"roots\":{}" },
        { ASKS_SAMPLE, ",\"sampling\":{" },
        { ASKS_TOOLS, ",\"tools\":{}" },
        { ASKS_CONTEXT, ",\"context\":{}" },
        { ASKS_SAMPLE, "}" },
        { ASKS_FORM | ASKS_URL, ",\"elicitation\":{" },
        { ASKS_FORM, ",\"form\":{}" },
        { ASKS_URL, ",\"url\":{}" },
        { ASKS_FORM | ASKS_URL, "}" },
        { 0, "}" },
    };
    size_t n = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *text = parts[i].text;
        if (parts[i].bit != 0 && !(parts[i].bit & declared))
            continue;
        for (text += *text == ',' && out[n - 1] == '{'; *text; text++)
            out[n++] = *text;
    }
    return (struct json_text){ out, n, JSON_OBJECT };
}

/* The same for every time that a question is asked in a call, and of no other one. */
static void elicitation_id(const char *call_id, const char *key, struct buf *out)
{
    json_key(out, "elicitationId");
    buf_printf(out, "\"%s.%s\"", call_id, key); /* letters, digits and _ . - */
}

bool mcp_encode_ask(const struct mcp_call *c, const struct tool_question *q, const char *id,
                    const char *call_id, struct buf *out)
{
    struct json_iter it = json_iter(q->params);
    struct json_text key, value;
    bool is_url = false, is_old = c->revision < MCP_2025_11_25;

    buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    json_str(out, id);
    json_key(out, "method");
    json_str(out, q->method);
    json_key(out, "params");
    json_open(out, '{');
    while (json_next_member(&it, &key, &value)) {
        bool is_mode = text_is(key, "mode");
        is_url |= is_mode && text_is(value, "url");
        if (is_mode && is_old)
            continue;
        if (is_old && text_is(key, "requestedSchema")) {
            json_key(out, "requestedSchema");
            form_encode_primitive(value, out);
        } else {
            json_member_text(out, key, value);
        }
    }
    if (is_url) /* a member of that revision alone */
        elicitation_id(call_id, q->key, out);
    json_close(out, '}');
    json_close(out, '}');
    return is_url;
}

void mcp_encode_elicit_done(const char *call_id, const char *key, struct buf *out)
{
    buf_str(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/elicitation/complete\"");
    json_key(out, "params");
    json_open(out, '{');
    elicitation_id(call_id, key, out);
    json_close(out, '}');
    json_close(out, '}');
}

/* The id is one that we made: letters and digits. */
void mcp_encode_ask_end(const char *id, const char *reason, struct buf *out)
{
    char text[sizeof((struct mcp_answer *)0)->id + 2];
    int n = snprintf(text, sizeof text, "\"%s\"", id);

    mcp_encode_cancelled((struct json_text){ text, (size_t)n, JSON_STRING }, reason, out);
}

void response_serve(struct request *rq)
{
    static const char *const message_name[] = { "message" };
    const struct mcp_host *host = rq->server->host;
    const struct message *m = &rq->message;
    struct mcp_answer a = { .result = m->result };
    struct json_text text = { NULL, 0, JSON_NONE };
    char error[300] = "the client answered with an error";

    if (m->error.type == JSON_OBJECT)
        json_find(m->error, message_name, &text, 1);
    if (text.type == JSON_STRING)
        text_cut(text, error, sizeof error);
    a.error = error;
    /* Late, unknown and repeated ones are nothing to complain about. */
    if (rq->has_session && m->id.type == JSON_STRING && text_cut(m->id, a.id, sizeof a.id))
        host->answer(host->arg, rq->in->principal, rq->session.id, &a);
    reply_accepted(rq);
}
