/* SPDX-License-Identifier: MIT */
/*
 * A machine in memory.
 *
 *   names (now)   --> file: bytes (now), durable bytes, first and last byte not synced
 *   names (durable) ^
 *   changes of names that are not synced, in order
 *
 * Not here: permissions, symbolic links, more than one process (a second handle stands for one).
 * Shared memory is real memory without a name; it is lost with the power.
 */
#define _GNU_SOURCE
#include "tests/lib/os_memory_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- names ----------------------------------------------------------------------------------- */

/** "/a/b/.." is "/a", "//a" is "/a"; nothing else is understood. */
static void normalise(const char *path, char normal[static NAME_BYTES])
{
    MRI_ASSERT(path[0] == '/');
    int count = snprintf(normal, NAME_BYTES, "%s", path[1] == '/' ? path + 1 : path);
    MRI_ASSERT(count > 0 && count < NAME_BYTES);
    char *dots = strstr(normal, "/..");
    if (dots != NULL) {
        *dots = '\0';
        char *slash = strrchr(normal, '/');
        slash[slash == normal ? 1 : 0] = '\0';
    }
}

static void parent_of(const char *path, char parent[static NAME_BYTES])
{
    (void)snprintf(parent, NAME_BYTES, "%s", path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent ? 1 : 0] = '\0';
}

static uint64_t hash_of(const char *path)
{
    uint64_t hash = 14695981039346656037u;
    for (; *path != '\0'; path++) {
        hash = (hash ^ (uint8_t)*path) * 1099511628211u;
    }
    return hash;
}

static struct name *find(struct names *names, const char *path)
{
    uint64_t hash = hash_of(path);
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].hash == hash && strcmp(names->items[i].path, path) == 0) {
            return &names->items[i];
        }
    }
    return NULL;
}

static void set_name(struct names *names, const char *path, int file)
{
    struct name *name = find(names, path);
    if (file == GONE) {
        if (name != NULL) {
            *name = names->items[--names->count];
        }
        return;
    }
    if (name == NULL) {
        MRI_ASSERT(names->count < NAMES_MAX);
        name = &names->items[names->count++];
        (void)snprintf(name->path, sizeof(name->path), "%s", path);
        name->hash = hash_of(path);
    }
    name->file = file;
}

static void apply(struct names *names, const struct change *change)
{
    set_name(names, change->name.path, change->name.file);
    if (change->gone[0] != '\0') {
        set_name(names, change->gone, GONE);
    }
}

/** Change a name now; durably only when its folder is synced. */
static void change_name(struct mri_os_memory *memory, const char *path, int file, const char *gone)
{
    MRI_ASSERT(memory->change_count < CHANGES_MAX);
    struct change *change = &memory->changes[memory->change_count++];
    *change = (struct change){.name = {.file = file}};
    (void)snprintf(change->name.path, NAME_BYTES, "%s", path);
    (void)snprintf(change->gone, NAME_BYTES, "%s", gone);
    apply(&memory->now, change);
}

/** Make the changes of a folder's names durable, all of them or a prefix. */
static void settle(struct mri_os_memory *memory, const char *folder, struct mri_prng *prng)
{
    size_t kept = 0;
    bool is_stopped = false;
    for (size_t i = 0; i < memory->change_count; i++) {
        struct change change = memory->changes[i];
        char parent[NAME_BYTES];
        parent_of(change.name.path, parent);
        if (strcmp(parent, folder) != 0) {
            memory->changes[kept++] = change;
            continue;
        }
        is_stopped = is_stopped || (prng != NULL && mri_prng_below(prng, 2) == 0);
        if (!is_stopped) {
            apply(&memory->durable, &change);
        }
    }
    memory->change_count = kept;
}

/* ---- files ----------------------------------------------------------------------------------- */

/** Does a name lead to the file, or a handle, or might a map? */
static bool is_in_use(const struct mri_os_memory *memory, int file)
{
    bool is_used = memory->files[file].was_mapped;
    for (size_t i = 0; i < memory->now.count; i++) {
        is_used = is_used || memory->now.items[i].file == file;
    }
    for (size_t i = 0; i < memory->durable.count; i++) {
        is_used = is_used || memory->durable.items[i].file == file;
    }
    for (size_t i = 0; i < memory->change_count; i++) {
        is_used = is_used || memory->changes[i].name.file == file;
    }
    for (int i = 0; i < HANDLES_MAX; i++) {
        is_used = is_used || (memory->handles[i].is_open && memory->handles[i].file == file);
    }
    return is_used;
}

