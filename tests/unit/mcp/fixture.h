/* fixture.h - a server with a few tools, a host that remembers, and tables of what must be
 * answered. Lifetime: one fixture per test, made and freed by it. */
#ifndef MG_TEST_MCP_FIXTURE_H
#define MG_TEST_MCP_FIXTURE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mcp/mcp.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define V24 "2024-11-05"
#define V03 "2025-03-26"
#define V06 "2025-06-18"
#define V11 "2025-11-25"
#define V26 "2026-07-28"
#define NS "io.modelcontextprotocol/"
/* A whole modern envelope, with more members of _meta before its brace closes. */
#define META_AND(more) \
    "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS "clientCapabilities\":{}" more "}"
#define META META_AND("")
/* The same of a client that knows tasks. */
#define META_TASKS                                                          \
    "\"_meta\":{\"" NS "protocolVersion\":\"" V26 "\",\"" NS             \
    "clientCapabilities\":{\"extensions\":{\"" NS "tasks\":{}}}}"
#define TASK_1 "task_1"
#define TASK_MEMBERS "\"taskId\":\"task_1\",\"status\":\"working\""
#define REQUEST(id, method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define BOTH "application/json, text/event-stream"

/* Sessions that the host knows: one for each legacy revision, of the principal `alice`. */
#define SESSION_03 "00000000000000000000000000000003"
#define SESSION_06 "00000000000000000000000000000006"
#define SESSION_11 "00000000000000000000000000000011"

struct fixture {
    struct mcp_host host;
    struct mcp_server server;
    struct toolset *tools;
    const struct principal *caller; /* alice unless a test says otherwise */
    int create_result;              /* what session_create() answers */
    uint8_t asks;                   /* what the sessions' client may be asked */
    int subscribe_result;           /* and session_subscribe() */
    int task_result;                /* below 0: every function of tasks */
    struct seal_key seal;
    uint8_t spent[SEAL_ID_SIZE];    /* the last requestState that came back */
    char log[512];                  /* what the host was told, one word after the other */
};
extern const struct principal *const alice, *const bob; /* bob may not call "secret" */

void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f);

struct probe {
    const char *name;
    const char *body;
    const char *version, *session, *method, *tool, *accept; /* headers; NULL: absent */
    int status, code;        /* code 0: a result, a call, or no body */
    const char *exact;       /* the whole body, or */
    const char *has, *lacks; /* what must, and must not, stand in it */
    const char *runs;        /* the tool that is to be run; NULL: none */
};

/* Sends one probe; the caller frees with mcp_out_fini(). */
void probe_send(struct fixture *f, const struct probe *p, struct mcp_out *out);
/* Fails the test unless this is what the probe wants. */
void probe_compare(const struct probe *p, struct mcp_out *out);
/* Sends each with a fresh fixture and compares. */
void probes_check(const struct probe *p, size_t n);

/* A call of the tool `echo`, made by a client of this revision; with an id of 7 and, when token is
 * not NULL, that progress token. */
struct mcp_call *call_of(struct fixture *f, enum mcp_revision r, const char *token);
/* The buffer's text; fails the test when the buffer failed. */
const char *text_of(struct buf *b);

#endif
