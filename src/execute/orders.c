/* SPDX-License-Identifier: MIT */
/*
 * The order table.
 *
 * Invariants
 *  1. An order begins with its intent: nothing is sent that was not logged before.
 *  2. filled, rejected and cancelled are final.
 */
#include "execute/orders.h"

#define TO(state) (1u << (state))

static const uint8_t successors[MRI_ORDER_STATE_COUNT] = {
    [MRI_ORDER_NONE] = TO(MRI_ORDER_INTENT),
    [MRI_ORDER_INTENT] = TO(MRI_ORDER_SENT),
    [MRI_ORDER_SENT] = TO(MRI_ORDER_ACCEPTED) | TO(MRI_ORDER_REJECTED),
    [MRI_ORDER_ACCEPTED] = TO(MRI_ORDER_FILLED) | TO(MRI_ORDER_CANCELLED),
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
    default:
        return MRI_ORDER_NONE;
    }
}

bool mri_order_allows(enum mri_order_state from, enum mri_order_state to)
{
    return (unsigned)from < MRI_ORDER_STATE_COUNT && (unsigned)to < MRI_ORDER_STATE_COUNT &&
           (successors[from] & TO(to)) != 0;
}

bool mri_order_is_live(enum mri_order_state state)
{
    return state == MRI_ORDER_INTENT || state == MRI_ORDER_SENT || state == MRI_ORDER_ACCEPTED;
}
