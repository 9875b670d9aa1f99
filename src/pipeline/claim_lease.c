/* SPDX-License-Identifier: MIT */
/*
 * Leases of claims.
 *
 * Invariants
 *  1. A lease counts only when its checksum is right, which begins with the id of this run of the
 *     machine, and when it is of the life of its worker that the head names.
 *  2. A worker is alive as long as its lock is held. The kernel takes the lock back, however the
 *     process ends; a child of fork() closes its copy.
 *  3. A lease that is over is never renewed, and is judged under the lock of its place: so a claim
 *     that was renewed is not ended by somebody who saw the lease of before.
 */
#include "pipeline/claim_lease.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/problem.h"
#include "os/fork.h"

struct head {
    uint64_t life;
    uint32_t process_id;
    uint32_t crc;
};

struct lease {
    uint64_t claim_seq;
    int64_t until_ns;
    uint64_t life;
    uint32_t reserved;
    uint32_t crc;
};

MRI_STATIC_ASSERT(sizeof(struct head) == 16 && sizeof(struct lease) == 32, "file format");

static const uint64_t owners_at = (uint64_t)1 << 40;
static const uint64_t places_at = (uint64_t)1 << 41;
static const uint64_t leases_at = MRI_CLAIM_WORKERS_MAX * sizeof(struct head);

#define LOCK_WAIT_NS ((int64_t)1000000000)
#define LOCK_LOOK_NS ((int64_t)200000)

/* ---- what this process has open -------------------------------------------------------------- */

static struct mri_claim_leases *all;
static struct mri_fork_gate all_gate;
static bool has_fork_handler;

/** The parent's locks would outlive it if the child kept the files open. */
static void forget_in_child(void)
{
    for (struct mri_claim_leases *leases = all; leases != NULL; leases = leases->next) {
        leases->os->close(leases->os->context, leases->fd);
        leases->fd = -1;
    }
    all = NULL;
    mri_fork_gate_open(&all_gate);
}

static mr_err note_open(struct mri_claim_leases *leases)
{
    mri_fork_gate_shut(&all_gate);
    mr_err err = has_fork_handler ? MR_OK : mri_fork_call_in_child(forget_in_child);
    if (err == MR_OK) {
        has_fork_handler = true;
        leases->fork_count = mri_fork_count();
        leases->next = all;
        all = leases;
    }
    mri_fork_gate_open(&all_gate);
    return err;
}

static void note_closed(struct mri_claim_leases *leases)
{
    mri_fork_gate_shut(&all_gate);
    for (struct mri_claim_leases **link = &all; *link != NULL; link = &(*link)->next) {
        if (*link == leases) {
            *link = leases->next;
            break;
        }
    }
    mri_fork_gate_open(&all_gate);
}

/* ---- the file -------------------------------------------------------------------------------- */

mr_err mri_claim_leases_init(
    struct mri_claim_leases *leases, const struct mri_os *os, const char *folder)
{
    *leases = (struct mri_claim_leases){.os = os, .fd = -1, .worker = -1};
    return mri_os_path(folder, MRI_CLAIM_LEASE_NAME, leases->path);
}

void mri_claim_leases_fini(struct mri_claim_leases *leases)
{
    if (leases == NULL || leases->os == NULL) {
        return;
    }
    if (leases->fd >= 0) {
        note_closed(leases);
        leases->os->close(leases->os->context, leases->fd);
    }
    *leases = (struct mri_claim_leases){.fd = -1, .worker = -1};
}

/** MR_EPATH: there is no file, and none is to be made. */
static mr_err open_file(struct mri_claim_leases *leases, bool is_made)
{
    const struct mri_os *os = leases->os;
    uint8_t boot[MRI_BOOT_ID_BYTES];
    if (leases->fd >= 0) {
        return leases->fork_count == mri_fork_count() ? MR_OK : MR_EINVAL;
    }
    mr_err err = os->boot_id(os->context, boot);
    if (err == MR_OK) {
        err = os->open(os->context, leases->path,
            (unsigned)MRI_OPEN_WRITE | (is_made ? (unsigned)MRI_OPEN_CREATE : 0), &leases->fd);
    }
    if (err != MR_OK) {
        leases->fd = -1;
        return err;
    }
    leases->seed = mri_crc32c(0, boot, sizeof(boot));
    err = note_open(leases);
    if (err != MR_OK) {
        os->close(os->context, leases->fd);
        leases->fd = -1;
    }
    return err;
}

static mr_err lock(const struct mri_claim_leases *leases, uint64_t byte, enum mri_range_lock how)
{
    return leases->os->lock_range(leases->os->context, leases->fd, byte, 1, how);
}

