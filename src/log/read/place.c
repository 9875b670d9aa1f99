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
 *
 * Not here: which segment follows (reader.c), where the bytes come from (place_hold.c).
 */
#include "log/read/place_hold.h"

#include <string.h>

#include "base/problem.h"
#include "log/format/recover.h"

enum {
    AHEAD_BYTES = 64 * 1024, /* zeros that end a look ahead; a writer's open looks at everything */
    LOOK_BYTES = 256 * 1024, /* how far one step of a long look goes */
};

/* ---- checking -------------------------------------------------------------------------------- */

/** One record behind visible_end: is it good? MR_END: nothing was written there. */
static mr_err check_record(
    struct mri_place *place, uint64_t offset, const struct mri_record_link *link)
{
    if (offset + sizeof(struct mri_record_head) > place->bytes_count) {
        return MR_END;
    }
    mr_err err = mri_place_hold_load(place, offset + sizeof(struct mri_record_head));
    if (err != MR_OK) {
        return err;
    }
    if (offset + sizeof(struct mri_record_head) > place->loaded_end) {
        return MR_END; /* nothing was appended there */
    }
    const struct mri_record_head *head = mri_place_hold_record(place, offset);
    err = mri_record_check_head(head, place->segment.salt, place->segment.base_position + offset);
    if (err != MR_OK) {
        return err;
    }
    if (head->seq != link->seq || head->prev_crc != link->crc || head->prev_units != link->units) {
        return MR_ECORRUPT;
    }
    struct mri_record_link next;
    bool is_last;
    err = mri_place_hold_load(
        place, offset + mri_record_step(head, &next, &is_last)); /* of a GAP all of it */
    return err == MR_OK ? mri_record_check_body(head, (size_t)(place->loaded_end - offset)) : err;
}

static mr_err look_for_batch(struct mri_place *place)
{
    uint64_t offset = place->visible_end;
    /* Field by field, as it was stored for the record before: a wider load would wait for that. */
    struct mri_record_link link = {
        .seq = place->check.seq, .crc = place->check.crc, .units = place->check.units};
    for (;;) {
        bool is_last;
        mr_err err = check_record(place, offset, &link);
        if (err != MR_OK) {
            return err == MR_ECORRUPT ? MR_END : err;
        }
        const struct mri_record_head *head = mri_place_hold_record(place, offset);
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
        err = mri_place_hold_load(place, from + LOOK_BYTES);
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
    mr_err err = mri_place_hold_load(place, end);
    if (err != MR_OK) {
        return err;
    }
    if (place->form == MRI_PLACE_HOT) {
        *ret_rest =
            place->loaded_end > place->visible_end ? MRI_PLACE_REST_CLAIMED : MRI_PLACE_REST_ZERO;
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
    uint64_t bytes = mri_record_step(mri_place_hold_record(place, offset), &link, &is_last);
    *ret_next_seq = link.seq;
    return bytes;
}

mr_err mri_place_walk(struct mri_place *place, const struct mri_place_target *target)
{
    uint64_t at = MRI_SEGMENT_PAGE_BYTES;
    for (;;) {
        while (at < place->visible_end) {
            const struct mri_record_head *head = mri_place_hold_record(place, at);
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
           (!is_numbered || mri_record_is_numbered(mri_place_hold_record(place, place->offset)));
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
    return mri_place_hold_record(place, place->offset)->seq;
}

uint64_t mri_place_event(const struct mri_place *place, mr_log_event *event)
{
    MRI_ASSERT(place->offset < place->visible_end);
    const struct mri_record_head *head = mri_place_hold_record(place, place->offset);
    const uint8_t *message_id = mri_record_message_id(head);
    size_t before_body = message_id == NULL ? 0 : MRI_RECORD_MSGID_BYTES;
    *event = (mr_log_event){
        .seq = {head->seq},
        .time_unix_ns = head->time_unix_ns,
        .body = (const uint8_t *)(head + 1) + before_body,
        .body_bytes = (uint32_t)(head->bytes - sizeof(*head) - before_body),
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
        .message_id = message_id,
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
    uint16_t units = place->offset < place->visible_end
                         ? mri_place_hold_record(place, place->offset)->prev_units
                         : place->check.units;
    uint64_t bytes = (uint64_t)units * MRI_RECORD_UNIT_BYTES;
    uint64_t next_seq;
    /* Behind a GAP prev_units is the length of a lost record, whose place is zero: no record. */
    bool is_there = bytes > 0 && bytes <= place->offset - MRI_SEGMENT_PAGE_BYTES &&
                    mri_place_hold_record(place, place->offset - bytes)->bytes != 0 &&
                    step_at(place, place->offset - bytes, &next_seq) == bytes;
    place->offset = is_there ? place->offset - bytes : walk_to_before(place, place->offset);
    return true;
}
