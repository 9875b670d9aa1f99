/* SPDX-License-Identifier: MIT */
/**
 * Which fields of an event have no value: absent is not zero, for whoever shows events.
 */
#ifndef MRI_BUS_EVENT_ABSENT_H
#define MRI_BUS_EVENT_ABSENT_H

#include "bus/event_codec.h"

/**
 * Has this field of the fixed part, or of a row, no value?
 *
 * @param at  the field in the event's body
 *
 * Returns  true for a reference, time or price that is 0, and for what another field of the event
 *          says is not there.
 * Threads  any.
 */
bool mri_event_absent(const struct mri_event *event, const struct mri_field *field, const void *at);

#endif
