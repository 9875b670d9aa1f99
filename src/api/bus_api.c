/* SPDX-License-Identifier: MIT */
/*
 * A handle of millrace/bus.h: what it is made of, and where it gets its answers.
 *
 * Invariants
 *  1. With has_state, the mirror has the meaning of every number that the shared state had when it
 *     was looked at last.
 *  2. A fold is only made when something needs it, and kept then.
 */
#include "api/bus_api.h"

#include <stdio.h>
#include <string.h>

#include "api/claim.h"
#include "base/problem.h"
#include "conf/yaml.h"
#include "log/open/append.h"
#include "pipeline/read_only.h"
#include "pipeline/shared_refresh.h"

enum { BODIES_BYTES_MAX = 256 * 1024 * 1024, LOOKS_MAX = 1000 };

#define SECOND_NS ((int64_t)1000000000)

MRI_STATIC_ASSERT(MR_BUS_BATCH_MAX <= MRI_BUS_BATCH_MAX, "one append takes it");

/** The newest event, as far as this handle can know. */
static uint64_t newest_of(const struct mr_bus *bus)
{
    return bus->log != NULL ? mr_log_last(bus->log).n : bus->fold.bus.last_seq;
}

/* ---- where answers come from ----------------------------------------------------------------- */

mr_err mri_bus_api_config(const struct mri_fold *fold, struct mri_config *ret_config)
{
    const struct mri_alloc *alloc = fold->options.alloc;
    const struct mri_buf *text = &fold->wiring.config_text;
    return text->count == 0
               ? mri_config_default(ret_config, alloc)
               : mri_yaml_config(
                     (struct mri_slice){(const char *)text->bytes, text->count}, alloc, ret_config);
}

/** What the log's configuration says of signals that do not say how long they may wait. */
static mr_err read_config(struct mr_bus *bus)
{
    struct mri_config config;
    const struct mri_wiring *wiring = &bus->fold.wiring;
    if (bus->valid_for_ns != 0 && bus->config_seq == wiring->config_seq) {
        return MR_OK;
    }
    mr_err err = mri_bus_api_config(&bus->fold, &config);
    if (err == MR_OK) {
        bus->valid_for_ns = config.signals_valid_for * SECOND_NS;
        bus->config_seq = wiring->config_seq;
        err = mri_claim_keep_routes(bus, &config);
        mri_config_fini(&config);
    }
    return err;
}

static mr_err make_fold(struct mr_bus *bus, mr_problem *problem)
{
    const struct mri_fold_options options = {.os = bus->os,
        .alloc = bus->alloc,
        .folder = bus->folder,
        .parse = mri_yaml_config,
        .is_market_only = true};
    mr_err err = mri_fold_init(&bus->fold, &options, problem);
    if (err != MR_OK) {
        return mri_bus_api_tell_place(bus, err, problem);
    }
    err = mri_bus_api_check_place(bus, problem);
    if (err != MR_OK) { /* it may be of another log */
        mri_fold_fini(&bus->fold);
        memset(&bus->fold, 0, sizeof(bus->fold));
        return err;
    }
    bus->fold.bus.log = bus->log;
    bus->has_fold = true;
    return MR_OK;
}

mr_err mri_bus_api_follow(struct mr_bus *bus, mr_problem *reterr_problem)
{
    mr_err err = bus->has_fold ? MR_OK : make_fold(bus, reterr_problem);
    uint64_t last = bus->log == NULL ? UINT64_MAX : mr_log_last(bus->log).n;
    if (err == MR_OK) {
        err = mri_fold_follow(&bus->fold, reterr_problem);
        err = mri_bus_api_tell_place(bus, err, reterr_problem);
    }
    if (err == MR_OK && bus->fold.damage != MR_OK) {
        err = mri_problem_pass(reterr_problem, bus->fold.damage, bus->fold.damage_problem.text);
        return mri_bus_api_tell_place(bus, err, reterr_problem);
    }
    if (err == MR_OK && bus->fold.bus.last_seq < last) { /* its files are not to be found */
        err = mri_bus_api_check_place(bus, reterr_problem);
    }
    return err == MR_OK ? read_config(bus) : err;
}

