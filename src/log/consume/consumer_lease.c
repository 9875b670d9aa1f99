/* SPDX-License-Identifier: MIT */
/*
 * The volatile half of a consumer's file.
 *
 *   8192                              40960
 *   | lease | lease | ... 1024 of them | mark | zeros
 *
 * Invariants
 *  1. A lease counts only when its checksum is right, which begins with the id of this run of the
 *     machine: after a restart none is, without anybody clearing them.
 *  2. A lease is of the seq it names. One that was left behind by the window is of no other seq, so
 *     nothing has to be cleared when an event is acked: the window says so.
 *  3. What a record of the log acked goes into the slot only when that record is known to be
 *     durable. Until then it is here: a power cut that takes the record takes this, too.
 *
 * Not here: files and locks (consumer_file.c).
 */
#include "log/consume/consumer_lease.h"

#include <string.h>

#include "base/crc32c.h"

enum { OWNERS_MAX = MR_CONSUMER_HANDLES_MAX };

uint32_t mri_consumer_lease_seed(
    const uint8_t boot[MRI_BOOT_ID_BYTES], const uint8_t id[MRI_CONSUMER_ID_BYTES])
{
    return mri_crc32c(mri_crc32c(0, boot, MRI_BOOT_ID_BYTES), id, MRI_CONSUMER_ID_BYTES);
}

void mri_consumer_lease_seal(struct mri_consumer_lease *lease, uint32_t seed)
{
    lease->crc = mri_crc32c(seed, lease, offsetof(struct mri_consumer_lease, crc));
}

void mri_consumer_lease_seal_mark(struct mri_consumer_mark *mark, uint32_t seed)
{
    mark->crc = mri_crc32c(seed, mark, offsetof(struct mri_consumer_mark, crc));
}

static bool is_empty(const struct mri_consumer_lease *lease)
{
    static const struct mri_consumer_lease empty = {0};
    return memcmp(lease, &empty, sizeof(empty)) == 0;
}

static bool is_good(const struct mri_consumer_lease *lease, size_t index, uint32_t seed)
{
    return lease->crc == mri_crc32c(seed, lease, offsetof(struct mri_consumer_lease, crc)) &&
           lease->seq % MRI_CONSUMER_WINDOW_SEQS == index && lease->seq <= INT64_MAX &&
           lease->owner < OWNERS_MAX && lease->state >= MRI_CONSUMER_LEASED &&
           lease->state <= MRI_CONSUMER_SETTLED &&
           (lease->state != MRI_CONSUMER_SETTLED || lease->until_ns > 0);
}

bool mri_consumer_lease_clean(struct mri_consumer_leases *leases, uint32_t seed)
{
    bool is_hurt = false;
    for (size_t i = 0; i < MRI_CONSUMER_WINDOW_SEQS; i++) {
        struct mri_consumer_lease *lease = &leases->items[i];
        if (!is_empty(lease) && !is_good(lease, i, seed)) {
            *lease = (struct mri_consumer_lease){0};
            is_hurt = true;
        }
    }
    struct mri_consumer_mark *mark = &leases->mark;
    bool is_mark_good =
        mark->crc == mri_crc32c(seed, mark, offsetof(struct mri_consumer_mark, crc)) &&
        mark->scanned_seq <= INT64_MAX;
    if (!is_mark_good || is_hurt) {
        *mark = (struct mri_consumer_mark){
            .is_appending = 1, .synced_generation = is_mark_good ? mark->synced_generation : 0};
        mri_consumer_lease_seal_mark(mark, seed);
    }
    return !is_mark_good || is_hurt;
}

struct mri_consumer_lease *mri_consumer_lease_find(struct mri_consumer_leases *leases, uint64_t seq)
{
    struct mri_consumer_lease *lease = &leases->items[seq % MRI_CONSUMER_WINDOW_SEQS];
    return lease->state != MRI_CONSUMER_FREE && lease->seq == seq ? lease : NULL;
}

/** Owners that were asked about in one walk. */
struct asked {
    uint64_t known[OWNERS_MAX / 64];
    uint64_t alive[OWNERS_MAX / 64];
};

static bool is_alive(struct asked *asked, const struct mri_consumer_census *census, uint16_t owner)
{
    uint64_t bit = (uint64_t)1 << (owner % 64);
    if ((asked->known[owner / 64] & bit) == 0) {
        asked->known[owner / 64] |= bit;
        asked->alive[owner / 64] |= census->is_alive(census->context, owner) ? bit : 0;
    }
    return (asked->alive[owner / 64] & bit) != 0;
}

struct mri_consumer_pick mri_consumer_lease_pick(const struct mri_consumer_leases *leases,
    const struct mri_consumer_window *window, int64_t now_ns,
    const struct mri_consumer_census *census)
{
    struct mri_consumer_pick pick = {.next_ns = INT64_MAX};
    struct asked asked = {0};
    for (uint64_t seq = window->next; seq < window->next + MRI_CONSUMER_WINDOW_SEQS; seq++) {
        const struct mri_consumer_lease *lease = &leases->items[seq % MRI_CONSUMER_WINDOW_SEQS];
        if (mri_consumer_window_has(window, seq)) {
            continue;
        }
        if (lease->state == MRI_CONSUMER_FREE || lease->seq != seq) {
            pick.fresh = pick.fresh == 0 ? seq : pick.fresh;
            continue;
        }
        if (lease->state == MRI_CONSUMER_SETTLED) {
            pick.settled++;
            continue;
        }
        bool is_waiting = lease->state == MRI_CONSUMER_WAITING;
        bool is_due =
            lease->until_ns <= now_ns || (!is_waiting && !is_alive(&asked, census, lease->owner));
        if (is_due) {
            pick.due = pick.due == 0 ? seq : pick.due;
            continue;
        }
        pick.in_flight++;
        pick.waiting += is_waiting;
        pick.next_ns = lease->until_ns < pick.next_ns ? lease->until_ns : pick.next_ns;
    }
    return pick;
}

int64_t mri_consumer_lease_back_off(const struct mri_consumer_rules *rules, uint32_t count)
{
    if (rules->back_off_count == 0) {
        return 0;
    }
    uint32_t index = count == 0 ? 0 : count - 1;
    index = index < rules->back_off_count ? index : rules->back_off_count - 1u;
    return (int64_t)rules->back_off_ms[index] * 1000000;
}

bool mri_consumer_lease_fold(
    struct mri_consumer_leases *leases, struct mri_consumer_slot *slot, uint64_t durable_seq)
{
    bool is_changed = false;
    uint64_t from = slot->window.next;
    for (uint64_t seq = from; seq < from + MRI_CONSUMER_WINDOW_SEQS; seq++) {
        const struct mri_consumer_lease *lease = mri_consumer_lease_find(leases, seq);
        bool is_settled = lease != NULL && lease->state == MRI_CONSUMER_SETTLED &&
                          (uint64_t)lease->until_ns <= durable_seq;
        if (is_settled && !mri_consumer_window_has(&slot->window, seq)) {
            const mr_log_token token = {
                .seq = (uint64_t)lease->until_ns,
                .synced_seq = (uint64_t)lease->until_ns,
                .writer_epoch = lease->count,
                .chain_crc = lease->ack_crc,
            };
            mri_consumer_slot_add(slot, seq, &token);
            is_changed = true;
        }
    }
    return is_changed;
}
