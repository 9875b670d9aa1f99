/* SPDX-License-Identifier: MIT */
/**
 * A pipeline in virtual time, for stories: a node over a machine in memory, fed by a script, and
 * questions about the log it wrote. What a story takes for granted ends the test when it fails.
 */
#ifndef TESTS_LIB_STORY_H
#define TESTS_LIB_STORY_H

#include "bus/event_digest.h"
#include "pipeline/intake.h"
#include "pipeline/replay.h"
#include "tests/lib/os_faults.h"
#include "tests/lib/os_memory.h"
#include "tests/lib/script_feed.h"

/** The directory of a story's log. */
#define MRI_STORY_FOLDER "/log"

/** Minutes that mri_story_warm() takes, and the price it ends at. */
enum { MRI_STORY_WARM_MINUTES = 300, MRI_STORY_PRICE = 1000000 };

struct mri_story {
    struct mri_os_memory *memory;
    struct mri_os_faults machine; /**< in front of the memory: clock and faults */
    struct mri_config config;     /**< of the next open */
    mri_config_parser parse;
    const char *time_mode; /**< of a log that is made */
    struct mri_script_feed script;
    struct mri_node node;
    struct mri_intake intake;
    uint64_t problems_heard; /**< rows left out that the listener was told */
    bool is_open;
    bool has_no_feed;                /**< open without one */
    bool (*is_stopping)(void);       /**< of the next open; NULL: never */
    mr_problem problem;              /**< of the last call that failed */
    _Alignas(8) uint8_t body[65536]; /**< of the event that was found last */
};

/**
 * Begin a story with `symbol_count` symbols; nothing is opened yet. The configuration is the
 * built-in one without instruments, with a 4 MiB segment.
 *
 * Returns  the story.
 * Owner    mri_story_end() frees.
 * Threads  one at a time.
 */
struct mri_story *mri_story_begin(mri_config_parser parse, uint32_t symbol_count);

/**
 * Close what is open, and free.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_story_end(struct mri_story *story);

/**
 * Open the node; the script is read from its start.
 *
 * Returns  as mri_node_open(), *reterr_problem in story->problem.
 * Threads  one at a time.
 */
mr_err mri_story_try_open(struct mri_story *story);

/**
 * Open the node.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_open(struct mri_story *story);

/**
 * Feed everything that is in the script so far, with snapshots when they are due.
 *
 * Returns  MR_OK; what stopped it, the reason in story->problem.
 * Threads  one at a time.
 */
mr_err mri_story_try_play(struct mri_story *story);

/**
 * Feed everything that is in the script so far.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_play(struct mri_story *story);

/**
 * Say that the feed has ended.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_end_feed(struct mri_story *story);

/**
 * End the session and close the node.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_close(struct mri_story *story);

/**
 * Close the node as a kill does: what was written stays, nothing more is.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_story_kill(struct mri_story *story);

/**
 * Change the configuration so that learning takes every lesson at its word and nothing cools down:
 * what is true in a script is traded after two hours.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_story_make_brisk(struct mri_story *story);

/**
 * Play MRI_STORY_WARM_MINUTES minutes of a market for symbol 0 that rises for half an hour and
 * falls for the next, with the source "oracle" saying so at every step: afterwards every input is
 * known, and the oracle's expected value is far above all costs. Call it on a new story; nothing
 * was traded, because for this time the capital is too small. The node is open afterwards, in a
 * session with story->config as the caller has made it.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_warm(struct mri_story *story);

/**
 * After mri_story_warm(): play bars of symbol 0 at its last close, one a minute, with the oracle
 * saying long and short by turns, until a signal is approved and its order placed. The order is
 * filled at the next bar.
 *
 * @param minute  the last one played; in and out
 *
 * Returns  the ordinal of the signal; it never fails.
 * Threads  one at a time.
 */
uint32_t mri_story_trade(struct mri_story *story, int64_t *minute);

/** What event is looked for. */
struct mri_story_query {
    uint16_t type;
    uint32_t ordinal;   /**< 0: of any signal or none */
    uint64_t after_seq; /**< the first one behind this */
};

