/* manual.h - what people read of the key table: a commented ini file, and docs/config.md.
 * Pure; any thread. */
#ifndef MG_CONFIG_MANUAL_H
#define MG_CONFIG_MANUAL_H
#include "base/buf.h"

/* Every key with its help and, commented out, its default: what the shipped mcp.ini begins with. */
void manual_ini(struct buf *out);
/* docs/config.md */
void manual_markdown(struct buf *out);

#endif
