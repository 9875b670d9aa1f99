/* SPDX-License-Identifier: MIT */
/**
 * A machine in memory: files, folders, locks and a clock behind struct mri_os, without a system
 * call. It knows what was synced, so a test can cut the power.
 *
 * What a power cut leaves: of each file the synced content, and of every 512-byte sector written
 * since then the old bytes, the new ones or those before the last write, at random; of each folder
 * the synced names, and a random prefix of the changes since. That is harsher than a journalling
 * file system.
 */
#ifndef TESTS_LIB_OS_MEMORY_H
#define TESTS_LIB_OS_MEMORY_H

#include "base/prng.h"
#include "os/os.h"

struct mri_os_memory;

/**
 * Make an empty machine with the folder "/".
 *
 * @param file_bytes_max  no file may grow larger
 *
 * Returns  the machine; it never fails (it ends the process).
 * Owner    mri_os_memory_free().
 * Threads  one at a time for all machines of a process: they take their memory from one place.
 */
struct mri_os_memory *mri_os_memory_new(size_t file_bytes_max);

/**
 * Free a machine. NULL is allowed.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_free(struct mri_os_memory *memory);

/**
 * Make a machine what mri_os_memory_new() made; cheaper than another one.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_renew(struct mri_os_memory *memory);

/**
 * The machine as a table.
 *
 * Returns  the table.
 * Owner    the machine.
 * Threads  one at a time.
 */
const struct mri_os *mri_os_memory_table(struct mri_os_memory *memory);

/**
 * Give a file this content, durably; make it if it is missing.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_put(
    struct mri_os_memory *memory, const char *path, const void *bytes, size_t count);

/**
 * The content of a file, to read or to damage in place.
 *
 * Returns  the bytes; NULL when there is no such file.
 * Owner    the machine; valid until it is freed.
 * Threads  one at a time.
 */
uint8_t *mri_os_memory_bytes(struct mri_os_memory *memory, const char *path, size_t *ret_count);

/**
 * Forget every handle and map, and all that a power cut may take.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_cut_power(struct mri_os_memory *memory, struct mri_prng *prng);

/**
 * Keep the state of the disks and of the clock, once and for all, and return to it as often as one
 * likes; each return forgets handles, maps and shared memory, as a power cut does. Meanwhile nobody
 * asks for mri_os_memory_bytes().
 *
 * Returns  nothing.
 * Threads  one at a time.
 * Cost     of a return: what was changed since.
 */
void mri_os_memory_keep(struct mri_os_memory *memory);
void mri_os_memory_return(struct mri_os_memory *memory);

/**
 * Names what the disks hold. A state must be kept, and the power must have been cut since.
 *
 * Returns  a number; the same names, sizes and bytes have the same, and others another one, but for
 *          an accident of 64 bits.
 * Threads  one at a time.
 */
uint64_t mri_os_memory_disk_hash(const struct mri_os_memory *memory);

/**
 * From now on a power cut may also leave garbage: in a sector, over the bytes that were being
 * changed. Bytes beside them keep their value, as the design assumes.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_set_garbage(struct mri_os_memory *memory, bool has_garbage);

/**
 * Forget every handle and map, as the end of a process does; nothing written is lost.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_end_process(struct mri_os_memory *memory);

/**
 * The machine was shut down and started again, in order: shared memory is gone, files are whole.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_restart(struct mri_os_memory *memory);

/**
 * How many handles and maps are open.
 *
 * Returns  the number; 0 when everybody has closed what he opened.
 * Threads  one at a time.
 */
size_t mri_os_memory_open_count(const struct mri_os_memory *memory);

/**
 * From now on every folder is on a network file system, or none.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_set_network(struct mri_os_memory *memory, bool is_network);

/**
 * The most bytes that all files may take together; then MR_ENOSPC.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_set_space(struct mri_os_memory *memory, uint64_t bytes);

/**
 * Set the wall clock; it moves by `step_ns` with each look at it.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_set_clock(struct mri_os_memory *memory, int64_t unix_ns, int64_t step_ns);

/**
 * The process id that the machine says; 4242 at first.
 *
 * Returns  nothing.
 * Threads  one at a time.
 */
void mri_os_memory_set_process(struct mri_os_memory *memory, uint32_t process_id);

#endif
