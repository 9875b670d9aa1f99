/* SPDX-License-Identifier: MIT */
/*
 * A machine that fails when it is told to.
 *
 * Invariants
 *  1. A call that fails does not reach the inner machine, but for the half of a short write.
 */
#include "tests/lib/os_faults.h"

#include "base/check.h"

/** Count a call; must it fail? */
static bool is_fault(struct mri_os_faults *faults, enum mri_os_call kind)
{
    faults->calls[kind]++;
    if (faults->before != NULL) {
        faults->before(faults->before_context, kind);
    }
    if (faults->trace_count < MRI_OS_TRACE_MAX) {
        faults->trace[faults->trace_count++] = (uint8_t)kind;
    }
    bool can_fail = kind != MRI_OS_CALL_CLOSE && kind != MRI_OS_CALL_UNMAP;
    if (!can_fail || (faults->kind != MRI_OS_CALL_ANY && faults->kind != kind)) {
        return false;
    }
    faults->seen++;
    bool is_due = faults->fail_at != 0 && (faults->is_sticky ? faults->seen >= faults->fail_at
                                                             : faults->seen == faults->fail_at);
    faults->fired += is_due;
    return is_due;
}

/* Most calls only pass their arguments on. */
#define INNER(faults) (faults)->inner->context
#define PASS_ON(KIND, name, parameters, arguments)                                                 \
    static mr_err faults_##name parameters                                                         \
    {                                                                                              \
        struct mri_os_faults *faults = context;                                                    \
        return is_fault(faults, MRI_OS_CALL_##KIND) ? faults->err : faults->inner->name arguments; \
    }

PASS_ON(OPEN, open, (void *context, const char *path, unsigned flags, int *ret_fd),
    (INNER(faults), path, flags, ret_fd))
PASS_ON(INFO, info, (void *context, const char *path, struct mri_file_info *ret_info),
    (INNER(faults), path, ret_info))
PASS_ON(SIZE, size, (void *context, int fd, uint64_t *ret_bytes), (INNER(faults), fd, ret_bytes))
PASS_ON(READ_AT, read_at,
    (void *context, int fd, void *bytes, size_t count, uint64_t offset, size_t *ret_count),
    (INNER(faults), fd, bytes, count, offset, ret_count))
PASS_ON(READ, read, (void *context, int fd, void *bytes, size_t count, size_t *ret_count),
    (INNER(faults), fd, bytes, count, ret_count))
PASS_ON(ALLOCATE, allocate, (void *context, int fd, uint64_t bytes), (INNER(faults), fd, bytes))
PASS_ON(RENEW, renew, (void *context, int fd, uint64_t offset), (INNER(faults), fd, offset))
PASS_ON(TRUNCATE, truncate, (void *context, int fd, uint64_t bytes), (INNER(faults), fd, bytes))
PASS_ON(SYNC_DATA, sync_data, (void *context, int fd), (INNER(faults), fd))
PASS_ON(DROP_CACHE, drop_cache, (void *context, int fd), (INNER(faults), fd))
PASS_ON(MAP_READ, map_read, (void *context, int fd, size_t bytes, const void **ret_map),
    (INNER(faults), fd, bytes, ret_map))
PASS_ON(LOCK_RANGE, lock_range,
    (void *context, int fd, uint64_t offset, uint64_t count, enum mri_range_lock how),
    (INNER(faults), fd, offset, count, how))
PASS_ON(IS_RANGE_LOCKED, is_range_locked,
    (void *context, int fd, uint64_t offset, uint64_t count, bool *ret_is_locked),
    (INNER(faults), fd, offset, count, ret_is_locked))
PASS_ON(MEMORY_CREATE, memory_create,
    (void *context, const char *path, size_t head_bytes, size_t ring_bytes,
        struct mri_shared_memory *ret_memory),
    (INNER(faults), path, head_bytes, ring_bytes, ret_memory))
PASS_ON(MEMORY_ATTACH, memory_attach,
    (void *context, const char *path, size_t head_bytes, size_t ring_bytes,
        struct mri_shared_memory *ret_memory),
    (INNER(faults), path, head_bytes, ring_bytes, ret_memory))
PASS_ON(MEMORY_VIEW, memory_view,
    (void *context, const char *path, size_t head_bytes, size_t ring_bytes,
        struct mri_shared_memory *ret_memory),
    (INNER(faults), path, head_bytes, ring_bytes, ret_memory))
PASS_ON(MEMORY_REMOVE, memory_remove, (void *context, const char *path), (INNER(faults), path))
PASS_ON(
    BOOT_ID, boot_id, (void *context, uint8_t ret_id[MRI_BOOT_ID_BYTES]), (INNER(faults), ret_id))
PASS_ON(MAKE_FOLDER, make_folder, (void *context, const char *path), (INNER(faults), path))
PASS_ON(SYNC_FOLDER, sync_folder, (void *context, const char *path), (INNER(faults), path))
PASS_ON(
    RENAME, rename, (void *context, const char *from, const char *to), (INNER(faults), from, to))
PASS_ON(REMOVE, remove, (void *context, const char *path), (INNER(faults), path))
PASS_ON(LIST, list,
    (void *context, const char *path, void *argument,
        mr_err (*each)(void *argument, const char *name)),
    (INNER(faults), path, argument, each))
PASS_ON(WATCH, watch, (void *context, const char *path, int *ret_fd), (INNER(faults), path, ret_fd))
PASS_ON(WAIT_CHANGE, wait_change, (void *context, int fd, int64_t timeout_ns),
    (INNER(faults), fd, timeout_ns))
PASS_ON(RANDOM_BYTES, random_bytes, (void *context, void *bytes, size_t count),
    (INNER(faults), bytes, count))

/** Write the first half of the pieces' bytes. */
static void write_half(struct mri_os_faults *faults, int fd, const struct mri_io_piece *pieces,
    size_t count, uint64_t offset)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += pieces[i].count;
    }
    size_t left = sum / 2;
    for (size_t i = 0; i < count && left > 0; i++) {
        struct mri_io_piece piece = pieces[i];
        piece.count = piece.count < left ? piece.count : left;
        (void)faults->inner->write_at(INNER(faults), fd, &piece, 1, offset); /* as far as it goes */
        offset += piece.count;
        left -= piece.count;
    }
}

