/* SPDX-License-Identifier: MIT */
/*
 * Values of Python to JSON, for free data.
 */
#include "module.h"

#include <math.h>

enum { DEPTH_MAX = MRI_JSON_WRITE_DEPTH_MAX };

enum { PLACE_MAX = 160 }; /* characters that say where and why: what is around them is left out */

/** Say behind which key, or index, it is what the exception is about. */
static int name_place(PyObject *key)
{
    PyObject *kind;
    PyObject *value;
    PyObject *trace;
    PyErr_Fetch(&kind, &value, &trace);
    bool is_own = kind == PyExc_TypeError || kind == mrp_error_kind(MR_REFUSED);
    PyObject *text = is_own && value != NULL ? PyObject_Str(value) : NULL;
    PyObject *shown = text == NULL ? NULL : mrp_shown(key);
    const char *cut = "[...]";
    PyObject *mark = shown == NULL ? NULL : PyUnicode_FromString(cut);
    if (mark == NULL || PyUnicode_Tailmatch(text, mark, 0, PY_SSIZE_T_MAX, -1) != 0) {
        PyErr_Restore(kind, value, trace);
    } else {
        if (PyUnicode_GetLength(text) > PLACE_MAX) {
            PyErr_Format(kind, "%U%U", mark, text);
        } else {
            PyErr_Format(kind, "[%U]%U", shown, text);
        }
        Py_XDECREF(kind);
        Py_XDECREF(value);
        Py_XDECREF(trace);
    }
    Py_XDECREF(mark);
    Py_XDECREF(shown);
    Py_XDECREF(text);
    return -1;
}

static int write_text(struct mri_json_writer *json, PyObject *value)
{
    Py_ssize_t count;
    const char *text = PyUnicode_AsUTF8AndSize(value, &count);
    if (text == NULL) {
        return mrp_refuse_text(value, "");
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
        const char *text;
        if (!PyUnicode_Check(key)) {
            return mrp_refuse_type("", "str as keys", key);
        }
        if (mrp_read_text(key, ": a key", &text) < 0) {
            return -1;
        }
        mri_json_write_key(json, text);
        Py_INCREF(key); /* a list of the caller's own kind may change the dict */
        Py_INCREF(item);
        int result = mrp_write_value(json, item, depth + 1);
        Py_DECREF(item);
        result = result < 0 ? name_place(key) : 0;
        Py_DECREF(key);
        if (result < 0) {
            return -1;
        }
    }
    mri_json_write_object_close(json);
    return 0;
}

/** Say which item of a list it is what the exception is about. */
static int name_index(Py_ssize_t index)
{
    PyObject *kind;
    PyObject *value;
    PyObject *trace;
    PyErr_Fetch(&kind, &value, &trace);
    PyObject *number = PyLong_FromSsize_t(index);
    PyErr_Restore(kind, value, trace);
    int result = number == NULL ? -1 : name_place(number);
    Py_XDECREF(number);
    return result;
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
            return name_index(i);
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
        return mrp_refuse("", "an integer of up to 64 bits", value);
    }
    mri_json_write_integer(json, number);
    return PyErr_Occurred() ? -1 : 0;
}

static int write_number(struct mri_json_writer *json, PyObject *value)
{
    double number = PyFloat_AsDouble(value);
    if (!isfinite(number)) {
        return mrp_refuse("", "a number of JSON", value);
    }
    mri_json_write_number(json, number);
    return 0;
}

int mrp_write_value(struct mri_json_writer *json, PyObject *value, int depth)
{
    if (depth >= DEPTH_MAX) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), ": nested deeper than %d", DEPTH_MAX);
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
    return mrp_refuse_type("", "None, bool, int, float, str, dict, list or tuple", value);
}
