/* SPDX-License-Identifier: MIT */
/*
 * millrace/bus.h for Python, on the limited API of 3.10.
 *
 * Invariants
 *  1. A handle is used by one thread at a time: `lock` is held during every call of the library,
 * and the interpreter is let go of while a call may wait.
 *  2. A handle is of no use in a child of fork(): every call is refused there, and what the parent
 *     has is left alone.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/ident.h"
#include "millrace/bus.h"
#include "millrace/execution.h"
#include "millrace/log_consumer.h"
#include "os/os.h"
#include "json/json_write.h"

enum { DATA_BYTES_MAX = 65536, DEPTH_MAX = MRI_JSON_WRITE_DEPTH_MAX, PAGE = 1024 };

enum { LATE_EACH = 8 }; /* one event in so many is looked at for being late */

/* So long iteration may take for what was leased at once, before less is. */
#define BATCH_NS ((int64_t)20000000)

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

/* ---- errors ---------------------------------------------------------------------------------- */

/** Raise what belongs to a result; NULL, for returning it. */
static PyObject *raise_error(mr_err err, const char *text)
{
    PyObject *kind = errors[(int)err - LOWEST];
    PyErr_SetString(kind == NULL ? error_base : kind,
        text != NULL && text[0] != '\0' ? text : mr_err_text(err));
    return NULL;
}

/** The base, and below it one for each result, by its own name. */
static int add_errors(PyObject *module)
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

/* ---- JSON ------------------------------------------------------------------------------------ */

static int write_value(struct mri_json_writer *json, PyObject *value, int depth);

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
        if (write_value(json, item, depth + 1) < 0) {
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
        int result = item == NULL ? -1 : write_value(json, item, depth + 1);
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

static int write_value(struct mri_json_writer *json, PyObject *value, int depth)
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

/* ---- the handle ------------------------------------------------------------------------------ */

typedef struct subscription Subscription;
typedef struct claim Claim;
typedef struct orders Orders;

/* Counts forks: in a child it is another number than when the handle was made. */
static volatile unsigned long forks;

static void note_fork(void)
{
    forks++;
}

typedef struct {
    PyObject_HEAD mr_bus *bus;
    PyThread_type_lock lock;
    unsigned long forks;         /* when it was made */
    Subscription *subscriptions; /* open ones, borrowed: each takes itself out */
    Orders *orders;              /* likewise */
    PyObject *folder;            /* bytes */
} Bus;

/** What an event says, as far as it was asked for. */
enum event_field {
    EVENT_SEQ,
    EVENT_KIND,
    EVENT_TIME,
    EVENT_SIGNAL,
    EVENT_FROM,
    EVENT_TO,
    EVENT_GATE,
    EVENT_REASON,
    EVENT_DELIVERIES,
    EVENT_USUAL, /* the fields from here on must be asked for */
    EVENT_ORDINAL = EVENT_USUAL,
    EVENT_ID,
    EVENT_FIELDS
};

struct subscription {
    PyObject_HEAD Bus *bus;
    mr_subscription *subscription; /* NULL: closed */
    Subscription *next;
    unsigned long long held_seq; /* handed out by iteration, acked by its next step; 0: none */
    mr_seq *done;                /* by iteration, and not acked yet: with the next turn */
    size_t done_count;
    mr_bus_event *events; /* leased; those from `event_at` on were not handed out yet */
    size_t event_count;
    size_t event_at;
    size_t batch;     /* how many iteration leases at once, by how fast they are used up */
    size_t batch_max; /* and the most it may */
    int64_t leased_ns;
    int64_t lease_ns; /* how long a lease lasts */
    enum event_field fields[EVENT_FIELDS];
    size_t field_count;
    PyObject *form; /* a dict with these keys, to be copied */
};

struct claim {
    PyObject_HEAD Bus *bus;
    mr_claim claim;
    double lease; /* seconds, for renewal */
    mr_state state;
    bool is_over; /* released, ended, or lost */
};

struct orders {
    PyObject_HEAD Bus *bus;
    mr_executor *executor; /* NULL: closed */
    Orders *next;
    mr_order held; /* handed out by iteration, acked by its next step */
    bool is_holding;
};

static PyObject *subscription_type;
static PyObject *orders_type;
static PyObject *claim_type;

static void close_subscription(Subscription *self);

/** Take the handle for a call; -1 and an exception: it is closed, or another process's. */
static int enter(Bus *self)
{
    if (self->bus != NULL && self->forks != forks) {
        PyErr_SetString(
            errors[MR_EINVAL - LOWEST], "this bus was opened before a fork; open one in the child");
        return -1;
    }
    if (PyThread_acquire_lock(self->lock, NOWAIT_LOCK) == 0) {
        Py_BEGIN_ALLOW_THREADS PyThread_acquire_lock(self->lock, WAIT_LOCK);
        Py_END_ALLOW_THREADS
    }
    if (self->bus == NULL) {
        PyThread_release_lock(self->lock);
        PyErr_SetString(errors[MR_EINVAL - LOWEST], "this bus is closed");
        return -1;
    }
    return 0;
}

static void leave(Bus *self)
{
    PyThread_release_lock(self->lock);
}

static PyObject *bus_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"dir", "create", "table_signals", NULL};
    PyObject *path = NULL;
    int is_create = 0;
    unsigned int table_signals = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O&|$pI:Bus", names, PyUnicode_FSConverter,
            &path, &is_create, &table_signals)) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Bus *self = (Bus *)allocate(type, 0);
    if (self == NULL) {
        Py_DECREF(path);
        return NULL;
    }
    self->lock = PyThread_allocate_lock();
    self->forks = forks;
    if (self->lock == NULL) {
        Py_DECREF(path);
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    const char *folder = PyBytes_AsString(path);
    Py_BEGIN_ALLOW_THREADS err =
        is_create ? mr_bus_create_sized(folder, table_signals, &self->bus, &problem)
                  : mr_bus_open(folder, &self->bus, &problem);
    Py_END_ALLOW_THREADS self->folder = path;
    if (err != MR_OK) {
        self->bus = NULL;
        Py_DECREF(self);
        return raise_error(err, problem.text);
    }
    return (PyObject *)self;
}

static PyObject *bus_close(Bus *self, PyObject *unused)
{
    (void)unused;
    if (self->bus == NULL || self->forks != forks) {
        self->bus = NULL; /* in a child of fork() it is the parent's */
        Py_RETURN_NONE;
    }
    if (enter(self) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    mr_bus *bus = self->bus;
    self->bus = NULL;
    Subscription *subscriptions = self->subscriptions;
    self->subscriptions = NULL;
    Orders *orders = self->orders;
    self->orders = NULL;
    leave(self);
    for (; orders != NULL; orders = orders->next) {
        mr_executor_close(orders->executor);
        orders->executor = NULL;
    }
    for (; subscriptions != NULL; subscriptions = subscriptions->next) {
        close_subscription(subscriptions);
    }
    Py_BEGIN_ALLOW_THREADS mr_bus_close(bus);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static void bus_dealloc(Bus *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->lock != NULL) {
        Py_XDECREF(bus_close(self, NULL));
        PyThread_free_lock(self->lock);
    }
    Py_XDECREF(self->folder);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *bus_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *bus_exit(Bus *self, PyObject *args)
{
    (void)args;
    return bus_close(self, NULL);
}

/* ---- emitting -------------------------------------------------------------------------------- */

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
    Py_ssize_t count;
    *ret_text = NULL;
    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s: expected str, found %R", field_names[field],
            (PyObject *)Py_TYPE(value));
        return -1;
    }
    *ret_text = PyUnicode_AsUTF8AndSize(value, &count);
    if (*ret_text != NULL && strlen(*ret_text) != (size_t)count) {
        PyErr_Format(PyExc_ValueError, "%s: a NUL character", field_names[field]);
        return -1;
    }
    return *ret_text == NULL ? -1 : 0;
}

static int read_double(PyObject *value, enum field field, double *ret_number)
{
    *ret_number = PyFloat_AsDouble(value);
    if (PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "%s: expected a number, found %R", field_names[field], value);
        return -1;
    }
    return 0;
}

/** Free data: a dict is written as JSON; bytes or str are JSON already. */
static int read_data(PyObject *value, struct mri_buf *texts, const char **ret_data)
{
    *ret_data = NULL;
    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (PyBytes_Check(value)) {
        char *bytes;
        Py_ssize_t count;
        if (PyBytes_AsStringAndSize(value, &bytes, &count) < 0 || strlen(bytes) != (size_t)count) {
            PyErr_SetString(PyExc_ValueError, "data: a NUL byte");
            return -1;
        }
        *ret_data = bytes;
        return 0;
    }
    if (PyUnicode_Check(value)) {
        return read_text(value, DATA, ret_data);
    }
    if (!PyDict_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "data: expected a dict, or JSON as bytes or str");
        return -1;
    }
    struct mri_json_writer json;
    size_t at = texts->count;
    mri_json_write_begin(&json, texts);
    if (write_value(&json, value, 0) < 0) {
        return -1;
    }
    mri_buf_put(texts, "", 1);
    if (texts->err != MR_OK || texts->count - at > DATA_BYTES_MAX + 1) {
        PyErr_Format(
            errors[MR_REFUSED - LOWEST], "data: expected up to %d bytes of JSON", DATA_BYTES_MAX);
        return -1;
    }
    *ret_data = (const char *)(uintptr_t)at; /* `texts` may move: see settle_data() */
    return 1;
}

static int read_emission(PyObject *const values[FIELDS], struct mri_buf *texts,
    mr_emission *ret_emission, bool *ret_is_written)
{
    mr_emission emission = {0};
    const char *side = NULL;
    const char *horizon = NULL;
    double seconds = 0.0;
    if (read_text(values[SYMBOL], SYMBOL, &emission.symbol) < 0 ||
        read_text(values[SIDE], SIDE, &side) < 0 ||
        read_text(values[SOURCE], SOURCE, &emission.source) < 0 ||
        read_text(values[NAME], NAME, &emission.name) < 0 ||
        read_text(values[HORIZON], HORIZON, &horizon) < 0 ||
        read_text(values[EXTERNAL_ID], EXTERNAL_ID, &emission.external_id) < 0 ||
        read_text(values[KEY], KEY, &emission.key) < 0 ||
        read_text(values[ACCOUNT], ACCOUNT, &emission.account) < 0) {
        return -1;
    }
    if (side == NULL || mr_side_parse(side, &emission.side) != MR_OK) {
        PyErr_Format(errors[MR_REFUSED - LOWEST],
            "side: expected long, buy, short or sell, found %s", side == NULL ? "nothing" : side);
        return -1;
    }
    if (values[CONFIDENCE] == NULL) {
        PyErr_SetString(errors[MR_REFUSED - LOWEST], "confidence is missing");
        return -1;
    }
    emission.lacks_confidence = values[CONFIDENCE] == Py_None;
    if (!emission.lacks_confidence &&
        read_double(values[CONFIDENCE], CONFIDENCE, &emission.confidence) < 0) {
        return -1;
    }
    emission.has_price = values[PRICE] != NULL && values[PRICE] != Py_None;
    if (emission.has_price && read_double(values[PRICE], PRICE, &emission.price) < 0) {
        return -1;
    }
    emission.has_horizon = horizon != NULL;
    for (int i = 0; horizon != NULL && i < MR_HORIZON_COUNT; i++) {
        if (strcmp(horizon, horizon_words[i]) == 0) {
            emission.horizon = (mr_horizon)i;
            horizon = NULL;
        }
    }
    if (horizon != NULL) {
        PyErr_Format(errors[MR_REFUSED - LOWEST],
            "horizon: expected 1m, 5m, 15m, 30m or 1h, found %s", horizon);
        return -1;
    }
    if (values[VALID_FOR] != NULL && values[VALID_FOR] != Py_None) {
        if (read_double(values[VALID_FOR], VALID_FOR, &seconds) < 0) {
            return -1;
        }
        if (!(seconds >= 1.0 && seconds <= 86400.0)) {
            PyErr_SetString(errors[MR_REFUSED - LOWEST], "valid_for: expected 1 to 86400 seconds");
            return -1;
        }
        emission.valid_for_ns = (int64_t)(seconds * 1e9);
    }
    int written = read_data(values[DATA], texts, &emission.data);
    *ret_is_written = written > 0;
    *ret_emission = emission;
    return written < 0 ? -1 : 0;
}

