/* SPDX-License-Identifier: MIT */
/*
 * Archives of finished segments.
 *
 *   0        256
 *   | head   | zstd frame: the segment from its page to ROLL |
 *
 *   seg-X.log -> archive.tmp, synced, read back -> seg-X.log.zst, folder synced -> seg-X.log gone
 *
 * Invariants
 *  1. The plain file goes only when an archive that was read back and found equal has its name
 *     durably. So a crash leaves the plain file, both, or the archive.
 *  2. Every byte of an archive is covered by a checksum: the head by its own, the rest by the one
 *     in the head, the content by zstd's and by those of the records.
 *  3. Unpacking never writes more than the room it is given, whatever the file says.
 *
 * Not here: reading in place of a plain segment (place.c).
 */
#include "log/format/archive.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/problem.h"
#include "log/format/recover.h"
#include "os/compress.h"

enum {
    FRAME_MAGIC = 0x184d2a50,
    ARCHIVE_VERSION = 1,
    PIECE_BYTES = 32 * 1024,
};

static const char archive_magic[8] = {'M', 'R', 'A', 'R', 'C', '\r', '\n', '\x1a'};
static const char tmp_name[] = "archive.tmp";
static const char lock_name[] = "archive.lock";

/* ---- reading --------------------------------------------------------------------------------- */

/** Are the numbers of a head such as could be written for a file of this length? */
static mr_err check_head(const struct mri_archive_head *head, uint64_t file_bytes)
{
    uint8_t page[MRI_SEGMENT_PAGE_BYTES] = {0};
    struct mri_segment_head segment;
    bool is_hurt;
    bool is_ours =
        head->frame_magic == FRAME_MAGIC &&
        memcmp(head->magic, archive_magic, sizeof(archive_magic)) == 0 &&
        head->head_crc == mri_crc32c(0, head, offsetof(struct mri_archive_head, head_crc));
    if (!is_ours) {
        return MR_ECORRUPT;
    }
    if (head->version != ARCHIVE_VERSION) {
        return MR_EVERSION;
    }
    memcpy(page, &head->segment, sizeof(head->segment));
    mr_err err = mri_segment_head_read(page, sizeof(page), &segment, &is_hurt);
    if (err != MR_OK) {
        return err;
    }
    bool is_whole = file_bytes - sizeof(*head) == head->packed_bytes &&
                    head->plain_bytes > MRI_SEGMENT_PAGE_BYTES &&
                    head->plain_bytes <= segment.segment_bytes;
    return is_whole ? MR_OK : MR_ECORRUPT;
}

static mr_err read_head(const struct mri_os *os, int fd, struct mri_archive_head *ret_head)
{
    struct mri_archive_head head;
    uint64_t bytes;
    size_t count = 0;
    mr_err err = os->size(os->context, fd, &bytes);
    if (err == MR_OK) {
        err = os->read_at(os->context, fd, &head, sizeof(head), 0, &count);
    }
    if (err == MR_OK) {
        err = count == sizeof(head) ? check_head(&head, bytes) : MR_ECORRUPT;
    }
    if (err == MR_OK) {
        *ret_head = head;
    }
    return err;
}

/** An archive being unpacked. */
struct unpacking {
    const struct mri_os *os;
    int fd;
    const struct mri_archive_head *head;
    struct mri_compress compress;
    struct mri_compress_step step;
    uint64_t offset; /**< in the file: what lies before was read */
    uint32_t crc;
};

/** Read one more piece of the file and unpack it; MR_OK at the end of the frame. */
static mr_err unpack_piece(struct unpacking *unpacking)
{
    uint8_t piece[PIECE_BYTES];
    struct mri_compress_step *step = &unpacking->step;
    const struct mri_os *os = unpacking->os;
    uint64_t left = sizeof(*unpacking->head) + unpacking->head->packed_bytes - unpacking->offset;
    size_t wanted = left < sizeof(piece) ? (size_t)left : sizeof(piece);
    mr_err err =
        os->read_at(os->context, unpacking->fd, piece, wanted, unpacking->offset, &step->in_bytes);
    if (err != MR_OK) {
        return err;
    }
    if (step->in_bytes < wanted || wanted == 0) {
        return MR_ECORRUPT; /* the frame goes on where the file ends */
    }
    unpacking->crc = mri_crc32c(unpacking->crc, piece, wanted);
    step->in = piece;
    step->in_used = 0;
    size_t before;
    do {
        before = step->in_used + step->out_used;
        err = mri_compress_run(&unpacking->compress, step, false);
    } while (err == MR_AGAIN && step->in_used < step->in_bytes &&
             before < step->in_used + step->out_used);
    unpacking->offset += step->in_used;
    bool is_stuck = err == MR_AGAIN && step->in_used < step->in_bytes; /* more than it may hold */
    return is_stuck ? MR_ECORRUPT : err;
}