static int new_file(struct mri_os_memory *memory)
{
    for (int i = memory->file_count - 1; i >= 0 && memory->file_count > FILES_MAX / 2; i--) {
        if (!is_in_use(memory, i)) {
            mri_os_memory_file_clear(memory, &memory->files[i]);
            return i;
        }
    }
    MRI_ASSERT(memory->file_count < FILES_MAX);
    if (memory->file_count == memory->file_made_count) {
        mri_os_memory_file_make(memory, &memory->files[memory->file_made_count++]);
    }
    return memory->file_count++;
}

/** What the files that have a name take. */
static uint64_t used_bytes(const struct mri_os_memory *memory)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < memory->now.count; i++) {
        int file = memory->now.items[i].file;
        sum += file >= 0 ? memory->files[file].size : 0;
    }
    return sum;
}

static struct file *file_of(struct mri_os_memory *memory, int fd)
{
    MRI_ASSERT(fd >= 0 && fd < HANDLES_MAX && memory->handles[fd].is_open);
    return &memory->files[memory->handles[fd].file];
}

/* ---- the calls ------------------------------------------------------------------------------- */

static mr_err memory_open(void *context, const char *path, unsigned flags, int *ret_fd)
{
    struct mri_os_memory *memory = context;
    char normal[NAME_BYTES];
    char parent[NAME_BYTES];
    normalise(path, normal);
    parent_of(normal, parent);
    struct name *name = find(&memory->now, normal);
    const struct name *folder = find(&memory->now, parent);
    if (folder == NULL || folder->file != FOLDER) {
        return MR_EPATH;
    }
    if (name == NULL && (flags & MRI_OPEN_CREATE) == 0) {
        return MR_EPATH;
    }
    if (name == NULL) {
        change_name(memory, normal, new_file(memory), "");
        name = find(&memory->now, normal);
    }
    if (name->file == FOLDER) {
        return MR_EPATH;
    }
    for (int i = 0; i < HANDLES_MAX; i++) {
        if (!memory->handles[i].is_open) {
            memory->handles[i] = (struct handle){.file = name->file, .is_open = true};
            *ret_fd = i;
            return MR_OK;
        }
    }
    return MR_ELIMIT;
}

static void memory_close(void *context, int fd)
{
    struct mri_os_memory *memory = context;
    (void)file_of(memory, fd);
    mri_os_memory_share_unlock(memory, fd);
    memory->handles[fd].is_open = false;
}

static mr_err memory_info(void *context, const char *path, struct mri_file_info *ret_info)
{
    struct mri_os_memory *memory = context;
    char normal[NAME_BYTES];
    normalise(path, normal);
    const struct name *name = find(&memory->now, normal);
    if (name == NULL) {
        return MR_EPATH;
    }
    *ret_info = (struct mri_file_info){
        .is_folder = name->file == FOLDER,
        .is_regular = name->file != FOLDER,
        .is_network = memory->is_network,
        .file_system = "memory",
        .bytes = name->file == FOLDER ? 0 : memory->files[name->file].size,
        .device = 1,
        .inode = name->hash, /* nobody renames folders here */
    };
    return MR_OK;
}

static mr_err memory_identify(void *context, int fd, struct mri_file_identity *ret_identity)
{
    struct mri_os_memory *memory = context;
    if (fd < 0 || fd >= HANDLES_MAX || !memory->handles[fd].is_open) {
        return MR_EPATH;
    }
    int file = memory->handles[fd].file;
    *ret_identity = (struct mri_file_identity){.inode = (uint64_t)file, .is_nameless = true};
    for (size_t i = 0; i < memory->now.count; i++) {
        ret_identity->is_nameless &= memory->now.items[i].file != file;
    }
    return MR_OK;
}

static mr_err memory_size(void *context, int fd, uint64_t *ret_bytes)
{
    *ret_bytes = file_of(context, fd)->size;
    return MR_OK;
}

static mr_err memory_read_at(
    void *context, int fd, void *bytes, size_t count, uint64_t offset, size_t *ret_count)
{
    const struct file *file = file_of(context, fd);
    size_t left = offset < file->size ? file->size - (size_t)offset : 0;
    size_t step = left < count ? left : count;
    memcpy(bytes, file->now + (step > 0 ? offset : 0), step);
    *ret_count = step;
    return MR_OK;
}

