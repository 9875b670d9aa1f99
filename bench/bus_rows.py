"""What the bus is measured by: among many signals, beside what else signals are kept in, from Python.

Values of one round are kept as "NAME" of signals_bench.c and "bus.STORE.NAME" of stores_bench.c and
bus_python.py; bench/run.py has the rounds.
"""
import pathlib
import shutil
import statistics
import sys

import peer_rows

PYTHON = pathlib.Path(__file__).resolve().parent / "bus_python.py"
OWN = "log"
OTHERS = {  # store: how it is called, packages
    "legacy": ("a bot's own dict and file, in Python", []),
    "sqlite_off": ("SQLite OFF", ["libsqlite3-dev"]),
    "sqlite_normal": ("SQLite NORMAL", ["libsqlite3-dev"]),
    "redis": ("Redis", ["redis-server"]),
    "postgresql": ("PostgreSQL", ["postgresql-15", "libpq-dev"]),
}
IN_PYTHON = ["legacy", "bus"]
STATES = ["generated", "blocked", "approved"]


class Stores:
    """Which stores can be measured, and why others cannot."""

    def __init__(self, build):
        self.build = build
        self.module = build / "bindings/python/_millrace.abi3.so"
        self.settings = peer_rows.run_lines([build / "bench/stores_bench"])
        self.reasons = {name: f"not built: {' '.join(packages)} (tools/deps.sh bench)"
                        for name, (_, packages) in OTHERS.items()
                        if name not in self.settings and name not in IN_PYTHON}
        if not self.module.exists():
            self.reasons.update({name: "the Python package is not built: python3-dev"
                                 for name in IN_PYTHON})

    def command(self, folder, name, signals):
        if name in IN_PYTHON:
            return [sys.executable, PYTHON, folder / name, self.module, name, signals]
        return [self.build / "bench/stores_bench", folder, name, signals]

    def measure(self, values, folder, name, signals):
        """One store; one that fails is left out from then on, but for ourselves."""
        if name in self.reasons:
            return
        try:
            found = peer_rows.run_lines(self.command(folder, name, signals))
        except peer_rows.Failed as failed:
            if name in (OWN, "bus"):
                raise
            self.reasons[name] = str(failed)
            return
        finally:
            shutil.rmtree(folder / name, ignore_errors=True)
        self.settings[name] = found.pop("settings", self.settings.get(name, ""))
        values.update({f"bus.{name}.{key}": value for key, value in found.items()})


def measure_signals(stores, folder, options, number, values):
    try:
        values.update(peer_rows.run_lines(
            [stores.build / "bench/signals_bench", folder / "signals", options.most_signals]))
    finally:
        for path in folder.glob("signals-*"):
            shutil.rmtree(path)


def measure_stores(stores, folder, options, number, values):
    values["bus.signals"] = options.store_signals
    for name in peer_rows.turned([OWN, *OTHERS, "bus"], number):
        stores.measure(values, folder, name, options.store_signals)


def measure_python(stores, folder, options, number, values):
    if "bus" not in stores.reasons:
        found = peer_rows.run_lines(
            [sys.executable, PYTHON, folder / "python", stores.module, "emit", options.store_signals])
        values.update({f"bus.python.{key}": value for key, value in found.items()})


MEASURES = {"signals": measure_signals, "stores": measure_stores, "python": measure_python}


# ---- rows -------------------------------------------------------------------------------------


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def count_text(r, size):
    counts = r.values(f"signals_count_{size}") or [0]
    symbols = r.values(f"signals_symbols_{size}") or [0]
    return f"{counts[0]:,.0f} signals of {symbols[0]:,.0f} symbols"


def each_state(r, size, key="p50"):
    return ", ".join(f"{state} {r.show(r.values(f'signals_latest_{state}_us_{size}_{key}'), 1, ' us')}"
                     for state in STATES)


def slowest_state(r, size):
    """Of each round, the median of the state whose questions take longest."""
    return [max(row[f"signals_latest_{state}_us_{size}_p50"] for state in STATES)
            for row in r.rounds if f"signals_latest_{STATES[0]}_us_{size}_p50" in row]


def latest_rows(r):
    planned = r.show(r.values("signals_planned_us_large_p50"), 1, " us")
    wide = r.show(r.values("signals_planned_us_wide_p50"), 2, " us")
    return [
        r.at_most(f"latest 100 of a symbol and state, the slowest of three states (69, 30, 1 %), p50: "
                  f"{count_text(r, 'large')}", 20, slowest_state(r, "large"), 1, " us",
                  f"{each_state(r, 'large')}; p99 {each_state(r, 'large', 'p99')}; "
                  f"approved without text {planned}"),
        r.at_most(f"the same: {count_text(r, 'wide')}", 1, slowest_state(r, "wide"), 2, " us",
                  f"{each_state(r, 'wide')}; approved without text {wide}"),
        r.at_most("one in 100,000 by name, which no array lists: " + count_text(r, "large"), 200,
                  r.values("signals_filter_name_ms"), 0, " ms", "-"),
        r.at_most("one in 100,000 by gate in a range of times", 200,
                  r.values("signals_filter_gate_ms"), 0, " ms", "-"),
    ]


