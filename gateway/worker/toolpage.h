/* toolpage.h - docs/tools.md: what the tools of a generation declare and are granted, as a page.
 * Threads: any; generations are immutable but for their policies, which no tool may be loading. */
#ifndef MG_TOOLPAGE_H
#define MG_TOOLPAGE_H
#include "base/buf.h"
#include "worker/serving.h"

/* Markdown, the tools in wire order. The same tools and grants give the same bytes. */
void toolpage_write(const struct generation *g, struct buf *out);

#endif
