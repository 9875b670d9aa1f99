/* SPDX-License-Identifier: MIT */
/*
 * Makes a log with everything that docs/FORMAT.md describes (several segments, batches, references
 * of both forms, rows, texts, a torn end that was cut off) and prints what this program reads in
 * it: the number of records and the digest. tests/formats/second_reader.py must find the same.
 *
 *   sample_log FOLDER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "bus/batch.h"
#include "bus/event_digest.h"
#include "log/format/segment.h"
#include "millrace/log.h"

enum { BATCHES = 700, BATCH_EVENTS_MAX = 8, TEXT_BYTES = 900, OPENS = 3 };

struct writer {
    mr_log *log;
    struct mri_batch batch;
    struct mri_prng prng;
    uint32_t next_ordinal;
    uint64_t cause; /* the newest candle */
};

static void must(mr_err err, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, mr_err_text(err));
        exit(3);
    }
}

static void draft_candle(struct writer *writer)
{
    const struct mri_candle body = {
        .close_time_unix_ns = 60, .open = 3, .high = 4, .low = 1, .close = 2, .volume = 1.5};
    const struct mri_draft draft = {.type = MRI_EVENT_CANDLE, .fixed = &body};
    writer->cause = mri_batch_next_seq(&writer->batch);
    must(mri_batch_add(&writer->batch, &draft, 0), "candle");
}

static void draft_tick(struct writer *writer)
{
    const struct mri_tick body = {.reason = MRI_REASON_TIME_PASSED};
    const struct mri_draft draft = {.type = MRI_EVENT_TICK, .fixed = &body};
    must(mri_batch_add(&writer->batch, &draft, 0), "tick");
}

static void draft_signal(struct writer *writer)
{
    char text[TEXT_BYTES];
    const struct mri_signal_generated body = {
        .cause = mri_batch_ref(&writer->batch, writer->cause),
        .confidence = 0.5,
        .side = MR_LONG,
        .regime = MRI_REGIME_ABSENT,
    };
    struct mri_draft draft = {.type = MRI_EVENT_SIGNAL_GENERATED, .fixed = &body};
    memset(text, 'x', sizeof(text));
    draft.texts[MRI_TEXT_signal_generated_source] = mri_slice_of("s\xc3\xb8urce");
    draft.texts[MRI_TEXT_signal_generated_data] =
        (struct mri_slice){text, mri_prng_below(&writer->prng, sizeof(text))};
    must(mri_batch_add(&writer->batch, &draft, writer->batch.next_ordinal), "signal");
}

static void draft_view(struct writer *writer)
{
    static const struct mri_row_term terms[] = {{.x = 0.1}, {.x = -0.2, .source = 2}, {.x = 0.3}};
    const struct mri_view body = {
        .cause = mri_batch_ref(&writer->batch, writer->cause),
        .term_count = (uint8_t)mri_prng_below(&writer->prng, MRI_COUNT_OF(terms) + 1),
    };
    const struct mri_draft draft = {.type = MRI_EVENT_VIEW, .fixed = &body, .rows = {terms}};
    must(mri_batch_add(&writer->batch, &draft, 0), "view");
}

static void append_batch(struct writer *writer, mr_durability durability)
{
    static void (*const drafts[])(struct writer *) = {
        draft_candle, draft_tick, draft_signal, draft_view};
    mr_log_record records[BATCH_EVENTS_MAX];
    const struct mri_batch *batch = &writer->batch;
    mri_batch_begin(&writer->batch, mr_log_last(writer->log).n + 1, writer->next_ordinal);
    for (uint64_t n = 1 + mri_prng_below(&writer->prng, BATCH_EVENTS_MAX); n > 0; n--) {
        drafts[mri_prng_below(&writer->prng, MRI_COUNT_OF(drafts))](writer);
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct mri_batch_item *item = &batch->items[i];
        records[i] = (mr_log_record){.body = batch->bodies.bytes + item->offset,
            .body_bytes = item->bytes,
            .subject_id = item->ordinal,
            .type = item->type,
            .version = MRI_EVENT_VERSION};
    }
    must(mr_log_append(writer->log, records, batch->count, durability, NULL), "append");
    writer->next_ordinal = batch->next_ordinal;
}

/** Damage what no record says was durable: bytes behind the end of the newest segment. */
static void tear(const char *folder, uint64_t base_seq)
{
    char path[MRI_PATH_BYTES_MAX];
    char name[MRI_SEGMENT_NAME_BYTES];
    must(mri_os_path(folder, mri_segment_name(base_seq, name), path), folder);
    FILE *file = fopen(path, "r+b");
    bool is_written =
        file != NULL && fseek(file, -4096, SEEK_END) == 0 && fwrite("torn", 1, 4, file) == 4;
    bool is_closed = file != NULL && fclose(file) == 0;
    must(is_written && is_closed ? MR_OK : MR_EIO, path);
}

static uint64_t newest_segment(const char *folder)
{
    struct mri_segment_list list;
    must(mri_segment_list(mri_os_linux(), mri_alloc_system(), folder, &list), folder);
    uint64_t base_seq = list.base_seqs[list.count - 1];
    mri_segment_list_fini(&list);
    return base_seq;
}

static void write_log(const char *folder)
{
    static const mr_log_attribute attribute = {"mode", "simulated"};
    static const mr_log_options options = {.is_create = true,
        .segment_bytes = MRI_SEGMENT_BYTES_MIN,
        .attributes = &attribute,
        .attribute_count = 1};
    struct writer writer = {.next_ordinal = 1};
    mri_prng_init(&writer.prng, 5);
    must(mri_batch_init(&writer.batch, mri_alloc_system(), BATCH_EVENTS_MAX, 1 << 20), "batch");
    for (int open = 0; open < OPENS; open++) {
        if (open > 0) {
            tear(folder, newest_segment(folder));
        }
        must(mr_log_open(folder, &options, &writer.log, NULL), folder);
        for (int i = 0; i < BATCHES; i++) {
            append_batch(&writer, i % 16 == 0 ? MR_GROUP : MR_ASYNC);
        }
        mr_log_close(writer.log);
    }
    mri_batch_fini(&writer.batch);
}

static void print_digest(const char *folder)
{
    mr_log_reader *reader;
    mr_log_event record;
    struct mri_event_digest digest;
    char text[MRI_DIGEST_TEXT_BYTES];
    unsigned long count = 0;
    must(mr_log_reader_open(folder, &reader, NULL), folder);
    must(mri_event_digest_init(&digest, mri_alloc_system()), "digest");
    mr_err err = mr_log_reader_next(reader, &record, NULL);
    for (; err == MR_OK; err = mr_log_reader_next(reader, &record, NULL)) {
        must(mri_event_digest_add(&digest, &record), "digest");
        count++;
    }
    must(err == MR_END ? MR_OK : err, folder);
    (void)printf("%lu %s\n", count, mri_digest_text(&digest.digest, text));
    mri_event_digest_fini(&digest);
    mr_log_reader_close(reader);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        (void)fprintf(stderr, "usage: sample_log FOLDER\n");
        return 2;
    }
    write_log(arguments[1]);
    print_digest(arguments[1]);
    return 0;
}