/** What was written into `texts` is where it stays now. */
static void settle_data(const struct mri_buf *texts, mr_emission *emission)
{
    emission->data = (const char *)texts->bytes + (uintptr_t)emission->data;
}

static PyObject *id_of(const Bus *self, mr_ordinal ordinal)
{
    char id[MR_BUS_ID_BYTES];
    mr_err err = mr_bus_id(self->bus, ordinal, id);
    return err == MR_OK ? PyUnicode_FromString(id) : raise_error(err, NULL);
}

static mr_durability durability_of(int is_durable)
{
    return is_durable != 0 ? MR_GROUP : MR_INTERVAL;
}

/* One buffer for free data waits for the next call; the interpreter's lock guards it. */
static struct mri_buf spare_texts;

static struct mri_buf take_texts(void)
{
    struct mri_buf texts = spare_texts;
    spare_texts = (struct mri_buf){0};
    if (texts.alloc == NULL) {
        mri_buf_init(&texts, mri_alloc_system(), 4 * DATA_BYTES_MAX);
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
    mr_problem problem;
    mr_err err;
    problem.text[0] = '\0';
    if (enter(self) < 0) {
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_emit(self->bus, emissions, count, durability_of(is_durable), ret_emitted, &problem);
    Py_END_ALLOW_THREADS leave(self);
    if (err != MR_OK) {
        (void)raise_error(err, problem.text);
    }
    return err == MR_OK ? 0 : -1;
}

static PyObject *emitted_id(const mr_emitted *emitted)
{
    char id[MR_BUS_ID_BYTES];
    return PyUnicode_FromString(mr_emitted_id(emitted, id));
}

static PyObject *emit_one(Bus *self, const mr_emission *emission, int is_durable)
{
    mr_emitted emitted;
    return emit_them(self, emission, 1, is_durable, &emitted) < 0 ? NULL : emitted_id(&emitted);
}

static PyObject *emit_list(Bus *self, const mr_emission *emissions, size_t count, int is_durable)
{
    mr_emitted *emitted = PyMem_Malloc(count * sizeof(*emitted));
    PyObject *result = NULL;
    if (emitted == NULL) {
        return PyErr_NoMemory();
    }
    if (emit_them(self, emissions, count, is_durable, emitted) == 0) {
        result = PyList_New((Py_ssize_t)count);
    }
    for (size_t i = 0; result != NULL && i < count; i++) {
        PyObject *id = emitted_id(&emitted[i]);
        if (id == NULL || PyList_SetItem(result, (Py_ssize_t)i, id) < 0) {
            Py_CLEAR(result);
        }
    }
    PyMem_Free(emitted);
    return result;
}

/** Which of the arguments, or keys, is this? FIELDS: none. */
static enum field field_of(const char *name)
{
    enum field field = SYMBOL;
    while (field < FIELDS && strcmp(name, field_names[field]) != 0) {
        field++;
    }
    return field;
}

static PyObject *bus_emit(
    Bus *self, PyObject *const *args, Py_ssize_t count, PyObject *keyword_names)
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
        const char *name = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(keyword_names, i), NULL);
        if (name == NULL) {
            return NULL;
        }
        if (strcmp(name, "durable") == 0) {
            is_durable = PyObject_IsTrue(args[count + i]);
            continue;
        }
        enum field field = field_of(name);
        if (field == FIELDS || values[field] != NULL) {
            PyErr_Format(PyExc_TypeError, "emit(): %s argument %s",
                field == FIELDS ? "unknown" : "twice the", name);
            return NULL;
        }
        values[field] = args[count + i];
    }
    texts = take_texts();
    if (is_durable >= 0 && read_emission(values, &texts, &emission, &is_written) == 0) {
        if (is_written) {
            settle_data(&texts, &emission);
        }
        result = emit_one(self, &emission, is_durable);
    }
    give_texts(&texts);
    return result;
}

/** One dict of emit_many(). */
static int read_dict(PyObject *item, Py_ssize_t index, struct mri_buf *texts,
    mr_emission *ret_emission, bool *ret_is_written)
{
    PyObject *values[FIELDS] = {NULL};
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    if (!PyDict_Check(item)) {
        PyErr_Format(PyExc_TypeError, "signal %zd: expected a dict", index + 1);
        return -1;
    }
    while (PyDict_Next(item, &at, &key, &value)) {
        const char *name = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, NULL) : NULL;
        enum field field = name == NULL ? FIELDS : field_of(name);
        if (field == FIELDS) {
            PyErr_Format(errors[MR_REFUSED - LOWEST],
                "signal %zd: unknown key %R (free data go into \"data\")", index + 1, key);
            return -1;
        }
        values[field] = value == Py_None ? NULL : value;
    }
    return read_emission(values, texts, ret_emission, ret_is_written);
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
        return raise_error(MR_EINVAL, "emit_many() takes up to 8192 signals at once");
    }
    mr_emission *emissions = PyMem_Malloc((size_t)count * sizeof(*emissions));
    bool *is_written = PyMem_Malloc((size_t)count * sizeof(*is_written));
    mri_buf_init(&texts, mri_alloc_system(), (size_t)1 << 30);
    bool is_good = emissions != NULL && is_written != NULL;
    if (!is_good) {
        (void)PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; is_good && i < count; i++) {
        is_good =
            read_dict(PyList_GetItem(signals, i), i, &texts, &emissions[i], &is_written[i]) == 0;
    }
    for (Py_ssize_t i = 0; is_good && i < count; i++) {
        if (is_written[i]) {
            settle_data(&texts, &emissions[i]);
        }
    }
    if (is_good) {
        result = emit_list(self, emissions, (size_t)count, is_durable);
    }
    mri_buf_fini(&texts);
    PyMem_Free(emissions);
    PyMem_Free(is_written);
    return result;
}

static PyObject *bus_emit_many(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"signals", "durable", NULL};
    PyObject *signals;
    int is_durable = 0;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "O|$p:emit_many", names, &signals, &is_durable)) {
        return NULL;
    }
    PyObject *list = PySequence_List(signals); /* the dicts stay while their texts are used */
    PyObject *result = list == NULL ? NULL : emit_sequence(self, list, is_durable);
    Py_XDECREF(list);
    return result;
}

/* ---- facts ----------------------------------------------------------------------------------- */

/** True: it was taken; False: the log had it already. */
static PyObject *fact_result(mr_err err, size_t repeated, const mr_problem *problem)
{
    return err == MR_OK ? PyBool_FromLong(repeated == 0) : raise_error(err, problem->text);
}