static mr_err write_at(
    const struct mri_claim_leases *leases, const void *bytes, size_t count, uint64_t offset)
{
    const struct mri_io_piece piece = {bytes, count};
    return leases->os->write_at(leases->os->context, leases->fd, &piece, 1, offset);
}

static uint64_t offset_of(uint32_t place)
{
    return leases_at + (uint64_t)(place - 1) * sizeof(struct lease);
}

static uint32_t worker_of(uint32_t place)
{
    return (place - 1) / MRI_CLAIM_EACH_MAX;
}

/** Say whose life this number is from now on: leases of the one before count no more. */
static mr_err put_head(struct mri_claim_leases *leases)
{
    const struct mri_os *os = leases->os;
    mr_err err = os->random_bytes(os->context, &leases->life, sizeof(leases->life));
    struct head head = {.life = leases->life, .process_id = os->process_id(os->context)};
    head.crc = mri_crc32c(leases->seed, &head, offsetof(struct head, crc));
    return err == MR_OK ? write_at(leases, &head, sizeof(head),
                              (uint64_t)(uint32_t)leases->worker * sizeof(head))
                        : err;
}

static mr_err take_number(struct mri_claim_leases *leases)
{
    for (int i = 0; i < MRI_CLAIM_WORKERS_MAX; i++) {
        mr_err err = lock(leases, owners_at + (uint64_t)(uint32_t)i, MRI_RANGE_EXCLUSIVE);
        if (err == MR_BUSY) {
            continue;
        }
        leases->worker = err == MR_OK ? i : -1;
        err = err == MR_OK ? put_head(leases) : err;
        if (err != MR_OK && leases->worker >= 0) {
            /* Giving back the whole of a lock cannot fail. */
            (void)lock(leases, owners_at + (uint64_t)(uint32_t)i, MRI_RANGE_FREE);
            leases->worker = -1;
        }
        return err;
    }
    return MR_FULL;
}

mr_err mri_claim_leases_attach(struct mri_claim_leases *leases, mr_problem *reterr_problem)
{
    mr_err err = open_file(leases, true);
    if (err == MR_OK && leases->worker < 0) {
        err = take_number(leases);
    }
    if (err == MR_FULL) {
        return mri_problem(reterr_problem, err, "%s: %d workers have claims already", leases->path,
            MRI_CLAIM_WORKERS_MAX);
    }
    return err == MR_OK
               ? MR_OK
               : mri_problem(reterr_problem, err, "%s: %s", leases->path, mr_err_text(err));
}

/* ---- leases of this worker ------------------------------------------------------------------- */

static uint32_t index_of(uint32_t place)
{
    return (place - 1) % MRI_CLAIM_EACH_MAX;
}

uint32_t mri_claim_leases_free_place(const struct mri_claim_leases *leases)
{
    for (uint32_t i = 0; i < MRI_CLAIM_EACH_MAX; i++) {
        if ((leases->used[i / 64] >> (i % 64) & 1) == 0) {
            return (uint32_t)leases->worker * MRI_CLAIM_EACH_MAX + i + 1;
        }
    }
    return 0;
}

mr_err mri_claim_leases_put(
    struct mri_claim_leases *leases, uint32_t place, uint64_t claim_seq, int64_t until_ns)
{
    struct lease lease = {.claim_seq = claim_seq, .until_ns = until_ns, .life = leases->life};
    lease.crc = mri_crc32c(leases->seed, &lease, offsetof(struct lease, crc));
    mr_err err = write_at(leases, &lease, sizeof(lease), offset_of(place));
    if (err == MR_OK) {
        leases->used[index_of(place) / 64] |= (uint64_t)1 << (index_of(place) % 64);
    }
    return err;
}

void mri_claim_leases_drop(struct mri_claim_leases *leases, uint32_t place)
{
    leases->used[index_of(place) / 64] &= ~((uint64_t)1 << (index_of(place) % 64));
}

/** The lease of a claim; MR_NOT_FOUND: there is none. */
static mr_err read_lease(const struct mri_claim_leases *leases, uint32_t place, uint64_t claim_seq,
    struct lease *ret_lease)
{
    size_t count = 0;
    mr_err err = leases->os->read_at(
        leases->os->context, leases->fd, ret_lease, sizeof(*ret_lease), offset_of(place), &count);
    if (err != MR_OK) {
        return err;
    }
    bool is_good =
        count == sizeof(*ret_lease) && ret_lease->claim_seq == claim_seq &&
        ret_lease->crc == mri_crc32c(leases->seed, ret_lease, offsetof(struct lease, crc));
    return is_good ? MR_OK : MR_NOT_FOUND;
}

