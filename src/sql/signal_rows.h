/* SPDX-License-Identifier: MIT */
/**
 * Signals as rows of codes: all that the SQL tables know of the bus's table of signals. Who changes
 * that table changes this module, and nothing else here.
 *
 * A code is a small number for a text; 0 is NULL. Codes of all signals lie side by side in arrays
 * that are made when a query first wants one, so that a filter reads two bytes a signal.
 */
#ifndef MRI_SQL_SIGNAL_ROWS_H
#define MRI_SQL_SIGNAL_ROWS_H

#include "bus/bus.h"
#include "market/instruments.h"

/** X(id): what a signal has a code for. */
#define MRI_SIGNAL_CODE_MAP(X)                                                                     \
    X(symbol)                                                                                      \
    X(side)                                                                                        \
    X(source)                                                                                      \
    X(name)                                                                                        \
    X(state)                                                                                       \
    X(ended)                                                                                       \
    X(gate)                                                                                        \
    X(reason)

enum mri_signal_code {
#define MRI_SIGNAL_CODE_ENUM(id) MRI_SIGNAL_CODE_##id,
    MRI_SIGNAL_CODE_MAP(MRI_SIGNAL_CODE_ENUM)
#undef MRI_SIGNAL_CODE_ENUM
        MRI_SIGNAL_CODE_COUNT
};

/** The texts of a code, by code; the first stands for NULL. */
struct mri_signal_words {
    struct mri_slice *texts;
    uint32_t *ranks; /**< of the texts in order of their bytes; NULL is 0 */
    uint32_t count;
};

/** A signal. */
struct mri_signal_row {
    int64_t event_time_unix_ns;
    uint64_t generated_seq;
    uint64_t last_seq;
    uint64_t moved_seq;
    uint16_t codes[MRI_SIGNAL_CODE_COUNT];
};

struct mri_signal_rows {
    const struct mri_alloc *alloc;
    const struct mri_bus *bus;
    const struct mri_instruments *instruments;
    uint32_t count; /**< highest ordinal */
    struct mri_signal_words words[MRI_SIGNAL_CODE_COUNT];
    uint16_t *codes[MRI_SIGNAL_CODE_COUNT]; /**< by ordinal, from 0 on; NULL: not asked for yet */
    int64_t *times;                         /**< likewise */
    bool is_by_time;       /**< event times never fall from one ordinal to the next */
    bool is_by_time_known; /**< somebody has asked */
};

/** What the indexes of the bus can find: MRI_SIGNAL_ANY, or a code that is not 0. */
struct mri_signal_find {
    uint32_t state;
    uint32_t symbol;
    uint32_t source;
    uint32_t limit;
    bool is_ascending;
};

#define MRI_SIGNAL_ANY UINT32_MAX

/**
 * Make rows of a bus that does not change as long as they live.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_signal_rows_fini() frees; bus and instruments are borrowed until then.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_rows_init(struct mri_signal_rows *rows, const struct mri_alloc *alloc,
    const struct mri_bus *bus, const struct mri_instruments *instruments);

/**
 * Free. NULL and zeroed are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_signal_rows_fini(struct mri_signal_rows *rows);

/**
 * A signal.
 *
 * Returns  true; false for an ordinal that does not exist.
 * Threads  one at a time.
 * Cost     one cache line of the bus.
 */
bool mri_signal_rows_get(
    const struct mri_signal_rows *rows, uint32_t ordinal, struct mri_signal_row *ret_row);

/**
 * The codes of all signals, by ordinal.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    points into the rows.
 * Threads  one at a time.
 * Cost     the first call reads all signals.
 */
MR_MUST_USE mr_err mri_signal_rows_codes(
    struct mri_signal_rows *rows, enum mri_signal_code code, const uint16_t **ret_codes);

/**
 * The event times of all signals, by ordinal.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    points into the rows.
 * Threads  one at a time.
 * Cost     the first call reads all signals.
 */
MR_MUST_USE mr_err mri_signal_rows_times(struct mri_signal_rows *rows, const int64_t **ret_times);

/**
 * Are event times in the order of ordinals? They are where one clock made them; what comes from
 * outside may say any time, so all are looked at.
 *
 * Returns  true; false when one falls, or when there is no memory to tell.
 * Threads  one at a time.
 * Cost     the first call reads all signals.
 */
bool mri_signal_rows_is_by_time(struct mri_signal_rows *rows);

/**
 * How many signals a search can find at most.
 *
 * Returns  the number.
 * Threads  one at a time.
 */
uint32_t mri_signal_rows_most(
    const struct mri_signal_rows *rows, const struct mri_signal_find *find);

/**
 * Find signals by an index of the bus, in order of creation.
 *
 * @param ordinals  room for find->limit
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_signal_rows_find(const struct mri_signal_rows *rows,
    const struct mri_signal_find *find, uint32_t *ordinals, uint32_t *ret_count, bool *ret_is_cut);

/**
 * The first ordinal whose signal was generated at or after a seq.
 *
 * Returns  the ordinal; rows->count + 1 when there is none.
 * Threads  one at a time.
 * Cost     O(log n).
 */
uint32_t mri_signal_rows_from_seq(const struct mri_signal_rows *rows, uint64_t seq);

/**
 * The first ordinal whose signal has an event time at or after a time; of rows that are by time.
 *
 * Returns  the ordinal; rows->count + 1 when there is none.
 * Threads  one at a time.
 * Cost     O(log n).
 */
uint32_t mri_signal_rows_from_time(const struct mri_signal_rows *rows, int64_t unix_ns);

/**
 * The id of a signal as text.
 *
 * Returns  text; NULL for an ordinal that does not exist.
 * Threads  one at a time.
 */
const char *mri_signal_rows_id(
    const struct mri_signal_rows *rows, uint32_t ordinal, char text[static MRI_IDENT_BYTES]);

#endif
