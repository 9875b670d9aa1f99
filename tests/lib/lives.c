/* SPDX-License-Identifier: MIT */
/*
 * Lives of signals, told by events.
 *
 * Invariants
 *  1. The lifecycle is written out here once more, by its arrows, so that a change of the table in
 *     src/bus/ is seen.
 */
#include "tests/lib/lives.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/lib/cmocka_all.h"

static const char *const arrows = /* from, to: letters of the states in their order */
    "ge gb gx ea eb ex ai ab ax id ib dl bl xl";
static const char letters[] = "geaidbxl";

static bool is_arrow(unsigned from, unsigned to)
{
    const char pair[3] = {letters[from], letters[to], '\0'};
    return from < MR_STATE_COUNT && to < MR_STATE_COUNT && strstr(arrows, pair) != NULL;
}

static struct mri_life *life_of(struct mri_lives *lives, const struct mri_event *event)
{
    assert_true(event->ordinal > 0 && event->ordinal <= lives->count);
    return &lives->items[event->ordinal];
}

static void take_generated(struct mri_lives *lives, const struct mri_event *event)
{
    const struct mri_signal_generated *signal = event->body;
    assert_int_equal(event->ordinal, lives->count + 1);
    if (event->ordinal >= lives->capacity) {
        lives->capacity = lives->capacity == 0 ? 1024 : 2 * lives->capacity;
        lives->items = realloc(lives->items, lives->capacity * sizeof(*lives->items));
        MRI_ASSERT(lives->items != NULL);
    }
    lives->count++;
    lives->items[lives->count] =
        (struct mri_life){.state = MR_GENERATED, .time_unix_ns = signal->event_time_unix_ns};
    lives->items[lives->count].state_seqs[MR_GENERATED] = event->seq;
}

/** Who may move a signal to a state. */
static bool is_owner(const struct mri_signal_moved *move)
{
    if (move->cause == 0) {
        return move->actor == MRI_ACTOR_EXTERNAL || move->actor == MRI_ACTOR_OPERATOR;
    }
    switch (move->to) {
    case MR_EVALUATING:
    case MR_APPROVED:
        return move->actor == MRI_ACTOR_EVALUATE;
    case MR_EXECUTING:
    case MR_EXECUTED:
        return move->actor == MRI_ACTOR_EXECUTE;
    case MR_BLOCKED:
        return move->actor ==
               (move->from <= MR_EVALUATING ? MRI_ACTOR_EVALUATE : MRI_ACTOR_EXECUTE);
    case MR_EXPIRED:
        return move->actor == MRI_ACTOR_TIMER;
    default:
        return move->actor == MRI_ACTOR_LEARN;
    }
}

static void check_learned(const struct mri_life *life, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    uint64_t evidence = mri_ref_seq(move->evidence, event->seq);
    uint64_t last_outcome = life->outcome_seqs[MR_HORIZON_COUNT - 1];
    uint64_t ended = life->state_seqs[move->from];
    assert_int_equal(life->outcome_count, MR_HORIZON_COUNT);
    assert_int_equal(evidence, last_outcome > ended ? last_outcome : ended);
}

static void take_moved(struct mri_lives *lives, const struct mri_event *event)
{
    const struct mri_signal_moved *move = event->body;
    struct mri_life *life = life_of(lives, event);
    bool is_refused = move->to == MR_BLOCKED || move->to == MR_EXPIRED;
    assert_int_equal(move->from, life->state);
    assert_true(is_arrow(move->from, move->to));
    assert_true(is_owner(move));
    assert_int_not_equal(move->reason, MRI_REASON_NONE);
    assert_int_equal(is_refused, move->gate != MRI_GATE_NONE);
    assert_int_equal(mri_ref_seq(move->signal, event->seq), life->state_seqs[MR_GENERATED]);
    if (is_refused) {
        life->gate = (enum mri_gate)move->gate;
        life->reason = (enum mri_reason)move->reason;
    }
    if (move->to == MR_EXECUTING) {
        assert_int_not_equal(life->intent_seqs[MRI_LEG_ENTRY], 0);
    }
    if (move->to == MR_EXECUTED) {
        assert_true(life->is_filled[MRI_LEG_ENTRY]);
    }
    if (move->to == MR_LEARNED) {
        check_learned(life, event);
    }
    life->state = (mr_state)move->to;
    life->state_seqs[move->to] = event->seq;
}

static void take_outcome(struct mri_lives *lives, const struct mri_event *event)
{
    static const int64_t minutes[MR_HORIZON_COUNT] = {1, 5, 15, 30, 60};
    const struct mri_outcome *outcome = event->body;
    struct mri_life *life = life_of(lives, event);
    bool is_resolved = outcome->status == MRI_OUTCOME_RESOLVED;
    assert_int_not_equal(life->state, MR_LEARNED);
    assert_int_equal(outcome->horizon, life->outcome_count); /* in order, once each */
    assert_int_equal(outcome->due_unix_ns,
        life->time_unix_ns + minutes[outcome->horizon] * MRI_SCRIPT_MINUTE_NS);
    assert_int_equal(is_resolved, outcome->reason == MRI_REASON_NONE);
    if (outcome->status == MRI_OUTCOME_UNRESOLVED) {
        assert_int_equal(outcome->price, 0);
        assert_int_equal(outcome->price_time_unix_ns, 0);
    } else {
        assert_true(outcome->price_time_unix_ns <= outcome->due_unix_ns);
        assert_true(outcome->price > 0 && outcome->entry_price > 0);
    }
    life->statuses[outcome->horizon] = (enum mri_outcome_status)outcome->status;
    life->outcome_reasons[outcome->horizon] = (enum mri_reason)outcome->reason;
    life->outcome_seqs[outcome->horizon] = event->seq;
    life->outcome_count++;
}

