/* SPDX-License-Identifier: MIT */
/*
 * Sample records: length and fields are drawn from a generator seeded by the seq; the content is
 * words that are spread from their number, as much of it is made and compared.
 */
#include "tests/lib/log_sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "log/hot/hot_shared.h"
#include "log/open/writer.h"
#include "log/prove/seal_walk.h"
#include "tests/lib/os_memory.h"

static mr_log_record sample_of(uint64_t seq, size_t body_bytes_max, uint8_t *body)
{
    struct mri_prng prng;
    mri_prng_init(&prng, seq);
    mr_log_record record = {
        .body = body,
        .body_bytes = (uint32_t)mri_prng_below(&prng, body_bytes_max + 1),
        .subject_id = (uint32_t)mri_prng_below(&prng, 10),
        .subject_prev = mri_prng_below(&prng, seq),
        .type = (uint16_t)(MR_LOG_TYPE_FREE + mri_prng_below(&prng, 65536 - MR_LOG_TYPE_FREE)),
        .version = (uint8_t)mri_prng_next(&prng),
    };
    uint64_t word = mri_prng_next(&prng);
    for (uint32_t i = 0; i < record.body_bytes; i += 8) { /* there is room for a whole word */
        uint64_t spread = (word ^ (word >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
        memcpy(body + i, &spread, sizeof(spread));
        word += UINT64_C(0x9e3779b97f4a7c15);
    }
    return record;
}

mr_err mri_log_sample_append(
    mr_log *log, size_t count, size_t body_bytes_max, mr_durability durability, mr_log_ack *ret_ack)
{
    mr_log_record records[MRI_LOG_SAMPLE_BATCH_MAX];
    MRI_ASSERT(count <= MRI_LOG_SAMPLE_BATCH_MAX && body_bytes_max <= MRI_LOG_SAMPLE_BODY_MAX);
    uint8_t *bodies = malloc(count * (body_bytes_max + 8));
    MRI_ASSERT(bodies != NULL);
    for (size_t i = 0; i < count; i++) {
        records[i] = sample_of(
            mr_log_last(log).n + 1 + i, body_bytes_max, bodies + i * (body_bytes_max + 8));
    }
    mr_err err = mr_log_append(log, records, count, durability, ret_ack);
    free(bodies);
    return err;
}

bool mri_log_sample_is(const mr_log_event *event, size_t body_bytes_max)
{
    uint8_t *body = malloc(body_bytes_max + 8);
    MRI_ASSERT(body != NULL && body_bytes_max <= MRI_LOG_SAMPLE_BODY_MAX);
    mr_log_record record = sample_of(event->seq.n, body_bytes_max, body);
    bool is_same =
        record.body_bytes == event->body_bytes && record.subject_id == event->subject_id &&
        record.subject_prev == event->subject_prev && record.producer_id == event->producer_id &&
        record.producer_seq == event->producer_seq && record.type == event->type &&
        record.version == event->version && memcmp(body, event->body, record.body_bytes) == 0;
    free(body);
    return is_same;
}

mr_err mri_log_sample_read(mr_log_reader *reader, size_t body_bytes_max, uint64_t *ret_last)
{
    uint64_t expected = 0;
    int64_t before_unix_ns = INT64_MIN;
    for (;;) {
        mr_log_event event;
        mr_err err = mr_log_reader_next(reader, &event, NULL);
        if (err != MR_OK) {
            return err;
        }
        bool is_right = event.type < MR_LOG_TYPE_FREE || mri_log_sample_is(&event, body_bytes_max);
        bool is_next = expected == 0 || event.seq.n == expected;
        if (!is_right || !is_next || event.time_unix_ns <= before_unix_ns) {
            return MR_EINTERNAL;
        }
        expected = event.seq.n + 1;
        before_unix_ns = event.time_unix_ns;
        *ret_last = event.seq.n;
    }
}

void mri_log_sample_end_process(struct mri_os_memory *memory, mr_log *log)
{
    struct mri_attachment *attachment = log->attachment;
    mri_sealing_fini(&attachment->sealing);
    mri_os_memory_end_process(memory);
    attachment->fork_count = UINT32_MAX; /* as of a parent */
    attachment->presence.fd = -1;        /* the machine has closed all of it */
    for (unsigned i = 0; i < MRI_HOT_FILES_KEPT; i++) {
        attachment->hot.files[i].fd = -1;
    }
    attachment->hot.sync_file.fd = -1;
    mr_log_close(log);
}

uint64_t mri_log_sample_end(const mr_log *log)
{
    const struct mri_attachment *attachment = log->attachment;
    return mri_hot_tail_counters(&attachment->hot).tail % attachment->manifest.segment_bytes;
}

void mri_log_sample_seal(mr_log *log)
{
    struct mri_sealing *sealing = &log->attachment->sealing;
    bool is_off = sealing->is_off;
    sealing->is_off = false;
    mri_sealing_finish(sealing);
    sealing->is_off = is_off;
}

void mri_log_sample_keep_unsealed(mr_log *log, bool is_kept)
{
    log->attachment->sealing.is_off = is_kept;
}

struct mri_seal_state *mri_log_sample_seals(mr_log *log)
{
    struct mri_hot_shared *shared = log->attachment->hot.shared;
    return &shared->seals[atomic_load(&shared->seals_index) & 1];
}

mr_err mri_log_sample_walk_seals(const struct mri_os *os, const char *folder,
    struct mri_seal_walk *ret_walk, mr_problem *reterr_problem)
{
    mr_err err = mri_seal_walk_init(ret_walk, os, mri_alloc_system(), folder, reterr_problem);
    while (err == MR_OK) {
        err = mri_seal_walk_next(ret_walk, reterr_problem);
    }
    return err;
}

uint64_t mri_log_sample_segment(const mr_log *log)
{
    const struct mri_attachment *attachment = log->attachment;
    uint64_t segment_bytes = attachment->manifest.segment_bytes;
    return (mri_hot_tail_counters(&attachment->hot).tail - 1) / segment_bytes * segment_bytes;
}
