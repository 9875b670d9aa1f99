/* SPDX-License-Identifier: MIT */
/*
 * Questions: signals as of now or of a moment, what they were, and what there is.
 */
#include "methods.h"

int mrp_find(const Bus *self, PyObject *name, mr_ordinal *ret_ordinal)
{
    if (PyLong_Check(name)) {
        unsigned long number = PyLong_AsUnsignedLong(name);
        ret_ordinal->n = (uint32_t)number;
        if (PyErr_Occurred()) {
            return -1;
        }
        if (number > UINT32_MAX) {
            ret_ordinal->n = 0; /* there is none */
        }
        return 0;
    }
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    if (text == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected the id of a signal, or its ordinal");
        return -1;
    }
    if (mr_bus_find(self->bus, text, ret_ordinal) != MR_OK) {
        PyErr_Format(mrp_error_kind(MR_NOT_FOUND), "there is no signal %s", text);
        return -1;
    }
    return 0;
}

/** The moment that an argument as_of says; *ret_moment is NULL when it is absent. */
static int find_moment(
    Bus *self, PyObject *as_of, mr_log_token *token, const mr_log_token **ret_moment)
{
    mr_problem problem = {""};
    mr_err err;
    *ret_moment = NULL;
    if (as_of == NULL || as_of == Py_None) {
        return 0;
    }
    if (!PyUnicode_Check(as_of) && (!PyLong_Check(as_of) || PyBool_Check(as_of))) {
        PyErr_Format(PyExc_TypeError,
            "as_of: expected the number of an event, or a time, an age or a moment as str, found "
            "%R",
            (PyObject *)Py_TYPE(as_of));
        return -1;
    }
    PyObject *words = PyObject_Str(as_of);
    const char *text = words == NULL ? NULL : PyUnicode_AsUTF8AndSize(words, NULL);
    if (text == NULL) {
        Py_XDECREF(words);
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_moment(self->bus, text, token, &problem);
    Py_END_ALLOW_THREADS Py_DECREF(words);
    *ret_moment = token;
    return err == MR_OK ? 0 : (mrp_raise_error(err, problem.text), -1);
}

PyObject *mrp_bus_get(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"id", "as_of", NULL};
    mr_ordinal ordinal;
    PyObject *name;
    PyObject *as_of = NULL;
    PyObject *result = NULL;
    mr_log_token token;
    const mr_log_token *moment;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O:get", names, &name, &as_of) ||
        mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0 && mrp_find(self, name, &ordinal) == 0 &&
        find_moment(self, as_of, &token, &moment) == 0) {
        result = mrp_signal_of(self, moment, ordinal);
    }
    mrp_leave(self);
    return result;
}

PyObject *mrp_bus_moment(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"as_of", NULL};
    PyObject *as_of = NULL;
    PyObject *result = NULL;
    mr_problem problem = {""};
    mr_log_token token;
    const mr_log_token *moment;
    char text[MR_LOG_TOKEN_BYTES];
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:moment", names, &as_of) ||
        mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0 && find_moment(self, as_of, &token, &moment) == 0) {
        mr_err err = moment != NULL ? MR_OK : mr_bus_moment(self->bus, NULL, &token, &problem);
        result = err == MR_OK ? PyUnicode_FromString(mr_log_token_text(&token, text))
                              : mrp_raise_error(err, problem.text);
    }
    mrp_leave(self);
    return result;
}

static PyObject *query_page(const Bus *self, const char *question, const mr_log_token *moment,
    mr_ordinal beyond, Py_ssize_t limit, PyObject *signals)
{
    mr_ordinal ordinals[MRP_PAGE];
    mr_bus_page page = {.beyond = beyond, .ordinals = ordinals};
    mr_problem problem = {""};
    do {
        Py_ssize_t left = limit - PyList_Size(signals);
        page.room = (uint32_t)(left < MRP_PAGE ? left : MRP_PAGE);
        mr_err err = moment == NULL ? mr_bus_query(self->bus, question, &page, &problem)
                                    : mr_bus_query_at(self->bus, moment, question, &page, &problem);
        if (err != MR_OK) {
            return mrp_raise_error(err, problem.text);
        }
        for (uint32_t i = 0; i < page.count; i++) {
            PyObject *signal = mrp_signal_of(self, moment, ordinals[i]);
            int result = signal == NULL ? -1 : PyList_Append(signals, signal);
            Py_XDECREF(signal);
            if (result < 0) {
                return NULL;
            }
        }
        page.beyond = page.count > 0 ? ordinals[page.count - 1] : page.beyond;
    } while (page.is_cut && page.count > 0 && PyList_Size(signals) < limit);
    return signals;
}

