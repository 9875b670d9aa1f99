/* SPDX-License-Identifier: MIT */
/*
 * Emitting: arguments and dicts into emissions, and the symbols that they are of.
 *
 * Invariants
 *  1. What is written as JSON is an offset into `texts`, which may move, until settle_data().
 */
#include "methods.h"

#include <string.h>

#include "base/alloc.h"
#include "base/ident.h"
#include "base/text.h"
#include "pipeline/signal_input.h"
#include "json/json_scan.h"

/** The arguments of emit(), and the keys of the dicts of emit_many(). */
enum field {
    SYMBOL,
    SIDE,
    SOURCE,
    CONFIDENCE,
    NAME,
    PRICE,
    HORIZON,
    VALID_FOR,
    EXTERNAL_ID,
    KEY,
    ACCOUNT,
    DATA,
    FIELDS
};

static const char *const field_names[FIELDS] = {"symbol", "side", "source", "confidence", "name",
    "price", "horizon", "valid_for", "external_id", "key", "account", "data"};

static const char *const horizon_words[MR_HORIZON_COUNT] = {
#define HORIZON_WORD(name, index, text, seconds) [index] = text,
    MR_HORIZON_MAP(HORIZON_WORD)
#undef HORIZON_WORD
};

static int read_text(PyObject *value, enum field field, const char **ret_text)
{
    return mrp_read_text(value, field_names[field], ret_text);
}

/** A number, which most are exactly; what is wrong with one is said with what the log takes. */
static int read_double(PyObject *value, enum field field, const char *expected, double *ret_number)
{
    if (PyFloat_CheckExact(value)) {
        *ret_number = PyFloat_AsDouble(value);
        return 0;
    }
    return mrp_read_number(value, field_names[field], expected, ret_number);
}

/** Is it one JSON object? Data that are kept alone may have numbers of any size, and any depth. */
static bool scan_data(struct mri_slice text, bool is_kept, struct mri_json_fault *reterr_fault)
{
    enum { LEVELS = 256, WORD_BITS = 64 };
    uint64_t few[LEVELS / WORD_BITS] = {0};
    size_t levels = is_kept ? mri_json_scan_levels(text) : 0;
    if (!is_kept) {
        return mri_json_scan_check(text, reterr_fault);
    }
    if (levels <= LEVELS) {
        return mri_json_scan_shape(text, few, levels, reterr_fault);
    }
    uint64_t *kinds = PyMem_Calloc(levels / WORD_BITS + 1, sizeof(*kinds));
    if (kinds == NULL) {
        *reterr_fault = (struct mri_json_fault){.reason = NULL};
        return false;
    }
    bool is_good = mri_json_scan_shape(text, kinds, levels, reterr_fault);
    PyMem_Free(kinds);
    return is_good;
}

/** JSON of the caller's own is kept as it is, so it must be a JSON object. */
static int check_json(const char *text, const char *field, bool is_kept)
{
    struct mri_json_fault fault;
    if (text == NULL) {
        return 0;
    }
    if (!scan_data(mri_slice_of(text), is_kept, &fault)) {
        if (fault.reason == NULL) {
            (void)PyErr_NoMemory();
        } else {
            PyErr_Format(mrp_error_kind(MR_REFUSED), "%s: no JSON, at byte %zu: %s", field,
                fault.offset + 1, fault.reason);
        }
        return -1;
    }
    if (!mri_text_is_braced(mri_slice_of(text))) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), "%s: expected a JSON object", field);
        return -1;
    }
    return 0;
}

