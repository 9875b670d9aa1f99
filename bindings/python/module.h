/* SPDX-License-Identifier: MIT */
/**
 * What the files of the Python module share: the objects, and what is done to them everywhere.
 *
 *   module.c        the module, and the Bus as a type     errors.c     results as exceptions
 *   json_out.c      values to JSON                        arguments.c  what arguments say
 *   bus.c           the handle: open, close, fork, wait   forms.c      signals as dicts
 *   emit.c          signals and symbols into the log      facts.c      quotes, candles and funding
 *   observed.c      emissions outside the lifecycle       questions.c  get, query, counts, history
 *   moves.c         moves of signals, and feedback        claim.c      signals for one alone
 *   subscription.c  a durable place in the log            orders.c     orders at a venue outside
 *   health.c        how the log is doing                  objects.c    how objects come and go
 *   names.c         what a signal or a moment is asked for by
 *
 * Caveats first
 * - Every function is called with the interpreter's lock. One that says "entered" is called between
 *   mrp_enter() and mrp_leave(), and may let go of the interpreter's lock, but not of the handle's.
 *   It runs no program of the caller's: arguments are read before. Objects that the interpreter
 *   collects when it makes others may have one all the same (__del__): mrp_enter() refuses it.
 * - A failure is -1 or NULL, and an exception is set.
 * - A PyObject * that is returned is a new reference, unless it says so; an argument is borrowed.
 */
#ifndef MRP_MODULE_H
#define MRP_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "millrace/bus.h"
#include "millrace/execution.h"
#include "json/json_write.h"

/** The most JSON that free data may be, and how many signals are asked for at once. */
enum { MRP_DATA_BYTES_MAX = 65536, MRP_OBSERVED_BYTES_MAX = 960 * 1024, MRP_PAGE = 1024 };

/** A method as its table has it, whatever its arguments. */
#define MRP_FUNCTION(name) (PyCFunction)(void (*)(void))(name)

/* ---- objects --------------------------------------------------------------------------------- */

/**
 * Say of which one of several things the exception is that was raised; what others have raised
 * stays as it is.
 *
 * @param what  a signal, a move; index is from 0
 *
 * Returns  nothing.
 * Threads  any, with the interpreter's lock.
 */
void mrp_name_item(const char *what, size_t index, size_t count);

/**
 * Say behind the name of which argument the place stands that the exception begins with; what
 * others have raised stays as it is.
 *
 * Returns  nothing.
 * Threads  any, with the interpreter's lock.
 */
void mrp_name_argument(const char *field);

/**
 * An object of a type, zeroed.
 *
 * Returns  it; NULL and an exception.
 * Owner    the caller, by reference; its tp_dealloc ends with mrp_free_object().
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_new_object(PyObject *type);

/**
 * Give back the memory of an object, and its reference to its type.
 *
 * Returns  nothing.
 * Threads  any, with the interpreter's lock.
 */
void mrp_free_object(PyObject *object);

typedef struct subscription Subscription;
typedef struct orders Orders;

/**
 * The words of the newest signal that was emitted: programs spell most of them in their text, and
 * so come with the same objects again.
 */
struct mrp_words {
    PyObject *symbol; /**< NULL: nothing is noted */
    PyObject *side;
    PyObject *source;
    const char *symbol_text; /**< the objects' */
    const char *source_text;
    mr_side side_value;
};

/** The id of the newest signal that was emitted: the next one's differs at its end, as a rule. */
struct mrp_last_id {
    const char *symbol; /**< as mr_emitted has it; NULL: there is none */
    int64_t time_unix_ms;
    size_t count; /**< of text, without NUL */
    char text[MR_BUS_ID_BYTES];
};

/** A log's bus, for one process. */
typedef struct {
    PyObject_HEAD mr_bus *bus; /**< NULL: closed */
    PyThread_type_lock lock;
    bool is_entered;             /**< the lock is held; changes with the interpreter's lock */
    bool is_to_close;            /**< closed by who has entered: when that one leaves */
    unsigned long entered_by;    /**< the thread that has, or had; as is_entered */
    unsigned long forks;         /**< when it was made */
    Subscription *subscriptions; /**< open ones, borrowed: each takes itself out */
    Orders *orders;              /**< likewise */
    PyObject *folder;            /**< bytes */
    struct mrp_words words;
    struct mrp_last_id last_id;
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
    EVENT_USUAL, /**< the fields from here on must be asked for */
    EVENT_ORDINAL = EVENT_USUAL,
    EVENT_ID,
    EVENT_FIELDS
};

