/* SPDX-License-Identifier: MIT */
/*
 * Views.
 */
#include "evaluate/view.h"

uint8_t mri_view_open_count(
    const struct mri_step_views *views, mr_horizon horizon, int64_t now_unix_ns)
{
    uint8_t open = 1;
    int64_t length = mri_horizon_ns(horizon);
    uint32_t kept = views->count < MRI_STEP_VIEWS_MAX ? views->count : MRI_STEP_VIEWS_MAX;
    for (uint32_t i = 1; i <= kept; i++) {
        int64_t time = views->times_unix_ns[(views->count - i) % MRI_STEP_VIEWS_MAX];
        if (time + length <= now_unix_ns) {
            break; /* older ones are closed as well */
        }
        open++;
    }
    return open;
}

void mri_view_note_step(struct mri_step_views *views, int64_t time_unix_ns)
{
    views->times_unix_ns[views->count % MRI_STEP_VIEWS_MAX] = time_unix_ns;
    views->count++;
}

int64_t mri_view_newest_step(const struct mri_step_views *views)
{
    return views->count == 0 ? 0 : views->times_unix_ns[(views->count - 1) % MRI_STEP_VIEWS_MAX];
}

void mri_view_collect(struct mri_view_draft *view, const struct mri_evidence *evidence,
    const struct mri_external_vote *externals, unsigned external_count, int64_t now_unix_ns)
{
    unsigned count = 0;
    for (unsigned i = 0; i < evidence->term_count && count < MRI_TERMS_MAX; i++) {
        view->terms[count++] = evidence->terms[i];
    }
    for (unsigned i = 0; i < external_count && count < MRI_TERMS_MAX; i++) {
        bool is_valid = externals[i].valid_until_unix_ns >= now_unix_ns && externals[i].x != 0.0;
        if (is_valid) {
            view->terms[count++] = (struct mri_row_term){
                .x = externals[i].x,
                .ordinal = externals[i].ordinal,
                .source = (uint16_t)(MRI_SOURCE_EXTERNAL_FIRST + i),
                .origin = MRI_ORIGIN_EXTERNAL,
            };
        }
    }
    view->fixed.term_count = (uint8_t)count;
    view->fixed.ready_count = (uint8_t)evidence->ready;
    view->fixed.source_count = (uint8_t)evidence->count;
}
