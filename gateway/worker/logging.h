/* logging.h - [log] of mcp.ini, applied.   Threads: the main one. */
#ifndef MG_LOGGING_H
#define MG_LOGGING_H
#include "base/err.h"
#include "config/config.h"

int logging_start(const struct config *c, struct err *e) MG_NODISCARD;
/* reload: opens the file anew */
int logging_configure(const struct config *c, struct err *e) MG_NODISCARD;

#endif
