/* SPDX-License-Identifier: MIT */
/*
 * Where the bytes of a segment come from.
 *
 *   written as a whole    a map of the file, a copy of it, or what its archive unpacks to
 *   being written         a copy out of the ring, and of the file for what has left the ring
 *
 * Invariants
 *  1. The bytes of a place do not move while it is open, so an event may point into them.
 *  2. What is loaded of a hot place was appended and is whole: what does not check there is damage.
 *  3. A hot place takes hold of its file as soon as there is one, so that it may be removed or
 *     archived meanwhile. What has left the ring was written, so then there is one, or it is lost.
 *
 * Not here: what the bytes mean (place.c).
 */
#include "log/read/place_hold.h"

#include <string.h>

#include "base/problem.h"
#include "log/format/archive.h"

enum { LOAD_BYTES = 256 * 1024 }; /* how much of a copy is read at once */

static size_t block_bytes(const struct mri_place_source *source)
{
    return (size_t)source->manifest->segment_bytes + MRI_RECORD_UNIT_BYTES;
}

void mri_place_close(struct mri_place *place)
{
    const struct mri_place_source *source = place->source;
    if (place->bytes == NULL) {
        return;
    }
    if (place->block == NULL) {
        source->os->unmap(source->os->context, place->bytes, (size_t)place->bytes_count);
    } else {
        mri_alloc_free(source->alloc, place->block, block_bytes(source));
    }
    if (place->fd >= 0) {
        source->os->close(source->os->context, place->fd);
        place->fd = -1;
    }
    place->bytes = NULL;
    place->block = NULL;
}

/** Memory for a whole segment, zeroed; its bytes begin where records may be. */
static mr_err make_block(struct mri_place *place, uint8_t **ret_bytes)
{
    void *block;
    const struct mri_place_source *source = place->source;
    mr_err err = mri_alloc_array(source->alloc, 1, block_bytes(source), &block);
    if (err == MR_OK) {
        uintptr_t over = (uintptr_t)block % MRI_RECORD_UNIT_BYTES;
        *ret_bytes = (uint8_t *)block + (over == 0 ? 0 : MRI_RECORD_UNIT_BYTES - over);
        place->block = block;
    }
    return err;
}

static void drop_block(struct mri_place *place)
{
    mri_alloc_free(place->source->alloc, place->block, block_bytes(place->source));
    place->block = NULL;
    place->bytes = NULL;
}

/** The file of a hot place, once it has one. */
static mr_err open_hot_file(struct mri_place *place)
{
    const struct mri_os *os = place->source->os;
    char path[MRI_PATH_BYTES_MAX];
    if (place->fd >= 0) {
        return MR_OK;
    }
    mr_err err = mri_os_path(place->source->folder, place->name, path);
    return err == MR_OK ? os->open(os->context, path, MRI_OPEN_READ, &place->fd) : err;
}

/** Read a step from the file of a place. */
static mr_err load_step(struct mri_place *place, size_t step)
{
    const struct mri_os *os = place->source->os;
    uint8_t *to = (uint8_t *)(uintptr_t)place->bytes + place->loaded_end; /* the block is ours */
    size_t count;
    mr_err err = os->read_at(os->context, place->fd, to, step, place->loaded_end, &count);
    if (err == MR_OK && count < step) {
        err = MR_EIO; /* somebody cuts a segment while it is read */
    }
    place->loaded_end += err == MR_OK ? step : 0;
    return err;
}

/** Copy on out of the ring, and out of the file what has left it; as far as was appended. */
static mr_err load_hot(struct mri_place *place, uint64_t end)
{
    const struct mri_hot_view *view = place->source->view;
    mr_err err = MR_OK;
    if (place->fd < 0 && mri_hot_view_written(view) > place->segment.base_position) {
        err = open_hot_file(place); /* now, while it has this name; then it may be archived */
        err = err == MR_EPATH ? MR_OK : err;
    }
    while (place->loaded_end < end && err == MR_OK) {
        uint8_t *to = (uint8_t *)(uintptr_t)place->bytes + place->loaded_end;
        uint64_t position = place->segment.base_position + place->loaded_end;
        uint64_t left = place->bytes_count - place->loaded_end;
        size_t step = left < LOAD_BYTES ? (size_t)left : LOAD_BYTES;
        size_t count = 0;
        err = mri_hot_view_copy(view, position, to, step, &count);
        if (err == MR_OK) {
            place->loaded_end += count;
        } else if (err == MR_NOT_FOUND) { /* so it is written, and there is a file */
            uint64_t written = mri_hot_view_written(view) - place->segment.base_position;
            written = written < place->bytes_count ? written : place->bytes_count;
            err = open_hot_file(place);
            left = written > place->loaded_end ? written - place->loaded_end : 0;
            step = left < LOAD_BYTES ? (size_t)left : LOAD_BYTES;
            err = err == MR_OK ? load_step(place, step) : err;
        }
    }
    return err == MR_END || err == MR_AGAIN ? MR_OK : err;
}

