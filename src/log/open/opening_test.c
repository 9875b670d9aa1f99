/* SPDX-License-Identifier: MIT */
/*
 * Tests of opening a log for writing: making it, finding it as it was, refusing what is not right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "log/open/append.h"
#include "log/open/figures.h"
#include "log/open/writer.h"
#include "log/read/reader.h"
#include "tests/lib/cmocka_all.h"
#include "tests/lib/failing_alloc.h"
#include "tests/lib/log_sample.h"
#include "tests/lib/machine_sample.h"

enum { FILE_BYTES = MRI_SEGMENT_BYTES_MIN, BODY_MAX = 500 };

static const char first_segment[] = "/log/seg-0000000000000001.log";
static struct mri_machine_sample sample = {.file_bytes_max = (size_t)2 * FILE_BYTES};
static struct mri_log_opening opening;
static mr_problem problem;

static int set_up(void **fixture)
{
    mri_machine_sample_make(*fixture); /* the log is the tests' */
    return 0;
}

static mr_err open_with(const mr_log_options *options, mr_log **ret_log)
{
    problem.text[0] = '\0';
    memset(&opening, 0, sizeof(opening));
    mr_err err = mri_log_open(sample.os, mri_alloc_system(), "/log", options, ret_log, &problem);
    if (err == MR_OK) {
        opening = *mri_log_opening(*ret_log);
    }
    assert_int_equal(problem.text[0] == '\0', err == MR_OK);
    return err;
}

static mr_err create(mr_log **ret_log)
{
    return open_with(&(mr_log_options){.is_create = true, .segment_bytes = FILE_BYTES}, ret_log);
}

/** Make a log with so many durable samples, and close it. */
static void make_log(size_t count)
{
    mr_log *log;
    assert_int_equal(create(&log), MR_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
    }
    mr_log_close(log);
}

/** Make a log of several segments; how many. */
static size_t make_segments(size_t segments)
{
    mr_log *log;
    struct mri_segment_list list = {0};
    assert_int_equal(create(&log), MR_OK);
    do {
        mri_segment_list_fini(&list);
        assert_int_equal(mri_log_sample_append(log, 8, 100000, MR_GROUP, NULL), MR_OK);
        assert_int_equal(mri_segment_list(sample.os, mri_alloc_system(), "/log", &list), MR_OK);
    } while (list.count < segments);
    mri_segment_list_fini(&list);
    mr_log_close(log);
    return segments;
}

static void a_log_is_made_only_when_asked(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    struct mri_file_info info;
    assert_int_equal(open_with(NULL, &log), MR_EPATH);
    assert_int_equal(sample.os->info(sample.os->context, "/log", &info), MR_EPATH);
    assert_int_equal(sample.os->make_folder(sample.os->context, "/log"), MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_NOT_FOUND);
    assert_int_equal(
        sample.os->info(sample.os->context, "/log/lock", &info), MR_EPATH); /* left as it was */
    assert_null(log);
    assert_int_equal(create(&log), MR_OK);
    assert_true(opening.is_created);
    assert_int_equal(mr_log_last(log).n, 0);
    assert_int_equal(strlen(mr_log_uuid(log)), 32);
    mr_log_close(log);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_false(opening.is_created);
    mr_log_close(log);
    mr_log_close(NULL);
}

static void what_was_appended_is_there_after_reopening(void **fixture)
{
    (void)fixture;
    mr_log *log;
    char uuid[33];
    uint32_t chain_crc = 0;
    assert_int_equal(create(&log), MR_OK);
    (void)snprintf(uuid, sizeof(uuid), "%s", mr_log_uuid(log));
    mr_log_close(log);
    for (uint64_t n = 0; n < 100; n++) {
        assert_int_equal(create(&log), MR_OK); /* an existing log is not made again */
        assert_false(opening.is_created);
        assert_int_equal(opening.decision, MRI_RECOVER_CLEAN);
        assert_string_equal(mr_log_uuid(log), uuid);
        assert_int_equal(mr_log_last(log).n, n);
        assert_int_equal(mri_log_chain_crc(log), chain_crc);
        assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
        chain_crc = mri_log_chain_crc(log);
        mr_log_close(log);
    }
    mr_log_reader *reader;
    uint64_t last = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, BODY_MAX, &last), MR_END);
    assert_int_equal(last, 100);
    mr_log_reader_close(reader);
}

