/* SPDX-License-Identifier: MIT */
/*
 * How the log is doing: the numbers of `millrace status` as a dict.
 */
#include "methods.h"

#include "millrace/log_consumer.h"

/** The lag of each consumer, being put into a dict. */
struct lags {
    const char *folder;
    PyObject *dict;
    mr_problem *problem;
};

static mr_err put_lag(void *argument, const char *name)
{
    const struct lags *lags = argument;
    mr_consumer_stats stats;
    mr_err err = mr_consumer_stat(lags->folder, name, &stats, lags->problem);
    bool is_damaged = err == MR_ECORRUPT || err == MR_EVERSION;
    if (err != MR_OK && !is_damaged) {
        return err == MR_NOT_FOUND ? MR_OK : err; /* it was removed just now */
    }
    PyObject *lag = is_damaged
                        ? Py_BuildValue("{s:s}", "fault", lags->problem->text)
                        : Py_BuildValue("{s:K,s:d}", "events", (unsigned long long)stats.lag_events,
                              "seconds", (double)stats.lag_ns / 1e9);
    int put = lag == NULL ? -1 : PyDict_SetItemString(lags->dict, name, lag);
    Py_XDECREF(lag);
    return put < 0 ? MR_ENOMEM : MR_OK;
}

static PyObject *consumers_of(const Bus *self)
{
    mr_problem problem = {""};
    struct lags lags = {
        .folder = PyBytes_AsString(self->folder), .dict = PyDict_New(), .problem = &problem};
    if (lags.dict == NULL) {
        return NULL;
    }
    mr_err err = mr_consumer_list(lags.folder, put_lag, &lags, &problem);
    if (err != MR_OK) {
        Py_DECREF(lags.dict);
        return PyErr_Occurred() ? NULL : mrp_raise_error(err, problem.text);
    }
    return lags.dict;
}

PyObject *mrp_bus_forget(Bus *self, PyObject *name)
{
    mr_problem problem = {""};
    const char *text;
    if (mrp_read_consumer(name, "name", &text) < 0) {
        return NULL;
    }
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    mr_err err;
    Py_BEGIN_ALLOW_THREADS err = mr_bus_check_place(self->bus, &problem);
    if (err == MR_OK) {
        err = mr_consumer_remove(PyBytes_AsString(self->folder), text, &problem);
    }
    Py_END_ALLOW_THREADS mrp_leave(self);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *sources_of(const Bus *self)
{
    PyObject *dict = PyDict_New();
    mr_problem problem = {""};
    mr_source_count count;
    for (uint32_t i = 0; dict != NULL; i++) {
        mr_err err = mr_bus_source_count(self->bus, i, &count, &problem);
        if (err == MR_END) {
            break;
        }
        if (err != MR_OK) {
            Py_DECREF(dict);
            return mrp_raise_error(err, problem.text);
        }
        if (count.signals == 0) {
            continue;
        }
        PyObject *number = PyLong_FromUnsignedLongLong(count.signals);
        int put = number == NULL ? -1 : PyDict_SetItemString(dict, count.source, number);
        Py_XDECREF(number);
        if (put < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *stages_of(const mr_health *health)
{
    PyObject *dict = PyDict_New();
    for (int i = 0; dict != NULL && i < MR_STAGES; i++) {
        const mr_stage *stage = &health->stages[i];
        PyObject *one = Py_BuildValue("{s:K,s:K,s:L}", "done", (unsigned long long)stage->done,
            "waiting", (unsigned long long)stage->waiting, "last_time_unix_ns",
            (long long)stage->last_time_unix_ns);
        int put = one == NULL ? -1 : PyDict_SetItemString(dict, stage->name, one);
        Py_XDECREF(one);
        if (put < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *health_of(const Bus *self, const mr_health *health)
{
    PyObject *states = mrp_counts_dict(health->states);
    PyObject *sources = states == NULL ? NULL : sources_of(self);
    PyObject *stages = sources == NULL ? NULL : stages_of(health);
    PyObject *consumers = stages == NULL ? NULL : consumers_of(self);
    if (consumers == NULL) {
        Py_XDECREF(states);
        Py_XDECREF(sources);
        Py_XDECREF(stages);
        return NULL;
    }
    return Py_BuildValue("{s:s,s:z,s:s,s:s,s:K,s:N,s:N,s:N,s:N,s:K,s:K,s:I,s:I,s:I,s:I,s:I,s:I,"
                         "s:I,s:K,s:K,s:K,s:K,s:L}",
        "state", health->state, "why", health->why, "mode", health->mode, "venue", health->venue,
        "signals", (unsigned long long)health->signals, "states", states, "sources", sources,
        "stages", stages, "consumers", consumers, "pending_inputs",
        (unsigned long long)health->pending_inputs, "alerts", (unsigned long long)health->alerts,
        "run_process", health->run_process, "executor_process", health->executor_process,
        "stuck_signals", health->stuck_signals, "open_positions", health->open_positions,
        "open_orders", health->open_orders, "stuck_orders", health->stuck_orders, "orders_in_doubt",
        health->orders_in_doubt, "order_reports", (unsigned long long)health->order_reports,
        "order_disputes", (unsigned long long)health->order_disputes, "last_seq",
        (unsigned long long)health->last.n, "durable_seq", (unsigned long long)health->durable.n,
        "event_time_unix_ns", (long long)health->event_time_unix_ns);
}

PyObject *mrp_bus_health(Bus *self, PyObject *unused)
{
    mr_problem problem = {""};
    mr_health health;
    mr_err err;
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_health(self->bus, &health, &problem);
    Py_END_ALLOW_THREADS PyObject *result =
        err == MR_OK ? health_of(self, &health) : mrp_raise_error(err, problem.text);
    mrp_leave(self);
    return result;
}
