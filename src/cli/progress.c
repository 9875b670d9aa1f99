/* SPDX-License-Identifier: MIT */
/*
 * Progress on stderr.
 */
#define _GNU_SOURCE
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/utc.h"

enum { BAR_CELLS = 30 };

#define SECOND_NS ((int64_t)1000000000)

static int64_t now_ns(const struct mri_progress *progress)
{
    return progress->os->boottime_ns(progress->os->context);
}

void mri_progress_begin(struct mri_progress *progress, const struct mri_os *os)
{
    *progress = (struct mri_progress){.os = os, .is_terminal = isatty(STDERR_FILENO) == 1};
    progress->started_ns = now_ns(progress);
}

double mri_progress_seconds(const struct mri_progress *progress)
{
    return (double)(now_ns(progress) - progress->started_ns) / 1e9;
}

static bool is_time(const struct mri_progress *progress, double share, int64_t now)
{
    int64_t since = now - (progress->shown_ns == 0 ? progress->started_ns : progress->shown_ns);
    if (progress->is_terminal) {
        return progress->shown_ns == 0 || since >= SECOND_NS / 10;
    }
    return share - progress->shown_share >= 0.1 || since >= 10 * SECOND_NS;
}

static void draw(const struct mri_progress *progress, const struct mri_progress_state *state)
{
    char when[MRI_UTC_BYTES];
    char left[MRI_UTC_BYTES];
    char bar[BAR_CELLS + 1];
    double seconds = mri_progress_seconds(progress);
    double remaining = state->share > 0.001 ? seconds * (1.0 - state->share) / state->share : 0.0;
    for (int i = 0; i < BAR_CELLS; i++) {
        bar[i] = i < (int)(state->share * BAR_CELLS + 0.5) ? '#' : '.';
    }
    bar[BAR_CELLS] = '\0';
    (void)mri_utc_format(state->event_time_unix_ns, when);
    (void)mri_utc_duration((int64_t)(remaining * 1e9), left);
    double rate = seconds > 0.0 ? (double)state->bars / seconds : 0.0;
    if (progress->is_terminal) {
        (void)fprintf(stderr, "\r[%s] %3.0f%%  %.16s  %.0fk bars/s  %llu signals  %s left \x1b[K",
            bar, state->share * 100.0, when, rate / 1e3, (unsigned long long)state->signals, left);
    } else {
        (void)fprintf(stderr, "%3.0f%%  %.16sZ  %llu bars (%.0f/s)  %llu signals  %s left\n",
            state->share * 100.0, when, (unsigned long long)state->bars, rate,
            (unsigned long long)state->signals, left);
    }
    (void)fflush(stderr);
}

void mri_progress_show(struct mri_progress *progress, const struct mri_progress_state *state)
{
    int64_t now = now_ns(progress);
    if (!is_time(progress, state->share, now)) {
        return;
    }
    draw(progress, state);
    progress->shown_ns = now;
    progress->shown_share = state->share;
}

void mri_progress_clear(struct mri_progress *progress)
{
    if (progress->is_terminal && progress->shown_ns != 0) {
        (void)fputs("\r\x1b[K", stderr);
        (void)fflush(stderr);
    }
}
