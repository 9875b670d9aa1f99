/* SPDX-License-Identifier: MIT */
/**
 * A session of the line protocol: lines in, replies out. It knows no socket, and never waits.
 *
 * Replies come in the order of the requests. A request that waits (wait, next, claim) holds those
 * behind it; mri_line_session_resume() looks whether its time has come.
 */
#ifndef MRI_SOCKET_SESSION_H
#define MRI_SOCKET_SESSION_H

#include "millrace/log_consumer.h"
#include "socket/line_input.h"
#include "socket/reply.h"
#include "socket/service.h"

enum { MRI_LINE_SESSION_SUBSCRIPTIONS_MAX = 8, MRI_LINE_SESSION_CLAIMS_MAX = 128 };

/** A subscription of a session. */
struct mri_line_session_subscription {
    char name[MR_CONSUMER_NAME_MAX + 1];
    mr_subscription *subscription; /**< NULL: free */
};

/** What is claimed; the texts are those of the options once it waits. */
struct mri_line_session_claiming {
    mr_claim_options options;
    bool is_group;
    char owner[MR_BUS_OWNER_BYTES];
    char symbol[MR_BUS_OWNER_BYTES];
    char source[MR_BUS_OWNER_BYTES];
};

/** The request that the session waits for. */
struct mri_line_session_waiting {
    bool is_waiting;
    enum mri_request_verb verb; /**< wait, next or claim */
    char id[MRI_REQUEST_ID_BYTES_MAX + 1];
    int64_t deadline_ns; /**< of the machine's boot-time clock */
    int64_t due_ns;      /**< when to look again, at the latest at the deadline */
    uint64_t after;      /**< of wait */
    uint32_t slot;       /**< of next: the subscription */
    struct mri_line_session_claiming claiming; /**< of claim */
    int64_t rest_until_ns;                     /**< of claim: not to be tried before */
};

struct mri_line_session {
    struct mri_service *service;
    struct mri_buf *out; /**< replies are put at its end */
    struct mri_line_session_subscription subscriptions[MRI_LINE_SESSION_SUBSCRIPTIONS_MAX];
    struct mri_line_session_waiting waiting;
    struct mri_service_counts counts;
    bool is_promising; /**< a reply says `group`: not before the next sync */
    bool is_done;      /**< it said quit: nothing more is read */
    bool is_broken;    /**< there was no memory for a reply: nothing more can be told */
};

/**
 * Make one.
 *
 * @param out  borrowed; it must have room for the largest reply, docs/PROTOCOL.md "Limits"
 *
 * Returns  nothing.
 * Owner    mri_line_session_fini() frees.
 * Threads  one at a time.
 */
void mri_line_session_init(
    struct mri_line_session *session, struct mri_service *service, struct mri_buf *out);

/**
 * End it: what is leased by subscriptions or claimed is given back.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_line_session_fini(struct mri_line_session *session);

/** What is to be done with a request. */
enum mri_line_session_how {
    MRI_LINE_SESSION_DO,      /**< what it asks for */
    MRI_LINE_SESSION_REFUSE,  /**< the peer does not read: it is answered MR_AGAIN and not done */
    MRI_LINE_SESSION_UNHEARD, /**< the peer is gone: what only asks is left out */
};

/**
 * Do what a line asks for. Not while the session waits, is done or broken.
 *
 * Returns  nothing; one reply is put, or the session waits.
 * Threads  one at a time.
 */
void mri_line_session_take(struct mri_line_session *session, const struct mri_input_line *line,
    enum mri_line_session_how how);

/**
 * Look whether what the session waits for has come.
 *
 * @param is_ending  answer as if the time had passed
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_line_session_resume(struct mri_line_session *session, bool is_ending);

#endif