static mr_err unpack_frame(struct unpacking *unpacking)
{
    const struct mri_archive_head *head = unpacking->head;
    mr_err err = mri_compress_init_unpack(&unpacking->compress);
    if (err != MR_OK) {
        return err;
    }
    do {
        err = unpack_piece(unpacking);
    } while (err == MR_AGAIN);
    mri_compress_fini(&unpacking->compress);
    bool is_whole = unpacking->offset == sizeof(*head) + head->packed_bytes &&
                    unpacking->step.out_used == head->plain_bytes;
    if (err == MR_OK && !is_whole) {
        return MR_ECORRUPT;
    }
    bool is_same = memcmp(unpacking->step.out, &head->segment, sizeof(head->segment)) == 0;
    if (err == MR_OK && (unpacking->crc != head->packed_crc || !is_same)) {
        unpacking->offset = sizeof(*head); /* somewhere behind it */
        return MR_ECORRUPT;
    }
    return err;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the step writes through it */
static mr_err unpack_file(const struct mri_os *os, const char *path, uint8_t *room,
    uint64_t room_bytes, mr_problem *problem)
{
    struct mri_archive_head head;
    struct unpacking unpacking = {.os = os, .head = &head};
    mr_err err = os->open(os->context, path, MRI_OPEN_READ, &unpacking.fd);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    err = read_head(os, unpacking.fd, &head);
    if (err == MR_OK && head.plain_bytes > room_bytes) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        unpacking.offset = sizeof(head);
        unpacking.step = (struct mri_compress_step){.out = room, .out_bytes = head.plain_bytes};
        err = unpack_frame(&unpacking);
    }
    os->close(os->context, unpacking.fd);
    if (err == MR_ECORRUPT) {
        return mri_problem(problem, err, "%s: the archive is damaged, which is seen at offset %llu",
            path, (unsigned long long)unpacking.offset);
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
}

static mr_err archive_path(const char *folder, uint64_t base_seq, char *ret_path)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    return mri_os_path(folder, mri_segment_archive_name(base_seq, name), ret_path);
}

mr_err mri_archive_read_head(const struct mri_os *os, const char *folder, uint64_t base_seq,
    struct mri_archive_head *ret_head, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX] = "";
    int fd;
    mr_err err = archive_path(folder, base_seq, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err == MR_OK) {
        err = read_head(os, fd, ret_head);
        os->close(os->context, fd);
    }
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
}

mr_err mri_archive_unpack(const struct mri_os *os, const char *folder, uint64_t base_seq,
    uint8_t *room, uint64_t room_bytes, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = archive_path(folder, base_seq, path);
    return err == MR_OK ? unpack_file(os, path, room, room_bytes, problem) : err;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct archiving {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    uint64_t base_seq;
    mr_problem *problem;
    char plain[MRI_PATH_BYTES_MAX];
    char packed[MRI_PATH_BYTES_MAX];
    char tmp[MRI_PATH_BYTES_MAX];
    const uint8_t *map;
    uint64_t map_bytes;
    struct mri_archive_head head;
};

static mr_err fault(const struct archiving *archiving, const char *path, mr_err err)
{
    return err == MR_OK ? MR_OK
                        : mri_problem(archiving->problem, err, "%s: %s", path, mr_err_text(err));
}

/** Is this path a file? */
static mr_err is_there(const struct mri_os *os, const char *path, bool *ret_is_there)
{
    struct mri_file_info info;
    mr_err err = os->info(os->context, path, &info);
    *ret_is_there = err == MR_OK && !info.is_folder;
    return err == MR_EPATH ? MR_OK : err;
}

static mr_err check_successor(const struct archiving *archiving)
{
    struct mri_segment_list list;
    mr_err err = mri_segment_list(archiving->os, archiving->alloc, archiving->folder, &list);
    if (err != MR_OK) {
        return fault(archiving, archiving->folder, err);
    }
    bool is_newest = list.base_seqs[list.count - 1] <= archiving->base_seq;
    mri_segment_list_fini(&list);
    return is_newest ? mri_problem(archiving->problem, MR_REFUSED,
                           "%s: the newest segment is still written to", archiving->plain)
                     : MR_OK;
}

/** Map the plain segment; everything in it must be good. */
static mr_err hold_plain(struct archiving *archiving)
{
    const struct mri_os *os = archiving->os;
    const void *map;
    int fd;
    mr_err err = os->open(os->context, archiving->plain, MRI_OPEN_READ, &fd);
    if (err != MR_OK) {
        return fault(archiving, archiving->plain, err);
    }
    err = os->size(os->context, fd, &archiving->map_bytes);
    if (err == MR_OK && archiving->map_bytes < MRI_SEGMENT_PAGE_BYTES) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        err = os->map_read(os->context, fd, (size_t)archiving->map_bytes, &map);
    }
    os->close(os->context, fd);
    if (err == MR_OK) {
        archiving->map = map;
    }
    return fault(archiving, archiving->plain, err);
}

