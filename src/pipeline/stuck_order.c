/* SPDX-License-Identifier: MIT */
/*
 * Alerts for orders outside.
 *
 * Invariants
 *  1. What is told is an input of the log and depends on its event time alone.
 */
#include "pipeline/stuck_order.h"

#include "base/problem.h"
#include "base/utc.h"

/** The event time before which a report is too old. */
static int64_t before(const struct mri_bus *bus, int64_t after_ns)
{
    return after_ns == 0 ? INT64_MIN : bus->event_time_unix_ns - after_ns;
}

mr_err mri_stuck_order_draft(const struct mri_bus *bus, int64_t after_ns, struct mri_batch *batch)
{
    char duration[MRI_UTC_BYTES];
    mr_problem message;
    uint32_t ordinal;
    unsigned leg;
    const struct mri_table_order *order =
        mri_order_table_stuck(&bus->orders, before(bus, after_ns), &ordinal, &leg);
    if (order == NULL) {
        return MR_END;
    }
    (void)mri_problem(&message, MR_OK,
        "nobody has reported on the %s order of signal %u for %s: %s",
        mri_word_text(MRI_VOCABULARY_leg, leg), ordinal,
        mri_utc_duration(bus->event_time_unix_ns - mri_order_table_since(order), duration),
        mri_order_state_text((enum mri_order_state)order->state));
    const struct mri_alert alert = {
        .about = mri_batch_ref(batch, order->intent_seq),
        .severity = MRI_SEVERITY_CRITICAL,
        .reason = MRI_REASON_ORDER_STUCK,
    };
    return mri_batch_add(batch,
        &(struct mri_draft){
            .type = MRI_EVENT_ALERT, .fixed = &alert, .texts = {mri_slice_of(message.text)}},
        ordinal);
}

bool mri_stuck_order_is_any(const struct mri_bus *bus, int64_t after_ns)
{
    uint32_t ordinal;
    unsigned leg;
    return bus->orders.told_count > 0 ||
           mri_order_table_stuck(&bus->orders, before(bus, after_ns), &ordinal, &leg) != NULL;
}

bool mri_stuck_order_is(
    const struct mri_bus *bus, const struct mri_table_order *order, int64_t after_ns)
{
    return mri_order_is_live((enum mri_order_state)order->state) &&
           (order->is_told != 0 || mri_order_table_since(order) < before(bus, after_ns));
}
