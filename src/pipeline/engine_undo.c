/* SPDX-License-Identifier: MIT */
/*
 * Taking back a decision: a save of the engines, and the events since.
 *
 * Invariants
 *  1. While is_taken, `saved` with `applied` on top is what the engines are, but for a decision
 * that does not stand yet.
 *  2. A note is an event and its body, each where a struct may begin.
 */
#include "pipeline/engine_undo.h"

#include <string.h>

#include "base/check.h"

/**
 * More than the engines can need, as for snapshots: without the slots of the bus, whose size is
 * that of all signals, what is left grows with symbols, sources, and signals that are not settled.
 */
#define SAVED_BYTES_MAX ((size_t)8 << 30)

/** Notes that are never too many, however little was saved. */
enum { APPLIED_BYTES_MIN = 4096 };

/** Bytes of a body among the notes, so that the next one begins where a struct may. */
static size_t padded(size_t bytes)
{
    const size_t align = _Alignof(struct mri_event);
    return (bytes + align - 1) / align * align;
}

void mri_engine_undo_init(struct mri_engine_undo *undo, const struct mri_alloc *alloc)
{
    *undo = (struct mri_engine_undo){0};
    mri_buf_init(&undo->saved, alloc, SAVED_BYTES_MAX);
    mri_buf_init(&undo->applied, alloc, SAVED_BYTES_MAX);
}

void mri_engine_undo_fini(struct mri_engine_undo *undo)
{
    mri_buf_fini(&undo->saved);
    mri_buf_fini(&undo->applied);
}

void mri_engine_undo_drop(struct mri_engine_undo *undo)
{
    undo->is_taken = false;
    mri_buf_clear(&undo->applied);
}

mr_err mri_engine_undo_hold(struct mri_engine_undo *undo, const struct mri_wiring *wiring)
{
    size_t applied_max = APPLIED_BYTES_MIN + undo->saved.count / 2;
    if (undo->is_taken && undo->applied.count <= applied_max) {
        return MR_OK;
    }
    mri_buf_clear(&undo->saved);
    mri_buf_clear(&undo->applied);
    mri_wiring_save(wiring, &undo->saved);
    undo->is_taken = undo->saved.err == MR_OK;
    undo->saves++;
    return undo->saved.err;
}

mr_err mri_engine_undo_note(struct mri_engine_undo *undo, const struct mri_event *event)
{
    if (!undo->is_taken) {
        return MR_OK;
    }
    void *place = mri_buf_room(&undo->applied, sizeof(*event) + padded(event->body_bytes));
    if (place == NULL) {
        mr_err err = undo->applied.err;
        mri_engine_undo_drop(undo);
        return err;
    }
    memcpy(place, event, sizeof(*event));
    memcpy((uint8_t *)place + sizeof(*event), event->body, event->body_bytes);
    return MR_OK;
}

mr_err mri_engine_undo_restore(struct mri_engine_undo *undo, struct mri_wiring *wiring,
    const struct mri_wiring_options *options)
{
    struct mri_unpack unpack;
    MRI_ASSERT(undo->is_taken);
    mri_wiring_fini(wiring);
    mr_err err = mri_wiring_init(wiring, undo->saved.alloc, options, NULL);
    mri_unpack_init(&unpack, undo->saved.bytes, undo->saved.count);
    if (err == MR_OK) {
        err = mri_wiring_load(wiring, &unpack);
    }
    for (size_t at = 0; err == MR_OK && at < undo->applied.count;) {
        struct mri_event event;
        memcpy(&event, undo->applied.bytes + at, sizeof(event));
        at += sizeof(event);
        event.body = undo->applied.bytes + at;
        at += padded(event.body_bytes);
        err = mri_wiring_apply(wiring, &event);
    }
    undo->restores++;
    return err;
}