static void attributes_are_kept_from_the_making_on(void **fixture)
{
    (void)fixture;
    mr_log *log;
    const mr_log_attribute attributes[] = {{"seed", "42"}, {"feed", "candles v1: minutes"}};
    mr_log_options options = {.is_create = true, .attributes = attributes, .attribute_count = 2};
    options.segment_bytes = FILE_BYTES;
    assert_int_equal(open_with(&options, &log), MR_OK);
    mr_log_close(log);
    options.attributes = &(mr_log_attribute){"seed", "43"}; /* too late */
    options.attribute_count = 1;
    assert_int_equal(open_with(&options, &log), MR_OK);
    assert_string_equal(mr_log_attribute_get(log, "seed"), "42");
    assert_string_equal(mr_log_attribute_get(log, "feed"), "candles v1: minutes");
    assert_null(mr_log_attribute_get(log, "other"));
    mr_log_close(log);
}

static void options_out_of_range_make_no_log(void **fixture)
{
    (void)fixture;
    static const char long_text[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    static const uint64_t lengths[] = {
        1, 4096, FILE_BYTES - 1, FILE_BYTES + 1, 3 << 20, (uint64_t)1 << 31, UINT64_MAX};
    mr_log *log = NULL;
    struct mri_file_info info;
    for (size_t i = 0; i < MRI_COUNT_OF(lengths); i++) {
        mr_log_options options = {.is_create = true, .segment_bytes = lengths[i]};
        assert_int_equal(open_with(&options, &log), MR_EINVAL);
    }
    assert_non_null(strstr(problem.text, "segment_bytes is 18446744073709551615"));
    const mr_log_attribute bad[] = {{"", "x"}, {long_text, "x"}, {"x", long_text}, {"a:b", "x"},
        {"a", "x\ny"}, {NULL, "x"}, {"a", NULL}, {"uuid", "x"}, {"crc32c", "x"},
        {"segment_bytes", "5"}, {"removed", "x"}, {"features", "x"}, {"millrace-log", "x"}};
    for (size_t i = 0; i < MRI_COUNT_OF(bad); i++) {
        mr_log_options options = {.is_create = true,
            .segment_bytes = FILE_BYTES,
            .attributes = &bad[i],
            .attribute_count = 1};
        assert_int_equal(open_with(&options, &log), MR_EINVAL);
        assert_non_null(strstr(problem.text, "attribute 0 ("));
    }
    const mr_log_options none = {
        .is_create = true, .segment_bytes = FILE_BYTES, .attribute_count = 1};
    assert_int_equal(open_with(&none, &log), MR_EINVAL);
    assert_non_null(strstr(problem.text, "attributes is NULL"));
    const mr_log_attribute doubled[] = {{"a", "1"}, {"b", "1"}, {"a", "2"}};
    const mr_log_options twice = {.is_create = true,
        .segment_bytes = FILE_BYTES,
        .attributes = doubled,
        .attribute_count = MRI_COUNT_OF(doubled)};
    assert_int_equal(open_with(&twice, &log), MR_EINVAL);
    assert_non_null(strstr(problem.text, "attribute 2 (a): its key comes twice"));
    mr_log_attribute many[MR_LOG_ATTRIBUTES_MAX + 1];
    for (size_t i = 0; i < MRI_COUNT_OF(many); i++) {
        many[i] = (mr_log_attribute){"k", "v"};
    }
    mr_log_options options = {.is_create = true,
        .segment_bytes = FILE_BYTES,
        .attributes = many,
        .attribute_count = MRI_COUNT_OF(many)};
    assert_int_equal(open_with(&options, &log), MR_EINVAL);
    assert_int_equal(sample.os->info(sample.os->context, "/log/MANIFEST", &info), MR_EPATH);
    assert_null(log);
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), NULL, NULL, &log, NULL), MR_EINVAL);
    char *far = calloc(1, MRI_PATH_BYTES_MAX + 1);
    assert_non_null(far);
    memset(far, '/', MRI_PATH_BYTES_MAX);
    assert_int_equal(mri_log_open(sample.os, mri_alloc_system(), far, NULL, &log, NULL), MR_EINVAL);
    free(far);
}

