/* SPDX-License-Identifier: MIT */
/*
 * Tests of the durable half of a cursor: every bit of it, its options, which copy counts.
 */
#include "log/consume/consumer_slot.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"

static struct mri_consumer_slot good_slot(uint64_t generation)
{
    static const mr_consumer_options options = {.max_deliver = 3, .back_off_count = 1};
    struct mri_consumer_slot slot = {
        .version = MRI_CONSUMER_SLOT_VERSION, .generation = generation, .window = {.next = 7}};
    memcpy(slot.magic, MRI_CONSUMER_SLOT_MAGIC, sizeof(slot.magic));
    assert_int_equal(mri_consumer_slot_rules("mails", &options, &slot.rules, NULL), MR_OK);
    mri_consumer_slot_seal(&slot);
    return slot;
}

static void names_have_few_characters(void **fixture)
{
    (void)fixture;
    char name[MR_CONSUMER_NAME_MAX + 2] = {0};
    memset(name, 'a', MR_CONSUMER_NAME_MAX);
    assert_true(mri_consumer_slot_is_name(name));
    name[MR_CONSUMER_NAME_MAX] = 'a';
    assert_false(mri_consumer_slot_is_name(name));
    assert_true(mri_consumer_slot_is_name("a-1_z"));
    static const char *const none[] = {"", "A", "a.b", "../a", "a/b", "a b", ".lock", "\xc3\xa4"};
    for (size_t i = 0; i < MRI_COUNT_OF(none); i++) {
        assert_false(mri_consumer_slot_is_name(none[i]));
    }
    assert_false(mri_consumer_slot_is_name(NULL));
}

static void every_flipped_bit_of_a_slot_is_seen(void **fixture)
{
    (void)fixture;
    struct mri_consumer_slot slot = good_slot(1);
    assert_int_equal(mri_consumer_slot_check(&slot), MR_OK);
    for (size_t bit = 0; bit < 8 * sizeof(slot); bit++) {
        struct mri_consumer_slot hurt = slot;
        ((uint8_t *)&hurt)[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        assert_int_equal(mri_consumer_slot_check(&hurt), MR_ECORRUPT);
    }
}

static void a_slot_with_impossible_numbers_is_damaged_whatever_its_checksum(void **fixture)
{
    (void)fixture;
    for (int wrong = 0; wrong < 14; wrong++) {
        struct mri_consumer_slot slot = good_slot(1);
        slot.window.next = wrong == 0 ? 0 : wrong == 1 ? UINT64_MAX : 7;
        slot.window.bits[0] = wrong == 2;
        slot.rules.max_in_flight = wrong == 3 ? 0 : wrong == 4 ? 1025 : 1;
        slot.rules.back_off_count = wrong == 5 ? 9 : 0;
        slot.rules.name[0] = wrong == 6 ? '/' : 'a';
        slot.rules.name[60] = wrong == 7 ? 'a' : 0;
        slot.rules.policy = wrong == 8 ? 2 : 0;
        slot.gap_first = wrong == 9;
        slot.reserved[106] = wrong == 10;
        slot.rules.start = wrong == 11 ? 3 : 0;
        slot.rules.ack_wait_ms = wrong == 12 ? 0 : 1;
        slot.token.seq = wrong == 13 ? UINT64_MAX : 6;
        mri_consumer_slot_seal(&slot);
        assert_int_equal(mri_consumer_slot_check(&slot), MR_ECORRUPT);
    }
}

static void the_newest_good_copy_counts(void **fixture)
{
    (void)fixture;
    int index = -1;
    struct mri_consumer_slot older = good_slot(4);
    struct mri_consumer_slot newer = good_slot(5);
    struct mri_consumer_slot bad = good_slot(6);
    struct mri_consumer_slot other = good_slot(6);
    bad.crc ^= 1;
    other.version++;
    mri_consumer_slot_seal(&other);
    assert_int_equal(mri_consumer_slot_choose(&older, &newer, &index), MR_OK);
    assert_int_equal(index, 1);
    assert_int_equal(mri_consumer_slot_choose(&newer, &older, &index), MR_OK);
    assert_int_equal(index, 0);
    assert_int_equal(mri_consumer_slot_choose(&bad, &older, &index), MR_OK);
    assert_int_equal(index, 1);
    assert_int_equal(mri_consumer_slot_choose(&older, &bad, &index), MR_OK);
    assert_int_equal(index, 0);
    assert_int_equal(mri_consumer_slot_choose(&bad, &bad, &index), MR_ECORRUPT);
    assert_int_equal(mri_consumer_slot_choose(&older, &other, &index), MR_EVERSION);
}

static void options_out_of_range_are_named(void **fixture)
{
    (void)fixture;
    struct mri_consumer_rules rules;
    mr_problem problem;
    const struct {
        mr_consumer_options options;
        const char *named;
    } cases[] = {
        {{.start = (mr_consumer_start)3}, "start"},
        {{.start = MR_CONSUMER_SEQ}, "start_seq"},
        {{.start_seq = {4}}, "start_seq"},
        {{.policy = (mr_consumer_policy)2}, "policy"},
        {{.max_in_flight = 1025}, "max_in_flight"},
        {{.back_off_count = 9}, "back_off_count"},
    };
    for (size_t i = 0; i < MRI_COUNT_OF(cases); i++) {
        assert_int_equal(
            mri_consumer_slot_rules("a", &cases[i].options, &rules, &problem), MR_EINVAL);
        assert_non_null(strstr(problem.text, cases[i].named));
    }
}

static void every_option_that_differs_is_named(void **fixture)
{
    (void)fixture;
    mr_problem problem;
    struct mri_consumer_rules made = good_slot(1).rules;
    assert_int_equal(mri_consumer_slot_compare(&made, &made, &problem), MR_OK);
    static const char *const named[] = {"start", "policy", "max_in_flight", "max_deliver",
        "ack_wait_ms", "has_log_records", "back-off"};
    for (int i = 0; i < 7; i++) {
        struct mri_consumer_rules asked = made;
        asked.start = i == 0;
        asked.policy = i == 1;
        asked.max_in_flight -= i == 2;
        asked.max_deliver += i == 3;
        asked.ack_wait_ms += i == 4;
        asked.has_log_records = i == 5;
        asked.back_off_ms[0] += i == 6;
        assert_int_equal(mri_consumer_slot_compare(&made, &asked, &problem), MR_EINVAL);
        assert_non_null(strstr(problem.text, named[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_few_characters),
        cmocka_unit_test(every_flipped_bit_of_a_slot_is_seen),
        cmocka_unit_test(a_slot_with_impossible_numbers_is_damaged_whatever_its_checksum),
        cmocka_unit_test(the_newest_good_copy_counts),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(every_option_that_differs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
