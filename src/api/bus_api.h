/* SPDX-License-Identifier: MIT */
/**
 * millrace/bus.h on a given machine, and what its parts share.
 *
 * A handle looks at the state that all processes share (bus/shared_state.h). Only for what is not
 * there it folds the log for itself: claims, facts, signals learned long ago, questions that ask
 * for the oldest first, more keys than there is room for, and all when the log's memory has no such
 * state.
 */
#ifndef MRI_API_BUS_API_H
#define MRI_API_BUS_API_H

#include "api/mirror.h"
#include "base/alloc.h"
#include "bus/filter.h"
#include "bus/query.h"
#include "log/format/manifest.h"
#include "millrace/bus.h"
#include "os/os.h"
#include "pipeline/as_of.h"
#include "pipeline/facts.h"
#include "pipeline/fold.h"
#include "pipeline/health.h"
#include "pipeline/outside_clock.h"
#include "pipeline/signal_input.h"

enum {
    MRI_BUS_API_MAGIC = 0x42555331,
    MRI_BUS_API_DATA_BYTES_MAX = 65536,
    MRI_OBSERVATION_BYTES_MAX = 960 * 1024,
};

struct mri_claiming;

/** The events of a signal lie far apart: who reads signal after signal reads on in several places.
 */
enum { MRI_BUS_READERS = 4 };

struct mri_bus_reader {
    mr_log_reader *reader; /**< NULL: not yet */
    uint64_t next;         /**< the event that it would read next; 0: it must seek */
    uint64_t used;         /**< the read it was used for last */
};

/** Where a log was opened, and which one it is. */
struct mri_bus_place {
    struct mri_file_info folder; /**< of who may append, as the next */
    struct mri_file_info lock;
    char uuid_text[MRI_MANIFEST_UUID_TEXT_BYTES]; /**< of who may only read */
    bool is_known;
};

struct mr_bus {
    uint32_t magic; /**< MRI_BUS_API_MAGIC */
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    char folder[MRI_PATH_BYTES_MAX];
    mr_log *log;                   /**< NULL: this user may only read */
    mr_problem no_log;             /**< and why; with log NULL */
    struct mri_bus_place place;    /**< for mri_bus_api_check_place() */
    struct mri_shared_state state; /**< with has_state */
    struct mri_mirror mirror;
    struct mri_fold fold; /**< with has_fold, after mri_bus_api_follow() */
    struct mri_outside_clock clock;
    struct mri_bus_reader readers[MRI_BUS_READERS]; /**< of mr_bus_read() */
    uint64_t reads;
    struct mri_buf texts;  /**< of the record that was read last */
    mr_log_reader *waiter; /**< NULL until the first wait; it reads nothing */
    uint64_t seen_seq;     /**< newest event when the log was looked at last */
    struct mri_batch batch;
    struct mri_digest hasher;             /**< of keys; started when the handle is opened */
    struct mri_signal_memo memo;          /**< of what was emitted last by the shared state */
    unsigned words[MRI_VOCABULARY_COUNT]; /**< of each vocabulary, the one that a move used last */
    struct mri_filter filter;             /**< too large for a stack */
    mr_log_record *records;               /**< MR_BUS_BATCH_MAX each */
    struct mri_shared_known *known;
    struct mri_hot_subject *subjects;
    uint32_t
        *places; /**< of each emission: its item in the batch, or an ordinal that its key has */
    uint16_t *key_items; /**< of a batch, by hash of the key: the item + 1 that has it; 0: none */
    struct mri_as_of as_of; /**< moments of the past, of the fold; zero until one is asked for */
    uint64_t config_seq;    /**< of the configuration that valid_for is from */
    int64_t valid_for_ns;
    uint64_t retry_seq; /**< from this event on it is tried again whether all fits into the state */
    struct mri_fold *whole;  /**< with all that decides, of mr_bus_health(); NULL: not yet */
    uint64_t compare_seq;    /**< event of its newest comparison of the shared state; 0: none */
    uint64_t compare_events; /**< from one to the next, of the configuration of whole */
    uint64_t compare_config_seq;
    struct mri_health health;      /**< of its newest call */
    struct mri_facts facts;        /**< with has_facts */
    struct mri_route *routes;      /**< of the configuration, with has_fold */
    struct mri_claiming *claiming; /**< NULL: nothing was claimed yet */
    uint32_t route_count;
    bool has_state;
    bool has_fold;
    bool has_facts;
};

