/* SPDX-License-Identifier: MIT */
/*
 * What is no signal: emissions outside the lifecycle, and words about them and about signals.
 */
#include "methods.h"

#include "base/alloc.h"

int mrp_find_observed(Bus *self, PyObject *name, const char *field, uint32_t *ret_number)
{
    mr_problem problem = {""};
    const char *text = NULL;
    int64_t number = 0;
    if (mrp_is_integer(name)) {
        int result = mrp_read_integer(name, field, 1, UINT32_MAX, &number);
        *ret_number = (uint32_t)number;
        return result;
    }
    if (!PyUnicode_Check(name)) {
        return mrp_refuse_type(field, "the id of an emission, or its number", name);
    }
    if (mrp_read_text(name, field, &text) < 0) {
        return -1;
    }
    mr_err err = mr_bus_observed_find(self->bus, text, ret_number, &problem);
    return err == MR_OK ? 0 : ((void)mrp_raise_error(err, problem.text), -1);
}

int mrp_find_either(Bus *self, PyObject *name, const char *field, uint32_t *ret_number)
{
    int result = mrp_find_observed(self, name, field, ret_number);
    bool is_none = result < 0 && PyErr_ExceptionMatches(mrp_error_kind(MR_NOT_FOUND)) != 0;
    PyObject *shown = NULL;
    if (is_none) {
        PyErr_Clear();
        shown = mrp_shown(name);
    }
    if (shown != NULL) {
        PyErr_Format(mrp_error_kind(MR_NOT_FOUND),
            "%s: there is no signal, and no emission outside the lifecycle, %U", field, shown);
        Py_DECREF(shown);
    }
    return result;
}

static PyObject *observed_id(Bus *self, uint32_t number)
{
    char id[MR_BUS_ID_BYTES];
    mr_problem problem = {""};
    mr_err err = mr_bus_observed_id(self->bus, number, id, &problem);
    return err == MR_OK ? PyUnicode_FromString(id) : mrp_raise_error(err, problem.text);
}

/** Whom the observation is about, by whichever id it is. */
static int read_about(Bus *self, PyObject *about, mr_observation *observation)
{
    const char *text = NULL;
    if (about == NULL || about == Py_None) {
        return 0;
    }
    if (PyUnicode_Check(about) && mrp_read_text(about, "about", &text) < 0) {
        return -1;
    }
    bool is_signal = text != NULL && mr_bus_find(self->bus, text, &observation->ordinal) == MR_OK;
    if (is_signal) {
        return 0;
    }
    observation->ordinal.n = 0;
    return mrp_find_either(self, about, "about", &observation->about);
}

/** What observe() is given; the data may lie in `texts`. */
static int read_observation(
    PyObject *const given[6], struct mri_buf *texts, mr_observation *ret_observation)
{
    const char *to;
    *ret_observation = (mr_observation){0};
    if (mrp_read_text(given[0], "symbol", &ret_observation->symbol) < 0 ||
        mrp_read_text(given[1], "source", &ret_observation->source) < 0 ||
        mrp_read_kept_data(given[2], "data", texts, &ret_observation->data) < 0 ||
        mrp_read_text(given[4], "to", &to) < 0 ||
        mrp_read_state(to, "to", &ret_observation->to) < 0) {
        return -1;
    }
    ret_observation->is_moved = to != NULL;
    return 0;
}

/** Keep it; the bus is entered. What it is called: by its id, or as whom it is about. */
static PyObject *observe(
    Bus *self, PyObject *about, mr_observation *observation, mr_durability durability)
{
    uint32_t number = 0;
    mr_problem problem = {""};
    mr_err err;
    if (mrp_follow(self) < 0 || read_about(self, about, observation) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_observe(self->bus, observation, durability, &number, &problem);
    Py_END_ALLOW_THREADS if (err != MR_OK)
    {
        return mrp_raise_error(err, problem.text);
    }
    return number != 0 ? observed_id(self, number) : Py_NewRef(about);
}

PyObject *mrp_bus_observe(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "source", "data", "about", "to", "durable", NULL};
    PyObject *given[6] = {NULL};
    int is_durable = 0;
    mr_observation observation;
    struct mri_buf texts;
    PyObject *result = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$OOOOOO:observe", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5]) ||
        mrp_read_bool(given[5], "durable", &is_durable) < 0) {
        return NULL;
    }
    mri_buf_init(&texts, mri_alloc_system(), MRP_OBSERVED_BYTES_MAX + 4096);
    if (read_observation(given, &texts, &observation) == 0 && mrp_enter(self) == 0) {
        result = observe(self, given[3], &observation, mrp_durability_of(is_durable));
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
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    PyObject *result =
        mrp_find_observed(self, number, "number", &found) == 0 ? observed_id(self, found) : NULL;
    mrp_leave(self);
    return result;
}
