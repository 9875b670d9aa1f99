/* SPDX-License-Identifier: MIT */
/**
 * CRC32C (Castagnoli, polynomial 0x1edc6f41 reflected), as in iSCSI, ext4 and SSE4.2.
 */
#ifndef MRI_BASE_CRC32C_H
#define MRI_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/**
 * Extend a checksum over more bytes; start with 0. crc(ab) == extend(crc(a), b).
 *
 * Returns  the checksum.
 * Threads  any.
 * Cost     about 0.1 ns a byte with the CPU's instruction, 3 ns without.
 * Source   RFC 3720 appendix B.4.
 */
uint32_t mri_crc32c(uint32_t crc, const void *bytes, size_t count);

/**
 * The same by table, for machines without the instruction and to check the other.
 *
 * Returns  the checksum.
 * Threads  any.
 */
uint32_t mri_crc32c_software(uint32_t crc, const void *bytes, size_t count);

#endif
