/* SPDX-License-Identifier: MIT */
/*
 * Questions: signals as of now or of a moment, what they were, and what there is.
 */
#include "methods.h"

#include "bus/page_token.h"

enum { ROOM_MAX = 1 << 22, QUESTION_BYTES_MAX = 65536 }; /* ordinals, of one answer */

PyObject *mrp_bus_get(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"id", "as_of", NULL};
    mr_ordinal ordinal;
    PyObject *name;
    PyObject *as_of = NULL;
    PyObject *result = NULL;
    struct mrp_named named;
    struct mrp_instant instant;
    mr_log_token token;
    const mr_log_token *moment;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O:get", names, &name, &as_of) ||
        mrp_read_signal(name, "id", &named) < 0 || mrp_read_instant(as_of, &instant) < 0 ||
        mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0 && mrp_find(self, &named, &ordinal) == 0 &&
        mrp_find_moment(self, &instant, &token, &moment) == 0) {
        result = mrp_signal_of(self, moment, ordinal);
    }
    mrp_leave(self);
    return result;
}

PyObject *mrp_bus_moment(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"as_of", NULL};
    PyObject *as_of = NULL;
    PyObject *result = NULL;
    mr_problem problem = {""};
    mr_log_token token;
    const mr_log_token *moment;
    struct mrp_instant instant;
    char text[MR_LOG_TOKEN_BYTES];
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:moment", names, &as_of) ||
        mrp_read_instant(as_of, &instant) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0 && mrp_find_moment(self, &instant, &token, &moment) == 0) {
        mr_err err = moment != NULL ? MR_OK : mr_bus_moment(self->bus, NULL, &token, &problem);
        result = err == MR_OK ? PyUnicode_FromString(mr_log_token_text(&token, text))
                              : mrp_raise_error(err, problem.text);
    }
    mrp_leave(self);
    return result;
}

/** What is asked for, and how much of it there was. */
struct asking {
    const char *question;
    int64_t limit;
    struct mrp_named after; /**< of no number, and no text: from the beginning */
    struct mrp_instant instant;
    char page_moment[MR_LOG_TOKEN_BYTES]; /**< what a page token in `after` names */
    mr_ordinal beyond;
    mr_log_token token;
    const mr_log_token *moment; /**< NULL: now */
    unsigned long long scanned;
    bool is_cut;
};

/** Ask once more, behind what was found; so many were. -1 and an exception. */
static int64_t ask_on(const Bus *self, struct asking *asking, mr_bus_page *page, PyObject *signals)
{
    mr_problem problem = {""};
    mr_err err = asking->moment == NULL
                     ? mr_bus_query(self->bus, asking->question, page, &problem)
                     : mr_bus_query_at(self->bus, asking->moment, asking->question, page, &problem);
    if (err != MR_OK) {
        (void)mrp_raise_error(err, problem.text);
        if (err == MR_REFUSED) {
            mrp_name_argument("question: ");
        } else if (err == MR_NOT_FOUND && page->beyond.n != 0) {
            mrp_name_argument("after: ");
        }
        return -1;
    }
    for (uint32_t i = 0; i < page->count; i++) {
        PyObject *signal = mrp_signal_of(self, asking->moment, page->ordinals[i]);
        int result = signal == NULL ? -1 : PyList_Append(signals, signal);
        Py_XDECREF(signal);
        if (result < 0) {
            return -1;
        }
    }
    page->beyond = page->count > 0 ? page->ordinals[page->count - 1] : page->beyond;
    asking->scanned += page->scanned;
    asking->is_cut = page->is_cut && page->count > 0;
    return page->count;
}

/** All in one answer, as the question may have a limit, too; more than there is room for in
 * several. */
static PyObject *ask(const Bus *self, struct asking *asking, PyObject *signals)
{
    int64_t room = asking->limit < ROOM_MAX ? asking->limit : ROOM_MAX;
    mr_bus_page page = {
        .beyond = asking->beyond, .ordinals = PyMem_Malloc((size_t)room * sizeof(*page.ordinals))};
    if (page.ordinals == NULL) {
        return PyErr_NoMemory();
    }
    int64_t found;
    do {
        int64_t left = asking->limit - PyList_Size(signals);
        page.room = (uint32_t)(left < room ? left : room);
        found = ask_on(self, asking, &page, signals);
    } while (asking->is_cut && found == page.room && PyList_Size(signals) < asking->limit);
    PyMem_Free(page.ordinals);
    return found < 0 ? NULL : signals;
}

