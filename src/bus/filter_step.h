/* SPDX-License-Identifier: MIT */
/**
 * What the steps of a question are: between filter.c, which makes them, and filter_match.c.
 */
#ifndef MRI_BUS_FILTER_STEP_H
#define MRI_BUS_FILTER_STEP_H

enum mri_filter_node_kind {
    MRI_FILTER_NODE_TEST,
    MRI_FILTER_NODE_AND,
    MRI_FILTER_NODE_OR,
    MRI_FILTER_NODE_NOT
};

enum mri_filter_op {
    MRI_FILTER_OP_EQUAL,
    MRI_FILTER_OP_OTHER,
    MRI_FILTER_OP_LESS,
    MRI_FILTER_OP_AT_MOST,
    MRI_FILTER_OP_MORE,
    MRI_FILTER_OP_AT_LEAST,
    MRI_FILTER_OP_IN,
    MRI_FILTER_OP_NOT_IN
};

/** F(ID, text, kind): the fields. */
#define MRI_FILTER_FIELD_MAP(F)                                                                    \
    F(STATE, "state", KIND_WORD)                                                                   \
    F(ENDED, "ended", KIND_WORD)                                                                   \
    F(SIDE, "side", KIND_WORD)                                                                     \
    F(GATE, "gate", KIND_WORD)                                                                     \
    F(REASON, "reason", KIND_WORD)                                                                 \
    F(SYMBOL, "symbol", KIND_NAME)                                                                 \
    F(SOURCE, "source", KIND_NAME)                                                                 \
    F(NAME, "name", KIND_NAME)                                                                     \
    F(ORDINAL, "ordinal", KIND_NUMBER)                                                             \
    F(SEQ, "seq", KIND_NUMBER)                                                                     \
    F(LAST_SEQ, "last_seq", KIND_NUMBER)                                                           \
    F(TIME, "time", KIND_TIME)                                                                     \
    F(AGE, "age", KIND_AGE)                                                                        \
    F(ID, "id", KIND_ID)

enum mri_filter_field {
#define MRI_FILTER_FIELD_ENUM(id, text, kind) MRI_FILTER_FIELD_##id,
    MRI_FILTER_FIELD_MAP(MRI_FILTER_FIELD_ENUM)
#undef MRI_FILTER_FIELD_ENUM
        MRI_FILTER_FIELD_COUNT
};

#endif
