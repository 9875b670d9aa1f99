/* SPDX-License-Identifier: MIT */
/*
 * Appending batches to the newest segment.
 *
 *   segment n                                        segment n + 1
 *   [page | r r r | r r | ... | SEAL | ROLL | 0 0]   [page | r r ...
 *                  batch                              base_seq = ROLL.seq, prev_crc = ROLL's
 *
 * Invariants
 *  1. A batch lies in one segment, in one write; its last record carries TXN_END, the others
 *     TXN_CONT. What follows it in the file is zero.
 *  2. There is always room for two SEALs and a ROLL behind the last batch.
 *  3. The file of the next segment exists, at full length, before ROLL is written: a full disk is
 *     found before the log is touched. The old segment is synced before the new one gets its name,
 *     so a segment that has a successor is complete on disk.
 *  4. SEAL and ROLL take no sequence number of their own (they carry the next one), so the numbers
 *     of events do not depend on where segments and seals end.
 *  5. offset, next_seq and the chain move only after the write has succeeded.
 *
 * Not here: durability (commit.c), seals (sealing.c), opening (opening.c).
 */
#include <string.h>

#include "base/crc32c.h"
#include "log/writer.h"

enum {
    WRITEBACK_BYTES = 4 * 1024 * 1024, /* start writing to disk this often, to keep syncs short */
    LAG_SATURATED = 65535,
};

static const char spare_name[] = "spare-0";

/** Make, or take over, a file of full length under a name that means nothing to readers. */
static mr_err make_spare(mr_log *log, const char *path, int *ret_fd)
{
    const struct mri_os *os = log->os;
    int fd;
    mr_err err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0); /* left over from a crash: its bytes must be zero */
    if (err == MR_OK) {
        err = os->allocate(os->context, fd, log->manifest.segment_bytes);
    }
    if (err != MR_OK) {
        os->close(os->context, fd);
        (void)os->remove(os->context, path); /* the next attempt starts from nothing anyway */
        return err;
    }
    *ret_fd = fd;
    return MR_OK;
}

/** Give the spare its head and its name, durably. */
static mr_err name_segment(mr_log *log, int fd, const char *spare, struct mri_segment_head *head)
{
    const struct mri_os *os = log->os;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(log->folder, mri_segment_name(head->base_seq, name), path);
    if (err == MR_OK) {
        err = os->random_bytes(os->context, &head->salt, sizeof(head->salt));
    }
    if (err == MR_OK) {
        mri_segment_head_seal(head);
        err = mri_segment_head_write(os, fd, head);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    if (err == MR_OK) {
        err = os->rename(os->context, spare, path);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, log->folder);
    }
    return err;
}

static struct mri_segment_head next_head(const mr_log *log, uint64_t base_position)
{
    struct mri_segment_head head = {
        .writer_epoch = log->writer_epoch,
        .base_seq = log->next_seq,
        .base_position = base_position,
        .segment_bytes = log->manifest.segment_bytes,
        .prev_unix_ns = log->last_unix_ns,
        .prev_crc = log->prev_crc,
        .prev_units = log->prev_units,
        .features_compat = log->manifest.features_compat,
        .features_ro_compat = log->manifest.features_ro_compat,
        .features_incompat = log->manifest.features_incompat,
    };
    memcpy(head.log_uuid, log->manifest.log_uuid, sizeof(head.log_uuid));
    memcpy(head.link, log->sealing.link.bytes, sizeof(head.link));
    return head;
}

static void switch_segment(mr_log *log, int fd, const struct mri_segment_head *head)
{
    if (log->segment_fd >= 0) {
        mri_sealing_leave(log);
        log->os->close(log->os->context, log->segment_fd);
    }
    log->segment_fd = fd;
    log->segment = *head;
    log->offset = MRI_SEGMENT_PAGE_BYTES;
    log->writeback_offset = 0;
    log->event_end = MRI_SEGMENT_PAGE_BYTES;
    mri_sealing_enter(log);
    log->has_unsynced = false; /* the head was synced before the file got its name */
}

/** Turn the spare into the segment that continues the chain, and write there from now on. */
static mr_err use_spare(mr_log *log, int fd, const char *spare, uint64_t base_position)
{
    struct mri_segment_head head = next_head(log, base_position);
    mr_err err = name_segment(log, fd, spare, &head);
    if (err != MR_OK) {
        log->os->close(log->os->context, fd);
        return err;
    }
    switch_segment(log, fd, &head);
    return MR_OK;
}

