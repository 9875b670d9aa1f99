/* SPDX-License-Identifier: MIT */
/*
 * A log with a hot tail whose content is known.
 */
#include "tests/lib/hot_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "os/shared_memory.h"

enum { PRODUCER_RECORDS_BITS = 12 }; /* then a writer takes another producer's id */
enum { TYPE = 300, DERIVED_BYTES = MRI_SHARED_MEMORY_PAGE_BYTES, STORES_MAX = 128 };

/** Length and bytes follow from writer and number. */
static uint32_t fill_body(uint8_t *bytes, const struct mri_hot_sample_body *body)
{
    struct mri_prng prng;
    mri_prng_init(&prng, ((uint64_t)body->writer << 32) + body->number);
    uint32_t count =
        (uint32_t)(sizeof(*body) + mri_prng_below(&prng, MRI_HOT_SAMPLE_BODY_MAX - sizeof(*body)));
    memcpy(bytes, body, sizeof(*body));
    for (uint32_t i = sizeof(*body); i < count; i++) {
        bytes[i] = (uint8_t)mri_prng_below(&prng, 256);
    }
    return count;
}

static mr_err derive(const void *context, void *argument, struct mri_hot_journal *journal,
    const mr_log_record *records, size_t count, uint64_t first_seq)
{
    (void)context;
    (void)argument;
    (void)first_seq;
    uint64_t *derived = journal->derived;
    for (size_t i = 0; i < count; i++) {
        struct mri_hot_sample_body body;
        memcpy(&body, records[i].body, sizeof(body));
        uint64_t before = derived[body.writer];
        mri_hot_tail_set(
            journal, &derived[MRI_HOT_SAMPLE_COUNT], derived[MRI_HOT_SAMPLE_COUNT] + 1);
        mri_hot_tail_set(journal, &derived[body.writer], body.number);
        if (before + 1 != body.number) {
            return MR_REFUSED; /* what was changed is put back */
        }
    }
    return MR_OK;
}

static const struct mri_hot_deriver deriver = {.derive = derive, .stores_max = STORES_MAX};

static void must(mr_err err, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, mr_err_text(err));
        abort();
    }
}

/** The head of the one segment of a log that was just made. */
static void read_start(struct mri_hot_sample *sample)
{
    const struct mri_os *os = mri_os_linux();
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    size_t count;
    int fd;
    bool is_hurt;
    must(mri_os_path(sample->log_folder, mri_segment_name(1, name), path), "path");
    must(os->open(os->context, path, MRI_OPEN_READ, &fd), path);
    must(os->read_at(os->context, fd, page, sizeof(page), 0, &count), path);
    os->close(os->context, fd);
    must(mri_segment_head_read(page, count, &sample->start.segment, &is_hurt), path);
}

void mri_hot_sample_begin(struct mri_hot_sample *sample, uint64_t segment_bytes, size_t ring_bytes)
{
    mr_log *log;
    mr_problem problem = {""};
    const mr_log_options options = {.is_create = true, .segment_bytes = segment_bytes};
    *sample = (struct mri_hot_sample){0};
    (void)mri_temp_folder_make(sample->folder);
    (void)snprintf(sample->log_folder, sizeof(sample->log_folder), "%s/log", sample->folder);
    (void)snprintf(sample->memory_path, sizeof(sample->memory_path), "%s/memory", sample->folder);
    must(mr_log_open(sample->log_folder, &options, &log, &problem), problem.text);
    mr_log_close(log);
    read_start(sample);
    sample->start.offset = MRI_SEGMENT_PAGE_BYTES;
    sample->start.next_seq = 1;
    sample->start.writer_epoch = 1;
    sample->options = (struct mri_hot_options){.os = mri_os_linux(),
        .folder = sample->log_folder,
        .memory_path = sample->memory_path,
        .ring_bytes = ring_bytes,
        .derived_bytes = DERIVED_BYTES,
        .deriver = &deriver,
        .dedupe = {.producers = MRI_HOT_SAMPLE_PRODUCERS_MAX, .ids = MRI_DEDUPE_IDS_MIN}};
    must(mri_hot_tail_create(&sample->hot, &sample->options, &sample->start), "create");
    must(mri_hot_tail_make_spares(&sample->hot), "spares");
}

void mri_hot_sample_end(struct mri_hot_sample *sample)
{
    mri_hot_tail_close(&sample->hot);
    (void)mri_shared_memory_remove(sample->memory_path); /* goes with its folder too */
    mri_temp_folder_remove(sample->folder);
}

mr_err mri_hot_sample_append(struct mri_hot_tail *hot, const struct mri_hot_sample_body *first,
    size_t count, mr_durability durability, mr_log_ack *ret_ack)
{
    static uint8_t bytes[64][MRI_HOT_SAMPLE_BODY_MAX];
    static uint8_t ids[64][MRI_MESSAGE_ID_BYTES];
    mr_log_record records[64];
    MRI_ASSERT(count <= MRI_COUNT_OF(records));
    for (size_t i = 0; i < count; i++) {
        struct mri_hot_sample_body body = {first->writer, first->number + (uint32_t)i};
        memcpy(ids[i], &body, sizeof(body));
        records[i] = (mr_log_record){.body = bytes[i],
            .body_bytes = fill_body(bytes[i], &body),
            .producer_id = 1 + body.writer +
                           (body.number >> PRODUCER_RECORDS_BITS) * MRI_HOT_SAMPLE_WRITERS_MAX,
            .producer_seq = 1 + body.number % (1 << PRODUCER_RECORDS_BITS),
            .type = TYPE,
            .version = 1,
            .message_id = body.number % 3 == 0 ? ids[i] : NULL};
    }
    const struct mri_hot_append how = {.durability = durability};
    return mri_hot_tail_append(hot, records, count, &how, ret_ack);
}

static bool is_sample(const mr_log_event *event, struct mri_hot_sample_found *found)
{
    uint8_t expected[MRI_HOT_SAMPLE_BODY_MAX];
    struct mri_hot_sample_body body;
    if (event->type != TYPE || event->body_bytes < sizeof(body)) {
        return false;
    }
    memcpy(&body, event->body, sizeof(body));
    if (body.writer >= MRI_HOT_SAMPLE_WRITERS_MAX ||
        body.number != found->newest[body.writer] + 1) {
        return false;
    }
    found->newest[body.writer] = body.number;
    return fill_body(expected, &body) == event->body_bytes &&
           memcmp(expected, event->body, event->body_bytes) == 0;
}

mr_err mri_hot_sample_read(
    const struct mri_hot_sample *sample, struct mri_hot_sample_found *ret_found)
{
    mr_log_reader *reader;
    mr_log_event event;
    mr_problem problem;
    *ret_found = (struct mri_hot_sample_found){0};
    mr_err err = mr_log_reader_open(sample->log_folder, &reader, &problem);
    if (err != MR_OK) {
        return err;
    }
    for (;;) {
        err = mr_log_reader_next(reader, &event, &problem);
        if (err != MR_OK) {
            break;
        }
        ret_found->records++;
        if (event.seq.n != ret_found->records || !is_sample(&event, ret_found)) {
            err = MR_EINTERNAL;
            break;
        }
    }
    if (err != MR_END) {
        (void)fprintf(stderr, "behind record %llu: %s\n", (unsigned long long)ret_found->records,
            err == MR_EINTERNAL ? "not the sample" : problem.text);
    }
    mr_log_reader_close(reader);
    return err;
}
