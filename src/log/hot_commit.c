/* SPDX-License-Identifier: MIT */
/*
 * From the ring to the disk: writing behind, syncing for many at once, files for new segments, and
 * the thread that does it when nobody else does.
 *
 *   write lock   ring --pwrite--> segment file     written = behind it
 *   sync lock    fdatasync                         durable = what was written before it
 *
 * Invariants
 *  1. Every record is checked before it is written. What does not check poisons the log: nothing
 *     after it is written, by anybody.
 *  2. `written` and `durable` move only after the call that earned it has returned success, by one
 *     store; so their locks need no mending when a holder dies.
 *  3. A failed write or sync is final: the page cache may then hold pages that look written and are
 *     not. Only the next cold open, which reads what is on the disk, may judge.
 *  4. A segment gets its name when everything before it is durable, and before its first record is
 *     written.
 *  5. Waiters of a sync sleep by its generation: on the one under way when it covers them, else on
 *     the next. The leader wakes one of the next generation first, who becomes its leader.
 */
#include <stdio.h>
#include <string.h>

#include "log/hot_shared.h"
#include "os/futex.h"

enum {
    CHUNK_BYTES = 4 * 1024 * 1024,
    ZERO_BYTES = 1024 * 1024,
    GENERATION_BITS = 32,
};

#define MILLISECOND_NS    ((int64_t)1000000)
#define WRITE_INTERVAL_NS (5 * MILLISECOND_NS)
#define SYNC_INTERVAL_NS  (1000 * MILLISECOND_NS)
#define IDLE_NS           (1000 * MILLISECOND_NS)
#define BACKSTOP_NS       (50 * MILLISECOND_NS) /* for a leader that was killed */

mr_err mri_hot_take(struct mri_hot_tail *hot, struct mri_robust_lock *lock, bool is_try)
{
    bool is_orphan = false;
    mr_err err = is_try ? mri_robust_lock_try(lock, &is_orphan)
                        : mri_robust_lock_take(lock, MRI_HOT_LOCK_SPINS, &is_orphan);
    if (err == MR_OK && is_orphan) {
        atomic_fetch_add(&hot->shared->orphans, 1);
        mri_robust_lock_mend(lock);
    }
    return err;
}

static mr_err poison(struct mri_hot_tail *hot, mr_err err)
{
    atomic_store(&hot->shared->is_poisoned, 1);
    return err;
}

static bool is_poisoned(const struct mri_hot_tail *hot)
{
    return atomic_load(&hot->shared->is_poisoned) != 0;
}

