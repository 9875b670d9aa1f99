/* SPDX-License-Identifier: MIT */
/**
 * One segment held for reading, and the way through it: what is checked, what is handed out next.
 *
 * A segment is held as a map of its file, or as a copy read with read_at (then a bad sector is an
 * answer and not a signal), or as what its archive unpacks to, or, while it is written, as a copy
 * out of the hot tail.
 */
#ifndef MRI_LOG_READ_PLACE_H
#define MRI_LOG_READ_PLACE_H

#include "base/alloc.h"
#include "log/format/manifest.h"
#include "log/format/segment.h"
#include "log/hot/hot_view.h"
#include "millrace/log_read.h"
#include "os/os.h"

/** Where places are opened; it must outlive them and not move. */
struct mri_place_source {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    const char *folder;
    const struct mri_manifest *manifest;
    const struct mri_hot_view *view; /**< attached or not; it may change between calls */
    bool is_copying;                 /**< read files into memory instead of mapping them */
};

/** How the bytes of a segment are held. */
enum mri_place_form {
    MRI_PLACE_MAPPED = 0,
    MRI_PLACE_COPIED,   /**< in a block of segment_bytes, filled as far as it was needed */
    MRI_PLACE_UNPACKED, /**< in a block of segment_bytes, whole: it comes from an archive */
    MRI_PLACE_HOT,      /**< like a copy, but from the ring where that has it: nothing but what was
                             appended is ever loaded */
};

struct mri_place {
    const struct mri_place_source *source;
    char name[MRI_SEGMENT_NAME_BYTES]; /**< of the file */
    struct mri_segment_head segment;
    enum mri_place_form form;
    const uint8_t *bytes; /**< NULL: no segment is held */
    uint64_t bytes_count; /**< of the file; unpacked: of the segment */
    void *block;          /**< of a copy or an unpacked archive: what to free; else NULL */
    uint64_t loaded_end;  /**< bytes before it may be looked at; bytes_count unless copied */
    int fd;               /**< of a copied or hot file; else -1 */

    uint64_t offset;              /**< of the next record to hand out, at most visible_end */
    uint64_t visible_end;         /**< behind the last complete batch found so far */
    struct mri_record_link check; /**< what a record at visible_end continues */
    bool is_rolled;               /**< no record follows in this segment */
    bool is_rest_scanned;         /**< everything behind visible_end was looked at once */
};

/** What lies behind visible_end, where no good batch is. */
enum mri_place_rest {
    MRI_PLACE_REST_ZERO = 0,
    MRI_PLACE_REST_TORN,    /**< being written, or left over from a crash */
    MRI_PLACE_REST_CLAIMED, /**< a later record says that what is bad here was durable */
};

/** A record to walk to: the first with at least this seq, or at least this time. */
struct mri_place_target {
    uint64_t seq;    /**< 0: any; a lost event's place is its GAP */
    int64_t unix_ns; /**< INT64_MIN: any */
};

/**
 * Hold a segment, standing at its first record. The plain file is taken where there is one, else
 * its archive.
 *
 * Returns  MR_OK; MR_EPATH neither is there; MR_ECORRUPT; MR_EVERSION; MR_ENOMEM; a fault of
 *          reading; *problem says which file and why.
 * Owner    mri_place_close() frees.
 * Threads  one at a time per place.
 * Cost     a map; for an archive, unpacking all of it.
 */
MR_MUST_USE mr_err mri_place_open(const struct mri_place_source *source, uint64_t base_seq,
    struct mri_place *ret_place, mr_problem *problem);

/**
 * Is the plain file of a segment there? Holding it then costs next to nothing.
 *
 * Returns  MR_OK; a fault of looking.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_place_is_plain(
    const struct mri_place_source *source, uint64_t base_seq, bool *ret_is_plain);

/**
 * The head of a segment, without holding it.
 *
 * Returns  as mri_place_open().
 * Threads  any.
 * Cost     reads one page.
 */
MR_MUST_USE mr_err mri_place_read_head(const struct mri_place_source *source, uint64_t base_seq,
    struct mri_segment_head *ret_head, mr_problem *problem);

/**
 * Let go of a segment. Zeroed and closed ones are allowed.
 *
 * Returns  nothing.
 * Threads  one at a time per place.
 */
void mri_place_close(struct mri_place *place);

/**
 * The segment is being written, and the ring is there now: go on in it.
 *
 * Returns  MR_OK; MR_NOT_FOUND the ring does not have it, or it is complete: the place stays as it
 *          is; MR_ENOMEM, MR_EIO.
 * Threads  one at a time per place.
 * Cost     copies what was read of the segment so far.
 */
MR_MUST_USE mr_err mri_place_heat(struct mri_place *place, mr_problem *problem);

