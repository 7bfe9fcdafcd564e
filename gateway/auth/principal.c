#include "auth/principal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/parse.h"

struct key {
    struct principal who; /* its strings are the key's own */
    uint8_t digest[SHA256_SIZE];
    char *secret; /* NULL: only the digest is known */
    size_t secret_len;
    uint64_t secret_hash; /* hash_key() */
};

const struct principal principal_local = { .name = "stdio", .number = 1, .scopes = "" };

struct keyring {
    atomic_uint refs;
    bool allow_anonymous;
    bool has_expiry;
    bool has_digests; /* of keys that are not known in the clear */
    struct principal anonymous;
    size_t count;
    struct key keys[];
};

static void keyring_free(struct keyring *k)
{
    for (size_t i = 0; i < k->count; i++) {
        struct principal *p = &k->keys[i].who;
        free((void *)p->name);
        free((void *)p->scopes);
        free((void *)p->tools);
        explicit_bzero(k->keys[i].digest, SHA256_SIZE);
        if (k->keys[i].secret)
            explicit_bzero(k->keys[i].secret, k->keys[i].secret_len);
        free(k->keys[i].secret);
    }
    free(k);
}

/* The SHA-256 of the key: computed, or as it was given. */
static int digest_make(const struct key_spec *spec, const char *name, uint8_t out[SHA256_SIZE],
                       struct err *e)
{
    struct buf raw = { .max = SHA256_SIZE };

    if (!spec->secret == !spec->sha256_hex)
        return err_set(e, MG_E_INVALID, "key %s: give secret or sha256, and one of them only",
                       name);
    if (spec->secret) {
        if (!*spec->secret)
            return err_set(e, MG_E_INVALID, "key %s: the secret is empty", name);
        hash_sha256(spec->secret, strlen(spec->secret), out);
        return 0;
    }
    int rc = strlen(spec->sha256_hex) == 2 * SHA256_SIZE ? 0 : MG_E_INVALID;
    if (rc == 0)
        rc = hex_decode(&raw, spec->sha256_hex, 2 * SHA256_SIZE);
    if (rc == 0)
        memcpy(out, raw.data, SHA256_SIZE);
    else
        rc = err_set(e, rc, "key %s: sha256 is not 64 hex digits", name);
    buf_fini(&raw);
    return rc;
}

/* MG_E_NOMEM. */
static int secret_keep(struct key *key, const char *secret)
{
    if (!secret)
        return 0;
    key->secret = strdup(secret);
    if (!key->secret)
        return MG_E_NOMEM;
    key->secret_len = strlen(secret);
    key->secret_hash = hash_key(secret, key->secret_len);
    return 0;
}

/* Stable over restarts and reloads, so that sessions survive them; the name of a key of the plain
 * list, which is its place there, does not count. 0 is anonymous, 1 is local, and nobody else. */
static int number_make(const struct key *key, const char *name, uint64_t *out)
{
    uint8_t digest[SHA256_SIZE];
    struct buf text = { 0 };

    buf_str(&text, name ? name : "");
    buf_append(&text, key->digest, SHA256_SIZE);
    if (!buf_ok(&text)) {
        buf_fini(&text);
        return MG_E_NOMEM;
    }
    hash_sha256(text.data, text.len, digest);
    buf_fini(&text);
    *out = 0;
    for (int i = 0; i < 8; i++)
        *out = *out << 8 | digest[i];
    if (*out <= principal_local.number)
        *out += principal_local.number + 1;
    return 0;
}

/* Fills key number k->count, which keyring_free() frees only once it is counted, so it counts
 * first. */
static int key_add(struct keyring *k, const struct key_spec *spec, unsigned unnamed, struct err *e)
{
    struct key *key = &k->keys[k->count++];
    char number[32];
    int rc;

    snprintf(number, sizeof number, "key%u", unnamed);
    key->who.name = strdup(spec->name ? spec->name : number);
    key->who.scopes = strdup(spec->scopes ? spec->scopes : "");
    if (spec->tools)
        key->who.tools = strdup(spec->tools);
    if (!key->who.name || !key->who.scopes || (spec->tools && !key->who.tools))
        return err_set(e, MG_E_NOMEM, "keys: out of memory");
    key->who.rate_bucket = spec->rate_bucket;
    key->who.rate_window_ms = spec->rate_window_ms;
    key->who.expires_ms = spec->expires_ms;
    rc = digest_make(spec, key->who.name, key->digest, e);
    if (rc < 0)
        return rc;
    for (const struct key *other = k->keys; other < key; other++)
        if (hash_equal(other->digest, key->digest, SHA256_SIZE))
            return err_set(e, MG_E_INVALID, "key %s: the same key as %s", key->who.name,
                           other->who.name);
    k->has_digests |= !spec->secret;
    k->has_expiry |= spec->expires_ms != 0;
    if (secret_keep(key, spec->secret) < 0 || number_make(key, spec->name, &key->who.number) < 0)
        return err_set(e, MG_E_NOMEM, "keys: out of memory");
    return 0;
}

struct keyring *keyring_new(const struct key_spec *keys, size_t n, bool allow_anonymous,
                            struct err *e)
{
    struct keyring *k = calloc(1, sizeof *k + n * sizeof k->keys[0]);
    unsigned unnamed = 0;

