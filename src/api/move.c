/* SPDX-License-Identifier: MIT */
/*
 * Moving signals.
 *
 * Invariants
 *  1. A move is compared with the state of its signal and made under the append lock: by the shared
 *     state, or because nothing may come between what was folded and the append.
 */
#include "api/bus_api.h"
#include "base/problem.h"
#include "bus/lifecycle.h"

enum { ATTEMPTS_MAX = 100 };

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

static mr_err read_word(enum mri_vocabulary_id id, const char *text, const char *field,
    unsigned *ret_value, mr_problem *problem)
{
    if (text == NULL) {
        *ret_value = 0;
        return MR_OK;
    }
    return mri_word_parse(id, mri_slice_of(text), ret_value) == MR_OK
               ? MR_OK
               : mri_signal_input_refuse(
                     problem, field, "a word of docs/FORMAT.md", mri_slice_of(text));
}

static mr_err draft_move(struct mr_bus *bus, const mr_move *move, mr_problem *problem)
{
    struct mri_signal signal;
    struct mri_slice data = slice_of(move->data);
    unsigned gate;
    unsigned reason;
    mr_err err = mri_bus_api_signal(bus, move->ordinal.n, &signal);
    if (err != MR_OK) {
        return err == MR_NOT_FOUND
                   ? mri_problem(problem, err, "there is no signal %u", move->ordinal.n)
                   : mri_problem(problem, err, "%s", mr_err_text(err));
    }
    err = read_word(MRI_VOCABULARY_gate, move->gate, "gate", &gate, problem);
    if (err == MR_OK) {
        err = read_word(MRI_VOCABULARY_reason, move->reason, "reason", &reason, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (data.count > MRI_BUS_API_DATA_BYTES_MAX) {
        return mri_problem(problem, MR_REFUSED, "data: expected up to %d bytes, found %zu",
            MRI_BUS_API_DATA_BYTES_MAX, data.count);
    }
    const struct mri_signal_moved fixed = {
        .signal = signal.generated_seq,
        .from = (uint8_t)move->from,
        .to = (uint8_t)move->to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = (uint8_t)gate,
        .reason = (uint16_t)reason,
    };
    if ((unsigned)move->from >= MR_STATE_COUNT || (unsigned)move->to >= MR_STATE_COUNT ||
        mri_lifecycle_check(&fixed) != MR_OK) {
        return mri_problem(problem, MR_REFUSED,
            "signal %u: no move from %s to %s is allowed like this (blocked needs gate and reason)",
            move->ordinal.n, mr_state_text(move->from) == NULL ? "?" : mr_state_text(move->from),
            mr_state_text(move->to) == NULL ? "?" : mr_state_text(move->to));
    }
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed, .texts = {data}};
    err = mri_batch_add(&bus->batch, &draft, move->ordinal.n);
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s", mr_err_text(err));
}

static mr_err draft_all(struct mr_bus *bus, const mr_move *moves, size_t count, mr_problem *problem)
{
    mr_err err = MR_OK;
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        err = draft_move(bus, &moves[i], problem);
    }
    return err;
}

static void fill_records(struct mr_bus *bus)
{
    for (uint32_t i = 0; i < bus->batch.count; i++) {
        const struct mri_batch_item *item = &bus->batch.items[i];
        bus->records[i] = (mr_log_record){
            .body = bus->batch.bodies.bytes + item->offset,
            .body_bytes = item->bytes,
            .subject_id = item->ordinal,
            .type = item->type,
            .version = MRI_EVENT_VERSION,
        };
    }
}

/** MR_NOT_FOUND: there is no shared state to do it by, or one of the signals has left it. */
static mr_err move_shared(struct mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, struct mri_bus_conflict *conflict, mr_problem *problem)
{
    struct mri_shared_append append = {.subjects = bus->subjects};
    mr_err err = MR_AGAIN;
    for (unsigned i = 0; i < ATTEMPTS_MAX && err == MR_AGAIN; i++) {
        err = mri_bus_api_share(bus, problem);
        if (err == MR_NOT_FOUND) {
            return MR_NOT_FOUND;
        }
        if (err == MR_OK) {
            mri_batch_begin(&bus->batch, UINT64_MAX >> 2, 1); /* references are by seq */
            err = draft_all(bus, moves, count, problem);
            if (err == MR_NOT_FOUND) {
                return err;
            }
        }
        if (err != MR_OK) {
            return err;
        }
        fill_records(bus);
        err = mri_shared_state_append(
            bus->log, bus->records, bus->batch.count, durability, &append, NULL);
    }
    *conflict = append.conflict;
    return err == MR_AGAIN ? MR_NOT_FOUND : err;
}

static mr_err move_folded(struct mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, struct mri_bus_conflict *conflict, mr_problem *problem)
{
    mr_err err = MR_AGAIN;
    while (err == MR_AGAIN) {
        err = mri_bus_api_follow(bus, problem);
        if (err == MR_OK) {
            mri_bus_begin(&bus->fold.bus, &bus->batch);
            err = draft_all(bus, moves, count, problem);
        }
        if (err != MR_OK) {
            return err;
        }
        err = mri_bus_append(&bus->fold.bus, &bus->batch, durability, NULL, conflict);
    }
    return err;
}

mr_err mr_bus_move(mr_bus *bus, const mr_move *moves, size_t count, mr_durability durability,
    mr_move_conflict *reterr_conflict, mr_problem *reterr_problem)
{
    struct mri_bus_conflict conflict = {0};
    mr_problem own;
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    if (bus == NULL || moves == NULL || count == 0 || count > MR_BUS_BATCH_MAX) {
        return mri_problem(problem, MR_EINVAL, "expected 1 to %d moves", MR_BUS_BATCH_MAX);
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_may_append(bus, problem);
    if (err != MR_OK) {
        return err;
    }
    problem->text[0] = '\0';
    err = move_shared(bus, moves, count, durability, &conflict, problem);
    if (err == MR_NOT_FOUND) {
        problem->text[0] = '\0';
        err = move_folded(bus, moves, count, durability, &conflict, problem);
    }
    if (err == MR_CONFLICT) {
        if (reterr_conflict != NULL) {
            *reterr_conflict = (mr_move_conflict){.ordinal = {conflict.ordinal},
                .found = conflict.found,
                .winner = {conflict.winner_seq}};
        }
        return mri_problem(problem, err, "signal %u is %s since event %llu", conflict.ordinal,
            mr_state_text(conflict.found), (unsigned long long)conflict.winner_seq);
    }
    return err == MR_OK || problem->text[0] != '\0'
               ? err
               : mri_bus_api_explain(err, bus->fold.bus.full, problem);
}