/**
 * The ring is closed: go on in the file.
 *
 * Returns  MR_OK; MR_REWOUND the file does not hold what was read out of the ring: it was lost, and
 *          the place stays as it is; MR_EIO.
 * Threads  one at a time per place.
 */
MR_MUST_USE mr_err mri_place_cool(struct mri_place *place, mr_problem *problem);

/**
 * Is everything that was appended so far before visible_end? Answered without looking at files, and
 * only for a hot place whose ring is open.
 *
 * Returns  true; false: look.
 * Threads  one at a time per place.
 */
bool mri_place_is_at_tail(const struct mri_place *place);

/**
 * Make everything before visible_end durable, if the file has it.
 *
 * Returns  MR_OK; MR_EIO.
 * Threads  one at a time per place.
 * Cost     fdatasync.
 */
MR_MUST_USE mr_err mri_place_sync(const struct mri_place *place, mr_problem *problem);

/**
 * Look for one more complete batch behind visible_end and check it: heads, bodies, seq, chain.
 *
 * Returns  MR_OK visible_end lies behind it now; MR_END no good batch is there; MR_EIO.
 * Threads  one at a time per place.
 */
MR_MUST_USE mr_err mri_place_find_batch(struct mri_place *place);

/**
 * What lies behind visible_end? For the newest segment: a rest of any kind in another is damage.
 *
 * Returns  MR_OK; MR_EIO.
 * Threads  one at a time per place.
 * Cost     the first time up to the whole rest, then only what was written since.
 */
MR_MUST_USE mr_err mri_place_look_ahead(struct mri_place *place, enum mri_place_rest *ret_rest);

/**
 * The file was cut short once: hold what the writer has added to it since.
 *
 * Returns  MR_OK there is more now; MR_END it has not grown; a fault, the place stays as it is.
 * Threads  one at a time per place.
 */
MR_MUST_USE mr_err mri_place_grow(struct mri_place *place, mr_problem *problem);

/**
 * Walk from the first record to a target, and stand there.
 *
 * Returns  MR_OK; MR_END no complete batch has it, the place stands behind the last one; MR_EIO.
 * Threads  one at a time per place.
 * Cost     checks what was not checked before, and walks the heads.
 */
MR_MUST_USE mr_err mri_place_walk(struct mri_place *place, const struct mri_place_target *target);

/**
 * Is there a record at the offset? Those that have no seq of their own lead on only.
 *
 * @param is_numbered  does it count only if it has a seq of its own?
 *
 * Returns  true or false.
 * Threads  one at a time per place.
 */
bool mri_place_has_record(const struct mri_place *place, bool is_numbered);

/**
 * The seq of the record at the offset; there must be one.
 *
 * Returns  the seq.
 * Threads  one at a time per place.
 */
uint64_t mri_place_seq(const struct mri_place *place);

/**
 * The record at the offset as an event; there must be one. The place stays there.
 *
 * Returns  the seq up to which it says that everything was durable; 0 = it claims nothing.
 * Owner    event->body points into the place.
 * Threads  one at a time per place.
 */
uint64_t mri_place_event(const struct mri_place *place, mr_log_event *event);

/**
 * Stand behind the record at the offset; there must be one.
 *
 * Returns  nothing.
 * Threads  one at a time per place.
 */
void mri_place_step(struct mri_place *place);

/**
 * Stand at the record before the offset.
 *
 * Returns  true; false: there is none in this segment.
 * Threads  one at a time per place.
 * Cost     one step by prev_units; only behind a GAP a walk from the first record.
 */
bool mri_place_step_back(struct mri_place *place);

/**
 * Does `next` continue where `place`, which is at its end, ended?
 *
 * Returns  MR_OK; MR_ECORRUPT, *problem says so.
 * Threads  one at a time per place.
 */
MR_MUST_USE mr_err mri_place_check_next(
    const struct mri_place *place, const struct mri_place *next, mr_problem *problem);

/**
 * Say that what follows visible_end is damaged.
 *
 * Returns  MR_ECORRUPT.
 * Threads  one at a time per place.
 */
mr_err mri_place_damage(const struct mri_place *place, mr_problem *problem);

/**
 * What follows visible_end looks damaged: read it once more, a writer may have gone on since.
 *
 * Returns  MR_OK a good batch is there now; MR_ECORRUPT, *problem says where; MR_EIO.
 * Threads  one at a time per place.
 */
MR_MUST_USE mr_err mri_place_recheck(struct mri_place *place, mr_problem *problem);

/**
 * Say that the machine failed while this segment was read.
 *
 * Returns  err.
 * Threads  one at a time per place.
 */
mr_err mri_place_fault(const struct mri_place *place, mr_err err, mr_problem *problem);

#endif
