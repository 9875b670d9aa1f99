/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a fold.
 *
 *   head | signals | keys | all else of the bus | engines | orders of executors outside
 *
 * Invariants
 *  1. What a snapshot builds on was loaded into this fold, or saved from it: so what has changed
 *     since is known.
 *  2. None builds on another while there is one whole snapshot alone: damage of one file never
 * takes both ways to open the log.
 */
#include "pipeline/fold_snapshot.h"

#include <string.h>

#include "base/problem.h"
#include "log/open/snapshot.h"
#include "pipeline/order_snapshot.h"

/**
 * More than a snapshot can need: what it holds is limited by the configuration, and most of it are
 * limits.signals_max (at most 2^28) slots of 64 bytes with 8 bytes in arrays, which is 18 GiB.
 */
#define SNAPSHOT_BYTES_MAX ((size_t)32 << 30)

/** Where a snapshot's state begins, and what it takes to hold it. */
struct fold_head {
    uint64_t applied_seq;
    uint64_t foreign_applied;
    struct mri_wiring_limits limits;
    struct mri_bus_since since;
};

/* ---- writing --------------------------------------------------------------------------------- */

/**
 * May the next snapshot build on the newest? Only when a whole one is long, and all that builds on
 * it stays shorter.
 */
static bool is_base_good(const struct mri_fold *fold)
{
    const struct mri_os *os = fold->options.os;
    const char *folder = fold->options.folder;
    uint64_t base_seq = fold->newest_snapshot.since.seq;
    struct mri_snapshot_chain chain;
    struct mri_snapshot_list list;
    return base_seq != 0 && base_seq < fold->bus.last_seq &&
           mri_snapshot_chain_of(os, folder, base_seq, &chain) == MR_OK &&
           chain.count < MRI_SNAPSHOT_CHAIN_MAX && chain.whole_bytes >= fold->whole_bytes_max &&
           chain.added_bytes < chain.whole_bytes && mri_snapshot_list(os, folder, &list) == MR_OK &&
           mri_snapshot_count_whole(os, folder, &list) >= MRI_SNAPSHOT_CHAINS_KEPT;
}

mr_err mri_fold_snapshot_write(struct mri_fold *fold, uint64_t applied_seq)
{
    const struct mri_fold_base none = {.chain_crc = 0};
    const struct mri_fold_base base = is_base_good(fold) ? fold->newest_snapshot : none;
    struct mri_buf payload;
    struct fold_head head;
    const struct mri_snapshot_place place = {.seq = fold->bus.last_seq,
        .chain_crc = fold->bus.chain_crc,
        .base_crc = base.chain_crc,
        .base_seq = base.since.seq};
    if (place.seq == 0) {
        return MR_OK; /* nothing happened yet */
    }
    memset(&head, 0, sizeof(head)); /* its gaps are written, too */
    head.applied_seq = applied_seq;
    head.foreign_applied = fold->foreign_applied;
    head.limits = fold->wiring.limits;
    head.since.seq = base.since.seq;
    head.since.signals = base.since.signals;
    mri_buf_init(&payload, fold->options.alloc, SNAPSHOT_BYTES_MAX);
    mri_buf_put(&payload, &head, sizeof(head));
    mri_bus_save(&fold->bus, &base.since, &payload);
    mri_wiring_save(&fold->wiring, &payload);
    mri_order_snapshot_save(&fold->bus.orders, &payload);
    mr_err err = payload.err;
    if (err == MR_OK) {
        err = mri_snapshot_write(fold->options.os, fold->options.folder, &place, &payload);
    }
    if (err == MR_OK) {
        fold->newest_snapshot =
            (struct mri_fold_base){.since = {.seq = place.seq, .signals = fold->bus.slots.count},
                .chain_crc = place.chain_crc};
    }
    mri_buf_fini(&payload);
    return err;
}

/* ---- loading --------------------------------------------------------------------------------- */

/** Is the record that a snapshot was taken behind in this log, the very same? */
static bool is_of_this_log(struct mri_fold *fold, const struct mri_snapshot_place *place)
{
    mr_log_event record;
    return mr_log_reader_seek(fold->lead, (mr_seq){place->seq}, NULL) == MR_OK &&
           mr_log_reader_next(fold->lead, &record, NULL) == MR_OK &&
           record.chain_crc == place->chain_crc;
}

/** Make room for as much as the snapshot was made with, unless the caller says how much. */
static mr_err fit_limits(struct mri_fold *fold, const struct mri_wiring_limits *limits)
{
    struct mri_config *own = &fold->own_config;
    if (fold->options.config != NULL || mri_wiring_is_room(&fold->wiring.limits, limits)) {
        return MR_OK;
    }
    own->limits_signals_max = limits->signals_max;
    own->limits_symbols_max = limits->symbols_max;
    own->limits_sources_max = limits->sources_max;
    own->limits_names_max = limits->names_max;
    return mri_fold_remake(fold, NULL);
}