static void who_is_in_alone_keeps_others_out_and_is_named(void **fixture)
{
    (void)fixture;
    mr_log *log;
    mr_log *second = NULL;
    const mr_log_options alone = {.is_create = true, .segment_bytes = FILE_BYTES, .is_alone = true};
    assert_int_equal(open_with(&alone, &log), MR_OK);
    assert_int_equal(open_with(NULL, &second), MR_BUSY);
    assert_non_null(strstr(problem.text, "process 4242 "));
    assert_int_equal(create(&second), MR_BUSY);
    assert_null(second);
    mr_log_reader *reader;
    uint32_t process_id = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_writer(reader, &process_id), MR_OK);
    assert_int_equal(process_id, 4242);
    mr_log_close(log);
    assert_int_equal(mr_log_reader_writer(reader, &process_id), MR_NOT_FOUND);
    mr_log_reader_close(reader);
    mri_os_memory_set_process(sample.memory, 77);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(open_with(&alone, &second), MR_BUSY);
    assert_non_null(strstr(problem.text, "process 77 "));
    mr_log_close(log);
}

static void a_log_opened_twice_is_one_log(void **fixture)
{
    (void)fixture;
    mr_log *first;
    mr_log *second;
    mr_log_ack ack;
    assert_int_equal(create(&first), MR_OK);
    assert_int_equal(open_with(NULL, &second), MR_OK);
    assert_string_equal(mr_log_uuid(first), mr_log_uuid(second));
    for (uint64_t n = 1; n <= 20; n++) {
        mr_log *log = n % 3 == 0 ? second : first;
        assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, &ack), MR_OK);
        assert_int_equal(ack.last.n, n);
        assert_int_equal(mr_log_last(first).n, n);
        assert_int_equal(mr_log_last(second).n, n);
    }
    mr_log_close(first); /* the other one goes on */
    assert_int_equal(mri_log_sample_append(second, 1, BODY_MAX, MR_GROUP, &ack), MR_OK);
    assert_int_equal(mr_log_durable(second).n, 21);
    mr_log_close(second);
    assert_int_equal(open_with(NULL, &first), MR_OK);
    assert_int_equal(mr_log_last(first).n, 21);
    mr_log_close(first);
}

static void what_only_memory_had_is_there_after_the_death_of_all(void **fixture)
{
    (void)fixture;
    mr_log *log;
    assert_int_equal(create(&log), MR_OK);
    log->attachment->hot.is_writing_at_once = false; /* its thread never came to it */
    for (uint64_t n = 1; n <= 100; n++) {
        assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL), MR_OK);
    }
    mri_log_sample_end_process(sample.memory, log);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(opening.decision, MRI_RECOVER_CLEAN);
    assert_int_equal(mr_log_last(log).n, 100);
    mr_log_close(log);
}

static void a_network_folder_is_refused(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    struct mri_file_info info;
    make_log(3);
    mri_os_memory_set_network(sample.memory, true);
    assert_int_equal(open_with(NULL, &log), MR_EINVAL);
    assert_non_null(strstr(problem.text, "network"));
    assert_int_equal(create(&log), MR_EINVAL);
    mri_os_memory_set_network(sample.memory, false);
    assert_int_equal(sample.os->make_folder(sample.os->context, "/far"), MR_OK);
    mri_os_memory_set_network(sample.memory, true);
    const mr_log_options options = {.is_create = true};
    assert_int_equal(
        mri_log_open(sample.os, mri_alloc_system(), "/far", &options, &log, NULL), MR_EINVAL);
    assert_int_equal(sample.os->info(sample.os->context, "/far/lock", &info), MR_EPATH);
    assert_null(log);
}

