/* SPDX-License-Identifier: MIT */
/**
 * A 64-bit hash of bytes for tables in memory. Never stored, never ordered by: results do not
 * depend on it.
 */
#ifndef MRI_BASE_HASH_H
#define MRI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * Hash bytes.
 *
 * Returns  a well-mixed 64-bit number, the same on every machine.
 * Threads  any.
 * Source   FNV-1a over 64 bits, finished with the SplitMix64 mixer.
 */
uint64_t mri_hash(const void *bytes, size_t count);

#endif
