/* message.h - one JSON-RPC message, read as extents of its text. Private to mcp.
 * The members that the protocol looks at, of the message, params and params._meta, were noted when
 * the text was scanned. A name belongs in these lists once some method reads it.
 * Lifetime: as long as the text. Pure. */
#ifndef MG_MCP_MESSAGE_H
#define MG_MCP_MESSAGE_H
#include "base/json_scan.h"

/* An id or a progress token is repeated in all that is sent about a call, and keys tables. */
#define MESSAGE_ID_MAX 256

enum message_kind { MESSAGE_BAD, MESSAGE_REQUEST, MESSAGE_NOTIFICATION, MESSAGE_RESPONSE };

enum message_param {
    PARAM_META,
    PARAM_NAME,
    PARAM_ARGUMENTS,
    PARAM_CURSOR,
    PARAM_URI,
    PARAM_TASK_ID,
    PARAM_PROTOCOL_VERSION,
    PARAM_CLIENT_INFO,
    PARAM_REQUEST_ID,
    PARAM_LEVEL,
    PARAM_NOTIFICATIONS,
    PARAM_CAPABILITIES,
    PARAM_INPUT_RESPONSES,
    PARAM_REQUEST_STATE,
    PARAM_COUNT
};

enum message_meta {
    META_PROTOCOL_VERSION,
    META_CAPABILITIES,
    META_CLIENT_INFO,
    META_LOG_LEVEL,
    META_PROGRESS_TOKEN,
    META_COUNT
};
#define META_PREFIX "io.modelcontextprotocol/"

struct message {
    enum message_kind kind;
    const char *fault;              /* MESSAGE_BAD: what is wrong, for people; else NULL */
    struct json_text id;            /* JSON_NONE: there is none, or none that can be used */
    struct json_text result, error; /* of a response */
    struct json_text method;        /* a string, or JSON_NONE */
    struct json_text params[PARAM_COUNT];
    struct json_text meta[META_COUNT]; /* all JSON_NONE when _meta is no object */
};

void message_read(struct message *m, const struct json_outline *text);
/* The full name of a member of _meta. */
const char *message_meta_name(enum message_meta member);
/* Name and version out of a clientInfo, cut to fit: for the log and for tools, never for a
 * decision. What is missing or no string leaves its text as it is. */
void message_client_info(struct json_text info, char name[static 64], char version[static 32]);

#endif
