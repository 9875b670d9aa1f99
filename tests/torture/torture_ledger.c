/* SPDX-License-Identifier: MIT */
/*
 * A ledger of promises, and logs compared with it.
 *
 * Invariants
 *  1. `begun` is raised before an append, `acked` and `durable` after it: what lies between may be
 *     in the log or not, what is above `begun` was invented.
 *  2. A mark holds number and seq in one word: a killed writer leaves both or none.
 */
#include "tests/torture/torture_ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { TYPE = MR_LOG_TYPE_FREE + 7, SUBJECTS = 64 };

static uint32_t number_of(uint64_t mark)
{
    return (uint32_t)mark;
}

static uint64_t seq_of(uint64_t mark)
{
    return mark >> 32;
}

void mri_torture_ledger_clear(struct mri_torture_ledger *ledger)
{
    for (uint32_t i = 0; i < MRI_TORTURE_LIVES_MAX && i < atomic_load(&ledger->life_count); i++) {
        ledger->lives[i] = (struct mri_torture_life){0};
    }
    for (uint32_t i = 0; i < MRI_TORTURE_READERS_MAX; i++) {
        atomic_store(&ledger->seen[i], 0);
    }
    atomic_store(&ledger->is_over, 0);
    atomic_store(&ledger->is_lossy, 0);
    atomic_store(&ledger->life_count, 0);
    atomic_store(&ledger->durable_seq, 0);
}

uint32_t mri_torture_ledger_life(struct mri_torture_ledger *ledger)
{
    uint32_t life = atomic_fetch_add(&ledger->life_count, 1) + 1;
    MRI_TORTURE_CHECK(life <= MRI_TORTURE_LIVES_MAX, "too many lives in one log");
    return life;
}

