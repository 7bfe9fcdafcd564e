/* text.h - short texts out of headers and JSON strings, without allocation. Private to mcp.
 * Pure. */
#ifndef MG_MCP_TEXT_H
#define MG_MCP_TEXT_H
#include <stdbool.h>
#include <stddef.h>

#include "base/json_scan.h"

struct span { /* borrowed; p NULL: absent */
    const char *p;
    size_t len;
};

/* A header's value without the optional whitespace around it. NULL stays absent. */
struct span span_trim(const char *header);
bool span_is(struct span s, const char *text);
/* Is the JSON string, decoded, this span? */
bool span_eq_json(struct span s, struct json_text string);

bool text_is(struct json_text string, const char *text);
/* Decodes a JSON string into out and ends it with a NUL. False when it did not fit: then out holds
 * a beginning of whole UTF-8 sequences. */
bool text_cut(struct json_text string, char *out, size_t size);
/* null says what leaving a member out says, wherever a member is optional. */
bool text_is_absent(struct json_text t);

#endif