/** Free data; those that are kept alone, and not read by the pipeline, have other limits. */
static int read_data(
    PyObject *value, const char *field, bool is_kept, struct mri_buf *texts, const char **ret_data)
{
    const int bytes_max = is_kept ? MRP_OBSERVED_BYTES_MAX : MRP_DATA_BYTES_MAX;
    *ret_data = NULL;
    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (PyBytes_Check(value)) {
        char *bytes;
        Py_ssize_t count;
        if (PyBytes_AsStringAndSize(value, &bytes, &count) < 0) {
            return -1;
        }
        if (strlen(bytes) != (size_t)count) {
            return mrp_refuse(field, "JSON without NUL bytes", value);
        }
        *ret_data = bytes;
        return check_json(bytes, field, is_kept);
    }
    if (PyUnicode_Check(value)) {
        return mrp_read_text(value, field, ret_data) < 0 ? -1
                                                         : check_json(*ret_data, field, is_kept);
    }
    if (!PyDict_Check(value)) {
        return mrp_refuse_type(field, "a dict, or JSON as bytes or str", value);
    }
    struct mri_json_writer json;
    size_t at = texts->count;
    mri_json_write_begin(&json, texts);
    if (mrp_write_value(&json, value, 0) < 0) {
        mrp_name_argument(field);
        return -1;
    }
    mri_buf_put(texts, "", 1);
    if (texts->err != MR_OK || texts->count - at > (size_t)bytes_max + 1) {
        PyErr_Format(
            mrp_error_kind(MR_REFUSED), "%s: expected up to %d bytes of JSON", field, bytes_max);
        return -1;
    }
    *ret_data = (const char *)(uintptr_t)at; /* `texts` may move: see settle_data() */
    return 1;
}

int mrp_read_data(PyObject *value, const char *field, struct mri_buf *texts, const char **ret_data)
{
    return read_data(value, field, false, texts, ret_data);
}

int mrp_read_kept_data(
    PyObject *value, const char *field, struct mri_buf *texts, const char **ret_data)
{
    int written = read_data(value, field, true, texts, ret_data);
    if (written > 0) {
        *ret_data = (const char *)texts->bytes; /* it is all that is written there */
    }
    return written < 0 ? -1 : 0;
}

static void note_object(PyObject **noted, PyObject *object)
{
    PyObject *before = *noted;
    *noted = Py_NewRef(object);
    Py_XDECREF(before);
}

void mrp_forget_words(Bus *self)
{
    Py_CLEAR(self->words.symbol);
    Py_CLEAR(self->words.side);
    Py_CLEAR(self->words.source);
}

/** Symbol, side and source: objects that were read before say the same. */
static int read_words(Bus *self, PyObject *const values[FIELDS], mr_emission *emission)
{
    struct mrp_words *words = &self->words;
    const char *side = NULL;
    bool is_noted = words->symbol != NULL && values[SYMBOL] == words->symbol &&
                    values[SIDE] == words->side && values[SOURCE] == words->source;
    if (is_noted) {
        emission->symbol = words->symbol_text;
        emission->source = words->source_text;
        emission->side = words->side_value;
        return 0;
    }
    if (read_text(values[SYMBOL], SYMBOL, &emission->symbol) < 0 ||
        read_text(values[SIDE], SIDE, &side) < 0 ||
        read_text(values[SOURCE], SOURCE, &emission->source) < 0) {
        return -1;
    }
    if (side == NULL || mr_side_parse(side, &emission->side) != MR_OK) {
        if (side != NULL) {
            return mrp_refuse("side", "long, buy, short or sell", values[SIDE]);
        }
        PyErr_SetString(
            mrp_error_kind(MR_REFUSED), "side: expected long, buy, short or sell, found nothing");
        return -1;
    }
    bool is_plain = emission->symbol != NULL && PyUnicode_CheckExact(values[SYMBOL]) &&
                    PyUnicode_CheckExact(values[SIDE]) && emission->source != NULL &&
                    PyUnicode_CheckExact(values[SOURCE]); /* to let go of one runs no program */
    if (is_plain) {
        note_object(&words->symbol, values[SYMBOL]);
        note_object(&words->side, values[SIDE]);
        note_object(&words->source, values[SOURCE]);
        words->symbol_text = emission->symbol;
        words->source_text = emission->source;
        words->side_value = emission->side;
    }
    return 0;
}

/** A key is `key` here, and not as lines and options have it. */
static int read_key(PyObject *value, const char **ret_key)
{
    mr_problem problem = {""};
    if (read_text(value, KEY, ret_key) < 0) {
        return -1;
    }
    if (*ret_key == NULL) {
        return 0;
    }
    mr_err err = mri_signal_input_check_key(mri_slice_of(*ret_key), field_names[KEY], &problem);
    return err == MR_OK ? 0 : ((void)mrp_raise_error(err, problem.text), -1);
}