static void a_file_in_place_of_the_folder_is_no_log(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    mri_os_memory_put(sample.memory, "/log", "x", 1);
    assert_int_equal(create(&log), MR_EPATH);
    assert_int_equal(open_with(NULL, &log), MR_EPATH);
    assert_null(log);
}

static void a_log_without_its_first_segment_is_finished(void **fixture)
{
    (void)fixture;
    mr_log *log;
    make_log(0);
    assert_int_equal(sample.os->remove(sample.os->context, first_segment), MR_OK);
    assert_int_equal(sample.os->remove(sample.os->context, "/log/ctl"), MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_OK); /* as after a crash while it was made */
    assert_true(opening.is_created);
    assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
    mr_log_close(log);
}

static void a_log_that_lost_all_its_segments_is_not_empty(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    mr_seq last;
    mr_log_figures figures;
    const struct mri_alloc *alloc = mri_alloc_system();
    make_log(3);
    assert_int_equal(mri_figures_flush(sample.os, alloc, "/log", &last, NULL), MR_OK);
    assert_int_equal(sample.os->remove(sample.os->context, first_segment), MR_OK);
    for (int i = 0; i < 3; i++) { /* it is told again, and after a restart of the machine */
        problem.text[0] = '\0';
        assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
        assert_non_null(strstr(problem.text, "all segments are missing"));
        assert_int_equal(create(&log), MR_ECORRUPT);
        assert_null(log);
        assert_int_equal(mri_figures_flush(sample.os, alloc, "/log", &last, NULL), MR_ECORRUPT);
        assert_int_equal(mri_figures_count(sample.os, alloc, "/log", &figures, NULL), MR_OK);
        assert_int_equal(figures.damage, MR_ECORRUPT);
        if (i == 1) {
            mri_os_memory_restart(sample.memory);
        }
    }
}

static void a_log_that_lost_its_manifest_is_not_made_anew(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    struct mri_file_info info;
    make_log(3);
    assert_int_equal(sample.os->rename(sample.os->context, "/log/MANIFEST", "/kept"), MR_OK);
    assert_int_equal(sample.os->remove(sample.os->context, "/log/lock"), MR_OK);
    assert_int_equal(create(&log), MR_ECORRUPT);
    assert_null(log);
    assert_non_null(strstr(problem.text, "the file MANIFEST is missing"));
    assert_int_equal(sample.os->info(sample.os->context, "/log/MANIFEST", &info), MR_EPATH);
    assert_int_equal(sample.os->info(sample.os->context, "/log/lock", &info), MR_EPATH);
    assert_int_equal(open_with(NULL, &log), MR_NOT_FOUND);
    assert_int_equal(sample.os->rename(sample.os->context, "/kept", "/log/MANIFEST"), MR_OK);
    assert_int_equal(create(&log), MR_OK);
    assert_int_equal(mr_log_last(log).n, 3);
    mr_log_close(log);
    assert_int_equal(sample.os->remove(sample.os->context, "/log/MANIFEST"), MR_OK);
    assert_int_equal(
        sample.os->rename(sample.os->context, first_segment, "/log/seg-0000000000000001.log.zst"),
        MR_OK);
    assert_int_equal(create(&log), MR_ECORRUPT); /* an archive is a segment, too */
    assert_int_equal(
        sample.os->remove(sample.os->context, "/log/seg-0000000000000001.log.zst"), MR_OK);
    assert_int_equal(create(&log), MR_OK); /* `lock` and `ctl` alone are no log */
    assert_int_equal(mr_log_last(log).n, 0);
    mr_log_close(log);
}

