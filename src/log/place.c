/* SPDX-License-Identifier: MIT */
/*
 * A segment held for reading.
 *
 *   | batch | batch | batch ... | incomplete batch |  zeros or remains
 *         ^offset               ^visible_end        ^loaded_end (of a copy)
 *
 * Invariants
 *  1. Records before visible_end are checked (head, body, seq, chain) and belong to complete
 *     batches; nothing else is ever handed out.
 *  2. Only bytes before loaded_end are looked at. A map and an unpacked archive are loaded whole; a
 *     copy is read in steps, and what lies behind visible_end is read anew at each look, since a
 *     writer may have been at work there.
 *  3. The bytes of a place do not move while it is open, so an event may point into them.
 *  4. What is loaded of a hot place was appended and is whole: what does not check there is damage.
 *
 * Not here: which segment follows (reader.c), archives (archive.c).
 */
#include "log/place.h"

#include <string.h>

#include "base/problem.h"
#include "log/archive.h"
#include "log/recover.h"

enum {
    AHEAD_BYTES = 64 * 1024, /* zeros that end a look ahead; a writer's open looks at everything */
    LOAD_BYTES = 256 * 1024, /* how much of a copy is read at once */
};

static const struct mri_record_head *head_at(const struct mri_place *place, uint64_t offset)
{
    return (const struct mri_record_head *)(place->bytes + offset);
}

/* ---- holding --------------------------------------------------------------------------------- */

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

/** Read on until so many bytes of a copy are there, or the file ends. */
static mr_err load(struct mri_place *place, uint64_t end)
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
    err = load(place, MRI_SEGMENT_PAGE_BYTES);
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

