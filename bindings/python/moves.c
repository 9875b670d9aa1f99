/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a signal by somebody's word: moves, several at once, and feedback.
 */
#include "methods.h"

#include "base/alloc.h"

int mrp_read_move_data(PyObject *value, struct mri_buf *texts, mr_move *move)
{
    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (mrp_read_data(value, texts, &move->data) < 0) {
        return -1;
    }
    if (PyDict_Check(value)) {
        move->data = (const char *)texts->bytes; /* it is all that is written there */
    }
    return 0;
}

PyObject *mrp_bus_move(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "id", "to", "from_state", "gate", "reason", "data", "actor", "durable", NULL};
    PyObject *name;
    PyObject *data = NULL;
    const char *to;
    const char *from = NULL;
    mr_move move = {0};
    mr_problem problem = {""};
    struct mri_buf texts;
    int is_durable = 0;
    mr_err err = MR_OK;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Os|$zzzOzp:move", names, &name, &to, &from,
            &move.gate, &move.reason, &data, &move.actor, &is_durable)) {
        return NULL;
    }
    if (mr_state_parse(to, &move.to) != MR_OK ||
        (from != NULL && mr_state_parse(from, &move.from) != MR_OK)) {
        return mrp_raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
    }
    mri_buf_init(&texts, mri_alloc_system(), MRP_DATA_BYTES_MAX + 4096);
    if (mrp_read_move_data(data, &texts, &move) < 0 || mrp_enter(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    bool is_found = mrp_follow(self) == 0 && mrp_find(self, name, &move.ordinal) == 0;
    if (is_found && from == NULL) { /* from where it is now */
        mr_signal signal;
        err = mr_bus_get(self->bus, move.ordinal, &signal);
        move.from = signal.state;
    }
    if (is_found && err == MR_OK) {
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_move(self->bus, &move, 1, mrp_durability_of(is_durable), NULL, &problem);
        Py_END_ALLOW_THREADS
    }
    mrp_leave(self);
    mri_buf_fini(&texts);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static int read_step(PyObject *item, mr_move *ret_move)
{
    const char *from;
    const char *to;
    if (!PyTuple_Check(item) || !PyArg_ParseTuple(item, "sszzz:step", &from, &to, &ret_move->gate,
                                    &ret_move->reason, &ret_move->data)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(
                PyExc_TypeError, "steps: expected tuples (from, to, gate, reason, data)");
        }
        return -1;
    }
    if (mr_state_parse(from, &ret_move->from) != MR_OK ||
        mr_state_parse(to, &ret_move->to) != MR_OK) {
        (void)mrp_raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
        return -1;
    }
    return 0;
}

PyObject *mrp_bus_advance(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"id", "steps", "durable", NULL};
    PyObject *name;
    PyObject *steps;
    int is_durable = 0;
    mr_move moves[MR_STATE_COUNT];
    mr_problem problem = {""};
    mr_err err = MR_OK;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "OO|$p:advance", names, &name, &steps, &is_durable)) {
        return NULL;
    }
    Py_ssize_t count = PyList_Check(steps) ? PyList_Size(steps) : 0;
    if (count < 1 || count > MR_STATE_COUNT) {
        return mrp_raise_error(MR_EINVAL, "steps: expected a list of 1 to 8");
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        moves[i] = (mr_move){0};
        if (read_step(PyList_GetItem(steps, i), &moves[i]) < 0) {
            return NULL;
        }
    }
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    mr_ordinal ordinal = {0};
    bool is_found = mrp_follow(self) == 0 && mrp_find(self, name, &ordinal) == 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        moves[i].ordinal = ordinal;
    }
    if (is_found) {
        Py_BEGIN_ALLOW_THREADS err = mr_bus_move(
            self->bus, moves, (size_t)count, mrp_durability_of(is_durable), NULL, &problem);
        Py_END_ALLOW_THREADS
    }
    mrp_leave(self);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

PyObject *mrp_bus_feedback(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "id", "source", "judgement", "return_bps", "lesson", "evidence", "durable", NULL};
    PyObject *name;
    PyObject *return_bps = Py_None;
    PyObject *evidence = NULL;
    int is_durable = 0;
    mr_feedback feedback = {0};
    mr_problem problem = {""};
    struct mri_buf texts;
    mr_err err = MR_OK;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Os|z$OzOp:feedback", names, &name,
            &feedback.source, &feedback.judgement, &return_bps, &feedback.lesson, &evidence,
            &is_durable) ||
        mrp_optional_number(return_bps, &feedback.return_bps, &feedback.has_return) < 0) {
        return NULL;
    }
    mr_move data = {0};
    mri_buf_init(&texts, mri_alloc_system(), MRP_DATA_BYTES_MAX + 4096);
    if (mrp_read_move_data(evidence, &texts, &data) < 0 || mrp_enter(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    feedback.evidence = data.data;
    bool is_found = mrp_follow(self) == 0 && mrp_find(self, name, &feedback.ordinal) == 0;
    if (is_found) {
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_feedback(self->bus, &feedback, mrp_durability_of(is_durable), &problem);
        Py_END_ALLOW_THREADS
    }
    mrp_leave(self);
    mri_buf_fini(&texts);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}
