/* SPDX-License-Identifier: MIT */
/**
 * What `millrace top` shows: the figures of a log as of one event, and how fast they grow.
 */
#ifndef MRI_CLI_TOP_FIGURES_H
#define MRI_CLI_TOP_FIGURES_H

#include "cli/cli.h"
#include "cli/opened.h"
#include "log/read/reader.h"
#include "millrace/log_admin.h"
#include "millrace/log_consumer.h"
#include "pipeline/health.h"

/** X(NAME, text): kinds of events by what they are for; each has 32 numbers from 256 on. */
#define MRI_TOP_FAMILY_MAP(X)                                                                      \
    X(MRI_TOP_SIGNAL, "signal")                                                                    \
    X(MRI_TOP_EVALUATE, "evaluate")                                                                \
    X(MRI_TOP_EXECUTE, "execute")                                                                  \
    X(MRI_TOP_RESOLVE, "resolve")                                                                  \
    X(MRI_TOP_LEARN, "learn")                                                                      \
    X(MRI_TOP_MARKET, "market")                                                                    \
    X(MRI_TOP_SYSTEM, "system")                                                                    \
    X(MRI_TOP_LOG, "log")

enum mri_top_family {
#define MRI_TOP_ENUM(name, text) name,
    MRI_TOP_FAMILY_MAP(MRI_TOP_ENUM)
#undef MRI_TOP_ENUM
        MRI_TOP_FAMILIES
};

enum {
    MRI_TOP_NEWEST_MAX = 64,    /**< events that are kept to be shown */
    MRI_TOP_WAITING_MAX = 16,   /**< signals that wait longest */
    MRI_TOP_CONSUMERS_MAX = 64, /**< consumers that are looked at */
    MRI_TOP_SAMPLES_MAX = 24,
};

/** What is counted, each since the figures were opened, or by the log as a whole: only how it grows
 * is of use. */
struct mri_top_counts {
    uint64_t events;
    uint64_t family[MRI_TOP_FAMILIES];
    uint64_t entered[MR_STATE_COUNT]; /**< signals that came into a state */
    uint64_t blocked[MRI_REPORT_GATES];
};

/** The same a second, over the last seconds. */
struct mri_top_rates {
    bool is_known; /**< it was watched for long enough */
    double events;
    double family[MRI_TOP_FAMILIES];
    double entered[MR_STATE_COUNT];
    double blocked[MRI_REPORT_GATES];
};

/** An event that was copied, to be put into words when it is shown. */
struct mri_top_event {
    mr_log_event record; /**< its body is in `body` */
    struct mri_buf body;
};

/** Inputs that are not decided yet, oldest first. */
struct mri_top_pending {
    uint64_t *seqs; /**< twice the seq; one more of a bar, a quote or a funding rate */
    size_t first;
    size_t count; /**< from `first` on */
    size_t facts; /**< so many of them are bars, quotes and funding rates */
    size_t capacity;
};

struct mri_top_sample {
    int64_t boottime_ns;
    struct mri_top_counts counts;
};

struct mri_top_figures {
    const struct mri_cli *cli;
    struct mri_opened *opened; /**< fold.bus.last_seq is the event that all of this is as of */
    mr_log_reader *reader;
    uint64_t read_seq; /**< newest event that the reader has handed out */
    struct mri_top_pending pending;
    struct mri_top_counts counts;
    struct mri_top_rates rates;
    struct mri_top_sample samples[MRI_TOP_SAMPLES_MAX]; /**< oldest first */
    uint32_t sample_count;
    struct mri_top_event newest[MRI_TOP_NEWEST_MAX]; /**< a ring */
    uint64_t newest_count;                           /**< that were put into it */
    uint32_t waiting[MRI_TOP_WAITING_MAX];           /**< ordinals, longest first */
    uint32_t waiting_count;
    uint32_t waiting_all; /**< in a state before the end of their lives */
    struct mri_health health;
    mr_log_memory memory;
    mr_consumer_stats consumers[MRI_TOP_CONSUMERS_MAX]; /**< by name */
    uint32_t consumer_count;
    uint32_t consumers_all;
    mr_problem consumer_problem; /**< what cannot be read of them; empty: nothing */
    int64_t consumers_due_ns;    /**< when they are looked at again */
    int64_t wall_unix_ns;        /**< of the newest refresh */
};

/**
 * Open a log and take everything in.
 *
 * Returns  MRI_EXIT_OK; otherwise what went wrong was printed.
 * Owner    mri_top_figures_close() frees. The struct must not move.
 * Threads  one.
 * Cost     as opening a log for questions.
 */
enum mri_exit mri_top_figures_open(
    const struct mri_cli *cli, struct mri_top_figures *figures, mr_problem *reterr_problem);

/**
 * Go on to the end of the log as of now.
 *
 * Returns  MR_OK, also when the log is damaged, which health says; faults of reading,
 *          *reterr_problem says where.
 * Threads  one.
 * Cost     what was appended since; consumers take a tenth of the time at most.
 */
MR_MUST_USE mr_err mri_top_figures_refresh(
    struct mri_top_figures *figures, mr_problem *reterr_problem);

/**
 * An event that was kept.
 *
 * @param back  0: the newest
 *
 * Returns  it; NULL: not so many are kept.
 * Owner    the figures, until they are refreshed.
 * Threads  one.
 */
const struct mri_top_event *mri_top_figures_event(
    const struct mri_top_figures *figures, uint32_t back);

/**
 * The event of a record that was kept; of the log's own kinds only what the head says.
 *
 * Returns  the event.
 * Owner    its body points into the record.
 * Threads  one.
 */
struct mri_event mri_top_figures_decode(const struct mri_top_event *kept);

/**
 * The word for a family of kinds.
 *
 * Returns  a static text.
 * Threads  any.
 */
const char *mri_top_figures_family(unsigned family);

/**
 * Free, and say on stderr if the log is damaged.
 *
 * @param exit  the command's answer so far
 *
 * Returns  as mri_opened_close().
 * Threads  one.
 */
enum mri_exit mri_top_figures_close(struct mri_top_figures *figures, enum mri_exit exit);

#endif