PASS_ON(IDENTIFY, identify, (void *context, int fd, struct mri_file_identity *ret_identity),
    (INNER(faults), fd, ret_identity))

static mr_err faults_write_at(
    void *context, int fd, const struct mri_io_piece *pieces, size_t count, uint64_t offset)
{
    struct mri_os_faults *faults = context;
    if (is_fault(faults, MRI_OS_CALL_WRITE_AT)) {
        if (faults->is_short_write) {
            write_half(faults, fd, pieces, count, offset);
        }
        return faults->err;
    }
    return faults->inner->write_at(INNER(faults), fd, pieces, count, offset);
}

static mr_err faults_write_bulk(
    void *context, int fd, const void *bytes, size_t count, uint64_t offset)
{
    struct mri_os_faults *faults = context;
    const struct mri_io_piece piece = {.bytes = bytes, .count = count};
    if (is_fault(faults, MRI_OS_CALL_WRITE_BULK)) {
        if (faults->is_short_write) {
            write_half(faults, fd, &piece, 1, offset);
        }
        return faults->err;
    }
    return faults->inner->write_bulk(INNER(faults), fd, bytes, count, offset);
}

PASS_ON(WATCH_PROCESS, watch_process, (void *context, uint32_t process_id, int *ret_fd),
    (INNER(faults), process_id, ret_fd))
PASS_ON(WAIT_ANY, wait_any,
    (void *context, const int *fds, size_t count, int64_t timeout_ns, size_t *ret_index),
    (INNER(faults), fds, count, timeout_ns, ret_index))

static void faults_close(void *context, int fd)
{
    struct mri_os_faults *faults = context;
    (void)is_fault(faults, MRI_OS_CALL_CLOSE);
    faults->inner->close(INNER(faults), fd);
}

static void faults_unmap(void *context, const void *map, size_t bytes)
{
    struct mri_os_faults *faults = context;
    (void)is_fault(faults, MRI_OS_CALL_UNMAP);
    faults->inner->unmap(INNER(faults), map, bytes);
}

static void faults_memory_close(void *context, struct mri_shared_memory *memory)
{
    struct mri_os_faults *faults = context;
    faults->inner->memory_close(INNER(faults), memory);
}

static int64_t faults_realtime_unix_ns(void *context)
{
    const struct mri_os_faults *faults = context;
    return faults->has_clock ? faults->realtime_unix_ns
                             : faults->inner->realtime_unix_ns(INNER(faults));
}

static int64_t faults_boottime_ns(void *context)
{
    const struct mri_os_faults *faults = context;
    return faults->has_clock ? faults->boottime_ns : faults->inner->boottime_ns(INNER(faults));
}

static void faults_sleep_ns(void *context, int64_t duration_ns)
{
    struct mri_os_faults *faults = context;
    if (faults->has_clock) {
        faults->realtime_unix_ns += duration_ns;
        faults->boottime_ns += duration_ns;
    } else {
        faults->inner->sleep_ns(INNER(faults), duration_ns);
    }
}

static uint32_t faults_process_id(void *context)
{
    const struct mri_os_faults *faults = context;
    return faults->inner->process_id(INNER(faults));
}

void mri_os_faults_init(struct mri_os_faults *faults, const struct mri_os *inner)
{
    *faults = (struct mri_os_faults){
        .table =
            {
                .context = faults,
#define TABLE_ENTRY(NAME, name) .name = faults_##name,
                MRI_OS_CALL_MAP(TABLE_ENTRY)
#undef TABLE_ENTRY
                    .memory_folder = inner->memory_folder,
                .memory_close = faults_memory_close,
                .has_threads = inner->has_threads,
                .realtime_unix_ns = faults_realtime_unix_ns,
                .boottime_ns = faults_boottime_ns,
                .sleep_ns = faults_sleep_ns,
                .process_id = faults_process_id,
            },
        .inner = inner,
        .kind = MRI_OS_CALL_ANY,
        .err = MR_EIO,
    };
}

void mri_os_faults_arm(
    struct mri_os_faults *faults, enum mri_os_call kind, uint64_t fail_at, mr_err err)
{
    faults->kind = kind;
    faults->fail_at = fail_at;
    faults->err = err;
    faults->seen = 0;
    faults->fired = 0;
    faults->trace_count = 0;
    for (int i = 0; i < MRI_OS_CALL_COUNT; i++) {
        faults->calls[i] = 0;
    }
}

const char *mri_os_call_name(enum mri_os_call kind)
{
    static const char *const names[] = {
#define CALL_NAME(NAME, name) #name,
        MRI_OS_CALL_MAP(CALL_NAME)
#undef CALL_NAME
            "any",
    };
    MRI_ASSERT((size_t)kind < MRI_COUNT_OF(names));
    return names[kind];
}
