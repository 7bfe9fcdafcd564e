/* ask_answer.h - is what a client answered an answer to what it was asked?
 * Threads: any; nothing is kept. */
#ifndef MG_ASK_ANSWER_H
#define MG_ASK_ANSWER_H
#include "base/err.h"
#include "tools/ask.h"

/* answer: validated JSON of any kind. 0; MG_E_INVALID: its shape is not that of the method's
 * result, or the form's content does not fit requestedSchema; MG_E_NOMEM. */
int answer_check(const struct tool_question *q, struct json_text answer) MG_NODISCARD;

#endif