PyObject *mrp_bus_query(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"question", "limit", "after", "as_of", NULL};
    const char *question = "";
    Py_ssize_t limit = 100;
    PyObject *after = NULL;
    PyObject *as_of = NULL;
    mr_ordinal beyond = {0};
    mr_log_token token;
    const mr_log_token *moment;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|s$nOO:query", names, &question, &limit, &after, &as_of)) {
        return NULL;
    }
    if (limit < 1) {
        return mrp_raise_error(MR_EINVAL, "limit: expected a number from 1");
    }
    PyObject *signals = PyList_New(0);
    if (signals == NULL || mrp_enter(self) < 0) {
        Py_XDECREF(signals);
        return NULL;
    }
    bool is_good = mrp_follow(self) == 0 &&
                   (after == NULL || after == Py_None || mrp_find(self, after, &beyond) == 0) &&
                   find_moment(self, as_of, &token, &moment) == 0 &&
                   query_page(self, question, moment, beyond, limit, signals) != NULL;
    mrp_leave(self);
    if (!is_good) {
        Py_CLEAR(signals);
    }
    return signals;
}

PyObject *mrp_bus_counts(Bus *self, PyObject *unused)
{
    uint64_t counts[MR_STATE_COUNT];
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    mr_problem problem = {""};
    int followed = mrp_follow(self);
    mr_err err = followed < 0 ? MR_OK : mr_bus_counts(self->bus, counts, &problem);
    mrp_leave(self);
    if (followed < 0 || err != MR_OK) {
        return followed < 0 ? NULL : mrp_raise_error(err, problem.text);
    }
    return mrp_counts_dict(counts);
}

static PyObject *record_of(const mr_bus_record *record)
{
    const char *from = record->is_move ? mr_state_text(record->from) : NULL;
    const char *to = record->is_move ? mr_state_text(record->to) : NULL;
    bool is_signal = record->side == MR_LONG || record->side == MR_SHORT;
    const char *side = record->side == MR_SHORT ? "short" : "long";
    PyObject *confidence = is_signal && !record->lacks_confidence
                               ? PyFloat_FromDouble(record->confidence)
                               : Py_NewRef(Py_None);
    if (confidence == NULL) {
        return NULL;
    }
    return Py_BuildValue("{s:K,s:s,s:L,s:z,s:z,s:z,s:z,s:z,s:z,s:z,s:z,s:L,s:z,s:N}", "seq",
        (unsigned long long)record->seq.n, "kind", record->kind, "time_unix_ns",
        (long long)record->time_unix_ns, "from_state", from, "to", to, "actor", record->actor,
        "gate", record->gate, "reason", record->reason, "symbol", record->symbol, "source",
        record->source, "data", record->data, "event_time_unix_ns",
        (long long)record->event_time_unix_ns, "side", is_signal ? side : NULL, "confidence",
        confidence);
}

/** From the newest event back to the first; the list is in the order of the log. */
static PyObject *read_back(Bus *self, mr_seq last)
{
    PyObject *list = PyList_New(0);
    mr_problem problem = {""};
    for (mr_seq seq = last; list != NULL && seq.n != 0;) {
        mr_bus_record record;
        mr_err err = mr_bus_read(self->bus, seq, &record, &problem);
        PyObject *one = err == MR_OK ? record_of(&record) : mrp_raise_error(err, problem.text);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
        seq = err == MR_OK ? record.previous : (mr_seq){0};
    }
    if (list != NULL && PyList_Reverse(list) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

PyObject *mrp_bus_history(Bus *self, PyObject *name)
{
    mr_signal signal;
    mr_observed observed;
    mr_ordinal ordinal;
    uint32_t number;
    PyObject *result = NULL;
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    if (text == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected the id of a signal or an emission");
        return NULL;
    }
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0) {
        if (mr_bus_find(self->bus, text, &ordinal) == MR_OK &&
            mr_bus_get(self->bus, ordinal, &signal) == MR_OK) {
            result = read_back(self, signal.last);
        } else if (mrp_find_observed(self, name, &number) == 0 &&
                   mr_bus_observed(self->bus, number, &observed, NULL) == MR_OK) {
            result = read_back(self, observed.last);
        }
    }
    mrp_leave(self);
    return result;
}

PyObject *mrp_bus_sources(Bus *self, PyObject *unused)
{
    mr_source_count count;
    mr_problem problem = {""};
    mr_err err = MR_OK;
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && err == MR_OK; i++) {
        err = mr_bus_source_count(self->bus, i, &count, &problem);
        if (err != MR_OK) {
            break;
        }
        PyObject *one = Py_BuildValue("(sKK)", count.source, (unsigned long long)count.signals,
            (unsigned long long)count.observed);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    mrp_leave(self);
    if (err != MR_OK && err != MR_END) {
        Py_CLEAR(list);
        (void)mrp_raise_error(err, problem.text);
    }
    return list;
}

PyObject *mrp_bus_symbols(Bus *self, PyObject *unused)
{
    uint32_t provisional;
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    int followed = mrp_follow(self);
    uint32_t count = followed < 0 ? 0 : mr_bus_symbol_count(self->bus, &provisional);
    mrp_leave(self);
    return followed < 0 ? NULL : Py_BuildValue("(II)", count, provisional);
}

PyObject *mrp_bus_event_time(Bus *self, void *unused)
{
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    int64_t time = mr_bus_event_time_unix_ns(self->bus);
    mrp_leave(self);
    return PyLong_FromLongLong(time);
}
