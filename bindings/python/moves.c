/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a signal by somebody's word: moves, several at once, and feedback.
 */
#include "methods.h"

#include <string.h>

#include "base/alloc.h"

int mrp_read_one_data(
    PyObject *value, const char *field, struct mri_buf *texts, const char **ret_data)
{
    if (value == NULL || value == Py_None) {
        return 0;
    }
    if (mrp_read_data(value, field, texts, ret_data) < 0) {
        return -1;
    }
    if (PyDict_Check(value)) {
        *ret_data = (const char *)texts->bytes; /* it is all that is written there */
    }
    return 0;
}

/** A move as it is asked for. */
struct wish {
    struct mrp_named name;
    PyObject *data;
    const char *to;
    const char *from; /**< NULL: where the signal is now */
};

enum { MOVE_NAMES = 7 };

/** The keys of the dicts of move_many(); those of move(), and `durable` behind them. */
static char *move_names[] = {
    "id", "to", "from_state", "gate", "reason", "data", "actor", "durable", NULL};

/** The states of a move; its `from` only when it is given. */
static int read_states(const struct wish *wish, mr_move *move)
{
    return mrp_read_state(wish->to, "to", &move->to) < 0 ||
                   mrp_read_state(wish->from, "from_state", &move->from) < 0
               ? -1
               : 0;
}

/** Whose move it is, and from where when that is not given; the bus is entered. */
static int find_signal(const Bus *self, const struct wish *wish, mr_move *move)
{
    if (mrp_find(self, &wish->name, &move->ordinal) < 0) {
        return -1;
    }
    if (wish->from == NULL) {
        mr_signal signal;
        mr_err err = mr_bus_get(self->bus, move->ordinal, &signal);
        if (err != MR_OK) {
            (void)mrp_raise_signal(err, move->ordinal, NULL);
            return -1;
        }
        move->from = signal.state;
    }
    return 0;
}

/** The arguments of a move, or the values of a dict of move_many(), but `durable`. */
static int read_wish(PyObject *const given[MOVE_NAMES], struct wish *ret_wish, mr_move *ret_move)
{
    *ret_move = (mr_move){0};
    *ret_wish = (struct wish){.data = given[5]};
    return mrp_need_text(given[1], "to", &ret_wish->to) < 0 ||
                   mrp_read_text(given[2], "from_state", &ret_wish->from) < 0 ||
                   mrp_read_text(given[3], "gate", &ret_move->gate) < 0 ||
                   mrp_read_text(given[4], "reason", &ret_move->reason) < 0 ||
                   mrp_read_text(given[6], "actor", &ret_move->actor) < 0 ||
                   read_states(ret_wish, ret_move) < 0 ||
                   mrp_read_signal(given[0], "id", &ret_wish->name) < 0
               ? -1
               : 0;
}

