/* SPDX-License-Identifier: MIT */
/*
 * Signatures by libcrypto; digest.c has its digests.
 */
#include "os/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/** A key with a passphrase is refused instead of asking for it on a terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the form of a pem_password_cb */
static int no_passphrase(char *buffer, int bytes, int is_writing, void *context)
{
    (void)buffer;
    (void)bytes;
    (void)is_writing;
    (void)context;
    return -1;
}

mr_err mri_signature_key_read(
    const void *pem, size_t count, bool is_private, struct mri_signature_key *ret_key)
{
    if (count > MRI_SIGNATURE_KEY_BYTES_MAX) {
        return MR_REFUSED;
    }
    BIO *source = BIO_new_mem_buf(pem, (int)count);
    if (source == NULL) {
        return MR_ENOMEM;
    }
    EVP_PKEY *key = is_private ? PEM_read_bio_PrivateKey(source, NULL, no_passphrase, NULL)
                               : PEM_read_bio_PUBKEY(source, NULL, no_passphrase, NULL);
    BIO_free(source);
    ERR_clear_error(); /* the answer says it all */
    if (key == NULL || EVP_PKEY_id(key) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(key);
        return MR_REFUSED;
    }
    ret_key->state = key;
    return MR_OK;
}

mr_err mri_signature_make(const struct mri_signature_key *key, const void *message, size_t count,
    uint8_t ret_signature[static MRI_SIGNATURE_BYTES])
{
    size_t bytes = MRI_SIGNATURE_BYTES;
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    if (state == NULL) {
        return MR_ENOMEM;
    }
    bool is_made = EVP_DigestSignInit(state, NULL, NULL, NULL, key->state) == 1 &&
                   EVP_DigestSign(state, ret_signature, &bytes, message, count) == 1 &&
                   bytes == MRI_SIGNATURE_BYTES;
    EVP_MD_CTX_free(state);
    ERR_clear_error();
    return is_made ? MR_OK : MR_REFUSED;
}

mr_err mri_signature_check(const struct mri_signature_key *key, const void *message, size_t count,
    const uint8_t signature[static MRI_SIGNATURE_BYTES])
{
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    if (state == NULL) {
        return MR_ENOMEM;
    }
    bool is_right = EVP_DigestVerifyInit(state, NULL, NULL, NULL, key->state) == 1 &&
                    EVP_DigestVerify(state, signature, MRI_SIGNATURE_BYTES, message, count) == 1;
    EVP_MD_CTX_free(state);
    ERR_clear_error();
    return is_right ? MR_OK : MR_REFUSED;
}

void mri_signature_key_fini(struct mri_signature_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->state);
        key->state = NULL;
    }
}
