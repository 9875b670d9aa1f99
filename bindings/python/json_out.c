/* SPDX-License-Identifier: MIT */
/*
 * Values of Python to JSON, for free data.
 */
#include "module.h"

#include <math.h>

enum { DEPTH_MAX = MRI_JSON_WRITE_DEPTH_MAX };

static int write_text(struct mri_json_writer *json, PyObject *value)
{
    Py_ssize_t count;
    const char *text = PyUnicode_AsUTF8AndSize(value, &count);
    if (text == NULL) {
        return -1;
    }
    mri_json_write_text(json, (struct mri_slice){text, (size_t)count});
    return 0;
}

static int write_dict(struct mri_json_writer *json, PyObject *value, int depth)
{
    PyObject *key;
    PyObject *item;
    Py_ssize_t at = 0;
    mri_json_write_object_open(json);
    while (PyDict_Next(value, &at, &key, &item)) {
        if (!PyUnicode_Check(key)) {
            PyErr_Format(PyExc_TypeError, "data: keys must be str, found %R", key);
            return -1;
        }
        const char *text = PyUnicode_AsUTF8AndSize(key, NULL);
        if (text == NULL) {
            return -1;
        }
        mri_json_write_key(json, text);
        if (mrp_write_value(json, item, depth + 1) < 0) {
            return -1;
        }
    }
    mri_json_write_object_close(json);
    return 0;
}

static int write_list(struct mri_json_writer *json, PyObject *value, int depth)
{
    Py_ssize_t count = PySequence_Size(value);
    mri_json_write_array_open(json);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(value, i);
        int result = item == NULL ? -1 : mrp_write_value(json, item, depth + 1);
        Py_XDECREF(item);
        if (result < 0) {
            return -1;
        }
    }
    mri_json_write_array_close(json);
    return count < 0 ? -1 : 0;
}

static int write_integer(struct mri_json_writer *json, PyObject *value)
{
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) {
        PyErr_Format(PyExc_OverflowError, "data: an integer of more than 64 bits: %R", value);
        return -1;
    }
    mri_json_write_integer(json, number);
    return PyErr_Occurred() ? -1 : 0;
}

static int write_number(struct mri_json_writer *json, PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    if (!isfinite(number)) {
        PyErr_Format(PyExc_ValueError, "data: %R is no number of JSON", value);
        return -1;
    }
    mri_json_write_number(json, number);
    return 0;
}

int mrp_write_value(struct mri_json_writer *json, PyObject *value, int depth)
{
    if (depth >= DEPTH_MAX) {
        PyErr_Format(PyExc_ValueError, "data: nested deeper than %d", DEPTH_MAX);
        return -1;
    }
    if (value == Py_None) {
        mri_json_write_null(json);
        return 0;
    }
    if (PyBool_Check(value)) {
        mri_json_write_bool(json, value == Py_True);
        return 0;
    }
    if (PyLong_Check(value)) {
        return write_integer(json, value);
    }
    if (PyFloat_Check(value)) {
        return write_number(json, value);
    }
    if (PyUnicode_Check(value)) {
        return write_text(json, value);
    }
    if (PyDict_Check(value)) {
        return write_dict(json, value, depth);
    }
    if (PyList_Check(value) || PyTuple_Check(value)) {
        return write_list(json, value, depth);
    }
    PyErr_Format(PyExc_TypeError, "data: a %R has no form in JSON", (PyObject *)Py_TYPE(value));
    return -1;
}
