/* SPDX-License-Identifier: MIT */
/*
 * Tests of the lifecycle table against a list written by hand.
 */
#include "bus/lifecycle.h"

#include "tests/lib/cmocka_all.h"

/* "From to" for every move there is, and nothing else. */
static const struct {
    mr_state from;
    mr_state to;
} allowed[] = {
    {MR_GENERATED, MR_EVALUATING},
    {MR_GENERATED, MR_BLOCKED},
    {MR_GENERATED, MR_EXPIRED},
    {MR_EVALUATING, MR_APPROVED},
    {MR_EVALUATING, MR_BLOCKED},
    {MR_EVALUATING, MR_EXPIRED},
    {MR_APPROVED, MR_EXECUTING},
    {MR_APPROVED, MR_BLOCKED},
    {MR_APPROVED, MR_EXPIRED},
    {MR_EXECUTING, MR_EXECUTED},
    {MR_EXECUTING, MR_BLOCKED},
    {MR_EXECUTED, MR_LEARNED},
    {MR_BLOCKED, MR_LEARNED},
    {MR_EXPIRED, MR_LEARNED},
};

static bool is_listed(unsigned from, unsigned to)
{
    for (size_t i = 0; i < MRI_COUNT_OF(allowed); i++) {
        if (allowed[i].from == from && allowed[i].to == to) {
            return true;
        }
    }
    return false;
}

static struct mri_signal_moved complete_move(unsigned from, unsigned to)
{
    return (struct mri_signal_moved){.from = (uint8_t)from,
        .to = (uint8_t)to,
        .actor = MRI_ACTOR_EXTERNAL,
        .gate = MRI_GATE_EXTERNAL,
        .reason = MRI_REASON_OPERATOR};
}

static void all_64_pairs_are_as_listed(void **fixture)
{
    (void)fixture;
    for (unsigned from = 0; from < 8; from++) {
        for (unsigned to = 0; to < 8; to++) {
            struct mri_signal_moved move = complete_move(from, to);
            bool is_allowed = is_listed(from, to);
            assert_int_equal(mri_lifecycle_allows((mr_state)from, (mr_state)to), is_allowed);
            assert_int_equal(mri_lifecycle_check(&move), is_allowed ? MR_OK : MR_REFUSED);
        }
    }
}

static void a_state_that_does_not_exist_goes_nowhere(void **fixture)
{
    (void)fixture;
    for (unsigned state = 0; state < 256; state++) {
        for (unsigned unknown = 8; unknown < 256; unknown++) {
            struct mri_signal_moved move = complete_move(state, unknown);
            assert_false(mri_lifecycle_allows((mr_state)state, (mr_state)unknown));
            assert_false(mri_lifecycle_allows((mr_state)unknown, (mr_state)state));
            assert_int_equal(mri_lifecycle_check(&move), MR_REFUSED);
            move = complete_move(unknown, state);
            assert_int_equal(mri_lifecycle_check(&move), MR_REFUSED);
        }
    }
    assert_false(mri_lifecycle_allows((mr_state)-1, MR_LEARNED));
}

/** Does a walk over the table lead from one state to another? */
static bool reachable(unsigned from, unsigned to)
{
    unsigned seen = 1u << from;
    for (unsigned round = 0; round < MR_STATE_COUNT; round++) {
        for (unsigned at = 0; at < MR_STATE_COUNT; at++) {
            for (unsigned next = 0; (seen >> at & 1) == 1 && next < MR_STATE_COUNT; next++) {
                bool is_move = mri_lifecycle_allows((mr_state)at, (mr_state)next);
                seen |= is_move ? 1u << next : 0;
            }
        }
    }
    return (seen >> to & 1) == 1;
}

static void every_state_ends_as_learned_and_begins_as_generated(void **fixture)
{
    (void)fixture;
    for (unsigned state = 0; state < MR_STATE_COUNT; state++) {
        assert_true(reachable(state, MR_LEARNED));
        assert_true(reachable(MR_GENERATED, state));
        assert_false(mri_lifecycle_allows((mr_state)state, MR_GENERATED));
        assert_false(mri_lifecycle_allows(MR_LEARNED, (mr_state)state));
        for (unsigned other = 0; other < MR_STATE_COUNT; other++) { /* no way back */
            assert_true(state == other || !reachable(state, other) || !reachable(other, state));
        }
    }
}

static void a_move_says_who_and_why_and_a_blocked_one_which_gate(void **fixture)
{
    (void)fixture;
    for (size_t i = 0; i < MRI_COUNT_OF(allowed); i++) {
        struct mri_signal_moved move = complete_move(allowed[i].from, allowed[i].to);
        move.reason = MRI_REASON_NONE;
        assert_int_equal(mri_lifecycle_check(&move), MR_REFUSED);
        move = complete_move(allowed[i].from, allowed[i].to);
        move.actor = MRI_ACTOR_NONE;
        assert_int_equal(mri_lifecycle_check(&move), MR_REFUSED);
        move = complete_move(allowed[i].from, allowed[i].to);
        move.gate = MRI_GATE_NONE;
        bool needs_gate = allowed[i].to == MR_BLOCKED || allowed[i].to == MR_EXPIRED;
        assert_int_equal(mri_lifecycle_check(&move), needs_gate ? MR_REFUSED : MR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_64_pairs_are_as_listed),
        cmocka_unit_test(a_state_that_does_not_exist_goes_nowhere),
        cmocka_unit_test(every_state_ends_as_learned_and_begins_as_generated),
        cmocka_unit_test(a_move_says_who_and_why_and_a_blocked_one_which_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