static void one_damaged_copy_of_a_segment_head_is_repaired(void **fixture)
{
    (void)fixture;
    make_log(5);
    size_t count;
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    for (size_t copy = 0; copy < 2; copy++) {
        uint8_t *head = bytes + copy * 2048;
        uint8_t good[128];
        mr_log *log;
        memcpy(good, head, sizeof(good));
        memset(head + 20, 0xff, 30);
        assert_int_equal(open_with(NULL, &log), MR_OK);
        assert_true(opening.is_head_repaired);
        assert_int_equal(mr_log_last(log).n, 5);
        assert_memory_equal(head, good, sizeof(good));
        mr_log_close(log);
    }
    mr_log *log = NULL;
    bytes[5] ^= 1;
    bytes[2048 + 5] ^= 1;
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "0001.log: both copies of its head are damaged"));
    assert_null(log);
    mri_os_memory_put(sample.memory, first_segment, "", 0);
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "0001.log: the file is empty"));
}

static void a_segment_of_another_log_or_name_is_damage(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    static uint8_t kept[FILE_BYTES];
    size_t count;
    make_log(5);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    memcpy(kept, bytes, sizeof(kept));
    struct mri_segment_head head;
    memcpy(&head, bytes, sizeof(head));
    head.log_uuid[3] ^= 1;
    mri_segment_head_seal(&head);
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + 2048, &head, sizeof(head));
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "0001.log: it belongs to another log"));
    memcpy(bytes, kept, sizeof(kept));
    assert_int_equal(
        sample.os->rename(sample.os->context, first_segment, "/log/seg-0000000000000002.log"),
        MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_int_equal(
        sample.os->rename(sample.os->context, "/log/seg-0000000000000002.log", first_segment),
        MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    mr_log_close(log);
}

static void a_missing_segment_in_the_middle_is_damage(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    (void)make_segments(4);
    assert_int_equal(sample.os->rename(sample.os->context,
                         mri_machine_sample_segment_path(&sample, 1), "/log/kept"),
        MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_null(log);
    assert_non_null(
        strstr(problem.text, "/log: a segment is missing between seg-0000000000000001"));
}

static void a_foreign_segment_in_between_is_named_and_not_the_newest(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    size_t count;
    static uint8_t kept[FILE_BYTES];
    struct mri_segment_head head;
    (void)make_segments(3);
    memcpy(kept, mri_os_memory_bytes(sample.memory, first_segment, &count), sizeof(kept));
    memcpy(&head, kept, sizeof(head));
    head.log_uuid[3] ^= 1;
    head.base_seq = 2;
    mri_segment_head_seal(&head);
    memcpy(kept, &head, sizeof(head));
    memcpy(kept + 2048, &head, sizeof(head));
    mri_os_memory_put(sample.memory, "/log/seg-0000000000000002.log", kept, sizeof(kept));
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "seg-0000000000000002.log: it belongs to another log"));
    assert_null(log);
}

static void the_file_that_could_not_be_written_is_named(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    make_log(1);
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_RENAME, 1, MR_ENOSPC);
    assert_int_equal(open_with(NULL, &log), MR_ENOSPC);
    assert_non_null(strstr(problem.text, "/log/ctl: cannot be written"));
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_MEMORY_CREATE, 1, MR_ENOSPC);
    assert_int_equal(open_with(NULL, &log), MR_ENOSPC);
    assert_non_null(strstr(problem.text, "/millrace-"));
    mri_os_faults_arm(&sample.faults, MRI_OS_CALL_ANY, 0, MR_OK);
}

static void a_log_without_any_segment_behind_a_removed_beginning_is_damaged(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    struct mri_manifest manifest;
    make_log(3);
    assert_int_equal(mri_manifest_read(sample.os, "/log", &manifest, NULL), MR_OK);
    manifest.removed = (struct mri_manifest_removed){
        .last_seq = 3, .position = FILE_BYTES, .segments = 1, .chain_crc = 5};
    assert_int_equal(mri_manifest_write(sample.os, "/log", &manifest), MR_OK);
    assert_int_equal(sample.os->remove(sample.os->context, first_segment), MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "all segments are missing"));
    assert_null(log);
    mri_os_memory_put(sample.memory, "/log/MANIFEST", "", 0);
    assert_int_equal(open_with(NULL, &log), MR_ECORRUPT);
    assert_non_null(strstr(problem.text, "/log/MANIFEST: the file is empty"));
}

