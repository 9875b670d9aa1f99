/* SPDX-License-Identifier: MIT */
/*
 * The order tables: of the venue here, and of what an executor outside may report.
 *
 * Invariants
 *  1. An order begins with its intent: nothing is sent that was not logged before.
 *  2. filled, rejected and cancelled are final.
 *  3. What was accepted is not rejected: it is cancelled.
 */
#include "bus/orders.h"

#define TO(state) (1u << (state))
#define ENDS      (TO(MRI_ORDER_FILLED) | TO(MRI_ORDER_REJECTED) | TO(MRI_ORDER_CANCELLED))

static const uint8_t successors[MRI_ORDER_STATE_COUNT] = {
    [MRI_ORDER_NONE] = TO(MRI_ORDER_INTENT),
    [MRI_ORDER_INTENT] = TO(MRI_ORDER_SENT),
    [MRI_ORDER_SENT] = TO(MRI_ORDER_ACCEPTED) | TO(MRI_ORDER_REJECTED),
    [MRI_ORDER_ACCEPTED] = TO(MRI_ORDER_FILLED) | TO(MRI_ORDER_CANCELLED),
};

static const uint8_t reportable[MRI_ORDER_STATE_COUNT] = {
    [MRI_ORDER_INTENT] =
        TO(MRI_ORDER_SENT) | TO(MRI_ORDER_ACCEPTED) | TO(MRI_ORDER_IN_DOUBT) | ENDS,
    [MRI_ORDER_SENT] = TO(MRI_ORDER_ACCEPTED) | TO(MRI_ORDER_IN_DOUBT) | ENDS,
    [MRI_ORDER_ACCEPTED] = TO(MRI_ORDER_FILLED) | TO(MRI_ORDER_CANCELLED) | TO(MRI_ORDER_IN_DOUBT),
    [MRI_ORDER_IN_DOUBT] = TO(MRI_ORDER_ACCEPTED) | ENDS,
};

static const char *const texts[MRI_ORDER_STATE_COUNT] = {
    [MRI_ORDER_NONE] = "none",
    [MRI_ORDER_INTENT] = "intent",
    [MRI_ORDER_SENT] = "sent",
    [MRI_ORDER_ACCEPTED] = "accepted",
    [MRI_ORDER_FILLED] = "filled",
    [MRI_ORDER_REJECTED] = "rejected",
    [MRI_ORDER_CANCELLED] = "cancelled",
    [MRI_ORDER_IN_DOUBT] = "in_doubt",
};

enum mri_order_state mri_order_state_after(uint16_t event_type)
{
    switch (event_type) {
    case MRI_EVENT_ORDER_INTENT:
        return MRI_ORDER_INTENT;
    case MRI_EVENT_ORDER_SENT:
        return MRI_ORDER_SENT;
    case MRI_EVENT_ORDER_ACCEPTED:
        return MRI_ORDER_ACCEPTED;
    case MRI_EVENT_ORDER_FILLED:
        return MRI_ORDER_FILLED;
    case MRI_EVENT_ORDER_REJECTED:
        return MRI_ORDER_REJECTED;
    case MRI_EVENT_ORDER_CANCELLED:
        return MRI_ORDER_CANCELLED;
    case MRI_EVENT_ORDER_IN_DOUBT:
        return MRI_ORDER_IN_DOUBT;
    default:
        return MRI_ORDER_NONE;
    }
}

enum mri_order_state mri_order_state_reported(enum mri_report_status status)
{
    static const uint8_t states[] = {
        [MRI_REPORT_SENT] = MRI_ORDER_SENT,
        [MRI_REPORT_ACCEPTED] = MRI_ORDER_ACCEPTED,
        [MRI_REPORT_FILLED] = MRI_ORDER_FILLED,
        [MRI_REPORT_REJECTED] = MRI_ORDER_REJECTED,
        [MRI_REPORT_CANCELLED] = MRI_ORDER_CANCELLED,
        [MRI_REPORT_UNKNOWN] = MRI_ORDER_IN_DOUBT,
    };
    MRI_ASSERT((unsigned)status < MRI_COUNT_OF(states));
    return (enum mri_order_state)states[status];
}

bool mri_order_allows(enum mri_order_state from, enum mri_order_state to)
{
    return (unsigned)from < MRI_ORDER_STATE_COUNT && (unsigned)to < MRI_ORDER_STATE_COUNT &&
           (successors[from] & TO(to)) != 0;
}

bool mri_order_is_reportable(enum mri_order_state from, enum mri_order_state to)
{
    return (unsigned)from < MRI_ORDER_STATE_COUNT && (unsigned)to < MRI_ORDER_STATE_COUNT &&
           (reportable[from] & TO(to)) != 0;
}

bool mri_order_is_live(enum mri_order_state state)
{
    return state == MRI_ORDER_INTENT || state == MRI_ORDER_SENT || state == MRI_ORDER_ACCEPTED ||
           state == MRI_ORDER_IN_DOUBT;
}

const char *mri_order_state_text(enum mri_order_state state)
{
    return (unsigned)state < MRI_ORDER_STATE_COUNT ? texts[state] : "?";
}