static mr_err memory_read(void *context, int fd, void *bytes, size_t count, size_t *ret_count)
{
    struct mri_os_memory *memory = context;
    struct handle *handle = &memory->handles[fd];
    mr_err err = memory_read_at(context, fd, bytes, count, handle->at, ret_count);
    handle->at += err == MR_OK ? *ret_count : 0;
    return err;
}

static mr_err memory_write_at(
    void *context, int fd, const struct mri_io_piece *pieces, size_t count, uint64_t offset)
{
    struct mri_os_memory *memory = context;
    struct file *file = file_of(memory, fd);
    for (size_t i = 0; i < count; i++) {
        size_t end = (size_t)offset + pieces[i].count;
        size_t growth = end > file->size ? end - file->size : 0;
        if (end > memory->file_bytes_max || used_bytes(memory) + growth > memory->space_bytes) {
            return MR_ENOSPC;
        }
        mri_os_memory_file_write(memory, file, (size_t)offset, pieces[i].bytes, pieces[i].count);
        offset = end;
    }
    return MR_OK;
}

static mr_err memory_allocate(void *context, int fd, uint64_t bytes)
{
    struct mri_os_memory *memory = context;
    struct file *file = file_of(memory, fd);
    size_t growth = bytes > file->size ? (size_t)bytes - file->size : 0;
    if (bytes > memory->file_bytes_max || used_bytes(memory) + growth > memory->space_bytes) {
        return MR_ENOSPC;
    }
    file->size += growth;
    return MR_OK;
}

static mr_err memory_renew(void *context, int fd, uint64_t offset)
{
    static const uint8_t zeros[4096];
    mr_err err = MR_OK;
    while (err == MR_OK && offset < file_of(context, fd)->size) {
        uint64_t left = file_of(context, fd)->size - offset;
        const struct mri_io_piece piece = {
            .bytes = zeros, .count = left < sizeof(zeros) ? (size_t)left : sizeof(zeros)};
        err = memory_write_at(context, fd, &piece, 1, offset);
        offset += piece.count;
    }
    return err;
}

static mr_err memory_truncate(void *context, int fd, uint64_t bytes)
{
    mri_os_memory_file_resize(context, file_of(context, fd), (size_t)bytes);
    return MR_OK;
}

static mr_err memory_sync_data(void *context, int fd)
{
    mri_os_memory_file_sync(context, file_of(context, fd));
    return MR_OK;
}

static mr_err memory_write_bulk(
    void *context, int fd, const void *bytes, size_t count, uint64_t offset)
{
    const struct mri_io_piece piece = {.bytes = bytes, .count = count};
    return memory_write_at(context, fd, &piece, 1, offset);
}

static mr_err memory_drop_cache(void *context, int fd)
{
    (void)file_of(context, fd);
    return MR_OK;
}

static mr_err memory_map_read(void *context, int fd, size_t bytes, const void **ret_map)
{
    struct mri_os_memory *memory = context;
    MRI_ASSERT(bytes > 0 && bytes <= memory->file_bytes_max);
    *ret_map = file_of(memory, fd)->now;
    file_of(memory, fd)->was_mapped = true;
    memory->map_count++;
    memory->has_ended = false;
    return MR_OK;
}

static void memory_unmap(void *context, const void *map, size_t bytes)
{
    struct mri_os_memory *memory = context;
    (void)map;
    (void)bytes;
    MRI_ASSERT(memory->map_count > 0 || memory->has_ended);
    memory->map_count -= memory->map_count > 0; /* those of an ended process are gone */
}

static mr_err memory_make_folder(void *context, const char *path)
{
    struct mri_os_memory *memory = context;
    char normal[NAME_BYTES];
    char parent[NAME_BYTES];
    normalise(path, normal);
    parent_of(normal, parent);
    if (find(&memory->now, normal) != NULL) {
        return MR_EXISTS;
    }
    if (find(&memory->now, parent) == NULL) {
        return MR_EPATH;
    }
    change_name(memory, normal, FOLDER, "");
    return MR_OK;
}

static mr_err memory_sync_folder(void *context, const char *path)
{
    struct mri_os_memory *memory = context;
    char normal[NAME_BYTES];
    normalise(path, normal);
    if (find(&memory->now, normal) == NULL) {
        return MR_EPATH;
    }
    settle(memory, normal, NULL);
    return MR_OK;
}

static mr_err memory_rename(void *context, const char *from, const char *to)
{
    struct mri_os_memory *memory = context;
    char normal_from[NAME_BYTES];
    char normal_to[NAME_BYTES];
    normalise(from, normal_from);
    normalise(to, normal_to);
    const struct name *name = find(&memory->now, normal_from);
    if (name == NULL) {
        return MR_EPATH;
    }
    change_name(memory, normal_to, name->file, normal_from);
    return MR_OK;
}

