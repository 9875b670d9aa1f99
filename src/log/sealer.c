/* SPDX-License-Identifier: MIT */
/*
 * The sealer's thread. It computes and nothing else: no system call but for sleeping, no memory.
 *
 *   IDLE --start--> WORK --thread--> DONE --wait--> IDLE        fini: IDLE --> QUIT
 *
 * Invariants
 *  1. The job belongs to the thread in WORK and to the owner in every other state.
 *  2. The state is changed with release and read with acquire, then the other side is woken.
 *  3. A sleep that was ended too early, or never woken, only costs another look.
 */
#include "log/sealer.h"

#include "os/futex.h"

enum { IDLE, WORK, DONE, QUIT };

enum { LOOK_AGAIN_NS = 1000 * 1000 * 1000 };

void mri_sealer_run(struct mri_digest *hasher, struct mri_sealer_job *job)
{
    struct mri_seal_tree tree;
    mri_seal_tree_begin(&tree, hasher);
    job->err = MR_OK;
    for (uint64_t at = job->from; at < job->to;) {
        const struct mri_record_head *record = (const struct mri_record_head *)(job->bytes + at);
        struct mri_record_link link;
        bool is_last;
        uint64_t room = job->to - at;
        bool is_record = room >= sizeof(*record) && record->bytes >= sizeof(*record) &&
                         mri_record_stride(record->bytes) <= room;
        if (!is_record) {
            job->err = MR_ECORRUPT;
            return;
        }
        if (record->type != MRI_RECORD_SEAL) {
            struct mri_seal_hash leaf;
            mri_seal_leaf(hasher, record, &leaf);
            mri_seal_tree_add(&tree, &leaf);
        }
        at += mri_record_step(record, &link, &is_last);
    }
    if (tree.count == 0) {
        job->err = MR_ECORRUPT;
        return;
    }
    mri_seal_tree_root(&tree, &job->root);
}

/** Sleep while the state is one of ours to wait out. */
static uint32_t wait_while(struct mri_sealer *sealer, uint32_t state)
{
    uint32_t now;
    while ((now = atomic_load_explicit(&sealer->state, memory_order_acquire)) == state) {
        (void)mri_futex_wait(&sealer->state, state, UINT32_MAX, LOOK_AGAIN_NS); /* looks again */
    }
    return now;
}

static void change_to(struct mri_sealer *sealer, uint32_t state)
{
    atomic_store_explicit(&sealer->state, state, memory_order_release);
    mri_futex_wake(&sealer->state, MRI_FUTEX_ALL, UINT32_MAX);
}

static void run_thread(void *context)
{
    struct mri_sealer *sealer = context;
    for (;;) {
        uint32_t state = atomic_load_explicit(&sealer->state, memory_order_acquire);
        if (state == QUIT) {
            return;
        }
        if (state == WORK) {
            mri_sealer_run(&sealer->hasher, &sealer->job);
            change_to(sealer, DONE);
        } else {
            (void)wait_while(sealer, state);
        }
    }
}

mr_err mri_sealer_start(struct mri_sealer *sealer, const struct mri_sealer_job *job)
{
    if (!sealer->is_started) {
        mr_err err = MR_OK;
        if (sealer->hasher.state == NULL) {
            err = mri_digest_init(&sealer->hasher);
        }
        if (err == MR_OK) {
            atomic_store_explicit(&sealer->state, IDLE, memory_order_relaxed);
            err = mri_thread_start(&sealer->thread, run_thread, sealer);
        }
        if (err != MR_OK) {
            return err;
        }
        sealer->is_started = true;
    }
    MRI_ASSERT(atomic_load_explicit(&sealer->state, memory_order_relaxed) == IDLE);
    sealer->job = *job;
    change_to(sealer, WORK);
    return MR_OK;
}

const struct mri_sealer_job *mri_sealer_wait(struct mri_sealer *sealer)
{
    uint32_t state = wait_while(sealer, WORK);
    MRI_ASSERT(state == DONE);
    atomic_store_explicit(&sealer->state, IDLE, memory_order_relaxed); /* nobody waits for it */
    return &sealer->job;
}

void mri_sealer_fini(struct mri_sealer *sealer)
{
    if (sealer == NULL) {
        return;
    }
    if (sealer->is_started) {
        (void)wait_while(sealer, WORK);
        change_to(sealer, QUIT);
        mri_thread_join(&sealer->thread);
        sealer->is_started = false;
    }
    mri_digest_fini(&sealer->hasher);
}
