/* SPDX-License-Identifier: MIT */
/*
 * The order table, all pairs of states.
 */
#include "execute/orders.h"

#include "tests/lib/cmocka_all.h"

static void the_table_allows_exactly_the_six_steps_of_an_order(void **fixture)
{
    (void)fixture;
    static const enum mri_order_state steps[][2] = {
        {MRI_ORDER_NONE, MRI_ORDER_INTENT},
        {MRI_ORDER_INTENT, MRI_ORDER_SENT},
        {MRI_ORDER_SENT, MRI_ORDER_ACCEPTED},
        {MRI_ORDER_SENT, MRI_ORDER_REJECTED},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_FILLED},
        {MRI_ORDER_ACCEPTED, MRI_ORDER_CANCELLED},
    };
    unsigned allowed = 0;
    for (int from = -1; from <= MRI_ORDER_STATE_COUNT; from++) {
        for (int to = -1; to <= MRI_ORDER_STATE_COUNT; to++) {
            bool is_step = false;
            for (size_t i = 0; i < MRI_COUNT_OF(steps); i++) {
                is_step = is_step || ((int)steps[i][0] == from && (int)steps[i][1] == to);
            }
            assert_int_equal(
                mri_order_allows((enum mri_order_state)from, (enum mri_order_state)to), is_step);
            allowed += is_step;
        }
    }
    assert_int_equal(allowed, MRI_COUNT_OF(steps));
}

static void an_order_is_live_exactly_while_it_has_begun_and_can_still_change(void **fixture)
{
    (void)fixture;
    for (unsigned from = 0; from < MRI_ORDER_STATE_COUNT; from++) {
        bool can_change = false;
        for (unsigned to = 0; to < MRI_ORDER_STATE_COUNT; to++) {
            can_change = can_change ||
                         mri_order_allows((enum mri_order_state)from, (enum mri_order_state)to);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_allows_exactly_the_six_steps_of_an_order),
        cmocka_unit_test(an_order_is_live_exactly_while_it_has_begun_and_can_still_change),
        cmocka_unit_test(every_kind_of_event_is_a_state_of_an_order_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
