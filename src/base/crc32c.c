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
/** The last bytes, fewer than eight. */
__attribute__((target("sse4.2"))) static inline uint32_t finish(
    uint32_t crc, const uint8_t *at, size_t count)
{
    if (count >= 4) {
        uint32_t word;
        memcpy(&word, at, sizeof(word));
        crc = __builtin_ia32_crc32si(crc, word);
        at += 4;
        count -= 4;
    }
    for (; count > 0; count--, at++) {
        crc = __builtin_ia32_crc32qi(crc, *at);
    }
    return ~crc;
}

/*
 * The instruction gives one result a cycle and takes three for each: so three stretches of 64 bytes
 * are taken side by side, and put together by multiplying with x^(8 n - 33) mod P (n = 128, 64
 * bytes follow), which the instruction itself reduces. Source: V. Gopal and others, "Fast CRC
 * computation for iSCSI polynomial using CRC32 instruction", Intel 2011.
 */
enum { STRETCH_BYTES = 64, STRETCHES = 3 };

#define X_64_BYTES  0x9e4addf8u
#define X_128_BYTES 0xd3b6092u

typedef long long mri_two_words __attribute__((vector_size(16)));

__attribute__((target("sse4.2,pclmul"))) static uint64_t shifted(uint64_t crc, uint32_t factor)
{
    const mri_two_words product = __builtin_ia32_pclmulqdq128(
        (mri_two_words){(long long)crc, 0}, (mri_two_words){factor, 0}, 0);
    return (uint64_t)product[0];
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc32c_three(
    uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    uint64_t wide = ~crc;
    for (; count >= STRETCHES * STRETCH_BYTES; count -= STRETCHES * STRETCH_BYTES) {
        uint64_t second = 0;
        uint64_t third = 0;
        for (size_t i = 0; i < STRETCH_BYTES; i += 8, at += 8) {
            uint64_t words[STRETCHES];
            memcpy(&words[0], at, 8);
            memcpy(&words[1], at + STRETCH_BYTES, 8);
            memcpy(&words[2], at + (size_t)2 * STRETCH_BYTES, 8);
            wide = __builtin_ia32_crc32di(wide, words[0]);
            second = __builtin_ia32_crc32di(second, words[1]);
            third = __builtin_ia32_crc32di(third, words[2]);
        }
        wide = __builtin_ia32_crc32di(0, shifted(wide, X_128_BYTES) ^ shifted(second, X_64_BYTES)) ^
               third;
        at += (size_t)(STRETCHES - 1) * STRETCH_BYTES;
    }
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    return finish((uint32_t)wide, at, count);
}

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
    return finish((uint32_t)wide, at, count);
}
#endif

uint32_t mri_crc32c(uint32_t crc, const void *bytes, size_t count)
{
#if defined(__x86_64__)
    if (count >= STRETCHES * STRETCH_BYTES && __builtin_cpu_supports("pclmul") &&
        __builtin_cpu_supports("sse4.2")) {
        return crc32c_three(crc, bytes, count);
    }
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_sse42(crc, bytes, count);
    }
#endif
    return mri_crc32c_software(crc, bytes, count);
}