static void a_format_that_is_only_readable_is_not_written_to(void **fixture)
{
    (void)fixture;
    mr_log *log = NULL;
    size_t count;
    struct mri_manifest manifest;
    make_log(3);
    assert_int_equal(mri_manifest_read(sample.os, "/log", &manifest, NULL), MR_OK);
    manifest.features_ro_compat = 1;
    assert_int_equal(mri_manifest_write(sample.os, "/log", &manifest), MR_OK);
    assert_int_equal(open_with(NULL, &log), MR_EVERSION);
    mr_log_reader *reader;
    uint64_t last = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, BODY_MAX, &last), MR_END);
    assert_int_equal(last, 3);
    mr_log_reader_close(reader);
    manifest.features_ro_compat = 0;
    assert_int_equal(mri_manifest_write(sample.os, "/log", &manifest), MR_OK);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    struct mri_segment_head head;
    memcpy(&head, bytes, sizeof(head));
    head.features_ro_compat = 1;
    mri_segment_head_seal(&head);
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + 2048, &head, sizeof(head));
    assert_int_equal(open_with(NULL, &log), MR_EVERSION);
    assert_null(log);
}

static void a_file_that_lost_its_empty_end_gets_it_back(void **fixture)
{
    (void)fixture;
    mr_log *log;
    size_t count;
    make_log(3);
    static uint8_t copy[FILE_BYTES];
    const uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    memcpy(copy, bytes, sizeof(copy));
    mri_os_memory_put(sample.memory, first_segment, copy, 65536);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(opening.decision, MRI_RECOVER_CLEAN);
    assert_int_equal(mr_log_last(log).n, 3);
    (void)mri_os_memory_bytes(sample.memory, first_segment, &count);
    assert_int_equal(count, FILE_BYTES);
    mr_log_close(log);
    static uint8_t longer[FILE_BYTES + 4096];
    memcpy(longer, copy, sizeof(copy));
    memset(longer + sizeof(copy), 0xee, 4096); /* what follows a full file is not ours */
    mri_os_memory_put(sample.memory, first_segment, longer, sizeof(longer));
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(opening.decision, MRI_RECOVER_CLEAN);
    mr_log_close(log);
}

static void a_cut_is_recorded_with_its_place_and_length(void **fixture)
{
    (void)fixture;
    mr_log *log;
    size_t count;
    make_log(3);
    uint8_t *bytes = mri_os_memory_bytes(sample.memory, first_segment, &count);
    size_t end = MRI_SEGMENT_PAGE_BYTES;
    for (int i = 0; i < 3 + 1; i++) { /* the SEAL, too */
        uint32_t record_bytes;
        memcpy(&record_bytes, bytes + end, sizeof(record_bytes));
        end += mri_record_stride(record_bytes);
    }
    memset(bytes + end + 100, 0xee, 50);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(opening.decision, MRI_RECOVER_TRUNCATE);
    assert_int_equal(opening.cut_bytes, 150);
    assert_int_equal(mr_log_last(log).n, 4);
    mr_log_reader *reader;
    mr_log_event event;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mr_log_reader_seek(reader, (mr_seq){4}, NULL), MR_OK);
    assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
    assert_int_equal(event.type, MRI_RECORD_RECOVERY);
    struct mri_recovery recovery;
    assert_int_equal(event.body_bytes, sizeof(recovery));
    memcpy(&recovery, event.body, sizeof(recovery));
    assert_int_equal(recovery.cut_position, end);
    assert_int_equal(recovery.cut_bytes, 150);
    mr_log_reader_close(reader);
    for (size_t i = end + 128; i < count; i++) { /* the RECOVERY takes two units */
        assert_int_equal(bytes[i], 0);
    }
    mr_log_close(log);
}