/** A number that may be None; -1 and an exception: it is neither. */
static int optional_number(PyObject *value, double *ret_number, bool *ret_is_given)
{
    *ret_is_given = value != Py_None;
    if (value != Py_None) {
        *ret_number = PyFloat_AsDouble(value);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *bus_quote(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "bid", "ask", "time_unix_ns", "bid_quantity", "ask_quantity",
        "source", "durable", NULL};
    mr_quote quote = {0};
    long long time = 0;
    PyObject *bid_quantity = Py_None;
    PyObject *ask_quantity = Py_None;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sdd|$LOOzp:quote", names, &quote.symbol,
            &quote.bid, &quote.ask, &time, &bid_quantity, &ask_quantity, &quote.source,
            &is_durable) ||
        optional_number(bid_quantity, &quote.bid_quantity, &quote.has_bid_quantity) < 0 ||
        optional_number(ask_quantity, &quote.ask_quantity, &quote.has_ask_quantity) < 0) {
        return NULL;
    }
    quote.time_unix_ns = time;
    if (enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_quote(self->bus, &quote, 1, durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS leave(self);
    return fact_result(err, repeated, &problem);
}

static PyObject *bus_candle(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "symbol", "close_time_unix_ns", "open", "high", "low", "close", "volume", "durable", NULL};
    mr_candle candle = {0};
    long long time = 0;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sLddddd|$p:candle", names, &candle.symbol,
            &time, &candle.open, &candle.high, &candle.low, &candle.close, &candle.volume,
            &is_durable)) {
        return NULL;
    }
    candle.close_time_unix_ns = time;
    if (enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_candle(self->bus, &candle, 1, durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS leave(self);
    return fact_result(err, repeated, &problem);
}

static PyObject *bus_funding(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "rate", "time_unix_ns", "interval", "next_time_unix_ns",
        "source", "durable", NULL};
    mr_funding funding = {0};
    long long time = 0;
    long long next_time = 0;
    PyObject *interval = Py_None;
    double seconds = 0.0;
    bool has_interval;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "sd|$LOLzp:funding", names, &funding.symbol,
            &funding.rate, &time, &interval, &next_time, &funding.source, &is_durable) ||
        optional_number(interval, &seconds, &has_interval) < 0) {
        return NULL;
    }
    if (has_interval && !(seconds >= 1.0 && seconds <= 7.0 * 86400.0)) {
        return raise_error(MR_REFUSED, "interval: expected 1 to 604800 seconds");
    }
    funding.time_unix_ns = time;
    funding.next_time_unix_ns = next_time;
    funding.interval_ns = (int64_t)(seconds * 1e9);
    if (enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_funding(self->bus, &funding, 1, durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS leave(self);
    return fact_result(err, repeated, &problem);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Words and names that come again and again, by where they are: made once. */
enum { TEXTS = 256 };

static PyObject *texts_made[TEXTS];

/** A short text as str, a new reference; NULL and an exception. None stands for NULL. */
static PyObject *text_object(const char *text)
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

static PyObject *state_text(mr_state state)
{
    const char *text = mr_state_text(state);
    return text_object(text == NULL ? "?" : text);
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

/** Make the keys of dicts that are made often. */
static int make_keys(const char *const *texts, PyObject **keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        keys[i] = PyUnicode_InternFromString(texts[i]);
        if (keys[i] == NULL) {
            return -1;
        }
    }
    return 0;
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

/** A signal as of now, or of a moment. */
static PyObject *signal_of(const Bus *self, const mr_log_token *moment, mr_ordinal ordinal)
{
    mr_signal signal;
    mr_problem problem = {""};
    mr_err err = moment == NULL ? mr_bus_get(self->bus, ordinal, &signal)
                                : mr_bus_get_at(self->bus, moment, ordinal, &signal, &problem);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    bool is_learned = signal.state == MR_LEARNED;
    PyObject *values[SIGNAL_KEYS] = {
        [SIGNAL_ID] = id_of_signal(&signal),
        [SIGNAL_ORDINAL] = PyLong_FromUnsignedLong(ordinal.n),
        [SIGNAL_SYMBOL] = text_object(signal.symbol),
        [SIGNAL_SIDE] = text_object(signal.side == MR_SHORT ? "short" : "long"),
        [SIGNAL_SOURCE] = text_object(signal.source),
        [SIGNAL_NAME] = text_object(signal.name),
        [SIGNAL_STATE] = state_text(signal.state),
        [SIGNAL_ENDED] = is_learned ? state_text(signal.ended) : Py_NewRef(Py_None),
        [SIGNAL_GATE] = text_object(signal.gate),
        [SIGNAL_REASON] = text_object(signal.reason),
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

/** A signal by its id, or by its ordinal. */
static int find(const Bus *self, PyObject *name, mr_ordinal *ret_ordinal)
{
    if (PyLong_Check(name)) {
        unsigned long number = PyLong_AsUnsignedLong(name);
        ret_ordinal->n = (uint32_t)number;
        if (PyErr_Occurred()) {
            return -1;
        }
        if (number > UINT32_MAX) {
            ret_ordinal->n = 0; /* there is none */
        }
        return 0;
    }
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    if (text == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected the id of a signal, or its ordinal");
        return -1;
    }
    if (mr_bus_find(self->bus, text, ret_ordinal) != MR_OK) {
        PyErr_Format(errors[MR_NOT_FOUND - LOWEST], "there is no signal %s", text);
        return -1;
    }
    return 0;
}

static int follow(Bus *self)
{
    mr_problem problem = {""};
    mr_err err;
    Py_BEGIN_ALLOW_THREADS err = mr_bus_follow(self->bus, &problem);
    Py_END_ALLOW_THREADS return err == MR_OK ? 0 : (raise_error(err, problem.text), -1);
}

/** The moment that an argument as_of says; *ret_moment is NULL when it is absent. */
static int find_moment(
    Bus *self, PyObject *as_of, mr_log_token *token, const mr_log_token **ret_moment)
{
    mr_problem problem = {""};
    mr_err err;
    *ret_moment = NULL;
    if (as_of == NULL || as_of == Py_None) {
        return 0;
    }
    if (!PyUnicode_Check(as_of) && (!PyLong_Check(as_of) || PyBool_Check(as_of))) {
        PyErr_Format(PyExc_TypeError,
            "as_of: expected the number of an event, or a time, an age or a moment as str, found "
            "%R",
            (PyObject *)Py_TYPE(as_of));
        return -1;
    }
    PyObject *words = PyObject_Str(as_of);
    const char *text = words == NULL ? NULL : PyUnicode_AsUTF8AndSize(words, NULL);
    if (text == NULL) {
        Py_XDECREF(words);
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_moment(self->bus, text, token, &problem);
    Py_END_ALLOW_THREADS Py_DECREF(words);
    *ret_moment = token;
    return err == MR_OK ? 0 : (raise_error(err, problem.text), -1);
}

static PyObject *bus_get(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"id", "as_of", NULL};
    mr_ordinal ordinal;
    PyObject *name;
    PyObject *as_of = NULL;
    PyObject *result = NULL;
    mr_log_token token;
    const mr_log_token *moment;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O:get", names, &name, &as_of) ||
        enter(self) < 0) {
        return NULL;
    }
    if (follow(self) == 0 && find(self, name, &ordinal) == 0 &&
        find_moment(self, as_of, &token, &moment) == 0) {
        result = signal_of(self, moment, ordinal);
    }
    leave(self);
    return result;
}

/** What a moment is called, for as_of. */
static PyObject *bus_moment(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"as_of", NULL};
    PyObject *as_of = NULL;
    PyObject *result = NULL;
    mr_problem problem = {""};
    mr_log_token token;
    const mr_log_token *moment;
    char text[MR_LOG_TOKEN_BYTES];
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:moment", names, &as_of) ||
        enter(self) < 0) {
        return NULL;
    }
    if (follow(self) == 0 && find_moment(self, as_of, &token, &moment) == 0) {
        mr_err err = moment != NULL ? MR_OK : mr_bus_moment(self->bus, NULL, &token, &problem);
        result = err == MR_OK ? PyUnicode_FromString(mr_log_token_text(&token, text))
                              : raise_error(err, problem.text);
    }
    leave(self);
    return result;
}

static PyObject *query_page(const Bus *self, const char *question, const mr_log_token *moment,
    mr_ordinal beyond, Py_ssize_t limit, PyObject *signals)
{
    mr_ordinal ordinals[PAGE];
    mr_bus_page page = {.beyond = beyond, .ordinals = ordinals};
    mr_problem problem = {""};
    do {
        Py_ssize_t left = limit - PyList_Size(signals);
        page.room = (uint32_t)(left < PAGE ? left : PAGE);
        mr_err err = moment == NULL ? mr_bus_query(self->bus, question, &page, &problem)
                                    : mr_bus_query_at(self->bus, moment, question, &page, &problem);
        if (err != MR_OK) {
            return raise_error(err, problem.text);
        }
        for (uint32_t i = 0; i < page.count; i++) {
            PyObject *signal = signal_of(self, moment, ordinals[i]);
            int result = signal == NULL ? -1 : PyList_Append(signals, signal);
            Py_XDECREF(signal);
            if (result < 0) {
                return NULL;
            }
        }
        page.beyond = page.count > 0 ? ordinals[page.count - 1] : page.beyond;
    } while (page.is_cut && page.count > 0 && PyList_Size(signals) < limit);
    return signals;
}

static PyObject *bus_query(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"question", "limit", "after", "as_of", NULL};
    const char *question = "";
    Py_ssize_t limit = 100;
    PyObject *after = NULL;
    PyObject *as_of = NULL;
    mr_ordinal beyond = {0};
    mr_log_token token;
    const mr_log_token *moment;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "|s$nOO:query", names, &question, &limit, &after, &as_of)) {
        return NULL;
    }
    if (limit < 1) {
        return raise_error(MR_EINVAL, "limit: expected a number from 1");
    }
    PyObject *signals = PyList_New(0);
    if (signals == NULL || enter(self) < 0) {
        Py_XDECREF(signals);
        return NULL;
    }
    bool is_good = follow(self) == 0 &&
                   (after == NULL || after == Py_None || find(self, after, &beyond) == 0) &&
                   find_moment(self, as_of, &token, &moment) == 0 &&
                   query_page(self, question, moment, beyond, limit, signals) != NULL;
    leave(self);
    if (!is_good) {
        Py_CLEAR(signals);
    }
    return signals;
}

static PyObject *counts_dict(const uint64_t counts[MR_STATE_COUNT])
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

static PyObject *bus_counts(Bus *self, PyObject *unused)
{
    uint64_t counts[MR_STATE_COUNT];
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    mr_problem problem = {""};
    int followed = follow(self);
    mr_err err = followed < 0 ? MR_OK : mr_bus_counts(self->bus, counts, &problem);
    leave(self);
    if (followed < 0 || err != MR_OK) {
        return followed < 0 ? NULL : raise_error(err, problem.text);
    }
    return counts_dict(counts);
}

static int read_timeout(PyObject *timeout, int64_t *ret_timeout_ms)
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
        (void)raise_error(MR_EINVAL, "timeout: expected seconds from 0 to 1e9, or None");
        return -1;
    }
    *ret_timeout_ms = (int64_t)(seconds * 1000.0);
    return 0;
}

static PyObject *bus_wait(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout = Py_None;
    mr_problem problem = {""};
    int64_t timeout_ms;
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:wait", names, &timeout)) {
        return NULL;
    }
    if (read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    if (enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_wait(self->bus, timeout_ms, &problem);
    Py_END_ALLOW_THREADS leave(self);
    if (err == MR_OK || err == MR_AGAIN) {
        return PyErr_CheckSignals() < 0 ? NULL : PyBool_FromLong(err == MR_OK);
    }
    return raise_error(err, problem.text);
}

/** The data of a move: None, a dict, or JSON as str or bytes. */
static int read_move_data(PyObject *value, struct mri_buf *texts, mr_move *move)
{
    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (read_data(value, texts, &move->data) < 0) {
        return -1;
    }
    if (PyDict_Check(value)) {
        move->data = (const char *)texts->bytes; /* it is all that is written there */
    }
    return 0;
}

static PyObject *bus_move(Bus *self, PyObject *args, PyObject *keywords)
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
        return raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
    }
    mri_buf_init(&texts, mri_alloc_system(), DATA_BYTES_MAX + 4096);
    if (read_move_data(data, &texts, &move) < 0 || enter(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    bool is_found = follow(self) == 0 && find(self, name, &move.ordinal) == 0;
    if (is_found && from == NULL) { /* from where it is now */
        mr_signal signal;
        err = mr_bus_get(self->bus, move.ordinal, &signal);
        move.from = signal.state;
    }
    if (is_found && err == MR_OK) {
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_move(self->bus, &move, 1, durability_of(is_durable), NULL, &problem);
        Py_END_ALLOW_THREADS
    }
    leave(self);
    mri_buf_fini(&texts);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

/* ---- outside the lifecycle, and what was ------------------------------------------------------
 */

static PyObject *bus_register(Bus *self, PyObject *symbol)
{
    const char *text;
    mr_problem problem = {""};
    mr_err err;
    if (read_text(symbol, SYMBOL, &text) < 0 || enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_register(self->bus, text, &problem);
    Py_END_ALLOW_THREADS leave(self);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

/** The emission outside the lifecycle of an id or number; 0 when it is not one's form. */
static int find_observed(Bus *self, PyObject *name, uint32_t *ret_number)
{
    mr_problem problem = {""};
    if (PyLong_Check(name)) {
        unsigned long number = PyLong_AsUnsignedLong(name);
        *ret_number = number > UINT32_MAX ? 0 : (uint32_t)number;
        return PyErr_Occurred() ? -1 : 0;
    }
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    if (text == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected the id of an emission, or its number");
        return -1;
    }
    mr_err err = mr_bus_observed_find(self->bus, text, ret_number, &problem);
    return err == MR_OK ? 0 : ((void)raise_error(err, problem.text), -1);
}

static PyObject *observed_id(Bus *self, uint32_t number)
{
    char id[MR_BUS_ID_BYTES];
    mr_problem problem = {""};
    mr_err err = mr_bus_observed_id(self->bus, number, id, &problem);
    return err == MR_OK ? PyUnicode_FromString(id) : raise_error(err, problem.text);
}

/** Whom the observation is about, by whichever id it is. */
static int read_about(Bus *self, PyObject *about, mr_observation *observation)
{
    if (about == NULL || about == Py_None) {
        return 0;
    }
    const char *text = PyUnicode_Check(about) ? PyUnicode_AsUTF8AndSize(about, NULL) : NULL;
    bool is_signal = text != NULL && mr_bus_find(self->bus, text, &observation->ordinal) == MR_OK;
    if (is_signal) {
        return 0;
    }
    observation->ordinal.n = 0;
    return find_observed(self, about, &observation->about);
}

static PyObject *bus_observe(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "source", "data", "about", "to", "durable", NULL};
    PyObject *about = NULL;
    const char *to = NULL;
    int is_durable = 0;
    uint32_t number = 0;
    mr_observation observation = {0};
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$zzzOzp:observe", names, &observation.symbol,
            &observation.source, &observation.data, &about, &to, &is_durable)) {
        return NULL;
    }
    observation.is_moved = to != NULL;
    if (to != NULL && mr_state_parse(to, &observation.to) != MR_OK) {
        return raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
    }
    if (enter(self) < 0) {
        return NULL;
    }
    PyObject *result = NULL;
    if (follow(self) == 0 && read_about(self, about, &observation) == 0) {
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_observe(self->bus, &observation, durability_of(is_durable), &number, &problem);
        Py_END_ALLOW_THREADS if (err != MR_OK)
        {
            (void)raise_error(err, problem.text);
        }
        else if (number != 0)
        {
            result = observed_id(self, number);
        }
        else
        {
            result = Py_NewRef(about);
        }
    }
    leave(self);
    return result;
}

static PyObject *observed_of(const mr_observed *observed)
{
    return Py_BuildValue("{s:I,s:s,s:s,s:L,s:K,s:K}", "number", observed->number, "source",
        observed->source, "state", mr_state_text(observed->state), "event_time_unix_ns",
        (long long)observed->event_time_unix_ns, "emitted_seq",
        (unsigned long long)observed->emitted.n, "last_seq", (unsigned long long)observed->last.n);
}

/** Newest first, those before a number. */
static PyObject *bus_observed(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"before", "limit", NULL};
    unsigned before = 0;
    unsigned limit = PAGE;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$II:observed", names, &before, &limit) ||
        enter(self) < 0) {
        return NULL;
    }
    uint64_t counts[MR_STATE_COUNT];
    mr_problem problem = {""};
    mr_err counted = mr_bus_observed_counts(self->bus, counts, &problem);
    PyObject *list = counted == MR_OK ? PyList_New(0) : raise_error(counted, problem.text);
    uint64_t count = 0;
    for (int state = 0; list != NULL && state < MR_STATE_COUNT; state++) {
        count += counts[state];
    }
    uint32_t number = before == 0 || before > count ? (uint32_t)count : before - 1;
    for (; list != NULL && number > 0 && limit > 0; number--, limit--) {
        mr_observed observed;
        mr_err err = mr_bus_observed(self->bus, number, &observed, &problem);
        PyObject *one = err == MR_OK ? observed_of(&observed) : raise_error(err, problem.text);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    leave(self);
    return list;
}

