/* form.h - the forms of elicitation in the terms of 2025-06-18, whose clients know texts, numbers,
 * booleans and a choice of one by enum and enumNames, and nothing newer. Private to mcp. Pure. */
#ifndef MG_MCP_FORM_H
#define MG_MCP_FORM_H
#include "base/buf.h"
#include "base/json_scan.h"

/* Can the form be said so? A choice of several cannot. schema may be JSON_NONE. */
bool form_is_primitive(struct json_text schema);
/* Writes it: a choice by oneOf becomes enum and enumNames, all else stands as it is. */
void form_encode_primitive(struct json_text schema, struct buf *out);

#endif