/** The state lacks something: fold the log, and make it anew. */
static mr_err refresh(struct mr_bus *bus, mr_problem *problem)
{
    struct mri_config config;
    mr_err err = mri_bus_api_follow(bus, problem);
    if (err == MR_OK) {
        err = mri_bus_api_config(&bus->fold, &config);
    }
    if (err == MR_OK) {
        err = mri_shared_refresh(&bus->fold, bus->log, &config, problem);
        mri_config_fini(&config);
    }
    if (err == MR_FULL) {
        mri_bus_api_unshare(bus);
        return MR_NOT_FOUND;
    }
    return err;
}

void mri_bus_api_unshare(struct mr_bus *bus)
{
    bus->has_state = false;
    bus->retry_seq = mr_log_last(bus->log).n + bus->state.table.limits.slots_max;
}

mr_err mri_bus_api_share(struct mr_bus *bus, mr_problem *reterr_problem)
{
    uint32_t version;
    if (bus->retry_seq != 0 && mr_log_last(bus->log).n < bus->retry_seq) {
        return MR_NOT_FOUND;
    }
    bus->retry_seq = 0;
    mr_err err = mri_shared_state_of(bus->log, &bus->state);
    if (err == MR_OK && mri_derived_is_behind(bus->log)) {
        err = mri_derived_look(bus->log, &version);
    }
    if (err == MR_AGAIN) {
        err = refresh(bus, reterr_problem);
        err = err == MR_OK ? mri_shared_state_of(bus->log, &bus->state) : err;
    }
    if (err == MR_OK) {
        err = mri_mirror_follow(&bus->mirror, bus->log, &bus->state);
    }
    bus->has_state = err == MR_OK;
    return err == MR_AGAIN || err == MR_BUSY ? MR_NOT_FOUND : err;
}

/**
 * A name that the shared state does not have may be a spelling: those stand in the configuration,
 * which is folded. One that was found once costs no more than that.
 */
static mr_err find_spelled(void *context, struct mri_slice name, uint32_t *ret_symbol)
{
    struct mr_bus *bus = context;
    const struct mri_instruments *folded = &bus->fold.wiring.market.instruments;
    mr_err err = bus->has_fold ? mri_instruments_find(folded, name, ret_symbol) : MR_NOT_FOUND;
    if (err != MR_OK) {
        err = mri_bus_api_follow(bus, NULL);
        err = err == MR_OK ? mri_instruments_find(folded, name, ret_symbol) : err;
    }
    return err == MR_OK && *ret_symbol < bus->mirror.instruments.count ? MR_OK : MR_NOT_FOUND;
}

const struct mri_instruments *mri_bus_api_instruments(const struct mr_bus *bus)
{
    return bus->has_state ? &bus->mirror.instruments : &bus->fold.wiring.market.instruments;
}

const struct mri_intern *mri_bus_api_sources(const struct mr_bus *bus)
{
    return bus->has_state ? &bus->mirror.sources : &bus->fold.bus.sources;
}

const struct mri_intern *mri_bus_api_names(const struct mr_bus *bus)
{
    return bus->has_state ? &bus->mirror.names : &bus->fold.bus.names;
}

mr_err mri_bus_api_event_time(
    struct mr_bus *bus, int64_t *ret_time_unix_ns, mr_problem *reterr_problem)
{
    uint32_t version;
    while (bus->has_state && mri_derived_look(bus->log, &version) == MR_OK) {
        int64_t time_unix_ns = mri_shared_state_event_time_unix_ns(&bus->state);
        if (time_unix_ns != 0 || mri_derived_is_same(bus->log, version)) {
            *ret_time_unix_ns = time_unix_ns;
            return MR_OK;
        }
    }
    mr_err err = mri_bus_api_follow(bus, reterr_problem);
    *ret_time_unix_ns = err == MR_OK ? bus->fold.bus.event_time_unix_ns : 0;
    return err;
}

