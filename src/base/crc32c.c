/* SPDX-License-Identifier: MIT */
/*
 * CRC32C twice: by the CPU's instruction where there is one, and by a table of 16 words.
 * The hardware form is chosen by asking the CPU on each call (one predicted branch): no global
 * state, no start-up order.
 */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

/* The checksum of each half byte. */
static const uint32_t nibble_table[16] = {
    0x00000000u,
    0x105ec76fu,
    0x20bd8edeu,
    0x30e349b1u,
    0x417b1dbcu,
    0x5125dad3u,
    0x61c69362u,
    0x7198540du,
    0x82f63b78u,
    0x92a8fc17u,
    0xa24bb5a6u,
    0xb21572c9u,
    0xc38d26c4u,
    0xd3d3e1abu,
    0xe330a81au,
    0xf36e6f75u,
};

uint32_t mri_crc32c_software(uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= at[i];
        crc = (crc >> 4) ^ nibble_table[crc & 15u];
        crc = (crc >> 4) ^ nibble_table[crc & 15u];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    uint64_t wide = ~crc;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    uint32_t narrow = (uint32_t)wide;
    for (; count > 0; count--, at++) {
        narrow = __builtin_ia32_crc32qi(narrow, *at);
    }
    return ~narrow;
}
#endif

uint32_t mri_crc32c(uint32_t crc, const void *bytes, size_t count)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse42(crc, bytes, count);
    }
#endif
    return mri_crc32c_software(crc, bytes, count);
}
