/* SPDX-License-Identifier: MIT */
/*
 * Tests of the bodies of ACK and DEAD_LETTER.
 */
#include "log/consume/consumer_record.h"

#include <string.h>

#include "tests/lib/cmocka_all.h"

static struct mri_consumer_slot slot;
static struct mri_consumer_body body;

static mr_log_event event_of(uint16_t type)
{
    return (mr_log_event){.seq = {50},
        .type = type,
        .version = body.version,
        .body = body.bytes,
        .body_bytes = body.count};
}

static int set_up(void **fixture)
{
    (void)fixture;
    static const mr_seq seqs[] = {{30}, {20}, {21}};
    slot = (struct mri_consumer_slot){.id = {1, 2, 3}, .rules = {.name = "mails"}};
    mri_consumer_record_put(&slot, seqs, 3, 0, &body);
    return 0;
}

static void what_was_put_is_what_is_got(void **fixture)
{
    (void)fixture;
    struct mri_consumer_said said;
    mr_log_event event = event_of(MRI_RECORD_ACK);
    assert_int_equal(body.count, 48 + 3 * 8 + 5);
    assert_true(mri_consumer_record_get(&event, slot.id, &said));
    assert_int_equal(said.head.count, 3);
    assert_int_equal(said.head.lowest_seq, 20);
    assert_int_equal(said.head.reason, MRI_CONSUMER_REASON_NONE);
    assert_int_equal(mri_consumer_record_seq(&said, 0), 30);
    assert_int_equal(mri_consumer_record_seq(&said, 2), 21);
    assert_memory_equal(body.bytes + 48 + 24, "mails", 5);
}

static void a_record_of_another_consumer_or_kind_is_none(void **fixture)
{
    (void)fixture;
    struct mri_consumer_said said;
    static const uint8_t other[MRI_CONSUMER_ID_BYTES] = {9};
    mr_log_event event = event_of(MRI_RECORD_ACK);
    assert_false(mri_consumer_record_get(&event, other, &said));
    event = event_of(MRI_RECORD_RECOVERY);
    assert_false(mri_consumer_record_get(&event, slot.id, &said));
    event = event_of(MRI_RECORD_DEAD_LETTER);
    assert_true(mri_consumer_record_get(&event, slot.id, &said));
    event.version = 3;
    assert_false(mri_consumer_record_get(&event, slot.id, &said));
}

static void a_body_of_any_other_length_is_none(void **fixture)
{
    (void)fixture;
    struct mri_consumer_said said;
    for (uint32_t bytes = 0; bytes <= sizeof(body.bytes); bytes++) {
        mr_log_event event = event_of(MRI_RECORD_ACK);
        event.body_bytes = bytes;
        assert_int_equal(mri_consumer_record_get(&event, slot.id, &said), bytes == body.count);
    }
    for (uint32_t count = 0; count < 3000; count++) {
        mr_log_event event = event_of(MRI_RECORD_ACK);
        memcpy(body.bytes + MRI_CONSUMER_ID_BYTES, &count, sizeof(count));
        assert_int_equal(mri_consumer_record_get(&event, slot.id, &said), count == 3);
    }
}

static void a_dead_letter_says_why_and_one_that_does_not_is_as_it_always_was(void **fixture)
{
    (void)fixture;
    struct mri_consumer_said said;
    static const mr_seq seqs[] = {{30}};
    mri_consumer_record_put(&slot, seqs, 1, 3, &body);
    const struct mri_consumer_body before = body;
    mri_consumer_record_put_why(&body, (struct mri_slice){0});
    assert_memory_equal(&before, &body, sizeof(body));
    mr_log_event event = event_of(MRI_RECORD_DEAD_LETTER);
    assert_true(mri_consumer_record_get(&event, slot.id, &said));
    assert_int_equal(said.why.count, 0);
    mri_consumer_record_put_why(&body, mri_slice_of("no room"));
    event = event_of(MRI_RECORD_DEAD_LETTER);
    assert_int_equal(event.version, 2);
    assert_int_equal(event.body_bytes, before.count + 7);
    assert_true(mri_consumer_record_get(&event, slot.id, &said));
    assert_true(mri_slice_is(said.name, "mails") && mri_slice_is(said.why, "no room"));
    assert_int_equal(said.head.deliveries, 3);
    for (uint32_t bytes = 0; bytes <= sizeof(body.bytes); bytes++) {
        event.body_bytes = bytes;
        assert_int_equal(
            mri_consumer_record_get(&event, slot.id, &said), bytes == before.count + 7);
    }
    event = event_of(MRI_RECORD_ACK); /* it has no such version */
    assert_false(mri_consumer_record_get(&event, slot.id, &said));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_put_is_what_is_got, set_up),
        cmocka_unit_test_setup(a_record_of_another_consumer_or_kind_is_none, set_up),
        cmocka_unit_test_setup(
            a_dead_letter_says_why_and_one_that_does_not_is_as_it_always_was, set_up),
        cmocka_unit_test_setup(a_body_of_any_other_length_is_none, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
