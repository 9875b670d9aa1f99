/* SPDX-License-Identifier: MIT */
/*
 * What is no signal: emissions outside the lifecycle, and words about them and about signals.
 */
#include "methods.h"

#include "base/alloc.h"

static PyObject *observed_id(Bus *self, uint32_t number)
{
    char id[MR_BUS_ID_BYTES];
    mr_problem problem = {""};
    mr_err err = mr_bus_observed_id(self->bus, number, id, &problem);
    return err == MR_OK ? PyUnicode_FromString(id) : mrp_raise_error(err, problem.text);
}

/** Whom the observation is about, by whichever id it is. */
static int find_about(Bus *self, const struct mrp_named *about, mr_observation *observation)
{
    if (about->text == NULL && about->number == 0) {
        return 0;
    }
    bool is_signal =
        about->text != NULL && mr_bus_find(self->bus, about->text, &observation->ordinal) == MR_OK;
    if (is_signal) {
        return 0;
    }
    observation->ordinal.n = 0;
    return mrp_find_either(self, about, &observation->about);
}

/** What observe() is given; the data may lie in `texts`. */
static int read_observation(PyObject *const given[6], struct mri_buf *texts,
    mr_observation *ret_observation, struct mrp_named *ret_about)
{
    const char *to;
    bool has_about = given[3] != NULL && given[3] != Py_None;
    *ret_observation = (mr_observation){0};
    *ret_about = (struct mrp_named){.field = "about"};
    if (mrp_read_text(given[0], "symbol", &ret_observation->symbol) < 0 ||
        mrp_read_text(given[1], "source", &ret_observation->source) < 0 ||
        mrp_read_kept_data(given[2], "data", texts, &ret_observation->data) < 0 ||
        mrp_read_text(given[4], "to", &to) < 0 ||
        mrp_read_state(to, "to", &ret_observation->to) < 0 ||
        (has_about && mrp_read_observed(given[3], "about", ret_about) < 0)) {
        return -1;
    }
    ret_observation->is_moved = to != NULL;
    return 0;
}

/** Keep it; the bus is entered. What it is called: by its id, or as whom it is about. */
static PyObject *observe(
    Bus *self, const struct mrp_named *about, mr_observation *observation, mr_durability durability)
{
    uint32_t number = 0;
    mr_problem problem = {""};
    mr_err err;
    if (mrp_follow(self) < 0 || find_about(self, about, observation) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_observe(self->bus, observation, durability, &number, &problem);
    Py_END_ALLOW_THREADS if (err != MR_OK)
    {
        return mrp_raise_error(err, problem.text);
    }
    return number != 0 ? observed_id(self, number) : Py_NewRef(about->object);
}

PyObject *mrp_bus_observe(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "source", "data", "about", "to", "durable", NULL};
    PyObject *given[6] = {NULL};
    int is_durable = 0;
    mr_observation observation;
    struct mrp_named about;
    struct mri_buf texts;
    PyObject *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$OOOOOO:observe", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5]) ||
        mrp_read_bool(given[5], "durable", &is_durable) < 0) {
        return NULL;
    }
    mri_buf_init(&texts, mri_alloc_system(), MRP_OBSERVED_BYTES_MAX + 4096);
    if (read_observation(given, &texts, &observation, &about) == 0 && mrp_enter(self) == 0) {
        result = observe(self, &about, &observation, mrp_durability_of(is_durable));
        mrp_leave(self);
    }
    mri_buf_fini(&texts);
    return result;
}

static PyObject *observed_of(const mr_observed *observed)
{
    return Py_BuildValue("{s:I,s:s,s:s,s:L,s:K,s:K}", "number", observed->number, "source",
        observed->source, "state", mr_state_text(observed->state), "event_time_unix_ns",
        (long long)observed->event_time_unix_ns, "emitted_seq",
        (unsigned long long)observed->emitted.n, "last_seq", (unsigned long long)observed->last.n);
}

PyObject *mrp_bus_observed(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"before", "limit", NULL};
    PyObject *given[2] = {NULL};
    int64_t before = 0;
    int64_t limit = MRP_PAGE;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|$OO:observed", names, &given[0], &given[1]) ||
        mrp_read_integer(given[0], "before", 0, UINT32_MAX, &before) < 0 ||
        mrp_read_integer(given[1], "limit", 1, INT64_MAX, &limit) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    uint64_t counts[MR_STATE_COUNT];
    mr_problem problem = {""};
    mr_err counted = mr_bus_observed_counts(self->bus, counts, &problem);
    PyObject *list = counted == MR_OK ? PyList_New(0) : mrp_raise_error(counted, problem.text);
    uint64_t count = 0;
    for (int state = 0; list != NULL && state < MR_STATE_COUNT; state++) {
        count += counts[state];
    }
    bool is_from_newest = before == 0 || (uint64_t)before > count;
    uint32_t number = is_from_newest ? (uint32_t)count : (uint32_t)(before - 1);
    for (; list != NULL && number > 0 && limit > 0; number--, limit--) {
        mr_observed observed;
        mr_err err = mr_bus_observed(self->bus, number, &observed, &problem);
        PyObject *one = err == MR_OK ? observed_of(&observed) : mrp_raise_error(err, problem.text);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    mrp_leave(self);
    return list;
}

PyObject *mrp_bus_observed_counts(Bus *self, PyObject *unused)
{
    uint64_t counts[MR_STATE_COUNT];
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    mr_problem problem = {""};
    mr_err err = mr_bus_observed_counts(self->bus, counts, &problem);
    mrp_leave(self);
    return err != MR_OK ? mrp_raise_error(err, problem.text) : mrp_counts_dict(counts);
}

PyObject *mrp_bus_observed_id(Bus *self, PyObject *number)
{
    uint32_t found;
    struct mrp_named named;
    if (mrp_read_observed(number, "number", &named) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    PyObject *result =
        mrp_find_observed(self, &named, &found) == 0 ? observed_id(self, found) : NULL;
    mrp_leave(self);
    return result;
}