/** Behind which signal: its id or number, or a page's token, which names the moment, too. */
static int read_after(PyObject *after, struct asking *asking)
{
    struct mri_slice moment;
    uint32_t ordinal;
    if (mrp_read_signal(after, "after", &asking->after) < 0) {
        return -1;
    }
    const char *text = asking->after.text;
    mr_err err = text == NULL ? MR_NOT_FOUND : mri_page_token_parse(text, &moment, &ordinal);
    if (err == MR_REFUSED) {
        return mrp_refuse("after",
            "a signal (its id or number), or a page token: a moment, '/', and the number of a "
            "signal",
            after);
    }
    if (err != MR_OK) {
        return 0;
    }
    asking->after.text = NULL;
    asking->after.number = ordinal;
    if (moment.count == 0) {
        return 0;
    }
    (void)snprintf(
        asking->page_moment, sizeof(asking->page_moment), "%.*s", (int)moment.count, moment.bytes);
    struct mrp_instant *instant = &asking->instant;
    bool is_other = instant->is_number ||
                    (instant->text != NULL && strcmp(instant->text, asking->page_moment) != 0);
    instant->text = asking->page_moment;
    instant->field = "after: ";
    return is_other
               ? mrp_refuse("after",
                     "a page token of the moment that as_of says, or no as_of: it names its own",
                     after)
               : 0;
}

/** What query() and page() are given. */
static int read_asking(
    PyObject *args, PyObject *keywords, const char *format, struct asking *ret_asking)
{
    static char *names[] = {"question", "limit", "after", "as_of", NULL};
    PyObject *given[4] = {NULL};
    *ret_asking = (struct asking){.question = "", .limit = 100};
    if (!PyArg_ParseTupleAndKeywords(
            args, keywords, format, names, &given[0], &given[1], &given[2], &given[3]) ||
        (given[0] != NULL && mrp_need_text(given[0], "question", &ret_asking->question) < 0) ||
        mrp_read_integer(given[1], "limit", 1, INT64_MAX, &ret_asking->limit) < 0 ||
        mrp_read_instant(given[3], &ret_asking->instant) < 0) {
        return -1;
    }
    if (strlen(ret_asking->question) > QUESTION_BYTES_MAX) {
        return mrp_refuse("question", "up to 65536 bytes", given[0]);
    }
    bool has_after = given[2] != NULL && given[2] != Py_None;
    return has_after ? read_after(given[2], ret_asking) : 0;
}

/** The signals that are asked for, as a list; the bus is entered. */
static PyObject *answer(Bus *self, struct asking *asking)
{
    PyObject *signals = PyList_New(0);
    bool has_after = asking->after.text != NULL || asking->after.number != 0;
    bool is_found =
        signals != NULL && (!has_after || mrp_find(self, &asking->after, &asking->beyond) == 0);
    if (signals != NULL && !is_found) {
        mrp_name_argument("after: ");
    }
    bool is_good = is_found && ask(self, asking, signals) != NULL;
    if (!is_good) {
        Py_CLEAR(signals);
    }
    return signals;
}

PyObject *mrp_bus_query(Bus *self, PyObject *args, PyObject *keywords)
{
    struct asking asking;
    PyObject *signals = NULL;
    if (read_asking(args, keywords, "|O$OOO:query", &asking) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0 &&
        mrp_find_moment(self, &asking.instant, &asking.token, &asking.moment) == 0) {
        signals = answer(self, &asking);
    }
    mrp_leave(self);
    return signals;
}

/** Where the next page begins: behind the last signal; None when there is none. */
static PyObject *next_after(PyObject *signals, bool is_cut)
{
    Py_ssize_t count = PyList_Size(signals);
    if (!is_cut || count < 1) {
        return Py_NewRef(Py_None);
    }
    PyObject *id = PyDict_GetItemString(PyList_GetItem(signals, count - 1), "id");
    return id == NULL ? NULL : Py_NewRef(id);
}

PyObject *mrp_bus_page(Bus *self, PyObject *args, PyObject *keywords)
{
    struct asking asking;
    PyObject *signals = NULL;
    mr_problem problem = {""};
    char text[MR_LOG_TOKEN_BYTES];
    if (read_asking(args, keywords, "|O$OOO:page", &asking) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0 &&
        mrp_find_moment(self, &asking.instant, &asking.token, &asking.moment) == 0) {
        mr_err err = MR_OK;
        if (asking.moment == NULL) { /* of one moment, which the next page can name */
            Py_BEGIN_ALLOW_THREADS err = mr_bus_moment(self->bus, NULL, &asking.token, &problem);
            Py_END_ALLOW_THREADS asking.moment = &asking.token;
        }
        signals = err == MR_OK ? answer(self, &asking) : mrp_raise_error(err, problem.text);
    }
    mrp_leave(self);
    PyObject *after = signals == NULL ? NULL : next_after(signals, asking.is_cut);
    if (after == NULL) {
        Py_XDECREF(signals);
        return NULL;
    }
    return Py_BuildValue("{s:N,s:K,s:N,s:s}", "signals", signals, "scanned", asking.scanned,
        "after", after, "moment", mr_log_token_text(&asking.token, text));
}