/** A durable place in the log. */
struct subscription {
    PyObject_HEAD Bus *bus;
    mr_subscription *subscription; /**< NULL: closed */
    Subscription *next;
    unsigned long long held_seq; /**< handed out by iteration, acked by its next step; 0: none */
    mr_seq *done;                /**< by iteration, and not acked yet: with the next turn */
    size_t done_count;
    mr_bus_event *events; /**< leased; those from `event_at` on were not handed out yet */
    size_t event_count;
    size_t event_at;
    size_t batch;     /**< how many iteration leases at once, by how fast they are used up */
    size_t batch_max; /**< and the most it may */
    int64_t leased_ns;
    int64_t lease_ns; /**< how long a lease lasts */
    enum event_field fields[EVENT_FIELDS];
    size_t field_count;
    PyObject *form; /**< a dict with these keys, to be copied */
};

/** The orders of a log, for who takes them to a venue. */
struct orders {
    PyObject_HEAD Bus *bus;
    mr_executor *executor; /**< NULL: closed */
    Orders *next;
    mr_order held; /**< handed out by iteration, acked by its next step */
    bool is_holding;
};

/* ---- errors ---------------------------------------------------------------------------------- */

/**
 * Make the base of the exceptions, and below it one for each result, by its own name.
 *
 * Returns  0; -1 and an exception.
 * Owner    the module; the exceptions live as long as the process.
 * Threads  any, with the interpreter's lock; once.
 */
int mrp_add_errors(PyObject *module);

/**
 * The exception of a result.
 *
 * Returns  it; NULL when no result has this code.
 * Owner    the module; no new reference.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_error_kind(mr_err err);

/**
 * Raise what belongs to a result, with a text or, when that is NULL or empty, the result's own.
 *
 * Returns  NULL, for returning it.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_raise_error(mr_err err, const char *text);

/**
 * Raise what belongs to a result about a signal: that there is none says its number.
 *
 * @param text  NULL or empty: the result's own
 *
 * Returns  NULL, for returning it.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_raise_signal(mr_err err, mr_ordinal ordinal, const char *text);

/**
 * Raise what belongs to a result; what is wrong with a time begins with the argument, which has its
 * unit in its name: time_unix_ns, close_time_unix_ns, next_time_unix_ns.
 *
 * Returns  NULL, for returning it.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_raise_timed(mr_err err, const mr_problem *problem);

/* ---- JSON and arguments ---------------------------------------------------------------------- */

/**
 * Write a value: None, bool, int, float, str, dict, list or tuple; depth is that of what it is in.
 *
 * Returns  0; -1 and an exception: it has no form in JSON, and what was written is no value. The
 *          exception's text begins with where it is, behind the name of the argument: ['a'][0]: ...
 * Threads  any, with the interpreter's lock.
 */
int mrp_write_value(struct mri_json_writer *json, PyObject *value, int depth);

/**
 * How durable a call is by its argument `durable`.
 *
 * Returns  MR_GROUP for true, MR_INTERVAL for false.
 * Threads  any.
 */
mr_durability mrp_durability_of(int is_durable);

/** Numbers from one to another, in words. */
struct mrp_range {
    double lowest;
    double highest;
    const char *expected;
};

/**
 * A value in up to 60 characters, for what is said about it.
 *
 * Returns  a str; NULL and an exception: there is no memory.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_shown(PyObject *value);

/**
 * Say that a dict has a key that nobody asks for.
 *
 * Returns  -1 and an exception.
 * Threads  any, with the interpreter's lock.
 */
int mrp_refuse_key(PyObject *key);

/**
 * Raise MR_REFUSED for a value of the right type that cannot be.
 *
 * Returns  -1, for returning it.
 * Threads  any, with the interpreter's lock.
 */
int mrp_refuse(const char *field, const char *expected, PyObject *value);

/**
 * Raise TypeError for a value of another type.
 *
 * Returns  -1, for returning it.
 * Threads  any, with the interpreter's lock.
 */
int mrp_refuse_type(const char *field, const char *expected, PyObject *value);

/**
 * Raise what is wrong with a value that mrp_read_text() does not take.
 *
 * Returns  -1, for returning it.
 * Threads  any, with the interpreter's lock.
 */