static PyObject *record_of(const mr_bus_record *record)
{
    const char *from = record->is_move ? mr_state_text(record->from) : NULL;
    const char *to = record->is_move ? mr_state_text(record->to) : NULL;
    bool is_signal = record->side == MR_LONG || record->side == MR_SHORT;
    const char *side = record->side == MR_SHORT ? "short" : "long";
    PyObject *confidence = is_signal && !record->lacks_confidence
                               ? PyFloat_FromDouble(record->confidence)
                               : Py_NewRef(Py_None);
    if (confidence == NULL) {
        return NULL;
    }
    return Py_BuildValue("{s:K,s:s,s:L,s:z,s:z,s:z,s:z,s:z,s:z,s:z,s:z,s:L,s:z,s:N}", "seq",
        (unsigned long long)record->seq.n, "kind", record->kind, "time_unix_ns",
        (long long)record->time_unix_ns, "from_state", from, "to", to, "actor", record->actor,
        "gate", record->gate, "reason", record->reason, "symbol", record->symbol, "source",
        record->source, "data", record->data, "event_time_unix_ns",
        (long long)record->event_time_unix_ns, "side", is_signal ? side : NULL, "confidence",
        confidence);
}

/** From the newest event back to the first; the list is in the order of the log. */
static PyObject *read_back(Bus *self, mr_seq last)
{
    PyObject *list = PyList_New(0);
    mr_problem problem = {""};
    for (mr_seq seq = last; list != NULL && seq.n != 0;) {
        mr_bus_record record;
        mr_err err = mr_bus_read(self->bus, seq, &record, &problem);
        PyObject *one = err == MR_OK ? record_of(&record) : raise_error(err, problem.text);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
        seq = err == MR_OK ? record.previous : (mr_seq){0};
    }
    if (list != NULL && PyList_Reverse(list) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static PyObject *bus_history(Bus *self, PyObject *name)
{
    mr_signal signal;
    mr_observed observed;
    mr_ordinal ordinal;
    uint32_t number;
    PyObject *result = NULL;
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    if (text == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected the id of a signal or an emission");
        return NULL;
    }
    if (enter(self) < 0) {
        return NULL;
    }
    if (follow(self) == 0) {
        if (mr_bus_find(self->bus, text, &ordinal) == MR_OK &&
            mr_bus_get(self->bus, ordinal, &signal) == MR_OK) {
            result = read_back(self, signal.last);
        } else if (find_observed(self, name, &number) == 0 &&
                   mr_bus_observed(self->bus, number, &observed, NULL) == MR_OK) {
            result = read_back(self, observed.last);
        }
    }
    leave(self);
    return result;
}

static PyObject *bus_observed_counts(Bus *self, PyObject *unused)
{
    uint64_t counts[MR_STATE_COUNT];
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    mr_problem problem = {""};
    mr_err err = mr_bus_observed_counts(self->bus, counts, &problem);
    leave(self);
    return err != MR_OK ? raise_error(err, problem.text) : counts_dict(counts);
}

static PyObject *bus_observed_id(Bus *self, PyObject *number)
{
    uint32_t found;
    if (enter(self) < 0) {
        return NULL;
    }
    PyObject *result = find_observed(self, number, &found) == 0 ? observed_id(self, found) : NULL;
    leave(self);
    return result;
}

static PyObject *bus_sources(Bus *self, PyObject *unused)
{
    mr_source_count count;
    mr_problem problem = {""};
    mr_err err = MR_OK;
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && err == MR_OK; i++) {
        err = mr_bus_source_count(self->bus, i, &count, &problem);
        if (err != MR_OK) {
            break;
        }
        PyObject *one = Py_BuildValue("(sKK)", count.source, (unsigned long long)count.signals,
            (unsigned long long)count.observed);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    leave(self);
    if (err != MR_OK && err != MR_END) {
        Py_CLEAR(list);
        (void)raise_error(err, problem.text);
    }
    return list;
}

static PyObject *bus_symbols(Bus *self, PyObject *unused)
{
    uint32_t provisional;
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    int followed = follow(self);
    uint32_t count = followed < 0 ? 0 : mr_bus_symbol_count(self->bus, &provisional);
    leave(self);
    return followed < 0 ? NULL : Py_BuildValue("(II)", count, provisional);
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
        (void)raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
        return -1;
    }
    return 0;
}

static PyObject *bus_advance(Bus *self, PyObject *args, PyObject *keywords)
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
        return raise_error(MR_EINVAL, "steps: expected a list of 1 to 8");
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        moves[i] = (mr_move){0};
        if (read_step(PyList_GetItem(steps, i), &moves[i]) < 0) {
            return NULL;
        }
    }
    if (enter(self) < 0) {
        return NULL;
    }
    mr_ordinal ordinal = {0};
    bool is_found = follow(self) == 0 && find(self, name, &ordinal) == 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        moves[i].ordinal = ordinal;
    }
    if (is_found) {
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_move(self->bus, moves, (size_t)count, durability_of(is_durable), NULL, &problem);
        Py_END_ALLOW_THREADS
    }
    leave(self);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *bus_event_time(Bus *self, void *unused)
{
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    int64_t time = mr_bus_event_time_unix_ns(self->bus);
    leave(self);
    return PyLong_FromLongLong(time);
}

#define FUNCTION(name) (PyCFunction)(void (*)(void))(name)

/* ---- subscriptions --------------------------------------------------------------------------- */

/** Take the bus of a subscription for a call; -1 and an exception: either is closed. */
static int enter_subscription(Subscription *self)
{
    if (enter(self->bus) < 0) {
        return -1;
    }
    if (self->subscription == NULL) {
        leave(self->bus);
        PyErr_SetString(errors[MR_EINVAL - LOWEST], "this subscription is closed");
        return -1;
    }
    return 0;
}

static const char *const event_field_texts[EVENT_FIELDS] = {"seq", "kind", "time_unix_ns", "signal",
    "from_state", "to", "gate", "reason", "deliveries", "ordinal", "id"};
static PyObject *event_keys[EVENT_FIELDS];

/** One thing that an event says; NULL and an exception. */
static PyObject *event_value(
    const Subscription *self, const mr_bus_event *event, enum event_field field)
{
    switch (field) {
    case EVENT_SEQ:
        return PyLong_FromUnsignedLongLong(event->seq.n);
    case EVENT_KIND:
        return text_object(event->kind);
    case EVENT_TIME:
        return PyLong_FromLongLong(event->time_unix_ns);
    case EVENT_SIGNAL:
        return event->ordinal.n == 0 ? Py_NewRef(Py_None)
                                     : signal_of(self->bus, NULL, event->ordinal);
    case EVENT_FROM:
        return event->is_move ? state_text(event->from) : Py_NewRef(Py_None);
    case EVENT_TO:
        return event->is_move ? state_text(event->to) : Py_NewRef(Py_None);
    case EVENT_GATE:
        return text_object(event->gate);
    case EVENT_REASON:
        return text_object(event->reason);
    case EVENT_DELIVERIES:
        return PyLong_FromUnsignedLong(event->deliveries);
    case EVENT_ORDINAL:
        return event->ordinal.n == 0 ? Py_NewRef(Py_None)
                                     : PyLong_FromUnsignedLong(event->ordinal.n);
    case EVENT_ID:
        return event->ordinal.n == 0 ? Py_NewRef(Py_None) : id_of(self->bus, event->ordinal);
    default:
        return NULL;
    }
}

