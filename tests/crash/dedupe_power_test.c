/* SPDX-License-Identifier: MIT */
/*
 * The power goes at any call of the machine. Producers that append again whatever they were not
 * told to be durable find every record in the log once, in order, however often that happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "log/open/append.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, SEEDS = 12, LIVES = 3, PRODUCERS = 2 };
enum { BATCH_MAX = 3, BATCHES = 10, BODY_MAX = 400000 };

static const uint8_t body[BODY_MAX];

/** What a producer remembers: it has a disk of its own. Batches count from 1. */
struct producer {
    uint32_t attempted; /**< highest batch it ever tried */
    uint32_t durable;   /**< all up to this one are, as it was told */
    uint32_t next;
};

static struct producer producers[PRODUCERS];

/** Batch b of a producer: always the same records. */
static mr_err append_batch(mr_log *log, uint32_t producer, uint32_t batch, uint32_t body_bytes,
    mr_durability durability, mr_log_ack *ret_ack)
{
    mr_log_record records[BATCH_MAX];
    uint8_t ids[BATCH_MAX][MR_LOG_MESSAGE_ID_BYTES] = {{0}};
    size_t count = 1 + (batch * 7 + producer) % BATCH_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = (batch - 1) * BATCH_MAX + i + 1;
        memcpy(ids[i], &number, sizeof(number));
        records[i] = (mr_log_record){.body = body,
            .body_bytes = body_bytes,
            .type = 300,
            .producer_id = producer + 1,
            .producer_seq = number,
            .message_id = producer == 0 ? ids[i] : NULL};
    }
    return mr_log_append(log, records, count, durability, ret_ack);
}

static mr_err open_log(const struct mri_os *os, mr_log **ret_log)
{
    const mr_log_options options = {
        .is_create = true, .segment_bytes = FILE_BYTES, .producers_max = 16, .message_ids = 1024};
    mr_problem problem = {{0}};
    mr_err err = mri_log_open(os, mri_alloc_system(), "/log", &options, ret_log, &problem);
    if (err != MR_OK && err != MR_EIO) {
        fail_msg("%s", problem.text);
    }
    return err;
}

/** Append until the machine stops. */
static void live(const struct mri_os *os, struct mri_prng *prng, uint32_t body_max)
{
    mr_log *log = NULL;
    mr_err err = open_log(os, &log);
    for (int i = 0; i < BATCHES && err == MR_OK; i++) {
        struct producer *producer = &producers[mri_prng_below(prng, PRODUCERS)];
        mr_durability durability = mri_prng_below(prng, 3) == 0 ? MR_GROUP : MR_ASYNC;
        mr_log_ack ack;
        producer->attempted =
            producer->next > producer->attempted ? producer->next : producer->attempted;
        err = append_batch(log, (uint32_t)(producer - producers), producer->next,
            (uint32_t)mri_prng_below(prng, body_max), durability, &ack);
        if (err == MR_OK && ack.is_durable) {
            producer->durable = producer->next;
        }
        producer->next += err == MR_OK;
    }
    mr_log_close(log);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i].next = producers[i].durable + 1;
    }
}

/** Append all that is not known to be durable, and read: each record once, in order. */
static void check(const struct mri_os *os)
{
    mr_log *log = NULL;
    mr_log_reader *reader;
    mr_log_event event;
    uint32_t newest[PRODUCERS] = {0};
    assert_int_equal(open_log(os, &log), MR_OK);
    assert_false(mri_log_opening(log)->is_dedupe_incomplete);
    for (uint32_t p = 0; p < PRODUCERS; p++) {
        for (uint32_t b = producers[p].next; b <= producers[p].attempted; b++) {
            assert_int_equal(append_batch(log, p, b, 10, MR_GROUP, NULL), MR_OK);
        }
    }
    assert_int_equal(mri_reader_open(os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    while (mr_log_reader_next(reader, &event, NULL) == MR_OK) {
        if (event.producer_id == 0) {
            continue; /* RECOVERY */
        }
        uint32_t p = event.producer_id - 1;
        uint32_t batch = (event.producer_seq - 1) / BATCH_MAX + 1;
        bool is_first = (event.producer_seq - 1) % BATCH_MAX == 0;
        assert_true(event.producer_seq == newest[p] + 1 ||
                    (is_first && batch == (newest[p] + BATCH_MAX - 1) / BATCH_MAX + 1));
        newest[p] = event.producer_seq;
    }
    for (uint32_t p = 0; p < PRODUCERS; p++) {
        uint32_t last = producers[p].attempted;
        uint32_t count = 1 + (last * 7 + p) % BATCH_MAX;
        assert_int_equal(newest[p], last == 0 ? 0 : (last - 1) * BATCH_MAX + count);
    }
    mr_log_reader_close(reader);
    mr_log_close(log);
}

/** Some lives, each ended by the power at call k. */
static bool story(uint64_t seed, uint64_t k)
{
    static const uint32_t body_max[] = {700, 100000, BODY_MAX};
    struct mri_prng prng;
    struct mri_os_faults machine;
    bool has_fired = false;
    mri_prng_init(&prng, seed * 1000 + k);
    memset(producers, 0, sizeof(producers));
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i].next = 1;
    }
    struct mri_os_memory *memory = mri_os_memory_new(FILE_BYTES);
    mri_os_faults_init(&machine, mri_os_memory_table(memory));
    machine.is_sticky = true;
    machine.is_short_write = mri_prng_below(&prng, 2) == 0;
    for (int life = 0; life < LIVES; life++) {
        mri_os_faults_arm(&machine, MRI_OS_CALL_ANY, k, MR_EIO);
        live(&machine.table, &prng, body_max[seed % MRI_COUNT_OF(body_max)]);
        has_fired = has_fired || machine.fired > 0;
        mri_os_memory_cut_power(memory, &prng);
    }
    check(mri_os_memory_table(memory));
    assert_int_equal(mri_os_memory_open_count(memory), 0);
    mri_os_memory_free(memory);
    return has_fired;
}

static void wherever_the_power_goes_every_record_is_there_once(void **fixture)
{
    (void)fixture;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t k = 1;
        while (story(seed, k)) {
            k++;
        }
        assert_true(k > 20);
        (void)printf("seed %llu: %llu calls\n", (unsigned long long)seed, (unsigned long long)k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wherever_the_power_goes_every_record_is_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
