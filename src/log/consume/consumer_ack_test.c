/* SPDX-License-Identifier: MIT */
/*
 * Tests of acks in the log: one that stands alone, because what came of its event is in the log
 * already, and the checkpoint from which on they are looked for.
 */
#include <string.h>

#include "log/consume/consumer_work.h"
#include "log/format/record.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/consumer_sample.h"

enum { EVENTS = 20, PRODUCER = 7, OUTPUTS = 2 };

static struct mri_consumer_sample sample = {.event_count = EVENTS};

static uint64_t next(mr_consumer *consumer)
{
    return mri_consumer_sample_next(&sample, consumer);
}

static uint64_t cursor(void)
{
    return mri_consumer_sample_stat(&sample).next.n;
}

/** The outputs of an event: their producer's numbers follow from it. */
static const mr_log_record *outputs_of(uint64_t seq)
{
    static mr_log_record outputs[OUTPUTS];
    for (uint32_t i = 0; i < OUTPUTS; i++) {
        outputs[i] = (mr_log_record){.type = MR_LOG_TYPE_FREE,
            .producer_id = PRODUCER,
            .producer_seq = (uint32_t)seq * OUTPUTS + i};
    }
    return outputs;
}

static mr_err ack_with(mr_consumer *consumer, uint64_t seq, size_t outputs,
    mr_durability durability, mr_log_ack *ret_ack)
{
    const mr_seq seqs[] = {{seq}};
    const mr_consumer_batch batch = {
        seqs, 1, outputs == 0 ? NULL : outputs_of(seq), outputs, durability};
    return mr_consumer_ack_with(consumer, sample.log, &batch, ret_ack, &sample.problem);
}

/** The record of a number of its own: its type, and whether it ends its batch. */
static void expect_record(uint64_t seq, uint16_t type, bool is_batch_end)
{
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_seek(reader, (mr_seq){seq}, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.seq.n, seq);
    assert_int_equal(event.type, type);
    assert_int_equal(event.is_batch_end, is_batch_end);
    mr_log_reader_close(reader);
}

/* ---- alone ----------------------------------------------------------------------------------- */

static void an_ack_without_outputs_is_a_batch_of_its_own(void **fixture)
{
    (void)fixture;
    mr_log_ack appended;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(ack_with(consumer, 1, 0, MR_GROUP, &appended), MR_OK);
    assert_int_equal(appended.first.n, EVENTS + 1);
    assert_int_equal(appended.last.n, EVENTS + 1);
    assert_true(appended.is_durable && !appended.is_repeated);
    expect_record(EVENTS + 1, MRI_RECORD_ACK, true);
    assert_int_equal(cursor(), 2);
    assert_int_equal(ack_with(consumer, 1, 0, MR_GROUP, &appended), MR_CONFLICT);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS + 1); /* an event is acked once */
    mr_consumer_close(consumer);
}

static void the_ack_of_outputs_that_the_log_has_stands_alone(void **fixture)
{
    (void)fixture;
    mr_log_ack ack;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mr_log_append(sample.log, outputs_of(1), OUTPUTS, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(ack_with(consumer, 1, OUTPUTS, MR_GROUP, &ack), MR_OK);
    assert_true(ack.is_repeated && ack.is_durable);
    assert_int_equal(ack.first.n, EVENTS + 1); /* where they are */
    assert_int_equal(ack.last.n, EVENTS + OUTPUTS);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS + OUTPUTS + 1); /* none is there twice */
    expect_record(EVENTS + OUTPUTS + 1, MRI_RECORD_ACK, true);
    assert_int_equal(cursor(), 2);
    assert_int_equal(next(consumer), 2);
    assert_int_equal(ack_with(consumer, 2, OUTPUTS, MR_ASYNC, &ack), MR_OK);
    assert_false(ack.is_repeated); /* these are new */
    expect_record(ack.first.n, MRI_RECORD_ACK, false);
    expect_record(ack.last.n, MR_LOG_TYPE_FREE, true);
    mr_consumer_close(consumer);
}

static void an_ack_with_outputs_that_the_log_has_in_part_is_refused_and_nothing_is_acked(
    void **fixture)
{
    (void)fixture;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(mr_log_append(sample.log, outputs_of(1), 1, MR_ASYNC, NULL), MR_OK);
    assert_int_equal(ack_with(consumer, 1, OUTPUTS, MR_GROUP, NULL), MR_REFUSED);
    assert_int_equal(mr_log_last(sample.log).n, EVENTS + 1);
    assert_int_equal(cursor(), 1);
    assert_int_equal(ack_with(consumer, 1, 1, MR_GROUP, NULL), MR_OK); /* it is still leased */
    assert_int_equal(cursor(), 2);
    mr_consumer_close(consumer);
}

