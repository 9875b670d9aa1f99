/* SPDX-License-Identifier: MIT */
/*
 * The one place that knows libzstd.
 */
#include "os/compress.h"

#include <zstd.h>
#include <zstd_errors.h>

enum {
    LEVEL = 6,       /* a log packs to about a third; higher levels take much longer for little */
    WINDOW_LOG = 23, /* 8 MiB: more memory than level 6 asks for is a hostile frame */
};

mr_err mri_compress_init(struct mri_compress *compress, uint64_t plain_bytes)
{
    ZSTD_CCtx *state = ZSTD_createCCtx();
    if (state == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(state, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(state, ZSTD_c_checksumFlag, 1)) ||
        ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(state, plain_bytes))) {
        ZSTD_freeCCtx(state);
        return MR_ENOMEM;
    }
    *compress = (struct mri_compress){.state = state};
    return MR_OK;
}

mr_err mri_compress_init_unpack(struct mri_compress *compress)
{
    ZSTD_DCtx *state = ZSTD_createDCtx();
    if (state == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(state, ZSTD_d_windowLogMax, WINDOW_LOG))) {
        ZSTD_freeDCtx(state);
        return MR_ENOMEM;
    }
    *compress = (struct mri_compress){.state = state, .is_unpacking = true};
    return MR_OK;
}

mr_err mri_compress_run(struct mri_compress *compress, struct mri_compress_step *step, bool is_last)
{
    ZSTD_inBuffer in = {step->in, step->in_bytes, step->in_used};
    ZSTD_outBuffer out = {step->out, step->out_bytes, step->out_used};
    size_t left = compress->is_unpacking ? ZSTD_decompressStream(compress->state, &out, &in)
                                         : ZSTD_compressStream2(compress->state, &out, &in,
                                               is_last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) {
        return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? MR_ENOMEM : MR_ECORRUPT;
    }
    step->in_used = in.pos;
    step->out_used = out.pos;
    bool is_complete = left == 0 && (compress->is_unpacking || is_last);
    return is_complete ? MR_OK : MR_AGAIN;
}

void mri_compress_fini(struct mri_compress *compress)
{
    if (compress == NULL || compress->state == NULL) {
        return;
    }
    if (compress->is_unpacking) {
        ZSTD_freeDCtx(compress->state);
    } else {
        ZSTD_freeCCtx(compress->state);
    }
    compress->state = NULL;
}