PyObject *mrp_bus_counts(Bus *self, PyObject *unused)
{
    uint64_t counts[MR_STATE_COUNT];
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    mr_problem problem = {""};
    int followed = mrp_follow(self);
    mr_err err = followed < 0 ? MR_OK : mr_bus_counts(self->bus, counts, &problem);
    mrp_leave(self);
    if (followed < 0 || err != MR_OK) {
        return followed < 0 ? NULL : mrp_raise_error(err, problem.text);
    }
    return mrp_counts_dict(counts);
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
        PyObject *one = err == MR_OK ? record_of(&record) : mrp_raise_error(err, problem.text);
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

PyObject *mrp_bus_history(Bus *self, PyObject *name)
{
    mr_signal signal;
    mr_observed observed;
    mr_ordinal ordinal;
    uint32_t number;
    PyObject *result = NULL;
    struct mrp_named named = {.field = "id"};
    if (mrp_need_text(name, "id", &named.text) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    if (mrp_follow(self) == 0) {
        if (mr_bus_find(self->bus, named.text, &ordinal) == MR_OK &&
            mr_bus_get(self->bus, ordinal, &signal) == MR_OK) {
            result = read_back(self, signal.last);
        } else if (mrp_find_either(self, &named, &number) == 0 &&
                   mr_bus_observed(self->bus, number, &observed, NULL) == MR_OK) {
            result = read_back(self, observed.last);
        }
    }
    mrp_leave(self);
    return result;
}

PyObject *mrp_bus_sources(Bus *self, PyObject *unused)
{
    mr_source_count count;
    mr_problem problem = {""};
    mr_err err = MR_OK;
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && err == MR_OK; i++) {
        err = mr_bus_source_count(self->bus, i, &count, &problem);
        if (err != MR_OK) {
            break;
        }
        if (count.signals == 0 && count.observed == 0) {
            continue; /* a number that is kept for one, or one that has emitted nothing */
        }
        PyObject *one = Py_BuildValue("(sKK)", count.source, (unsigned long long)count.signals,
            (unsigned long long)count.observed);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    mrp_leave(self);
    if (err != MR_OK && err != MR_END) {
        Py_CLEAR(list);
        (void)mrp_raise_error(err, problem.text);
    }
    return list;
}

PyObject *mrp_bus_symbol(Bus *self, PyObject *name)
{
    const char *text;
    const char *symbol = NULL;
    mr_problem problem = {""};
    if (mrp_need_text(name, "name", &text) < 0 || mrp_enter(self) < 0) {
        return NULL;
    }
    mr_err err = mr_bus_symbol(self->bus, text, &symbol, &problem);
    PyObject *found = err == MR_OK ? PyUnicode_FromString(symbol) : NULL;
    mrp_leave(self);
    if (err == MR_NOT_FOUND) {
        Py_RETURN_NONE;
    }
    return err == MR_OK ? found : mrp_raise_error(err, problem.text);
}

PyObject *mrp_bus_symbols(Bus *self, PyObject *unused)
{
    uint32_t provisional;
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    int followed = mrp_follow(self);
    uint32_t count = followed < 0 ? 0 : mr_bus_symbol_count(self->bus, &provisional);
    mrp_leave(self);
    return followed < 0 ? NULL : Py_BuildValue("(II)", count, provisional);
}

PyObject *mrp_bus_is_live(Bus *self, void *unused)
{
    (void)unused;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    bool is_live = mr_bus_is_live(self->bus);
    mrp_leave(self);
    return PyBool_FromLong(is_live);
}

PyObject *mrp_bus_event_time(Bus *self, void *unused)
{
    (void)unused;
    int64_t time_unix_ns;
    mr_problem problem = {""};
    mr_err err;
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err = mr_bus_event_time(self->bus, &time_unix_ns, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return err == MR_OK ? PyLong_FromLongLong(time_unix_ns) : mrp_raise_error(err, problem.text);
}
