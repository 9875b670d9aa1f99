/* SPDX-License-Identifier: MIT */
/*
 * What arguments say, and what is said about those that cannot be.
 *
 * Invariants
 *  1. A value of another type is a TypeError, one that cannot be is MR_REFUSED; either names the
 *     argument, what is taken, and what was found, in some hundred characters at most.
 */
#include "module.h"

#include "log/consume/consumer_slot.h"
#include "os/os.h"

enum { SHOWN = 60, BITS_SHOWN = 128 }; /* characters of a value, bits of an integer */

mr_durability mrp_durability_of(int is_durable)
{
    return is_durable != 0 ? MR_GROUP : MR_INTERVAL;
}

/* ---- what was found -------------------------------------------------------------------------- */

/** A large integer by its size: its digits are no help, and take long. NULL: it is none. */
static PyObject *shown_integer(PyObject *value)
{
    PyObject *bits = PyObject_CallMethod(value, "bit_length", NULL);
    long count = bits == NULL ? -1 : PyLong_AsLong(bits);
    Py_XDECREF(bits);
    PyErr_Clear();
    return count > BITS_SHOWN ? PyUnicode_FromFormat("an integer of %ld bits", count) : NULL;
}

/** The first characters of a text, for its repr. */
static PyObject *shown_repr(PyObject *value)
{
    bool is_long_text = PyUnicode_Check(value) && PyUnicode_GetLength(value) > SHOWN;
    PyObject *part = is_long_text ? PyUnicode_Substring(value, 0, SHOWN) : Py_NewRef(value);
    PyObject *text = part == NULL ? NULL : PyObject_Repr(part);
    Py_XDECREF(part);
    return text;
}

PyObject *mrp_shown(PyObject *value)
{
    PyObject *text = PyLong_Check(value) ? shown_integer(value) : NULL;
    if (text == NULL) {
        text = shown_repr(value);
    }
    if (text == NULL) { /* a repr may do anything */
        PyErr_Clear();
        text = PyObject_Repr((PyObject *)Py_TYPE(value));
    }
    if (text != NULL && PyUnicode_GetLength(text) > SHOWN) {
        PyObject *part = PyUnicode_Substring(text, 0, SHOWN - 3);
        Py_DECREF(text);
        text = part == NULL ? NULL : PyUnicode_FromFormat("%U...", part);
        Py_XDECREF(part);
    }
    return text;
}

int mrp_refuse_key(PyObject *key)
{
    PyObject *shown = mrp_shown(key);
    if (shown != NULL) {
        PyErr_Format(
            mrp_error_kind(MR_REFUSED), "unknown key %U (free data go into \"data\")", shown);
        Py_DECREF(shown);
    }
    return -1;
}

int mrp_refuse(const char *field, const char *expected, PyObject *value)
{
    PyObject *shown = mrp_shown(value);
    if (shown != NULL) {
        PyErr_Format(
            mrp_error_kind(MR_REFUSED), "%s: expected %s, found %U", field, expected, shown);
        Py_DECREF(shown);
    }
    return -1;
}

int mrp_refuse_type(const char *field, const char *expected, PyObject *value)
{
    PyErr_Format(
        PyExc_TypeError, "%s: expected %s, found %R", field, expected, (PyObject *)Py_TYPE(value));
    return -1;
}

/* ---- texts, numbers and truth ---------------------------------------------------------------- */

int mrp_refuse_text(PyObject *value, const char *field)
{
    if (!PyUnicode_Check(value)) {
        return mrp_refuse_type(field, "str", value);
    }
    bool is_lone = PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_UnicodeError);
    if (PyErr_Occurred() && !is_lone) {
        return -1; /* there is no memory */
    }
    PyErr_Clear();
    return mrp_refuse(
        field, is_lone ? "text without lone surrogates" : "text without NUL characters", value);
}

int mrp_need_text(PyObject *value, const char *field, const char **ret_text)
{
    return value == Py_None ? mrp_refuse_type(field, "str", value)
                            : mrp_read_text(value, field, ret_text);
}

int mrp_read_bool(PyObject *value, const char *field, int *ret_is_true)
{
    if (value == NULL) {
        return 0;
    }
    if (value != Py_True && value != Py_False) {
        return mrp_refuse_type(field, "True or False", value);
    }
    *ret_is_true = value == Py_True;
    return 0;
}

int mrp_read_number(PyObject *value, const char *field, const char *expected, double *ret_number)
{
    if (value == NULL) {
        return 0;
    }
    if (PyBool_Check(value)) {
        return mrp_refuse_type(field, "a number", value);
    }
    double number = PyFloat_AsDouble(value);
    if (number != -1.0 || !PyErr_Occurred()) {
        *ret_number = number;
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        return mrp_refuse_type(field, "a number", value);
    }
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Clear();
        return mrp_refuse(field, expected, value);
    }
    return -1;
}