/** "1m", "5m", ...; NULL: not given. */
static int read_horizon(PyObject *value, mr_emission *emission)
{
    const char *horizon;
    if (read_text(value, HORIZON, &horizon) < 0) {
        return -1;
    }
    emission->has_horizon = horizon != NULL;
    for (int i = 0; horizon != NULL && i < MR_HORIZON_COUNT; i++) {
        if (strcmp(horizon, horizon_words[i]) == 0) {
            emission->horizon = (mr_horizon)i;
            return 0;
        }
    }
    if (horizon != NULL) {
        return mrp_refuse("horizon", "1m, 5m, 15m, 30m or 1h", value);
    }
    return 0;
}

static int read_emission(Bus *self, PyObject *const values[FIELDS], struct mri_buf *texts,
    mr_emission *ret_emission, bool *ret_is_written)
{
    mr_emission emission = {0};
    double seconds = 0.0;
    if (read_words(self, values, &emission) < 0 ||
        read_text(values[NAME], NAME, &emission.name) < 0 ||
        read_text(values[EXTERNAL_ID], EXTERNAL_ID, &emission.external_id) < 0 ||
        read_key(values[KEY], &emission.key) < 0 ||
        read_text(values[ACCOUNT], ACCOUNT, &emission.account) < 0 ||
        read_horizon(values[HORIZON], &emission) < 0) {
        return -1;
    }
    emission.lacks_confidence = values[CONFIDENCE] == NULL || values[CONFIDENCE] == Py_None;
    if (!emission.lacks_confidence &&
        read_double(values[CONFIDENCE], CONFIDENCE, "0 to 1", &emission.confidence) < 0) {
        return -1;
    }
    emission.has_price = values[PRICE] != NULL && values[PRICE] != Py_None;
    if (emission.has_price && read_double(values[PRICE], PRICE, "a price", &emission.price) < 0) {
        return -1;
    }
    if (values[VALID_FOR] != NULL && values[VALID_FOR] != Py_None) {
        static const struct mrp_range range = {1.0, 86400.0, "1 to 86400 seconds"};
        if (mrp_read_seconds(values[VALID_FOR], field_names[VALID_FOR], &range, &seconds) < 0) {
            return -1;
        }
        emission.valid_for_ns = (int64_t)(seconds * 1e9);
    }
    int written = mrp_read_data(values[DATA], field_names[DATA], texts, &emission.data);
    *ret_is_written = written > 0;
    *ret_emission = emission;
    return written < 0 ? -1 : 0;
}

/** What was written into `texts` is where it stays now. */
static void settle_data(const struct mri_buf *texts, mr_emission *emission)
{
    emission->data = (const char *)texts->bytes + (uintptr_t)emission->data;
}

/* One buffer for free data waits for the next call; the interpreter's lock guards it. */
static struct mri_buf spare_texts;

static struct mri_buf take_texts(void)
{
    struct mri_buf texts = spare_texts;
    spare_texts = (struct mri_buf){0};
    if (texts.alloc == NULL) {
        mri_buf_init(&texts, mri_alloc_system(), 4 * MRP_DATA_BYTES_MAX);
    }
    mri_buf_clear(&texts);
    return texts;
}

static void give_texts(struct mri_buf *texts)
{
    if (spare_texts.alloc == NULL) {
        spare_texts = *texts;
    } else {
        mri_buf_fini(texts);
    }
}

/** -1 and an exception: nothing was emitted, or it is not known whether it is durable. */
static int emit_them(
    Bus *self, const mr_emission *emissions, size_t count, int is_durable, mr_emitted *ret_emitted)
{
    mr_durability durability = mrp_durability_of(is_durable);
    mr_problem problem;
    mr_err err;
    problem.text[0] = '\0';
    bool is_at_once = count == 1 && durability != MR_GROUP && emissions->key == NULL &&
                      mrp_is_free(self) && mr_bus_emits_at_once(self->bus);
    if (is_at_once) { /* letting go of the interpreter takes longer than that */
        err = mr_bus_emit(self->bus, emissions, count, durability, ret_emitted, &problem);
    } else {
        if (mrp_enter(self) < 0) {
            return -1;
        }
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_emit(self->bus, emissions, count, durability, ret_emitted, &problem);
        Py_END_ALLOW_THREADS mrp_leave(self);
    }
    if (err != MR_OK) {
        (void)mrp_raise_error(err, problem.text);
    }
    return err == MR_OK ? 0 : -1;
}