/* ---- the checkpoint -------------------------------------------------------------------------- */

static uint64_t checkpoint(const mr_consumer *consumer)
{
    return consumer->file.slot.applied_seq;
}

static void the_checkpoint_follows_the_acks_that_are_durable(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer =
        mri_consumer_sample_open(&sample, &(mr_consumer_options){.log = sample.log});
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_int_equal(next(consumer), seq);
        assert_int_equal(ack_with(consumer, seq, OUTPUTS, MR_ASYNC, NULL), MR_OK);
    }
    assert_true(checkpoint(consumer) <= EVENTS); /* what may go with the power counts for nothing */
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    assert_int_equal(checkpoint(consumer), EVENTS + 1 + 4 * (1 + OUTPUTS)); /* the newest ACK */
    assert_int_equal(cursor(), 6);
    uint64_t before = checkpoint(consumer);
    assert_int_equal(next(consumer), 6);
    assert_int_equal(next(consumer), 7);
    assert_int_equal(ack_with(consumer, 7, 0, MR_GROUP, NULL), MR_OK);
    assert_int_equal(checkpoint(consumer), EVENTS + 5 * (1 + OUTPUTS) + 1); /* over the cursor */
    assert_true(checkpoint(consumer) > before);
    assert_int_equal(cursor(), 6);
    mr_consumer_close(consumer);
}

/** The machine is started again: leases are void, and what they said is read out of the log. */
static void start_again(mr_consumer *consumer)
{
    mr_consumer_close(consumer);
    mr_log_close(sample.log);
    mri_os_memory_restart(sample.memory);
    mri_consumer_sample_open_log(&sample);
}

static void the_checkpoint_does_not_pass_an_ack_that_may_not_be_durable(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer = mri_consumer_sample_open(&sample, &(mr_consumer_options){0});
    assert_int_equal(next(consumer), 1);
    assert_int_equal(ack_with(consumer, 1, 0, MR_ASYNC, NULL), MR_OK);
    mri_consumer_sample_append(&sample, 1, MR_ASYNC);
    for (uint64_t seq = 2; seq <= EVENTS + 2; seq += seq == EVENTS ? 2 : 1) { /* over the ACK */
        assert_int_equal(next(consumer), seq);
        assert_int_equal(mri_consumer_sample_ack(&sample, consumer, seq), MR_OK);
    }
    assert_int_equal(consumer->file.slot.token.seq, EVENTS + 2);
    assert_int_equal(checkpoint(consumer), EVENTS); /* the ACK is still looked for */
    assert_int_equal(cursor(), 1);
    assert_int_equal(mr_log_sync(sample.log), MR_OK);
    assert_int_equal(next(consumer), 0);
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    start_again(consumer);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), 0); /* it is found */
    mr_consumer_close(consumer);
}

static void after_a_restart_the_log_is_read_from_the_checkpoint_on(void **fixture)
{
    (void)fixture;
    mr_consumer *consumer =
        mri_consumer_sample_open(&sample, &(mr_consumer_options){.log = sample.log});
    for (uint64_t seq = 1; seq <= 6; seq++) {
        assert_int_equal(next(consumer), seq);
        if (seq != 3) {
            assert_int_equal(ack_with(consumer, seq, OUTPUTS, MR_ASYNC, NULL), MR_OK);
        }
    }
    assert_int_equal(mr_consumer_sync(consumer, NULL), MR_OK);
    uint64_t synced = checkpoint(consumer);
    start_again(consumer);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(checkpoint(consumer), synced);
    assert_int_equal(next(consumer), 3); /* the only one that was not acked */
    assert_true(consumer->file.image.leases.mark.scanned_seq >= synced);
    assert_int_equal(next(consumer), 7);
    /* A checkpoint that is too early costs reading; one that is too late would lose acks. */
    assert_int_equal(ack_with(consumer, 3, 0, MR_GROUP, NULL), MR_OK);
    assert_int_equal(cursor(), 7);
    start_again(consumer);
    consumer = mri_consumer_sample_open(&sample, NULL);
    assert_int_equal(next(consumer), 7);
    mr_consumer_close(consumer);
}

int main(void)
{
#define TEST(name) MRI_CONSUMER_SAMPLE_TEST(name, &sample)
    const struct CMUnitTest tests[] = {
        TEST(an_ack_without_outputs_is_a_batch_of_its_own),
        TEST(the_ack_of_outputs_that_the_log_has_stands_alone),
        TEST(an_ack_with_outputs_that_the_log_has_in_part_is_refused_and_nothing_is_acked),
        TEST(the_checkpoint_follows_the_acks_that_are_durable),
        TEST(the_checkpoint_does_not_pass_an_ack_that_may_not_be_durable),
        TEST(after_a_restart_the_log_is_read_from_the_checkpoint_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