int mrp_refuse_text(PyObject *value, const char *field);

/**
 * A text; NULL stands for an argument that is not given, and for None.
 *
 * Returns  0; -1 and an exception: it is no str, or cannot be UTF-8 that ends in NUL.
 * Owner    *ret_text is the value's.
 * Threads  any, with the interpreter's lock.
 */
static inline int mrp_read_text(PyObject *value, const char *field, const char **ret_text)
{
    Py_ssize_t count = 0;
    *ret_text = NULL;
    if (value == NULL || value == Py_None) {
        return 0;
    }
    const char *text = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &count) : NULL;
    if (text == NULL || strlen(text) != (size_t)count) {
        return mrp_refuse_text(value, field);
    }
    *ret_text = text;
    return 0;
}

/**
 * A text that must be given.
 *
 * Returns  0; -1 and an exception: as mrp_read_text(), and for None.
 * Owner    *ret_text is the value's.
 * Threads  any, with the interpreter's lock.
 */
int mrp_need_text(PyObject *value, const char *field, const char **ret_text);

/**
 * True or False, and nothing else; NULL: it is not given, and *ret_is_true stays.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_bool(PyObject *value, const char *field, int *ret_is_true);

/**
 * A number, not a bool; NULL: it is not given, and *ret_number stays.
 *
 * @param expected  what is said of an integer that no double can hold
 *
 * Returns  0; -1 and an exception. It may be infinite, or none (nan).
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_number(PyObject *value, const char *field, const char *expected, double *ret_number);

/**
 * A number that may be None.
 *
 * Returns  0; -1 and an exception: it is neither.
 * Threads  any, with the interpreter's lock.
 */
int mrp_optional_number(PyObject *value, const char *field, double *ret_number, bool *ret_is_given);

/**
 * A number in a range; NULL: it is not given, and *ret_seconds stays.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_seconds(
    PyObject *value, const char *field, const struct mrp_range *range, double *ret_seconds);

/**
 * Is it an integer, and not a bool?
 *
 * Returns  true or false.
 * Threads  any, with the interpreter's lock.
 */
bool mrp_is_integer(PyObject *value);

/**
 * An integer in a range; NULL: it is not given, and *ret_number stays.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_integer(
    PyObject *value, const char *field, int64_t lowest, int64_t highest, int64_t *ret_number);

/**
 * Nanoseconds since 1970; NULL: not given, and *ret_unix_ns stays.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_time(PyObject *value, const char *field, int64_t *ret_unix_ns);

/**
 * A state by its word; NULL: it is not given, and *ret_state stays.
 *
 * Returns  0; -1 and an exception, which lists the states.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_state(const char *word, const char *field, mr_state *ret_state);

/**
 * The name of a durable place in the log.
 *
 * Returns  0; -1 and an exception.
 * Owner    *ret_name is the value's.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_consumer(PyObject *value, const char *field, const char **ret_name);

/**
 * What can be iterated over, as a list of its own.
 *
 * @param expected  what is said of a value that cannot
 *
 * Returns  it; NULL and an exception, also of the iteration.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_read_list(PyObject *value, const char *field, const char *expected);

/**
 * When a wait is over. The library's waits see no signals of Python: they are made in slices, and
 * PyErr_CheckSignals() is called between them.
 *
 * @param timeout_ms  -1: never
 *
 * Returns  the moment, of CLOCK_BOOTTIME; -1: never.
 * Threads  any.
 */
int64_t mrp_wait_until_ms(int64_t timeout_ms);

/**
 * How long to wait at once.
 *
 * Returns  milliseconds, 0 when the moment has come.
 * Threads  any.
 */
int64_t mrp_wait_slice_ms(int64_t until_ms);

/**
 * Has the moment come?
 *
 * Returns  true or false.
 * Threads  any.
 */
bool mrp_wait_is_over(int64_t until_ms);

