/* SPDX-License-Identifier: MIT */
/**
 * What to do about the end of a log after a crash: scan it, then decide by one table.
 */
#ifndef MRI_LOG_FORMAT_RECOVER_H
#define MRI_LOG_FORMAT_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "log/format/record.h"
#include "log/format/segment.h"
#include "millrace/err.h"

/** What the scan of one segment found. */
struct mri_recover_facts {
    bool is_end_zero;     /**< from the end of the last good batch on, everything is zero */
    bool is_claimed;      /**< the first bad seq is at or below the durable watermark */
    bool is_last_segment; /**< no newer segment exists */
};

/** X(NAME, text): what can be decided. */
#define MRI_RECOVER_MAP(X)                                                                         \
    X(MRI_RECOVER_CLEAN, "the log ends cleanly")                                                   \
    X(MRI_RECOVER_TRUNCATE, "an incomplete end that nobody was told is durable is cut off")        \
    X(MRI_RECOVER_QUARANTINE, "durable records are damaged: reading only, up to the damage")

enum mri_recover_decision {
#define MRI_RECOVER_ENUM(name, text) name,
    MRI_RECOVER_MAP(MRI_RECOVER_ENUM)
#undef MRI_RECOVER_ENUM
};

/** Where a scan stands; also the chain state that the next append continues. */
struct mri_recover_scan {
    uint64_t end_offset;       /**< in the segment: just behind the last complete batch */
    uint64_t next_seq;         /**< the seq that the next record will have */
    uint32_t prev_crc;         /**< head_crc of the last record of the last complete batch */
    uint16_t prev_units;       /**< its length in units */
    int64_t last_unix_ns;      /**< its wall clock; 0 in an empty log */
    uint32_t last_epoch;       /**< highest writer epoch seen */
    uint64_t watermark_seq;    /**< highest seq that some record claims to be durable */
    uint64_t dirty_end_offset; /**< behind the last byte that is not zero */
    uint64_t seal_offset;      /**< of the last SEAL; 0 = the segment has none */
    uint64_t last_offset;      /**< of the last record of the last complete batch */
    uint32_t event_crc;        /**< head_crc of the last event of the segment, or prev_crc */
    bool is_rolled;            /**< the last record is ROLL: the segment is complete */
    bool is_identified;        /**< some record has a producer or a message id */
    struct mri_recover_facts facts;
};

/**
 * Scan a segment from its first record.
 *
 * @param bytes        the mapped file
 * @param bytes_count  its length, possibly shorter than segment_bytes
 *
 * Returns  nothing; *ret_scan is complete but for facts.is_last_segment, which the caller knows.
 * Threads  any.
 * Cost     reads the whole file.
 */
void mri_recover_scan_segment(const struct mri_segment_head *head, const void *bytes,
    uint64_t bytes_count, struct mri_recover_scan *ret_scan);

/** What lies behind the last complete batch of a segment. */
struct mri_recover_rest {
    const struct mri_segment_head *segment;
    const uint8_t *bytes; /**< the mapped file */
    uint64_t bytes_count;
    uint64_t offset;    /**< of the rest */
    uint64_t seq;       /**< the first that is missing */
    uint64_t zeros_max; /**< behind so many zeros nothing is looked at */
};

/**
 * Does some record of the rest say that the first missing one was durable? The records before it
 * cannot: none claims more than itself. So this is facts.is_claimed of a scan, without the scan.
 *
 * Returns  true or false.
 * Threads  any.
 * Cost     reads the rest up to the first claim, or up to so many zeros.
 */
bool mri_recover_is_claimed(const struct mri_recover_rest *rest);

/**
 * The decision table; exactly one row applies to each combination of facts.
 *
 * Returns  the decision.
 * Threads  any.
 * Source   docs/FORMAT.md "Recovery".
 */
enum mri_recover_decision mri_recover_decide(const struct mri_recover_facts *facts);

/**
 * How many rows of the decision table apply to these facts, for the test that proves it is one.
 *
 * Returns  a count.
 * Threads  any.
 */
unsigned mri_recover_rows_for(const struct mri_recover_facts *facts);

#endif
