/* SPDX-License-Identifier: MIT */
/*
 * Moving signals.
 *
 * Invariants
 *  1. A move is compared with the state of its signal and made under the append lock: by the shared
 *     state, or because nothing may come between what was folded and the append.
 */
#include <stdio.h>
#include <string.h>

#include "api/claim.h"
#include "base/problem.h"
#include "base/text.h"
#include "bus/lifecycle.h"

enum { ATTEMPTS_MAX = 100, NEXT_BYTES = 160 };

static struct mri_slice slice_of(const char *text)
{
    return text == NULL ? (struct mri_slice){0} : mri_slice_of(text);
}

/** Programs move one signal after another with the same words: the last one is tried first. */
static mr_err read_word(struct mr_bus *bus, enum mri_vocabulary_id id, const char *text,
    unsigned *ret_value, mr_problem *problem)
{
    unsigned *last = &bus->words[id];
    const char *known = mri_word_text(id, *last);
    if (text == NULL || (known != NULL && strcmp(text, known) == 0)) {
        *ret_value = text == NULL ? 0 : *last;
        return MR_OK;
    }
    if (mri_word_parse(id, mri_slice_of(text), ret_value) != MR_OK) {
        return mri_signal_input_refuse(
            problem, mri_vocabulary(id)->name, "a word of docs/FORMAT.md", mri_slice_of(text));
    }
    *last = *ret_value;
    return MR_OK;
}