def flat_rows(r):
    rows = []
    between = f"{count_text(r, 'large')} beside {count_text(r, 'small')}"
    for what, name in (("emit", "emit_ns"), ("move", "move_ns"),
                       ("get, of the newest 10,000", "get_ns")):
        costs = ", ".join(f"{count_text(r, size)}: {r.show(r.values(f'signals_{name}_{size}'), 0, ' ns')}"
                          for size in ("small", "middle", "large"))
        if name == "get_ns":
            costs += "; of all: " + ", ".join(
                r.show(r.values(f"signals_get_any_ns_{size}"), 0, " ns")
                for size in ("small", "middle", "large"))
        rows.append(r.at_most(f"{what}: {between}", 1.15,
                              r.ratio(f"signals_{name}_large", f"signals_{name}_small"), 2, " x", costs))
    ratios = {state: r.ratio(f"signals_latest_{state}_us_large_p50", f"signals_latest_{state}_us_small_p50")
              for state in STATES}
    worst = [max(of_round) for of_round in zip(*ratios.values())]
    rows.append(r.at_most(
        f"latest 100, the worst of three states: {between}", 1.15, worst, 2, " x",
        "; ".join(f"{state} {r.show(ratios[state], 2, ' x')}" for state in STATES)
        + f"; at the smallest {each_state(r, 'small')}"))
    return rows


def signals_rows(r):
    """Among many signals: what is asked, and what does not depend on how many there are."""
    return [
        *latest_rows(r),
        r.at_most(f"a signal by its id: {count_text(r, 'large')}", 400, r.values("signals_find_ns_large"), 0,
                  " ns", "by its number " + r.show(r.values("signals_get_any_ns_large"), 0, " ns")),
        r.at_most("signals by state, counted, the same", 2000, r.values("signals_counts_ns_large"), 0,
                  " ns", "-"),
        r.at_most("health, of who follows the log, the same", 2000, r.values("signals_health_large_ns"), 0,
                  " ns", "among the smallest " + r.show(r.values("signals_health_small_ns"), 0, " ns")),
        r.at_most("shared memory a signal", 96, r.values("signals_memory_bytes"), 1, " B", "-"),
        *flat_rows(r),
    ]


def store_row(r, what, key):
    """One operation: the nearest other store as a multiple of ours, and all of them beside it."""
    own_key = f"bus.{OWN}.{key}"
    multiples = {name: r.ratio(f"bus.{name}.{key}", own_key) for name in OTHERS}
    multiples = {name: values for name, values in multiples.items() if values}
    nearest = [min(row[f"bus.{name}.{key}"] for name in multiples) / row[own_key]
               for row in r.rounds if all(f"bus.{name}.{key}" in row for name in [OWN, *multiples])]
    texts = [f"{OTHERS[name][0]} {duration(statistics.median(r.values(f'bus.{name}.{key}')))} "
             f"({statistics.median(values):,.3g} x)" for name, values in multiples.items()]
    own = r.values(own_key)
    beside = f"the bus {duration(statistics.median(own)) if own else '-'}; " + ", ".join(texts)
    return r.at_least(f"{what}: the nearest other store", 1, nearest if multiples else [], 1, " x", beside)


def python_row(r, what, key):
    own = r.values(f"bus.bus.{key}")
    other = r.values(f"bus.legacy.{key}")
    beside = "-" if not own or not other else (
        f"the bus from Python {duration(statistics.median(own))}, a bot's own dict and file "
        f"{duration(statistics.median(other))}")
    return r.plain(f"{what}, both in Python", r.ratio(f"bus.legacy.{key}", f"bus.bus.{key}"), 1, " x", beside)


OPERATIONS = (("emit", "emit_ns"), ("move", "move_ns"), ("a signal by its id", "get_ns"),
              ("latest 100 of a symbol and state", "latest_ns_p50"), ("counts", "counts_ns"))


def stores_rows(r):
    """One by one, without waiting for a disk, the same answers from all."""
    among = f"{(r.values('bus.signals') or [0])[0]:,.0f} signals"
    rows = [store_row(r, f"{what}, {among}", key) for what, key in OPERATIONS]
    rows += [python_row(r, f"{what}, {among}", key) for what, key in OPERATIONS]
    rows.append(r.plain("seeing what is new by reading that file from its beginning",
                        r.values("bus.legacy.poll_ns", 1e-6), 0, " ms", "-"))
    return rows


def python_rows(r):
    rows = []
    for what, key, aim in (
            ("without free data", "none", 2), ("with free data as bytes", "bytes", 2),
            ("with a dict of 3 keys", "dict3", 1), ("with a dict of 11 keys", "dict11", 0.35),
            ("emit_many, without free data", "many", 3)):
        rows.append(r.at_least(f"emit from Python, {what}", aim,
                               r.values(f"bus.python.emit_{key}_per_s", 1e-6), 2, " M/s", "-"))
    return rows


ROWS = {"signals": signals_rows, "stores": stores_rows, "python": python_rows}


def settings_list(stores):
    used = [OWN, *OTHERS, "bus"]
    lines = [f"- {name}: {stores.settings[name]}" for name in used
             if name in stores.settings and name not in stores.reasons]
    return lines + [f"- {name}: not measured: {reason}" for name, reason in stores.reasons.items()]
