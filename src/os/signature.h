/* SPDX-License-Identifier: MIT */
/**
 * Ed25519 signatures, by libcrypto. Keys are PEM files such as openssl writes:
 *
 *   openssl genpkey -algorithm ed25519 -out key.pem
 *   openssl pkey -in key.pem -pubout -out key.pub
 */
#ifndef MRI_OS_SIGNATURE_H
#define MRI_OS_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/err.h"

enum { MRI_SIGNATURE_BYTES = 64, MRI_SIGNATURE_KEY_BYTES_MAX = 16 * 1024 };

/** A key. Opaque: libcrypto's. */
struct mri_signature_key {
    void *state;
};

/**
 * Take a key out of a PEM file's bytes.
 *
 * @param is_private  the key to sign with, else the one to check with
 *
 * Returns  MR_OK; MR_REFUSED there is no Ed25519 key of that kind in it, or it has a passphrase.
 * Owner    mri_signature_key_fini() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signature_key_read(
    const void *pem, size_t count, bool is_private, struct mri_signature_key *ret_key);

/**
 * Sign a message with a private key.
 *
 * Returns  MR_OK; MR_ENOMEM; MR_REFUSED the key is a public one.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signature_make(const struct mri_signature_key *key, const void *message,
    size_t count, uint8_t ret_signature[static MRI_SIGNATURE_BYTES]);

/**
 * Is this the signature of the message by the key's owner?
 *
 * Returns  MR_OK it is; MR_REFUSED it is not; MR_ENOMEM.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_signature_check(const struct mri_signature_key *key, const void *message,
    size_t count, const uint8_t signature[static MRI_SIGNATURE_BYTES]);

/**
 * Free a key. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signature_key_fini(struct mri_signature_key *key);

#endif
