/* SPDX-License-Identifier: MIT */
/*
 * Signals as dicts: each is copied from one that has all the keys.
 */
#include "module.h"

#include <string.h>

#include "base/ident.h"

/* Words and names that come again and again, by where they are: made once. */
enum { TEXTS = 256 };

static PyObject *texts_made[TEXTS];

PyObject *mrp_text_object(const char *text)
{
    if (text == NULL) {
        return Py_NewRef(Py_None);
    }
    PyObject **place = &texts_made[((uintptr_t)text ^ (uintptr_t)text >> 8) % TEXTS];
    const char *made = *place == NULL ? NULL : PyUnicode_AsUTF8AndSize(*place, NULL);
    if (made == NULL || strcmp(made, text) != 0) { /* what is there now, wherever it was then */
        PyObject *fresh = PyUnicode_FromString(text);
        if (fresh == NULL) {
            return NULL;
        }
        Py_XDECREF(*place);
        *place = fresh;
    }
    return Py_NewRef(*place);
}

PyObject *mrp_state_text(mr_state state)
{
    const char *text = mr_state_text(state);
    return mrp_text_object(text == NULL ? "?" : text);
}

/** The keys of a signal, in their order. */
enum signal_key {
    SIGNAL_ID,
    SIGNAL_ORDINAL,
    SIGNAL_SYMBOL,
    SIGNAL_SIDE,
    SIGNAL_SOURCE,
    SIGNAL_NAME,
    SIGNAL_STATE,
    SIGNAL_ENDED,
    SIGNAL_GATE,
    SIGNAL_REASON,
    SIGNAL_EVENT_TIME,
    SIGNAL_GENERATED_SEQ,
    SIGNAL_MOVED_SEQ,
    SIGNAL_LAST_SEQ,
    SIGNAL_KEYS
};

static const char *const signal_key_texts[SIGNAL_KEYS] = {"id", "ordinal", "symbol", "side",
    "source", "name", "state", "ended", "gate", "reason", "event_time_unix_ns", "generated_seq",
    "moved_seq", "last_seq"};
static PyObject *signal_keys[SIGNAL_KEYS];
static PyObject *signal_form; /* a dict with all of them, to be copied */

/** Put values under keys that hold None; takes all of the references. NULL among the values is a
 * failure. */
static int fill_dict(PyObject *dict, PyObject *const *keys, PyObject **values, size_t count)
{
    int result = dict == NULL ? -1 : 0;
    for (size_t i = 0; i < count; i++) {
        if (result == 0 && values[i] != Py_None) {
            result = values[i] == NULL ? -1 : PyDict_SetItem(dict, keys[i], values[i]);
        }
        Py_XDECREF(values[i]);
    }
    return result;
}

int mrp_make_keys(const char *const *texts, PyObject **keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        keys[i] = PyUnicode_InternFromString(texts[i]);
        if (keys[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

int mrp_make_signal_form(void)
{
    if (mrp_make_keys(signal_key_texts, signal_keys, SIGNAL_KEYS) < 0) {
        return -1;
    }
    signal_form = PyDict_New();
    for (int i = 0; i < SIGNAL_KEYS; i++) {
        if (signal_form == NULL || PyDict_SetItem(signal_form, signal_keys[i], Py_None) < 0) {
            return -1;
        }
    }
    return 0;
}

PyObject *mrp_id_of(const Bus *self, mr_ordinal ordinal)
{
    char id[MR_BUS_ID_BYTES];
    mr_err err = mr_bus_id(self->bus, ordinal, id);
    return err == MR_OK ? PyUnicode_FromString(id) : mrp_raise_signal(err, ordinal, NULL);
}

/** The id, of what is known of the signal already. */
static PyObject *id_of_signal(const mr_signal *signal)
{
    char id[MRI_IDENT_BYTES];
    const struct mri_ident ident = {
        .symbol = mri_slice_of(signal->symbol),
        .time_unix_ms = signal->event_time_unix_ns / 1000000,
        .ordinal = signal->ordinal,
    };
    return PyUnicode_FromString(mri_ident_format(&ident, id));
}

PyObject *mrp_signal_of(const Bus *self, const mr_log_token *moment, mr_ordinal ordinal)
{
    mr_signal signal;
    mr_problem problem = {""};
    mr_err err = moment == NULL ? mr_bus_get(self->bus, ordinal, &signal)
                                : mr_bus_get_at(self->bus, moment, ordinal, &signal, &problem);
    if (err != MR_OK) {
        return mrp_raise_signal(err, ordinal, problem.text);
    }
    bool is_learned = signal.state == MR_LEARNED;
    PyObject *values[SIGNAL_KEYS] = {
        [SIGNAL_ID] = id_of_signal(&signal),
        [SIGNAL_ORDINAL] = PyLong_FromUnsignedLong(ordinal.n),
        [SIGNAL_SYMBOL] = mrp_text_object(signal.symbol),
        [SIGNAL_SIDE] = mrp_text_object(signal.side == MR_SHORT ? "short" : "long"),
        [SIGNAL_SOURCE] = mrp_text_object(signal.source),
        [SIGNAL_NAME] = mrp_text_object(signal.name),
        [SIGNAL_STATE] = mrp_state_text(signal.state),
        [SIGNAL_ENDED] = is_learned ? mrp_state_text(signal.ended) : Py_NewRef(Py_None),
        [SIGNAL_GATE] = mrp_text_object(signal.gate),
        [SIGNAL_REASON] = mrp_text_object(signal.reason),
        [SIGNAL_EVENT_TIME] = PyLong_FromLongLong(signal.event_time_unix_ns),
        [SIGNAL_GENERATED_SEQ] = PyLong_FromUnsignedLongLong(signal.generated.n),
        [SIGNAL_MOVED_SEQ] = PyLong_FromUnsignedLongLong(signal.moved.n),
        [SIGNAL_LAST_SEQ] = PyLong_FromUnsignedLongLong(signal.last.n),
    };
    PyObject *dict = PyDict_Copy(signal_form);
    if (fill_dict(dict, signal_keys, values, SIGNAL_KEYS) < 0) {
        Py_CLEAR(dict);
    }
    return dict;
}

PyObject *mrp_counts_dict(const uint64_t counts[MR_STATE_COUNT])
{
    PyObject *result = PyDict_New();
    for (int state = 0; result != NULL && state < MR_STATE_COUNT; state++) {
        PyObject *count = PyLong_FromUnsignedLongLong(counts[state]);
        int put = count == NULL
                      ? -1
                      : PyDict_SetItemString(result, mr_state_text((mr_state)state), count);
        Py_XDECREF(count);
        if (put < 0) {
            Py_CLEAR(result);
        }
    }
    return result;
}
