/* json_canon.h - one text for all texts that say the same: members in the order of their names,
 * strings escaped in one way, no blanks. Numbers stay as they are written. Pure. */
#ifndef MG_JSON_CANON_H
#define MG_JSON_CANON_H
#include "base/buf.h"
#include "base/json_scan.h"

/* Appends it. value: of text that json_scan() accepted. */
void json_canonical(struct buf *out, struct json_text value);

#endif
