/* SPDX-License-Identifier: MIT */
/*
 * The ring of the log by the functions of its own module: what the log is measured by where several
 * processes write and mr_log_open() answers MR_BUSY. No other file of the benchmarks knows it.
 *
 * The process that starts it runs the thread that writes behind.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "bench/harness.h"
#include "bench/peer.h"
#include "log/hot_tail.h"

enum {
    BATCH_MAX = 8,
    RING = 64 * 1024 * 1024,
    SEGMENT = 64 * 1024 * 1024,
};

#define WAIT_NS 1000000000

struct listener {
    struct mri_hot_tail hot;
    uint64_t position;
};

static char memory_path[64];
static char log_folder[4096];
static struct mri_hot_options options;
static struct mri_hot_tail first; /* of the process that started it */

static void read_start(struct mri_hot_start *start)
{
    char path[MRI_PATH_BYTES_MAX];
    char name[MRI_SEGMENT_NAME_BYTES];
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    bool is_hurt;
    mri_harness_must(mri_os_path(log_folder, mri_segment_name(1, name), path), "path");
    int fd = open(path, O_RDONLY);
    mri_harness_must(read(fd, page, sizeof(page)) == sizeof(page) ? MR_OK : MR_EIO, path);
    (void)close(fd); /* only read */
    *start =
        (struct mri_hot_start){.offset = MRI_SEGMENT_PAGE_BYTES, .next_seq = 1, .writer_epoch = 1};
    mri_harness_must(mri_segment_head_read(page, sizeof(page), &start->segment, &is_hurt), path);
}

static void ring_start(const char *folder, enum mri_peer_use use)
{
    (void)use;
    mr_log *log;
    mr_problem problem = {""};
    struct mri_hot_start start;
    const mr_log_options log_options = {.is_create = true, .segment_bytes = SEGMENT};
    (void)snprintf(log_folder, sizeof(log_folder), "%s/events", folder);
    mri_harness_must(mr_log_open(log_folder, &log_options, &log, &problem), problem.text);
    mr_log_close(log);
    read_start(&start);
    (void)snprintf(memory_path, sizeof(memory_path), "/dev/shm/millrace-bench-%d", (int)getpid());
    options = (struct mri_hot_options){
        .os = mri_os_linux(), .folder = log_folder, .memory_path = memory_path, .ring_bytes = RING};
    mri_harness_must(mri_hot_tail_create(&first, &options, &start), memory_path);
    mri_harness_must(mri_hot_tail_make_spares(&first), "spares");
    mri_harness_must(mri_hot_tail_start_helper(&first), "thread");
}

static void ring_stop(void)
{
    mri_hot_tail_close(&first);
    mri_harness_must(mri_shared_memory_remove(memory_path), memory_path);
}

static bool ring_is_shared(const char *folder)
{
    (void)folder;
    return true;
}

static void *ring_open(const char *folder)
{
    (void)folder;
    struct mri_hot_tail *hot = calloc(1, sizeof(*hot));
    mri_harness_must(hot == NULL ? MR_ENOMEM : MR_OK, "memory");
    mri_harness_must(mri_hot_tail_attach(hot, &options), memory_path);
    return hot;
}

static void ring_close(void *client)
{
    mri_harness_must(mri_hot_tail_write_behind(client), "write behind");
    mri_hot_tail_close(client);
    free(client);
}

static mr_log_record record_of(const uint8_t *value)
{
    return (mr_log_record){.body = value, .body_bytes = MRI_PEER_VALUE_BYTES, .type = 300};
}

static void append(void *client, const uint8_t *value, mr_durability durability)
{
    const mr_log_record record = record_of(value);
    const struct mri_hot_append how = {.durability = durability};
    mri_harness_must(mri_hot_tail_append(client, &record, 1, &how, NULL), "append");
}

static void ring_append(void *client, uint64_t key, const void *value)
{
    (void)key; /* the log gives a sequence number */
    append(client, value, MR_GROUP);
}

