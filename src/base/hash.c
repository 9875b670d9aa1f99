/* SPDX-License-Identifier: MIT */
/*
 * FNV-1a with a final mix. Keys are short (names, ids), so simplicity wins over throughput; tables
 * that use it bound their size, so a chosen collision costs time linear in a bound, not a crash.
 */
#include "base/hash.h"

uint64_t mri_hash(const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
}
