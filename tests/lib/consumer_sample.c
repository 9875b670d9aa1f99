/* SPDX-License-Identifier: MIT */
/*
 * A log in memory with consumers.
 *
 * Invariants
 *  1. The clock stands still but for mri_consumer_sample_pass().
 */
#include "tests/lib/consumer_sample.h"

#include "log/format/segment.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"

void mri_consumer_sample_open_log(struct mri_consumer_sample *sample)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = MRI_SEGMENT_BYTES_MIN};
    if (mri_log_open(sample->os, mri_alloc_system(), "/log", &options, &sample->log,
            &sample->problem) != MR_OK) {
        fail_msg("%s", sample->problem.text);
    }
}

void mri_consumer_sample_close_log(struct mri_consumer_sample *sample)
{
    mr_log_close(sample->log);
    sample->log = NULL;
}

void mri_consumer_sample_append(
    struct mri_consumer_sample *sample, unsigned count, mr_durability durability)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(
            mri_log_sample_append(sample->log, 1, MRI_CONSUMER_SAMPLE_BODY_MAX, durability, NULL),
            MR_OK);
    }
}

void mri_consumer_sample_begin(struct mri_consumer_sample *sample)
{
    *sample = (struct mri_consumer_sample){
        .event_count = sample->event_count, .now_ns = MRI_CONSUMER_SAMPLE_CLOCK_NS};
    sample->memory = mri_os_memory_new(MRI_SEGMENT_BYTES_MIN);
    sample->os = mri_os_memory_table(sample->memory);
    mri_os_memory_set_clock(sample->memory, sample->now_ns, 0);
    mri_consumer_sample_open_log(sample);
    mri_consumer_sample_append(sample, sample->event_count, MR_ASYNC);
    assert_int_equal(mr_log_sync(sample->log), MR_OK);
}

void mri_consumer_sample_end(struct mri_consumer_sample *sample)
{
    mri_consumer_sample_close_log(sample);
    assert_int_equal(mri_os_memory_open_count(sample->memory), 0);
    mri_os_memory_free(sample->memory);
    sample->memory = NULL;
}

int mri_consumer_sample_set_up(void **fixture)
{
    mri_consumer_sample_begin(*fixture);
    return 0;
}

int mri_consumer_sample_tear_down(void **fixture)
{
    mri_consumer_sample_end(*fixture);
    return 0;
}

mr_err mri_consumer_sample_try(struct mri_consumer_sample *sample,
    const mr_consumer_options *options, mr_consumer **ret_consumer)
{
    const struct mri_consumer_at at = {sample->os, mri_alloc_system(), "/log", "c"};
    *ret_consumer = NULL;
    return mri_consumer_open(&at, options, ret_consumer, &sample->problem);
}

mr_consumer *mri_consumer_sample_open(
    struct mri_consumer_sample *sample, const mr_consumer_options *options)
{
    mr_consumer *consumer;
    if (mri_consumer_sample_try(sample, options, &consumer) != MR_OK) {
        fail_msg("%s", sample->problem.text);
    }
    return consumer;
}

mr_err mri_consumer_sample_look(
    struct mri_consumer_sample *sample, mr_consumer *consumer, mr_delivery *ret_delivery)
{
    mr_log_event event;
    return mr_consumer_next(consumer, &event, ret_delivery, &sample->problem);
}

uint64_t mri_consumer_sample_next(struct mri_consumer_sample *sample, mr_consumer *consumer)
{
    mr_log_event event;
    mr_delivery delivery;
    mr_err err = mr_consumer_next(consumer, &event, &delivery, &sample->problem);
    if (err == MR_END || err == MR_AGAIN) {
        return 0;
    }
    if (err != MR_OK) {
        fail_msg("%s: %s", mr_err_name(err), sample->problem.text);
    }
    assert_true(
        event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, MRI_CONSUMER_SAMPLE_BODY_MAX));
    return event.seq.n;
}

mr_err mri_consumer_sample_ack(
    struct mri_consumer_sample *sample, mr_consumer *consumer, uint64_t seq)
{
    return mr_consumer_ack(consumer, (mr_seq){seq}, &sample->problem);
}

mr_consumer_stats mri_consumer_sample_stat(struct mri_consumer_sample *sample)
{
    const struct mri_consumer_at at = {sample->os, mri_alloc_system(), "/log", "c"};
    mr_consumer_stats stats;
    if (mri_consumer_stat(&at, &stats, &sample->problem) != MR_OK) {
        fail_msg("%s", sample->problem.text);
    }
    return stats;
}

void mri_consumer_sample_pass(struct mri_consumer_sample *sample, int64_t duration_ms)
{
    sample->now_ns += duration_ms * 1000000;
    mri_os_memory_set_clock(sample->memory, sample->now_ns, 0);
}
