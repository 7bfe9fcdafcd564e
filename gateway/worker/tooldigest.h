/* tooldigest.h - did anything change that the tools are built from? */
#ifndef MG_TOOLDIGEST_H
#define MG_TOOLDIGEST_H
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "vm/sources.h"

/* SHA-256 over names and contents of the files that were read of [paths] tools (NULL: the folder
 * could not be), and over the sections of the configuration that reach tools: [paths] [tools] [tool
 * ...] [evals] [eval ...] [gates], with the values of secrets. */
int tool_digest(const struct config *c, const struct sources *sources, uint8_t out[32],
                struct err *e) MG_NODISCARD;

#endif
