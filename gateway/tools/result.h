/* result.h - what a tool call ended with, before any protocol is wrapped around it. */
#ifndef MG_RESULT_H
#define MG_RESULT_H
#include <stdbool.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "tools/ask.h"

struct tool_result {
    enum outcome outcome;
    bool is_error;
    bool is_internal; /* the error is no answer of the tool's: what is wrong is in the log alone */
    bool is_text;     /* content is one text block, by tool_result_text() */
    struct buf content;     /* JSON text of the content array: "[...]"; always there */
    struct buf structured;  /* JSON text of structuredContent; empty: none */
    struct buf meta;        /* JSON text of _meta, an object; empty: none */
    struct tool_asks *asks; /* of OUT_INPUT_REQUIRED, owned; else NULL */
    bool cannot_ask;        /* it failed because its client cannot be asked something */
};

static inline void tool_result_fini(struct tool_result *r)
{
    buf_fini(&r->content);
    buf_fini(&r->structured);
    buf_fini(&r->meta);
    tool_asks_free(r->asks);
    r->asks = NULL;
}

/* content = one text block; is_error set as given. */
void tool_result_text(struct tool_result *r, enum outcome o, bool is_error, const char *text,
                      size_t len);

#endif