/**
 * Have the log folded, up to what others have appended.
 *
 * Returns  MR_OK; damage and other faults of reading, *reterr_problem says where.
 * Threads  one at a time.
 * Cost     the first time, reads what is behind the newest snapshot.
 */
MR_MUST_USE mr_err mri_bus_api_follow(struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * The configuration that a fold has come to, or the defaults where the log has none.
 *
 * Returns  MR_OK; MR_ENOMEM; as mri_yaml_config().
 * Owner    mri_config_fini() frees.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_config(const struct mri_fold *fold, struct mri_config *ret_config);

/**
 * Have the shared state whole and the mirror up to it.
 *
 * Returns  MR_OK; MR_NOT_FOUND there is none that could be used: the fold has all that is asked
 *          for; as mri_bus_api_follow().
 * Threads  one at a time.
 * Cost     a few loads, unless the state must be made anew.
 */
MR_MUST_USE mr_err mri_bus_api_share(struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * Compare the shared state with bus->whole, which is at the log's end, when log.compare_events have
 * passed since this handle did it. One that differs is made anew by who needs it next, and an alert
 * says what differed.
 *
 * Returns  MR_OK, also when it differed or others append all the time; faults of appending the
 *          alert.
 * Threads  one at a time.
 * Cost     when it is due, about 100 ns a signal.
 */
MR_MUST_USE mr_err mri_bus_api_compare_if_due(struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * May this handle append?
 *
 * Returns  MR_OK; MR_EACCESS, *reterr_problem says what may be done instead, and by whom.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_may_append(const struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * Note where the log is that was just opened.
 *
 * Returns  MR_OK; faults of looking.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_note_place(struct mr_bus *bus);

/**
 * Is the log still where it was opened? Before something is written there by its path, after
 * something was opened there to be read, and when a wait is over.
 *
 * Returns  MR_OK, also when it cannot be found out; MR_EPATH it was renamed or removed, whether or
 *          not another one is there now; *reterr_problem says so.
 * Threads  any.
 * Cost     about a microsecond.
 */
MR_MUST_USE mr_err mri_bus_api_check_place(const struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * Where appending failed because the log was renamed or removed, say that; the result stays.
 *
 * Returns  whether *problem says it now.
 * Threads  any.
 */
bool mri_bus_api_explain_place(const struct mr_bus *bus, mr_err err, mr_problem *problem);

/**
 * Where reading failed because the log was renamed or removed, answer that.
 *
 * Returns  err; MR_EPATH in the place of a fault or of an end, as mri_bus_api_check_place().
 * Threads  any.
 */
MR_MUST_USE mr_err mri_bus_api_tell_place(
    const struct mr_bus *bus, mr_err err, mr_problem *problem);

/**
 * Open a reader of the log of a handle, and of no other in its place.
 *
 * Returns  MR_OK; MR_EPATH as mri_bus_api_check_place(); as mr_log_reader_open().
 * Owner    mr_log_reader_close() frees.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_bus_api_open_reader(
    const struct mr_bus *bus, mr_log_reader **ret_reader, mr_problem *reterr_problem);

/**
 * Wait, and look about each second whether the log is still where it was opened.
 *
 * @param wait        waits so long, at most; MR_AGAIN the time has passed or a signal came
 * @param timeout_ms  negative: no limit
 *
 * Returns  as wait; MR_EPATH as mri_bus_api_check_place().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_wait(struct mr_bus *bus,
    mr_err (*wait)(struct mr_bus *bus, int64_t timeout_ms), int64_t timeout_ms,
    mr_problem *reterr_problem);

/**
 * The registered instruments, of the shared state or the fold.
 *
 * Returns  them.
 * Owner    the bus.
 * Threads  one at a time.
 */
const struct mri_instruments *mri_bus_api_instruments(const struct mr_bus *bus);

/**
 * The names of sources, of the shared state or the fold.
 *
 * Returns  them.
 * Owner    the bus.
 * Threads  one at a time.
 */
const struct mri_intern *mri_bus_api_sources(const struct mr_bus *bus);

/**
 * The names of signals, of the shared state or the fold.
 *
 * Returns  them.
 * Owner    the bus.
 * Threads  one at a time.
 */
const struct mri_intern *mri_bus_api_names(const struct mr_bus *bus);

/**
 * The log's event time; 0: none yet. A state that is in the making has none, so the log is folded
 * instead.
 *
 * Returns  MR_OK; as mri_bus_api_follow().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_event_time(
    struct mr_bus *bus, int64_t *ret_time_unix_ns, mr_problem *reterr_problem);

/**
 * Read a question for a page.
 *
 * @param names  of the moment that is asked about
 *
 * Returns  as mri_filter_parse().
 * Owner    *ret_query points into the bus, until the next question.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_read_question(struct mr_bus *bus,
    const struct mri_filter_names *names, const char *question, const mr_bus_page *page,
    struct mri_query *ret_query, mr_problem *problem);

/**
 * Say that there is no signal that a page is to go on behind.
 *
 * Returns  MR_NOT_FOUND.
 * Threads  any.
 */
mr_err mri_bus_api_no_beyond(uint32_t ordinal, mr_problem *problem);

/**
 * Do without the shared state for a while: more signals are not learned than it has room for.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_bus_api_unshare(struct mr_bus *bus);

/**
 * "LIMIT is reached", or the text of a result, with the folder whose disk is full.
 *
 * @param full  with MR_FULL: what there is no room for; NULL: something else
 *
 * Returns  err.
 * Threads  any.
 */
mr_err mri_bus_api_explain(
    const struct mr_bus *bus, mr_err err, const char *full, mr_problem *problem);

/**
 * A signal, wherever it is kept, with numbers whose meaning is known here.
 *
 * Returns  MR_OK; MR_NOT_FOUND; as mri_bus_api_follow().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_signal(
    struct mr_bus *bus, uint32_t ordinal, struct mri_signal *ret_signal);

/**
 * The event that generated a signal.
 *
 * Returns  MR_OK; as mri_bus_api_signal().
 * Threads  one at a time.
 * Cost     a cache line, where the shared state has it; it waits for no writer.
 */
MR_MUST_USE mr_err mri_bus_api_generated_seq(
    struct mr_bus *bus, uint32_t ordinal, uint64_t *ret_seq);

/**
 * Have the reader that waits for others' appends stand at the end of the log.
 *
 * Returns  MR_OK; as mr_log_reader_open(), and faults of reading.
 * Threads  one at a time.
 * Cost     about 15 ns for each event since the last call.
 */
MR_MUST_USE mr_err mri_bus_api_prepare_waiter(struct mr_bus *bus, mr_problem *reterr_problem);

/**
 * The batch as records for mri_shared_state_append().
 *
 * @param has_ordinals  they are about signals that exist; false: signals that get theirs there
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_bus_api_fill_records(struct mr_bus *bus, bool has_ordinals);

/**
 * Draft a move.
 *
 * @param evidence_seq  the claim that the mover has; 0: none
 *
 * Returns  MR_OK; MR_NOT_FOUND there is no such signal; MR_REFUSED, *reterr_problem says why; as
 *          mri_batch_add().
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_bus_api_draft_move(
    struct mr_bus *bus, const mr_move *move, uint64_t evidence_seq, mr_problem *reterr_problem);

/**
 * Say what stood in the way of a batch.
 *
 * @param reterr_conflict  NULL, or where to put it
 *
 * Returns  MR_CONFLICT.
 * Threads  one at a time.
 */
mr_err mri_bus_api_conflict(const struct mr_bus *bus, const struct mri_bus_conflict *conflict,
    mr_move_conflict *reterr_conflict, mr_problem *reterr_problem);

/**
 * mr_bus_open() on a given machine.
 *
 * Returns  as mr_bus_open().
 * Owner    mr_bus_close() frees; os and alloc must outlive the bus.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_bus_api_open(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem);

/**
 * mr_bus_create_sized() on a given machine.
 *
 * Returns  as mr_bus_create_sized().
 * Owner    mr_bus_close() frees; os and alloc must outlive the bus.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_bus_api_create(const struct mri_os *os, const struct mri_alloc *alloc,
    const char *folder, uint32_t table_signals, mr_bus **ret_bus, mr_problem *reterr_problem);

#endif