mr_err mri_place_hold_load(struct mri_place *place, uint64_t end)
{
    end = end < place->bytes_count ? end : place->bytes_count;
    if (place->form == MRI_PLACE_HOT) {
        return load_hot(place, end);
    }
    mr_err err = MR_OK;
    while (place->loaded_end < end && err == MR_OK) {
        uint64_t left = place->bytes_count - place->loaded_end;
        err = load_step(place, left < LOAD_BYTES ? (size_t)left : LOAD_BYTES);
    }
    return err;
}

static mr_err file_bytes(const struct mri_place *place, int fd, uint64_t *ret_bytes)
{
    const struct mri_os *os = place->source->os;
    uint64_t segment_bytes = place->source->manifest->segment_bytes;
    uint64_t bytes;
    mr_err err = os->size(os->context, fd, &bytes);
    if (err == MR_OK && bytes < MRI_SEGMENT_PAGE_BYTES) {
        err = MR_ECORRUPT;
    }
    if (err == MR_OK) {
        *ret_bytes = bytes < segment_bytes ? bytes : segment_bytes; /* what follows is not ours */
    }
    return err;
}

static mr_err hold_map(struct mri_place *place, int fd)
{
    const struct mri_os *os = place->source->os;
    const void *map;
    uint64_t bytes;
    mr_err err = file_bytes(place, fd, &bytes);
    if (err == MR_OK) {
        err = os->map_read(os->context, fd, (size_t)bytes, &map);
    }
    if (err == MR_OK) {
        place->bytes = map;
        place->bytes_count = bytes;
        place->loaded_end = bytes;
    }
    return err;
}

/** Like hold_map(), but into memory; the descriptor stays open. */
static mr_err hold_copy(struct mri_place *place, int fd)
{
    uint8_t *bytes;
    mr_err err = file_bytes(place, fd, &place->bytes_count);
    if (err == MR_OK) {
        err = make_block(place, &bytes);
    }
    if (err != MR_OK) {
        return err;
    }
    place->form = MRI_PLACE_COPIED;
    place->bytes = bytes;
    place->fd = fd;
    err = mri_place_hold_load(place, MRI_SEGMENT_PAGE_BYTES);
    if (err != MR_OK) {
        drop_block(place);
    }
    return err;
}

/** Hold what the archive of a segment unpacks to. */
static mr_err hold_archive(struct mri_place *place, uint64_t base_seq, mr_problem *problem)
{
    const struct mri_place_source *source = place->source;
    uint64_t segment_bytes = source->manifest->segment_bytes;
    uint8_t *bytes;
    mr_err err = make_block(place, &bytes);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", source->folder, mr_err_text(err));
    }
    err = mri_archive_unpack(source->os, source->folder, base_seq, bytes, segment_bytes, problem);
    if (err != MR_OK) {
        drop_block(place);
        return err;
    }
    (void)mri_segment_archive_name(base_seq, place->name);
    place->form = MRI_PLACE_UNPACKED;
    place->bytes = bytes;
    place->bytes_count = segment_bytes;
    place->loaded_end = segment_bytes;
    return MR_OK;
}

static mr_err hold_file(struct mri_place *place, const char *path)
{
    const struct mri_os *os = place->source->os;
    int fd;
    mr_err err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = place->source->is_copying ? hold_copy(place, fd) : hold_map(place, fd);
    if (err != MR_OK || place->form == MRI_PLACE_MAPPED) {
        os->close(os->context, fd); /* the map stays */
    }
    return err;
}

