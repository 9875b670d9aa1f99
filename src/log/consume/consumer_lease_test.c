/* SPDX-License-Identifier: MIT */
/*
 * Tests of leases: what is picked, what is void, back-off, what goes into the slot.
 */
#include "log/consume/consumer_lease.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"

static struct mri_consumer_leases leases;
static struct mri_consumer_window window;
static bool is_dead[8];

static bool is_alive(void *context, uint16_t owner)
{
    (void)context;
    return !is_dead[owner];
}

static const struct mri_consumer_census census = {is_alive, NULL};

static int set_up(void **fixture)
{
    (void)fixture;
    memset(&leases, 0, sizeof(leases));
    memset(is_dead, 0, sizeof(is_dead));
    window = (struct mri_consumer_window){.next = 100};
    return 0;
}

static struct mri_consumer_lease *put(
    uint64_t seq, enum mri_consumer_lease_state state, int64_t until_ns, uint16_t owner)
{
    struct mri_consumer_lease *lease = &leases.items[seq % MRI_CONSUMER_WINDOW_SEQS];
    *lease = (struct mri_consumer_lease){
        .seq = seq, .until_ns = until_ns, .count = 1, .owner = owner, .state = (uint8_t)state};
    mri_consumer_lease_seal(lease, 77);
    return lease;
}

static void what_is_due_is_the_lowest_that_ended_waited_or_lost_its_owner(void **fixture)
{
    (void)fixture;
    put(100, MRI_CONSUMER_LEASED, 1000, 1);
    put(101, MRI_CONSUMER_WAITING, 500, 1);
    struct mri_consumer_pick pick = mri_consumer_lease_pick(&leases, &window, 400, &census);
    assert_int_equal(pick.due, 0);
    assert_int_equal(pick.fresh, 102);
    assert_int_equal(pick.in_flight, 2);
    assert_int_equal(pick.waiting, 1);
    assert_int_equal(pick.next_ns, 500);
    pick = mri_consumer_lease_pick(&leases, &window, 500, &census);
    assert_int_equal(pick.due, 101);
    assert_int_equal(pick.in_flight, 1);
    pick = mri_consumer_lease_pick(&leases, &window, 1000, &census);
    assert_int_equal(pick.due, 100);
    is_dead[1] = true;
    pick = mri_consumer_lease_pick(&leases, &window, 0, &census);
    assert_int_equal(pick.due, 100); /* the other one waits, whoever gave it back */
    assert_int_equal(pick.waiting, 1);
}

static void what_was_acked_or_settled_is_not_picked(void **fixture)
{
    (void)fixture;
    put(100, MRI_CONSUMER_SETTLED, 200, 0);
    put(101, MRI_CONSUMER_LEASED, 0, 0);
    assert_true(mri_consumer_window_add(&window, 101));
    put(99, MRI_CONSUMER_LEASED, 0, 0); /* left behind by the window */
    struct mri_consumer_pick pick = mri_consumer_lease_pick(&leases, &window, 1, &census);
    assert_int_equal(pick.due, 0);
    assert_int_equal(pick.fresh, 102);
    assert_int_equal(pick.settled, 1);
    assert_int_equal(pick.in_flight, 0);
}

static void a_window_in_use_to_its_end_has_nothing_fresh(void **fixture)
{
    (void)fixture;
    for (uint64_t seq = 100; seq < 100 + MRI_CONSUMER_WINDOW_SEQS; seq++) {
        put(seq, MRI_CONSUMER_LEASED, 10, 0);
    }
    struct mri_consumer_pick pick = mri_consumer_lease_pick(&leases, &window, 1, &census);
    assert_int_equal(pick.fresh, 0);
    assert_int_equal(pick.in_flight, MRI_CONSUMER_WINDOW_SEQS);
}

static void what_does_not_check_is_cleared_and_the_log_is_looked_at_again(void **fixture)
{
    (void)fixture;
    leases.mark = (struct mri_consumer_mark){.scanned_seq = 9};
    mri_consumer_lease_seal_mark(&leases.mark, 77);
    put(100, MRI_CONSUMER_LEASED, 10, 0);
    assert_false(mri_consumer_lease_clean(&leases, 77));
    for (size_t bit = 0; bit < 8 * sizeof(struct mri_consumer_lease); bit++) {
        struct mri_consumer_lease *lease = put(100, MRI_CONSUMER_LEASED, 10, 0);
        ((uint8_t *)lease)[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        leases.mark = (struct mri_consumer_mark){.scanned_seq = 9};
        mri_consumer_lease_seal_mark(&leases.mark, 77);
        assert_true(mri_consumer_lease_clean(&leases, 77));
        assert_null(mri_consumer_lease_find(&leases, 100));
        assert_int_equal(leases.mark.is_appending, 1);
        assert_int_equal(leases.mark.scanned_seq, 0);
    }
    put(100, MRI_CONSUMER_LEASED, 10, 0);
    assert_true(mri_consumer_lease_clean(&leases, 78)); /* another run of the machine */
    assert_null(mri_consumer_lease_find(&leases, 100));
}

static void the_back_off_list_goes_up_and_its_last_delay_repeats(void **fixture)
{
    (void)fixture;
    struct mri_consumer_rules rules = {.back_off_ms = {1, 10, 100}, .back_off_count = 3};
    const int64_t expected[] = {1, 1, 10, 100, 100, 100};
    for (uint32_t count = 0; count < 6; count++) {
        assert_int_equal(mri_consumer_lease_back_off(&rules, count), expected[count] * 1000000);
    }
    rules.back_off_count = 0;
    assert_int_equal(mri_consumer_lease_back_off(&rules, 5), 0);
}

static void only_what_is_durable_is_folded(void **fixture)
{
    (void)fixture;
    struct mri_consumer_slot slot = {.window = window, .token = {.seq = 150}};
    put(100, MRI_CONSUMER_SETTLED, 200, 0)->ack_crc = 5;
    put(101, MRI_CONSUMER_SETTLED, 201, 0);
    assert_false(mri_consumer_lease_fold(&leases, &slot, 199));
    assert_int_equal(slot.window.next, 100);
    assert_true(mri_consumer_lease_fold(&leases, &slot, 200));
    assert_int_equal(slot.window.next, 101);
    assert_int_equal(slot.token.seq, 200);
    assert_int_equal(slot.token.chain_crc, 5);
    assert_false(mri_consumer_lease_fold(&leases, &slot, 200));
    assert_true(mri_consumer_lease_fold(&leases, &slot, 1000));
    assert_int_equal(slot.window.next, 102);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(what_is_due_is_the_lowest_that_ended_waited_or_lost_its_owner),
        TEST(what_was_acked_or_settled_is_not_picked),
        TEST(a_window_in_use_to_its_end_has_nothing_fresh),
        TEST(what_does_not_check_is_cleared_and_the_log_is_looked_at_again),
        TEST(the_back_off_list_goes_up_and_its_last_delay_repeats),
        TEST(only_what_is_durable_is_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