static mr_err memory_remove(void *context, const char *path)
{
    struct mri_os_memory *memory = context;
    char normal[NAME_BYTES];
    normalise(path, normal);
    if (find(&memory->now, normal) == NULL) {
        return MR_EPATH;
    }
    change_name(memory, normal, GONE, "");
    return MR_OK;
}

static mr_err memory_list(void *context, const char *path, void *argument,
    mr_err (*each)(void *argument, const char *name))
{
    struct mri_os_memory *memory = context;
    char folder[NAME_BYTES];
    normalise(path, folder);
    if (find(&memory->now, folder) == NULL) {
        return MR_EPATH;
    }
    for (size_t i = 0; i < memory->now.count; i++) {
        char parent[NAME_BYTES];
        const char *item = memory->now.items[i].path;
        parent_of(item, parent);
        if (strcmp(parent, folder) == 0 && strcmp(item, "/") != 0) {
            mr_err err = each(argument, strrchr(item, '/') + 1);
            if (err != MR_OK) {
                return err;
            }
        }
    }
    return MR_OK;
}

static mr_err memory_watch(void *context, const char *path, int *ret_fd)
{
    (void)context;
    (void)path;
    (void)ret_fd;
    return MR_ELIMIT;
}

static mr_err memory_wait_change(void *context, int fd, int64_t timeout_ns)
{
    (void)context;
    (void)fd;
    (void)timeout_ns;
    return MR_AGAIN;
}

static mr_err memory_watch_process(void *context, uint32_t process_id, int *ret_fd)
{
    (void)context;
    (void)process_id;
    (void)ret_fd;
    return MR_NOT_FOUND;
}

static mr_err memory_wait_any(
    void *context, const int *fds, size_t count, int64_t timeout_ns, size_t *ret_index)
{
    (void)context;
    (void)fds;
    (void)count;
    (void)timeout_ns;
    (void)ret_index;
    return MR_AGAIN;
}

static int64_t memory_realtime_unix_ns(void *context)
{
    struct mri_os_memory *memory = context;
    int64_t now = memory->unix_ns;
    memory->unix_ns += memory->step_ns;
    return now;
}

static int64_t memory_boottime_ns(void *context)
{
    return ((struct mri_os_memory *)context)->unix_ns;
}

static void memory_sleep_ns(void *context, int64_t duration_ns)
{
    ((struct mri_os_memory *)context)->unix_ns += duration_ns;
}

static mr_err memory_random_bytes(void *context, void *bytes, size_t count)
{
    struct mri_os_memory *memory = context;
    for (size_t i = 0; i < count; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)mri_prng_next(&memory->prng);
    }
    return MR_OK;
}

static uint32_t memory_process_id(void *context)
{
    return ((struct mri_os_memory *)context)->process_id;
}

static mr_err memory_boot_id(void *context, uint8_t ret_id[MRI_BOOT_ID_BYTES])
{
    const struct mri_os_memory *memory = context;
    memset(ret_id, 0, MRI_BOOT_ID_BYTES);
    memcpy(ret_id, &memory->boots, sizeof(memory->boots));
    return MR_OK;
}

static const struct mri_os calls = {
    .open = memory_open,
    .close = memory_close,
    .info = memory_info,
    .identify = memory_identify,
    .size = memory_size,
    .read_at = memory_read_at,
    .read = memory_read,
    .write_at = memory_write_at,
    .allocate = memory_allocate,
    .renew = memory_renew,
    .truncate = memory_truncate,
    .sync_data = memory_sync_data,
    .write_bulk = memory_write_bulk,
    .drop_cache = memory_drop_cache,
    .map_read = memory_map_read,
    .unmap = memory_unmap,
    .make_folder = memory_make_folder,
    .sync_folder = memory_sync_folder,
    .rename = memory_rename,
    .remove = memory_remove,
    .list = memory_list,
    .watch = memory_watch,
    .wait_change = memory_wait_change,
    .watch_process = memory_watch_process,
    .wait_any = memory_wait_any,
    .realtime_unix_ns = memory_realtime_unix_ns,
    .boottime_ns = memory_boottime_ns,
    .sleep_ns = memory_sleep_ns,
    .random_bytes = memory_random_bytes,
    .process_id = memory_process_id,
    .boot_id = memory_boot_id,
};

/* ---- for tests ------------------------------------------------------------------------------- */

