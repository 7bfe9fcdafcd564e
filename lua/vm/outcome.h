/* outcome.h - how a task ended becomes a tool result: what run returned or raised, a kill, a stop.
 * Threads: the vm's. */
#ifndef MG_VM_OUTCOME_H
#define MG_VM_OUTCOME_H
#include <lua.h>

#include "vm/task.h"

/* ---- returned.c ---- */
/* Bytes of a result's JSON: [server] max_result. */
uint64_t outcome_max(const struct task *t);
/* On the main strand, in protected mode: its n results lie on top of the stack. Fills t->result.
 * May raise. */
void outcome_of_return(lua_State *L, struct task *t, int n);
/* What mcp.fail() made, returned or raised. */
bool result_is_fail(lua_State *L, int index);
void result_take_fail(lua_State *L, struct task *t, int index);

/* ---- outcome.c ---- */
void outcome_reset(struct task *t); /* t->result is nothing again */
void outcome_text(struct task *t, enum outcome o, bool is_error, const char *text, size_t len);
/* "internal error (call ID)": the reason is in the log. */
void outcome_internal(struct task *t);
void outcome_log(const struct task *t, const char *msg, const char *error, const char *trace);
/* After the main strand failed: its error value lies on its stack. is_memory: an allocation failed.
 * Never raises. */
void outcome_of_error(struct task *t, struct strand *s, bool is_memory);
/* The last word at the end of a task: a kill or a stop replaces what it returned. */
void outcome_settle(struct task *t);
/* A strand that failed and was never asked for its results: its error goes to the log. */
void outcome_log_strand(struct task *t, struct strand *s);

#endif
