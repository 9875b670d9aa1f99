/* SPDX-License-Identifier: MIT */
/*
 * Facts of the market into the log: quotes, candles and funding rates.
 */
#include "methods.h"

#define A_PRICE "a price above zero"

/** True: it was taken; False: the log had it already. */
static PyObject *fact_result(mr_err err, size_t repeated, const mr_problem *problem)
{
    return err == MR_OK ? PyBool_FromLong(repeated == 0) : mrp_raise_timed(err, problem);
}

PyObject *mrp_bus_quote(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "bid", "ask", "time_unix_ns", "bid_quantity", "ask_quantity",
        "source", "durable", NULL};
    mr_quote quote = {0};
    PyObject *given[8] = {NULL};
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOO|$OOOOO:quote", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5], &given[6], &given[7]) ||
        mrp_need_text(given[0], "symbol", &quote.symbol) < 0 ||
        mrp_read_number(given[1], "bid", A_PRICE, &quote.bid) < 0 ||
        mrp_read_number(given[2], "ask", A_PRICE, &quote.ask) < 0 ||
        mrp_read_time(given[3], "time_unix_ns", &quote.time_unix_ns) < 0 ||
        mrp_optional_number(
            given[4], "bid_quantity", &quote.bid_quantity, &quote.has_bid_quantity) < 0 ||
        mrp_optional_number(
            given[5], "ask_quantity", &quote.ask_quantity, &quote.has_ask_quantity) < 0 ||
        mrp_read_text(given[6], "source", &quote.source) < 0 ||
        mrp_read_bool(given[7], "durable", &is_durable) < 0) {
        return NULL;
    }
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_quote(self->bus, &quote, 1, mrp_durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return fact_result(err, repeated, &problem);
}

PyObject *mrp_bus_candle(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {
        "symbol", "close_time_unix_ns", "open", "high", "low", "close", "volume", "durable", NULL};
    mr_candle candle = {0};
    PyObject *given[8] = {NULL};
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOOO|$O:candle", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5], &given[6], &given[7]) ||
        mrp_need_text(given[0], names[0], &candle.symbol) < 0 ||
        mrp_read_time(given[1], names[1], &candle.close_time_unix_ns) < 0 ||
        mrp_read_number(given[2], names[2], A_PRICE, &candle.open) < 0 ||
        mrp_read_number(given[3], names[3], A_PRICE, &candle.high) < 0 ||
        mrp_read_number(given[4], names[4], A_PRICE, &candle.low) < 0 ||
        mrp_read_number(given[5], names[5], A_PRICE, &candle.close) < 0 ||
        mrp_read_number(given[6], names[6], "a volume", &candle.volume) < 0 ||
        mrp_read_bool(given[7], names[7], &is_durable) < 0) {
        return NULL;
    }
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_candle(self->bus, &candle, 1, mrp_durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return fact_result(err, repeated, &problem);
}

PyObject *mrp_bus_funding(Bus *self, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"symbol", "rate", "time_unix_ns", "interval", "next_time_unix_ns",
        "source", "durable", NULL};
    static const struct mrp_range range = {1.0, 7.0 * 86400.0, "1 to 604800 seconds"};
    mr_funding funding = {0};
    PyObject *given[7] = {NULL};
    double seconds = 0.0;
    int is_durable = 0;
    size_t repeated = 0;
    mr_problem problem = {""};
    mr_err err;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|$OOOOO:funding", names, &given[0],
            &given[1], &given[2], &given[3], &given[4], &given[5], &given[6]) ||
        mrp_need_text(given[0], "symbol", &funding.symbol) < 0 ||
        mrp_read_number(given[1], "rate", "a share of the notional", &funding.rate) < 0 ||
        mrp_read_time(given[2], "time_unix_ns", &funding.time_unix_ns) < 0 ||
        mrp_read_seconds(given[3] == Py_None ? NULL : given[3], "interval", &range, &seconds) < 0 ||
        mrp_read_time(given[4], "next_time_unix_ns", &funding.next_time_unix_ns) < 0 ||
        mrp_read_text(given[5], "source", &funding.source) < 0 ||
        mrp_read_bool(given[6], "durable", &is_durable) < 0) {
        return NULL;
    }
    funding.interval_ns = (int64_t)(seconds * 1e9);
    if (mrp_enter(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS err =
        mr_bus_funding(self->bus, &funding, 1, mrp_durability_of(is_durable), &repeated, &problem);
    Py_END_ALLOW_THREADS mrp_leave(self);
    return fact_result(err, repeated, &problem);
}