/** Everything but the files, which have no names. */
static void begin(struct mri_os_memory *memory)
{
    memory->space_bytes = UINT64_MAX / 2;
    memory->unix_ns = 1700000000000000000;
    memory->step_ns = 1000;
    memory->process_id = 4242;
    mri_prng_init(&memory->prng, 7);
    set_name(&memory->now, "/", FOLDER);
    set_name(&memory->durable, "/", FOLDER);
}

struct mri_os_memory *mri_os_memory_new(size_t file_bytes_max)
{
    struct mri_os_memory *memory = calloc(1, sizeof(*memory));
    MRI_ASSERT(memory != NULL);
    memory->table = calls;
    memory->table.context = memory;
    memory->file_bytes_max = file_bytes_max;
    mri_os_memory_share_fill(&memory->table);
    mri_os_memory_share_begin(memory);
    begin(memory);
    return memory;
}

void mri_os_memory_renew(struct mri_os_memory *memory)
{
    MRI_ASSERT(memory->kept == NULL);
    mri_os_memory_restart(memory);
    for (int i = 0; i < memory->file_count; i++) {
        mri_os_memory_file_clear(memory, &memory->files[i]);
    }
    memory->file_count = 0;
    memory->now.count = memory->durable.count = memory->change_count = 0;
    memory->boots = 0;
    memory->has_ended = memory->is_network = memory->has_garbage = false;
    begin(memory);
}

void mri_os_memory_free(struct mri_os_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (int i = 0; i < memory->file_made_count; i++) {
        mri_os_memory_file_free(memory, &memory->files[i]);
    }
    mri_os_memory_file_forget_pages(memory);
    mri_os_memory_share_forget(memory);
    free(memory->kept);
    free(memory);
}

const struct mri_os *mri_os_memory_table(struct mri_os_memory *memory)
{
    return &memory->table;
}

void mri_os_memory_put(
    struct mri_os_memory *memory, const char *path, const void *bytes, size_t count)
{
    MRI_ASSERT(count <= memory->file_bytes_max);
    const struct name *name = find(&memory->now, path);
    int number = name == NULL ? new_file(memory) : name->file;
    struct file *file = &memory->files[number];
    mri_os_memory_file_resize(memory, file, 0);
    mri_os_memory_file_write(memory, file, 0, bytes, count);
    mri_os_memory_file_sync(memory, file);
    set_name(&memory->now, path, number);
    set_name(&memory->durable, path, number);
}

uint8_t *mri_os_memory_bytes(struct mri_os_memory *memory, const char *path, size_t *ret_count)
{
    const struct name *name = find(&memory->now, path);
    if (name == NULL || name->file == FOLDER) {
        return NULL;
    }
    *ret_count = memory->files[name->file].size;
    mri_os_memory_file_expose(memory, &memory->files[name->file]);
    return memory->files[name->file].now;
}

void mri_os_memory_end_process(struct mri_os_memory *memory)
{
    for (int i = 0; i < HANDLES_MAX; i++) {
        memory->handles[i].is_open = false;
    }
    mri_os_memory_share_unlock(memory, -1);
    memory->map_count = 0;
    memory->has_ended = true;
}

void mri_os_memory_restart(struct mri_os_memory *memory)
{
    mri_os_memory_end_process(memory);
    mri_os_memory_share_forget(memory);
    memory->boots++;
}

void mri_os_memory_cut_power(struct mri_os_memory *memory, struct mri_prng *prng)
{
    mri_os_memory_restart(memory);
    while (memory->change_count > 0) { /* each folder on its own */
        char folder[NAME_BYTES];
        parent_of(memory->changes[0].name.path, folder);
        settle(memory, folder, prng);
    }
    for (size_t i = memory->durable.count; i > 0; i--) { /* a lost folder takes its files along */
        char parent[NAME_BYTES];
        const struct name *name = &memory->durable.items[i - 1];
        parent_of(name->path, parent);
        if (find(&memory->durable, parent) == NULL) {
            set_name(&memory->durable, name->path, GONE);
            i = memory->durable.count + 1;
        }
    }
    memory->now = memory->durable;
    for (int i = 0; i < memory->file_count; i++) {
        mri_os_memory_file_tear(memory, &memory->files[i], prng);
    }
}

/** What a machine is but for the bytes of its files, its handles and its shared memory. */
struct kept_state {
    struct file files[FILES_MAX];
    uint64_t sums[FILES_MAX]; /* of their bytes */
    int file_count;
    struct names now;
    struct names durable;
    struct change changes[CHANGES_MAX];
    size_t change_count;
    uint32_t boots;
    uint64_t space_bytes;
    int64_t unix_ns;
    uint32_t process_id;
    struct mri_prng prng;
};