static mr_err check_plain(struct archiving *archiving)
{
    struct mri_archive_head *head = &archiving->head;
    struct mri_recover_scan scan;
    bool is_hurt;
    mr_err err = mri_segment_head_read(
        archiving->map, (size_t)archiving->map_bytes, &head->segment, &is_hurt);
    if (err == MR_OK && (is_hurt || head->segment.segment_bytes != archiving->map_bytes ||
                            head->segment.base_seq != archiving->base_seq)) {
        err = MR_ECORRUPT;
    }
    if (err != MR_OK) {
        return fault(archiving, archiving->plain, err);
    }
    mri_recover_scan_segment(&head->segment, archiving->map, archiving->map_bytes, &scan);
    head->plain_bytes = scan.end_offset;
    if (!scan.is_rolled || !scan.facts.is_end_zero) {
        return mri_problem(archiving->problem, MR_ECORRUPT,
            "%s: event %llu at offset %llu is damaged; the segment stays as it is",
            archiving->plain, (unsigned long long)scan.next_seq,
            (unsigned long long)scan.end_offset);
    }
    return MR_OK;
}

/** Pack the segment into an open file, behind its head, and then write the head. */
static mr_err pack_into(struct archiving *archiving, int fd)
{
    uint8_t piece[PIECE_BYTES];
    const struct mri_os *os = archiving->os;
    struct mri_archive_head *head = &archiving->head;
    struct mri_compress compress;
    struct mri_compress_step step = {.in = archiving->map,
        .in_bytes = (size_t)head->plain_bytes,
        .out = piece,
        .out_bytes = sizeof(piece)};
    mr_err write_err = MR_OK;
    mr_err err = mri_compress_init(&compress, head->plain_bytes);
    if (err != MR_OK) {
        return err;
    }
    head->packed_bytes = 0;
    head->packed_crc = 0;
    do {
        step.out_used = 0;
        err = mri_compress_run(&compress, &step, true);
        const struct mri_io_piece out = {.bytes = piece, .count = step.out_used};
        if (step.out_used > 0 && (err == MR_OK || err == MR_AGAIN)) {
            write_err = os->write_at(os->context, fd, &out, 1, sizeof(*head) + head->packed_bytes);
            head->packed_crc = mri_crc32c(head->packed_crc, piece, step.out_used);
            head->packed_bytes += step.out_used;
        }
    } while (err == MR_AGAIN && write_err == MR_OK);
    mri_compress_fini(&compress);
    if (err != MR_OK || write_err != MR_OK) {
        return write_err != MR_OK ? write_err : err;
    }
    head->frame_magic = FRAME_MAGIC;
    head->frame_bytes = sizeof(*head) - 8;
    head->version = ARCHIVE_VERSION;
    memcpy(head->magic, archive_magic, sizeof(archive_magic));
    head->head_crc = mri_crc32c(0, head, offsetof(struct mri_archive_head, head_crc));
    return os->write_at(
        os->context, fd, &(struct mri_io_piece){.bytes = head, .count = sizeof(*head)}, 1, 0);
}

/** Does an archive unpack to exactly the segment? */
static mr_err check_archive(const struct archiving *archiving, const char *path)
{
    void *room;
    size_t bytes = (size_t)archiving->map_bytes;
    mr_err err = mri_alloc_array(archiving->alloc, 1, bytes, &room);
    if (err != MR_OK) {
        return fault(archiving, path, err);
    }
    err = unpack_file(archiving->os, path, room, bytes, archiving->problem);
    if (err == MR_OK && memcmp(room, archiving->map, bytes) != 0) {
        err = fault(archiving, path, MR_ECORRUPT);
    }
    mri_alloc_free(archiving->alloc, room, bytes);
    return err;
}