int mrp_optional_number(PyObject *value, const char *field, double *ret_number, bool *ret_is_given)
{
    *ret_is_given = value != NULL && value != Py_None;
    return *ret_is_given
               ? mrp_read_number(value, field, "a number that a float can hold", ret_number)
               : 0;
}

int mrp_read_seconds(
    PyObject *value, const char *field, const struct mrp_range *range, double *ret_seconds)
{
    double seconds = 0.0;
    if (value == NULL) {
        return 0;
    }
    if (mrp_read_number(value, field, range->expected, &seconds) < 0) {
        return -1;
    }
    if (!(seconds >= range->lowest && seconds <= range->highest)) {
        return mrp_refuse(field, range->expected, value);
    }
    *ret_seconds = seconds;
    return 0;
}

bool mrp_is_integer(PyObject *value)
{
    return !PyBool_Check(value) && PyIndex_Check(value);
}

int mrp_read_integer(
    PyObject *value, const char *field, int64_t lowest, int64_t highest, int64_t *ret_number)
{
    char expected[80];
    int is_beyond = 0;
    if (value == NULL) {
        return 0;
    }
    PyObject *exact = mrp_is_integer(value) ? PyNumber_Index(value) : NULL;
    if (exact == NULL) {
        return PyErr_Occurred() ? -1 : mrp_refuse_type(field, "int", value);
    }
    int64_t number = PyLong_AsLongLongAndOverflow(exact, &is_beyond);
    Py_DECREF(exact);
    if (is_beyond != 0 || number < lowest || number > highest) {
        (void)snprintf(
            expected, sizeof(expected), "%lld to %lld", (long long)lowest, (long long)highest);
        return mrp_refuse(field, expected, value);
    }
    *ret_number = number;
    return 0;
}

int mrp_read_time(PyObject *value, const char *field, int64_t *ret_unix_ns)
{
    return mrp_read_integer(value, field, 0, INT64_MAX, ret_unix_ns);
}

/* ---- words ----------------------------------------------------------------------------------- */

int mrp_read_state(const char *word, const char *field, mr_state *ret_state)
{
    if (word == NULL || mr_state_parse(word, ret_state) == MR_OK) {
        return 0;
    }
    PyErr_Format(mrp_error_kind(MR_REFUSED),
        "%s: expected generated, evaluating, approved, executing, executed, blocked, expired or "
        "learned, found \"%.60s\"",
        field, word);
    return -1;
}

int mrp_read_consumer(PyObject *value, const char *field, const char **ret_name)
{
    const char *name;
    if (mrp_need_text(value, field, &name) < 0) {
        return -1;
    }
    if (!mri_consumer_slot_is_name(name)) {
        char expected[80];
        (void)snprintf(expected, sizeof(expected), "1 to %d of a to z, 0 to 9, \"_\" and \"-\"",
            MR_CONSUMER_NAME_MAX);
        return mrp_refuse(field, expected, value);
    }
    *ret_name = name;
    return 0;
}

PyObject *mrp_read_list(PyObject *value, const char *field, const char *expected)
{
    PyObject *iterator = PyObject_GetIter(value);
    if (iterator == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            (void)mrp_refuse_type(field, expected, value);
        }
        return NULL;
    }
    PyObject *list = PySequence_List(iterator);
    Py_DECREF(iterator);
    return list;
}

int mrp_read_timeout(PyObject *timeout, int64_t *ret_timeout_ms)
{
    static const struct mrp_range range = {0.0, 1e9, "seconds from 0 to 1e9, or None"};
    double seconds = 0.0;
    *ret_timeout_ms = -1;
    if (timeout == NULL || timeout == Py_None) {
        return 0;
    }
    if (mrp_read_seconds(timeout, "timeout", &range, &seconds) < 0) {
        return -1;
    }
    *ret_timeout_ms = (int64_t)(seconds * 1000.0);
    return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* So long a call may wait before the interpreter is asked whether a signal came. */
enum { SLICE_MS = 200 };

static int64_t boot_ms(void)
{
    const struct mri_os *os = mri_os_linux();
    return os->boottime_ns(os->context) / 1000000;
}

int64_t mrp_wait_until_ms(int64_t timeout_ms)
{
    return timeout_ms < 0 ? -1 : boot_ms() + timeout_ms;
}

int64_t mrp_wait_slice_ms(int64_t until_ms)
{
    int64_t left_ms = until_ms < 0 ? SLICE_MS : until_ms - boot_ms();
    return left_ms < 0 ? 0 : left_ms < SLICE_MS ? left_ms : SLICE_MS;
}

bool mrp_wait_is_over(int64_t until_ms)
{
    return until_ms >= 0 && boot_ms() >= until_ms;
}