/** Load the newest of a chain; those below it were loaded. */
static mr_err load_newest(
    struct mri_fold *fold, const struct fold_head *head, const struct mri_buf *payload)
{
    struct mri_unpack unpack;
    size_t bytes;
    mr_err err = mri_order_snapshot_load(&fold->bus.orders, payload, &bytes);
    if (err == MR_OK && bytes < sizeof(*head)) {
        err = MR_ECORRUPT;
    }
    if (err != MR_OK) {
        return err;
    }
    mri_unpack_init(&unpack, payload->bytes + sizeof(*head), bytes - sizeof(*head));
    err = mri_bus_load(&fold->bus, &head->since, &unpack);
    if (err == MR_OK) {
        err = mri_wiring_load(&fold->wiring, &unpack);
    }
    if (err == MR_OK && !fold->options.is_market_only) {
        err = mri_unpack_end(&unpack);
    }
    fold->applied_seq = head->applied_seq;
    fold->foreign_applied = head->foreign_applied;
    return err;
}

static mr_err take_head(const struct mri_buf *payload, const struct mri_snapshot_place *place,
    struct fold_head *ret_head)
{
    struct mri_unpack unpack;
    mri_unpack_init(&unpack, payload->bytes, payload->count);
    mri_unpack_take(&unpack, ret_head, sizeof(*ret_head));
    return unpack.err == MR_OK && ret_head->since.seq != place->base_seq ? MR_ECORRUPT : unpack.err;
}

/** Load what the newest of a chain builds on. */
static mr_err load_below(struct mri_fold *fold, uint64_t newest_seq)
{
    const struct mri_os *os = fold->options.os;
    const char *folder = fold->options.folder;
    struct mri_snapshot_chain chain;
    struct mri_buf payload;
    mr_err err = mri_snapshot_chain_of(os, folder, newest_seq, &chain);
    mri_buf_init(&payload, fold->options.alloc, SNAPSHOT_BYTES_MAX);
    for (uint32_t i = 0; err == MR_OK && i + 1 < chain.count; i++) {
        struct mri_snapshot_place place;
        struct mri_unpack unpack;
        struct fold_head head;
        err = mri_snapshot_read(os, folder, chain.seqs[i], &place, &payload);
        if (err == MR_OK) {
            err = take_head(&payload, &place, &head);
        }
        if (err == MR_OK) {
            mri_unpack_init(&unpack, payload.bytes + sizeof(head), payload.count - sizeof(head));
            err = mri_bus_load_base(&fold->bus, &head.since, &unpack);
        }
    }
    mri_buf_fini(&payload);
    return err;
}

static mr_err load(
    struct mri_fold *fold, const struct mri_snapshot_place *place, const struct mri_buf *payload)
{
    struct fold_head head;
    mr_err err = take_head(payload, place, &head);
    if (err == MR_OK) {
        err = fit_limits(fold, &head.limits);
    }
    if (err == MR_OK) {
        err = load_below(fold, place->seq);
    }
    return err == MR_OK ? load_newest(fold, &head, payload) : err;
}

/** Start from a snapshot; false: the state is to be made fresh, and another one may do. */
static bool start_from(struct mri_fold *fold, uint64_t seq, struct mri_buf *payload)
{
    struct mri_snapshot_place place;
    bool is_usable =
        mri_snapshot_read(fold->options.os, fold->options.folder, seq, &place, payload) == MR_OK &&
        is_of_this_log(fold, &place) && load(fold, &place, payload) == MR_OK &&
        fold->bus.last_seq == place.seq &&
        mr_log_reader_seek(fold->inputs, (mr_seq){fold->applied_seq + 1}, NULL) == MR_OK &&
        mr_log_reader_seek(fold->lead, (mr_seq){place.seq + 1}, NULL) == MR_OK;
    if (is_usable) {
        fold->snapshot_seq = place.seq;
        fold->newest_snapshot =
            (struct mri_fold_base){.since = {.seq = place.seq, .signals = fold->bus.slots.count},
                .chain_crc = place.chain_crc};
    }
    return is_usable;
}

/** No snapshot opens the log: since none may be read, or since there is none that does. */
static mr_err tell_none(const struct mri_fold_options *options,
    const struct mri_snapshot_list *list, mr_problem *problem)
{
    mr_err err = MR_NOT_FOUND;
    for (uint32_t i = 0; err != MR_EACCESS && i < list->count; i++) {
        struct mri_snapshot_chain chain;
        err = mri_snapshot_chain_of(options->os, options->folder, list->seqs[i], &chain);
    }
    return err == MR_EACCESS
               ? mri_problem(problem, err, "%s/snap: %s", options->folder, mr_err_text(err))
               : mri_problem(problem, MR_NOT_FOUND,
                     "%s: no snapshot opens this log, so all of it is needed", options->folder);
}