mr_err mri_append_new_segment(mr_log *log, uint64_t base_position)
{
    char spare[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(log->folder, spare_name, spare);
    if (err == MR_OK) {
        err = make_spare(log, spare, &fd);
    }
    return err == MR_OK ? use_spare(log, fd, spare, base_position) : err;
}

static uint16_t durable_lag(const mr_log *log, uint64_t seq)
{
    uint64_t lag = seq - log->durable_seq;
    return lag < LAG_SATURATED ? (uint16_t)lag : LAG_SATURATED;
}

/** The chain as it grows while a batch is built; copied back only after the write. */
struct chain {
    uint64_t seq;
    uint64_t position;
    uint32_t prev_crc;
    uint16_t prev_units;
    int64_t last_unix_ns;
};

static mr_err put_record(
    mr_log *log, const mr_log_record *record, uint8_t flags, struct chain *chain)
{
    size_t bytes = sizeof(struct mri_record_head) + record->body_bytes;
    size_t stride = mri_record_stride(bytes);
    uint8_t *place = mri_buf_grow(&log->batch, stride);
    if (place == NULL) {
        return log->batch.err == MR_FULL ? MR_EINVAL : MR_ENOMEM;
    }
    if (record->body_bytes > 0) {
        memcpy(place + sizeof(struct mri_record_head), record->body, record->body_bytes);
    }
    chain->last_unix_ns++; /* the wall clock was read once for the batch; order stays strict */
    struct mri_record_head head = {
        .bytes = (uint32_t)bytes,
        .seq = chain->seq,
        .time_unix_ns = chain->last_unix_ns,
        .subject_prev = record->subject_prev,
        .subject_id = record->subject_id,
        .body_crc = mri_crc32c(0, record->body, record->body_bytes),
        .prev_crc = chain->prev_crc,
        .prev_units = chain->prev_units,
        .durable_lag = durable_lag(log, chain->seq),
        .producer_id = record->producer_id,
        .producer_seq = record->producer_seq,
        .writer_epoch = log->writer_epoch,
        .type = record->type,
        .flags = flags,
        .version = record->version,
    };
    head.head_crc = mri_record_head_crc(&head, log->segment.salt, chain->position);
    memcpy(place, &head, sizeof(head));
    chain->seq += mri_record_is_numbered(&head);
    chain->position += stride;
    chain->prev_crc = head.head_crc;
    chain->prev_units = (uint16_t)(stride / MRI_RECORD_UNIT_BYTES);
    return MR_OK;
}

static void kick_writeback(mr_log *log)
{
    if (log->offset - log->writeback_offset >= WRITEBACK_BYTES) {
        /* Only a hint: whether it worked shows when the data are synced. */
        (void)log->os->start_writeback(log->os->context, log->segment_fd, log->writeback_offset,
            log->offset - log->writeback_offset);
        log->writeback_offset = log->offset;
    }
}

mr_err mri_append_write(mr_log *log, const mr_log_record *records, size_t count)
{
    int64_t now = log->os->realtime_unix_ns(log->os->context) - 1;
    struct chain chain = {
        .seq = log->next_seq,
        .position = log->segment.base_position + log->offset,
        .prev_crc = log->prev_crc,
        .prev_units = log->prev_units,
        .last_unix_ns = now > log->last_unix_ns ? now : log->last_unix_ns,
    };
    mri_buf_clear(&log->batch);
    for (size_t i = 0; i < count; i++) {
        uint8_t flags = i + 1 == count ? MRI_RECORD_TXN_END : MRI_RECORD_TXN_CONT;
        mr_err err = put_record(log, &records[i], flags, &chain);
        if (err != MR_OK) {
            return err;
        }
    }
    struct mri_io_piece piece = {.bytes = log->batch.bytes, .count = log->batch.count};
    if (log->os->write_at(log->os->context, log->segment_fd, &piece, 1, log->offset) != MR_OK) {
        return mri_commit_poison(log, MR_EIO);
    }
    uint64_t first = log->next_seq;
    log->offset += log->batch.count;
    log->next_seq = chain.seq;
    log->prev_crc = chain.prev_crc;
    log->prev_units = chain.prev_units;
    if (log->next_seq > first) {
        log->event_crc = log->prev_crc;
        log->event_end = log->offset;
    }
    log->last_unix_ns = chain.last_unix_ns;
    log->has_unsynced = true;
    kick_writeback(log);
    return MR_OK;
}

/** Close the current segment with SEAL and ROLL and go on in a new one. */
static mr_err roll(mr_log *log)
{
    char spare[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(log->folder, spare_name, spare);
    if (err == MR_OK) {
        err = make_spare(log, spare, &fd);
    }
    if (err != MR_OK) {
        return err; /* nothing was touched yet */
    }
    err = mri_sealing_complete(log);
    if (err != MR_OK) {
        log->os->close(log->os->context, fd);
        return err;
    }
    const mr_log_record roll_record = {.type = MRI_RECORD_ROLL, .version = MRI_RECORD_VERSION};
    err = mri_append_write(log, &roll_record, 1);
    if (err == MR_OK) {
        mri_seal_link_next(&log->sealing.hasher, (const struct mri_record_head *)log->batch.bytes,
            &log->sealing.link);
        err = mri_commit_sync(log);
    }
    if (err != MR_OK) {
        log->os->close(log->os->context, fd);
        return MR_EIO; /* poisoned already; the batch that wanted room is not in the log */
    }
    uint64_t base_position = log->segment.base_position + log->segment.segment_bytes;
    err = use_spare(log, fd, spare, base_position);
    /* Behind ROLL nothing may follow in the old file: the next open goes on in a new one. */
    return err == MR_OK ? MR_OK : mri_commit_poison(log, MR_EIO);
}

/** Bytes of the batch in the file, or 0 when a record is malformed or it can never fit. */
static uint64_t batch_bytes(const mr_log *log, const mr_log_record *records, size_t count)
{
    uint64_t sum = 0;
    uint64_t limit = log->segment.segment_bytes - MRI_SEGMENT_PAGE_BYTES - MRI_SEALING_ROOM_BYTES;
    for (size_t i = 0; i < count; i++) {
        bool has_body = records[i].body != NULL || records[i].body_bytes == 0;
        if (!has_body || records[i].body_bytes > MR_LOG_BODY_BYTES_MAX) {
            return 0;
        }
        sum += mri_record_stride(sizeof(struct mri_record_head) + records[i].body_bytes);
        if (sum > limit) {
            return 0;
        }
    }
    return sum;
}

mr_err mri_append_batch(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack)
{
    if (log->is_poisoned) {
        return MR_EPOISONED;
    }
    uint64_t bytes = batch_bytes(log, records, count);
    if (bytes == 0) {
        return MR_EINVAL;
    }
    if (log->next_seq - log->sealing.waiting.seq + count > MRI_SEAL_EVENTS_MAX) {
        (void)mri_sealing_advance(log); /* what fails without a write is tried again */
    }
    mr_err err = log->is_poisoned ? MR_EIO : MR_OK;
    if (err == MR_OK && log->offset + bytes + MRI_SEALING_ROOM_BYTES > log->segment.segment_bytes) {
        err = roll(log);
    }
    uint64_t first = log->next_seq;
    if (err == MR_OK) {
        err = mri_append_write(log, records, count);
    }
    if (err == MR_OK && durability == MR_GROUP) {
        err = mri_commit_sync(log);
    }
    if ((err == MR_OK || err == MR_EUNKNOWN) && ret_ack != NULL) {
        *ret_ack = (mr_log_ack){
            .first = {first},
            .last = {log->next_seq - 1},
            .stored_bytes = bytes,
            .is_durable = log->durable_seq == log->next_seq - 1,
        };
    }
    return err;
}

mr_err mri_log_append_own(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack)
{
    return mri_append_batch(log, records, count, durability, ret_ack);
}

mr_err mr_log_append(mr_log *log, const mr_log_record *records, size_t count,
    mr_durability durability, mr_log_ack *ret_ack)
{
    if (log == NULL || log->magic != MRI_LOG_MAGIC || records == NULL || count == 0 ||
        (durability != MR_ASYNC && durability != MR_GROUP)) {
        return MR_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].type < MR_LOG_TYPE_FREE) {
            return MR_EINVAL;
        }
    }
    return mri_append_batch(log, records, count, durability, ret_ack);
}

mr_seq mr_log_last(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return (mr_seq){log->next_seq - 1};
}

uint32_t mri_log_chain_crc(const mr_log *log)
{
    MRI_ASSERT(log->magic == MRI_LOG_MAGIC);
    return log->event_crc;
}