static void raise_to(_Atomic uint64_t *mark, uint64_t value)
{
    uint64_t now = atomic_load(mark);
    while (now < value && !atomic_compare_exchange_weak(mark, &now, value)) {
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

void mri_hot_close_files(struct mri_hot_tail *hot)
{
    const struct mri_os *os = hot->options.os;
    for (unsigned i = 0; i < MRI_HOT_FILES_KEPT; i++) {
        if (hot->files[i].fd >= 0) {
            os->close(os->context, hot->files[i].fd);
            hot->files[i].fd = -1;
        }
    }
    if (hot->sync_file.fd >= 0) {
        os->close(os->context, hot->sync_file.fd);
        hot->sync_file.fd = -1;
    }
}

static mr_err open_named(struct mri_hot_tail *hot, uint64_t base_seq, int *ret_fd)
{
    const struct mri_os *os = hot->options.os;
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    mr_err err = mri_os_path(hot->options.folder, mri_segment_name(base_seq, name), path);
    return err == MR_OK ? os->open(os->context, path, MRI_OPEN_WRITE, ret_fd) : err;
}

/** The descriptor of the segment of a position, which has its name. */
static mr_err file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd)
{
    const struct mri_os *os = hot->options.os;
    uint64_t index = mri_hot_index_of(hot, position);
    unsigned slot = (unsigned)(index % MRI_HOT_FILES_KEPT);
    if (hot->files[slot].fd >= 0 && hot->files[slot].index == index) {
        *ret_fd = hot->files[slot].fd;
        return MR_OK;
    }
    int fd;
    mr_err err = open_named(hot, mri_hot_segment_of(hot, position)->base_seq, &fd);
    if (err != MR_OK) {
        return err;
    }
    if (hot->files[slot].fd >= 0) {
        os->close(os->context, hot->files[slot].fd);
    }
    hot->files[slot].index = index;
    hot->files[slot].fd = fd;
    *ret_fd = fd;
    return MR_OK;
}

/** The descriptor that syncs the segment of a position; writing may go on in others meanwhile. */
static mr_err sync_file_of(struct mri_hot_tail *hot, uint64_t position, int *ret_fd)
{
    uint64_t index = mri_hot_index_of(hot, position);
    if (hot->sync_file.fd < 0 || hot->sync_file.index != index) {
        int fd;
        mr_err err = open_named(hot, mri_hot_segment_of(hot, position)->base_seq, &fd);
        if (err != MR_OK) {
            return err;
        }
        if (hot->sync_file.fd >= 0) {
            hot->options.os->close(hot->options.os->context, hot->sync_file.fd);
        }
        hot->sync_file.index = index;
        hot->sync_file.fd = fd;
    }
    *ret_fd = hot->sync_file.fd;
    return MR_OK;
}

static mr_err spare_path(
    const struct mri_hot_tail *hot, uint32_t id, char path[static MRI_PATH_BYTES_MAX])
{
    char name[MRI_SEGMENT_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "spare-%u", id);
    return mri_os_path(hot->options.folder, name, path);
}

static struct mri_segment_head head_of(
    const struct mri_hot_tail *hot, const struct mri_hot_segment *segment)
{
    struct mri_segment_head head = hot->shared->pattern;
    head.writer_epoch = segment->writer_epoch;
    head.base_seq = segment->base_seq;
    head.base_position = segment->index * hot->shared->segment_bytes;
    head.salt = segment->salt;
    head.prev_unix_ns = segment->prev_unix_ns;
    head.prev_crc = segment->prev_crc;
    head.prev_units = (uint16_t)segment->prev_units;
    mri_segment_head_seal(&head);
    return head;
}

/** Turn the spare into the segment: head, sync, name, sync of the folder. */
static mr_err name_segment(struct mri_hot_tail *hot, const struct mri_hot_segment *segment)
{
    const struct mri_os *os = hot->options.os;
    const struct mri_segment_head head = head_of(hot, segment);
    char spare[MRI_PATH_BYTES_MAX];
    char name[MRI_SEGMENT_NAME_BYTES];
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = mri_os_path(hot->options.folder, mri_segment_name(head.base_seq, name), path);
    if (err == MR_OK) {
        err = spare_path(hot, segment->spare_id, spare);
    }
    if (err == MR_OK) {
        err = os->open(os->context, spare, MRI_OPEN_WRITE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = mri_segment_head_write(os, fd, &head);
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    os->close(os->context, fd);
    if (err == MR_OK) {
        err = os->rename(os->context, spare, path);
    }
    return err == MR_OK ? os->sync_folder(os->context, hot->options.folder) : err;
}

/** The segment that ends at `written` is complete: make it durable, and give the next its file. */
static mr_err enter_next(struct mri_hot_tail *hot, uint64_t written)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    uint64_t begin = mri_hot_next_segment(hot, written);
    struct mri_hot_segment *next = mri_hot_segment_of(hot, begin);
    int fd;
    mr_err err = file_of(hot, written, &fd);
    if (err == MR_OK) {
        err = os->sync_data(os->context, fd);
    }
    if (err != MR_OK) {
        return err;
    }
    raise_to(&shared->durable_seq, next->base_seq - 1);
    raise_to(&shared->durable, written);
    MRI_HOT_POINT(40);
    err = open_named(hot, next->base_seq, &fd);
    if (err == MR_OK) {
        os->close(os->context, fd); /* named by one who was killed before he could say so */
    } else if (err == MR_EPATH) {
        err = name_segment(hot, next);
    }
    if (err != MR_OK) {
        return err;
    }
    MRI_HOT_POINT(41);
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        if (shared->spares[i].id == next->spare_id) {
            atomic_store(&shared->spares[i].state, MRI_HOT_SPARE_NONE);
        }
    }
    atomic_store_explicit(&shared->written, begin, memory_order_release);
    return MR_OK;
}

/* ---- writing behind -------------------------------------------------------------------------- */

/** Where whole records end, at most a chunk behind `from`; their checks are done on the way. */
static mr_err check_records(
    const struct mri_hot_tail *hot, uint64_t from, uint64_t stop, uint64_t *ret_end)
{
    uint64_t salt = mri_hot_segment_of(hot, from)->salt;
    uint64_t position = from;
    uint64_t seq = 0;
    while (position < stop && position - from < CHUNK_BYTES) {
        const struct mri_record_head *head = mri_hot_record(hot, position);
        bool is_good = mri_record_check_head(head, salt, position) == MR_OK &&
                       mri_record_check_body(head, (size_t)(stop - position)) == MR_OK;
        if (!is_good) {
            return MR_ECORRUPT;
        }
        seq = head->type == MRI_RECORD_ROLL ? head->seq - 1 : head->seq;
        position += mri_record_stride(head->bytes);
    }
    atomic_store(&hot->shared->written_seq, seq);
    *ret_end = position;
    return MR_OK;
}

/** Write one chunk, or enter the next segment. MR_END: nothing is left below `position`. */
static mr_err write_step(struct mri_hot_tail *hot, uint64_t position)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    uint64_t written = atomic_load(&shared->written);
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
    uint64_t end =
        atomic_load_explicit(&mri_hot_segment_of(hot, written)->end, memory_order_acquire);
    bool is_rolled = end != 0 && tail > end;
    uint64_t stop = is_rolled ? end : tail;
    uint64_t chunk_end;
    int fd;
    if (written >= position || written >= tail) {
        return MR_END;
    }
    if (written == stop) {
        return enter_next(hot, written);
    }
    mr_err err = check_records(hot, written, stop, &chunk_end);
    if (err == MR_OK) {
        err = file_of(hot, written, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    MRI_HOT_POINT(30);
    const struct mri_io_piece piece = {
        .bytes = mri_hot_record(hot, written), .count = (size_t)(chunk_end - written)};
    err = os->write_at(os->context, fd, &piece, 1, written % shared->segment_bytes);
    MRI_HOT_POINT(31);
    if (err == MR_OK) {
        atomic_store_explicit(&shared->written, chunk_end, memory_order_release);
    }
    return err;
}

mr_err mri_hot_write_to(struct mri_hot_tail *hot, uint64_t position)
{
    mr_err err = is_poisoned(hot) ? MR_EPOISONED : MR_OK;
    while (err == MR_OK) {
        err = write_step(hot, position);
    }
    if (err == MR_END) {
        return MR_OK;
    }
    return err == MR_EPOISONED ? err : poison(hot, err);
}

mr_err mri_hot_tail_write_behind(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    uint64_t tail = atomic_load(&shared->tail);
    if (atomic_load(&shared->written) >= tail) {
        return is_poisoned(hot) ? MR_EPOISONED : MR_OK;
    }
    mr_err err = mri_hot_take(hot, &shared->write_lock, false);
    if (err == MR_OK) {
        err = mri_hot_write_to(hot, tail);
        mri_robust_lock_give(&shared->write_lock);
    }
    return err;
}

/* ---- syncing --------------------------------------------------------------------------------- */

static uint32_t bit_of(uint32_t generation)
{
    return 1u << (generation % GENERATION_BITS);
}

/** Write and sync all there is, under the sync lock. */
static mr_err sync_all(struct mri_hot_tail *hot, uint32_t generation)
{
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    int fd = -1;
    mr_err err = mri_hot_take(hot, &shared->write_lock, false);
    if (err != MR_OK) {
        return err;
    }
    uint64_t tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
    atomic_store(&shared->generation_target, tail);
    atomic_store(&shared->generation, generation);
    err = mri_hot_write_to(hot, tail);
    uint64_t written = atomic_load(&shared->written);
    uint64_t written_seq = atomic_load(&shared->written_seq);
    mri_robust_lock_give(&shared->write_lock);
    if (err == MR_OK) {
        err = sync_file_of(hot, written, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    MRI_HOT_POINT(50);
    /* Segments before this one were synced when it got its name. */
    if (os->sync_data(os->context, fd) != MR_OK) {
        return poison(hot, MR_EUNKNOWN);
    }
    MRI_HOT_POINT(51);
    raise_to(&shared->durable_seq, written_seq);
    raise_to(&shared->durable, written);
    atomic_fetch_add(&shared->syncs, 1);
    return MR_OK;
}

/** Do the sync for everybody who waits. The sync lock is held and given back. */
static mr_err lead(struct mri_hot_tail *hot, uint64_t position)
{
    struct mri_hot_shared *shared = hot->shared;
    uint32_t generation = atomic_load(&shared->generation) + 1;
    mr_err err = MR_OK;
    if (atomic_load(&shared->durable) < position) {
        err = sync_all(hot, generation);
    }
    mri_robust_lock_give(&shared->sync_lock);
    atomic_fetch_add(&shared->synced, 1);
    mri_futex_wake(&shared->synced, 1, bit_of(generation + 1)); /* the next leader */
    mri_futex_wake(&shared->synced, MRI_FUTEX_ALL, bit_of(generation));
    return err;
}

mr_err mri_hot_tail_commit(struct mri_hot_tail *hot, uint64_t position)
{
    struct mri_hot_shared *shared = hot->shared;
    for (;;) {
        uint32_t synced = atomic_load(&shared->synced);
        if (atomic_load(&shared->durable) >= position) {
            return MR_OK;
        }
        if (is_poisoned(hot)) {
            return MR_EUNKNOWN;
        }
        mr_err err = mri_hot_take(hot, &shared->sync_lock, true);
        if (err == MR_OK) {
            err = lead(hot, position);
        } else if (err == MR_BUSY) {
            uint32_t generation = atomic_load(&shared->generation);
            bool is_covered = position <= atomic_load(&shared->generation_target);
            err = mri_futex_wait(&shared->synced, synced,
                bit_of(is_covered ? generation : generation + 1), BACKSTOP_NS);
            err = err == MR_AGAIN ? MR_OK : err;
        }
        if (err != MR_OK) {
            return err == MR_EPOISONED ? MR_EUNKNOWN : err;
        }
    }
}

/* ---- spares ---------------------------------------------------------------------------------- */

/** Zeros to the end: blocks that were written once cost less to write again. */
static mr_err fill_with_zeros(const struct mri_os *os, int fd, uint64_t bytes)
{
    static const uint8_t zeros[ZERO_BYTES];
    mr_err err = MR_OK;
    for (uint64_t at = 0; at < bytes && err == MR_OK; at += sizeof(zeros)) {
        uint64_t left = bytes - at;
        const struct mri_io_piece piece = {
            .bytes = zeros, .count = left < sizeof(zeros) ? (size_t)left : sizeof(zeros)};
        err = os->write_at(os->context, fd, &piece, 1, at);
    }
    return err == MR_OK ? os->sync_data(os->context, fd) : err;
}

static mr_err make_spare(struct mri_hot_tail *hot, struct mri_hot_spare *spare)
{
    const struct mri_os *os = hot->options.os;
    uint32_t id = atomic_fetch_add(&hot->shared->next_spare_id, 1) + 1;
    uint64_t salt;
    char path[MRI_PATH_BYTES_MAX];
    int fd;
    mr_err err = spare_path(hot, id, path);
    if (err == MR_OK) {
        err = os->random_bytes(os->context, &salt, sizeof(salt));
    }
    if (err == MR_OK) {
        err = os->open(os->context, path, MRI_OPEN_WRITE | MRI_OPEN_CREATE, &fd);
    }
    if (err != MR_OK) {
        return err;
    }
    err = os->truncate(os->context, fd, 0); /* left over from another life */
    if (err == MR_OK) {
        err = os->allocate(os->context, fd, hot->shared->segment_bytes);
    }
    if (err == MR_OK) {
        err = fill_with_zeros(os, fd, hot->shared->segment_bytes);
    }
    if (err == MR_OK) {
        err = os->drop_cache(os->context, fd); /* large folios of zeros would be written again */
    }
    os->close(os->context, fd);
    if (err != MR_OK) {
        (void)os->remove(os->context, path); /* the next attempt makes another */
        return err;
    }
    spare->id = id;
    spare->salt = salt;
    atomic_store_explicit(&spare->state, MRI_HOT_SPARE_READY, memory_order_release);
    return MR_OK;
}

static unsigned count_ready(const struct mri_hot_shared *shared)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX; i++) {
        ready += atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_READY;
    }
    return ready;
}

mr_err mri_hot_make_spares(struct mri_hot_tail *hot, bool is_try)
{
    struct mri_hot_shared *shared = hot->shared;
    unsigned ready = count_ready(shared);
    if (ready >= MRI_HOT_SPARES_WANTED) {
        return MR_OK;
    }
    mr_err err = mri_hot_take(hot, &shared->spare_lock, is_try);
    if (err != MR_OK) {
        return err == MR_BUSY ? MR_OK : err; /* somebody else is at it */
    }
    ready = count_ready(shared);
    for (unsigned i = 0; i < MRI_HOT_SPARES_MAX && ready < MRI_HOT_SPARES_WANTED && err == MR_OK;
         i++) {
        if (atomic_load(&shared->spares[i].state) == MRI_HOT_SPARE_NONE) {
            err = make_spare(hot, &shared->spares[i]);
            ready += err == MR_OK;
        }
    }
    mri_robust_lock_give(&shared->spare_lock);
    return err;
}

mr_err mri_hot_tail_make_spares(struct mri_hot_tail *hot)
{
    return mri_hot_make_spares(hot, true);
}

/* ---- the helper thread ----------------------------------------------------------------------- */

/** Sleep: shortly while there is something to write or sync, else until an append. */
static void rest(struct mri_hot_tail *hot)
{
    struct mri_hot_shared *shared = hot->shared;
    uint32_t work = atomic_load(&shared->work);
    bool is_idle = atomic_load(&shared->durable) >= atomic_load(&shared->tail);
    if (is_idle) {
        atomic_fetch_add(&shared->idle_helpers, 1);
        atomic_thread_fence(memory_order_seq_cst);
        is_idle = atomic_load(&shared->durable) >= atomic_load(&shared->tail);
    }
    if (!atomic_load(&hot->is_stopping)) {
        /* Woken or not, the loop looks again. */
        (void)mri_futex_wait(&shared->work, work, 1, is_idle ? IDLE_NS : WRITE_INTERVAL_NS);
    }
}

static void help(void *context)
{
    struct mri_hot_tail *hot = context;
    struct mri_hot_shared *shared = hot->shared;
    const struct mri_os *os = hot->options.os;
    int64_t synced_ns = os->boottime_ns(os->context);
    while (!atomic_load(&hot->is_stopping) && !is_poisoned(hot)) {
        /* What fails poisons the log, or is tried again; the next append or commit says so. */
        (void)mri_hot_tail_write_behind(hot);
        (void)mri_hot_tail_make_spares(hot);
        int64_t now = os->boottime_ns(os->context);
        if (atomic_load(&shared->durable) >= atomic_load(&shared->written)) {
            synced_ns = now;
        } else if (now - synced_ns >= SYNC_INTERVAL_NS) {
            (void)mri_hot_tail_commit(hot, atomic_load(&shared->written));
            synced_ns = now;
        }
        rest(hot);
    }
}

mr_err mri_hot_tail_start_helper(struct mri_hot_tail *hot)
{
    return mri_thread_start(&hot->helper, help, hot);
}
