/* SPDX-License-Identifier: MIT */
/**
 * What all sessions of a server share: the bus, the reader of requests, room for batches, counts.
 */
#ifndef MRI_SOCKET_SERVICE_H
#define MRI_SOCKET_SERVICE_H

#include "millrace/bus.h"
#include "os/os.h"
#include "pipeline/fact_desk.h"
#include "socket/line_input.h"
#include "socket/request.h"
#include "json/json_write.h"

struct mri_line_session;

/** Limits of the protocol; docs/PROTOCOL.md has them all. */
enum {
    MRI_SERVICE_PAGE_MAX = 1000,           /**< signals of one answer to a query */
    MRI_SERVICE_PAGE = 100,                /**< when no limit is asked for */
    MRI_SERVICE_SUBSCRIPTIONS_MAX = 256,   /**< of all sessions */
    MRI_SERVICE_TIMEOUT_MS_MAX = 86400000, /**< of wait, next and claim */
    MRI_SERVICE_CLAIMS_MAX = 1024,         /**< of all sessions */
};

/** X(name): what is counted, of a session and of all. */
#define MRI_SERVICE_COUNT_MAP(X)                                                                   \
    X(requests) X(errors) X(emitted) X(repeated) X(moved) X(facts) X(delivered) X(acked)

struct mri_service_counts {
#define MRI_SERVICE_COUNT(name) uint64_t name;
    MRI_SERVICE_COUNT_MAP(MRI_SERVICE_COUNT)
#undef MRI_SERVICE_COUNT
};

/** A claim of a session; session_claims.h. */
struct mri_service_claim {
    const struct mri_line_session *session;
    mr_claim claim;
    int64_t lease_ns;
};

struct mri_service {
    const struct mri_os *os;
    const struct mri_alloc *alloc;
    mr_bus *bus;
    struct mri_request_reader reader;
    struct mri_request request;
    struct mri_request_value item[MRI_FIELD_COUNT];
    mr_emission *emissions; /**< MR_BUS_BATCH_MAX each */
    mr_emitted *emitted;
    mr_move *moves;
    struct mri_fact_input *facts;     /**< MR_BUS_FACTS_MAX */
    mr_ordinal *ordinals;             /**< MRI_SERVICE_PAGE_MAX */
    struct mri_service_claim *claims; /**< MRI_SERVICE_CLAIMS_MAX */
    uint32_t claim_count;
    uint8_t *piece; /**< MRI_LINE_INPUT_PIECE_BYTES: what one read brings */
    uint32_t subscriptions;
    uint64_t freed;  /**< how often an event or a claim was given back: others may get one now */
    bool needs_sync; /**< replies are waiting that promise what is not durable yet */
    struct mri_service_counts counts;
    /** What the verb stats adds, of the server around the sessions; NULL: nothing. */
    void (*tell)(void *context, struct mri_json_writer *json);
    void *tell_context;
};

/**
 * Make one.
 *
 * Returns  MR_OK; MR_ENOMEM.
 * Owner    mri_service_fini() frees; the bus is borrowed.
 * Threads  one at a time.
 */
MR_MUST_USE mr_err mri_service_init(struct mri_service *service, const struct mri_os *os,
    const struct mri_alloc *alloc, mr_bus *bus);

/**
 * Free. Zeroed is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_service_fini(struct mri_service *service);

/**
 * Counts as fields of an object.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_service_write_counts(
    const struct mri_service_counts *counts, struct mri_json_writer *json);

#endif