static void take_order(struct mri_lives *lives, const struct mri_event *event)
{
    struct mri_life *life = life_of(lives, event);
    if (event->type == MRI_EVENT_ORDER_INTENT) {
        const struct mri_order_intent *intent = event->body;
        assert_int_equal(life->state, intent->leg == MRI_LEG_ENTRY ? MR_APPROVED : life->state);
        assert_int_equal(life->intent_seqs[intent->leg], 0);
        assert_int_equal(mri_ref_seq(intent->decision, event->seq), life->decision_seq);
        life->intent_seqs[intent->leg] = event->seq;
        return;
    }
    bool is_fill = event->type == MRI_EVENT_ORDER_FILLED;
    const struct mri_order_filled *fill = event->body;
    const struct mri_order_sent *fact = event->body;
    unsigned leg = is_fill ? fill->leg : fact->leg;
    uint64_t intent = mri_ref_seq(is_fill ? fill->intent : fact->intent, event->seq);
    assert_int_not_equal(intent, 0);
    assert_int_equal(intent, life->intent_seqs[leg]);
    assert_int_equal(life->ended_seqs[leg], 0);
    if (event->type == MRI_EVENT_ORDER_SENT) {
        assert_int_equal(life->sent_seqs[leg], 0);
        life->sent_seqs[leg] = event->seq;
        return;
    }
    assert_int_not_equal(life->sent_seqs[leg], 0);
    if (event->type != MRI_EVENT_ORDER_ACCEPTED) {
        life->ended_seqs[leg] = event->seq;
        life->is_filled[leg] = is_fill;
    }
}

static void take_position(struct mri_lives *lives, const struct mri_event *event)
{
    struct mri_life *life = life_of(lives, event);
    if (event->type == MRI_EVENT_POSITION_OPENED) {
        assert_int_equal(life->opened_seq, 0);
        assert_true(life->is_filled[MRI_LEG_ENTRY]);
        life->opened_seq = event->seq;
        life->fill_price = ((const struct mri_position_opened *)event->body)->price;
        return;
    }
    const struct mri_position_closed *closed = event->body;
    assert_int_not_equal(life->opened_seq, 0);
    assert_int_equal(life->closed_seq, 0);
    unsigned exits = 0;
    for (unsigned leg = MRI_LEG_STOP; leg < MRI_LEG_COUNT; leg++) {
        exits += life->is_filled[leg];
        assert_int_equal(life->intent_seqs[leg] != 0, life->ended_seqs[leg] != 0);
    }
    assert_int_equal(exits, 1);
    life->closed_seq = event->seq;
    life->exit_reason = (enum mri_reason)closed->reason;
    life->exit_price = closed->exit_price;
    life->net_e8 = closed->net_e8;
}

static void visit(void *context, const struct mri_event *event)
{
    struct mri_lives *lives = context;
    switch (event->type) {
    case MRI_EVENT_SIGNAL_GENERATED:
        take_generated(lives, event);
        return;
    case MRI_EVENT_SIGNAL_MOVED:
        take_moved(lives, event);
        return;
    case MRI_EVENT_DECISION: {
        struct mri_life *life = life_of(lives, event);
        const struct mri_decision *decision = event->body;
        bool is_passed = decision->verdict == MRI_VERDICT_PASS;
        assert_int_equal(life->state, is_passed ? MR_EVALUATING : MR_GENERATED);
        assert_int_equal(life->decision_seq, 0);
        life->decision_seq = event->seq;
        life->view_seq = mri_ref_seq(decision->view, event->seq);
        return;
    }
    case MRI_EVENT_OUTCOME:
        take_outcome(lives, event);
        return;
    case MRI_EVENT_ORDER_INTENT:
    case MRI_EVENT_ORDER_SENT:
    case MRI_EVENT_ORDER_ACCEPTED:
    case MRI_EVENT_ORDER_FILLED:
    case MRI_EVENT_ORDER_REJECTED:
    case MRI_EVENT_ORDER_CANCELLED:
        take_order(lives, event);
        return;
    case MRI_EVENT_POSITION_OPENED:
    case MRI_EVENT_POSITION_CLOSED:
        take_position(lives, event);
        return;
    default:
        return;
    }
}

void mri_lives_read(struct mri_lives *lives, const struct mri_story *story)
{
    *lives = (struct mri_lives){0};
    mri_story_walk(story, &(struct mri_story_walker){.context = lives, .visit = visit});
}

void mri_lives_fini(struct mri_lives *lives)
{
    free(lives->items);
    *lives = (struct mri_lives){0};
}

const struct mri_life *mri_lives_get(const struct mri_lives *lives, uint32_t ordinal)
{
    assert_true(ordinal > 0 && ordinal <= lives->count);
    return &lives->items[ordinal];
}

void mri_lives_check_ended(const struct mri_lives *lives)
{
    assert_true(lives->count > 0);
    for (uint32_t ordinal = 1; ordinal <= lives->count; ordinal++) {
        assert_int_equal(lives->items[ordinal].state, MR_LEARNED);
        assert_int_equal(lives->items[ordinal].outcome_count, MR_HORIZON_COUNT);
    }
}

void mri_lives_check(const struct mri_story *story)
{
    struct mri_lives lives;
    mri_lives_read(&lives, story);
    mri_lives_check_ended(&lives);
    mri_lives_fini(&lives);
}
