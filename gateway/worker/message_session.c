#include "worker/message_session.h"

#include <string.h>

#include "base/clock.h"
#include "worker/endpoint_notices.h"
#include "worker/messages.h"
#include "worker/worker.h"

struct opening {
    struct message_session *session;
    const struct notice_feed_ops *ops;
    void *arg;
};

/* While the session cannot end. */
static int feed_open(void *arg)
{
    const struct opening *o = arg;
    struct message_session *s = o->session;
    struct worker *w = s->messages->worker;
    return notices_open_session(w->gateway->notices, w->loop, s->mcp.id, s->principal, NULL, o->ops,
                                o->arg, &s->feed);
}

int message_session_open(struct message_session *s, struct messages *m, uint64_t principal,
                         const struct notice_feed_ops *ops, void *arg)
{
    struct sessions *sessions = m->worker->gateway->sessions;
    struct session_info info = { .principal = principal, .log_level = MCP_LOG_NONE };
    struct opening o = { s, ops, arg };
    int64_t now = clock_mono_ms();
    /* Until it is negotiated; whoever knows of nothing else speaks this. */
    strncpy(info.protocol, mcp_revision_text(MCP_2024_11_05), sizeof info.protocol - 1);
    int code = sessions_create(sessions, &info, now);
    if (code != 0)
        return code;
    *s = (struct message_session){ .messages = m, .principal = principal };
    s->mcp.log_level = MCP_LOG_NONE;
    memcpy(s->mcp.id, info.id, sizeof info.id);
    code = sessions_enter(sessions, info.id, principal, now, true, feed_open, &o);
    if (code != 0)
        (void)!sessions_remove(sessions, info.id, principal);
    return code;
}

void message_session_tell(struct message_session *s)
{
    struct json_text none = { NULL, 0, JSON_NONE };
    struct notice n;
    while (s->feed && !messages_are_slow(s->messages) && notices_next(s->feed, &n)) {
        struct buf json = { 0 };
        if (s->mcp.is_initialized)
            notice_encode(s->messages->worker, s->principal, &n, none, &json);
        messages_tell(s->messages, &json);
        buf_fini(&json);
    }
}

/* Its client is gone, or it has ended in the table: then there is nothing to remove. */
void message_session_close(struct message_session *s)
{
    if (!s->feed)
        return;
    notices_close(s->feed);
    s->feed = NULL;
    (void)!sessions_remove(s->messages->worker->gateway->sessions, s->mcp.id, s->principal);
}
