/* SPDX-License-Identifier: MIT */
/*
 * Asking a question of a signal: its steps, on a stack of bits.
 *
 * Invariants
 *  1. The steps leave one result: filter.c has seen to it.
 */
#include "bus/filter.h"
#include "bus/filter_step.h"

static int64_t value_of(const struct mri_slot *slot, uint32_t ordinal, enum mri_filter_field field)
{
    switch (field) {
    case MRI_FILTER_FIELD_STATE:
        return slot->state;
    case MRI_FILTER_FIELD_ENDED:
        return slot->state == MR_LEARNED ? slot->ended : -1; /* absent: no word */
    case MRI_FILTER_FIELD_SIDE:
        return slot->side;
    case MRI_FILTER_FIELD_GATE:
        return slot->gate;
    case MRI_FILTER_FIELD_REASON:
        return slot->reason;
    case MRI_FILTER_FIELD_SYMBOL:
        return slot->symbol;
    case MRI_FILTER_FIELD_SOURCE:
        return slot->source;
    case MRI_FILTER_FIELD_NAME:
        return slot->name;
    case MRI_FILTER_FIELD_ORDINAL:
        return ordinal;
    case MRI_FILTER_FIELD_SEQ:
        return (int64_t)slot->generated_seq;
    case MRI_FILTER_FIELD_LAST_SEQ:
        return (int64_t)slot->last_seq;
    default:
        return slot->event_time_unix_ns;
    }
}

static bool is_true(
    const struct mri_filter *filter, const struct mri_filter_node *node, int64_t value)
{
    const int64_t *values = filter->values + node->first;
    bool is_in = false;
    switch ((enum mri_filter_op)node->operator) {
    case MRI_FILTER_OP_EQUAL:
        return value == values[0];
    case MRI_FILTER_OP_OTHER:
        return value != values[0];
    case MRI_FILTER_OP_LESS:
        return value < values[0];
    case MRI_FILTER_OP_AT_MOST:
        return value <= values[0];
    case MRI_FILTER_OP_MORE:
        return value > values[0];
    case MRI_FILTER_OP_AT_LEAST:
        return value >= values[0];
    default:
        for (unsigned i = 0; i < node->count; i++) {
            is_in = is_in || value == values[i];
        }
        return is_in == (node->operator== MRI_FILTER_OP_IN);
    }
}

bool mri_filter_match(
    const struct mri_filter *filter, const struct mri_slot *slot, uint32_t ordinal)
{
    uint64_t stack = 1; /* the newest result in the lowest bit; nothing asked: it matches */
    for (uint32_t i = 0; i < filter->node_count; i++) {
        const struct mri_filter_node *node = &filter->nodes[i];
        uint64_t top = stack & 1;
        switch ((enum mri_filter_node_kind)node->kind) {
        case MRI_FILTER_NODE_TEST:
            stack = stack << 1 | is_true(filter, node,
                                     value_of(slot, ordinal, (enum mri_filter_field)node->field));
            break;
        case MRI_FILTER_NODE_NOT:
            stack ^= 1;
            break;
        case MRI_FILTER_NODE_AND:
            stack = (stack >> 1) & (top | ~(uint64_t)1);
            break;
        default:
            stack = (stack >> 1) | top;
            break;
        }
    }
    return (stack & 1) != 0;
}
