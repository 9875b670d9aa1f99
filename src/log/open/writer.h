/* SPDX-License-Identifier: MIT */
/**
 * The writer's handle, shared by opening.c, append.c and commit.c. Nobody else looks inside.
 */
#ifndef MRI_LOG_OPEN_WRITER_H
#define MRI_LOG_OPEN_WRITER_H

#include <stdatomic.h>

#include "log/open/attachment.h"

enum { MRI_LOG_MAGIC = 0x6d724c47 };

struct mr_log {
    uint32_t magic;
    const struct mri_alloc *alloc;
    struct mri_attachment *attachment;
};

/**
 * The attachment of a handle that may be used.
 *
 * Returns  it; NULL: there is no handle, or it is its parent's.
 * Threads  any.
 */
static inline struct mri_attachment *mri_writer_attachment(const mr_log *log)
{
    if (log == NULL || log->magic != MRI_LOG_MAGIC || mri_attachment_is_foreign(log->attachment)) {
        return NULL;
    }
    return log->attachment;
}

#endif
