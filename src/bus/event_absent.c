/* SPDX-License-Identifier: MIT */
/*
 * Absent fields.
 *
 * Invariants
 *  1. The answer depends on the event alone.
 */
#include "bus/event_absent.h"

/** Does a 0 in a field of this kind mean that there is none? */
static bool is_zero_absent(enum mri_field_kind kind)
{
    return kind == MRI_FIELD_ref || kind == MRI_FIELD_time || kind == MRI_FIELD_price;
}

/** Fields that have a value only if another field of the event says so. */
static bool is_unset(const struct mri_event *event, const char *name)
{
    if (event->type == MRI_EVENT_SIGNAL_GENERATED) {
        const struct mri_signal_generated *signal = event->body;
        bool has_horizon = (signal->present & MRI_HAS_HORIZON) != 0;
        bool has_confidence = (signal->present & MRI_LACKS_CONFIDENCE) == 0;
        return strcmp(name, "present") == 0 || (strcmp(name, "horizon") == 0 && !has_horizon) ||
               (strcmp(name, "confidence") == 0 && !has_confidence);
    }
    if (event->type == MRI_EVENT_INSTRUMENT) {
        const struct mri_instrument *instrument = event->body;
        bool is_number = strcmp(name, "symbol") == 0 || strcmp(name, "instrument") == 0;
        bool is_provisional = (instrument->flags & MRI_IS_PROVISIONAL) != 0;
        return is_provisional ? !is_number && strcmp(name, "flags") != 0
                              : strcmp(name, "flags") == 0;
    }
    if (event->type == MRI_EVENT_SIGNAL_OBSERVED) {
        const struct mri_signal_observed *observed = event->body;
        return strcmp(name, "number") == 0 && observed->number == 0;
    }
    if (event->type == MRI_EVENT_SIGNAL_ANNOTATED) {
        unsigned present = ((const struct mri_signal_annotated *)event->body)->present;
        return strcmp(name, "present") == 0 ||
               (strcmp(name, "return_bps") == 0 && (present & MRI_HAS_RETURN) == 0);
    }
    if (event->type == MRI_EVENT_QUOTE) {
        unsigned present = ((const struct mri_quote *)event->body)->present;
        return strcmp(name, "present") == 0 ||
               (strcmp(name, "bid_quantity") == 0 && (present & MRI_HAS_BID_QUANTITY) == 0) ||
               (strcmp(name, "ask_quantity") == 0 && (present & MRI_HAS_ASK_QUANTITY) == 0);
    }
    if (event->type == MRI_EVENT_FUNDING) {
        unsigned present = ((const struct mri_funding *)event->body)->present;
        return strcmp(name, "present") == 0 ||
               (strcmp(name, "interval_ns") == 0 && (present & MRI_HAS_FUNDING_INTERVAL) == 0);
    }
    if (event->type == MRI_EVENT_ORDER_REPORT) {
        bool is_fill = ((const struct mri_order_report *)event->body)->status == MRI_REPORT_FILLED;
        return !is_fill && (strcmp(name, "quantity") == 0 || strcmp(name, "fee_e8") == 0);
    }
    if (event->type == MRI_EVENT_SHADOW_CLOSED) {
        const struct mri_shadow_closed *closed = event->body;
        bool is_money = strcmp(name, "gross_e8") == 0 || strcmp(name, "fee_e8") == 0 ||
                        strcmp(name, "slippage_e8") == 0 || strcmp(name, "net_e8") == 0;
        return (closed->exit_price == 0 && is_money) ||
               (closed->entry_price == 0 && strcmp(name, "quantity") == 0);
    }
    if (event->type == MRI_EVENT_OUTCOME) {
        const struct mri_outcome *outcome = event->body;
        return strcmp(name, "return_bps") == 0 && outcome->status != MRI_OUTCOME_RESOLVED;
    }
    if (event->type == MRI_EVENT_FEEDBACK) {
        unsigned status = ((const struct mri_feedback *)event->body)->status;
        bool has_return = status == MRI_FEEDBACK_LEARNED || status == MRI_FEEDBACK_ZERO_RETURN;
        bool is_after = strncmp(name, "platt_", 6) == 0 || strncmp(name, "log_weight_", 11) == 0;
        return (is_after && status != MRI_FEEDBACK_LEARNED) ||
               (strcmp(name, "return_bps") == 0 && !has_return);
    }
    return false;
}

bool mri_event_absent(const struct mri_event *event, const struct mri_field *field, const void *at)
{
    return (is_zero_absent(field->kind) && mri_field_unsigned(field->kind, at) == 0) ||
           is_unset(event, field->name);
}