/** Does the ring have a segment that is not complete in its file? */
static mr_err find_hot(const struct mri_place_source *source, uint64_t base_seq,
    struct mri_hot_view_segment *ret_segment)
{
    const struct mri_hot_view *view = source->view;
    uint64_t oldest;
    uint64_t newest;
    if (view == NULL || view->shared == NULL || mri_hot_view_is_closed(view)) {
        return MR_NOT_FOUND;
    }
    mri_hot_view_range(view, &oldest, &newest);
    for (uint64_t index = oldest; index <= newest; index++) {
        if (mri_hot_view_segment(view, index, ret_segment) == MR_OK &&
            ret_segment->head.base_seq == base_seq && !ret_segment->is_written) {
            return MR_OK;
        }
    }
    return MR_NOT_FOUND;
}

/** Hold a segment of the ring; its page is made from what the ring says. */
static mr_err hold_hot(struct mri_place *place, const struct mri_hot_view_segment *segment)
{
    uint8_t *bytes;
    mr_err err = make_block(place, &bytes);
    if (err != MR_OK) {
        return err;
    }
    memcpy(bytes, &segment->head, sizeof(segment->head));
    place->form = MRI_PLACE_HOT;
    place->bytes = bytes;
    place->bytes_count = segment->head.segment_bytes;
    place->loaded_end = MRI_SEGMENT_PAGE_BYTES;
    err = load_hot(place, MRI_SEGMENT_PAGE_BYTES); /* holds the file, if there is one */
    if (err != MR_OK) {
        drop_block(place);
    }
    return err;
}

/** What is wrong with a segment's head; NULL: nothing. */
static const char *fault_of(
    const struct mri_place_source *source, const struct mri_segment_head *head, uint64_t base_seq)
{
    const struct mri_segment_wanted wanted = {.log_uuid = source->manifest->log_uuid,
        .segment_bytes = source->manifest->segment_bytes,
        .base_seq = base_seq};
    return mri_segment_head_fault(head, &wanted);
}

/** Say that a segment's file has no good head. */
static mr_err tell_file(const struct mri_os *os, const char *path, mr_err err, mr_problem *problem)
{
    struct mri_file_info info;
    bool is_damage = err == MR_ECORRUPT && os->info(os->context, path, &info) == MR_OK;
    return mri_problem(problem, err, "%s: %s", path,
        is_damage ? mri_segment_file_fault(info.bytes) : mr_err_text(err));
}

/** Is there an archive in place of a plain segment that is not there? Then *path names it. */
static bool is_archived(const struct mri_place_source *source, uint64_t base_seq, char *path)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char archive[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    const struct mri_os *os = source->os;
    bool is_so =
        mri_os_path(source->folder, mri_segment_archive_name(base_seq, name), archive) == MR_OK &&
        os->info(os->context, archive, &info) == MR_OK;
    if (is_so) {
        memcpy(path, archive, sizeof(archive));
    }
    return is_so;
}

mr_err mri_place_is_plain(
    const struct mri_place_source *source, uint64_t base_seq, bool *ret_is_plain)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    struct mri_file_info info;
    mr_err err = mri_os_path(source->folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = source->os->info(source->os->context, path, &info);
    }
    *ret_is_plain = err == MR_OK;
    return err == MR_EPATH ? MR_OK : err;
}

/** Hold the plain segment, or its archive: the plain one goes only when the archive is there. */
static mr_err hold_segment(struct mri_place *place, uint64_t base_seq, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX] = "";
    const struct mri_place_source *source = place->source;
    struct mri_hot_view_segment segment;
    mr_err err = mri_os_path(source->folder, mri_segment_name(base_seq, place->name), path);
    if (err == MR_OK && find_hot(source, base_seq, &segment) == MR_OK) {
        err = hold_hot(place, &segment);
    } else if (err == MR_OK) {
        err = hold_file(place, path);
    }
    if (err == MR_EPATH && is_archived(source, base_seq, path)) {
        return hold_archive(place, base_seq, problem);
    }
    return err == MR_OK ? MR_OK : tell_file(source->os, path, err, problem);
}

