/* SPDX-License-Identifier: MIT */
/**
 * The life of an order: one table for the venue here, one for what is reported from outside.
 *
 *   none -> intent -> sent -> accepted -> filled | cancelled
 *                       \-> rejected
 *
 * An executor outside may leave steps out, and lose sight of an order that was sent: in_doubt until
 * it knows. On paper an order takes every step.
 */
#ifndef MRI_BUS_ORDERS_H
#define MRI_BUS_ORDERS_H

#include "bus/event_codec.h"

enum mri_order_state {
    MRI_ORDER_NONE = 0,
    MRI_ORDER_INTENT,
    MRI_ORDER_SENT,
    MRI_ORDER_ACCEPTED,
    MRI_ORDER_FILLED,
    MRI_ORDER_REJECTED,
    MRI_ORDER_CANCELLED,
    MRI_ORDER_IN_DOUBT,
    MRI_ORDER_STATE_COUNT
};

/** One leg of a signal's orders. */
struct mri_order {
    uint64_t intent_seq;
    int64_t quantity;
    int64_t price; /**< of stop and limit the trigger; of an order for an executor outside that of
                        the market when the intent was made */
    uint8_t state; /**< enum mri_order_state */
    uint8_t side;
    uint8_t type;
    uint8_t attempt; /**< of an exit outside: how many orders of this leg ended without a fill */
    uint32_t ended_minute; /**< when the last of those did: minutes since 1970 */
};

/**
 * The state that an order event leads to.
 *
 * Returns  the state; MRI_ORDER_NONE for an event that is none of an order.
 * Threads  any.
 */
enum mri_order_state mri_order_state_after(uint16_t event_type);

/**
 * The state that an executor's report leads to.
 *
 * Returns  the state.
 * Threads  any.
 */
enum mri_order_state mri_order_state_reported(enum mri_report_status status);

/**
 * Does the table of the venue here allow this step?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_allows(enum mri_order_state from, enum mri_order_state to);

/**
 * May an executor outside report this step?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_is_reportable(enum mri_order_state from, enum mri_order_state to);

/**
 * Can the order still change: intent, sent, accepted or in doubt?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mri_order_is_live(enum mri_order_state state);

/**
 * The word for a state.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_order_state_text(enum mri_order_state state);

#endif