/** The words of a move, or what stands for those that were not given. */
static mr_err read_words(
    struct mr_bus *bus, const mr_move *move, struct mri_signal_moved *fixed, mr_problem *problem)
{
    unsigned gate;
    unsigned reason;
    unsigned actor;
    bool is_expired = move->to == MR_EXPIRED;
    mr_err err = read_word(bus, MRI_VOCABULARY_gate, move->gate, &gate, problem);
    if (err == MR_OK) {
        err = read_word(bus, MRI_VOCABULARY_reason, move->reason, &reason, problem);
    }
    if (err == MR_OK) {
        err = read_word(bus, MRI_VOCABULARY_actor, move->actor, &actor, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    if (move->actor != NULL && actor != MRI_ACTOR_EXTERNAL && actor != MRI_ACTOR_OPERATOR) {
        return mri_signal_input_refuse(
            problem, "actor", "external or operator", mri_slice_of(move->actor));
    }
    fixed->actor = move->actor == NULL ? (uint8_t)MRI_ACTOR_EXTERNAL : (uint8_t)actor;
    fixed->gate = move->gate == NULL && is_expired ? (uint8_t)MRI_GATE_EXTERNAL : (uint8_t)gate;
    fixed->reason = move->reason == NULL && move->to != MR_BLOCKED ? (uint16_t)MRI_REASON_EXTERNAL
                                                                   : (uint16_t)reason;
    return MR_OK;
}

/** The states that a move may lead to, as "a, b or c". */
static const char *next_states(mr_state from, char ret_text[static NEXT_BYTES])
{
    size_t count = 0;
    size_t left = 0;
    for (unsigned to = 0; to < MR_STATE_COUNT; to++) {
        left += mri_lifecycle_allows(from, (mr_state)to);
    }
    ret_text[0] = '\0';
    for (unsigned to = 0; to < MR_STATE_COUNT; to++) {
        if (mri_lifecycle_allows(from, (mr_state)to)) {
            left--;
            count += (size_t)snprintf(ret_text + count, NEXT_BYTES - count, "%s%s",
                mr_state_text((mr_state)to),
                left > 1    ? ", "
                : left == 1 ? " or "
                            : "");
        }
    }
    return ret_text;
}

/** Why the lifecycle has no such move. */
static mr_err refuse_move(
    const mr_move *move, const struct mri_signal_moved *fixed, mr_problem *problem)
{
    char next[NEXT_BYTES];
    const char *from = mr_state_text(move->from);
    const char *to = mr_state_text(move->to);
    bool needs_gate = move->to == MR_BLOCKED || move->to == MR_EXPIRED;
    bool has_gate = !needs_gate || fixed->gate != MRI_GATE_NONE;
    if (from == NULL || to == NULL) {
        return mri_problem(problem, MR_REFUSED, "%s: expected a state of docs/LIFECYCLE.md",
            from == NULL ? "from" : "to");
    }
    if (mri_lifecycle_allows(move->from, move->to)) {
        return mri_problem(problem, MR_REFUSED, "%s is missing: a move to %s needs %s",
            has_gate ? "reason" : "gate", to, needs_gate ? "gate and reason" : "a reason");
    }
    (void)next_states(move->from, next);
    return !mri_lifecycle_is_over(move->from)
               ? mri_problem(problem, MR_REFUSED, "to: no move leads from %s to %s, only to %s",
                     from, to, next)
               : mri_problem(problem, MR_REFUSED,
                     "to: no move leads from %s to %s: %s is final, and %s%s comes after it", from,
                     to, from, next[0] == '\0' ? "nothing" : "only ", next);
}

static mr_err check_move(
    const mr_move *move, const struct mri_signal_moved *fixed, mr_problem *problem)
{
    struct mri_slice data = slice_of(move->data);
    if (data.count > MRI_BUS_API_DATA_BYTES_MAX || !mri_text_is_utf8(data)) {
        return mri_problem(problem, MR_REFUSED,
            "data: expected up to %d bytes of UTF-8, found %zu bytes", MRI_BUS_API_DATA_BYTES_MAX,
            data.count);
    }
    if (data.count > 0 && !mri_text_is_braced(data)) {
        return mri_signal_input_refuse(problem, "data", "a JSON object", data);
    }
    if ((unsigned)move->from >= MR_STATE_COUNT || (unsigned)move->to >= MR_STATE_COUNT ||
        mri_lifecycle_check(fixed) != MR_OK) {
        return refuse_move(move, fixed, problem);
    }
    bool may_have_gate = move->to == MR_BLOCKED || move->to == MR_EXPIRED;
    return fixed->gate == MRI_GATE_NONE || may_have_gate
               ? MR_OK
               : mri_problem(problem, MR_REFUSED,
                     "gate: only a move to blocked or expired has one, found %s of a move to %s",
                     mri_word_text(MRI_VOCABULARY_gate, fixed->gate), mr_state_text(move->to));
}

mr_err mri_bus_api_draft_move(
    struct mr_bus *bus, const mr_move *move, uint64_t evidence_seq, mr_problem *reterr_problem)
{
    uint64_t generated_seq;
    mr_err err = mri_bus_api_generated_seq(bus, move->ordinal.n, &generated_seq);
    if (err != MR_OK) {
        return err == MR_NOT_FOUND
                   ? mri_problem(reterr_problem, err, "there is no signal %u", move->ordinal.n)
                   : mri_problem(reterr_problem, err, "%s", mr_err_text(err));
    }
    struct mri_signal_moved fixed = {
        .signal = generated_seq,
        .evidence = evidence_seq,
        .from = (uint8_t)move->from,
        .to = (uint8_t)move->to,
    };
    err = read_words(bus, move, &fixed, reterr_problem);
    if (err == MR_OK) {
        err = check_move(move, &fixed, reterr_problem);
    }
    if (err != MR_OK) {
        return err;
    }
    const struct mri_draft draft = {
        .type = MRI_EVENT_SIGNAL_MOVED, .fixed = &fixed, .texts = {slice_of(move->data)}};
    err = mri_batch_add(&bus->batch, &draft, move->ordinal.n);
    return err == MR_OK ? MR_OK : mri_problem(reterr_problem, err, "%s", mr_err_text(err));
}

mr_err mri_bus_api_conflict(const struct mr_bus *bus, const struct mri_bus_conflict *conflict,
    mr_move_conflict *reterr_conflict, mr_problem *reterr_problem)
{
    const struct mri_claim *claim =
        conflict->is_claimed ? mri_claims_find(&bus->fold.bus.claims, conflict->ordinal) : NULL;
    unsigned long long winner = (unsigned long long)conflict->winner_seq;
    if (reterr_conflict != NULL) {
        *reterr_conflict = (mr_move_conflict){.ordinal = {conflict->ordinal},
            .found = conflict->found,
            .winner = {conflict->winner_seq}};
        (void)snprintf(reterr_conflict->owner, sizeof(reterr_conflict->owner), "%s",
            claim == NULL ? "" : claim->owner);
    }
    return claim == NULL
               ? mri_problem(reterr_problem, MR_CONFLICT, "signal %u is %s since event %llu",
                     conflict->ordinal, mr_state_text(conflict->found), winner)
               : mri_problem(reterr_problem, MR_CONFLICT,
                     "signal %u is %s, claimed by \"%s\" (event %llu)", conflict->ordinal,
                     mr_state_text(conflict->found), claim->owner, (unsigned long long)claim->seq);
}

/** Which one of several it is about. */
static mr_err tell_which(mr_err err, size_t index, size_t count, mr_problem *problem)
{
    return count == 1 ? err
                      : mri_problem_behind(
                            problem, err, problem->text, "move %zu of %zu: ", index + 1, count);
}

/** Which move goes on from another state than an earlier one of the same signal leads to. */
static mr_err explain_refused(const mr_move *moves, size_t count, mr_problem *problem)
{
    for (size_t i = 1; i < count; i++) {
        size_t before = i;
        while (before > 0 && moves[before - 1].ordinal.n != moves[i].ordinal.n) {
            before--;
        }
        if (before > 0 && moves[before - 1].to != moves[i].from) {
            return mri_problem(problem, MR_REFUSED,
                "move %zu of %zu: from: expected %s, where move %zu takes signal %u, found %s",
                i + 1, count, mr_state_text(moves[before - 1].to), before, moves[i].ordinal.n,
                mr_state_text(moves[i].from));
        }
    }
    return MR_REFUSED;
}

/** With the claims that the handle has; none counts for the shared state, which asks for the log.
 */
static mr_err draft_all(struct mr_bus *bus, const mr_move *moves, size_t count, mr_problem *problem)
{
    enum { AHEAD = 8 };
    mr_err err = MR_OK;
    for (size_t i = 0; bus->has_state && i < count && i < AHEAD; i++) {
        mri_signal_table_prefetch(&bus->state.table, moves[i].ordinal.n);
    }
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        if (bus->has_state && i + AHEAD < count) {
            mri_signal_table_prefetch(&bus->state.table, moves[i + AHEAD].ordinal.n);
        }
        err =
            mri_bus_api_draft_move(bus, &moves[i], mri_claim_own(bus, moves[i].ordinal.n), problem);
        err = err == MR_OK ? MR_OK : tell_which(err, i, count, problem);
    }
    return err;
}

/** MR_NOT_FOUND: there is no shared state to do it by, or one of the signals has left it. */
static mr_err move_shared(struct mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, struct mri_bus_conflict *conflict, mr_problem *problem)
{
    struct mri_shared_append append = {.state = &bus->state, .subjects = bus->subjects};
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
        mri_bus_api_fill_records(bus, true);
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

/** Was it the run that made the signal executing? Then there is an order. */
static bool is_of_run(struct mr_bus *bus, uint32_t ordinal)
{
    struct mri_signal signal;
    mr_bus_record record;
    return mri_bus_api_signal(bus, ordinal, &signal) == MR_OK && signal.state == MR_EXECUTING &&
           mr_bus_read(bus, (mr_seq){signal.moved_seq}, &record, NULL) == MR_OK &&
           record.actor != NULL &&
           strcmp(record.actor, mri_word_text(MRI_VOCABULARY_actor, MRI_ACTOR_EXECUTE)) == 0;
}

/** A signal whose order may live at a venue outside is moved by what is reported of it alone. */
static mr_err check_orders(
    struct mr_bus *bus, const mr_move *moves, size_t count, mr_problem *problem)
{
    mr_err err = MR_OK;
    for (size_t i = 0; i < count && err == MR_OK; i++) {
        if (moves[i].from != MR_EXECUTING || !is_of_run(bus, moves[i].ordinal.n)) {
            continue;
        }
        err = mri_bus_api_follow(bus, problem);
        const struct mri_table_order *order =
            mri_order_table_find(&bus->fold.bus.orders, moves[i].ordinal.n, MRI_LEG_ENTRY);
        bool may_live =
            err == MR_OK && order != NULL && mri_order_is_live((enum mri_order_state)order->state);
        if (may_live) {
            err = mri_problem(problem, MR_REFUSED,
                "signal %u: its order may live at the venue (it is %s): only a report of the "
                "executor ends it",
                moves[i].ordinal.n, mri_order_state_text((enum mri_order_state)order->state));
            err = tell_which(err, i, count, problem);
        }
    }
    return err;
}

/** A claim of this handle that has ended is told, not passed by: somebody may have begun since. */
static mr_err check_claims(struct mr_bus *bus, const mr_move *moves, size_t count,
    mr_move_conflict *conflict, mr_problem *problem)
{
    mr_err err = MR_OK;
    for (size_t i = 0; bus->claiming != NULL && i < count && err == MR_OK; i++) {
        err = mri_claim_check_own(bus, moves[i].ordinal.n, conflict, problem);
    }
    return err;
}

/** By the shared state, or where there is none for it by what was folded. */
static mr_err move_once(struct mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, struct mri_bus_conflict *conflict, mr_problem *problem)
{
    problem->text[0] = '\0';
    mr_err err = move_shared(bus, moves, count, durability, conflict, problem);
    if (err == MR_NOT_FOUND) {
        problem->text[0] = '\0';
        err = move_folded(bus, moves, count, durability, conflict, problem);
    }
    return err;
}

/** A claim whose owner is gone, or whose lease is over, is ended here: it holds nobody up. */
static mr_err move_free(struct mr_bus *bus, const mr_move *moves, size_t count,
    mr_durability durability, struct mri_bus_conflict *conflict, mr_problem *problem)
{
    mr_err err = move_once(bus, moves, count, durability, conflict, problem);
    for (unsigned i = 0; i < ATTEMPTS_MAX && err == MR_CONFLICT && conflict->is_claimed; i++) {
        mr_err ended = mri_claim_end_lost(bus, problem);
        if (ended != MR_OK) {
            return ended;
        }
        if (mri_claims_seq(&bus->fold.bus.claims, conflict->ordinal) != 0) {
            return err;
        }
        err = move_once(bus, moves, count, durability, conflict, problem);
    }
    return err;
}

static bool is_logged(mr_err err)
{
    return err == MR_OK || err == MR_EUNKNOWN;
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
    err = check_orders(bus, moves, count, problem);
    if (err == MR_OK) {
        err = check_claims(bus, moves, count, reterr_conflict, problem);
    }
    if (err != MR_OK) {
        return err;
    }
    err = move_free(bus, moves, count, durability, &conflict, problem);
    if (err == MR_CONFLICT) {
        return mri_bus_api_conflict(bus, &conflict, reterr_conflict, problem);
    }
    for (size_t i = 0; bus->claiming != NULL && i < count && is_logged(err); i++) {
        mri_claim_moved(bus, moves[i].ordinal.n, moves[i].to);
    }
    if (err == MR_REFUSED && problem->text[0] == '\0') {
        (void)explain_refused(moves, count, problem);
    }
    return err == MR_OK || problem->text[0] != '\0'
               ? err
               : mri_bus_api_explain(bus, err, bus->fold.bus.full, problem);
}