static void ring_window(void *client, uint64_t key, const void *values, unsigned count)
{
    (void)key;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *value = (const uint8_t *)values + (size_t)i * MRI_PEER_VALUE_BYTES;
        append(client, value, i + 1 == count ? MR_GROUP : MR_ASYNC); /* covers all before */
    }
}

static void ring_push(void *client, const void *values, unsigned count)
{
    mr_log_record records[BATCH_MAX];
    for (unsigned i = 0; i < count; i++) {
        records[i] = record_of((const uint8_t *)values + (size_t)i * MRI_PEER_VALUE_BYTES);
    }
    mri_harness_must(mri_hot_tail_append(client, records, count, NULL, NULL), "append");
}

static void ring_settle(void *client)
{
    mri_harness_must(mri_hot_tail_write_behind(client), "write behind");
    mri_harness_must(mri_hot_tail_make_spares(client), "spares");
}

static void *ring_listen(const char *folder)
{
    (void)folder;
    struct listener *listener = calloc(1, sizeof(*listener));
    mri_harness_must(listener == NULL ? MR_ENOMEM : MR_OK, "memory");
    mri_harness_must(mri_hot_tail_attach(&listener->hot, &options), memory_path);
    listener->position = mri_hot_tail_counters(&listener->hot).tail;
    return listener;
}

static void ring_publish(void *client, const void *value)
{
    append(client, value, MR_ASYNC);
}

static void receive(struct listener *listener, void *value, bool is_sleeping)
{
    static _Alignas(64) uint8_t bytes[MRI_PEER_RECORD_BYTES];
    const struct mri_record_head *head = (const struct mri_record_head *)bytes;
    size_t count;
    mr_err err;
    while ((err = mri_hot_tail_copy(
                &listener->hot, listener->position, bytes, sizeof(bytes), &count)) != MR_OK) {
        if (err == MR_AGAIN) {
            listener->position =
                (listener->position / SEGMENT + 1) * SEGMENT + MRI_SEGMENT_PAGE_BYTES;
            continue;
        }
        mri_harness_must(err == MR_END ? MR_OK : (int)err, "copy");
        if (!is_sleeping) {
            for (int i = 0; i < 16; i++) {
                __builtin_ia32_pause();
            }
        } else if (mri_hot_tail_wait(&listener->hot, listener->position, WAIT_NS) < 0) {
            mri_harness_must(MR_EINTERNAL, "wait");
        }
    }
    const uint8_t *body = bytes + sizeof(*head);
    bool is_good =
        count == sizeof(bytes) && mri_crc32c(0, body, MRI_PEER_VALUE_BYTES) == head->body_crc;
    mri_harness_must(is_good ? MR_OK : MR_ECORRUPT, "record");
    memcpy(value, body, MRI_PEER_VALUE_BYTES);
    listener->position += mri_record_stride(head->bytes);
}

static void ring_receive(void *listener, void *value)
{
    receive(listener, value, true);
}

static void ring_spin(void *listener, void *value)
{
    receive(listener, value, false);
}

#define RING_WRITES                                                                                \
    .start = ring_start, .stop = ring_stop, .is_shared = ring_is_shared, .open = ring_open,        \
    .close = ring_close, .append = ring_append, .window = ring_window, .push = ring_push,          \
    .settle = ring_settle, .listen = ring_listen, .publish = ring_publish

const struct mri_peer mri_peer_ring = {
    .name = "ring",
    .settings =
        "the ring's own functions: MR_GROUP; windows: MR_ASYNC one by one, MR_GROUP for the "
        "last; ring of 64 MiB in /dev/shm, one thread that writes behind; readers sleep on "
        "a futex",
    RING_WRITES,
    .receive = ring_receive,
};

const struct mri_peer mri_peer_ring_spin = {
    .name = "ring_spin",
    .settings = "as ring; the reader looks every 16 pauses",
    RING_WRITES,
    .receive = ring_spin,
};