/** Make an archive under a name that means nothing to readers, durable and read back. */
static mr_err write_tmp(struct archiving *archiving)
{
    const struct mri_os *os = archiving->os;
    int fd;
    mr_err err = os->open(os->context, archiving->tmp, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    if (err != MR_OK) {
        return fault(archiving, archiving->tmp, err);
    }
    err = os->truncate(os->context, fd, 0); /* left over from a crash */
    if (err == MR_OK) {
        err = pack_into(archiving, fd);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    if (err == MR_OK) {
        err = os->drop_cache(os->context, fd); /* read back what the disk has */
    }
    os->close(os->context, fd);
    err = fault(archiving, archiving->tmp, err);
    return err == MR_OK ? check_archive(archiving, archiving->tmp) : err;
}

/** Give the archive its name; then, and only then, the plain file may go. */
static mr_err put_in_place(struct archiving *archiving)
{
    const struct mri_os *os = archiving->os;
    bool has_archive;
    mr_err err = is_there(os, archiving->packed, &has_archive);
    if (err == MR_OK && has_archive) { /* left by a crash before the plain file was removed */
        has_archive = check_archive(archiving, archiving->packed) == MR_OK;
    }
    if (err == MR_OK && !has_archive) {
        err = write_tmp(archiving);
        if (err != MR_OK) {
            (void)os->remove(os->context, archiving->tmp); /* the next one starts anew anyway */
            return err;
        }
        err = os->rename(os->context, archiving->tmp, archiving->packed);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, archiving->folder);
    }
    if (err == MR_OK) {
        err = os->remove(os->context, archiving->plain);
    }
    if (err == MR_OK) {
        err = os->sync_folder(os->context, archiving->folder);
    }
    return fault(archiving, archiving->packed, err);
}

/** With the lock held: what is there, and is it to be archived? */
static mr_err archive_locked(struct archiving *archiving)
{
    const struct mri_os *os = archiving->os;
    bool has_plain;
    bool has_archive;
    mr_err err = is_there(os, archiving->plain, &has_plain);
    if (err == MR_OK) {
        err = is_there(os, archiving->packed, &has_archive);
    }
    if (err != MR_OK) {
        return fault(archiving, archiving->plain, err);
    }
    if (!has_plain) {
        return has_archive ? MR_EXISTS
                           : mri_problem(archiving->problem, MR_NOT_FOUND, "%s: no such segment",
                                 archiving->plain);
    }
    err = check_successor(archiving);
    if (err == MR_OK) {
        err = hold_plain(archiving);
    }
    if (err == MR_OK) {
        err = check_plain(archiving);
        if (err == MR_OK) {
            err = put_in_place(archiving);
        }
        os->unmap(os->context, archiving->map, (size_t)archiving->map_bytes);
    }
    return err;
}

mr_err mri_archive_segment(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, uint64_t base_seq, struct mri_archive_report *ret_report,
    mr_problem *problem)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char lock[MRI_PATH_BYTES_MAX];
    int lock_fd;
    struct archiving archiving = {
        .os = os, .alloc = alloc, .folder = folder, .base_seq = base_seq, .problem = problem};
    mr_err err = mri_os_path(folder, mri_segment_name(base_seq, name), archiving.plain);
    err = err == MR_OK ? archive_path(folder, base_seq, archiving.packed) : err;
    err = err == MR_OK ? mri_os_path(folder, tmp_name, archiving.tmp) : err;
    err = err == MR_OK ? mri_os_path(folder, lock_name, lock) : err;
    if (err == MR_OK) {
        err = os->open(os->context, lock, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &lock_fd);
    }
    if (err != MR_OK) {
        return fault(&archiving, folder, err);
    }
    err = os->lock_range(os->context, lock_fd, 0, 1, MRI_RANGE_EXCLUSIVE);
    err = err == MR_OK ? archive_locked(&archiving)
                       : mri_problem(problem, err, "%s: another process archives", folder);
    os->close(os->context, lock_fd);
    if (err == MR_OK && ret_report != NULL) {
        *ret_report = (struct mri_archive_report){
            .plain_bytes = archiving.map_bytes,
            .packed_bytes = sizeof(archiving.head) + archiving.head.packed_bytes,
        };
    }
    return err;
}
