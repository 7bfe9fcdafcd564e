/* reading.h - one declaration while it is read: what the files that read tools, prompts and
 * resources share. Runs in protected mode, on the strand that loads the file. Threads: the vm's. */
#ifndef MG_VM_READING_H
#define MG_VM_READING_H
#include "vm/decl.h"

#define TOOL_NAME_MAX 128

struct reading {
    lua_State *L;
    int mark, table, anchor, granted; /* where on the stack: what mcp.tool made, its table, ... */
    const char *what;                 /* "mcp.tool" */
    const struct vm_options *o;
    struct decl *d;
    struct report *r;
};

/* ---- decl.c ---- */
/* Pushes the field; its type, or LUA_TNIL. Raw: a declaration is data. */
int reading_field(struct reading *x, const char *name);
/* The string at the top stays alive as long as the anchor; pops it. */
const char *reading_anchored(struct reading *x);
/* Of the value at the top. */
void reading_wrong_type(struct reading *x, const char *name, const char *want);
/* The texts and values of fields; those that are not there leave *out as it is. */
void reading_text(struct reading *x, const char *name, const char **out);
void reading_plain(struct reading *x, const char *name, char want, const char **out);
/* A number of seconds or bytes above 0, or a text such as "5s" or "8M", at the top of the stack. */
bool reading_amount(lua_State *L, bool is_time, int64_t *out);
void reading_name(struct reading *x, int max); /* at most max bytes, or NULL and reported */
void reading_names(struct reading *x, const char *const *names); /* no other fields are there */

/* ---- offer.c ---- */
/* Which fields there are, and the name with its kind before it. */
void offer_read_name(struct reading *x);
/* What of a prompt or resource is not as it is with a tool. */
void offer_read(struct reading *x);
/* skill.c: of a skill everything but its name. */
void skill_read(struct reading *x);
/* "mcp.prompt" */
const char *decl_word(enum tool_kind kind);

/* as_task.c: its `task`. */
void reading_task(struct reading *x);

#endif