mr_err mri_place_open(const struct mri_place_source *source, uint64_t base_seq,
    struct mri_place *ret_place, mr_problem *problem)
{
    struct mri_place place = {.source = source, .fd = -1};
    bool is_hurt;
    mr_err err = hold_segment(&place, base_seq, problem);
    if (err != MR_OK) {
        return err;
    }
    const char *fault = mri_segment_file_fault(place.bytes_count);
    err = mri_segment_head_read(place.bytes, (size_t)place.bytes_count, &place.segment, &is_hurt);
    if (err == MR_OK) {
        fault = fault_of(source, &place.segment, base_seq);
        err = fault == NULL ? MR_OK : MR_ECORRUPT;
    }
    if (err != MR_OK) {
        mri_place_close(&place);
        return mri_problem(problem, err, "%s/%s: %s", source->folder, place.name,
            err == MR_ECORRUPT ? fault : mr_err_text(err));
    }
    place.offset = MRI_SEGMENT_PAGE_BYTES;
    place.visible_end = MRI_SEGMENT_PAGE_BYTES;
    place.check = (struct mri_record_link){.seq = place.segment.base_seq,
        .crc = place.segment.prev_crc,
        .units = place.segment.prev_units};
    *ret_place = place;
    return MR_OK;
}

/** The first page of a plain segment. */
static mr_err read_page(
    const struct mri_os *os, const char *path, uint8_t page[static MRI_SEGMENT_PAGE_BYTES])
{
    int fd;
    size_t count = 0;
    mr_err err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    if (err != MR_OK) {
        return err;
    }
    err = os->read_at(os->context, fd, page, MRI_SEGMENT_PAGE_BYTES, 0, &count);
    os->close(os->context, fd);
    return err == MR_OK && count < MRI_SEGMENT_PAGE_BYTES ? MR_ECORRUPT : err;
}

/** The head of a segment, plain or archived; *path says which file it was looked for in. */
static mr_err read_any_head(const struct mri_place_source *source, uint64_t base_seq,
    struct mri_segment_head *ret_head, char *path, mr_problem *problem)
{
    char name[MRI_SEGMENT_NAME_BYTES];
    uint8_t page[MRI_SEGMENT_PAGE_BYTES];
    bool is_hurt;
    mr_err err = mri_os_path(source->folder, mri_segment_name(base_seq, name), path);
    if (err == MR_OK) {
        err = read_page(source->os, path, page);
    }
    if (err == MR_EPATH && is_archived(source, base_seq, path)) {
        struct mri_archive_head head;
        err = mri_archive_read_head(source->os, source->folder, base_seq, &head, problem);
        if (err == MR_OK) {
            *ret_head = head.segment;
        }
        return err;
    }
    return err == MR_OK ? mri_segment_head_read(page, sizeof(page), ret_head, &is_hurt) : err;
}

mr_err mri_place_read_head(const struct mri_place_source *source, uint64_t base_seq,
    struct mri_segment_head *ret_head, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX] = "";
    struct mri_segment_head head;
    struct mri_hot_view_segment segment;
    mr_err err = read_any_head(source, base_seq, &head, path, problem);
    if (err == MR_EPATH && find_hot(source, base_seq, &segment) == MR_OK) {
        head = segment.head; /* it has no file yet */
        err = MR_OK;
    }
    if (err != MR_OK) {
        return tell_file(source->os, path, err, problem);
    }
    const char *fault = fault_of(source, &head, base_seq);
    if (fault != NULL) {
        return mri_problem(problem, MR_ECORRUPT, "%s: %s", path, fault);
    }
    *ret_head = head;
    return MR_OK;
}

mr_err mri_place_grow(struct mri_place *place, mr_problem *problem)
{
    char path[MRI_PATH_BYTES_MAX];
    struct mri_place grown = *place;
    if (place->form == MRI_PLACE_UNPACKED || place->form == MRI_PLACE_HOT) {
        return MR_END; /* it is whole */
    }
    mr_err err = mri_os_path(place->source->folder, place->name, path);
    if (err == MR_OK && place->form == MRI_PLACE_MAPPED) {
        err = hold_file(&grown, path);
    } else if (err == MR_OK) {
        err = file_bytes(&grown, grown.fd, &grown.bytes_count);
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
    }
    struct mri_place *left = grown.bytes_count <= place->bytes_count ? &grown : place;
    bool is_grown = left == place;
    if (place->form == MRI_PLACE_MAPPED) {
        mri_place_close(left);
    }
    if (!is_grown) {
        return MR_END;
    }
    grown.is_rest_scanned = false;
    *place = grown;
    return MR_OK;
}

