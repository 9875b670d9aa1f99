/* SPDX-License-Identifier: MIT */
/**
 * Random valid events of any kind, made from the kinds' descriptions alone.
 */
#ifndef TESTS_LIB_EVENT_SAMPLE_H
#define TESTS_LIB_EVENT_SAMPLE_H

#include "base/prng.h"
#include "bus/event_codec.h"

enum { MRI_EVENT_SAMPLE_ROWS_BYTES = 255 * 128, MRI_EVENT_SAMPLE_TEXT_BYTES = 300 };

/** A draft with the memory that it points to; it must not move. */
struct mri_event_sample {
    struct mri_draft draft;
    _Alignas(8) uint8_t fixed[512];
    _Alignas(8) uint8_t rows[MRI_EVENT_ROWS_MAX][MRI_EVENT_SAMPLE_ROWS_BYTES];
    char texts[MRI_EVENT_TEXTS_MAX][MRI_EVENT_SAMPLE_TEXT_BYTES];
};

/**
 * Draw an event of a kind: every field anything that is allowed.
 *
 * @param seq  that it will have, for its references; > 0
 *
 * Returns  nothing; ret_sample->draft is complete.
 * Threads  any.
 */
void mri_event_sample_make(struct mri_event_sample *ret_sample, const struct mri_event_kind *kind,
    uint64_t seq, struct mri_prng *prng);

/**
 * The draft as a record of the log.
 *
 * @param body  room for the body, aligned to 64 bytes
 *
 * Returns  the record, complete but for what only a log knows.
 * Owner    points to body.
 * Threads  any.
 */
mr_log_event mri_event_sample_record(const struct mri_draft *draft, uint64_t seq, void *body);

#endif
