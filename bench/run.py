#!/usr/bin/env python3
"""Run the benchmarks in interleaved rounds and print the tables of bench/RESULTS.md.

usage: bench/run.py BUILD [--rounds N] [--rows durable,delivery,...] [--write | --add]

Each number stands beside its floor, measured in the same round, and beside other stores where there
are any (bench/peer_rows.py). Median and spread (lowest to highest) over the rounds; the verdict is
the median's. --write replaces bench/RESULTS.md, --add puts what was measured behind what it has.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import bus_rows
import peer_rows

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/candles_1m"
SETS = ["binance_um_2025-05", "binance_um_2023-07", "binance_spot_2021-04"]
AIMS = {"binance_um_2025-05": 6.0, "binance_um_2023-07": 11.0, "binance_spot_2021-04": 16.0}
HORIZONS = ["1m", "5m", "15m", "30m", "1h"]
PROGRAM_ROWS = ["run", "append", "learn", "bus", "follow", "lines", "sql", "asof"]
NOT_MEASURED = "not measured"
BUSY_LOAD = 0.5


def run_program(program, folder, *arguments):
    """One `millrace run --json`: its summary and its peak memory in MB."""
    with open(os.devnull, "w") as quiet, tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [program, "run", "--dir", folder, "--json", *arguments], stdout=out, stderr=quiet)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"millrace run ended with {process.returncode}")
        out.seek(0)
        return json.loads(out.read().splitlines()[-1]), usage.ru_maxrss / 1024


def every_bar_config(program, folder):
    text = subprocess.run(
        [program, "config", "--print"], check=True, capture_output=True, text=True).stdout
    path = folder / "every_bar.yaml"
    path.write_text(text.replace("emit: on_change", "emit: every_bar", 1))
    return path


def measure_run(build, folder, values):
    """Whole lifecycles on real candles, every source emitting on every bar."""
    program = build / "millrace"
    config = every_bar_config(program, folder)
    feed = f"csv:{DATA / SETS[0]}"
    summary, memory = run_program(
        program, folder / "lifecycles", "--config", str(config), "--feed", feed)
    values["lifecycles_per_s"] = summary["rate"]["lifecycles_per_s"]
    values["run_s"] = summary["rate"]["seconds"]
    values["bytes_per_lifecycle"] = summary["log"]["bytes_per_lifecycle"]
    values["memory_mb"] = memory
    batches = json.loads(subprocess.run(
        [program, "verify", "--json", "--dir", folder / "lifecycles"], check=True,
        capture_output=True, text=True).stdout)["batches"]
    values.update(peer_rows.run_lines(
        [build / "bench/floor_bench", folder, str(summary["log"]["bytes"]), str(batches)]))
    values.update(peer_rows.run_lines([build / "bench/scan_bench", folder / "lifecycles"]))
    return summary["signals"]


def measure_past(build, folder, values):
    """Random moments of a simulated run that leaves ten million events."""
    program = build / "millrace"
    text = subprocess.run(
        [program, "config", "--print"], check=True, capture_output=True, text=True).stdout
    config = folder / "long.yaml"
    config.write_text(text.replace("  bars: 20160\n", "  bars: 95000\n", 1))
    run_program(program, folder / "past", "--config", str(config))
    values.update(peer_rows.run_lines([build / "bench/asof_bench", folder / "past"]))


def measure_follow(build, folder, values):
    """Subscriptions in C and in Python, where the build has the module."""
    values.update(peer_rows.run_lines([build / "bench/follow_bench", folder / "follow"]))
    module = build / "bindings/python/_millrace.abi3.so"
    if module.exists():
        values.update(peer_rows.run_lines(
            [sys.executable, ROOT / "bench/follow.py", module, folder / "follow-python"]))


def new_folder(scratch):
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    folder.chmod(0o711)  # a server may run as another user
    return folder


def measure_bus(folder, signal_stores, arguments, number, values):
    for name in [name for name in bus_rows.MEASURES if name in arguments.rows]:
        began = time.monotonic()
        bus_rows.MEASURES[name](signal_stores, folder, arguments, number, values)
        print(f"  {name}: {time.monotonic() - began:.0f} s", file=sys.stderr)


def measure_round(build, scratch, all_stores, arguments, number):
    stores, signal_stores = all_stores
    values = {}
    signals = None
    folder = new_folder(scratch)
    if "append" in arguments.rows:
        values.update(peer_rows.run_lines([build / "bench/append_bench", folder / "append"]))
    if "learn" in arguments.rows:
        values.update(peer_rows.run_lines([build / "bench/learn_bench"]))
    if "sql" in arguments.rows:
        values.update(peer_rows.run_lines([build / "bench/sql_bench"]))
    if "bus" in arguments.rows:
        values.update(peer_rows.run_lines([build / "bench/bus_bench", folder / "bus"]))
    if "follow" in arguments.rows:
        measure_follow(build, folder, values)
    if "lines" in arguments.rows:
        values.update(peer_rows.run_lines([build / "bench/lines_bench", build / "millrace", folder / "lines"]))
    measure_bus(folder, signal_stores, arguments, number, values)
    if "asof" in arguments.rows:
        measure_past(build, folder, values)
    if "run" in arguments.rows and DATA.exists():
        signals = measure_run(build, folder, values)
    for name in [name for name in peer_rows.MEASURES if name in arguments.rows]:
        began = time.monotonic()
        peer_rows.MEASURES[name](stores, folder, arguments, number, values)
        print(f"  {name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    shutil.rmtree(folder)
    return values, signals


def measure_learning(build, scratch):
    """Mean skill over the horizons on each data set; deterministic, so once is enough."""
    rows = []
    for name in SETS:
        folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        summary, _ = run_program(
            build / "millrace", folder / "log", "--feed", f"csv:{DATA / name}")
        shutil.rmtree(folder)
        learning = summary["learning"]
        mean = {key: statistics.mean(learning[h][key] for h in HORIZONS)
                for key in ("skill_learned", "skill_static", "skill_static_platt")}
        rows.append((name, sum(learning[h]["n"] for h in HORIZONS), mean, summary["orders"]["entries"]))
    return rows


class Rounds:
    """Values of all rounds; makes rows of them: what, aim, verdict, measured, beside."""

    def __init__(self, rounds):
        self.rounds = rounds

    def ratio(self, name, other):
        return [row[name] / row[other] for row in self.rounds if name in row and other in row]

    def values(self, name, scale=1.0):
        return [row[name] * scale for row in self.rounds if name in row]

    @staticmethod
    def show(values, digits=0, unit=""):
        if not values:
            return NOT_MEASURED
        low, high = min(values), max(values)
        return f"{statistics.median(values):,.{digits}f}{unit} ({low:,.{digits}f} to {high:,.{digits}f})"

    def row(self, what, aim, values, digits, unit, beside, is_met):
        verdict = "-" if is_met is None or not values else "met" if is_met else "missed"
        return what, aim, verdict, self.show(values, digits, unit), beside

    def at_most(self, what, aim, values, digits, unit, beside, of=""):
        is_met = bool(values) and statistics.median(values) <= aim
        text = f"<= {aim:g}{unit} {of}".strip()
        return self.row(what, text, values, digits, unit, beside, is_met)

    def at_least(self, what, aim, values, digits, unit, beside):
        is_met = bool(values) and statistics.median(values) >= aim
        return self.row(what, f">= {aim:g}{unit}", values, digits, unit, beside, is_met)

    def plain(self, what, values, digits, unit, beside):
        return self.row(what, "-", values, digits, unit, beside, None)


def run_rows(r):
    floors = [1e-3 * row["lifecycles_per_s"] * row["run_s"] / row["run_floor_s"]
              for row in r.rounds if "run_s" in row]
    return [
        r.at_least("whole lifecycles, every_bar, um_2025-05", 50,
                   r.values("lifecycles_per_s", 1e-3), 1, " k/s",
                   "writing its log by pwrite alone: " + r.show(floors, 0, " k/s")),
        r.at_most("log per blocked lifecycle, every_bar", 2000, r.values("bytes_per_lifecycle"), 0,
                  " B", "-"),
        r.at_most("peak memory of that run", 300, r.values("memory_mb"), 0, " MB", "-"),
        r.at_least("scan of its log with all checks, cache warm", 5, r.values("scan_per_s", 1e-6), 1,
                   " M/s", "CRC32C of the files alone: "
                   + r.show(r.values("scan_floor_per_s", 1e-6), 1, " M/s")),
    ]


def append_rows(r):
    return [
        r.at_least("emit ASYNC, batches of 64", 500, r.values("emit_batch64_per_s", 1e-3), 0, " k/s",
                   "pwrite of the same bytes: "
                   + r.show(r.values("emit_batch64_floor_per_s", 1e-3), 0, " k/s")),
        r.at_most("emit ASYNC, one by one", 1.5, r.ratio("emit_single_ns", "emit_single_floor_ns"),
                  2, " x", "emit " + r.show(r.values("emit_single_ns"), 0, " ns") + ", pwrite "
                  + r.show(r.values("emit_single_floor_ns"), 0, " ns"), "its pwrite"),
    ]


def learn_rows(r):
    floor = "relaxing the coefficients alone: " + r.show(r.values("learn_floor_ns"), 0, " ns")
    return [
        r.at_most("learning update of the coefficients: 3.5 sources x 3 levels, both heads", 300,
                  r.values("learn_cells_ns"), 0, " ns", floor),
        r.plain("the same with the slope of the static member and the mixture",
                r.values("learn_ns"), 0, " ns", floor),
    ]


def emit_rows(r):
    """Signals through the state that processes share, beside the same bytes in a log without one."""
    bare = "the same bytes in a bare log: " + r.show(r.values("bus_bare_ns"), 0, " ns")
    return [
        r.at_most("emit ASYNC through the bus, one by one", 1.6, r.ratio("bus_emit_ns", "bus_bare_ns"), 2, " x",
                  "emit " + r.show(r.values("bus_emit_ns"), 0, " ns") + ", " + bare, "a bare append"),
        r.at_least("the same in batches of 8", 6, [1e3 / ns for ns in r.values("bus_emit_batch_ns")], 1, " M/s",
                   "bare: " + r.show([1e3 / ns for ns in r.values("bus_bare_batch_ns")], 1, " M/s")),
        r.at_least("the same from four processes together", 4, r.values("bus_emit_four_per_s", 1e-6), 1, " M/s", "-"),
        r.at_least("moves, one by one, of signals in any order", 4,
                   [1e3 / ns for ns in r.values("bus_move_ns")], 1, " M/s", bare),
        r.at_least("moves in batches of 8", 8, [1e3 / ns for ns in r.values("bus_move_batch_ns")], 1, " M/s", "-"),
        r.at_most("a signal by its number", 400, r.values("bus_get_ns"), 0, " ns", "-"),
        r.at_most("signals by state, counted", 2000, r.values("bus_counts_ns"), 0, " ns", "-"),
    ]


def follow_rows(r):
    """Durable subscriptions, every event acked, beside a reader of the same log that does nothing."""
    bare = "a reader: " + r.show(r.values("follow_bare_per_s", 1e-6), 1, " M/s")
    loop = "a loop over dicts that are there: " + r.show(r.values("py_follow_loop_per_s", 1e-6), 1, " M/s")
    return [
        r.at_least("events to a subscriber in C, many at once", 4, r.values("follow_all_per_s", 1e-6), 1, " M/s", bare),
        r.plain("of those one kind in three events", r.values("follow_kind_per_s", 1e-6), 1, " M/s", bare),
        r.plain("looked at for one source in 25", r.values("follow_source_looked_per_s", 1e-6), 1, " M/s", bare),
        r.plain("one by one, each acked", r.values("follow_single_per_s", 1e-3), 0, " k/s", bare),
        r.at_least("events to a subscriber in Python, by iteration: number and signal", 1,
                   r.values("py_follow_fields_per_s", 1e-6), 2, " M/s", loop),
        r.plain("the same in lists", r.values("py_follow_list_per_s", 1e-6), 2, " M/s", loop),
        r.plain("all but what is known of the signal", r.values("py_follow_no_signal_per_s", 1e-6), 2, " M/s", loop),
        r.plain("with the signal's id", r.values("py_follow_ids_per_s", 1e-6), 2, " M/s", loop),
        r.plain("all there is", r.values("py_follow_all_per_s", 1e-6), 2, " M/s", loop),
        r.plain("of one source in 25", r.values("py_follow_source_per_s", 1e-3), 0, " k/s", loop),
    ]


def lines_rows(r):
    """Lines of JSON through `millrace emit`, beside reading, parsing and answering them."""
    rows = []
    for size, aim in ((200, 1.0), (575, 0.6)):
        floor = "read, parsed, and an id written: " + r.show(r.values(f"lines_{size}_floor_per_s", 1e-6), 2, " M/s")
        rows.append(r.at_least(f"lines of {size} bytes through the shell, ASYNC", aim,
                               r.values(f"lines_{size}_emit_per_s", 1e-6), 2, " M/s", floor))
        floor = "the floor: " + r.show(r.values(f"lines_{size}_floor_processor_per_s", 1e-6), 2, " M/s")
        rows.append(r.plain("the same of a second of the processor, all threads",
                            r.values(f"lines_{size}_processor_per_s", 1e-6), 2, " M/s", floor))
    return rows


def sql_rows(r):
    """A million signals: what the virtual table does, beside a table of SQLite with the same rows."""
    rows = []
    for what, name, aim in (
            ("GROUP BY state", "sql_group_one", 12), ("GROUP BY symbol, source", "sql_group_two", 6),
            ("gate = and name =", "sql_filter_two", 100), ("state = and symbol =", "sql_filter_index", 100),
            ("a range of times", "sql_filter_time", 100), ("IN, and two conditions", "sql_filter_in", 100)):
        native = r.show(r.values(name + "_native", 1e-6), 1, " M/s")
        rows.append(r.at_least(f"SQL over a million signals, count(*): {what}", aim, r.values(name, 1e-6), 1,
                               " M/s", "a table of SQLite in memory, indexed by state and symbol: " + native))
    return rows


def past_rows(r):
    """Questions about the past: each about another moment, an answer of up to 100 signals."""
    events = r.show(r.values("asof_events", 1e-6), 1, " M events")
    signals = r.show(r.values("asof_signals", 1e-3), 0, " k signals")
    floor = "every signal looked at once " + r.show(r.values("asof_floor_ms_p50", 1), 1, " ms")
    back = r.show(r.values("asof_back_ns"), 0, " ns")
    rows = []
    for what, name in (("behind an event", "asof_event"), ("the moment of a time", "asof_time")):
        worst = r.show(r.values(name + "_ms_p99", 1), 1, " ms")
        rows.append(r.at_most(f"a question about the past, {what}, p50", 50, r.values(name + "_ms_p50", 1), 1,
                              " ms", f"p99 {worst}; {floor}; an event read backwards {back}; {events}, {signals}"))
    return rows


def table(rounds, names):
    r = Rounds(rounds)
    makers = {"run": run_rows, "append": append_rows, "learn": learn_rows, "bus": emit_rows, **bus_rows.ROWS,
              "follow": follow_rows, "lines": lines_rows,
              "sql": sql_rows, "asof": past_rows, **peer_rows.ROWS}
    rows = [row for name, maker in makers.items() if name in names for row in maker(r)]
    lines = ["| what | aim | verdict | measured: median (lowest to highest) "
             "| beside it in the same round |",
             "|---|---|---|---|---|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def learning_table(rows):
    lines = ["| data set | predictions | learned | static + Platt | static | aim | orders |",
             "|---|---|---|---|---|---|---|"]
    for name, count, mean, orders in rows:
        lines.append(
            f"| {name} | {count:,} | {mean['skill_learned']:+.2f} | {mean['skill_static_platt']:+.2f} "
            f"| {mean['skill_static']:+.2f} | >= {AIMS[name]:+.0f} | {orders} |")
    return lines


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo")
                  if line.startswith("MemTotal")) // 1048576
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, {compiler}"


def commit():
    """The commit that is measured; a plus behind it when files differ from it."""
    git = ["git", "-C", str(ROOT)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=True,
                              capture_output=True, text=True).stdout.strip()
        status = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], check=True,
                                capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + ("+" if status.strip() else "")


def read_arguments():
    every = [*PROGRAM_ROWS, *bus_rows.MEASURES, *peer_rows.MEASURES]
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default=",".join(every), help="of " + ",".join(every))
    parser.add_argument("--write", action="store_true", help="replace bench/RESULTS.md")
    parser.add_argument("--add", action="store_true", help="add to bench/RESULTS.md as a section of its own")
    parser.add_argument("--most-signals", type=int, default=10**7, help="of the logs of signals, from 100000")
    parser.add_argument("--store-signals", type=int, default=80000, help="of stores, python; from 3000 to 90000")
    parser.add_argument("--seconds", type=float, default=0.6, help="of each part of durable")
    parser.add_argument("--deliveries", type=int, default=6000)
    parser.add_argument("--sustain-seconds", type=float, default=60)
    parser.add_argument("--sustain-gib", type=float, default=24, help="end it there at the latest")
    parser.add_argument("--paced-seconds", type=float, default=5)
    parser.add_argument("--open-records", type=int, default=10**7)
    parser.add_argument("--largest", type=int, default=10**7, help="records, for the row of age")
    arguments = parser.parse_args()
    arguments.rows = arguments.rows.split(",")
    unknown = [name for name in arguments.rows if name not in every]
    if unknown or arguments.rounds < 1:
        parser.error(f"unknown rows: {' '.join(unknown)}" if unknown else "no rounds")
    return arguments


def measure(build, arguments):
    stores = peer_rows.Stores(build)
    signal_stores = bus_rows.Stores(build)
    rounds, signals, learning = [], None, []
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        os.chmod(scratch, 0o711)
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            values, found = measure_round(build, scratch, (stores, signal_stores), arguments, number)
            rounds.append(values)
            signals = found or signals
        if "run" in arguments.rows and DATA.exists():
            learning = measure_learning(build, scratch)
    return stores, signal_stores, rounds, signals, learning


def main():
    arguments = read_arguments()
    busy = os.getloadavg()[0]
    try:
        stores, signal_stores, rounds, signals, learning = measure(arguments.build.resolve(), arguments)
    except peer_rows.Failed as failed:
        sys.exit(str(failed))
    text = ["# Results", "",
            f"Measured {datetime.date.today()} by `make bench` at commit {commit()} on: {machine()}.",
            f"Rounds: {arguments.rounds}; in each, every number beside its floor. bench/README.md has "
            f"the method. Load of the machine before the first round: {busy:.1f}"
            + (", so other programs took a part of it." if busy > BUSY_LOAD else "."), "",
            *table(rounds, arguments.rows), ""]
    if "durable" in arguments.rows:
        text += ["Stores, each record 192 bytes with a key of 8:", "",
                 *peer_rows.store_table(Rounds(rounds), stores), "", "Settings:", "",
                 *peer_rows.settings_list(stores), ""]
    if "stores" in arguments.rows:
        text += ["What signals are kept in:", "", *bus_rows.settings_list(signal_stores), ""]
    if signals:
        by_source = ", ".join(f"{k} {v:,}" for k, v in signals["by_source"].items())
        text += [f"Signals of the lifecycle run: {signals['generated']:,} ({by_source}).", ""]
    if learning:
        text += ["Learning on real candles, built-in configuration: mean skill over five horizons against "
                 "a coin, in 1e-4 nats per prediction, step views after the first three days, zero returns "
                 "left out.", "", *learning_table(learning), ""]
    print("\n".join(text))
    results = ROOT / "bench/RESULTS.md"
    if arguments.write:
        results.write_text("\n".join(text))
    if arguments.add:
        section = [f"## Measured again: {', '.join(arguments.rows)}", *text[1:]]
        results.write_text(results.read_text().rstrip() + "\n\n" + "\n".join(section))


if __name__ == "__main__":
    main()