PyObject *mrp_bus_move(Bus *self, PyObject *args, PyObject *keywords)
{
    PyObject *given[MOVE_NAMES + 1] = {NULL};
    struct wish wish;
    mr_move move;
    mr_problem problem = {""};
    struct mri_buf texts;
    int is_durable = 0;
    mr_err err = MR_OK;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|$OOOOOO:move", move_names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5], &given[6], &given[7]) ||
        read_wish(given, &wish, &move) < 0 || mrp_read_bool(given[7], "durable", &is_durable) < 0) {
        return NULL;
    }
    mri_buf_init(&texts, mri_alloc_system(), MRP_DATA_BYTES_MAX + 4096);
    if (mrp_read_one_data(wish.data, "data", &texts, &move.data) < 0 || mrp_enter(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    bool is_found = mrp_follow(self) == 0 && find_signal(self, &wish, &move) == 0;
    if (is_found) {
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

/* ---- many at once ---------------------------------------------------------------------------- */

/** Moves of one batch. */
struct moving {
    struct wish *wishes;
    mr_move *moves;
    size_t *data_at; /**< where its data begin in `texts`, from 1; 0: it is where `moves` says */
    size_t count;
    struct mri_buf texts;
    PyObject *states; /**< ordinal: the state that an earlier move of the batch takes it to */
};

/** A dict of the list becomes a copy that nobody else has: its texts stay while they are used. */
static int keep_dict(PyObject *list, Py_ssize_t index)
{
    PyObject *item = PyList_GetItem(list, index);
    if (item == NULL || !PyDict_Check(item)) {
        if (item != NULL) {
            PyErr_Format(PyExc_TypeError, "expected a dict, found %R", (PyObject *)Py_TYPE(item));
        }
        return -1;
    }
    PyObject *copy = PyDict_Copy(item);
    return copy == NULL ? -1 : PyList_SetItem(list, index, copy);
}

/** Which of the keys is this? MOVE_NAMES: none. */
static size_t name_of(PyObject *key)
{
    size_t name = 0;
    bool is_text = PyUnicode_Check(key);
    while (name < MOVE_NAMES &&
           !(is_text && PyUnicode_CompareWithASCIIString(key, move_names[name]) == 0)) {
        name++;
    }
    return name;
}

/** The values of a dict, borrowed. */
static int read_values(PyObject *item, PyObject *given[MOVE_NAMES])
{
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(item, &at, &key, &value)) {
        size_t name = name_of(key);
        if (name == MOVE_NAMES) {
            return mrp_refuse_key(key);
        }
        given[name] = value;
    }
    if (given[0] == NULL || given[1] == NULL) {
        PyErr_SetString(mrp_error_kind(MR_REFUSED),
            given[0] == NULL ? "id is missing: expected the id of a signal, or its number"
                             : "to is missing: expected a state");
        return -1;
    }
    return 0;
}

/** One dict of move_many(). */
static int read_move(struct moving *moving, size_t index, PyObject *item)
{
    struct wish *wish = &moving->wishes[index];
    mr_move *move = &moving->moves[index];
    PyObject *given[MOVE_NAMES] = {NULL};
    bool is_read = read_values(item, given) == 0 && read_wish(given, wish, move) == 0;
    moving->data_at[index] = 0;
    if (!is_read || wish->data == NULL || wish->data == Py_None) {
        return is_read ? 0 : -1;
    }
    size_t at = moving->texts.count;
    int result = mrp_read_data(wish->data, "data", &moving->texts, &move->data);
    moving->data_at[index] = result == 1 ? at + 1 : 0;
    return result < 0 ? -1 : 0;
}

/** The state that a signal is in when its turn has come in the batch. */
static int find_in_batch(const Bus *self, struct moving *moving, size_t index)
{
    mr_move *move = &moving->moves[index];
    struct wish wish = moving->wishes[index];
    if (mrp_find(self, &wish.name, &move->ordinal) < 0) {
        return -1;
    }
    PyObject *key = PyLong_FromUnsignedLong(move->ordinal.n);
    PyObject *earlier = key == NULL ? NULL : PyDict_GetItemWithError(moving->states, key);
    PyObject *to = PyLong_FromLong((long)move->to);
    int result = to == NULL || PyErr_Occurred() ? -1 : 0;
    if (result == 0 && earlier != NULL && wish.from == NULL) {
        move->from = (mr_state)PyLong_AsLong(earlier);
    } else if (result == 0) {
        result = find_signal(self, &wish, move);
    }
    if (result == 0) {
        result = PyDict_SetItem(moving->states, key, to);
    }
    Py_XDECREF(key);
    Py_XDECREF(to);
    return result;
}

/** What has come of them, with the number of the move in every text. */
static PyObject *tell_moved(const struct moving *moving, mr_err err,
    const mr_move_conflict *conflict, const mr_problem *problem)
{
    if (err == MR_OK) {
        Py_RETURN_NONE;
    }
    (void)mrp_raise_error(err, problem->text);
    bool is_named = moving->count > 1 && strncmp(problem->text, "move ", 5) == 0;
    for (size_t i = 0; i < moving->count && err == MR_CONFLICT && !is_named; i++) {
        if (moving->moves[i].ordinal.n == conflict->ordinal.n) { /* its first one: it is compared */
            mrp_name_item("move", i, moving->count);
            break;
        }
    }
    if (err == MR_REFUSED && moving->count == 1) {
        mrp_name_item("move", 0, 1);
    }
    return NULL;
}

/** All of them have been read: find their signals, and move. */
static PyObject *move_all(Bus *self, struct moving *moving, int is_durable)
{
    mr_problem problem = {""};
    mr_move_conflict conflict = {.ordinal = {0}};
    mr_err err = MR_OK;
    for (size_t i = 0; i < moving->count; i++) {
        size_t at = moving->data_at[i];
        moving->moves[i].data =
            at == 0 ? moving->moves[i].data : (const char *)moving->texts.bytes + at - 1;
    }
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    bool is_good = mrp_follow(self) == 0;
    for (size_t i = 0; i < moving->count && is_good; i++) {
        is_good = find_in_batch(self, moving, i) == 0;
        if (!is_good) {
            mrp_name_item("move", i, moving->count);
        }
    }
    if (is_good) {
        Py_BEGIN_ALLOW_THREADS err = mr_bus_move(self->bus, moving->moves, moving->count,
            mrp_durability_of(is_durable), &conflict, &problem);
        Py_END_ALLOW_THREADS
    }
    mrp_leave(self);
    return is_good ? tell_moved(moving, err, &conflict, &problem) : NULL;
}

static PyObject *move_list(Bus *self, PyObject *list, int is_durable)
{
    Py_ssize_t count = PyList_Size(list);
    PyObject *result = NULL;
    if (count == 0) {
        Py_RETURN_NONE;
    }
    if (count > MR_BUS_BATCH_MAX) {
        PyErr_Format(mrp_error_kind(MR_REFUSED), "moves: expected up to %d at once, found %zd",
            MR_BUS_BATCH_MAX, count);
        return NULL;
    }
    struct moving moving = {.count = (size_t)count,
        .wishes = PyMem_Malloc((size_t)count * sizeof(*moving.wishes)),
        .moves = PyMem_Malloc((size_t)count * sizeof(*moving.moves)),
        .data_at = PyMem_Malloc((size_t)count * sizeof(*moving.data_at)),
        .states = PyDict_New()};
    mri_buf_init(&moving.texts, mri_alloc_system(), (size_t)1 << 30);
    bool is_good = moving.wishes != NULL && moving.moves != NULL && moving.data_at != NULL &&
                   moving.states != NULL;
    if (!is_good && !PyErr_Occurred()) {
        (void)PyErr_NoMemory();
    }
    for (size_t i = 0; is_good && i < moving.count; i++) {
        is_good = keep_dict(list, (Py_ssize_t)i) == 0 &&
                  read_move(&moving, i, PyList_GetItem(list, (Py_ssize_t)i)) == 0;
        if (!is_good) {
            mrp_name_item("move", i, moving.count);
        }
    }
    if (is_good) {
        result = move_all(self, &moving, is_durable);
    }
    mri_buf_fini(&moving.texts);
    Py_XDECREF(moving.states);
    PyMem_Free(moving.wishes);
    PyMem_Free(moving.moves);
    PyMem_Free(moving.data_at);
    return result;
}

PyObject *mrp_bus_move_many(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"moves", "durable", NULL};
    PyObject *moves;
    PyObject *durable = NULL;
    int is_durable = 0;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O:move_many", names, &moves, &durable) ||
        mrp_read_bool(durable, "durable", &is_durable) < 0) {
        return NULL;
    }
    PyObject *list = mrp_read_list(moves, "moves", "dicts");
    PyObject *result = list == NULL ? NULL : move_list(self, list, is_durable);
    Py_XDECREF(list);
    return result;
}