static PyObject *emitted_id(Bus *self, const mr_emitted *emitted)
{
    enum { MILLISECOND_NS = 1000000 };
    struct mrp_last_id *last = &self->last_id;
    int64_t time_unix_ms = emitted->event_time_unix_ns / MILLISECOND_NS;
    if (emitted->symbol == last->symbol && time_unix_ms == last->time_unix_ms) {
        mri_ident_put_ordinal(emitted->ordinal, last->text + last->count - MRI_IDENT_ORDINAL_BYTES);
    } else {
        last->symbol = emitted->symbol;
        last->time_unix_ms = time_unix_ms;
        last->count = strlen(mr_emitted_id(emitted, last->text));
    }
    return PyUnicode_FromStringAndSize(last->text, (Py_ssize_t)last->count);
}

static PyObject *emit_one(Bus *self, const mr_emission *emission, int is_durable)
{
    mr_emitted emitted;
    return emit_them(self, emission, 1, is_durable, &emitted) < 0 ? NULL
                                                                  : emitted_id(self, &emitted);
}

static PyObject *emit_list(Bus *self, const mr_emission *emissions, size_t count, int is_durable)
{
    PyObject *result = PyList_New((Py_ssize_t)count); /* now: it may run a program, which closes */
    mr_emitted *emitted = result == NULL ? NULL : PyMem_Malloc(count * sizeof(*emitted));
    if (emitted == NULL) {
        Py_XDECREF(result);
        return PyErr_NoMemory();
    }
    if (emit_them(self, emissions, count, is_durable, emitted) < 0) {
        Py_CLEAR(result);
    }
    for (size_t i = 0; result != NULL && i < count; i++) {
        PyObject *id = emitted_id(self, &emitted[i]);
        if (id == NULL || PyList_SetItem(result, (Py_ssize_t)i, id) < 0) {
            Py_CLEAR(result);
        }
    }
    PyMem_Free(emitted);
    return result;
}

/* The names as the interpreter has them: what is spelled in a program is one of these objects. */
static PyObject *field_objects[FIELDS];

int mrp_make_emit_names(void)
{
    bool is_made = true;
    for (unsigned i = 0; i < FIELDS && is_made; i++) {
        field_objects[i] = PyUnicode_InternFromString(field_names[i]);
        is_made = field_objects[i] != NULL;
    }
    return is_made ? 0 : -1;
}

/** Which of the arguments, or keys, is this? FIELDS: none. */
static enum field field_of(PyObject *name)
{
    unsigned field = SYMBOL;
    while (field < FIELDS && name != field_objects[field]) {
        field++;
    }
    if (field < FIELDS || !PyUnicode_Check(name)) {
        return (enum field)field;
    }
    field = SYMBOL;
    while (field < FIELDS && PyUnicode_CompareWithASCIIString(name, field_names[field]) != 0) {
        field++;
    }
    return (enum field)field;
}

PyObject *mrp_bus_emit(Bus *self, PyObject *const *args, Py_ssize_t count, PyObject *keyword_names)
{
    PyObject *values[FIELDS] = {NULL};
    PyObject *result = NULL;
    struct mri_buf texts;
    mr_emission emission;
    bool is_written = false;
    int is_durable = 0;
    if (count > CONFIDENCE + 1) {
        PyErr_Format(PyExc_TypeError, "emit() takes symbol, side, source and confidence by "
                                      "position, the rest by name");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        values[i] = args[i];
    }
    Py_ssize_t keywords = keyword_names == NULL ? 0 : PyTuple_Size(keyword_names);
    for (Py_ssize_t i = 0; i < keywords; i++) {
        PyObject *name = PyTuple_GetItem(keyword_names, i);
        if (name == NULL) {
            return NULL;
        }
        enum field field = field_of(name);
        if (field == FIELDS && PyUnicode_CompareWithASCIIString(name, "durable") == 0) {
            if (mrp_read_bool(args[count + i], "durable", &is_durable) < 0) {
                return NULL;
            }
            continue;
        }
        if (field == FIELDS || values[field] != NULL) {
            PyErr_Format(PyExc_TypeError, "emit(): %s argument %U",
                field == FIELDS ? "unknown" : "twice the", name);
            return NULL;
        }
        values[field] = args[count + i];
    }
    texts = take_texts();
    if (read_emission(self, values, &texts, &emission, &is_written) == 0) {
        if (is_written) {
            settle_data(&texts, &emission);
        }
        result = emit_one(self, &emission, is_durable);
    }
    give_texts(&texts);
    return result;
}

