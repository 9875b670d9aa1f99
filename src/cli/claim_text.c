/* SPDX-License-Identifier: MIT */
/*
 * Routes and claims in words.
 */
#include "cli/claim_text.h"

#include "base/text.h"
#include "base/utc.h"

void mri_claim_text_put(const struct mri_event *event, struct mri_buf *buf)
{
    const struct mri_signal_claimed *claim = event->body;
    const char *from = mri_word_text(MRI_VOCABULARY_state, claim->from);
    const char *next = mri_word_text(MRI_VOCABULARY_state, claim->next);
    const char *act = mri_word_text(MRI_VOCABULARY_claim_act, claim->act);
    char lease[MRI_UTC_BYTES];
    if (claim->act == MRI_CLAIM_TAKEN) {
        mri_text_word(buf, mri_event_text(event, MRI_TEXT_signal_claimed_owner));
        mri_buf_printf(buf, ": %s -> %s, for %s (event %llu)", from, next,
            mri_utc_duration(claim->lease_ns, lease), (unsigned long long)event->seq);
    } else {
        mri_buf_printf(buf, "%s in %s (event %llu)", act, from, (unsigned long long)event->seq);
    }
}

/** The newest configuration before an event. */
static mr_err read_config(
    mr_log_reader *reader, uint64_t seq, struct mri_buf *text, mr_problem *problem)
{
    mr_log_event record;
    mr_err err = mr_log_reader_seek(reader, (mr_seq){seq}, problem);
    while (err == MR_OK) {
        err = mr_log_reader_previous(reader, &record, problem);
        if (err == MR_OK && record.type == MRI_EVENT_CONFIG) {
            struct mri_event event;
            err = mri_event_decode(&record, &event);
            struct mri_slice found = err == MR_OK
                                         ? mri_event_text(&event, MRI_TEXT_config_changed_text)
                                         : (struct mri_slice){0};
            mri_buf_put(text, found.bytes, found.count);
            return err == MR_OK ? text->err : err;
        }
    }
    return err == MR_END ? MR_NOT_FOUND : err;
}

static mr_err find_text(
    const struct mri_fold *fold, uint64_t seq, struct mri_buf *text, mr_problem *problem)
{
    const struct mri_fold_options *options = &fold->options;
    const struct mri_wiring *wiring = &fold->wiring;
    mr_log_reader *reader;
    if (wiring->config_seq == 0) {
        return MR_NOT_FOUND;
    }
    if (wiring->config_seq < seq) {
        mri_buf_put(text, wiring->config_text.bytes, wiring->config_text.count);
        return text->err;
    }
    mr_err err = mri_reader_open(options->os, options->alloc, options->folder, &reader, problem);
    if (err == MR_OK) {
        err = read_config(reader, seq, text, problem);
        mr_log_reader_close(reader);
    }
    return err;
}

mr_err mri_claim_text_route(const struct mri_fold *fold, uint64_t seq, struct mri_slice source,
    struct mri_route *ret_route, mr_problem *reterr_problem)
{
    struct mri_config config;
    struct mri_buf text;
    mri_buf_init(&text, fold->options.alloc, MRI_CONFIG_TEXT_BYTES_MAX);
    mr_err err = find_text(fold, seq, &text, reterr_problem);
    if (err == MR_OK) {
        err = fold->options.parse(
            (struct mri_slice){(const char *)text.bytes, text.count}, fold->options.alloc, &config);
    }
    mri_buf_fini(&text);
    if (err != MR_OK) {
        return err;
    }
    const struct mri_routes routes = mri_config_routes(&config);
    const struct mri_route *route = mri_routes_find(&routes, source);
    *ret_route = route == NULL ? (struct mri_route){.kind = MRI_ROUTE_INTERNAL} : *route;
    mri_config_fini(&config);
    return MR_OK;
}