/**
 * The first event of the log that matches.
 *
 * Returns  true; false: there is none.
 * Owner    ret_event->body is the story's, until the next query.
 * Threads  one at a time.
 */
bool mri_story_find(
    struct mri_story *story, const struct mri_story_query *query, struct mri_event *ret_event);

/**
 * How many events of a kind the log has about a signal (0: about any or none).
 *
 * Returns  the number.
 * Threads  one at a time.
 */
uint64_t mri_story_count(struct mri_story *story, uint16_t type, uint32_t ordinal);

/** Who looks at every event of a log, in log order. */
struct mri_story_walker {
    void *context;
    void (*visit)(void *context, const struct mri_event *event);
};

/**
 * Visit every event of the log but the log's own; bodies are valid during the visit.
 *
 * Returns  nothing; it ends the test when the log cannot be read to its end.
 * Threads  one at a time.
 */
void mri_story_walk(const struct mri_story *story, const struct mri_story_walker *walker);

/**
 * The newest event of the log.
 *
 * Returns  its seq.
 * Threads  one at a time.
 */
uint64_t mri_story_last_seq(struct mri_story *story);

/**
 * A signal by its ordinal, as the open node has it.
 *
 * Returns  the slot.
 * Threads  one at a time.
 */
const struct mri_slot *mri_story_slot(const struct mri_story *story, uint32_t ordinal);

/**
 * The ordinal of the newest signal of a source.
 *
 * Returns  the ordinal; 0: there is none.
 * Threads  one at a time.
 */
uint32_t mri_story_newest_of(const struct mri_story *story, const char *source);

/**
 * The number and the code of one gate in the decision about a signal.
 *
 * Returns  true; false: there is no decision about it, or the gate is not in it.
 * Threads  one at a time.
 */
bool mri_story_gate(struct mri_story *story, uint32_t ordinal, enum mri_gate gate,
    struct mri_row_gate_number *ret_number, struct mri_row_gate_code *ret_code);

/**
 * The digest of the log.
 *
 * Returns  text.
 * Threads  one at a time.
 */
const char *mri_story_digest(struct mri_story *story, char text[static MRI_DIGEST_TEXT_BYTES]);

/**
 * Replay the log: everything must be identical, and something must have been compared.
 *
 * Returns  nothing; it ends the test when not.
 * Threads  one at a time.
 */
void mri_story_check_replay(struct mri_story *story);

/** What another process appends while no node is open. */
struct mri_story_outsider {
    void *context;
    /** Draft into the batch; the bus is that of the log up to its end. */
    void (*draft)(void *context, const struct mri_bus *bus, struct mri_batch *batch);
};

/**
 * Let another process append one batch. The node must not be open.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_append(struct mri_story *story, const struct mri_story_outsider *outsider);

/**
 * Let another process move a signal, as it is in the log now, to blocked or expired.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_move(struct mri_story *story, uint32_t ordinal, mr_state to);

/** Signals as the shell emits them. */
struct mri_story_emission {
    uint32_t symbol;
    const char *source;
    double confidence; /**< > 0: long; < 0: short */
    int64_t valid_minutes;
    uint32_t count; /**< so many, appended in batches of 64 */
};

/**
 * Let another process emit signals at the event time of the log's newest event.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_emit(struct mri_story *story, const struct mri_story_emission *emission);

/**
 * The same while the node is open, beside it.
 *
 * Returns  nothing; it never fails.
 * Threads  one at a time.
 */
void mri_story_emit_beside(struct mri_story *story, const struct mri_story_emission *emission);

/**
 * Fold the log from its beginning and from its newest snapshot: bus and engines must be the same,
 * to the byte.
 *
 * Returns  the seq of the snapshot that the second fold started from; 0 = none.
 * Threads  one at a time.
 */
uint64_t mri_story_check_snapshot(struct mri_story *story);

/**
 * Options to fold the story's log from its beginning.
 *
 * Returns  the options.
 * Threads  any.
 */
struct mri_fold_options mri_story_fold_options(const struct mri_story *story);

#endif