/** Is a snapshot among those that another one builds on? */
static bool is_part_of(const struct mri_snapshot_chain *chain, uint64_t seq)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        if (chain->seqs[i] == seq) {
            return true;
        }
    }
    return false;
}

/** Open the log from the newest of each chain; 0: none opens it. */
static mr_err find_needed(struct mri_fold *fold, const struct mri_snapshot_list *list,
    uint64_t *ret_seq, mr_problem *problem)
{
    const struct mri_fold_options *options = &fold->options;
    struct mri_snapshot_chain opened = {.count = 0};
    struct mri_buf payload;
    uint32_t chains = 0;
    mr_err err = MR_OK;
    *ret_seq = 0;
    mri_buf_init(&payload, options->alloc, SNAPSHOT_BYTES_MAX);
    for (uint32_t i = 0; err == MR_OK && i < list->count && chains < MRI_SNAPSHOT_CHAINS_KEPT;
         i++) {
        uint64_t seq = list->seqs[i];
        if (is_part_of(&opened, seq)) {
            continue;
        }
        if (start_from(fold, seq, &payload) &&
            mri_snapshot_chain_of(options->os, options->folder, seq, &opened) == MR_OK) {
            uint64_t next = fold->applied_seq + 1;
            *ret_seq = next < seq ? next : seq; /* the older one needs more */
            chains++;
        }
        err = mri_fold_restart(fold, problem);
    }
    mri_buf_fini(&payload);
    return err;
}

mr_err mri_fold_snapshot_needed(
    const struct mri_fold_options *options, uint64_t *ret_seq, mr_problem *reterr_problem)
{
    struct mri_snapshot_list list;
    void *block;
    mr_err err = mri_alloc_array(options->alloc, 1, sizeof(struct mri_fold), &block);
    if (err != MR_OK) {
        return mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_fold *fold = block;
    *ret_seq = 0;
    err = mri_fold_begin(fold, options, reterr_problem);
    if (err == MR_OK) {
        err = mri_snapshot_list(options->os, options->folder, &list);
        if (err == MR_OK) {
            err = find_needed(fold, &list, ret_seq, reterr_problem);
        } else {
            (void)mri_problem(
                reterr_problem, err, "%s/snap: %s", options->folder, mr_err_text(err));
        }
        mri_fold_fini(fold);
    }
    mri_alloc_free(options->alloc, fold, sizeof(*fold));
    return err == MR_OK && *ret_seq == 0 ? tell_none(options, &list, reterr_problem) : err;
}

mr_err mri_fold_snapshot_start(struct mri_fold *fold, mr_problem *reterr_problem)
{
    struct mri_snapshot_list list;
    struct mri_buf payload;
    if (mri_snapshot_list(fold->options.os, fold->options.folder, &list) != MR_OK) {
        return MR_OK; /* a snapshot only saves time: what cannot be read is done without */
    }
    mr_err err = MR_OK;
    bool is_started = false;
    mri_buf_init(&payload, fold->options.alloc, SNAPSHOT_BYTES_MAX);
    for (uint32_t i = 0; i < list.count && !is_started && err == MR_OK; i++) {
        is_started = start_from(fold, list.seqs[i], &payload);
        if (!is_started) {
            err = mri_fold_restart(fold, reterr_problem);
        }
    }
    mri_buf_fini(&payload);
    return err;
}

uint64_t mri_fold_snapshot_newest(const struct mri_fold_options *options)
{
    struct mri_snapshot_list list;
    mr_err err = mri_snapshot_list(options->os, options->folder, &list);
    return err == MR_OK && list.count > 0 ? list.seqs[0] : 0;
}

void mri_fold_snapshot_check_end(struct mri_fold *fold, uint64_t snapshot_seq)
{
    struct mri_snapshot_place place;
    struct mri_buf payload;
    uint64_t end = fold->bus.last_seq;
    if (fold->damage != MR_OK || snapshot_seq <= end) {
        return;
    }
    mri_buf_init(&payload, fold->options.alloc, SNAPSHOT_BYTES_MAX);
    if (mri_snapshot_read(fold->options.os, fold->options.folder, snapshot_seq, &place, &payload) ==
        MR_OK) {
        fold->damage = mri_problem(&fold->damage_problem, MR_ECORRUPT,
            "%s: the log ends with event %llu, and there is a snapshot of event %llu, which was "
            "durable: the end of the log is missing; bring it back from a copy, or remove the "
            "folder snap to go on without it",
            fold->options.folder, (unsigned long long)end, (unsigned long long)place.seq);
    }
    mri_buf_fini(&payload);
}
