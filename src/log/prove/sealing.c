/* SPDX-License-Identifier: MIT */
/*
 * When seals are appended, and by whom.
 *
 *   [page | e e e e e e SEAL e e e ... e e ROLL]   [page: link | e e SEAL e ...
 *           '--------'       '----------------------------------------'
 *            covered by that SEAL    by this one
 *
 * Invariants
 *  1. Who holds the seal lock appends SEALs, nobody else does. What he builds on is the state that
 *     writing behind has found in the records themselves, and what he appended since he took the
 *     lock; so nothing is to be mended when he dies.
 *  2. A SEAL stands behind an event of its segment and leaves room for ROLL; where it cannot, the
 *     events wait for the next segment (hot_tail.c sees to it).
 *  3. Appenders never wait for seals, and seals never for appenders: they trail as far as they
 * must.
 *
 * Not here: what a SEAL covers (sealer.c).
 */
#include "log/prove/sealing.h"

#include <string.h>

#include "log/hot/hot_shared.h"

enum {
    SEAL_STRIDE =
        (sizeof(struct mri_record_head) + sizeof(struct mri_seal) + MRI_RECORD_UNIT_BYTES - 1) /
        MRI_RECORD_UNIT_BYTES * MRI_RECORD_UNIT_BYTES,
};

mr_err mri_sealing_init(struct mri_sealing *sealing, const struct mri_os *os,
    const struct mri_alloc *alloc, const char *folder, struct mri_hot_tail *hot)
{
    *sealing = (struct mri_sealing){.os = os, .alloc = alloc, .folder = folder, .hot = hot};
    return mri_digest_init(&sealing->hasher);
}

static mr_err open_reader(struct mri_sealing *sealing)
{
    mr_err err =
        mri_reader_open(sealing->os, sealing->alloc, sealing->folder, &sealing->reader, NULL);
    if (err != MR_OK) {
        sealing->reader = NULL;
        return err;
    }
    if (!mri_reader_is_of(sealing->reader, sealing->hot->shared->pattern.log_uuid)) {
        mr_log_reader_close(sealing->reader); /* ours was renamed, and another one made */
        sealing->reader = NULL;
        return MR_EPATH;
    }
    mri_reader_show_all(sealing->reader);
    return MR_OK;
}

/** The state behind every SEAL so far. The seal lock is held, so none is appended meanwhile. */
static mr_err find_state(struct mri_hot_tail *hot, struct mri_seal_state *ret_state)
{
    mr_err err = mri_hot_take(hot, &hot->shared->write_lock, false);
    if (err == MR_OK) {
        *ret_state = *mri_hot_seals(hot->shared);
        mri_robust_lock_give(&hot->shared->write_lock);
    }
    return err;
}

/** Go on behind the SEAL that was just appended. MR_AGAIN: it must be found in the files. */
static mr_err advance(struct mri_sealing *sealing, struct mri_seal_state *state)
{
    const struct mri_hot_tail *hot = sealing->hot;
    union {
        struct mri_record_head head;
        uint8_t bytes[SEAL_STRIDE];
    } copy;
    uint64_t position = atomic_load(&hot->shared->seal_end) - SEAL_STRIDE;
    memcpy(&copy, mri_hot_record(hot, position), sizeof(copy));
    mr_err err =
        mri_record_check_head(&copy.head, mri_hot_segment_of(hot, position)->salt, position);
    if (err == MR_OK) {
        err = mri_record_check_body(&copy.head, sizeof(copy));
    }
    if (err != MR_OK || copy.head.type != MRI_RECORD_SEAL) {
        return MR_AGAIN; /* the ring has been round while we slept */
    }
    mri_sealer_next(&sealing->hasher, &copy.head, state);
    return MR_OK;
}

/** Append the next SEAL; MR_AGAIN: there is none to append. */
static mr_err append_seal(struct mri_sealing *sealing, struct mri_seal_state *state, bool is_flush)
{
    struct mri_hot_tail *hot = sealing->hot;
    const struct mri_seal_limits limits = {
        .last_seq = atomic_load(&hot->shared->tail_seq), .is_flush = is_flush};
    const struct mri_hot_append how = {.is_own = true, .durability = MR_ASYNC};
    struct mri_seal seal;
    mr_err err = sealing->reader == NULL ? open_reader(sealing) : MR_OK;
    if (err == MR_OK) {
        err = mri_sealer_build(&sealing->hasher, sealing->reader, state, limits, &seal, NULL);
    }
    sealing->is_off = err == MR_ECORRUPT || err == MR_EPATH || err == MR_REWOUND;
    if (err != MR_OK) {
        return err;
    }
    const mr_log_record record = {.body = &seal,
        .body_bytes = sizeof(seal),
        .type = MRI_RECORD_SEAL,
        .version = MRI_RECORD_VERSION};
    err = mri_hot_tail_append(hot, &record, 1, &how, NULL);
    return err == MR_OK ? advance(sealing, state) : err;
}

/** How many events no SEAL covers, roughly: the state may be changing. */
static uint64_t count_unsealed(const struct mri_hot_shared *shared)
{
    uint64_t next_seq = mri_hot_seals(shared)->next_seq;
    uint64_t tail_seq = atomic_load(&shared->tail_seq);
    return tail_seq >= next_seq ? tail_seq - next_seq + 1 : 0;
}

/** Append at most so many; returns whether more may follow. The seal lock is held. */
static bool append_seals(struct mri_sealing *sealing, unsigned count_max, bool is_flush)
{
    struct mri_hot_tail *hot = sealing->hot;
    struct mri_seal_state state;
    mr_err err = MR_OK;
    if (atomic_load(&hot->shared->written) < atomic_load(&hot->shared->seal_end)) {
        if (!is_flush) {
            return false; /* writing behind has not seen the newest SEAL yet */
        }
        err = mri_hot_tail_write_behind(hot);
    }
    if (err == MR_OK) {
        err = find_state(hot, &state);
    }
    for (unsigned i = 0; i < count_max && err == MR_OK && !atomic_load(&hot->is_leaving); i++) {
        err = append_seal(sealing, &state, is_flush);
    }
    return err == MR_OK;
}

/** Append at most so many, unless somebody else is at it or there is nothing to seal. */
static bool seal_some(struct mri_sealing *sealing, unsigned count_max, bool is_flush)
{
    struct mri_hot_tail *hot = sealing->hot;
    uint64_t unsealed = count_unsealed(hot->shared);
    bool is_due = unsealed >= (is_flush ? 1 : (uint64_t)MRI_SEAL_EVENTS_MAX);
    if (sealing->is_off || !is_due || mri_hot_take(hot, &hot->shared->seal_lock, true) != MR_OK) {
        return false;
    }
    bool is_more = append_seals(sealing, count_max, is_flush);
    mri_robust_lock_give(&hot->shared->seal_lock);
    return is_more;
}

bool mri_sealing_help(void *context, bool is_idle)
{
    return seal_some(context, MRI_SEALS_AT_ONCE, is_idle);
}

void mri_sealing_finish(struct mri_sealing *sealing)
{
    atomic_store(&sealing->hot->is_leaving, false); /* this is what is left to do */
    (void)seal_some(sealing, MRI_SEALS_AT_END, true);
}

void mri_sealing_fini(struct mri_sealing *sealing)
{
    mr_log_reader_close(sealing->reader);
    sealing->reader = NULL;
    mri_digest_fini(&sealing->hasher);
}
