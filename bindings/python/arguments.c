/* SPDX-License-Identifier: MIT */
/*
 * What arguments say that several methods have.
 */
#include "module.h"

mr_durability mrp_durability_of(int is_durable)
{
    return is_durable != 0 ? MR_GROUP : MR_INTERVAL;
}

int mrp_optional_number(PyObject *value, double *ret_number, bool *ret_is_given)
{
    *ret_is_given = value != Py_None;
    if (value != Py_None) {
        *ret_number = PyFloat_AsDouble(value);
    }
    return PyErr_Occurred() ? -1 : 0;
}

int mrp_read_timeout(PyObject *timeout, int64_t *ret_timeout_ms)
{
    *ret_timeout_ms = -1;
    if (timeout == NULL || timeout == Py_None) {
        return 0;
    }
    double seconds = PyFloat_AsDouble(timeout);
    if (PyErr_Occurred()) {
        return -1;
    }
    if (!(seconds >= 0.0 && seconds <= 1e9)) {
        (void)mrp_raise_error(MR_EINVAL, "timeout: expected seconds from 0 to 1e9, or None");
        return -1;
    }
    *ret_timeout_ms = (int64_t)(seconds * 1000.0);
    return 0;
}
