/* SPDX-License-Identifier: MIT */
/**
 * The life of an order: one table.
 *
 *   none -> intent -> sent -> accepted -> filled | cancelled
 *                       \-> rejected
 */
#ifndef MRI_EXECUTE_ORDERS_H
#define MRI_EXECUTE_ORDERS_H

#include "bus/event_codec.h"

enum mri_order_state {
    MRI_ORDER_NONE = 0,
    MRI_ORDER_INTENT,
    MRI_ORDER_SENT,
    MRI_ORDER_ACCEPTED,
    MRI_ORDER_FILLED,
    MRI_ORDER_REJECTED,
    MRI_ORDER_CANCELLED,
    MRI_ORDER_STATE_COUNT
};

/** One leg of a signal's orders. */
struct mri_order {
    uint64_t intent_seq;
    int64_t quantity;
    int64_t trigger_price;
    uint8_t state; /**< enum mri_order_state */
    uint8_t side;
    uint8_t type;
    uint8_t reserved[5];
};

/**
 * The state that an order event leads to.
 *
 * Returns  the state; MRI_ORDER_NONE for an event that is none of an order.
 * Threads  any.
 */
enum mri_order_state mri_order_state_after(uint16_t event_type);

/**
 * Does the table allow this step?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_allows(enum mri_order_state from, enum mri_order_state to);

/**
 * Can the order still change: intent, sent or accepted?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_is_live(enum mri_order_state state);

#endif
