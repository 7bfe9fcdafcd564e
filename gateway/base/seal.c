#include "base/seal.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "base/hash.h"
#include "base/rand.h"

#define TAG_SIZE 16

void seal_key_make(struct seal_key *k) { rand_bytes(k->secret, sizeof k->secret); }

/* The cipher under the text's own key. NULL: no memory. */
static gnutls_aead_cipher_hd_t cipher_for(const struct seal_key *k, const uint8_t id[SEAL_ID_SIZE])
{
    uint8_t own[SHA256_SIZE];
    gnutls_aead_cipher_hd_t cipher = NULL;
    hash_hmac_sha256(k->secret, sizeof k->secret, id, SEAL_ID_SIZE, own);
    gnutls_datum_t key = { own, sizeof own };
    int rc = gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM, &key);
    gnutls_memset(own, 0, sizeof own);
    return rc == 0 ? cipher : NULL;
}

/* Used once with each key. */
static const uint8_t nonce[12];

void seal_write(const struct seal_key *k, const void *data, size_t len, struct buf *out)
{
    uint8_t id[SEAL_ID_SIZE];
    struct buf whole = { 0 };
    size_t sealed = len + TAG_SIZE;
    rand_bytes(id, sizeof id);
    buf_append(&whole, id, sizeof id);
    buf_reserve(&whole, sealed);
    gnutls_aead_cipher_hd_t cipher = buf_ok(&whole) ? cipher_for(k, id) : NULL;
    if (cipher && gnutls_aead_cipher_encrypt(cipher, nonce, sizeof nonce, NULL, 0, TAG_SIZE, data,
                                             len, whole.data + whole.len, &sealed) == 0)
        base64_encode(out, whole.data, whole.len + sealed, true);
    else
        out->failed = true;
    if (cipher)
        gnutls_aead_cipher_deinit(cipher);
    buf_fini(&whole);
}

static int open_whole(const struct seal_key *k, const struct buf *whole, struct buf *out)
{
    size_t len = whole->len - SEAL_ID_SIZE - TAG_SIZE;
    buf_reserve(out, len + 1);
    gnutls_aead_cipher_hd_t cipher =
        buf_ok(out) ? cipher_for(k, (const uint8_t *)whole->data) : NULL;
    if (!cipher)
        return MG_E_NOMEM;
    int rc = gnutls_aead_cipher_decrypt(cipher, nonce, sizeof nonce, NULL, 0, TAG_SIZE,
                                        whole->data + SEAL_ID_SIZE, whole->len - SEAL_ID_SIZE,
                                        out->data + out->len, &len);
    gnutls_aead_cipher_deinit(cipher);
    if (rc != 0)
        return MG_E_INVALID;
    out->len += len;
    return 0;
}

int seal_read(const struct seal_key *k, const char *text, size_t len, struct buf *out,
              uint8_t id[SEAL_ID_SIZE])
{
    struct buf whole = { 0 };
    int code = base64_decode(&whole, text, len, true);
    if (code == 0 && whole.len < SEAL_ID_SIZE + TAG_SIZE)
        code = MG_E_INVALID;
    if (code == 0) {
        memcpy(id, whole.data, SEAL_ID_SIZE);
        code = open_whole(k, &whole, out);
    }
    buf_fini(&whole);
    return code;
}
