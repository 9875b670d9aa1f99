#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals in Python: what the files of a bot cost that keeps them itself, what the bus costs from
there, and how fast it takes signals.

usage: bus_python.py FOLDER MODULE legacy|bus SIGNALS      as stores_bench does, one by one
       bus_python.py FOLDER MODULE emit SIGNALS            rates of Bus.emit() and emit_many()

MODULE is the built _millrace. One JSON line a measurement, as the other programs.
"""
import json
import pathlib
import statistics
import sys
import tempfile
import threading
import time
import uuid

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "bindings/python/millrace"
SYMBOLS = 20
LATEST = 100
CHECKS = 60
ASKED_MAX = 20000
ASKING_S = 0.7  # of each kind of question, at the longest
TURNS = 5
BATCH = 512
STATES = ("generated", "blocked", "approved")
DATA = json.dumps({"why": "x" * 60})


# ---- the workload of workload.c -----------------------------------------------------------------


def mix(number, salt):
    mixed = ((number ^ salt) * 2654435761) & 0xffffffff
    mixed = ((mixed ^ mixed >> 16) * 0x45d9f3b) & 0xffffffff
    mixed = ((mixed ^ mixed >> 15) * 0x2c1b3c6d) & 0xffffffff
    return mixed ^ mixed >> 16


def symbol_of(ordinal):
    return f"SYM{mix(ordinal, 0x1000193) % SYMBOLS}"


def state_of(ordinal):
    percent = mix(ordinal, 0x5bd1e995) % 100
    return "approved" if percent == 0 else "blocked" if percent <= 30 else "generated"


def question(number):
    return f"SYM{mix(number, 1) % SYMBOLS}", STATES[number % 3]


def moves_of(ordinal):
    state = state_of(ordinal)
    return {"generated": [], "blocked": [("generated", "blocked")],
            "approved": [("generated", "evaluating"), ("evaluating", "approved")]}[state]


# ---- a bot that keeps its signals itself --------------------------------------------------------


class Legacy:
    """A dict in memory, a line for each event in a file that is opened for it, and every question
    answered by going through all signals. Other processes read the file from its beginning."""

    settings = ("Python, a dict and a JSONL file that is opened for each event, no sync; questions "
                "copy what matches out of all signals and sort it")

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "signal_bus.jsonl"
        self.index = {}
        self.lock = threading.Lock()

    def append(self, event):
        with open(self.path, "a") as file:
            file.write(json.dumps(event) + "\n")

    def emit(self, symbol, data):
        now = time.time()
        signal = {"symbol": symbol, "direction": "LONG", "confidence": 0.7, "data": data, "ts": now}
        signal_id = f"{symbol}_{int(now * 1000)}_{uuid.uuid4().hex[:8]}"
        with self.lock:
            self.append({
                "event_type": "signal_generated", "event_id": str(uuid.uuid4()),
                "signal_id": signal_id, "ts": now, "source": "bench", "signal": signal,
                "state": "generated"})
            self.index[signal_id] = {
                "state": "generated", "signal": signal, "source": "bench", "ts": now,
                "created_at": now}
        return signal_id

    def move(self, signal_id, old, new):
        now = time.time()
        reason, gate = ("external", "external") if new == "blocked" else (None, None)
        with self.lock:
            record = self.index[signal_id]
            if record["state"] != old:
                return False
            self.append({
                "event_type": "state_change", "event_id": str(uuid.uuid4()),
                "signal_id": signal_id, "old_state": old, "new_state": new, "ts": now,
                "reason": reason, "metadata": {"blocker_component": gate}})
            record.update(state=new, last_state_change=now, last_reason=reason,
                          blocker_component=gate)
        return True

    def get(self, signal_id):
        record = self.index[signal_id]
        return record["state"], record["signal"]["symbol"]

    def latest(self, symbol, state):
        found = []
        with self.lock:
            for signal_id, record in self.index.items():
                if record["state"] != state:
                    continue
                if record["signal"].get("symbol") != symbol:
                    continue
                found.append({"signal_id": signal_id, **record})
        found.sort(key=lambda record: record["ts"], reverse=True)
        return [record["signal_id"] for record in found[:LATEST]]

    def counts(self):
        counts = {}
        with self.lock:
            for record in self.index.values():
                counts[record["state"]] = counts.get(record["state"], 0) + 1
        return counts

    def poll(self):
        """What another process does to see whether there is something new. Returns events."""
        with open(self.path) as file:
            return len([json.loads(line) for line in file])

    def close(self):
        pass


class OfBus:
    """The same by the package."""

    settings = "the Python package: Bus.emit() with free data as bytes, move(), get(), query(), counts()"

    def __init__(self, folder):
        self.bus = new_bus(pathlib.Path(folder) / "log")

    def emit(self, symbol, data):
        return self.bus.emit(symbol, "long", "bench", 0.7, data=data)

    def move(self, signal_id, old, new):
        if new == "blocked":
            self.bus.move(signal_id, new, from_state=old, gate="external", reason="external")
        else:
            self.bus.move(signal_id, new, from_state=old)
        return True

    def get(self, signal_id):
        signal = self.bus.get(signal_id)
        return signal["state"], signal["symbol"]

    def latest(self, symbol, state):
        return [signal["id"] for signal in
                self.bus.query(f"symbol = {symbol} and state = {state}", limit=LATEST)]

    def counts(self):
        return {state: count for state, count in self.bus.counts().items() if count}

    def poll(self):
        return None

    def close(self):
        self.bus.close()


# ---- measuring ----------------------------------------------------------------------------------


def tell(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def check(store, ids):
    """Answers are what looking at every signal finds."""
    ordinals = {signal_id: ordinal for ordinal, signal_id in enumerate(ids, 1)}
    wanted = {}
    by_question = {}
    for ordinal in range(1, len(ids) + 1):
        state, symbol = state_of(ordinal), symbol_of(ordinal)
        wanted[state] = wanted.get(state, 0) + 1
        by_question.setdefault((symbol, state), []).append(ordinal)
    if store.counts() != wanted:
        sys.exit("bus_python: the counts are wrong")
    for number in range(CHECKS):
        newest = by_question.get(question(number), [])[::-1][:LATEST]
        found = [ordinals[signal_id] for signal_id in store.latest(*question(number))]
        ordinal = number * 997 % len(ids) + 1
        if found != newest or store.get(ids[ordinal - 1]) != (state_of(ordinal), symbol_of(ordinal)):
            sys.exit("bus_python: an answer is not what looking at every signal finds")


def ask_for_a_time(what, number_max=ASKED_MAX):
    """Nanoseconds of each call."""
    took = []
    began = time.perf_counter()
    while len(took) < number_max and time.perf_counter() - began < ASKING_S:
        before = time.perf_counter_ns()
        what(len(took))
        took.append(time.perf_counter_ns() - before)
    return took


def measure_store(kind, folder, signals):
    store = kind(folder)
    data = DATA.encode() if kind is OfBus else json.loads(DATA)
    symbols = [symbol_of(ordinal) for ordinal in range(1, signals + 1)]
    moves = [(ordinal - 1, old, new) for ordinal in range(1, signals + 1)
             for old, new in moves_of(ordinal)]
    began = time.perf_counter_ns()
    ids = [store.emit(symbol, data) for symbol in symbols]
    tell("emit_ns", (time.perf_counter_ns() - began) / signals)
    began = time.perf_counter_ns()
    for index, old, new in moves:
        if not store.move(ids[index], old, new):
            sys.exit("bus_python: a move was refused")
    tell("move_ns", (time.perf_counter_ns() - began) / len(moves))
    check(store, ids)
    tell("get_ns", statistics.median(ask_for_a_time(lambda n: store.get(ids[n * 7919 % signals]))))
    tell("latest_ns_p50", statistics.median(ask_for_a_time(lambda n: store.latest(*question(n)))))
    tell("counts_ns", statistics.median(ask_for_a_time(lambda n: store.counts())))
    began = time.perf_counter_ns()
    events = store.poll()
    if events is not None:
        tell("poll_ns", time.perf_counter_ns() - began)
        if events != signals + len(moves):
            sys.exit("bus_python: the file does not have every event")
    tell("settings", kind.settings)
    store.close()


def new_bus(path):
    bus = millrace.Bus(path, create=True)
    for symbol in range(SYMBOLS):
        bus.register(f"SYM{symbol}")
    return bus


def emit_one_by_one(bus, data, count):
    emit = bus.emit
    for _ in range(count):
        emit("SYM1", "long", "bench", 0.7, data=data)


def emit_in_batches(bus, data, count):
    signals = [{"symbol": "SYM1", "side": "long", "source": "bench", "confidence": 0.7}] * BATCH
    for _ in range(count // BATCH):
        bus.emit_many(signals)


def measure_emit(folder, signals):
    """Bursts of each way in turns, each way in a log of its own."""
    three = {"why": "breakout", "score": 0.7, "bars": 12}
    eleven = {**three, "ofi": 0.42, "regime": "trend", "spread": 0.5, "volume": 1200, "votes": 3,
              "is_new": True, "horizon": "5m", "ratio": 1.25}
    ways = {"none": (emit_one_by_one, None), "bytes": (emit_one_by_one, json.dumps(three).encode()),
            "dict3": (emit_one_by_one, three), "dict11": (emit_one_by_one, eleven),
            "many": (emit_in_batches, None)}
    buses = {name: new_bus(pathlib.Path(folder) / name) for name in ways}
    took = {name: [] for name in ways}
    each = signals // TURNS // BATCH * BATCH
    for _ in range(TURNS):
        for name, (way, data) in ways.items():
            began = time.perf_counter()
            way(buses[name], data, each)
            took[name].append(time.perf_counter() - began)
            time.sleep(0.02)  # the log is written behind
    for name, bus in buses.items():
        if bus.counts()["generated"] != TURNS * each:
            sys.exit("bus_python: not every signal is there")
        tell(f"emit_{name}_per_s", each / statistics.median(took[name]))
        bus.close()


def load_package(module, folder):
    """The package of the build: the module that meson has made beside the sources."""
    package = pathlib.Path(folder) / "millrace"
    package.mkdir()
    for source in [*PACKAGE.iterdir(), pathlib.Path(module).resolve()]:
        (package / source.name).symlink_to(source)
    sys.path.insert(0, str(folder))
    import millrace as loaded
    return loaded


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[3] not in ("legacy", "bus", "emit"):
        sys.exit("usage: bus_python.py FOLDER MODULE legacy|bus|emit SIGNALS")
    pathlib.Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as scratch:
        millrace = load_package(sys.argv[2], scratch)
        if sys.argv[3] == "emit":
            measure_emit(scratch, int(sys.argv[4]))
        else:
            measure_store(Legacy if sys.argv[3] == "legacy" else OfBus, scratch, int(sys.argv[4]))