static void the_writer_epoch_grows_with_every_open_that_wrote(void **fixture)
{
    (void)fixture;
    mr_log_reader *reader;
    mr_log_event event;
    make_log(1);
    for (int i = 0; i < 5; i++) {
        mr_log *log;
        assert_int_equal(open_with(NULL, &log), MR_OK);
        assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
        mr_log_close(log);
    }
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    for (uint32_t epoch = 1; epoch <= 6; epoch++) {
        assert_int_equal(mr_log_reader_next(reader, &event, NULL), MR_OK);
        assert_int_equal(event.writer_epoch, epoch);
    }
    mr_log_reader_close(reader);
}

static void time_never_falls_although_the_clock_went_back(void **fixture)
{
    (void)fixture;
    mr_log *log;
    (void)make_segments(2);
    for (int i = 0; i < 4; i++) { /* each open finds an earlier clock, the first an empty segment */
        mri_os_memory_set_clock(sample.memory, 1600000000000000000 - i * 1000000, 1);
        assert_int_equal(open_with(NULL, &log), MR_OK);
        assert_int_equal(mri_log_sample_append(log, 2, 100000, MR_GROUP, NULL), MR_OK);
        mr_log_close(log);
    }
    mr_log_reader *reader;
    uint64_t last = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, 100000, &last), MR_END); /* it compares times */
    mr_log_reader_close(reader);
}

static void time_goes_on_behind_a_roll_that_nothing_followed(void **fixture)
{
    (void)fixture;
    mr_log *log;
    (void)make_segments(2);
    size_t count;
    uint8_t *bytes =
        mri_os_memory_bytes(sample.memory, mri_machine_sample_segment_path(&sample, 1), &count);
    memset(bytes + MRI_SEGMENT_PAGE_BYTES, 0, count - MRI_SEGMENT_PAGE_BYTES);
    mri_os_memory_set_clock(sample.memory, 1, 1);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(mri_log_sample_append(log, 1, 100000, MR_GROUP, NULL), MR_OK);
    mr_log_close(log);
    mr_log_reader *reader;
    uint64_t last = 0;
    assert_int_equal(mri_reader_open(sample.os, mri_alloc_system(), "/log", &reader, NULL), MR_OK);
    assert_int_equal(mri_log_sample_read(reader, 100000, &last), MR_END);
    mr_log_reader_close(reader);
}

static void the_folder_is_durable_before_anything_in_it(void **fixture)
{
    (void)fixture;
    struct mri_prng prng;
    mri_prng_init(&prng, 1);
    for (int round = 0; round < 50; round++) {
        struct mri_os_memory *other = mri_os_memory_new(FILE_BYTES);
        const struct mri_os *table = mri_os_memory_table(other);
        const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
        mr_log *log;
        assert_int_equal(
            mri_log_open(table, mri_alloc_system(), "/log", &options, &log, NULL), MR_OK);
        assert_int_equal(mri_log_sample_append(log, 1, BODY_MAX, MR_GROUP, NULL), MR_OK);
        mri_log_sample_end_process(other, log);
        mri_os_memory_cut_power(other, &prng);
        assert_int_equal(mri_log_open(table, mri_alloc_system(), "/log", NULL, &log, NULL), MR_OK);
        assert_int_equal(mr_log_last(log).n, 1);
        mr_log_close(log);
        mri_os_memory_free(other);
    }
}

static void each_failed_allocation_is_said_and_leaves_nothing_behind(void **fixture)
{
    (void)fixture;
    make_log(10);
    bool is_done = false;
    for (unsigned k = 1; !is_done; k++) {
        struct failing_alloc failing;
        failing_alloc_init(&failing, k);
        failing.is_lasting = true;
        mr_log *log = NULL;
        mr_log_reader *reader = NULL;
        uint64_t last = 0;
        mr_err err = mri_log_open(sample.os, &failing.alloc, "/log", NULL, &log, NULL);
        if (err == MR_OK) {
            err = mri_log_sample_append(log, 1, BODY_MAX, MR_ASYNC, NULL);
        }
        if (err == MR_OK) {
            err = mri_reader_open(sample.os, &failing.alloc, "/log", &reader, NULL);
        }
        if (err == MR_OK) {
            err = mri_log_sample_read(reader, BODY_MAX, &last);
        }
        assert_true(err == MR_ENOMEM || err == MR_END);
        is_done = err == MR_END;
        mr_log_close(log);
        mr_log_reader_close(reader);
        assert_int_equal(failing.live_bytes, 0);
        assert_int_equal(mri_os_memory_open_count(sample.memory), 0);
        assert_true(k <= 100);
    }
}

