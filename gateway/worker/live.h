/* live.h - a call through the gateway that runs on the same configuration: the way to its state
 * while it holds that. The key comes from the configuration, never from the command line. Threads:
 * the main one; waits. */
#ifndef MG_LIVE_H
#define MG_LIVE_H
#include "base/buf.h"
#include "base/err.h"
#include "worker/rounds.h"
#include "worker/standalone.h"

struct live_call { /* borrowed */
    const struct tool *tool;
    const char *args; /* a JSON object */
    size_t len;
    const char *as; /* the key's name; NULL: the first that may */
};

struct live {
    const struct live_call *call;
    char url[512];
    struct buf key;  /* a header; empty: none is needed */
    struct buf task; /* the id of what the call has become; empty: it is a call */
    bool is_asked;   /* which waits for an answer */
};

/* Says on standard error where it goes and as whom. MG_E_DENIED: no key that may call the tool
 * stands in the configuration in the clear. */
int live_open(struct live *l, const struct standalone *site, const struct live_call *call,
              struct err *e) MG_NODISCARD;
/* One round of it; of a task, until that asks something or has ended. Appends the answer, one
 * JSON-RPC message, to reply. */
int live_send(struct live *l, const struct rounds *rounds, struct buf *reply,
              struct err *e) MG_NODISCARD;
/* Also when it was not opened. A task whose question was not answered is cancelled. */
void live_close(struct live *l);

#endif