/* ---- several of one, and feedback ------------------------------------------------------------ */

static int read_step(PyObject *item, mr_move *ret_move)
{
    enum { STEP_NAMES = 5 };
    const char *from;
    const char *to;
    if (!PyTuple_Check(item) || PyTuple_Size(item) != STEP_NAMES) {
        return mrp_refuse_type("steps", "tuples (from, to, gate, reason, data)", item);
    }
    return mrp_need_text(PyTuple_GetItem(item, 0), "steps: from", &from) < 0 ||
                   mrp_need_text(PyTuple_GetItem(item, 1), "steps: to", &to) < 0 ||
                   mrp_read_text(PyTuple_GetItem(item, 2), "steps: gate", &ret_move->gate) < 0 ||
                   mrp_read_text(PyTuple_GetItem(item, 3), "steps: reason", &ret_move->reason) <
                       0 ||
                   mrp_read_text(PyTuple_GetItem(item, 4), "steps: data", &ret_move->data) < 0 ||
                   mrp_read_state(from, "steps: from", &ret_move->from) < 0 ||
                   mrp_read_state(to, "steps: to", &ret_move->to) < 0
               ? -1
               : 0;
}

/** How many there are; -1 and an exception. */
static Py_ssize_t read_steps(PyObject *steps, mr_move ret_moves[MR_STATE_COUNT])
{
    Py_ssize_t count = PyList_Size(steps);
    if (count < 1 || count > MR_STATE_COUNT) {
        return mrp_refuse("steps", "a list of 1 to 8", steps);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        ret_moves[i] = (mr_move){0};
        if (read_step(PyList_GetItem(steps, i), &ret_moves[i]) < 0) {
            return -1;
        }
    }
    return count;
}

