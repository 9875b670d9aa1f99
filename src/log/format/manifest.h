/* SPDX-License-Identifier: MIT */
/**
 * MANIFEST: a small text file that says which log this folder holds.
 *
 * Lines "key: value", the last one a checksum over the others. It is replaced whole. The layers
 * above keep facts of their own in it that are decided once, when the log is made (attributes).
 * What was removed from the log's beginning is kept here, too.
 */
#ifndef MRI_LOG_FORMAT_MANIFEST_H
#define MRI_LOG_FORMAT_MANIFEST_H

#include <stdint.h>

#include "millrace/err.h"
#include "os/os.h"

enum {
    MRI_MANIFEST_ATTRIBUTES_MAX = 16,
    MRI_MANIFEST_KEY_BYTES = 32,
    MRI_MANIFEST_VALUE_BYTES = 128,
};

/** A fact of the layer above; key and value are printable ASCII without ':' in the key. */
struct mri_manifest_attribute {
    char key[MRI_MANIFEST_KEY_BYTES];
    char value[MRI_MANIFEST_VALUE_BYTES];
};

/** The beginning of the log that was removed on request; all zero: none was. */
struct mri_manifest_removed {
    uint64_t last_seq;  /**< everything up to here may be gone */
    uint64_t position;  /**< of the first byte that is kept */
    uint64_t segments;  /**< how many were removed so far */
    uint32_t chain_crc; /**< head_crc of the last record that was removed */
};

struct mri_manifest {
    uint8_t log_uuid[16];
    uint64_t segment_bytes;
    uint32_t features_compat;
    uint32_t features_ro_compat;
    uint32_t features_incompat;
    struct mri_manifest_removed removed;
    uint32_t attribute_count;
    struct mri_manifest_attribute attributes[MRI_MANIFEST_ATTRIBUTES_MAX];
};

/**
 * Read the manifest of a folder.
 *
 * Returns  MR_OK; MR_NOT_FOUND the folder has none; MR_EPATH there is no such folder; MR_ECORRUPT;
 *          MR_EVERSION; another fault of reading.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_manifest_read(const struct mri_os *os, const char *folder,
    struct mri_manifest *ret_manifest, mr_problem *reterr_problem);

/** The longest text of a log's id, with its NUL. */
enum { MRI_MANIFEST_UUID_TEXT_BYTES = 33 };

/**
 * The log's id in hex.
 *
 * Returns  ret_text.
 * Threads  any.
 */
const char *mri_manifest_uuid_text(
    const struct mri_manifest *manifest, char ret_text[static MRI_MANIFEST_UUID_TEXT_BYTES]);

/**
 * Has a folder lost its log: is there none by now, or another one?
 *
 * @param uuid_text  by mri_manifest_uuid_text(), of the log that was there
 *
 * Returns  true or false; false also when the manifest cannot be read.
 * Threads  any.
 * Cost     reads a small file.
 */
bool mri_manifest_is_gone(const struct mri_os *os, const char *folder, const char *uuid_text);

/**
 * Is the oldest segment that is there the one that the log begins with?
 *
 * @param base_seq  of the oldest segment
 *
 * Returns  MR_OK; MR_ECORRUPT what lies before it is missing, and was not removed on request.
 * Threads  any.
 */
MR_MUST_USE mr_err mri_manifest_check_first(const struct mri_manifest *manifest, const char *folder,
    uint64_t base_seq, mr_problem *reterr_problem);

/**
 * Can an attribute be kept in a MANIFEST?
 *
 * Returns  NULL it can; else why not, a static text.
 * Threads  any.
 */
const char *mri_manifest_attribute_fault(const struct mri_manifest_attribute *attribute);

/**
 * Write the manifest of a folder, atomically.
 *
 * Returns  MR_OK; MR_EINVAL an attribute that cannot be stored; a fault of writing.
 * Threads  one at a time per folder.
 */
MR_MUST_USE mr_err mri_manifest_write(
    const struct mri_os *os, const char *folder, const struct mri_manifest *manifest);

/**
 * The value of an attribute.
 *
 * Returns  the value; NULL when there is none of that key.
 * Owner    points into the manifest.
 * Threads  any.
 */
const char *mri_manifest_get(const struct mri_manifest *manifest, const char *key);

#endif
