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

/* One round of it. Appends the answer, one JSON-RPC message, to reply. Says on standard error where
 * it goes and as whom. MG_E_DENIED: no key that may call the tool stands in the configuration in
 * the clear. */
int live_send(const struct standalone *site, const struct live_call *call,
              const struct rounds *rounds, struct buf *reply, struct err *e) MG_NODISCARD;

#endif
