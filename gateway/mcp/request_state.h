/* request_state.h - requestState: what a call that waits for its client's answers was told and
 * keeps, sealed, so that no round of it needs memory here. Bound to who calls, to the method, to
 * what is called and with which arguments, and to a time. Private to mcp.
 * Lifetime and threads: as mcp_handle(). */
#ifndef MG_REQUEST_STATE_H
#define MG_REQUEST_STATE_H
#include "mcp/mcp.h"

/* Appends the text. memory: JSON. */
void request_state_write(const struct mcp_server *s, const struct mcp_call *c,
                         const struct buf *memory, struct buf *out);
struct request_state {
    struct buf memory;        /* what request_state_write() was given */
    uint8_t id[SEAL_ID_SIZE]; /* for mcp_host.spend */
    int64_t expires_ms;       /* 0: there is no state */
};
/* text: the JSON string that came. *out is {0}; its memory is the caller's, whatever is returned.
 * 0, or MG_E_INVALID with what the caller is told, or MG_E_NOMEM. */
int request_state_read(const struct mcp_server *s, const struct mcp_call *c, struct json_text text,
                       struct request_state *out, struct err *e) MG_NODISCARD;
/* Marks it as used; once all else is right. MG_E_INVALID: it was already. */
int request_state_spend(const struct mcp_server *s, const struct request_state *state,
                        struct err *e) MG_NODISCARD;

#endif
