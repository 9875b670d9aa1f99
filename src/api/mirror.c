/* SPDX-License-Identifier: MIT */
/*
 * Copying symbols, sources and names out of the shared state.
 *
 * Invariants
 *  1. What is copied was the same before and behind: it is of batches that are in the log.
 */
#include "api/mirror.h"

#include "base/check.h"

enum { ATTEMPTS = 1000 };

mr_err mri_mirror_init(struct mri_mirror *mirror, const struct mri_alloc *alloc)
{
    *mirror = (struct mri_mirror){.alloc = alloc};
    mr_err err = mri_instruments_init(&mirror->instruments, alloc, MRI_SHARED_SYMBOLS_MAX);
    if (err == MR_OK) {
        err = mri_intern_init(&mirror->sources, alloc, MRI_SHARED_SOURCES_MAX);
    }
    if (err == MR_OK) {
        err = mri_intern_init(&mirror->names, alloc, MRI_SHARED_NAMES);
    }
    if (err != MR_OK) {
        mri_mirror_fini(mirror);
    }
    return err;
}

void mri_mirror_fini(struct mri_mirror *mirror)
{
    if (mirror != NULL && mirror->alloc != NULL) {
        mri_instruments_fini(&mirror->instruments);
        mri_intern_fini(&mirror->sources);
        mri_intern_fini(&mirror->names);
        *mirror = (struct mri_mirror){0};
    }
}

static mr_err copy_texts(struct mri_intern *intern, const struct mri_shared_texts *texts)
{
    uint32_t count = mri_shared_texts_count(texts);
    mr_err err = MR_OK;
    while (intern->count < count && err == MR_OK) {
        char text[MRI_INTERN_BYTES_MAX];
        uint32_t number;
        uint32_t expected = intern->count;
        size_t bytes = mri_shared_texts_copy(texts, expected, text);
        err = mri_intern_add(intern, (struct mri_slice){text, bytes}, &number);
        err = err == MR_OK && number == expected ? MR_OK : MR_ECORRUPT;
    }
    return err;
}

static mr_err copy_instruments(
    struct mri_instruments *instruments, const struct mri_shared_state *state)
{
    uint32_t count = mri_shared_state_instrument_count(state);
    mr_err err = MR_OK;
    if (instruments->provisional_count > mri_shared_state_provisional_count(state)) {
        mri_instruments_clear(instruments); /* one has got its instrument: which is not told */
    }
    while (instruments->count < count && err == MR_OK) {
        uint64_t body[MRI_SHARED_INSTRUMENT_BYTES / 8];
        struct mri_event event;
        const mr_log_event record = {
            .seq = {1},
            .body = body,
            .body_bytes = (uint32_t)mri_shared_state_instrument(state, instruments->count, body),
            .type = MRI_EVENT_INSTRUMENT,
            .version = MRI_EVENT_VERSION,
        };
        err = mri_event_decode(&record, &event);
        if (err == MR_OK) {
            err = mri_instruments_apply(instruments, &event);
        }
    }
    return err;
}

bool mri_mirror_is_current(const struct mri_mirror *mirror, const struct mri_shared_state *state)
{
    return mri_shared_texts_count(&state->sources) == mirror->sources.count &&
           mri_shared_texts_count(&state->names) == mirror->names.count &&
           mri_shared_state_instrument_count(state) == mirror->instruments.count &&
           mri_shared_state_provisional_count(state) == mirror->instruments.provisional_count;
}

mr_err mri_mirror_follow(
    struct mri_mirror *mirror, const mr_log *log, const struct mri_shared_state *state)
{
    mr_err err = MR_OK;
    for (unsigned i = 0; i < ATTEMPTS && !mri_mirror_is_current(mirror, state); i++) {
        uint32_t version;
        uint32_t source_count = mirror->sources.count;
        uint32_t name_count = mirror->names.count;
        err = mri_derived_look(log, &version);
        if (err != MR_OK) {
            return err;
        }
        err = copy_texts(&mirror->sources, &state->sources);
        if (err == MR_OK) {
            err = copy_texts(&mirror->names, &state->names);
        }
        if (err == MR_OK) {
            err = copy_instruments(&mirror->instruments, state);
        }
        if (mri_derived_is_same(log, version)) {
            return err;
        }
        mri_intern_cut(&mirror->sources, source_count);
        mri_intern_cut(&mirror->names, name_count);
        mri_instruments_clear(&mirror->instruments);
        err = MR_BUSY;
    }
    return err;
}
