/* SPDX-License-Identifier: MIT */
/*
 * Makes, lists and lengthens the logs of tests/formats. What `make` makes is kept in the folder as
 * it was made by the first version that could; it is there to say how that was done.
 *
 *   golden_log make FOLDER   a log of three segments with every kind of record of the log's own
 *   golden_log remove FOLDER remove its first segment
 *   golden_log list FOLDER   a line for each event: seq, type, version, bytes of body, their CRC32C
 *   golden_log seals FOLDER  how many seals, how many prove nothing, and the head, all checked
 *   golden_log grow FOLDER   append until the newest segment has ended and one more is there
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "log/format/segment.h"
#include "log/prove/seal_walk.h"
#include "millrace/log.h"
#include "millrace/log_admin.h"
#include "millrace/log_read.h"

enum { BATCHES = 60, BATCH_MAX = 4, BODY_MAX = 60000, GROW_BODY_BYTES = 500000 };

static void must(mr_err err, const char *what)
{
    if (err != MR_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, mr_err_text(err));
        exit(err == MR_EVERSION ? 4 : 3);
    }
}

static mr_log *open_log(const char *folder)
{
    static const mr_log_attribute attribute = {"made_by", "golden_log"};
    static const mr_log_options options = {.is_create = true,
        .segment_bytes = MRI_SEGMENT_BYTES_MIN,
        .attributes = &attribute,
        .attribute_count = 1};
    mr_log *log;
    must(mr_log_open(folder, &options, &log, NULL), folder);
    return log;
}

/** Bodies that compress well, of all lengths from none on. */
static void append(mr_log *log, uint64_t batch, uint8_t *body)
{
    mr_log_record records[BATCH_MAX];
    size_t count = 1 + batch % BATCH_MAX;
    for (size_t i = 0; i < count; i++) {
        records[i] = (mr_log_record){
            .body = body,
            .body_bytes = (uint32_t)(batch % 3 == 0 ? 37 * batch * i % BODY_MAX : i * batch),
            .subject_id = (uint32_t)(batch % 7),
            .producer_id = 5,
            .producer_seq = (uint32_t)(1 + batch * BATCH_MAX + i),
            .type = (uint16_t)(MR_LOG_TYPE_FREE + batch % 5),
            .version = (uint8_t)(1 + i),
        };
        if (batch % 4 == 3) {
            records[i].body_bytes = BODY_MAX / 4;
        }
    }
    must(mr_log_append(log, records, count, batch % 8 == 0 ? MR_GROUP : MR_ASYNC, NULL), "append");
}

static void tear(const char *folder)
{
    struct mri_segment_list list;
    char path[MRI_PATH_BYTES_MAX];
    char name[MRI_SEGMENT_NAME_BYTES];
    must(mri_segment_list(mri_os_linux(), mri_alloc_system(), folder, &list), folder);
    must(mri_os_path(folder, mri_segment_name(list.base_seqs[list.count - 1], name), path), folder);
    mri_segment_list_fini(&list);
    FILE *file = fopen(path, "r+b");
    bool is_written =
        file != NULL && fseek(file, -4096, SEEK_END) == 0 && fwrite("torn", 1, 4, file) == 4;
    bool is_closed = file != NULL && fclose(file) == 0;
    must(is_written && is_closed ? MR_OK : MR_EIO, path);
}

static void make(const char *folder, uint8_t *body)
{
    for (uint64_t open = 0; open < 3; open++) {
        mr_log *log = open_log(folder);
        for (uint64_t i = 0; i < BATCHES; i++) {
            append(log, open * BATCHES + i, body);
        }
        mr_log_close(log);
        if (open < 2) {
            tear(folder);
        }
    }
}

static void list(const char *folder)
{
    mr_log_reader *reader;
    mr_log_event event;
    must(mr_log_reader_open(folder, &reader, NULL), folder);
    mr_err err = mr_log_reader_next(reader, &event, NULL);
    for (; err == MR_OK; err = mr_log_reader_next(reader, &event, NULL)) {
        (void)printf("%llu %u %u %u %08x\n", (unsigned long long)event.seq.n, event.type,
            event.version, event.body_bytes, mri_crc32c(0, event.body, event.body_bytes));
    }
    must(err == MR_END ? MR_OK : err, folder);
    mr_log_reader_close(reader);
}

static void check_seals(const char *folder)
{
    struct mri_seal_walk walk;
    mr_problem problem = {""};
    must(mri_seal_walk_init(&walk, mri_os_linux(), mri_alloc_system(), folder, &problem), folder);
    mr_err err = MR_OK;
    while (err == MR_OK) {
        err = mri_seal_walk_next(&walk, &problem);
    }
    must(err == MR_END ? MR_OK : err, problem.text);
    (void)printf("%llu %llu %llu ", (unsigned long long)walk.seal_count,
        (unsigned long long)walk.unproven_seal_count, (unsigned long long)walk.head.seq);
    for (size_t i = 0; i < sizeof(walk.head.link.bytes); i++) {
        (void)printf("%02x", walk.head.link.bytes[i]);
    }
    (void)printf("\n");
    mri_seal_walk_fini(&walk);
}

static void grow(const char *folder, uint8_t *body)
{
    mr_log *log = open_log(folder);
    const mr_log_record record = {
        .body = body, .body_bytes = GROW_BODY_BYTES, .type = MR_LOG_TYPE_FREE, .version = 1};
    for (int i = 0; i < 4; i++) {
        must(mr_log_append(log, &record, 1, MR_GROUP, NULL), "append");
    }
    mr_log_close(log);
}

static void remove_first(const char *folder)
{
    const mr_log_retain_options options = {
        .needed = {UINT64_MAX}, .keep_bytes = 2 * MRI_SEGMENT_BYTES_MIN, .is_done = true};
    mr_log_retain_report report;
    must(mr_log_retain(folder, &options, &report, NULL), folder);
}

int main(int count, char **arguments)
{
    uint8_t *body = calloc(1, GROW_BODY_BYTES);
    if (count != 3 || body == NULL) {
        (void)fprintf(stderr, "usage: golden_log make|remove|list|seals|grow FOLDER\n");
        return 2;
    }
    memset(body, 'm', GROW_BODY_BYTES);
    if (strcmp(arguments[1], "make") == 0) {
        make(arguments[2], body);
    } else if (strcmp(arguments[1], "remove") == 0) {
        remove_first(arguments[2]);
    } else if (strcmp(arguments[1], "seals") == 0) {
        check_seals(arguments[2]);
    } else if (strcmp(arguments[1], "grow") == 0) {
        grow(arguments[2], body);
    } else {
        list(arguments[2]);
    }
    free(body);
    return 0;
}
