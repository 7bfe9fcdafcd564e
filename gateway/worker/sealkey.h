/* sealkey.h - the key of what clients carry from one round of a call to the next: made once, kept
 * beside the state in a file that only we can read, so that a restart does not forget it.
 * Threads: the main one, while the state is locked. */
#ifndef MG_SEALKEY_H
#define MG_SEALKEY_H
#include "base/err.h"
#include "base/seal.h"

#define SEALKEY_SUFFIX "-seal" /* of the state file's path */

/* Reads it, or makes it. It is there in any case: 0; or, where it could not be read or kept, the
 * reason, and it is one of this process alone. */
int sealkey_open(const char *state_path, struct seal_key *k, struct err *e) MG_NODISCARD;

#endif