    if (!k) {
        err_set(e, MG_E_NOMEM, "keys: out of memory");
        return NULL;
    }
    atomic_init(&k->refs, 1);
    k->allow_anonymous = allow_anonymous;
    k->anonymous = (struct principal){ .name = "anonymous", .scopes = "" };
    for (size_t i = 0; i < n; i++) {
        unnamed += keys[i].name == NULL;
        if (key_add(k, &keys[i], unnamed, e) < 0) {
            keyring_free(k);
            return NULL;
        }
    }
    return k;
}

struct keyring *keyring_ref(struct keyring *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void keyring_unref(struct keyring *k)
{
    if (k && atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) == 1)
        keyring_free(k);
}

bool keyring_expires(const struct keyring *k) { return k->has_expiry; }

bool keyring_is_open(const struct keyring *k) { return k->count == 0; }

/* A SHA-256 for every call was a sixth of its instructions. The hash, keyed with what nobody
 * outside knows, names the one key that it can be; comparing that one in constant time decides. How
 * long this takes tells whether a hash of 64 bits fits, and nothing about a key that does not. */
static const struct principal *find_secret(const struct keyring *k, const char *presented,
                                           size_t len)
{
    uint64_t hash = hash_key(presented, len);
    const struct key *key = NULL;

    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].secret && k->keys[i].secret_hash == hash)
            key = &k->keys[i];
    return key && key->secret_len == len && hash_equal(presented, key->secret, len) ? &key->who
                                                                                    : NULL;
}

static const struct principal *find_digest(const struct keyring *k, const char *presented,
                                           size_t len)
{
    const struct principal *found = NULL;
    uint8_t digest[SHA256_SIZE];

    hash_sha256(presented, len, digest);
    /* All of them, always: how long it takes tells nothing about which one was close. */
    for (size_t i = 0; i < k->count; i++)
        if (hash_equal(digest, k->keys[i].digest, SHA256_SIZE))
            found = &k->keys[i].who;
    explicit_bzero(digest, sizeof digest);
    return found;
}

const struct principal *keyring_find(const struct keyring *k, const char *presented, size_t len,
                                     int64_t wall_ms)
{
    if (keyring_is_open(k) || (!presented && k->allow_anonymous))
        return &k->anonymous;
    if (!presented)
        return NULL;
    const struct principal *found = find_secret(k, presented, len);
    if (!found && k->has_digests)
        found = find_digest(k, presented, len);
    if (found && found->expires_ms != 0 && wall_ms >= found->expires_ms)
        return NULL;
    return found;
}

const struct principal *keyring_named(const struct keyring *k, const char *name)
{
    if ((keyring_is_open(k) || k->allow_anonymous) && strcmp(name, k->anonymous.name) == 0)
        return &k->anonymous;
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->keys[i].who.name, name) == 0)
            return &k->keys[i].who;
    return NULL;
}

/* Of what is no tool: a glob opens it that begins with its very kind, "prompt:" say. */
static bool globs_allow_offer(const char *globs, const char *name)
{
    char glob[256];
    size_t len, kind = strcspn(name, ":") + 1;
    const char *item;

    while ((item = list_next(&globs, &len)) != NULL) {
        if (len == 1 && *item == '*')
            return true;
        if (len <= kind || len >= sizeof glob || memcmp(item, name, kind) != 0)
            continue;
        memcpy(glob, item, len);
        glob[len] = '\0';
        if (glob_match(glob, name, strlen(name)))
            return true;
    }
    return false;
}

bool principal_may(const struct principal *p, const char *name)
{
    if (!p->tools)
        return true;
    return strchr(name, ':') ? globs_allow_offer(p->tools, name) : globs_allow(p->tools, name);
}

static bool topic_is(const char *topic, size_t len, const char *one, const char *all)
{
    return (strlen(one) == len && memcmp(topic, one, len) == 0) || strcmp(topic, all) == 0;
}

bool principal_may_hear(const struct principal *p, const char *topic)
{
    char tool[129];
    size_t len = strcspn(topic, "/");

    if (!p->tools)
        return true;
    if (topic_is(topic, len, "job", "jobs"))
        return principal_may(p, "status");
    if (topic_is(topic, len, "canary", "canaries"))
        return principal_may(p, "canary_status");
    if (len >= sizeof tool || strchr(topic, '*'))
        return false;
    memcpy(tool, topic, len);
    tool[len] = '\0';
    return principal_may(p, tool);
}

const struct principal *keyring_numbered(const struct keyring *k, uint64_t number)
{
    if (number == k->anonymous.number)
        return keyring_is_open(k) || k->allow_anonymous ? &k->anonymous : NULL;
    if (number == principal_local.number)
        return &principal_local;
    for (size_t i = 0; i < k->count; i++)
        if (k->keys[i].who.number == number)
            return &k->keys[i].who;
    return NULL;
}

bool keyring_has(const struct keyring *k, uint64_t number, int64_t wall_ms)
{
    if (number == k->anonymous.number)
        return keyring_is_open(k) || k->allow_anonymous;
    if (number == principal_local.number)
        return true;
    for (size_t i = 0; i < k->count; i++) {
        const struct principal *p = &k->keys[i].who;
        if (p->number == number)
            return p->expires_ms == 0 || wall_ms < p->expires_ms;
    }
    return false;
}

const char *authorization_key(const char *value, size_t *len)
{
    *len = 0;
    if (!value)
        return NULL;
    value += strspn(value, " \t");
    if (strncasecmp(value, "Bearer", 6) == 0 && (value[6] == ' ' || value[6] == '\t'))
        value += 6 + strspn(value + 6, " \t");
    *len = strlen(value);
    while (*len > 0 && (value[*len - 1] == ' ' || value[*len - 1] == '\t'))
        (*len)--;
    return value;
}
