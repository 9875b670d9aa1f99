/* SPDX-License-Identifier: MIT */
/*
 * Digests by libcrypto; signature.c has its signatures. Nothing else knows it.
 */
#include "os/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/check.h"

mr_err mri_digest_init(struct mri_digest *digest)
{
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    if (state == NULL || EVP_DigestInit_ex(state, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(state);
        return MR_ENOMEM;
    }
    digest->state = state;
    return MR_OK;
}

void mri_digest_restart(struct mri_digest *digest)
{
    int is_begun = EVP_DigestInit_ex(digest->state, NULL, NULL);
    MRI_ASSERT(is_begun == 1); /* the algorithm and its memory are there since init */
}

void mri_digest_add(struct mri_digest *digest, const void *bytes, size_t count)
{
    int is_added = EVP_DigestUpdate(digest->state, bytes, count);
    MRI_ASSERT(is_added == 1); /* SHA-256 fails only after it was finished */
}

void mri_digest_bytes(struct mri_digest *digest, uint8_t bytes[static MRI_DIGEST_BYTES])
{
    int is_final = EVP_DigestFinal_ex(digest->state, bytes, NULL);
    MRI_ASSERT(is_final == 1);
}

const char *mri_digest_text(struct mri_digest *digest, char text[static MRI_DIGEST_TEXT_BYTES])
{
    uint8_t bytes[MRI_DIGEST_BYTES];
    mri_digest_bytes(digest, bytes);
    for (int i = 0; i < MRI_DIGEST_BYTES; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return text;
}

void mri_digest_fini(struct mri_digest *digest)
{
    if (digest != NULL) {
        EVP_MD_CTX_free(digest->state);
        digest->state = NULL;
    }
}