/**
 * Seconds as milliseconds; -1 without an end, for NULL and None.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_timeout(PyObject *timeout, int64_t *ret_timeout_ms);

/**
 * Free data: a dict is written behind `texts` as JSON; bytes or str are a JSON object already.
 *
 * @param field  what it is called in an exception
 *
 * Returns  0; 1: *ret_data is how far into `texts` it begins, as they may move; -1: an exception.
 * Owner    *ret_data is the value's, or lies in `texts`.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_data(PyObject *value, const char *field, struct mri_buf *texts, const char **ret_data);

/**
 * Data that are kept and that nothing is decided on: None, a dict, or a JSON object as str or
 * bytes, which may have numbers of any size and be of any depth. `texts` is empty before.
 *
 * @param field  what it is called in an exception
 *
 * Returns  0; -1 and an exception.
 * Owner    *ret_data is the value's, or lies in `texts`.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_kept_data(
    PyObject *value, const char *field, struct mri_buf *texts, const char **ret_data);

/**
 * Free data of one thing alone: None, a dict, or a JSON object as str or bytes. `texts` is empty
 * before.
 *
 * @param field  what it is called in an exception
 *
 * Returns  0; -1 and an exception.
 * Owner    *ret_data is the value's, or lies in `texts`.
 * Threads  any, with the interpreter's lock.
 */
int mrp_read_one_data(
    PyObject *value, const char *field, struct mri_buf *texts, const char **ret_data);

/* ---- the handle ------------------------------------------------------------------------------ */

/**
 * Count a fork; for pthread_atfork(), in the child.
 *
 * Returns  nothing.
 * Threads  the child's only one.
 */
void mrp_note_fork(void);

/**
 * How many forks lie between this process and the one that loaded the module. In a child it is
 * another number than when its parent made a handle.
 *
 * Returns  the number.
 * Threads  any.
 */
unsigned long mrp_forks(void);

/**
 * Take the handle for a call.
 *
 * Returns  0; -1 and an exception: it is closed, another process's, or this thread has it already
 *          (MR_BUSY): the interpreter collects what the caller's program made.
 * Threads  any, with the interpreter's lock, which is let go of while another has the handle.
 */
int mrp_enter(Bus *self);

/**
 * Has this thread entered the handle? Then a program of the caller's runs within that call.
 *
 * Returns  true or false; no exception.
 * Threads  any, with the interpreter's lock.
 */
bool mrp_is_within(const Bus *self);

/**
 * Is the handle open and nobody's? It stays so while the interpreter's lock is held.
 *
 * Returns  true or false; no exception.
 * Threads  any, with the interpreter's lock.
 */
bool mrp_is_free(const Bus *self);

/**
 * Give the handle back, and close it if that was asked for meanwhile.
 *
 * Returns  nothing; an exception stays.
 * Threads  who entered it, with the interpreter's lock, which is let go of to close.
 */
void mrp_leave(Bus *self);

/**
 * See what others have appended.
 *
 * Returns  0; -1 and an exception.
 * Threads  who entered it; lets go of the interpreter's lock.
 */
int mrp_follow(Bus *self);

/**
 * Ack what iteration is done with, give back the rest, and close; closed already is nothing. Does
 * not take it out of its bus's open ones.
 *
 * Returns  nothing; what could not be acked comes again.
 * Threads  the bus is entered, or closing.
 */
void mrp_close_subscription(Subscription *self);

/* ---- signals --------------------------------------------------------------------------------- */

/**
 * Make the keys of dicts that are made often.
 *
 * Returns  0; -1 and an exception.
 * Owner    keys[] has a reference to each.
 * Threads  any, with the interpreter's lock.
 */
int mrp_make_keys(const char *const *texts, PyObject **keys, size_t count);

/**
 * Make what the dicts of signals are copied from, and their keys.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock; once, before any bus is opened.
 */
int mrp_make_signal_form(void);

/**
 * Make the keys of the dicts of events.
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock; once, before any bus is opened.
 */
int mrp_make_event_keys(void);

/**
 * Make the names of the arguments of emit().
 *
 * Returns  0; -1 and an exception.
 * Threads  any, with the interpreter's lock; once, before any bus is opened.
 */
int mrp_make_emit_names(void);

/**
 * A short text as str. None stands for NULL.
 *
 * Returns  it; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 * Cost     a text that comes again is mostly made once.
 */
PyObject *mrp_text_object(const char *text);

/**
 * The word of a state as str.
 *
 * Returns  it; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_state_text(mr_state state);

/**
 * The id of a signal as str.
 *
 * Returns  it; NULL and an exception.
 * Threads  entered.
 */
PyObject *mrp_id_of(const Bus *self, mr_ordinal ordinal);