mr_err mri_bus_api_explain(
    const struct mr_bus *bus, mr_err err, const char *full, mr_problem *problem)
{
    if (mri_bus_api_explain_place(bus, err, problem)) {
        return err;
    }
    if (err == MR_ENOSPC) {
        return mri_problem(problem, err, "%s: %s", bus->folder, mr_err_text(err));
    }
    if (err == MR_ETOOLARGE) {
        return mri_problem(problem, err,
            "%s: a quarter of the ring, and less than a segment (millrace log stat); send fewer at "
            "once",
            mr_err_text(err));
    }
    return err == MR_FULL && full != NULL
               ? mri_problem(problem, err, "limits.%s_max of the configuration is reached", full)
               : mri_problem(problem, err, "%s", mr_err_text(err));
}

/** As mri_signal_table_get(), of a moment when nobody was changing it. */
static mr_err look_up(struct mr_bus *bus, uint32_t ordinal, struct mri_signal *ret_signal)
{
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        uint32_t version;
        mr_err err = mri_derived_look(bus->log, &version);
        if (err == MR_OK) {
            err = mri_signal_table_get(&bus->state.table, ordinal, ret_signal);
            bool is_new = ordinal > mri_signal_table_newest(&bus->state.table);
            if (!mri_derived_is_same(bus->log, version)) {
                continue;
            }
            return err == MR_NOT_FOUND && !is_new ? MR_AGAIN : err; /* the log knows all */
        }
        return MR_AGAIN;
    }
    return MR_AGAIN;
}

/** They may be newer than what was looked at last. */
static bool are_numbers_known(const struct mr_bus *bus, const struct mri_signal *signal)
{
    return signal->source < bus->mirror.sources.count && signal->name < bus->mirror.names.count &&
           signal->symbol < bus->mirror.instruments.count;
}

mr_err mri_bus_api_signal(struct mr_bus *bus, uint32_t ordinal, struct mri_signal *ret_signal)
{
    mr_problem problem = {""};
    mr_err err = bus->has_state ? look_up(bus, ordinal, ret_signal) : MR_AGAIN;
    if (err == MR_OK && !are_numbers_known(bus, ret_signal)) {
        err = mri_bus_api_share(bus, &problem);
        err = err == MR_NOT_FOUND ? MR_AGAIN : err;
    }
    if (err != MR_AGAIN) {
        return err;
    }
    err = mri_bus_api_follow(bus, &problem);
    if (err == MR_OK) {
        if (mri_slots_get(&bus->fold.bus.slots, ordinal) == NULL) {
            return MR_NOT_FOUND;
        }
        *ret_signal = mri_shared_state_expected(&bus->fold.bus, ordinal);
    }
    return err;
}

mr_err mri_bus_api_generated_seq(struct mr_bus *bus, uint32_t ordinal, uint64_t *ret_seq)
{
    struct mri_signal signal;
    if (bus->has_state && mri_signal_table_peek(&bus->state.table, ordinal, ret_seq)) {
        return MR_OK;
    }
    /* What was folded has it, too, and folding on would leave behind a batch that is being filled.
     */
    const struct mri_slot *slot =
        bus->has_fold ? mri_slots_get(&bus->fold.bus.slots, ordinal) : NULL;
    if (slot != NULL) {
        *ret_seq = slot->generated_seq;
        return MR_OK;
    }
    mr_err err = mri_bus_api_signal(bus, ordinal, &signal);
    *ret_seq = err == MR_OK ? signal.generated_seq : 0;
    return err;
}

