/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes how a process attaches to the memory that others share. The first byte of the input
 * chooses:
 *
 *   bit 0   checksum, version, boot and path of `ctl` are put right, so that its lengths are
 * reached bit 1   its lengths are right, too, so that the memory is mapped
 *
 * Then comes `ctl`, and behind it ten bytes for each word of the memory's head that is spoiled:
 * where, and what it holds.
 *
 * Whatever the bytes are: nothing outside the memory is touched, and what is copied out of it lies
 * in the ring.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "log/hot/hot_shared.h"
#include "tests/lib/os_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { RING_BYTES = MRI_HOT_RING_BYTES_MIN, POKE_BYTES = 10, COPY_BYTES = 4096 };

static const char path[] = "/shared/memory";
static struct mri_os_memory *machine;
static struct mri_hot_tail hot;
static uint8_t *whole; /* the head as it was made */

/** A memory with some records in it, once for all inputs. */
static void begin(void)
{
    const struct mri_hot_options options = {.os = mri_os_memory_table(machine),
        .folder = "/log",
        .memory_path = path,
        .ring_bytes = RING_BYTES};
    const struct mri_hot_start start = {
        .segment = {.base_seq = 1, .segment_bytes = MRI_SEGMENT_BYTES_MIN, .salt = 7},
        .offset = MRI_SEGMENT_PAGE_BYTES,
        .next_seq = 1,
        .writer_epoch = 1,
        .generation = 99};
    const mr_log_record record = {
        .body = path, .body_bytes = sizeof(path), .type = MR_LOG_TYPE_FREE, .version = 1};
    mr_err err = mri_hot_tail_create(&hot, &options, &start);
    MRI_ASSERT(err == MR_OK);
    for (int i = 0; i < 20; i++) {
        err = mri_hot_tail_append(&hot, &record, 1, NULL, NULL);
        MRI_ASSERT(err == MR_OK);
    }
    whole = malloc(hot.memory.head_bytes);
    MRI_ASSERT(whole != NULL);
    memcpy(whole, hot.memory.base, hot.memory.head_bytes);
}

static void put_right(struct mri_control *control, bool has_lengths)
{
    memcpy(control->magic, "MRCTL\r\n\x1a", sizeof(control->magic));
    control->version = MRI_CONTROL_VERSION;
    memset(control->boot_id, 0, sizeof(control->boot_id));
    memset(control->memory, 0, sizeof(control->memory));
    memcpy(control->memory, path, sizeof(path));
    if (has_lengths) {
        control->generation = 99;
        control->head_bytes = hot.memory.head_bytes;
        control->ring_bytes = RING_BYTES;
        control->derived_bytes = 0;
    }
    control->crc = 0;
    control->crc = mri_crc32c(0, control, sizeof(*control));
}

static void use_view(const struct mri_hot_view *view)
{
    static uint8_t copy[COPY_BYTES];
    struct mri_hot_view_segment segment;
    uint64_t oldest;
    uint64_t newest;
    size_t count = 0;
    uint64_t tail = mri_hot_view_tail(view);
    const uint64_t positions[] = {0, view->shared->first, tail - 64, tail, tail - RING_BYTES / 2,
        mri_hot_view_written(view), UINT64_MAX};
    for (size_t i = 0; i < MRI_COUNT_OF(positions); i++) {
        mr_err err = mri_hot_view_copy(view, positions[i], copy, sizeof(copy), &count);
        MRI_ASSERT(err != MR_OK || count <= sizeof(copy));
    }
    mri_hot_view_range(view, &oldest, &newest);
    for (uint64_t i = 0; i < 4; i++) {
        (void)mri_hot_view_segment(view, oldest + i, &segment);
        (void)mri_hot_view_segment(view, newest - i, &segment);
    }
    (void)mri_hot_view_durable_seq(view);
    (void)mri_hot_view_is_closed(view);
}

static void spoil(const uint8_t *bytes, size_t count)
{
    for (; count >= POKE_BYTES; bytes += POKE_BYTES, count -= POKE_BYTES) {
        uint16_t at;
        memcpy(&at, bytes, sizeof(at));
        size_t word = MRI_SHARED_MEMORY_PAGE_BYTES / 8 + at % (sizeof(struct mri_hot_shared) / 8);
        memcpy((uint8_t *)hot.memory.base + 8 * word, bytes + sizeof(at), 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct mri_control control = {0};
    struct mri_hot_view view;
    struct mri_hot_tail other;
    char memory_path[MRI_PATH_BYTES_MAX];
    if (machine == NULL) {
        machine = mri_os_memory_new(1 << 20);
        const struct mri_os *os = mri_os_memory_table(machine);
        mr_err made = os->make_folder(os->context, "/log");
        MRI_ASSERT(made == MR_OK);
        begin();
    }
    const struct mri_os *os = mri_os_memory_table(machine);
    if (count == 0) {
        return 0;
    }
    size_t length = count - 1 < sizeof(control) ? count - 1 : sizeof(control);
    memcpy(&control, bytes + 1, length);
    if ((bytes[0] & 1) != 0) {
        put_right(&control, (bytes[0] & 2) != 0);
        length = sizeof(control);
    }
    mri_os_memory_put(machine, "/log/ctl", &control, length);
    spoil(bytes + (count > 1 + sizeof(control) ? 1 + sizeof(control) : count),
        count > 1 + sizeof(control) ? count - 1 - sizeof(control) : 0);
    mr_err err = mri_control_read(os, "/log", &control);
    if (err == MR_OK) {
        err = mri_control_path(&control, "/log", memory_path);
    }
    if (err == MR_OK && strcmp(memory_path, path) == 0) {
        if (mri_hot_view_attach(os, memory_path, &control, &view) == MR_OK) {
            use_view(&view);
            mri_hot_view_detach(os, &view);
        }
        const struct mri_hot_options options = {.os = os,
            .folder = "/log",
            .memory_path = memory_path,
            .ring_bytes = (size_t)control.ring_bytes,
            .derived_bytes = (size_t)control.derived_bytes};
        if (mri_hot_tail_attach(&other, &options) == MR_OK) {
            (void)mri_hot_tail_counters(&other);
            mri_hot_tail_close(&other);
        }
    }
    memcpy(hot.memory.base, whole, hot.memory.head_bytes);
    return 0;
}
