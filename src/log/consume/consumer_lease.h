/* SPDX-License-Identifier: MIT */
/**
 * The volatile half of a consumer's file: which handle works on which event, until when. Shared by
 * all processes, good for one run of the machine.
 */
#ifndef MRI_LOG_CONSUME_CONSUMER_LEASE_H
#define MRI_LOG_CONSUME_CONSUMER_LEASE_H

#include "log/consume/consumer_slot.h"
#include "os/os.h"

/** States of an event that was handed out. */
enum mri_consumer_lease_state {
    MRI_CONSUMER_FREE = 0, /**< it never was */
    MRI_CONSUMER_LEASED,
    MRI_CONSUMER_WAITING, /**< given back: not before `until_ns` */
    MRI_CONSUMER_SETTLED, /**< acked by a record of the log that may not be durable yet */
};

/** One event's, at index seq % 1024; 32 bytes within a page, so a write of it is all or nothing. */
struct mri_consumer_lease {
    uint64_t seq;
    int64_t until_ns; /**< by CLOCK_BOOTTIME; SETTLED: the seq of the record that acks it */
    uint32_t count;   /**< deliveries so far; SETTLED: the writer_epoch of that record */
    uint32_t ack_crc; /**< SETTLED: the chain_crc of that record; else 0 */
    uint16_t owner;   /**< LEASED: the handle's number */
    uint8_t state;    /**< enum mri_consumer_lease_state */
    uint8_t reserved; /**< zero */
    uint32_t crc;     /**< CRC32C of boot id, consumer id and everything before */
};

MRI_STATIC_ASSERT(sizeof(struct mri_consumer_lease) == 32, "file format");

/** Says what was taken out of the log, and what is durable; 32 bytes. */
struct mri_consumer_mark {
    uint64_t scanned_seq;       /**< ACKs up to here are in the slot or in SETTLED leases */
    uint64_t synced_generation; /**< of the slot, as the file was synced last; 0 = not known */
    uint64_t zero;
    uint32_t is_appending; /**< 1: an ACK may be in the log behind scanned_seq */
    uint32_t crc;          /**< as of a lease */
};

MRI_STATIC_ASSERT(sizeof(struct mri_consumer_mark) == 32, "file format");

/** Both, as they lie in the file. */
struct mri_consumer_leases {
    struct mri_consumer_lease items[MRI_CONSUMER_WINDOW_SEQS];
    struct mri_consumer_mark mark;
};

/** What is to be handed out. */
struct mri_consumer_pick {
    uint64_t due;       /**< the lowest seq that is due again; 0: none */
    uint64_t fresh;     /**< the lowest seq that never was handed out; 0: the window is used up */
    uint32_t in_flight; /**< leased, or waiting */
    uint32_t waiting;   /**< of those, for their back-off */
    uint32_t settled;
    int64_t next_ns; /**< when the first of those in flight is due; INT64_MAX: none */
};

/** Who is alive; asked at most once an owner. */
struct mri_consumer_census {
    bool (*is_alive)(void *context, uint16_t owner);
    void *context;
};

/**
 * What the checksums of leases begin with.
 *
 * Returns  the seed.
 * Threads  any.
 */
uint32_t mri_consumer_lease_seed(
    const uint8_t boot[MRI_BOOT_ID_BYTES], const uint8_t id[MRI_CONSUMER_ID_BYTES]);

/**
 * Put the checksum of a lease right.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_consumer_lease_seal(struct mri_consumer_lease *lease, uint32_t seed);

/**
 * Put the checksum of a mark right.
 *
 * Returns  nothing.
 * Threads  any.
 */
void mri_consumer_lease_seal_mark(struct mri_consumer_mark *mark, uint32_t seed);

/**
 * Clear every lease that does not check: of an earlier run of the machine, or damaged. A mark that
 * does not check, or any such lease, makes the mark say that the log must be scanned again; what is
 * synced is known as long as the mark itself checks.
 *
 * Returns  true: something was cleared.
 * Threads  one at a time.
 */
bool mri_consumer_lease_clean(struct mri_consumer_leases *leases, uint32_t seed);

/**
 * An event's lease.
 *
 * Returns  it; NULL: it never was handed out.
 * Owner    points into `leases`.
 * Threads  one at a time.
 */
struct mri_consumer_lease *mri_consumer_lease_find(
    struct mri_consumer_leases *leases, uint64_t seq);

/**
 * Look through the window for what is to be handed out.
 *
 * Returns  it.
 * Threads  one at a time.
 * Cost     a microsecond.
 */
struct mri_consumer_pick mri_consumer_lease_pick(const struct mri_consumer_leases *leases,
    const struct mri_consumer_window *window, int64_t now_ns,
    const struct mri_consumer_census *census);

/**
 * The delay before an event that was given back is delivered again.
 *
 * @param count  deliveries so far, from 1
 *
 * Returns  nanoseconds.
 * Threads  any.
 */
int64_t mri_consumer_lease_back_off(const struct mri_consumer_rules *rules, uint32_t count);

/**
 * Everything that a record of the log acked, up to a seq known to be durable, goes from leases into
 * the slot.
 *
 * Returns  true: the slot has changed.
 * Threads  one at a time.
 */
bool mri_consumer_lease_fold(
    struct mri_consumer_leases *leases, struct mri_consumer_slot *slot, uint64_t durable_seq);

#endif