void mri_bus_api_fill_records(struct mr_bus *bus, bool has_ordinals)
{
    for (uint32_t i = 0; i < bus->batch.count; i++) {
        const struct mri_batch_item *item = &bus->batch.items[i];
        bus->records[i] = (mr_log_record){
            .body = bus->batch.bodies.bytes + item->offset,
            .body_bytes = item->bytes,
            .subject_id = has_ordinals ? item->ordinal : 0,
            .type = item->type,
            .version = MRI_EVENT_VERSION,
        };
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static mr_err make_arrays(struct mr_bus *bus)
{
    const struct {
        size_t bytes;
        void **array;
    } arrays[] = {
        {sizeof(*bus->places), (void **)&bus->places},
        {sizeof(*bus->records), (void **)&bus->records},
        {sizeof(*bus->known), (void **)&bus->known},
        {sizeof(*bus->subjects), (void **)&bus->subjects},
        {2 * sizeof(*bus->key_items), (void **)&bus->key_items},
    };
    mr_err err = mri_batch_init(&bus->batch, bus->alloc, MR_BUS_BATCH_MAX, BODIES_BYTES_MAX);
    for (size_t i = 0; i < MRI_COUNT_OF(arrays) && err == MR_OK; i++) {
        void *block;
        err = mri_alloc_array(bus->alloc, MR_BUS_BATCH_MAX, arrays[i].bytes, &block);
        *arrays[i].array = err == MR_OK ? block : NULL;
    }
    if (err == MR_OK) {
        err = mri_digest_init(&bus->hasher);
    }
    if (err == MR_OK) {
        err = mri_mirror_init(&bus->mirror, bus->alloc);
        bus->mirror.instruments.elsewhere = find_spelled;
        bus->mirror.instruments.elsewhere_context = bus;
    }
    return err;
}

mr_err mri_bus_api_may_append(const struct mr_bus *bus, mr_problem *reterr_problem)
{
    return bus->log != NULL ? MR_OK
                            : mri_problem_pass(reterr_problem, MR_EACCESS, bus->no_log.text);
}

/** Who may not write to the log reads what the files have. */
static mr_err open_log(struct mr_bus *bus, mr_problem *problem)
{
    const mr_log_options options = {.is_create = false};
    mr_err err =
        mri_shared_state_open_log(bus->os, bus->alloc, bus->folder, &options, &bus->log, problem);
    if (err == MR_EACCESS) {
        bus->log = NULL;
        (void)mri_read_only_explain(bus->os, bus->alloc, bus->folder, err, problem);
        (void)mri_problem_pass(&bus->no_log, err, problem->text);
        problem->text[0] = '\0';
        err = MR_OK;
    }
    return err;
}

static mr_err open_steps(struct mr_bus *bus, mr_problem *problem)
{
    const char *folder = bus->folder;
    mr_err err = open_log(bus, problem);
    err = err == MR_OK ? mri_bus_api_note_place(bus) : err;
    mri_buf_init(&bus->texts, bus->alloc, (size_t)4 * MRI_OBSERVATION_BYTES_MAX);
    if (err == MR_OK) {
        err = make_arrays(bus);
    }
    if (err == MR_OK) {
        err = mri_bus_api_share(bus, problem);
        err = err == MR_NOT_FOUND ? mri_bus_api_follow(bus, problem) : err;
    }
    if (err != MR_OK) {
        return err;
    }
    bus->seen_seq = newest_of(bus);
    mri_outside_clock_init(&bus->clock, bus->os, folder,
        bus->log != NULL ? mr_log_attribute_get(bus->log, MRI_ATTRIBUTE_TIME)
                         : mr_log_reader_attribute(bus->fold.lead, MRI_ATTRIBUTE_TIME));
    return mri_bus_api_instruments(bus)->count == 0 && !bus->clock.is_live
               ? mri_problem(problem, MR_REFUSED,
                     "%s has no registered symbols yet; `millrace run --dir %s` registers them",
                     folder, folder)
               : MR_OK;
}

mr_err mri_bus_api_open(const struct mri_os *os, const struct mri_alloc *alloc, const char *folder,
    mr_bus **ret_bus, mr_problem *reterr_problem)
{
    mr_problem own = {""};
    mr_problem *problem = reterr_problem == NULL ? &own : reterr_problem;
    void *block;
    if (folder == NULL || ret_bus == NULL) {
        return mri_problem(
            problem, MR_EINVAL, "the path of the log, or where to put the bus, is missing");
    }
    mr_err err = mri_alloc_array(alloc, 1, sizeof(struct mr_bus), &block);
    if (err != MR_OK) {
        return mri_problem(problem, err, "%s", mr_err_text(err));
    }
    struct mr_bus *bus = block;
    bus->magic = MRI_BUS_API_MAGIC;
    bus->os = os;
    bus->alloc = alloc;
    problem->text[0] = '\0';
    int count = snprintf(bus->folder, sizeof(bus->folder), "%s", folder);
    err = count >= 0 && count < (int)sizeof(bus->folder)
              ? open_steps(bus, problem)
              : mri_problem(problem, MR_EINVAL, "the path of the log is too long");
    if (err != MR_OK) {
        mr_bus_close(bus);
        return problem->text[0] != '\0'
                   ? err
                   : mri_problem(problem, err, "%s: %s", folder, mr_err_text(err));
    }
    *ret_bus = bus;
    return MR_OK;
}

mr_err mr_bus_open(const char *folder, mr_bus **ret_bus, mr_problem *reterr_problem)
{
    return mri_bus_api_open(mri_os_linux(), mri_alloc_system(), folder, ret_bus, reterr_problem);
}

void mr_bus_close(mr_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    const struct mri_alloc *alloc = bus->alloc;
    mri_claim_close(bus);
    mri_alloc_free(alloc, bus->places, MR_BUS_BATCH_MAX * sizeof(*bus->places));
    mri_alloc_free(alloc, bus->records, MR_BUS_BATCH_MAX * sizeof(*bus->records));
    mri_alloc_free(alloc, bus->known, MR_BUS_BATCH_MAX * sizeof(*bus->known));
    mri_alloc_free(alloc, bus->subjects, MR_BUS_BATCH_MAX * sizeof(*bus->subjects));
    mri_alloc_free(alloc, bus->key_items, 2 * MR_BUS_BATCH_MAX * sizeof(*bus->key_items));
    mri_batch_fini(&bus->batch);
    mri_facts_fini(&bus->facts);
    mri_fold_fini(bus->whole);
    mri_alloc_free(alloc, bus->whole, sizeof(*bus->whole));
    mri_mirror_fini(&bus->mirror);
    mri_digest_fini(&bus->hasher);
    mr_log_reader_close(bus->waiter);
    mri_as_of_fini(&bus->as_of);
    for (unsigned i = 0; i < MRI_BUS_READERS; i++) {
        mr_log_reader_close(bus->readers[i].reader);
    }
    mri_buf_fini(&bus->texts);
    mri_fold_fini(&bus->fold);
    mr_log_close(bus->log);
    bus->magic = 0;
    mri_alloc_free(alloc, bus, sizeof(*bus));
}

mr_err mr_bus_follow(mr_bus *bus, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    bus->seen_seq = newest_of(bus);
    mr_err err = bus->has_state ? mri_bus_api_share(bus, reterr_problem) : MR_NOT_FOUND;
    return err == MR_NOT_FOUND ? mri_bus_api_follow(bus, reterr_problem) : err;
}

/* It is brought to the end before looking what was seen: what comes later ends its wait. */
mr_err mri_bus_api_prepare_waiter(struct mr_bus *bus, mr_problem *reterr_problem)
{
    mr_err err = MR_OK;
    if (bus->waiter == NULL) {
        err = mri_bus_api_open_reader(bus, &bus->waiter, reterr_problem);
        err = err == MR_OK ? mr_log_reader_seek_end(bus->waiter, reterr_problem) : err;
    }
    while (err == MR_OK) {
        mr_log_event event;
        err = mr_log_reader_next(bus->waiter, &event, reterr_problem);
    }
    return err == MR_END ? MR_OK : err;
}

static mr_err wait_for_others(struct mr_bus *bus, int64_t timeout_ms)
{
    return mr_log_reader_wait(bus->waiter, timeout_ms);
}

mr_err mr_bus_wait(mr_bus *bus, int64_t timeout_ms, mr_problem *reterr_problem)
{
    MRI_ASSERT(bus->magic == MRI_BUS_API_MAGIC);
    mr_err err = mri_bus_api_prepare_waiter(bus, reterr_problem);
    if (err == MR_OK && newest_of(bus) <= bus->seen_seq) {
        err = mri_bus_api_wait(bus, wait_for_others, timeout_ms, reterr_problem);
    }
    return err == MR_OK ? mr_bus_follow(bus, reterr_problem) : err;
}