static mr_err (*real_info)(void *context, const char *path, struct mri_file_info *ret_info);
static bool is_racing;

/** Another process makes the folder between our look and our making. */
static mr_err info_before_another_makes_it(
    void *context, const char *path, struct mri_file_info *ret_info)
{
    if (is_racing) {
        is_racing = false;
        assert_int_equal(sample.os->make_folder(sample.os->context, path), MR_OK);
        return MR_EPATH;
    }
    return real_info(context, path, ret_info);
}

static void two_that_make_the_folder_at_once_both_come_in(void **fixture)
{
    (void)fixture;
    struct mri_os racing = *sample.os;
    const mr_log_options options = {.is_create = true, .segment_bytes = FILE_BYTES};
    mr_log *log;
    real_info = sample.os->info;
    racing.info = info_before_another_makes_it;
    is_racing = true;
    assert_int_equal(
        mri_log_open(&racing, mri_alloc_system(), "/log", &options, &log, &problem), MR_OK);
    assert_false(is_racing);
    mr_log_close(log);
}

static void a_ring_that_another_boot_left_in_the_folder_is_removed(void **fixture)
{
    (void)fixture;
    static const char path[] = "/log/ring-00000000deadbeef";
    struct mri_file_info info;
    mr_log *log;
    int fd;
    make_log(3);
    assert_int_equal(
        sample.os->open(sample.os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd), MR_OK);
    sample.os->close(sample.os->context, fd);
    assert_int_equal(open_with(NULL, &log), MR_OK);
    assert_int_equal(sample.os->info(sample.os->context, path, &info), MR_EPATH);
    mr_log_close(log);
}

int main(void)
{
#define TEST(name)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(name, set_up, mri_machine_sample_tear_down, &sample)
    const struct CMUnitTest tests[] = {
        TEST(a_log_is_made_only_when_asked),
        TEST(what_was_appended_is_there_after_reopening),
        TEST(attributes_are_kept_from_the_making_on),
        TEST(options_out_of_range_make_no_log),
        TEST(who_is_in_alone_keeps_others_out_and_is_named),
        TEST(a_log_opened_twice_is_one_log),
        TEST(what_only_memory_had_is_there_after_the_death_of_all),
        TEST(a_network_folder_is_refused),
        TEST(a_file_in_place_of_the_folder_is_no_log),
        TEST(a_log_without_its_first_segment_is_finished),
        TEST(a_log_that_lost_all_its_segments_is_not_empty),
        TEST(a_log_that_lost_its_manifest_is_not_made_anew),
        TEST(one_damaged_copy_of_a_segment_head_is_repaired),
        TEST(a_segment_of_another_log_or_name_is_damage),
        TEST(a_missing_segment_in_the_middle_is_damage),
        TEST(a_foreign_segment_in_between_is_named_and_not_the_newest),
        TEST(the_file_that_could_not_be_written_is_named),
        TEST(a_log_without_any_segment_behind_a_removed_beginning_is_damaged),
        TEST(a_format_that_is_only_readable_is_not_written_to),
        TEST(a_file_that_lost_its_empty_end_gets_it_back),
        TEST(a_cut_is_recorded_with_its_place_and_length),
        TEST(the_writer_epoch_grows_with_every_open_that_wrote),
        TEST(time_never_falls_although_the_clock_went_back),
        TEST(time_goes_on_behind_a_roll_that_nothing_followed),
        TEST(the_folder_is_durable_before_anything_in_it),
        TEST(each_failed_allocation_is_said_and_leaves_nothing_behind),
        TEST(two_that_make_the_folder_at_once_both_come_in),
        TEST(a_ring_that_another_boot_left_in_the_folder_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
