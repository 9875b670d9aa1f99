/* SPDX-License-Identifier: MIT */
/*
 * A batch against the tables of producers and message ids.
 *
 *   identified records    all repeated      -> the batch is: nothing is appended
 *                         none repeated     -> it is new
 *                         some of each      -> it is refused: a batch is visible whole or not at
 * all
 *
 * Invariants
 *  1. A record is repeated when its producer_seq is not above the newest of its producer, or when
 *     its message id is one of the newest: one of the two is enough.
 *  2. Records that are not identified go with their batch. Where their originals stand follows from
 *     the identified ones beside them.
 *  3. A seq is told only when it follows from the tables: of the newest unbroken run of a producer,
 *     and of a message id. An older one is 0 and must be looked up in the log.
 *
 * Not here: looking up (repeat.c).
 */
#include "log/dedupe/dedupe_batch.h"

#include <string.h>

enum { ID_PLACES = 2 * MR_LOG_BATCH_MESSAGE_IDS_MAX };

/* ---- the batch by itself --------------------------------------------------------------------- */

static mr_err survey_producer(struct mri_dedupe_batch *batch, const mr_log_record *record)
{
    unsigned at = 0;
    while (at < batch->producer_count && batch->producers[at] != record->producer_id) {
        at++;
    }
    if (at == MR_LOG_BATCH_PRODUCERS_MAX) {
        return MR_EINVAL;
    }
    if (at == batch->producer_count) {
        batch->producer_count++;
        batch->producers[at] = record->producer_id;
        batch->newest[at] = 0;
    }
    bool is_growing = record->producer_seq > batch->newest[at];
    batch->newest[at] = record->producer_seq;
    return is_growing ? MR_OK : MR_EINVAL;
}

/** Has the batch a message id twice? */
static bool has_twin(const mr_log_record *records, size_t count)
{
    uint16_t places[ID_PLACES] = {0}; /* how many-th identified record, from 1 */
    const uint8_t *ids[MR_LOG_BATCH_MESSAGE_IDS_MAX];
    uint16_t known = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *id = records[i].message_id;
        uint64_t words[2];
        if (id == NULL) {
            continue;
        }
        memcpy(words, id, sizeof(words));
        size_t at =
            (size_t)((words[0] ^ words[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % ID_PLACES;
        while (places[at] != 0) {
            if (memcmp(ids[places[at] - 1], id, MRI_MESSAGE_ID_BYTES) == 0) {
                return true;
            }
            at = (at + 1) % ID_PLACES;
        }
        ids[known] = id;
        places[at] = ++known;
    }
    return false;
}

mr_err mri_dedupe_batch_survey(
    const mr_log_record *records, size_t count, struct mri_dedupe_batch *ret_batch)
{
    struct mri_dedupe_batch *batch = ret_batch;
    batch->identified = 0;
    batch->id_count = 0;
    batch->producer_count = 0;
    for (size_t i = 0; i < count; i++) {
        const mr_log_record *record = &records[i];
        if (record->producer_id == 0 && record->message_id == NULL) {
            continue;
        }
        mr_err err = record->producer_id == 0 ? MR_OK : survey_producer(batch, record);
        if (err != MR_OK) {
            return err;
        }
        batch->first = batch->identified == 0 ? i : batch->first;
        batch->last = i;
        batch->identified++;
        batch->id_count += record->message_id != NULL;
    }
    bool is_good = batch->id_count <= MR_LOG_BATCH_MESSAGE_IDS_MAX &&
                   (batch->id_count < 2 || !has_twin(records, count));
    return is_good ? MR_OK : MR_EINVAL;
}

/* ---- the batch and the log ------------------------------------------------------------------- */

/** What a record's producer and id say of it. */
struct said {
    bool is_repeated;
    uint64_t seq; /**< of the original; 0 = they do not say */
};

static struct said ask(const struct mri_dedupe *dedupe, const mr_log_record *record)
{
    struct said said = {0};
    struct mri_dedupe_newest newest;
    if (record->producer_id != 0 &&
        mri_dedupe_find_producer(dedupe, record->producer_id, &newest) &&
        record->producer_seq <= newest.producer_seq) {
        uint32_t back = newest.producer_seq - record->producer_seq;
        said.is_repeated = true;
        said.seq = back <= newest.run ? newest.seq - back : 0;
    }
    if (said.seq == 0 && record->message_id != NULL) {
        said.seq = mri_dedupe_find_id(dedupe, record->message_id);
        said.is_repeated = said.is_repeated || said.seq != 0;
    }
    return said;
}

/** Is there room for those producers of a new batch that are new? */
static mr_err check_room(const struct mri_dedupe *dedupe, const struct mri_dedupe_batch *batch)
{
    uint32_t room = dedupe->limits.producers -
                    atomic_load_explicit(&dedupe->head->producer_count, memory_order_relaxed);
    uint32_t wanted = 0;
    if (room >= MR_LOG_BATCH_PRODUCERS_MAX) {
        return MR_OK;
    }
    for (unsigned i = 0; i < batch->producer_count; i++) {
        struct mri_dedupe_newest newest;
        wanted += !mri_dedupe_find_producer(dedupe, batch->producers[i], &newest);
    }
    return wanted <= room ? MR_OK : MR_FULL;
}

mr_err mri_dedupe_batch_judge(const struct mri_dedupe *dedupe, const mr_log_record *records,
    size_t count, const struct mri_dedupe_batch *batch, struct mri_dedupe_verdict *ret_verdict)
{
    size_t repeated = 0;
    struct said first = {0};
    struct said last = {0};
    *ret_verdict = (struct mri_dedupe_verdict){0};
    if (batch->identified == 0 || dedupe->head == NULL) {
        return MR_OK;
    }
    for (size_t i = batch->first; i <= batch->last; i++) {
        if (records[i].producer_id != 0 || records[i].message_id != NULL) {
            last = ask(dedupe, &records[i]);
            first = i == batch->first ? last : first;
            repeated += last.is_repeated;
        }
    }
    if (repeated == 0) {
        return check_room(dedupe, batch);
    }
    if (repeated < batch->identified) {
        return MR_REFUSED;
    }
    ret_verdict->is_repeated = true;
    ret_verdict->first_seq = first.seq > batch->first ? first.seq - batch->first : 0;
    ret_verdict->last_seq = last.seq == 0 ? 0 : last.seq + (count - 1 - batch->last);
    return MR_OK;
}
