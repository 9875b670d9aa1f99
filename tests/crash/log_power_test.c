/* SPDX-License-Identifier: MIT */
/*
 * The power goes at any call of the machine: whatever part of the unsynced bytes and names
 * survives, the log opens, holds every event that was said to be durable, and nothing else than a
 * prefix.
 */
#include <stdlib.h>

#include "log/open/append.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, SEEDS = 25, LIVES = 3 };

/** Write until the machine stops; what was said to be durable. */
static uint64_t live(
    const struct mri_os *os, struct mri_prng *prng, size_t body_max, uint64_t durable)
{
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log = NULL;
    mr_problem problem = {{0}};
    mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &options, &log, &problem);
    if (err != MR_OK && err != MR_EIO) {
        fail_msg("%s", problem.text);
    }
    for (int i = 0; i < 8 && err == MR_OK; i++) {
        mr_log_ack ack;
        bool is_durable = mri_prng_below(prng, 2) == 0;
        size_t count = 1 + mri_prng_below(prng, 5);
        err = mri_log_sample_append(log, count, body_max, is_durable ? MR_GROUP : MR_ASYNC, &ack);
        durable = err == MR_OK && ack.is_durable ? ack.last.n : durable;
    }
    mr_log_close(log); /* the machine has stopped: this can only give memory back */
    return durable;
}

/** Some lives, each ended by the power at call k; the log must hold what was promised. */
static bool story(uint64_t seed, uint64_t k)
{
    struct mri_prng prng;
    struct mri_os_faults machine;
    bool has_fired = false;
    uint64_t durable = 0;
    mri_prng_init(&prng, seed * 1000 + k);
    size_t body_max = seed % 2 == 0 ? 100000 : 700; /* with rolls, and with many small batches */
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    machine.is_sticky = true;
    machine.is_short_write = mri_prng_below(&prng, 2) == 0;
    for (int life = 0; life < LIVES; life++) {
        mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, MR_EIO);
        durable = live(&machine.table, &prng, body_max, durable);
        has_fired = has_fired || machine.fired > 0;
        mri_os_memory_cut_power(memory, &prng);
    }
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    const struct mri_os *os = mri_os_memory_table(memory);
    mr_log *log = NULL;
    mr_log_reader *reader;
    mr_problem problem = {{0}};
    uint64_t last = 0;
    (void)mri_log_open(os, mri_alloc_system(), "/log", &options, &log, &problem);
    if (log == NULL || mr_log_last(log).n < durable) {
        fail_msg("seed %llu, call %llu: %s; %llu of %llu durable events", (unsigned long long)seed,
            (unsigned long long)k, problem.text,
            (unsigned long long)(log == NULL ? 0 : mr_log_last(log).n),
            (unsigned long long)durable);
        return false;
    }
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, body_max, &last), MR_END);
    assert_int_equal(last, mr_log_last(log).n);
    mr_log_reader_close(reader);
    mr_log_close(log);
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
    return has_fired;
}

static void wherever_the_power_goes_durable_events_stay(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t k = 1;
        while (story(seed, k)) {
            k++;
        }
        assert_true(k > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wherever_the_power_goes_durable_events_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