static void copy_names(struct names *to, const struct names *from)
{
    memcpy(to->items, from->items, sizeof(from->items[0]) * from->count);
    to->count = from->count;
}

void mri_os_memory_keep(struct mri_os_memory *memory)
{
    struct kept_state *kept = malloc(sizeof(*kept));
    MRI_ASSERT(memory->kept == NULL && kept != NULL);
    memcpy(kept->files, memory->files, sizeof(memory->files[0]) * (size_t)memory->file_count);
    for (int i = 0; i < memory->file_count; i++) {
        kept->sums[i] = mri_os_memory_file_sum(memory, &memory->files[i]);
    }
    kept->file_count = memory->file_count;
    copy_names(&kept->now, &memory->now);
    copy_names(&kept->durable, &memory->durable);
    memcpy(kept->changes, memory->changes, sizeof(memory->changes[0]) * memory->change_count);
    kept->change_count = memory->change_count;
    kept->boots = memory->boots;
    kept->space_bytes = memory->space_bytes;
    kept->unix_ns = memory->unix_ns;
    kept->process_id = memory->process_id;
    kept->prng = memory->prng;
    memory->kept = kept;
    memory->kept_number++;
}

void mri_os_memory_return(struct mri_os_memory *memory)
{
    const struct kept_state *kept = memory->kept;
    MRI_ASSERT(kept != NULL);
    mri_os_memory_restart(memory);
    mri_os_memory_file_return_pages(memory);
    memory->kept_number++;
    memcpy(memory->files, kept->files, sizeof(kept->files[0]) * (size_t)kept->file_count);
    for (int i = kept->file_count; i < memory->file_count; i++) {
        mri_os_memory_file_clear(memory, &memory->files[i]);
    }
    memory->file_count = kept->file_count;
    copy_names(&memory->now, &kept->now);
    copy_names(&memory->durable, &kept->durable);
    memcpy(memory->changes, kept->changes, sizeof(kept->changes[0]) * kept->change_count);
    memory->change_count = kept->change_count;
    memory->boots = kept->boots;
    memory->space_bytes = kept->space_bytes;
    memory->unix_ns = kept->unix_ns;
    memory->process_id = kept->process_id;
    memory->prng = kept->prng;
}

uint64_t mri_os_memory_disk_hash(const struct mri_os_memory *memory)
{
    uint64_t sums[FILES_MAX];
    uint64_t sum = 0; /* names are in any order */
    MRI_ASSERT(memory->kept != NULL && memory->change_count == 0);
    MRI_ASSERT(memory->file_count == memory->kept->file_count);
    memcpy(sums, memory->kept->sums, sizeof(sums[0]) * (size_t)memory->file_count);
    mri_os_memory_file_renew_sums(memory, sums);
    for (size_t i = 0; i < memory->now.count; i++) {
        const struct name *name = &memory->now.items[i];
        uint64_t hash = name->hash;
        if (name->file != FOLDER) {
            hash = (hash ^ sums[name->file]) * UINT64_C(0x9e3779b97f4a7c15);
            hash = (hash ^ (hash >> 32) ^ memory->files[name->file].size) + 1;
        }
        hash *= UINT64_C(0xbf58476d1ce4e5b9);
        sum += hash ^ (hash >> 32);
    }
    return sum;
}

size_t mri_os_memory_open_count(const struct mri_os_memory *memory)
{
    size_t count = memory->map_count;
    for (int i = 0; i < HANDLES_MAX; i++) {
        count += memory->handles[i].is_open;
    }
    return count;
}

void mri_os_memory_set_network(struct mri_os_memory *memory, bool is_network)
{
    memory->is_network = is_network;
}

void mri_os_memory_set_garbage(struct mri_os_memory *memory, bool has_garbage)
{
    memory->has_garbage = has_garbage;
}

void mri_os_memory_set_space(struct mri_os_memory *memory, uint64_t bytes)
{
    memory->space_bytes = bytes;
}

void mri_os_memory_set_clock(struct mri_os_memory *memory, int64_t unix_ns, int64_t step_ns)
{
    memory->unix_ns = unix_ns;
    memory->step_ns = step_ns;
}

void mri_os_memory_set_process(struct mri_os_memory *memory, uint32_t process_id)
{
    memory->process_id = process_id;
}
