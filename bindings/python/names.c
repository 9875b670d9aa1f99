/* SPDX-License-Identifier: MIT */
/*
 * What a signal, an emission or a moment is asked for by.
 *
 * Invariants
 *  1. An argument is read before the handle is entered, and found by what was read: a program of
 *     the caller's (__index__, a __repr__ in a message) runs while nobody has the handle.
 */
#include "module.h"

#include <stdio.h>

int mrp_read_signal(PyObject *name, const char *field, struct mrp_named *ret_named)
{
    struct mrp_named named = {.object = name, .field = field};
    if (mrp_is_integer(name)) {
        bool is_number = mrp_read_integer(name, field, 1, UINT32_MAX, &named.number) == 0;
        if (!is_number && PyErr_ExceptionMatches(mrp_error_kind(MR_REFUSED))) {
            PyErr_Clear();
            (void)mrp_refuse(field, "the id of a signal, or its number, 1 to 4294967295", name);
        }
        *ret_named = named;
        return is_number ? 0 : -1;
    }
    if (!PyUnicode_Check(name)) {
        return mrp_refuse_type(field, "the id of a signal, or its ordinal", name);
    }
    int result = mrp_read_text(name, field, &named.text);
    *ret_named = named;
    return result;
}

int mrp_read_observed(PyObject *name, const char *field, struct mrp_named *ret_named)
{
    struct mrp_named named = {.object = name, .field = field};
    int result = 0;
    if (mrp_is_integer(name)) {
        result = mrp_read_integer(name, field, 1, UINT32_MAX, &named.number);
    } else if (PyUnicode_Check(name)) {
        result = mrp_read_text(name, field, &named.text);
    } else {
        result = mrp_refuse_type(field, "the id of an emission, or its number", name);
    }
    *ret_named = named;
    return result;
}

int mrp_find(const Bus *self, const struct mrp_named *named, mr_ordinal *ret_ordinal)
{
    if (named->text == NULL) {
        ret_ordinal->n = (uint32_t)named->number;
        return 0;
    }
    mr_err err = mr_bus_find(self->bus, named->text, ret_ordinal);
    if (err == MR_NOT_FOUND) {
        PyErr_Format(mrp_error_kind(err), "there is no signal %.80s", named->text);
    } else if (err != MR_OK) {
        (void)mrp_raise_error(err, mr_err_text(err));
    }
    return err == MR_OK ? 0 : -1;
}

int mrp_find_observed(Bus *self, const struct mrp_named *named, uint32_t *ret_number)
{
    mr_problem problem = {""};
    if (named->text == NULL) {
        *ret_number = (uint32_t)named->number;
        return 0;
    }
    mr_err err = mr_bus_observed_find(self->bus, named->text, ret_number, &problem);
    return err == MR_OK ? 0 : ((void)mrp_raise_error(err, problem.text), -1);
}

int mrp_find_either(Bus *self, const struct mrp_named *named, uint32_t *ret_number)
{
    int result = mrp_find_observed(self, named, ret_number);
    bool is_none = result < 0 && PyErr_ExceptionMatches(mrp_error_kind(MR_NOT_FOUND)) != 0;
    if (is_none) {
        PyErr_Clear();
        PyObject *text = PyUnicode_FromString(named->text); /* the caller's may have a repr */
        PyObject *shown = text == NULL ? NULL : mrp_shown(text);
        if (shown != NULL) {
            PyErr_Format(mrp_error_kind(MR_NOT_FOUND),
                "%s: there is no signal, and no emission outside the lifecycle, %U", named->field,
                shown);
        }
        Py_XDECREF(shown);
        Py_XDECREF(text);
    }
    return result;
}

int mrp_read_instant(PyObject *as_of, struct mrp_instant *ret_instant)
{
    int64_t number = 0;
    *ret_instant = (struct mrp_instant){.field = "as_of: "};
    if (as_of == NULL || as_of == Py_None) {
        return 0;
    }
    if (PyUnicode_Check(as_of)) {
        return mrp_read_text(as_of, "as_of", &ret_instant->text);
    }
    if (!mrp_is_integer(as_of)) {
        return mrp_refuse_type(
            "as_of", "the number of an event, or a time, an age or a moment as str", as_of);
    }
    int result = mrp_read_integer(as_of, "as_of", 0, INT64_MAX, &number);
    (void)snprintf(ret_instant->number, sizeof(ret_instant->number), "%lld", (long long)number);
    ret_instant->is_number = true;
    return result;
}

int mrp_find_moment(Bus *self, const struct mrp_instant *instant, mr_log_token *token,
    const mr_log_token **ret_moment)
{
    mr_problem problem = {""};
    mr_err err;
    const char *text = instant->is_number ? instant->number : instant->text;
    *ret_moment = NULL;
    if (text == NULL) {
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_moment(self->bus, text, token, &problem);
    Py_END_ALLOW_THREADS *ret_moment = token;
    if (err != MR_OK) {
        (void)mrp_raise_error(err, problem.text);
    }
    if (err == MR_REFUSED) {
        mrp_name_argument(instant->field);
    }
    return err == MR_OK ? 0 : -1;
}