void mri_torture_raise(_Atomic uint64_t *word, uint64_t value)
{
    uint64_t now = atomic_load(word);
    while (now < value && !atomic_compare_exchange_weak(word, &now, value)) {
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

void mri_torture_writer_init(struct mri_torture_writer *writer, struct mri_torture_ledger *ledger,
    mr_log *log, uint32_t life, uint64_t seed)
{
    *writer = (struct mri_torture_writer){.ledger = ledger, .log = log, .life = life};
    writer->bodies = mri_torture_keep((size_t)MRI_TORTURE_BODY_MAX * MRI_TORTURE_BATCH_MAX);
    mri_prng_init(&writer->prng, seed);
}

void mri_torture_writer_fini(struct mri_torture_writer *writer)
{
    mri_torture_forget(writer->bodies, (size_t)MRI_TORTURE_BODY_MAX * MRI_TORTURE_BATCH_MAX);
}

/** The bytes behind the front: a row that begins with something of each event. */
static uint8_t filler(const struct mri_torture_body *body, uint32_t at)
{
    return (uint8_t)(body->life * 31 + body->number * 7 + at);
}

static void build_record(struct mri_torture_writer *writer, const struct mri_torture_batch *batch,
    uint32_t index, mr_log_record *record)
{
    uint8_t *bytes = writer->bodies + (size_t)index * MRI_TORTURE_BODY_MAX;
    const struct mri_torture_body body = {
        writer->life, writer->number + 1 + index, writer->number + 1, batch->count};
    uint32_t more = (uint32_t)mri_prng_below(&writer->prng, batch->body_max + 1);
    memcpy(bytes, &body, sizeof(body));
    for (uint32_t i = 0; i < more; i++) {
        bytes[sizeof(body) + i] = filler(&body, i);
    }
    *record = (mr_log_record){.body = bytes,
        .body_bytes = (uint32_t)sizeof(body) + more,
        .subject_id = 1 + writer->life % SUBJECTS,
        .producer_id = writer->life,
        .producer_seq = body.number,
        .type = TYPE,
        .version = 1};
}

mr_err mri_torture_append(struct mri_torture_writer *writer, const struct mri_torture_batch *batch)
{
    mr_log_record records[MRI_TORTURE_BATCH_MAX];
    struct mri_torture_ledger *ledger = writer->ledger;
    struct mri_torture_life *life = &ledger->lives[writer->life - 1];
    mr_log_ack ack = {0};
    MRI_ASSERT(batch->count > 0 && batch->count <= MRI_TORTURE_BATCH_MAX);
    MRI_ASSERT(batch->body_max + sizeof(struct mri_torture_body) <= MRI_TORTURE_BODY_MAX);
    for (uint32_t i = 0; i < batch->count; i++) {
        build_record(writer, batch, i, &records[i]);
    }
    atomic_store(&life->begun, writer->number + batch->count);
    mr_err err = mr_log_append(writer->log, records, batch->count, batch->durability, &ack);
    if (err != MR_OK && err != MR_EUNKNOWN) {
        return err;
    }
    MRI_TORTURE_CHECK(ack.last.n == ack.first.n + batch->count - 1,
        "ack of %u events: %llu to %llu", batch->count, (unsigned long long)ack.first.n,
        (unsigned long long)ack.last.n);
    writer->number += batch->count;
    uint64_t mark = mri_torture_mark(writer->number, ack.last.n);
    if (err == MR_OK) {
        atomic_store(&life->acked, mark);
        atomic_fetch_add(&ledger->appended, batch->count);
    }
    MRI_TORTURE_CHECK(ack.is_durable == (err == MR_OK && batch->durability == MR_GROUP),
        "ack: durable %d of %s", ack.is_durable, mr_err_name(err));
    if (ack.is_durable) {
        atomic_store(&life->durable, mark);
        atomic_fetch_add(&ledger->group_acks, 1);
        mri_torture_raise(&ledger->durable_seq, ack.last.n);
    }
    return err;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct mri_torture_reading *mri_torture_reading_new(
    const struct mri_torture_ledger *ledger, bool is_whole)
{
    struct mri_torture_reading *reading = mri_torture_keep(sizeof(*reading));
    reading->ledger = ledger;
    reading->is_whole = is_whole;
    uint32_t count = atomic_load(&ledger->life_count);
    for (uint32_t i = 0; i < count && i < MRI_TORTURE_LIVES_MAX; i++) {
        reading->durable[i] = atomic_load(&ledger->lives[i].durable);
        reading->acked[i] = atomic_load(&ledger->lives[i].acked);
    }
    return reading;
}

void mri_torture_reading_free(struct mri_torture_reading *reading)
{
    mri_torture_forget(reading, sizeof(*reading));
}

const struct mri_torture_body *mri_torture_check_event(
    const struct mri_torture_ledger *ledger, const mr_log_event *event)
{
    const struct mri_torture_body *body = event->body;
    unsigned long long seq = (unsigned long long)event->seq.n;
    if (event->type < MR_LOG_TYPE_FREE) {
        return NULL;
    }
    MRI_TORTURE_CHECK(event->type == TYPE && event->body_bytes >= sizeof(*body) &&
                          event->producer_id == body->life && event->producer_seq == body->number &&
                          body->life >= 1 && body->life <= atomic_load(&ledger->life_count),
        "event %llu is of nobody", seq);
    MRI_TORTURE_CHECK(body->number <= atomic_load(&ledger->lives[body->life - 1].begun),
        "event %llu: number %u of life %u was never appended", seq, body->number, body->life);
    const uint8_t *bytes = (const uint8_t *)event->body + sizeof(*body);
    for (uint32_t i = 0; i < event->body_bytes - sizeof(*body); i++) {
        MRI_TORTURE_CHECK(bytes[i] == filler(body, i), "event %llu: byte %u is wrong", seq, i);
    }
    bool is_last = body->number == body->batch_first + body->batch_count - 1;
    MRI_TORTURE_CHECK(is_last == event->is_batch_end, "event %llu: a batch ends elsewhere", seq);
    return body;
}

/** Batches are whole, and nobody else's event is inside. */
static void take_batch(
    struct mri_torture_reading *reading, const struct mri_torture_body *body, uint64_t seq)
{
    uint32_t index = body->number - body->batch_first;
    if (reading->batch_left > 0) {
        MRI_TORTURE_CHECK(
            reading->batch_life == body->life && body->batch_count - index == reading->batch_left,
            "event %llu stands in a batch of life %u", (unsigned long long)seq,
            reading->batch_life);
    } else {
        MRI_TORTURE_CHECK(
            index == 0, "event %llu: the front of its batch is missing", (unsigned long long)seq);
    }
    reading->batch_life = body->life;
    reading->batch_left = body->batch_count - index - 1;
}

static void check_mark(uint64_t mark, const struct mri_torture_body *body, uint64_t seq)
{
    MRI_TORTURE_CHECK(number_of(mark) != body->number || seq_of(mark) == seq,
        "number %u of life %u has seq %llu; the ack said %llu", body->number, body->life,
        (unsigned long long)seq, (unsigned long long)seq_of(mark));
}

void mri_torture_reading_take(struct mri_torture_reading *reading, const mr_log_event *event)
{
    uint64_t seq = event->seq.n;
    const struct mri_torture_body *body = mri_torture_check_event(reading->ledger, event);
    MRI_TORTURE_CHECK(seq == reading->seq + 1 || (reading->seq == 0 && !reading->is_whole),
        "event %llu comes behind %llu", (unsigned long long)seq, (unsigned long long)reading->seq);
    bool is_first = reading->seq == 0;
    reading->seq = seq;
    if (body == NULL) {
        MRI_TORTURE_CHECK(reading->batch_left == 0, "the log's own record in a batch");
        return;
    }
    if (is_first && !reading->is_whole) { /* it may begin inside a batch */
        reading->batch_left = body->batch_count - (body->number - body->batch_first);
        reading->batch_life = body->life;
    }
    take_batch(reading, body, seq);
    uint32_t index = body->life - 1;
    uint32_t before = number_of(reading->newest[index]);
    MRI_TORTURE_CHECK(body->number == before + 1 || (before == 0 && !reading->is_whole),
        "event %llu: number %u of life %u comes behind %u", (unsigned long long)seq, body->number,
        body->life, before);
    reading->newest[index] = mri_torture_mark(body->number, seq);
    if (atomic_load(&reading->ledger->is_lossy) == 0) {
        check_mark(reading->acked[index], body, seq);
    }
    check_mark(reading->durable[index], body, seq);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void compare_life(
    struct mri_torture_ledger *ledger, const struct mri_torture_reading *reading, uint32_t index)
{
    uint32_t found = number_of(reading->newest[index]);
    uint32_t durable = number_of(reading->durable[index]);
    uint32_t acked = number_of(reading->acked[index]);
    uint32_t promised = atomic_load(&ledger->is_lossy) != 0 ? durable : acked;
    MRI_TORTURE_CHECK(found >= promised,
        "life %u: %u events are in the log, %u were acknowledged (%u durable)", index + 1, found,
        acked, durable);
}

static void settle_life(
    struct mri_torture_ledger *ledger, const struct mri_torture_reading *reading, uint32_t index)
{
    struct mri_torture_life *life = &ledger->lives[index];
    atomic_store(&life->begun, number_of(reading->newest[index]));
    atomic_store(&life->acked, reading->newest[index]);
    atomic_store(&life->durable, reading->newest[index]);
}

uint64_t mri_torture_ledger_compare(
    struct mri_torture_ledger *ledger, const char *folder, bool is_settling)
{
    mr_problem problem = {""};
    mr_log_reader *reader = NULL;
    mr_log_event event;
    mr_err err = mr_log_reader_open(folder, &reader, &problem);
    mri_torture_ok(err, "the last look", &problem);
    struct mri_torture_reading *reading = mri_torture_reading_new(ledger, true);
    for (err = MR_OK; err == MR_OK;) {
        err = mr_log_reader_next(reader, &event, &problem);
        if (err == MR_OK) {
            mri_torture_reading_take(reading, &event);
        }
    }
    MRI_TORTURE_CHECK(err == MR_END, "the last look: %s %s", mr_err_name(err), problem.text);
    MRI_TORTURE_CHECK(reading->batch_left == 0, "the log ends inside a batch");
    uint64_t last = reading->seq;
    atomic_fetch_add(&ledger->read, last);
    for (uint32_t i = 0; i < atomic_load(&ledger->life_count); i++) {
        compare_life(ledger, reading, i);
        if (is_settling) {
            settle_life(ledger, reading, i);
        }
    }
    bool is_lossy = atomic_load(&ledger->is_lossy) != 0;
    MRI_TORTURE_CHECK(last >= atomic_load(&ledger->durable_seq),
        "the log ends with %llu, but %llu was durable", (unsigned long long)last,
        (unsigned long long)atomic_load(&ledger->durable_seq));
    for (uint32_t i = 0; i < MRI_TORTURE_READERS_MAX && !is_lossy; i++) {
        MRI_TORTURE_CHECK(last >= atomic_load(&ledger->seen[i]), "reader %u saw event %llu of %llu",
            i, (unsigned long long)atomic_load(&ledger->seen[i]), (unsigned long long)last);
    }
    mr_log_reader_close(reader);
    mri_torture_reading_free(reading);
    return last;
}