/**
 * A signal as a dict, as of now, or of a moment when that is not NULL.
 *
 * Returns  it; NULL and an exception.
 * Threads  entered.
 */
PyObject *mrp_signal_of(const Bus *self, const mr_log_token *moment, mr_ordinal ordinal);

/**
 * How many are in each state, as a dict.
 *
 * Returns  it; NULL and an exception.
 * Threads  any, with the interpreter's lock.
 */
PyObject *mrp_counts_dict(const uint64_t counts[MR_STATE_COUNT]);

/* ---- what is asked for ----------------------------------------------------------------------- */

/** A signal, or an emission outside the lifecycle, as it was asked for. */
struct mrp_named {
    const char *text;  /**< its id; the object's. NULL: it is the number that says it */
    int64_t number;    /**< 1 to UINT32_MAX; 0 with a text */
    PyObject *object;  /**< borrowed */
    const char *field; /**< what it is called in an exception */
};

/** A moment as it was asked for. */
struct mrp_instant {
    const char *text; /**< the object's; NULL: now, unless it is a number */
    bool is_number;
    char number[24];   /**< of an event, in digits */
    const char *field; /**< what its argument is called in an exception, with ": " */
};

/**
 * Read what a signal is asked for by: an id, or a number.
 *
 * @param field  what it is called in an exception
 *
 * Returns  0; -1 and an exception.
 * Owner    *ret_named refers to the name, which must stay.
 * Threads  any, with the interpreter's lock; not entered: a program of the caller's may run.
 */
int mrp_read_signal(PyObject *name, const char *field, struct mrp_named *ret_named);

/**
 * The same of an emission outside the lifecycle.
 *
 * Returns  0; -1 and an exception.
 * Owner    *ret_named refers to the name, which must stay.
 * Threads  any, with the interpreter's lock; not entered: a program of the caller's may run.
 */
int mrp_read_observed(PyObject *name, const char *field, struct mrp_named *ret_named);

/**
 * Find a signal; of a number that no signal has yet, later calls say so.
 *
 * Returns  0; -1 and an exception.
 * Threads  entered.
 */
int mrp_find(const Bus *self, const struct mrp_named *named, mr_ordinal *ret_ordinal);

/**
 * Find the emission outside the lifecycle of an id or number; of a number that none has, later
 * calls say so.
 *
 * Returns  0; -1 and an exception: the text is not the form of one's id, or there is none.
 * Threads  entered.
 */
int mrp_find_observed(Bus *self, const struct mrp_named *named, uint32_t *ret_number);

/**
 * mrp_find_observed() of what is no signal's: that there is none says that it is neither's.
 *
 * Returns  0; -1 and an exception.
 * Threads  entered.
 */
int mrp_find_either(Bus *self, const struct mrp_named *named, uint32_t *ret_number);

/**
 * Read what the argument as_of says; NULL and None: it is now.
 *
 * Returns  0; -1 and an exception.
 * Owner    *ret_instant refers to the argument, which must stay.
 * Threads  any, with the interpreter's lock; not entered: a program of the caller's may run.
 */
int mrp_read_instant(PyObject *as_of, struct mrp_instant *ret_instant);

/**
 * Find the moment.
 *
 * @param ret_moment  `token`, or NULL: it is now
 *
 * Returns  0; -1 and an exception.
 * Threads  entered; lets go of the interpreter's lock.
 */
int mrp_find_moment(Bus *self, const struct mrp_instant *instant, mr_log_token *token,
    const mr_log_token **ret_moment);

/* ---- types ----------------------------------------------------------------------------------- */

/**
 * Make the type of what Bus.subscribe() returns.
 *
 * Returns  it; NULL and an exception.
 * Owner    subscription.c, which makes objects of it; no new reference.
 * Threads  any, with the interpreter's lock; once.
 */
PyObject *mrp_make_subscription_type(void);

/**
 * Make the type of what Bus.claim() returns.
 *
 * Returns  it; NULL and an exception.
 * Owner    claim.c, which makes objects of it; no new reference.
 * Threads  any, with the interpreter's lock; once.
 */
PyObject *mrp_make_claim_type(void);

/**
 * Make the type of what Bus.orders() returns.
 *
 * Returns  it; NULL and an exception.
 * Owner    orders.c, which makes objects of it; no new reference.
 * Threads  any, with the interpreter's lock; once.
 */
PyObject *mrp_make_orders_type(void);

#endif