/** Does the segment belong to this log and have the length that all have? */
static bool is_expected(
    const struct mri_place_source *source, const struct mri_segment_head *head, uint64_t base_seq)
{
    return memcmp(head->log_uuid, source->manifest->log_uuid, sizeof(head->log_uuid)) == 0 &&
           head->segment_bytes == source->manifest->segment_bytes && head->base_seq == base_seq;
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
    return err == MR_OK ? MR_OK : mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
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
    err = mri_segment_head_read(place.bytes, (size_t)place.bytes_count, &place.segment, &is_hurt);
    if (err == MR_OK && !is_expected(source, &place.segment, base_seq)) {
        err = MR_ECORRUPT;
    }
    if (err != MR_OK) {
        mri_place_close(&place);
        return mri_problem(problem, err, "%s/%s: %s", source->folder, place.name, mr_err_text(err));
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
    if (err == MR_OK && !is_expected(source, &head, base_seq)) {
        err = MR_ECORRUPT;
    }
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s: %s", path, mr_err_text(err));
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
    struct mri_place found;
    mr_err err = mri_place_open(place->source, place->segment.base_seq, &found, problem);
    if (err != MR_OK) {
        return err;
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

/* ---- checking -------------------------------------------------------------------------------- */

/** One record behind visible_end: is it good? MR_END: nothing was written there. */
static mr_err check_record(
    struct mri_place *place, uint64_t offset, const struct mri_record_link *link)
{
    if (offset + sizeof(struct mri_record_head) > place->bytes_count) {
        return MR_END;
    }
    mr_err err = load(place, offset + sizeof(struct mri_record_head));
    if (err != MR_OK) {
        return err;
    }
    if (offset + sizeof(struct mri_record_head) > place->loaded_end) {
        return MR_END; /* nothing was appended there */
    }
    const struct mri_record_head *head = head_at(place, offset);
    err = mri_record_check_head(head, place->segment.salt, place->segment.base_position + offset);
    if (err != MR_OK) {
        return err;
    }
    if (head->seq != link->seq || head->prev_crc != link->crc || head->prev_units != link->units) {
        return MR_ECORRUPT;
    }
    struct mri_record_link next;
    bool is_last;
    err = load(place, offset + mri_record_step(head, &next, &is_last)); /* of a GAP all of it */
    return err == MR_OK ? mri_record_check_body(head, (size_t)(place->loaded_end - offset)) : err;
}

static mr_err look_for_batch(struct mri_place *place)
{
    uint64_t offset = place->visible_end;
    struct mri_record_link link = place->check;
    for (;;) {
        bool is_last;
        mr_err err = check_record(place, offset, &link);
        if (err != MR_OK) {
            return err == MR_ECORRUPT ? MR_END : err;
        }
        const struct mri_record_head *head = head_at(place, offset);
        offset += mri_record_step(head, &link, &is_last);
        if ((head->flags & MRI_RECORD_TXN_END) != 0) {
            place->visible_end = offset;
            place->check = link;
            place->is_rolled = is_last;
            return MR_OK;
        }
    }
}

mr_err mri_place_find_batch(struct mri_place *place)
{
    MRI_ASSERT(place->bytes != NULL);
    mr_err err = look_for_batch(place);
    if (err == MR_END && (place->form == MRI_PLACE_COPIED || place->form == MRI_PLACE_HOT) &&
        place->loaded_end > place->visible_end) {
        place->loaded_end = place->visible_end; /* the copy may be older than the file */
        err = look_for_batch(place);
    }
    return err;
}

/** Are the bytes behind the last complete batch zero, as far as it is worth looking? */
static bool is_zero(const struct mri_place *place, uint64_t from, uint64_t end)
{
    static const uint8_t zeros[MRI_SEGMENT_PAGE_BYTES];
    MRI_ASSERT(end <= place->loaded_end || from >= end);
    for (uint64_t at = from; at < end; at += sizeof(zeros)) {
        uint64_t step = end - at < sizeof(zeros) ? end - at : sizeof(zeros);
        if (memcmp(place->bytes + at, zeros, (size_t)step) != 0) {
            return false;
        }
    }
    return true;
}

/** Load the rest of a copy, as far as mri_recover_is_claimed() will look. */
static mr_err load_rest(struct mri_place *place, uint64_t zeros_max)
{
    uint64_t zero_from = place->visible_end;
    mr_err err = MR_OK;
    while (err == MR_OK && place->loaded_end < place->bytes_count &&
           place->loaded_end - zero_from <= zeros_max) {
        uint64_t from = place->loaded_end;
        err = load(place, from + LOAD_BYTES);
        if (err == MR_OK && !is_zero(place, from, place->loaded_end)) {
            zero_from = place->loaded_end;
        }
    }
    return err;
}

/**
 * Does a later record of the segment say that what is bad at visible_end was durable? The first
 * time all of the rest is looked at. After that only what was written since can be news, and a
 * writer leaves no holes: so following a busy log costs what is written, not a segment at every
 * look.
 */
static mr_err look_for_claim(struct mri_place *place, bool *ret_is_claimed)
{
    uint64_t zeros_max = place->is_rest_scanned ? AHEAD_BYTES : place->bytes_count;
    mr_err err = load_rest(place, zeros_max);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_recover_rest rest = {
        .segment = &place->segment,
        .bytes = place->bytes,
        .bytes_count = place->loaded_end,
        .offset = place->visible_end,
        .seq = place->check.seq,
        .zeros_max = zeros_max,
    };
    *ret_is_claimed = mri_recover_is_claimed(&rest);
    place->is_rest_scanned = place->is_rest_scanned || !*ret_is_claimed;
    return MR_OK;
}

mr_err mri_place_look_ahead(struct mri_place *place, enum mri_place_rest *ret_rest)
{
    bool is_claimed = false;
    uint64_t end = place->visible_end + AHEAD_BYTES;
    mr_err err = load(place, end);
    if (err != MR_OK) {
        return err;
    }
    if (place->form == MRI_PLACE_HOT) {
        *ret_rest = place->loaded_end > place->visible_end ? MRI_PLACE_REST_CLAIMED
                                                           : MRI_PLACE_REST_ZERO;
        return MR_OK;
    }
    bool is_clean =
        is_zero(place, place->visible_end, end < place->bytes_count ? end : place->bytes_count);
    if (!is_clean) {
        err = look_for_claim(place, &is_claimed);
    }
    if (err == MR_OK) {
        *ret_rest = is_clean     ? MRI_PLACE_REST_ZERO
                    : is_claimed ? MRI_PLACE_REST_CLAIMED
                                 : MRI_PLACE_REST_TORN;
    }
    return err;
}

mr_err mri_place_damage(const struct mri_place *place, mr_problem *problem)
{
    return mri_problem(problem, MR_ECORRUPT,
        "%s/%s: event %llu at offset %llu is damaged; the log can be read up to event %llu",
        place->source->folder, place->name, (unsigned long long)place->check.seq,
        (unsigned long long)place->visible_end, (unsigned long long)place->check.seq - 1);
}

mr_err mri_place_fault(const struct mri_place *place, mr_err err, mr_problem *problem)
{
    return mri_problem(problem, err, "%s/%s: behind offset %llu: %s", place->source->folder,
        place->name, (unsigned long long)place->visible_end, mr_err_text(err));
}

mr_err mri_place_recheck(struct mri_place *place, mr_problem *problem)
{
    mr_err err = mri_place_find_batch(place);
    if (err == MR_END) {
        return mri_place_damage(place, problem);
    }
    return err == MR_OK ? MR_OK : mri_place_fault(place, err, problem);
}

mr_err mri_place_check_next(
    const struct mri_place *place, const struct mri_place *next, mr_problem *problem)
{
    const struct mri_segment_head *head = &next->segment;
    bool is_next =
        head->base_seq == place->check.seq && head->prev_crc == place->check.crc &&
        head->prev_units == place->check.units &&
        head->base_position == place->segment.base_position + place->segment.segment_bytes;
    return is_next ? MR_OK
                   : mri_problem(problem, MR_ECORRUPT,
                         "%s/%s: does not continue %s, which ends with event %llu; a segment is "
                         "missing",
                         place->source->folder, next->name, place->name,
                         (unsigned long long)place->check.seq - 1);
}

/* ---- walking --------------------------------------------------------------------------------- */

/** Bytes from a checked record to the next one, and the seq that comes next. */
static uint64_t step_at(const struct mri_place *place, uint64_t offset, uint64_t *ret_next_seq)
{
    struct mri_record_link link;
    bool is_last;
    uint64_t bytes = mri_record_step(head_at(place, offset), &link, &is_last);
    *ret_next_seq = link.seq;
    return bytes;
}

mr_err mri_place_walk(struct mri_place *place, const struct mri_place_target *target)
{
    uint64_t at = MRI_SEGMENT_PAGE_BYTES;
    for (;;) {
        while (at < place->visible_end) {
            const struct mri_record_head *head = head_at(place, at);
            uint64_t next_seq;
            uint64_t bytes = step_at(place, at, &next_seq);
            if (next_seq > target->seq && head->time_unix_ns >= target->unix_ns &&
                mri_record_is_numbered(head)) {
                place->offset = at;
                return MR_OK;
            }
            at += bytes;
        }
        mr_err err = mri_place_find_batch(place);
        if (err == MR_END) {
            place->offset = place->visible_end;
        }
        if (err != MR_OK) {
            return err;
        }
    }
}

bool mri_place_has_record(const struct mri_place *place, bool is_numbered)
{
    return place->offset != place->visible_end &&
           (!is_numbered || mri_record_is_numbered(head_at(place, place->offset)));
}

/** The seq up to which a record says that all is durable; 0 = it claims nothing. */
static uint64_t claim_of(const struct mri_record_head *head)
{
    bool is_claim = head->durable_lag != UINT16_MAX && head->durable_lag <= head->seq;
    return is_claim ? head->seq - head->durable_lag : 0;
}

uint64_t mri_place_seq(const struct mri_place *place)
{
    MRI_ASSERT(place->offset < place->visible_end);
    return head_at(place, place->offset)->seq;
}

uint64_t mri_place_event(const struct mri_place *place, mr_log_event *event)
{
    MRI_ASSERT(place->offset < place->visible_end);
    const struct mri_record_head *head = head_at(place, place->offset);
    *event = (mr_log_event){
        .seq = {head->seq},
        .time_unix_ns = head->time_unix_ns,
        .body = head + 1,
        .body_bytes = (uint32_t)(head->bytes - sizeof(*head)),
        .stored_bytes = (uint32_t)mri_record_stride(head->bytes),
        .subject_id = head->subject_id,
        .subject_prev = head->subject_prev,
        .producer_id = head->producer_id,
        .producer_seq = head->producer_seq,
        .writer_epoch = head->writer_epoch,
        .chain_crc = head->head_crc,
        .type = head->type,
        .version = head->version,
        .is_batch_end = (head->flags & MRI_RECORD_TXN_END) != 0,
    };
    return claim_of(head);
}

void mri_place_step(struct mri_place *place)
{
    uint64_t next_seq;
    MRI_ASSERT(place->offset < place->visible_end);
    place->offset += step_at(place, place->offset, &next_seq);
}

/** The record that ends at an offset, found from the front. */
static uint64_t walk_to_before(const struct mri_place *place, uint64_t offset)
{
    uint64_t at = MRI_SEGMENT_PAGE_BYTES;
    for (;;) {
        uint64_t next_seq;
        uint64_t bytes = step_at(place, at, &next_seq);
        if (at + bytes >= offset) {
            MRI_ASSERT(at + bytes == offset);
            return at;
        }
        at += bytes;
    }
}

bool mri_place_step_back(struct mri_place *place)
{
    if (place->offset == MRI_SEGMENT_PAGE_BYTES) {
        return false;
    }
    uint16_t units = place->offset < place->visible_end ? head_at(place, place->offset)->prev_units
                                                        : place->check.units;
    uint64_t bytes = (uint64_t)units * MRI_RECORD_UNIT_BYTES;
    uint64_t next_seq;
    /* Behind a GAP prev_units is the length of a lost record, whose place is zero: no record. */
    bool is_there = bytes > 0 && bytes <= place->offset - MRI_SEGMENT_PAGE_BYTES &&
                    head_at(place, place->offset - bytes)->bytes != 0 &&
                    step_at(place, place->offset - bytes, &next_seq) == bytes;
    place->offset = is_there ? place->offset - bytes : walk_to_before(place, place->offset);
    return true;
}
