/* table.h - uthash the way it is used here: keys come from outside, so they go through a secret
 * hash, and memory that runs out is an outcome (after an add, elt->hh.tbl is NULL), not the end of
 * the process. */
#ifndef MG_TABLE_H
#define MG_TABLE_H
#include <stdlib.h>

#include "base/hash.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, out) ((out) = (unsigned)hash_key(key, len))
#define uthash_fatal(msg) abort() /* never: out of memory is not fatal */
#include <uthash.h>

#endif
