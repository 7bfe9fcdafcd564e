/* ownview.h - what no tool may open, as it is at one moment: for listings, which judge a hundred
 * thousand names and open none of them. Whoever opens one of them is judged by ownfiles_allows().
 * Lifetime: needs nothing of the struct ownfiles it was made from. Immutable; any thread. */
#ifndef MG_OWNVIEW_H
#define MG_OWNVIEW_H
#include <sys/types.h>

#include "tools/ownfiles.h"

struct ownview;
struct ownview *ownview_new(const struct ownfiles *o); /* NULL: no memory */
void ownview_free(struct ownview *v);                  /* NULL is legal */

/* path: relative to the root, with room for one byte more behind its len bytes. */
bool ownview_allows(const struct ownview *v, char *path, size_t len, bool is_folder, dev_t dev,
                    ino_t ino);

#endif
