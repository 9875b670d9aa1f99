/* SPDX-License-Identifier: MIT */
/*
 * The window of acks above a cursor.
 *
 * Invariants
 *  1. Bit 0 is clear: the cursor is the lowest seq that is not acked, so it is never past one.
 *  2. Bits are shifted with the cursor; what is shifted in is clear.
 */
#include "log/consume/consumer_window.h"

#include <string.h>

/** Drop the lowest `count` bits, at most all. */
static void shift(struct mri_consumer_window *window, uint64_t count)
{
    uint64_t words = count / 64;
    unsigned rest = (unsigned)(count % 64);
    for (uint64_t i = 0; i < MRI_CONSUMER_WINDOW_WORDS; i++) {
        uint64_t low = i + words < MRI_CONSUMER_WINDOW_WORDS ? window->bits[i + words] : 0;
        uint64_t high = i + words + 1 < MRI_CONSUMER_WINDOW_WORDS ? window->bits[i + words + 1] : 0;
        window->bits[i] = rest == 0 ? low : low >> rest | high << (64 - rest);
    }
    window->next += count;
}

/** Move over what is acked at the cursor. */
static void settle(struct mri_consumer_window *window)
{
    while ((window->bits[0] & 1) != 0) {
        uint64_t clear = ~window->bits[0];
        shift(window, clear == 0 ? 64 : (uint64_t)__builtin_ctzll(clear));
    }
}

bool mri_consumer_window_add(struct mri_consumer_window *window, uint64_t seq)
{
    uint64_t at = seq - window->next;
    if (seq < window->next) {
        return true;
    }
    if (at >= MRI_CONSUMER_WINDOW_SEQS) {
        return false;
    }
    window->bits[at / 64] |= (uint64_t)1 << (at % 64);
    settle(window);
    return true;
}

void mri_consumer_window_skip(struct mri_consumer_window *window, uint64_t next)
{
    if (next <= window->next) {
        return;
    }
    uint64_t count = next - window->next;
    if (count < MRI_CONSUMER_WINDOW_SEQS) {
        shift(window, count);
    } else {
        memset(window->bits, 0, sizeof(window->bits));
        window->next = next;
    }
    settle(window);
}

void mri_consumer_window_cut(struct mri_consumer_window *window, uint64_t seq)
{
    if (seq <= window->next) {
        memset(window->bits, 0, sizeof(window->bits));
        window->next = seq;
        return;
    }
    for (uint64_t at = seq - window->next; at < MRI_CONSUMER_WINDOW_SEQS; at++) {
        window->bits[at / 64] &= ~((uint64_t)1 << (at % 64));
    }
}

unsigned mri_consumer_window_count(const struct mri_consumer_window *window)
{
    unsigned count = 0;
    for (int i = 0; i < MRI_CONSUMER_WINDOW_WORDS; i++) {
        count += (unsigned)__builtin_popcountll(window->bits[i]);
    }
    return count;
}
