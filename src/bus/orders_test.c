/* SPDX-License-Identifier: MIT */
/*
 * The order table, all pairs of states.
 */
#include "bus/orders.h"

#include "tests/lib/cmocka_all.h"

/** A step of a table. */
struct step {
    enum mri_order_state from;
    enum mri_order_state to;
};

static void check_table(bool (*allows)(enum mri_order_state from, enum mri_order_state to),
    const struct step *steps, size_t count)
{
    unsigned allowed = 0;
    for (int from = -1; from <= MRI_ORDER_STATE_COUNT; from++) {
        for (int to = -1; to <= MRI_ORDER_STATE_COUNT; to++) {
            bool is_step = false;
            for (size_t i = 0; i < count; i++) {
                is_step = is_step || ((int)steps[i].from == from && (int)steps[i].to == to);
            }
            assert_int_equal(allows((enum mri_order_state)from, (enum mri_order_state)to), is_step);
            allowed += is_step;
        }
    }
    assert_int_equal(allowed, count);
}

static void the_table_allows_exactly_the_six_steps_of_an_order(void **fixture)
{
    (void)fixture;
    static const struct step steps[] = {
        {MRI_ORDER_NONE, MRI_ORDER_INTENT},
        {MRI_ORDER_INTENT, MRI_ORDER_SENT},
        {MRI_ORDER_SENT, MRI_ORDER_ACCEPTED},
        {MRI_ORDER_SENT, MRI_ORDER_REJECTED},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_FILLED},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_CANCELLED},
    };
    check_table(mri_order_allows, steps, MRI_COUNT_OF(steps));
}

static void an_executor_may_report_exactly_these_steps(void **fixture)
{
    (void)fixture;
    static const struct step steps[] = {
        {MRI_ORDER_INTENT, MRI_ORDER_SENT},
        {MRI_ORDER_INTENT, MRI_ORDER_ACCEPTED},
        {MRI_ORDER_INTENT, MRI_ORDER_IN_DOUBT},
        {MRI_ORDER_INTENT, MRI_ORDER_FILLED},
        {MRI_ORDER_INTENT, MRI_ORDER_REJECTED},
        {MRI_ORDER_INTENT, MRI_ORDER_CANCELLED},
        {MRI_ORDER_SENT, MRI_ORDER_ACCEPTED},
        {MRI_ORDER_SENT, MRI_ORDER_IN_DOUBT},
        {MRI_ORDER_SENT, MRI_ORDER_FILLED},
        {MRI_ORDER_SENT, MRI_ORDER_REJECTED},
        {MRI_ORDER_SENT, MRI_ORDER_CANCELLED},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_IN_DOUBT},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_FILLED},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_CANCELLED},
        {MRI_ORDER_IN_DOUBT, MRI_ORDER_ACCEPTED},
        {MRI_ORDER_IN_DOUBT, MRI_ORDER_FILLED},
        {MRI_ORDER_IN_DOUBT, MRI_ORDER_REJECTED},
        {MRI_ORDER_IN_DOUBT, MRI_ORDER_CANCELLED},
    };
    check_table(mri_order_is_reportable, steps, MRI_COUNT_OF(steps));
}

static void an_order_is_live_exactly_while_it_has_begun_and_can_still_change(void **fixture)
{
    (void)fixture;
    for (unsigned from = 0; from < MRI_ORDER_STATE_COUNT; from++) {
        bool can_change = false;
        for (unsigned to = 0; to < MRI_ORDER_STATE_COUNT; to++) {
            can_change =
                can_change ||
                mri_order_allows((enum mri_order_state)from, (enum mri_order_state)to) ||
                mri_order_is_reportable((enum mri_order_state)from, (enum mri_order_state)to);
        }
        assert_int_equal(
            mri_order_is_live((enum mri_order_state)from), can_change && from != MRI_ORDER_NONE);
    }
}

static void every_kind_of_event_is_a_state_of_an_order_or_none(void **fixture)
{
    (void)fixture;
    static const struct {
        uint16_t type;
        enum mri_order_state state;
    } wanted[] = {
        {MRI_EVENT_ORDER_INTENT, MRI_ORDER_INTENT},
        {MRI_EVENT_ORDER_SENT, MRI_ORDER_SENT},
        {MRI_EVENT_ORDER_ACCEPTED, MRI_ORDER_ACCEPTED},
        {MRI_EVENT_ORDER_FILLED, MRI_ORDER_FILLED},
        {MRI_EVENT_ORDER_REJECTED, MRI_ORDER_REJECTED},
        {MRI_EVENT_ORDER_CANCELLED, MRI_ORDER_CANCELLED},
        {MRI_EVENT_ORDER_IN_DOUBT, MRI_ORDER_IN_DOUBT},
    };
    unsigned found = 0;
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        enum mri_order_state state = MRI_ORDER_NONE;
        for (size_t i = 0; i < MRI_COUNT_OF(wanted); i++) {
            state = wanted[i].type == type ? wanted[i].state : state;
        }
        assert_int_equal(mri_order_state_after((uint16_t)type), state);
        found += state != MRI_ORDER_NONE;
    }
    assert_int_equal(found, MRI_COUNT_OF(wanted));
}

static void every_report_leads_to_a_state_of_its_own_name_or_into_doubt(void **fixture)
{
    (void)fixture;
    const struct mri_vocabulary *statuses = mri_vocabulary(MRI_VOCABULARY_report_status);
    for (size_t i = 0; i < statuses->count; i++) {
        enum mri_order_state state =
            mri_order_state_reported((enum mri_report_status)statuses->words[i].value);
        const char *name = mri_order_state_text(state);
        assert_string_equal(name,
            statuses->words[i].value == MRI_REPORT_UNKNOWN ? "in_doubt" : statuses->words[i].text);
    }
    assert_string_equal(mri_order_state_text(MRI_ORDER_INTENT), "intent");
    assert_string_equal(mri_order_state_text(MRI_ORDER_STATE_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_allows_exactly_the_six_steps_of_an_order),
        cmocka_unit_test(an_executor_may_report_exactly_these_steps),
        cmocka_unit_test(an_order_is_live_exactly_while_it_has_begun_and_can_still_change),
        cmocka_unit_test(every_report_leads_to_a_state_of_its_own_name_or_into_doubt),
        cmocka_unit_test(every_kind_of_event_is_a_state_of_an_order_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
