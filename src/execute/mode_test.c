/* SPDX-License-Identifier: MIT */
/*
 * Changes of the trading mode: every mode, reason and input against the three rows of the table.
 */
#include "execute/mode.h"

#include "tests/lib/cmocka_all.h"

static struct mri_tick tick;
static struct mri_event input;

static struct mri_mode_change next(
    enum mri_mode mode, enum mri_reason why, enum mri_reason said, bool is_ledger_wrong)
{
    const struct mri_mode_state state = {.mode = (uint8_t)mode, .reason = (uint16_t)why};
    tick = (struct mri_tick){.event_time_unix_ns = 1, .reason = (uint16_t)said};
    input = (struct mri_event){.type = MRI_EVENT_TICK, .body = &tick};
    return mri_mode_next(&state, &input, is_ledger_wrong);
}

static void a_clock_that_jumps_closes_only_what_runs(void **fixture)
{
    (void)fixture;
    struct mri_mode_change change =
        next(MRI_MODE_RUN, MRI_REASON_NONE, MRI_REASON_CLOCK_STEP, false);
    assert_true(change.is_due);
    assert_int_equal(change.to, MRI_MODE_CLOSE_ONLY);
    assert_int_equal(change.actor, MRI_ACTOR_CLOCK);
    assert_int_equal(change.reason, MRI_REASON_CLOCK_STEP);
    assert_false(
        next(MRI_MODE_CLOSE_ONLY, MRI_REASON_OPERATOR, MRI_REASON_CLOCK_STEP, false).is_due);
    assert_false(next(MRI_MODE_HALT, MRI_REASON_OPERATOR, MRI_REASON_CLOCK_STEP, false).is_due);
}

static void clocks_that_agree_end_only_what_a_clock_began(void **fixture)
{
    (void)fixture;
    struct mri_mode_change change =
        next(MRI_MODE_CLOSE_ONLY, MRI_REASON_CLOCK_STEP, MRI_REASON_CLOCKS_AGREE, false);
    assert_true(change.is_due);
    assert_int_equal(change.to, MRI_MODE_RUN);
    assert_int_equal(change.actor, MRI_ACTOR_CLOCK);
    assert_int_equal(change.reason, MRI_REASON_CLOCKS_AGREE);
    assert_false(
        next(MRI_MODE_CLOSE_ONLY, MRI_REASON_OPERATOR, MRI_REASON_CLOCKS_AGREE, false).is_due);
    assert_false(
        next(MRI_MODE_HALT, MRI_REASON_LEDGER_MISMATCH, MRI_REASON_CLOCKS_AGREE, false).is_due);
    assert_false(next(MRI_MODE_HALT, MRI_REASON_CLOCK_STEP, MRI_REASON_CLOCKS_AGREE, false).is_due);
    assert_false(next(MRI_MODE_RUN, MRI_REASON_NONE, MRI_REASON_CLOCKS_AGREE, false).is_due);
}

static void books_that_do_not_add_up_halt_from_every_other_mode_on_any_input(void **fixture)
{
    (void)fixture;
    static const enum mri_mode modes[] = {MRI_MODE_RUN, MRI_MODE_CLOSE_ONLY};
    for (size_t i = 0; i < MRI_COUNT_OF(modes); i++) {
        const struct mri_mode_state state = {.mode = (uint8_t)modes[i]};
        const struct mri_event candle = {.type = MRI_EVENT_CANDLE};
        struct mri_mode_change change = mri_mode_next(&state, &candle, true);
        assert_true(change.is_due);
        assert_int_equal(change.to, MRI_MODE_HALT);
        assert_int_equal(change.actor, MRI_ACTOR_LEDGER);
        assert_int_equal(change.reason, MRI_REASON_LEDGER_MISMATCH);
        assert_int_equal(
            next(modes[i], MRI_REASON_NONE, MRI_REASON_CLOCK_STEP, true).to, MRI_MODE_HALT);
    }
    assert_false(next(MRI_MODE_HALT, MRI_REASON_NONE, MRI_REASON_TIME_PASSED, true).is_due);
}

static void nothing_but_the_three_rows_changes_a_mode(void **fixture)
{
    (void)fixture;
    unsigned changes = 0;
    for (int mode = MRI_MODE_RUN; mode <= MRI_MODE_HALT; mode++) {
        for (int why = 0; why <= MRI_REASON_FILE_DAMAGED; why++) {
            for (int said = 0; said <= MRI_REASON_FILE_DAMAGED; said++) {
                struct mri_mode_change change =
                    next((enum mri_mode)mode, (enum mri_reason)why, (enum mri_reason)said, false);
                bool is_stop = mode == MRI_MODE_RUN && said == MRI_REASON_CLOCK_STEP;
                bool is_start = mode == MRI_MODE_CLOSE_ONLY && why == MRI_REASON_CLOCK_STEP &&
                                said == MRI_REASON_CLOCKS_AGREE;
                assert_int_equal(change.is_due, is_stop || is_start);
                changes += change.is_due;
            }
        }
        const struct mri_mode_state state = {.mode = (uint8_t)mode};
        const struct mri_event candle = {.type = MRI_EVENT_CANDLE};
        assert_false(mri_mode_next(&state, &candle, false).is_due);
    }
    assert_int_equal(changes, MRI_REASON_FILE_DAMAGED + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_jumps_closes_only_what_runs),
        cmocka_unit_test(clocks_that_agree_end_only_what_a_clock_began),
        cmocka_unit_test(books_that_do_not_add_up_halt_from_every_other_mode_on_any_input),
        cmocka_unit_test(nothing_but_the_three_rows_changes_a_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