/** One dict of emit_many(); its values are kept: the dict may change before they are emitted. */
static int read_dict(Bus *self, PyObject *item, PyObject *values[FIELDS], struct mri_buf *texts,
    mr_emission *ret_emission, bool *ret_is_written)
{
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(item)) {
        PyErr_Format(PyExc_TypeError, "expected a dict, found %R", (PyObject *)Py_TYPE(item));
        return -1;
    }
    while (PyDict_Next(item, &at, &key, &value)) {
        enum field field = field_of(key);
        if (field == FIELDS) {
            return mrp_refuse_key(key);
        }
        PyObject *before = values[field]; /* a text that is equal to another key */
        values[field] = value == Py_None && field != CONFIDENCE ? NULL : Py_NewRef(value);
        Py_XDECREF(before);
    }
    return read_emission(self, values, texts, ret_emission, ret_is_written);
}

static void drop_values(PyObject *(*values)[FIELDS], size_t count)
{
    for (size_t i = 0; values != NULL && i < count; i++) {
        for (unsigned field = 0; field < FIELDS; field++) {
            Py_XDECREF(values[i][field]);
        }
    }
    PyMem_Free(values);
}

static PyObject *emit_sequence(Bus *self, PyObject *signals, int is_durable)
{
    Py_ssize_t count = PyList_Size(signals);
    struct mri_buf texts;
    PyObject *result = NULL;
    if (count == 0) {
        return PyList_New(0);
    }
    if (count > MR_BUS_BATCH_MAX) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), "signals: expected up to %d at once, found %zd",
            MR_BUS_BATCH_MAX, count);
        return NULL;
    }
    mr_emission *emissions = PyMem_Malloc((size_t)count * sizeof(*emissions));
    bool *is_written = PyMem_Malloc((size_t)count * sizeof(*is_written));
    PyObject *(*values)[FIELDS] = PyMem_Calloc((size_t)count, sizeof(*values));
    mri_buf_init(&texts, mri_alloc_system(), (size_t)1 << 30);
    bool is_good = emissions != NULL && is_written != NULL && values != NULL;
    if (!is_good) {
        (void)PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; is_good && i < count; i++) {
        is_good = read_dict(self, PyList_GetItem(signals, i), values[i], &texts, &emissions[i],
                      &is_written[i]) == 0;
        if (!is_good) {
            mrp_name_item("signal", (size_t)i, (size_t)count);
        }
    }
    for (Py_ssize_t i = 0; is_good && i < count; i++) {
        if (is_written[i]) {
            settle_data(&texts, &emissions[i]);
        }
    }
    if (is_good) {
        result = emit_list(self, emissions, (size_t)count, is_durable);
        bool is_unnamed = result == NULL && count == 1; /* of several the bus says which */
        if (is_unnamed && PyErr_ExceptionMatches(mrp_error_kind(MR_REFUSED)) != 0) {
            mrp_name_item("signal", 0, 1);
        }
    }
    mri_buf_fini(&texts);
    PyMem_Free(emissions);
    PyMem_Free(is_written);
    drop_values(values, (size_t)count);
    return result;
}

PyObject *mrp_bus_emit_many(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"signals", "durable", NULL};
    PyObject *signals;
    PyObject *durable = NULL;
    int is_durable = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O:emit_many", names, &signals, &durable) ||
        mrp_read_bool(durable, "durable", &is_durable) < 0) {
        return NULL;
    }
    PyObject *list =
        mrp_read_list(signals, "signals", "dicts"); /* the dicts stay while their texts are used */
    PyObject *result = list == NULL ? NULL : emit_sequence(self, list, is_durable);
    Py_XDECREF(list);
    return result;
}

PyObject *mrp_bus_register(Bus *self, PyObject *symbol)
{
    const char *text;
    mr_problem problem = {""};
    mr_err err;
    if (mrp_need_text(symbol, "symbol", &text) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_register(self->bus, text, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    if (err != MR_OK) {
        return mrp_raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}
