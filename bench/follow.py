#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Following signals in Python: events a second by iteration, with all that an event says, with what
is needed of it, with a filter, in lists; beside a loop over as many dicts that are there already.

usage: follow.py MODULE FOLDER      MODULE is the build's _millrace.abi3.so, FOLDER is made
"""
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

SIGNALS = 90000  # they are all in the state that processes share
SOURCES = 25
ROUNDS = 5


def load(module, folder):
    """The package of the build."""
    package = folder / "millrace"
    package.mkdir()
    sources = pathlib.Path(__file__).resolve().parents[1] / "bindings/python/millrace"
    for source in [*sources.iterdir(), module]:
        (package / source.name).symlink_to(source.resolve())
    sys.path.insert(0, str(folder))
    import millrace
    return millrace


def emit(bus):
    for at in range(0, SIGNALS, 1000):
        bus.emit_many([{"symbol": "BTCUSDT", "side": "long", "source": f"bot-{i % SOURCES}",
                        "confidence": 0.7, "data": {"why": "breakout of the range of the hour"}}
                       for i in range(at, at + 1000)])


def iterate(bus, count, **options):
    """Events a second."""
    with bus.subscribe(f"bench-{time.time_ns()}", start="beginning", **options) as events:
        began = time.perf_counter()
        for number, event in enumerate(events, 1):
            if event["seq"] and number == count:
                break
        return count / (time.perf_counter() - began)


def take(bus, count, **options):
    done = 0
    with bus.subscribe(f"bench-{time.time_ns()}", start="beginning", **options) as events:
        began = time.perf_counter()
        while done < count:
            taken = events.take_many()
            for event in taken:
                done += event["seq"] > 0
            events.ack_many(taken)
        return done / (time.perf_counter() - began)


def floor(count):
    """A loop that makes no events."""
    events = [{"seq": number} for number in range(1, count + 1)]
    began = time.perf_counter()
    for number, event in enumerate(events, 1):
        if event["seq"] and number == count:
            break
    return count / (time.perf_counter() - began)


def main():
    folder = pathlib.Path(tempfile.mkdtemp())
    millrace = load(pathlib.Path(sys.argv[1]), folder)
    made = {"kind": "signal.generated"}
    rows = {
        "py_follow_loop_per_s": lambda: floor(SIGNALS),
        "py_follow_all_per_s": lambda: iterate(bus, SIGNALS, **made),
        "py_follow_no_signal_per_s": lambda: iterate(
            bus, SIGNALS, fields=("seq", "kind", "time_unix_ns", "ordinal", "deliveries"), **made),
        "py_follow_fields_per_s": lambda: iterate(
            bus, SIGNALS, fields=("seq", "ordinal"), **made),
        "py_follow_ids_per_s": lambda: iterate(bus, SIGNALS, fields=("seq", "id"), **made),
        "py_follow_source_per_s": lambda: iterate(
            bus, SIGNALS // SOURCES, source="bot-7", fields=("seq", "ordinal")),
        "py_follow_list_per_s": lambda: take(bus, SIGNALS, fields=("seq", "ordinal"), **made),
    }
    found = {name: [] for name in rows}
    with millrace.Bus(sys.argv[2], create=True) as bus:
        bus.register("BTCUSDT")
        emit(bus)
        for _ in range(ROUNDS):
            for name, measure in rows.items():
                found[name].append(measure())
    for name, values in found.items():
        print(json.dumps({"name": name, "value": statistics.median(values)}))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
