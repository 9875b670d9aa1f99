/* SPDX-License-Identifier: MIT */
/*
 * Results of the library as exceptions: a base, and below it one for each result.
 */
#include "module.h"

#include <stdio.h>
#include <string.h>

static PyObject *errors[64]; /* by distance from the lowest code */
static PyObject *error_base;

enum { LOWEST = -32 };

/** Every result, by its own name. */
static const struct {
    mr_err code;
    const char *name;
} error_names[] = {
#define ERROR_NAME(code, value, text) {code, #code},
    MR_ERR_MAP(ERROR_NAME)
#undef ERROR_NAME
};

PyObject *mrp_raise_error(mr_err err, const char *text)
{
    PyObject *kind = errors[(int)err - LOWEST];
    PyErr_SetString(kind == NULL ? error_base : kind,
        text != NULL && text[0] != '\0' ? text : mr_err_text(err));
    return NULL;
}

PyObject *mrp_raise_signal(mr_err err, mr_ordinal ordinal, const char *text)
{
    char own[40];
    bool is_unsaid = err == MR_NOT_FOUND && (text == NULL || text[0] == '\0');
    (void)snprintf(own, sizeof(own), "there is no signal %u", ordinal.n);
    return mrp_raise_error(err, is_unsaid ? own : text);
}

PyObject *mrp_raise_timed(mr_err err, const mr_problem *problem)
{
    static const char *const names[] = {"time", "close_time", "next_time"};
    const char *text = problem->text;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && err == MR_REFUSED; i++) {
        size_t count = strlen(names[i]);
        if (strncmp(text, names[i], count) == 0 && text[count] == ':') {
            PyErr_Format(mrp_error_kind(err), "%s_unix_ns%s", names[i], text + count);
            return NULL;
        }
    }
    return mrp_raise_error(err, text);
}

PyObject *mrp_error_kind(mr_err err)
{
    return errors[(int)err - LOWEST];
}

int mrp_add_errors(PyObject *module)
{
    char name[64];
    error_base = PyErr_NewExceptionWithDoc("millrace.MillraceError",
        "What the library answers when it is no success. Each result of docs/ERRORS.md has a "
        "subclass of its own name.",
        PyExc_Exception, NULL);
    if (error_base == NULL || PyModule_AddObjectRef(module, "MillraceError", error_base) < 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++) {
        if (error_names[i].code == MR_OK) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "millrace.%s", error_names[i].name);
        PyObject *kind =
            PyErr_NewExceptionWithDoc(name, mr_err_text(error_names[i].code), error_base, NULL);
        if (kind == NULL || PyModule_AddObjectRef(module, error_names[i].name, kind) < 0) {
            return -1;
        }
        errors[(int)error_names[i].code - LOWEST] = kind;
    }
    return 0;
}

/** Take the exception that is raised, if its kind is made of a text alone: the module's own are. */
static bool fetch_own(PyObject **kind, PyObject **value, PyObject **trace)
{
    PyErr_Fetch(kind, value, trace);
    bool is_own = *value != NULL &&
                  (*kind == PyExc_TypeError || PyErr_GivenExceptionMatches(*kind, error_base) != 0);
    if (!is_own) {
        PyErr_Restore(*kind, *value, *trace);
    }
    return is_own;
}

void mrp_name_argument(const char *field)
{
    PyObject *kind;
    PyObject *value;
    PyObject *trace;
    if (fetch_own(&kind, &value, &trace)) {
        PyErr_Format(kind, "%s%S", field, value);
        Py_XDECREF(kind);
        Py_XDECREF(value);
        Py_XDECREF(trace);
    }
}

void mrp_name_item(const char *what, size_t index, size_t count)
{
    PyObject *kind;
    PyObject *value;
    PyObject *trace;
    if (!fetch_own(&kind, &value, &trace)) {
        return;
    }
    PyErr_Format(kind, "%s %zu of %zu: %S", what, index + 1, count, value);
    Py_XDECREF(kind);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}
