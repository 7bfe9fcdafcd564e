/* principal.h - who is calling, and may they?
 * A keyring is an immutable snapshot with a reference count, made from [auth] and the [key NAME]
 * sections. Keys are held as SHA-256 only, and every lookup compares against all of them in
 * constant time. One function decides for listing and calling alike: principal_may(). Threads: any,
 * once built. */
#ifndef MG_PRINCIPAL_H
#define MG_PRINCIPAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct principal {
    /* "anonymous", the NAME of [key NAME], or "key1", "key2" for the plain list */
    const char *name;
    /* stable hash of the key and the NAME: sessions and streams are bound to it; anonymous is 0,
     * principal_local 1 */
    uint64_t number;
    const char *tools;                    /* globs, comma-separated; NULL = all */
    const char *scopes;                   /* comma-separated, "" when none */
    uint32_t rate_bucket, rate_window_ms; /* 0: [rate_limit] per_key applies */
    int64_t expires_ms;                   /* wall; 0 = never */
};

/* Who starts the gateway, or reaches its socket: may with its tools what the gateway may. No key
 * leads to it, and it is the same one in every keyring. */
extern const struct principal principal_local;

struct key_spec {               /* one configured key; borrowed */
    const char *name;           /* NULL: from the plain list, numbered */
    const char *secret;         /* or */
    const char *sha256_hex;     /* 64 hex digits */
    const char *tools, *scopes; /* comma-separated, NULL = default */
    uint32_t rate_bucket, rate_window_ms;
    int64_t expires_ms;
};

struct keyring;
/* MG_E_INVALID: a key shorter than 8... characters is allowed (operators have them), an empty one
 * or one twice is not. */
struct keyring *keyring_new(const struct key_spec *keys, size_t n, bool allow_anonymous,
                            struct err *e);
struct keyring *keyring_ref(struct keyring *k);
void keyring_unref(struct keyring *k);
bool keyring_is_open(const struct keyring *k); /* no keys at all: everybody is anonymous */

bool keyring_expires(const struct keyring *k); /* some key does: what follows looks at wall_ms */

/* presented NULL: anonymous if open or allow_anonymous, else NULL. A wrong or expired key: NULL.
 * The result lives as long as the keyring. */
const struct principal *keyring_find(const struct keyring *k, const char *presented, size_t len,
                                     int64_t wall_ms);

/* The principal of that name, "anonymous" where nobody needs a key, whether it has expired or not;
 * NULL: there is none. For people at the command line: nobody is admitted by a name. */
const struct principal *keyring_named(const struct keyring *k, const char *name);

/* May it see and use this tool, this prompt ("prompt:NAME"), resource ("resource:NAME") or skill
 * ("skill:NAME")? Whoever may use all tools may use those; others when a glob of their tools names
 * it and begins with that very word and colon: "resource:docs_*". Globs meant for tools, such as
 * "r*", open none. */
bool principal_may(const struct principal *p, const char *name);

/* May it hear of this topic ("job/ID", "jobs", "*", "counter/7")? Whoever may use all tools hears
 * all. Others hear jobs if they may call `status`, canaries if they may call `canary_status`, and
 * of other topics those whose first part is a tool that they may call. */
bool principal_may_hear(const struct principal *p, const char *topic);

/* Is there still a principal of this number, and not expired? Streams outlive reloads: they ask. */
bool keyring_has(const struct keyring *k, uint64_t number, int64_t wall_ms);

/* That principal, whether it has expired or not; NULL: there is none of this number. */
const struct principal *keyring_numbered(const struct keyring *k, uint64_t number);

/* The key inside an Authorization value: "Bearer K" in any case, or the bare key. */
const char *authorization_key(const char *value, size_t *len);

#endif
