/* lualib.h - the runtime library in Lua (lua/lib), embedded in the binary at build time. Names are
 * paths below lua/lib, such as "mcp/init.lua". */
#ifndef MG_LUALIB_H
#define MG_LUALIB_H
#include "base/embed.h"

extern const struct embedded lualib_files[];

#endif