/** What was asked for, as a dict: a copy of one that has all the keys needs no room made. */
static PyObject *event_of(const Subscription *self, const mr_bus_event *event)
{
    PyObject *dict = PyDict_Copy(self->form);
    for (size_t i = 0; i < self->field_count && dict != NULL; i++) {
        PyObject *value = event_value(self, event, self->fields[i]);
        bool is_put =
            value == Py_None || /* it is there */
            (value != NULL && PyDict_SetItem(dict, event_keys[self->fields[i]], value) == 0);
        Py_XDECREF(value);
        if (!is_put) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static int64_t now_ns(void)
{
    const struct mri_os *os = mri_os_linux();
    return os->boottime_ns(os->context);
}

/** Ack what iteration is done with, in the handle; all that can be is, also when one cannot. */
static mr_err flush(Subscription *self, mr_problem *problem)
{
    size_t count = self->done_count;
    self->done_count = 0;
    mr_err err = count == 0
                     ? MR_OK
                     : mr_subscription_ack_many(self->subscription, self->done, count, problem);
    if (err != MR_CONFLICT || count == 1) {
        return err;
    }
    err = MR_OK;
    for (size_t i = 0; i < count; i++) {
        mr_problem own = {""};
        mr_err one = mr_subscription_ack(self->subscription, self->done[i], &own);
        if (one != MR_OK && err == MR_OK) {
            err = one;
            *problem = own;
        }
    }
    return err;
}

/** What was handed out by iteration before is done. */
static void note_done(Subscription *self)
{
    if (self->held_seq != 0) {
        self->done[self->done_count++].n = self->held_seq;
        self->held_seq = 0;
    }
}

/** Events that were leased long ago are given back: soon they would be others'. */
static mr_err give_back_late(Subscription *self, mr_problem *problem)
{
    mr_err err = MR_OK;
    if (self->event_at == self->event_count || self->event_at % LATE_EACH != 0 ||
        now_ns() - self->leased_ns < self->lease_ns / 2) {
        return MR_OK;
    }
    while (self->event_at < self->event_count) {
        mr_seq seq = self->events[self->event_at++].seq;
        mr_err one = mr_subscription_nack(self->subscription, seq, 0, problem);
        err = one == MR_OK || one == MR_CONFLICT ? err : one;
    }
    self->batch = 1;
    return err;
}

/** Lease as many as are used up within some milliseconds: others of the name get the rest. */
static size_t choose_batch(Subscription *self)
{
    int64_t took_ns = now_ns() - self->leased_ns;
    bool is_used_up = self->event_count == self->batch;
    if (is_used_up && took_ns < BATCH_NS / 2) {
        self->batch = 2 * self->batch < self->batch_max ? 2 * self->batch : self->batch_max;
    } else if (took_ns > BATCH_NS && self->batch > 1) {
        self->batch /= 2;
    }
    return self->batch;
}

/** Get more, after what was done before; MR_AGAIN: there is nothing. May wait. */
static mr_err refill(Subscription *self, size_t batch, int64_t timeout_ms, mr_problem *problem)
{
    size_t count = 0;
    self->event_count = 0;
    self->event_at = 0;
    mr_err err = flush(self, problem);
    if (err == MR_OK) {
        err = mr_subscription_next_many(self->subscription, self->events, batch, &count, problem);
    }
    if (err == MR_END || err == MR_AGAIN) {
        mr_err waited = mr_subscription_wait(self->subscription, timeout_ms, problem);
        err = waited == MR_OK ? MR_BUSY : waited;
    }
    self->event_count = count;
    self->leased_ns = now_ns();
    return err;
}

/**
 * Have an event at hand: 1, and the bus is entered; 0 there is none in time, -1 and an exception.
 * A batch of 0 is iteration's: it is done with the one before, and leases as many as it may.
 */
static int have_event(Subscription *self, size_t batch, int64_t timeout_ms)
{
    mr_problem problem = {""};
    for (;;) {
        if (enter_subscription(self) < 0) {
            return -1;
        }
        if (batch == 0) {
            note_done(self);
        }
        mr_err err = give_back_late(self, &problem);
        if (err == MR_OK && self->event_at < self->event_count) {
            return 1;
        }
        if (err == MR_OK) {
            size_t room = batch == 0 ? choose_batch(self) : batch;
            Py_BEGIN_ALLOW_THREADS err = refill(self, room, timeout_ms, &problem);
            Py_END_ALLOW_THREADS
        }
        if (err == MR_OK) {
            return 1;
        }
        leave(self->bus);
        if (PyErr_CheckSignals() < 0) {
            return -1;
        }
        if (err == MR_AGAIN && timeout_ms >= 0) {
            return 0;
        }
        if (err != MR_AGAIN && err != MR_BUSY) {
            (void)raise_error(err, problem.text);
            return -1;
        }
    }
}

/** The next event as a dict; None when there is none in time; NULL and an exception. */
static PyObject *take_event(Subscription *self, int64_t timeout_ms)
{
    int found = have_event(self, 1, timeout_ms);
    if (found <= 0) {
        return found < 0 ? NULL : Py_NewRef(Py_None);
    }
    PyObject *event = event_of(self, &self->events[self->event_at++]);
    leave(self->bus);
    return event;
}

static PyObject *subscription_take(Subscription *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout = NULL;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:take", names, &timeout) ||
        read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    return take_event(self, timeout_ms);
}

static PyObject *subscription_take_many(Subscription *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"count", "timeout", NULL};
    PyObject *timeout = NULL;
    Py_ssize_t most = MR_CONSUMER_IN_FLIGHT_MAX;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|nO:take_many", names, &most, &timeout) ||
        read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    if (most < 1 || most > MR_CONSUMER_IN_FLIGHT_MAX) {
        return raise_error(MR_EINVAL, "count: expected 1 to 1024");
    }
    PyObject *list = PyList_New(0);
    int found = list == NULL ? -1 : have_event(self, (size_t)most, timeout_ms);
    if (found > 0) {
        while (list != NULL && self->event_at < self->event_count && PyList_Size(list) < most) {
            PyObject *event = event_of(self, &self->events[self->event_at++]);
            if (event == NULL || PyList_Append(list, event) < 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(event);
        }
        leave(self->bus);
    }
    if (found < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/** The number of an event: as it is, or of the dict. */
static int read_seq(PyObject *event, mr_seq *ret_seq)
{
    PyObject *seq = PyDict_Check(event) ? PyDict_GetItemString(event, "seq") : event;
    if (seq == NULL || !PyLong_Check(seq)) {
        PyErr_SetString(PyExc_TypeError, "expected an event, or its seq");
        return -1;
    }
    ret_seq->n = PyLong_AsUnsignedLongLong(seq);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *subscription_ack(Subscription *self, PyObject *event)
{
    mr_seq seq;
    mr_problem problem = {""};
    if (read_seq(event, &seq) < 0 || enter_subscription(self) < 0) {
        return NULL;
    }
    self->held_seq = self->held_seq == seq.n ? 0 : self->held_seq;
    mr_err err = flush(self, &problem);
    if (err == MR_OK) {
        err = mr_subscription_ack(self->subscription, seq, &problem);
    }
    leave(self->bus);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

/** The numbers of many; how many there are, -1 and an exception. */
static Py_ssize_t read_seqs(PyObject *events, mr_seq seqs[MR_CONSUMER_IN_FLIGHT_MAX])
{
    Py_ssize_t count = PySequence_Size(events);
    if (count > MR_CONSUMER_IN_FLIGHT_MAX) {
        (void)raise_error(MR_EINVAL, "events: expected up to 1024");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *event = PySequence_GetItem(events, i);
        int result = event == NULL ? -1 : read_seq(event, &seqs[i]);
        Py_XDECREF(event);
        if (result < 0) {
            return -1;
        }
    }
    return count;
}

static PyObject *subscription_ack_many(Subscription *self, PyObject *events)
{
    mr_seq seqs[MR_CONSUMER_IN_FLIGHT_MAX];
    mr_problem problem = {""};
    Py_ssize_t count = read_seqs(events, seqs);
    if (count < 0 || enter_subscription(self) < 0) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        self->held_seq = self->held_seq == seqs[i].n ? 0 : self->held_seq;
    }
    mr_err err = flush(self, &problem);
    if (err == MR_OK && count > 0) {
        err = mr_subscription_ack_many(self->subscription, seqs, (size_t)count, &problem);
    }
    leave(self->bus);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *subscription_nack(Subscription *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"event", "delay", NULL};
    mr_problem problem = {""};
    PyObject *event;
    double delay = 0.0;
    mr_seq seq;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|d:nack", names, &event, &delay) ||
        read_seq(event, &seq) < 0) {
        return NULL;
    }
    if (!(delay >= 0.0 && delay <= 86400.0)) {
        return raise_error(MR_EINVAL, "delay: expected seconds from 0 to 86400");
    }
    if (enter_subscription(self) < 0) {
        return NULL;
    }
    mr_err err = flush(self, &problem);
    if (err == MR_OK) {
        err = mr_subscription_nack(self->subscription, seq, (int64_t)(delay * 1000.0), &problem);
    }
    leave(self->bus);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    self->held_seq = self->held_seq == seq.n ? 0 : self->held_seq;
    Py_RETURN_NONE;
}

/** Ack what iteration is done with, give back the rest, and close; the bus is entered, or going. */
static void close_subscription(Subscription *self)
{
    mr_problem problem = {""};
    if (self->subscription != NULL) {
        (void)flush(self, &problem); /* what could not be acked comes again */
        mr_subscription_close(self->subscription);
        self->subscription = NULL;
        self->event_count = 0;
        self->event_at = 0;
    }
}

static PyObject *subscription_close(Subscription *self, PyObject *unused)
{
    (void)unused;
    Bus *bus = self->bus;
    if (bus->bus == NULL || bus->forks != forks) {
        Py_RETURN_NONE; /* closed with it, or another process's */
    }
    if (enter(bus) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    for (Subscription **link = &bus->subscriptions; *link != NULL; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    close_subscription(self);
    leave(bus);
    Py_RETURN_NONE;
}

static void subscription_dealloc(Subscription *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->bus != NULL) {
        Py_XDECREF(subscription_close(self, NULL));
        Py_DECREF(self->bus);
    }
    PyMem_Free(self->events);
    PyMem_Free(self->done);
    Py_XDECREF(self->form);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/** What was handed out before is done when the next one is asked for. */
static PyObject *subscription_next(Subscription *self)
{
    if (have_event(self, 0, -1) <= 0) {
        return NULL;
    }
    const mr_bus_event *own = &self->events[self->event_at];
    PyObject *event = event_of(self, own);
    if (event != NULL) {
        self->held_seq = own->seq.n;
        self->event_at++;
    }
    leave(self->bus);
    return event;
}

static PyObject *subscription_exit(Subscription *self, PyObject *args)
{
    (void)args;
    return subscription_close(self, NULL);
}

static PyMethodDef subscription_methods[] = {
    {"take", FUNCTION(subscription_take), METH_VARARGS | METH_KEYWORDS,
        "take(timeout=None)\n\n"
        "The next event as a dict, to be acked or given back; None after timeout seconds."},
    {"take_many", FUNCTION(subscription_take_many), METH_VARARGS | METH_KEYWORDS,
        "take_many(count=1024, timeout=None)\n\n"
        "As many events as there are now, up to count, as a list, to be acked or given back.\n"
        "It waits for the first; an empty list after timeout seconds."},
    {"ack", FUNCTION(subscription_ack), METH_O,
        "ack(event)\n\nThe event is done: it does not come again."},
    {"ack_many", FUNCTION(subscription_ack_many), METH_O,
        "ack_many(events)\n\nAll of them are done, or none."},
    {"nack", FUNCTION(subscription_nack), METH_VARARGS | METH_KEYWORDS,
        "nack(event, delay=0.0)\n\nGive the event back: it comes again after so many seconds."},
    {"close", FUNCTION(subscription_close), METH_NOARGS,
        "close()\n\nGive back what was not acked, and close."},
    {"__enter__", FUNCTION(bus_enter), METH_NOARGS, NULL},
    {"__exit__", FUNCTION(subscription_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot subscription_slots[] = {
    {Py_tp_doc,
        "A durable place in the log, of Bus.subscribe(). Iteration hands out event after\n"
        "event, waits for the next, and is done with one when the next is asked for. Who is\n"
        "fast is given some at a time: what was done is then acked with the last of them, so\n"
        "that after a kill some come again. subscribe(batch=1) acks each at once."},
    {Py_tp_dealloc, subscription_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, subscription_next},
    {Py_tp_methods, subscription_methods},
    {0, NULL},
};

static PyType_Spec subscription_spec = {
    .name = "millrace.Subscription",
    .basicsize = sizeof(Subscription),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = subscription_slots,
};

/** Which fields an event has: those that are named, in their order, or the usual ones. */
static int read_fields(Subscription *self, PyObject *fields)
{
    for (int i = 0; i < EVENT_USUAL; i++) {
        self->fields[i] = (enum event_field)i;
    }
    self->field_count = EVENT_USUAL;
    if (fields == NULL || fields == Py_None) {
        return 0;
    }
    Py_ssize_t count = PySequence_Size(fields);
    self->field_count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(fields, i);
        const char *name =
            item != NULL && PyUnicode_Check(item) ? PyUnicode_AsUTF8AndSize(item, NULL) : NULL;
        int field = 0;
        while (
            name != NULL && field < EVENT_FIELDS && strcmp(name, event_field_texts[field]) != 0) {
            field++;
        }
        if (name == NULL || field == EVENT_FIELDS || self->field_count == EVENT_FIELDS) {
            PyErr_Format(errors[MR_REFUSED - LOWEST],
                "fields: expected some of seq, kind, time_unix_ns, signal, from_state, to, gate, "
                "reason, deliveries, ordinal and id, found %R",
                item);
            Py_XDECREF(item);
            return -1;
        }
        Py_DECREF(item);
        self->fields[self->field_count++] = (enum event_field)field;
    }
    return count < 0 ? -1 : 0;
}

static int prepare(Subscription *self, unsigned batch, uint32_t ack_wait_ms, PyObject *fields)
{
    self->batch = 1;
    self->batch_max = batch;
    self->lease_ns = (int64_t)(ack_wait_ms == 0 ? MR_CONSUMER_ACK_WAIT_MS : ack_wait_ms) * 1000000;
    self->events = PyMem_Malloc(MR_CONSUMER_IN_FLIGHT_MAX * sizeof(*self->events));
    self->done = PyMem_Malloc(MR_CONSUMER_IN_FLIGHT_MAX * sizeof(*self->done));
    if (self->events == NULL || self->done == NULL) {
        (void)PyErr_NoMemory();
        return -1;
    }
    if (read_fields(self, fields) < 0) {
        return -1;
    }
    self->form = PyDict_New();
    int result = self->form == NULL ? -1 : 0;
    for (size_t i = 0; i < self->field_count && result == 0; i++) {
        result = PyDict_SetItem(self->form, event_keys[self->fields[i]], Py_None);
    }
    return result;
}

static PyObject *bus_subscribe(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "kind", "symbol", "source", "signal_name", "state", "start",
        "max_in_flight", "max_deliver", "ack_wait", "batch", "fields", NULL};
    const char *name;
    const char *start = "end";
    double ack_wait = 0.0;
    unsigned batch = MR_CONSUMER_IN_FLIGHT_MAX;
    PyObject *fields = NULL;
    mr_subscribe_options options = {0};
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "s|$zzzzzsIIdIO:subscribe", names, &name,
            &options.kind, &options.symbol, &options.source, &options.name, &options.state, &start,
            &options.max_in_flight, &options.max_deliver, &ack_wait, &batch, &fields)) {
        return NULL;
    }
    options.is_from_beginning = strcmp(start, "beginning") == 0;
    if (!options.is_from_beginning && strcmp(start, "end") != 0) {
        return raise_error(MR_REFUSED, "start: expected beginning or end");
    }
    if (!(ack_wait >= 0.0 && ack_wait <= 86400.0)) {
        return raise_error(MR_REFUSED, "ack_wait: expected seconds from 0 to 86400");
    }
    if (batch < 1 || batch > MR_CONSUMER_IN_FLIGHT_MAX) {
        return raise_error(MR_REFUSED, "batch: expected 1 to 1024");
    }
    options.ack_wait_ms = (uint32_t)(ack_wait * 1000.0);
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)subscription_type, Py_tp_alloc);
    Subscription *made = (Subscription *)allocate((PyTypeObject *)subscription_type, 0);
    if (made == NULL || prepare(made, batch, options.ack_wait_ms, fields) < 0 || enter(self) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_subscribe(self->bus, name, &options, &made->subscription, &problem);
    Py_END_ALLOW_THREADS if (err == MR_OK)
    {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->next = self->subscriptions;
        self->subscriptions = made;
    }
    leave(self);
    if (err != MR_OK) {
        Py_DECREF(made);
        return raise_error(err, problem.text);
    }
    return (PyObject *)made;
}

/* ---- orders at a venue outside ----------------------------------------------------------------
 */

/** A text, or None when it is empty. */
static const char *text_or_none(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static PyObject *order_of(const Bus *self, const mr_order *order)
{
    PyObject *id = id_of(self, order->ordinal);
    if (id == NULL) {
        return NULL;
    }
    return Py_BuildValue(
        "{s:s,s:s,s:N,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:d,s:d,s:I,s:z,s:O,s:L,s:L,s:K,s:K}", "id",
        order->id, "state", order->state, "signal", id, "ordinal", order->ordinal.n, "symbol",
        order->symbol, "venue", order->venue, "native_name", order->native_name, "leg", order->leg,
        "type", order->type, "side", order->side == MR_SHORT ? "sell" : "buy", "quantity",
        order->quantity, "reference_price", order->reference_price, "attempt", order->attempt,
        "venue_order_id", text_or_none(order->venue_order_id), "stuck",
        order->is_stuck ? Py_True : Py_False, "intent_time_unix_ns",
        (long long)order->intent_time_unix_ns, "reported_time_unix_ns",
        (long long)order->reported_time_unix_ns, "intent_seq", (unsigned long long)order->intent.n,
        "report_seq", (unsigned long long)order->report.n);
}

static PyObject *orders_list(const Bus *self, const mr_order *orders, uint32_t count)
{
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        PyObject *order = order_of(self, &orders[i]);
        if (order == NULL || PyList_Append(list, order) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(order);
    }
    return list;
}

static PyObject *bus_open_orders(Bus *self, PyObject *unused)
{
    mr_problem problem = {""};
    mr_order *orders = NULL;
    uint32_t count = 0;
    uint32_t room = 0;
    mr_err err;
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    do { /* others may add some while we look */
        room = count + 16;
        mr_order *larger = PyMem_Realloc(orders, room * sizeof(*orders));
        if (larger == NULL) {
            PyMem_Free(orders);
            leave(self);
            return PyErr_NoMemory();
        }
        orders = larger;
        Py_BEGIN_ALLOW_THREADS err = mr_bus_open_orders(self->bus, orders, room, &count, &problem);
        Py_END_ALLOW_THREADS
    } while (err == MR_OK && count > room);
    PyObject *list =
        err == MR_OK ? orders_list(self, orders, count) : raise_error(err, problem.text);
    leave(self);
    PyMem_Free(orders);
    return list;
}

static PyObject *bus_order(Bus *self, PyObject *name)
{
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    mr_problem problem = {""};
    mr_order order;
    mr_err err;
    if (text == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected the client order id of an order");
        return NULL;
    }
    if (enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_order(self->bus, text, &order, &problem);
    Py_END_ALLOW_THREADS PyObject *result =
        err == MR_OK ? order_of(self, &order) : raise_error(err, problem.text);
    leave(self);
    return result;
}

/** The client order id: as it is, or of the dict. */
static const char *order_id_of(PyObject *order)
{
    PyObject *id = PyDict_Check(order) ? PyDict_GetItemString(order, "id") : order;
    const char *text = id != NULL && PyUnicode_Check(id) ? PyUnicode_AsUTF8AndSize(id, NULL) : NULL;
    if (text == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "expected an order, or its client order id");
    }
    return text;
}

static PyObject *bus_order_report(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"order", "status", "price", "quantity", "fee", "time_unix_ns",
        "venue_order_id", "symbol", "side", "executor", "message", "durable", NULL};
    PyObject *order;
    PyObject *price = Py_None;
    PyObject *quantity = Py_None;
    PyObject *fee = Py_None;
    long long time = 0;
    int is_durable = 1;
    bool is_repeated = false;
    mr_order_report report = {0};
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Os|$OOOLzzzzzp:order_report", names, &order,
            &report.status, &price, &quantity, &fee, &time, &report.venue_order_id, &report.symbol,
            &report.side, &report.executor, &report.message, &is_durable) ||
        optional_number(price, &report.price, &report.has_price) < 0 ||
        optional_number(quantity, &report.quantity, &report.has_quantity) < 0 ||
        optional_number(fee, &report.fee, &report.has_fee) < 0) {
        return NULL;
    }
    report.id = order_id_of(order);
    report.time_unix_ns = time;
    if (report.id == NULL || enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_order_report(self->bus, &report, durability_of(is_durable), &is_repeated, &problem);
    Py_END_ALLOW_THREADS leave(self);
    return err == MR_OK ? PyBool_FromLong(!is_repeated) : raise_error(err, problem.text);
}

/** Take the bus of an executor for a call; -1 and an exception: either is closed. */
static int enter_orders(Orders *self)
{
    if (enter(self->bus) < 0) {
        return -1;
    }
    if (self->executor == NULL) {
        leave(self->bus);
        PyErr_SetString(errors[MR_EINVAL - LOWEST], "this executor is closed");
        return -1;
    }
    return 0;
}

/** The next order as a dict; None when there is none in time; NULL and an exception. */
static PyObject *take_order(Orders *self, int64_t timeout_ms)
{
    mr_problem problem = {""};
    mr_order order;
    mr_err err;
    for (;;) {
        if (enter_orders(self) < 0) {
            return NULL;
        }
        Py_BEGIN_ALLOW_THREADS err = mr_executor_next(self->executor, &order, &problem);
        if (err == MR_END || err == MR_AGAIN) {
            mr_err waited = mr_executor_wait(self->executor, timeout_ms, &problem);
            err = waited == MR_OK ? MR_BUSY : waited == MR_AGAIN ? MR_AGAIN : waited;
        }
        Py_END_ALLOW_THREADS PyObject *taken = err == MR_OK ? order_of(self->bus, &order) : NULL;
        self->held = err == MR_OK ? order : self->held;
        self->is_holding = err == MR_OK ? true : self->is_holding;
        leave(self->bus);
        if (err == MR_OK) {
            return taken;
        }
        if (PyErr_CheckSignals() < 0) {
            return NULL;
        }
        if (err == MR_AGAIN && timeout_ms >= 0) {
            Py_RETURN_NONE;
        }
        if (err != MR_AGAIN && err != MR_BUSY) {
            return raise_error(err, problem.text);
        }
    }
}

/** What was handed out before is looked after when the next one is asked for. */
static int ack_held(Orders *self)
{
    mr_problem problem = {""};
    if (!self->is_holding) {
        return 0;
    }
    if (enter_orders(self) < 0) {
        return -1;
    }
    mr_err err = mr_executor_ack(self->executor, &self->held, &problem);
    leave(self->bus);
    self->is_holding = false;
    return err == MR_OK ? 0 : (raise_error(err, problem.text), -1);
}

static PyObject *orders_take(Orders *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"timeout", NULL};
    PyObject *timeout = NULL;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:take", names, &timeout) ||
        read_timeout(timeout, &timeout_ms) < 0 || ack_held(self) < 0) {
        return NULL;
    }
    return take_order(self, timeout_ms);
}

static PyObject *orders_next(Orders *self)
{
    return ack_held(self) < 0 ? NULL : take_order(self, -1);
}

static PyObject *orders_close(Orders *self, PyObject *unused)
{
    (void)unused;
    Bus *bus = self->bus;
    if (bus->bus == NULL || bus->forks != forks) {
        Py_RETURN_NONE; /* closed with it, or another process's */
    }
    if (enter(bus) < 0) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    for (Orders **link = &bus->orders; *link != NULL; link = &(*link)->next) {
        if (*link == self) {
            *link = self->next;
            break;
        }
    }
    mr_executor_close(self->executor);
    self->executor = NULL;
    leave(bus);
    Py_RETURN_NONE;
}

static void orders_dealloc(Orders *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->bus != NULL) {
        Py_XDECREF(orders_close(self, NULL));
        Py_DECREF(self->bus);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *orders_exit(Orders *self, PyObject *args)
{
    (void)args;
    return orders_close(self, NULL);
}

static PyMethodDef orders_methods[] = {
    {"take", FUNCTION(orders_take), METH_VARARGS | METH_KEYWORDS,
        "take(timeout=None)\n\n"
        "The next order as a dict; None after timeout seconds. The one before is looked after."},
    {"close", FUNCTION(orders_close), METH_NOARGS,
        "close()\n\nLet another process take the orders."},
    {"__enter__", FUNCTION(bus_enter), METH_NOARGS, NULL},
    {"__exit__", FUNCTION(orders_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot orders_slots[] = {
    {Py_tp_doc,
        "The orders of a log, of Bus.orders(): iteration hands out those that may live, then each\n"
        "new one, and waits for the next. Each is durable when it comes. Its id is the client\n"
        "order id to give to the venue; only one whose state is 'intent' was never sent."},
    {Py_tp_dealloc, orders_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, orders_next},
    {Py_tp_methods, orders_methods},
    {0, NULL},
};

static PyType_Spec orders_spec = {
    .name = "millrace.Orders",
    .basicsize = sizeof(Orders),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = orders_slots,
};

static PyObject *bus_orders(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", NULL};
    const char *name = "executor";
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|s:orders", names, &name)) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)orders_type, Py_tp_alloc);
    Orders *made = (Orders *)allocate((PyTypeObject *)orders_type, 0);
    if (made == NULL || enter(self) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_executor_open(self->bus, name, &made->executor, &problem);
    Py_END_ALLOW_THREADS if (err == MR_OK)
    {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->next = self->orders;
        self->orders = made;
    }
    leave(self);
    if (err != MR_OK) {
        Py_DECREF(made);
        return raise_error(err, problem.text);
    }
    return (PyObject *)made;
}

/* ---- feedback and health ----------------------------------------------------------------------
 */

static PyObject *bus_feedback(Bus *self, PyObject *args, PyObject *keywords)
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
        optional_number(return_bps, &feedback.return_bps, &feedback.has_return) < 0) {
        return NULL;
    }
    mr_move data = {0};
    mri_buf_init(&texts, mri_alloc_system(), DATA_BYTES_MAX + 4096);
    if (read_move_data(evidence, &texts, &data) < 0 || enter(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    feedback.evidence = data.data;
    bool is_found = follow(self) == 0 && find(self, name, &feedback.ordinal) == 0;
    if (is_found) {
        Py_BEGIN_ALLOW_THREADS err =
            mr_bus_feedback(self->bus, &feedback, durability_of(is_durable), &problem);
        Py_END_ALLOW_THREADS
    }
    leave(self);
    mri_buf_fini(&texts);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

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
    if (err != MR_OK) {
        return err == MR_NOT_FOUND ? MR_OK : err; /* it was removed just now */
    }
    PyObject *lag = Py_BuildValue("{s:K,s:d}", "events", (unsigned long long)stats.lag_events,
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
        return PyErr_Occurred() ? NULL : raise_error(err, problem.text);
    }
    return lags.dict;
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
            return raise_error(err, problem.text);
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
    PyObject *states = counts_dict(health->states);
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

static PyObject *bus_health(Bus *self, PyObject *unused)
{
    mr_problem problem = {""};
    mr_health health;
    mr_err err;
    (void)unused;
    if (enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_health(self->bus, &health, &problem);
    Py_END_ALLOW_THREADS PyObject *result =
        err == MR_OK ? health_of(self, &health) : raise_error(err, problem.text);
    leave(self);
    return result;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static int64_t lease_ns_of(double seconds)
{
    bool is_time = seconds >= 0.0 && seconds <= 1e9; /* else it is refused with its range */
    return is_time ? (int64_t)(seconds * 1e9) : -1;
}

/** A claim as an object; NULL and an exception. */
static PyObject *claim_of(Bus *self, const mr_claim *claim, double lease)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot((PyTypeObject *)claim_type, Py_tp_alloc);
    Claim *made = (Claim *)allocate((PyTypeObject *)claim_type, 0);
    if (made != NULL) {
        made->bus = (Bus *)Py_NewRef((PyObject *)self);
        made->claim = *claim;
        made->lease = lease;
        made->state = claim->from;
    }
    return (PyObject *)made;
}

/** Claim, and wait for as long as it says; MR_END: there was nothing in time. */
static mr_err claim_in_time(Bus *self, const mr_claim_options *options, mr_durability durability,
    int64_t timeout_ms, mr_claim *ret_claim, mr_problem *problem)
{
    mr_err err;
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_claim(self->bus, options, durability, ret_claim, NULL, problem);
    if (err == MR_END && timeout_ms != 0) {
        mr_err waited = mr_bus_claim_wait(self->bus, timeout_ms, problem);
        err = waited == MR_OK ? MR_AGAIN : waited == MR_AGAIN ? MR_END : waited;
    }
    Py_END_ALLOW_THREADS return err;
}

static PyObject *bus_claim(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "owner", "to", "state", "lease", "id", "symbol", "source", "timeout", "durable", NULL};
    const char *to;
    const char *state = "generated";
    double lease = 60.0;
    PyObject *name = NULL;
    PyObject *timeout = NULL;
    int is_durable = 0;
    int64_t timeout_ms = 0;
    mr_claim_options options = {0};
    mr_problem problem = {""};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "ss|$sdOzzOp:claim", names, &options.owner,
            &to, &state, &lease, &name, &options.symbol, &options.source, &timeout, &is_durable)) {
        return NULL;
    }
    if (mr_state_parse(to, &options.next) != MR_OK ||
        mr_state_parse(state, &options.from) != MR_OK) {
        return raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
    }
    if (timeout != NULL && read_timeout(timeout, &timeout_ms) < 0) {
        return NULL;
    }
    options.lease_ns = lease_ns_of(lease);
    const struct mri_os *os = mri_os_linux();
    int64_t until_ms = os->boottime_ns(os->context) / 1000000 + timeout_ms;
    for (;;) {
        mr_claim claim;
        mr_err err = MR_NOT_FOUND;
        if (enter(self) < 0) {
            return NULL;
        }
        bool is_found = name == NULL || name == Py_None ||
                        (follow(self) == 0 && find(self, name, &options.ordinal) == 0);
        int64_t left_ms = until_ms - os->boottime_ns(os->context) / 1000000;
        if (is_found) {
            err = claim_in_time(self, &options, durability_of(is_durable),
                timeout_ms < 0 ? -1
                : left_ms < 0  ? 0
                               : left_ms,
                &claim, &problem);
        }
        leave(self);
        if (!is_found || (err != MR_OK && PyErr_CheckSignals() < 0)) {
            return NULL;
        }
        if (err == MR_OK) {
            return claim_of(self, &claim, lease);
        }
        if (err == MR_END && timeout_ms >= 0) {
            Py_RETURN_NONE;
        }
        if (err != MR_END && err != MR_AGAIN) {
            return raise_error(err, problem.text);
        }
    }
}

/** Take the bus of a claim for a call; -1 and an exception. */
static int enter_claim(Claim *self)
{
    if (enter(self->bus) < 0) {
        return -1;
    }
    if (self->is_over) {
        leave(self->bus);
        (void)raise_error(MR_CONFLICT, "this claim is over");
        return -1;
    }
    return 0;
}

static PyObject *claim_move(Claim *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"to", "gate", "reason", "data", "actor", "durable", NULL};
    const char *to = NULL;
    PyObject *data = NULL;
    mr_move move = {0};
    mr_problem problem = {""};
    struct mri_buf texts;
    int is_durable = 0;
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z$zzOzp:move", names, &to, &move.gate,
            &move.reason, &data, &move.actor, &is_durable)) {
        return NULL;
    }
    move.to = self->claim.next;
    if (to != NULL && mr_state_parse(to, &move.to) != MR_OK) {
        return raise_error(
            MR_REFUSED, "there is no such state; docs/LIFECYCLE.md has the eight there are");
    }
    mri_buf_init(&texts, mri_alloc_system(), DATA_BYTES_MAX + 4096);
    if (read_move_data(data, &texts, &move) < 0 || enter_claim(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    move.from = self->state;
    Py_BEGIN_ALLOW_THREADS err = mr_claim_move(
        self->bus->bus, &self->claim, &move, durability_of(is_durable), NULL, &problem);
    Py_END_ALLOW_THREADS if (err == MR_OK)
    {
        mr_claimant claimant;
        self->state = move.to;
        self->is_over = mr_bus_claimant(self->bus->bus, self->claim.ordinal, &claimant) != MR_OK;
    }
    self->is_over = self->is_over || err == MR_CONFLICT;
    leave(self->bus);
    mri_buf_fini(&texts);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *claim_renew(Claim *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"lease", NULL};
    double lease = self->lease;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|d:renew", names, &lease) ||
        enter_claim(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_claim_renew(self->bus->bus, &self->claim, lease_ns_of(lease), &problem);
    Py_END_ALLOW_THREADS self->is_over = err == MR_CONFLICT;
    leave(self->bus);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

static PyObject *claim_release(Claim *self, PyObject *unused)
{
    mr_problem problem = {""};
    mr_err err;
    (void)unused;
    if (enter_claim(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_claim_release(self->bus->bus, &self->claim, MR_ASYNC, &problem);
    Py_END_ALLOW_THREADS self->is_over = self->is_over || err == MR_OK || err == MR_CONFLICT;
    leave(self->bus);
    if (err != MR_OK) {
        return raise_error(err, problem.text);
    }
    Py_RETURN_NONE;
}

/** What is still claimed is given back; a claim that was lost is no fault of who leaves. */
static PyObject *claim_exit(Claim *self, PyObject *args)
{
    bool is_ours = !self->is_over && self->bus->bus != NULL && self->bus->forks == forks;
    (void)args;
    if (is_ours) {
        PyObject *released = claim_release(self, NULL);
        if (released == NULL && !PyErr_ExceptionMatches(errors[MR_CONFLICT - LOWEST])) {
            return NULL;
        }
        PyErr_Clear();
        Py_XDECREF(released);
    }
    Py_RETURN_NONE;
}

static PyObject *claim_signal(Claim *self, void *unused)
{
    (void)unused;
    if (enter(self->bus) < 0) {
        return NULL;
    }
    PyObject *signal =
        follow(self->bus) == 0 ? signal_of(self->bus, NULL, self->claim.ordinal) : NULL;
    leave(self->bus);
    return signal;
}

static PyObject *claim_id(Claim *self, void *unused)
{
    (void)unused;
    if (enter(self->bus) < 0) {
        return NULL;
    }
    PyObject *id = id_of(self->bus, self->claim.ordinal);
    leave(self->bus);
    return id;
}

static PyObject *claim_seq(Claim *self, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(self->claim.seq.n);
}

static PyObject *claim_is_over(Claim *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(self->is_over);
}

static void claim_dealloc(Claim *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(self->bus); /* the claim stands until its bus is closed */
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef claim_methods[] = {
    {"move", FUNCTION(claim_move), METH_VARARGS | METH_KEYWORDS,
        "move(to=None, *, gate=None, reason=None, data=None, actor=None, durable=False)\n\n"
        "Move the signal on, by default to what it was claimed for. To blocked, expired or\n"
        "executed ends the claim. MR_CONFLICT: the claim has ended, somebody else may have it."},
    {"renew", FUNCTION(claim_renew), METH_VARARGS | METH_KEYWORDS,
        "renew(lease=None)\n\nThe lease lasts from now on for so many seconds, by default as "
        "many as before."},
    {"release", FUNCTION(claim_release), METH_NOARGS,
        "release()\n\nGive the signal back: others may claim it, or the pipeline decides on it."},
    {"__enter__", FUNCTION(bus_enter), METH_NOARGS, NULL},
    {"__exit__", FUNCTION(claim_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef claim_properties[] = {
    {"signal", (getter)claim_signal, NULL, "The signal as it is now, as of Bus.get().", NULL},
    {"id", (getter)claim_id, NULL, "The signal's id.", NULL},
    {"seq", (getter)claim_seq, NULL, "The number of its signal.claimed in the log.", NULL},
    {"is_over", (getter)claim_is_over, NULL, "Has it ended, as far as this object was told?", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot claim_slots[] = {
    {Py_tp_doc, "A signal that only this Bus moves, of Bus.claim(). As a context manager it is\n"
                "released at the end, unless it was moved to its end."},
    {Py_tp_dealloc, claim_dealloc},
    {Py_tp_methods, claim_methods},
    {Py_tp_getset, claim_properties},
    {0, NULL},
};

static PyType_Spec claim_spec = {
    .name = "millrace.Claim",
    .basicsize = sizeof(Claim),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = claim_slots,
};

static PyMethodDef methods[] = {
    {"emit", FUNCTION(bus_emit), METH_FASTCALL | METH_KEYWORDS,
        "emit(symbol, side, source, confidence, *, name=None, price=None, horizon=None,\n"
        "     valid_for=None, external_id=None, key=None, account=None, data=None, "
        "durable=False)\n\n"
        "Emit one signal; returns its id. A key that the source has used before returns the id of\n"
        "then. durable=True returns when a power cut cannot take it back any more."},
    {"emit_many", FUNCTION(bus_emit_many), METH_VARARGS | METH_KEYWORDS,
        "emit_many(signals, *, durable=False)\n\n"
        "Emit dicts with the arguments of emit() as one batch, all or none; returns their ids."},
    {"quote", FUNCTION(bus_quote), METH_VARARGS | METH_KEYWORDS,
        "quote(symbol, bid, ask, *, time_unix_ns=0, bid_quantity=None, ask_quantity=None,\n"
        "      source=None, durable=False)\n\n"
        "Bring in a quote; False: the log had it already. Its middle is the price in force until\n"
        "a newer quote or close comes. time_unix_ns is the venue's; a live log takes it without."},
    {"candle", FUNCTION(bus_candle), METH_VARARGS | METH_KEYWORDS,
        "candle(symbol, close_time_unix_ns, open, high, low, close, volume, *, durable=False)\n\n"
        "Bring in a finished bar of one minute; False: the log had it already."},
    {"funding", FUNCTION(bus_funding), METH_VARARGS | METH_KEYWORDS,
        "funding(symbol, rate, *, time_unix_ns=0, interval=None, next_time_unix_ns=0,\n"
        "        source=None, durable=False)\n\n"
        "Bring in a funding rate (a share of the notional; interval in seconds); False: the log\n"
        "had it already."},
    {"move", FUNCTION(bus_move), METH_VARARGS | METH_KEYWORDS,
        "move(id, to, *, from_state=None, gate=None, reason=None, data=None, actor=None,\n"
        "     durable=False)\n\n"
        "Move a signal, if it is in from_state (None: where it is now). MR_CONFLICT: it is not, "
        "or\n"
        "somebody else has claimed it. data: a dict, or JSON; actor: external or operator."},
    {"claim", FUNCTION(bus_claim), METH_VARARGS | METH_KEYWORDS,
        "claim(owner, to, *, state='generated', lease=60.0, id=None, symbol=None, source=None,\n"
        "      timeout=0, durable=False)\n\n"
        "Have the signal that is in its state longest, or the one of the id, for yourself: until\n"
        "the Claim is released, the signal has ended, the lease (seconds) is over, the Bus is\n"
        "closed or the process ends, nobody else moves it. None: nothing came within timeout\n"
        "seconds (None: wait for ever). MR_CONFLICT: the one of the id is somebody else's."},
    {"get", FUNCTION(bus_get), METH_VARARGS | METH_KEYWORDS,
        "get(id, *, as_of=None)\n\nA signal as a dict, by its id or ordinal; as of a moment, as "
        "query()."},
    {"moment", FUNCTION(bus_moment), METH_VARARGS | METH_KEYWORDS,
        "moment(as_of=None)\n\nWhat a moment is called, now or the one that as_of says: give it to "
        "query() and get() as as_of, so that several answers are of one moment."},
    {"query", FUNCTION(bus_query), METH_VARARGS | METH_KEYWORDS,
        "query(question='', *, limit=100, after=None, as_of=None)\n\n"
        "Signals as dicts, newest first: query('state=blocked and gate=expected_value and "
        "age<2h').\n"
        "after=ID goes on behind it. as_of: the number of an event, a time "
        "('2025-05-04T15:34Z'), an age ('2h')\n"
        "or what moment() said: what the same question said then."},
    {"counts", FUNCTION(bus_counts), METH_NOARGS,
        "counts()\n\nHow many signals are in each state."},
    {"register", FUNCTION(bus_register), METH_O,
        "register(symbol)\n\nRegister a symbol as provisional, unless the log knows it."},
    {"observe", FUNCTION(bus_observe), METH_VARARGS | METH_KEYWORDS,
        "observe(*, symbol=None, source=None, data=None, about=None, to=None, durable=False)\n\n"
        "Keep what is no signal, or a word about such an emission or a signal; returns the id it\n"
        "has or is about. Nothing is decided on it, and no signal is moved. data is JSON."},
    {"observed", FUNCTION(bus_observed), METH_VARARGS | METH_KEYWORDS,
        "observed(*, before=0, limit=1024)\n\n"
        "Emissions outside the lifecycle as dicts, newest first; before=NUMBER goes on."},
    {"observed_counts", FUNCTION(bus_observed_counts), METH_NOARGS,
        "observed_counts()\n\nEmissions outside the lifecycle by the state that they are said to "
        "be in."},
    {"observed_id", FUNCTION(bus_observed_id), METH_O,
        "observed_id(number)\n\nThe id of an emission outside the lifecycle."},
    {"history", FUNCTION(bus_history), METH_O,
        "history(id)\n\nThe events of a signal or an emission as dicts, in the order of the log."},
    {"sources", FUNCTION(bus_sources), METH_NOARGS,
        "sources()\n\n(source, signals, emissions outside the lifecycle) for each; a source may "
        "come twice."},
    {"symbols", FUNCTION(bus_symbols), METH_NOARGS,
        "symbols()\n\nHow many symbols are registered, and how many of them are provisional."},
    {"advance", FUNCTION(bus_advance), METH_VARARGS | METH_KEYWORDS,
        "advance(id, steps, *, durable=False)\n\n"
        "Move a signal by several steps (from, to, gate, reason, data), all or none."},
    {"orders", FUNCTION(bus_orders), METH_VARARGS | METH_KEYWORDS,
        "orders(name='executor')\n\n"
        "Take the orders of the log to a venue (execute.venue: external): an iterator of orders "
        "as\n"
        "dicts, first those that may live, then each new one when it is durable. One process "
        "does;\n"
        "MR_BUSY: another has them. name is its durable place in the log."},
    {"open_orders", FUNCTION(bus_open_orders), METH_NOARGS,
        "open_orders()\n\nThe orders that may live at the venue, oldest first, with their last "
        "known state."},
    {"order", FUNCTION(bus_order), METH_O,
        "order(id)\n\nAn order as a dict, by its client order id; also one that has ended."},
    {"order_report", FUNCTION(bus_order_report), METH_VARARGS | METH_KEYWORDS,
        "order_report(order, status, *, price=None, quantity=None, fee=None, time_unix_ns=0,\n"
        "             venue_order_id=None, symbol=None, side=None, executor=None, message=None,\n"
        "             durable=True)\n\n"
        "Say what has become of an order: sent, accepted, filled, rejected, cancelled or unknown.\n"
        "filled has price, quantity (all of it), fee and time. False: there was nothing new.\n"
        "MR_CONFLICT, MR_NOT_FOUND: it contradicts what is known, nothing has changed."},
    {"feedback", FUNCTION(bus_feedback), METH_VARARGS | METH_KEYWORDS,
        "feedback(id, source, judgement=None, *, return_bps=None, lesson=None, evidence=None,\n"
        "         durable=False)\n\n"
        "Keep what you have learned from a signal: win, loss or neutral, with its evidence. `why`\n"
        "shows it; what the run has learned is changed by outcomes alone."},
    {"health", FUNCTION(bus_health), METH_NOARGS,
        "health()\n\nHow the log is doing, as a dict: the numbers of `millrace status`."},
    {"wait", FUNCTION(bus_wait), METH_VARARGS | METH_KEYWORDS,
        "wait(timeout=None)\n\n"
        "Sleep until somebody appends; True if so, False after timeout seconds."},
    {"subscribe", FUNCTION(bus_subscribe), METH_VARARGS | METH_KEYWORDS,
        "subscribe(name, *, kind=None, symbol=None, source=None, signal_name=None, state=None,\n"
        "          start='end', max_in_flight=0, max_deliver=0, ack_wait=0.0, batch=1024,\n"
        "          fields=None)\n\n"
        "A durable place in the log: what anybody acked who used this name does not come again.\n"
        "state='blocked': moves into it. Iteration leases up to `batch` at a time when they are\n"
        "used up within milliseconds. `fields` are the keys of each event, when not all are\n"
        "needed; `ordinal` and `id` of its signal may be among them. While it waits, other "
        "threads\n"
        "use a Bus of their own."},
    {"close", FUNCTION(bus_close), METH_NOARGS, "close()\n\nClose the handle; twice is once."},
    {"__enter__", FUNCTION(bus_enter), METH_NOARGS, NULL},
    {"__exit__", FUNCTION(bus_exit), METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"event_time_unix_ns", (getter)bus_event_time, NULL,
        "The log's event time as of the last call: a new signal's time.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc,
        "Bus(dir, *, create=False, table_signals=0): the signal bus of a log's directory that\n"
        "`millrace run` has begun, or with create=True of a live log that is made when there is\n"
        "none, then with room for so many signals in the memory that processes share (a power\n"
        "of two; 0: 131072).\n\n"
        "Any number of threads and processes may use the same directory. After a fork the\n"
        "child opens its own."},
    {Py_tp_new, bus_new},
    {Py_tp_dealloc, bus_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "millrace.Bus",
    .basicsize = sizeof(Bus),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_millrace",
    .m_doc = "The signal bus of millrace.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__millrace(void); /* the interpreter looks for it by name */

PyMODINIT_FUNC PyInit__millrace(void)
{
    static bool are_forks_noted;
    if (!are_forks_noted && pthread_atfork(NULL, NULL, note_fork) != 0) {
        return PyErr_NoMemory();
    }
    are_forks_noted = true;
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) {
        return NULL;
    }
    if (make_keys(signal_key_texts, signal_keys, SIGNAL_KEYS) < 0 ||
        make_keys(event_field_texts, event_keys, EVENT_FIELDS) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    signal_form = PyDict_New();
    for (int i = 0; i < SIGNAL_KEYS; i++) {
        if (signal_form == NULL || PyDict_SetItem(signal_form, signal_keys[i], Py_None) < 0) {
            Py_DECREF(module);
            return NULL;
        }
    }
    PyObject *type = PyType_FromSpec(&spec);
    subscription_type = PyType_FromSpec(&subscription_spec);
    claim_type = PyType_FromSpec(&claim_spec);
    orders_type = PyType_FromSpec(&orders_spec);
    if (type == NULL || subscription_type == NULL || claim_type == NULL || orders_type == NULL ||
        PyModule_AddObjectRef(module, "Orders", orders_type) < 0 ||
        PyModule_AddObjectRef(module, "Claim", claim_type) < 0 ||
        PyModule_AddObjectRef(module, "Subscription", subscription_type) < 0 ||
        add_errors(module) < 0 || PyModule_AddObjectRef(module, "Bus", type) < 0 ||
        PyModule_AddStringConstant(module, "__version__", MILLRACE_VERSION) < 0) {
        Py_XDECREF(type);
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