mr_err mri_claim_leases_renew(
    struct mri_claim_leases *leases, uint32_t place, uint64_t claim_seq, int64_t until_ns)
{
    const struct mri_os *os = leases->os;
    int64_t give_up_ns = os->boottime_ns(os->context) + LOCK_WAIT_NS;
    mr_err err = lock(leases, places_at + place, MRI_RANGE_EXCLUSIVE);
    while (err == MR_BUSY && os->boottime_ns(os->context) < give_up_ns) {
        os->sleep_ns(os->context, LOCK_LOOK_NS);
        err = lock(leases, places_at + place, MRI_RANGE_EXCLUSIVE);
    }
    if (err != MR_OK) {
        return err;
    }
    struct lease lease;
    err = read_lease(leases, place, claim_seq, &lease);
    if (err == MR_NOT_FOUND || (err == MR_OK && lease.until_ns <= os->boottime_ns(os->context))) {
        err = MR_CONFLICT;
    }
    if (err == MR_OK) {
        err = mri_claim_leases_put(leases, place, claim_seq, until_ns);
    }
    (void)lock(leases, places_at + place, MRI_RANGE_FREE); /* cannot fail */
    return err;
}

/* ---- judging --------------------------------------------------------------------------------- */

/** Does the worker of a lease live, and is it his? */
static mr_err look_at_worker(const struct mri_claim_leases *leases, const struct lease *lease,
    struct mri_claim_standing *standing)
{
    const struct mri_os *os = leases->os;
    struct head head;
    size_t count = 0;
    bool is_locked = false;
    standing->is_own = leases->worker >= 0 && standing->worker == (uint32_t)leases->worker;
    if (standing->is_own) {
        standing->is_standing = lease->life == leases->life;
        return MR_OK;
    }
    mr_err err =
        os->is_range_locked(os->context, leases->fd, owners_at + standing->worker, 1, &is_locked);
    if (err == MR_OK) {
        err = os->read_at(os->context, leases->fd, &head, sizeof(head),
            (uint64_t)standing->worker * sizeof(head), &count);
    }
    if (err == MR_OK) {
        bool is_good = count == sizeof(head) &&
                       head.crc == mri_crc32c(leases->seed, &head, offsetof(struct head, crc));
        standing->is_standing = is_locked && is_good && head.life == lease->life;
        standing->process_id = is_good ? head.process_id : 0;
    }
    return err;
}

static mr_err judge(struct mri_claim_leases *leases, const struct mri_claim *claim,
    struct mri_claim_standing *standing)
{
    struct lease lease;
    mr_err err = read_lease(leases, claim->place, claim->seq, &lease);
    if (err != MR_OK) {
        return err == MR_NOT_FOUND ? MR_OK : err;
    }
    err = look_at_worker(leases, &lease, standing);
    standing->until_ns = lease.until_ns;
    if (err == MR_OK && standing->is_standing &&
        lease.until_ns <= leases->os->boottime_ns(leases->os->context)) {
        standing->is_standing = false;
        standing->why = MRI_CLAIM_LEASE_OVER;
    }
    return err;
}

mr_err mri_claim_leases_judge(struct mri_claim_leases *leases, const struct mri_claim *claim,
    struct mri_claim_standing *ret_standing)
{
    uint32_t places = MRI_CLAIM_WORKERS_MAX * MRI_CLAIM_EACH_MAX;
    *ret_standing = (struct mri_claim_standing){.why = MRI_CLAIM_OWNER_LOST};
    mr_err err = open_file(leases, false);
    if (err != MR_OK || claim->place == 0 || claim->place > places) {
        return err == MR_EPATH ? MR_OK : err; /* no file or no such place: no lease */
    }
    ret_standing->worker = worker_of(claim->place);
    err = judge(leases, claim, ret_standing);
    if (err != MR_OK || ret_standing->is_standing) {
        return err;
    }
    err = lock(leases, places_at + claim->place, MRI_RANGE_EXCLUSIVE);
    if (err != MR_OK) {
        return err == MR_BUSY ? MR_AGAIN : err;
    }
    ret_standing->why = MRI_CLAIM_OWNER_LOST;
    err = judge(leases, claim, ret_standing); /* it may have been renewed */
    if (err != MR_OK || ret_standing->is_standing) {
        mri_claim_leases_judged(leases, claim);
    }
    return err;
}

void mri_claim_leases_judged(struct mri_claim_leases *leases, const struct mri_claim *claim)
{
    if (leases->fd >= 0 && claim->place != 0) {
        (void)lock(leases, places_at + claim->place, MRI_RANGE_FREE); /* cannot fail */
    }
}