mr_err mri_place_heat(struct mri_place *place, mr_problem *problem)
{
    struct mri_hot_view_segment segment;
    if (place->form != MRI_PLACE_MAPPED && place->form != MRI_PLACE_COPIED) {
        return MR_NOT_FOUND;
    }
    mr_err err = find_hot(place->source, place->segment.base_seq, &segment);
    if (err != MR_OK || segment.head.salt != place->segment.salt) {
        return MR_NOT_FOUND;
    }
    struct mri_place hot = *place;
    hot.block = NULL;
    hot.fd = -1;
    err = hold_hot(&hot, &segment);
    if (err == MR_OK) {
        uint8_t *bytes = (uint8_t *)(uintptr_t)hot.bytes; /* the block is ours */
        memcpy(bytes, place->bytes, (size_t)place->visible_end);
        hot.loaded_end = place->visible_end;
        mri_place_close(place);
        *place = hot;
    }
    return err == MR_OK ? MR_OK : mri_place_fault(place, err, problem);
}

static mr_err tell_rewound(const struct mri_place *place, mr_problem *problem)
{
    return mri_problem(problem, MR_REWOUND,
        "%s/%s: a write had failed; events before %llu were read that are not in the log any more",
        place->source->folder, place->name, (unsigned long long)place->check.seq);
}

/** Go on in what the segment has become meanwhile: another file, an archive. */
static mr_err reopen(struct mri_place *place, mr_problem *problem)
{
    struct mri_place found = {0};
    mr_err err = mri_place_open(place->source, place->segment.base_seq, &found, problem);
    if (err != MR_OK) {
        return err;
    }
    if (found.form == MRI_PLACE_HOT && found.fd < 0) { /* neither, and what it lacks was written */
        mri_place_close(&found);
        return mri_problem(problem, MR_ECORRUPT,
            "%s/%s: the file is gone, and processes that append have the segment open",
            place->source->folder, place->name);
    }
    while (err == MR_OK && found.visible_end < place->visible_end) {
        err = mri_place_find_batch(&found);
    }
    bool is_same = found.visible_end == place->visible_end && found.check.crc == place->check.crc;
    if (!is_same) {
        mri_place_close(&found);
        return err == MR_OK || err == MR_END ? tell_rewound(place, problem)
                                             : mri_place_fault(place, err, problem);
    }
    found.offset = place->offset;
    mri_place_close(place);
    *place = found;
    return MR_OK;
}

mr_err mri_place_cool(struct mri_place *place, mr_problem *problem)
{
    const struct mri_os *os = place->source->os;
    uint64_t last = place->visible_end - (uint64_t)place->check.units * MRI_RECORD_UNIT_BYTES;
    uint8_t found[sizeof(struct mri_record_head)] = {0};
    size_t count;
    MRI_ASSERT(place->form == MRI_PLACE_HOT);
    mr_err err = open_hot_file(place);
    if (err == MR_EPATH) {
        return reopen(place, problem);
    }
    bool is_begun = place->visible_end > MRI_SEGMENT_PAGE_BYTES;
    if (err == MR_OK && is_begun) {
        err = os->read_at(os->context, place->fd, found, sizeof(found), last, &count);
    }
    if (err == MR_OK && is_begun && memcmp(found, place->bytes + last, sizeof(found)) != 0) {
        return tell_rewound(place, problem);
    }
    if (err != MR_OK) {
        return mri_place_fault(place, err, problem);
    }
    place->form = MRI_PLACE_COPIED;
    place->loaded_end = place->visible_end;
    return MR_OK;
}

bool mri_place_is_at_tail(const struct mri_place *place)
{
    const struct mri_hot_view *view = place->source->view;
    return place->form == MRI_PLACE_HOT && place->visible_end == place->loaded_end &&
           !mri_hot_view_is_closed(view) &&
           mri_hot_view_tail(view) <= place->segment.base_position + place->visible_end;
}

mr_err mri_place_sync(const struct mri_place *place, mr_problem *problem)
{
    const struct mri_os *os = place->source->os;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    if (place->form == MRI_PLACE_UNPACKED) {
        return MR_OK; /* it was durable before it was packed */
    }
    mr_err err = mri_os_path(place->source->folder, place->name, path);
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_READ, &fd);
    }
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
        os->close(os->context, fd);
    }
    return err == MR_OK ? MR_OK : mri_place_fault(place, err, problem);
}