PyObject *mrp_bus_advance(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"id", "steps", "durable", NULL};
    PyObject *name;
    PyObject *steps;
    struct mrp_named named;
    PyObject *durable = NULL;
    int is_durable = 0;
    mr_move moves[MR_STATE_COUNT];
    mr_problem problem = {""};
    mr_err err = MR_OK;
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, "OO|$O:advance", names, &name, &steps, &durable) ||
        mrp_read_bool(durable, "durable", &is_durable) < 0) {
        return NULL;
    }
    if (!PyList_Check(steps)) {
        (void)mrp_refuse_type("steps", "a list", steps);
        return NULL;
    }
    PyObject *own = mrp_read_list(steps, "steps", "a list"); /* what is in it stays */
    Py_ssize_t count = own == NULL ? -1 : read_steps(own, moves);
    if (count < 0 || mrp_read_signal(name, "id", &named) < 0 || mrp_enter(self) < 0) {
        Py_XDECREF(own);
        return NULL;
    }
    mr_ordinal ordinal = {0};
    bool is_found = mrp_follow(self) == 0 && mrp_find(self, &named, &ordinal) == 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        moves[i].ordinal = ordinal;
    }
    if (is_found) {
        Py_BEGIN_ALLOW_THREADS err = mr_bus_move(
            self->bus, moves, (size_t)count, mrp_durability_of(is_durable), NULL, &problem);
        Py_END_ALLOW_THREADS
    }
    mrp_leave(self);
    Py_DECREF(own);
    if (!is_found) {
        return NULL;
    }
    if (err != MR_OK) {
        (void)mrp_raise_error(err, problem.text);
        if (err == MR_REFUSED) {
            mrp_name_argument("steps: ");
        }
        return NULL;
    }
    Py_RETURN_NONE;
}

PyObject *mrp_bus_feedback(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "id", "source", "judgement", "return_bps", "lesson", "evidence", "durable", NULL};
    PyObject *given[7] = {NULL};
    int is_durable = 0;
    mr_feedback feedback = {0};
    struct mrp_named named;
    mr_problem problem = {""};
    struct mri_buf texts;
    mr_err err = MR_OK;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$OOOO:feedback", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5], &given[6]) ||
        mrp_need_text(given[1], "source", &feedback.source) < 0 ||
        mrp_read_text(given[2], "judgement", &feedback.judgement) < 0 ||
        mrp_optional_number(given[3], "return_bps", &feedback.return_bps, &feedback.has_return) <
            0 ||
        mrp_read_text(given[4], "lesson", &feedback.lesson) < 0 ||
        mrp_read_bool(given[6], "durable", &is_durable) < 0) {
        return NULL;
    }
    mri_buf_init(&texts, mri_alloc_system(), MRP_DATA_BYTES_MAX + 4096);
    if (mrp_read_one_data(given[5], "evidence", &texts, &feedback.evidence) < 0 ||
        mrp_read_signal(given[0], "id", &named) < 0 || mrp_enter(self) < 0) {
        mri_buf_fini(&texts);
        return NULL;
    }
    bool is_found = mrp_follow(self) == 0 && mrp_find(self, &named, &feedback.ordinal) == 0;
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
