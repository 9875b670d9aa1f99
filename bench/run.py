#!/usr/bin/env python3
"""Run the benchmarks in interleaved rounds and print the table of bench/RESULTS.md.

usage: bench/run.py BUILD [--rounds N] [--write]

Each number stands beside its floor, measured in the same round. Median and spread (lowest to highest)
over the rounds. --write replaces bench/RESULTS.md.
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

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/candles_1m"
SETS = ["binance_um_2025-05", "binance_um_2023-07", "binance_spot_2021-04"]
AIMS = {"binance_um_2025-05": 6.0, "binance_um_2023-07": 11.0, "binance_spot_2021-04": 16.0}
HORIZONS = ["1m", "5m", "15m", "30m", "1h"]


def lines_of(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {row["name"]: row["value"] for row in map(json.loads, output.splitlines())}


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
        program, folder / "log", "--config", str(config), "--feed", feed)
    values["lifecycles_per_s"] = summary["rate"]["lifecycles_per_s"]
    values["run_s"] = summary["rate"]["seconds"]
    values["bytes_per_lifecycle"] = summary["log"]["bytes_per_lifecycle"]
    values["memory_mb"] = memory
    batches = json.loads(subprocess.run(
        [program, "verify", "--json", "--dir", folder / "log"], check=True,
        capture_output=True, text=True).stdout)["batches"]
    values.update(lines_of(
        [build / "bench/floor_bench", folder, str(summary["log"]["bytes"]), str(batches)]))
    values.update(lines_of([build / "bench/scan_bench", folder / "log"]))
    return summary["signals"]


def measure_round(build, scratch):
    values = {}
    signals = None
    folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    values.update(lines_of([build / "bench/append_bench", folder / "append"]))
    values.update(lines_of([build / "bench/learn_bench"]))
    values.update(lines_of([build / "bench/hot_bench", folder / "hot"]))
    if DATA.exists():
        signals = measure_run(build, folder, values)
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
    """Values of all rounds; formats median and spread."""

    def __init__(self, rounds):
        self.rounds = rounds

    def ratio(self, name, other):
        return [row[name] / row[other] for row in self.rounds if name in row]

    def values(self, name, scale=1.0):
        return [row[name] * scale for row in self.rounds if name in row]

    @staticmethod
    def show(values, digits=0, unit=""):
        if not values:
            return "not measured: the market data are not beside the checkout"
        low, high = min(values), max(values)
        return f"{statistics.median(values):,.{digits}f}{unit} ({low:,.{digits}f} to {high:,.{digits}f})"


def table(rounds):
    r = Rounds(rounds)
    floor_rate = [row["lifecycles_per_s"] * row["run_s"] / row["run_floor_s"]
                  for row in rounds if "run_s" in row]
    rows = [
        ("whole lifecycles, every_bar, um_2025-05", ">= 50 k/s",
         r.show(r.values("lifecycles_per_s", 1e-3), 1, " k/s"),
         "writing its log by pwrite alone: " + r.show([v / 1e3 for v in floor_rate], 0, " k/s")),
        ("log per blocked lifecycle, every_bar", "<= 2 KB",
         r.show(r.values("bytes_per_lifecycle"), 0, " B"), "-"),
        ("peak memory of that run", "<= 300 MB", r.show(r.values("memory_mb"), 0, " MB"), "-"),
        ("emit ASYNC, batches of 64", ">= 500 k/s",
         r.show(r.values("emit_batch64_per_s", 1e-3), 0, " k/s"),
         "pwrite of the same bytes: " + r.show(r.values("emit_batch64_floor_per_s", 1e-3), 0, " k/s")),
        ("emit ASYNC, one by one", "<= 1.5 x its pwrite",
         r.show(r.ratio("emit_single_ns", "emit_single_floor_ns"), 2, " x"),
         "emit " + r.show(r.values("emit_single_ns"), 0, " ns") + ", pwrite "
         + r.show(r.values("emit_single_floor_ns"), 0, " ns")),
        ("append of 256 B into the shared ring, one process", "<= 1.3 x its floor",
         r.show(r.ratio("hot_append_ns", "hot_floor_ns"), 2, " x"),
         "append " + r.show(r.values("hot_append_ns"), 0, " ns") + ", copy + lock + clock + CRC32C "
         + r.show(r.values("hot_floor_ns"), 0, " ns")),
        ("the same in batches of 8", ">= 8 M/s",
         r.show([1e3 / v for v in r.values("hot_append8_ns")], 1, " M/s"), "-"),
        ("the same from four processes together", ">= 5 M/s",
         r.show(r.values("hot_together_per_s", 1e-6), 1, " M/s"), "-"),
        ("durable append into the ring, one process", "<= 1.1 x its floor",
         r.show(r.ratio("hot_group_us", "hot_group_floor_us"), 2, " x"),
         "append " + r.show(r.values("hot_group_us"), 0, " us") + ", pwrite + fdatasync "
         + r.show(r.values("hot_group_floor_us"), 0, " us")),
        ("scan with all checks, cache warm", ">= 5 M events/s",
         r.show(r.values("scan_per_s", 1e-6), 1, " M/s"),
         "CRC32C of the files alone: " + r.show(r.values("scan_floor_per_s", 1e-6), 1, " M/s")),
        ("learning update of the coefficients: 3.5 sources x 3 levels, both heads", "<= 300 ns",
         r.show(r.values("learn_cells_ns"), 0, " ns"),
         "relaxing the coefficients alone: " + r.show(r.values("learn_floor_ns"), 0, " ns")),
        ("the same with the slope of the static member and the mixture", "-",
         r.show(r.values("learn_ns"), 0, " ns"),
         "relaxing the coefficients alone: " + r.show(r.values("learn_floor_ns"), 0, " ns")),
    ]
    lines = ["| what | aim | measured: median (lowest to highest) | floor in the same round |",
             "|---|---|---|---|"]
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
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, Linux {platform.release().split('-')[0]}, {compiler}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    rounds, signals = [], None
    with tempfile.TemporaryDirectory(dir=build) as scratch:
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            values, found = measure_round(build, scratch)
            rounds.append(values)
            signals = found or signals
        learning = measure_learning(build, scratch) if DATA.exists() else []
    text = ["# Results", "",
            f"Measured {datetime.date.today()} by `make bench` on: {machine()}.",
            f"{arguments.rounds} rounds; in each, every number beside its floor. bench/README.md has the "
            "method.", "", *table(rounds), ""]
    if signals:
        by_source = ", ".join(f"{k} {v:,}" for k, v in signals["by_source"].items())
        text += [f"Signals of the lifecycle run: {signals['generated']:,} ({by_source}).", ""]
    if learning:
        text += ["Learning on real candles, built-in configuration: mean skill over five horizons against "
                 "a coin, in 1e-4 nats per prediction, step views after the first three days, zero returns "
                 "left out.", "", *learning_table(learning), ""]
    print("\n".join(text))
    if arguments.write:
        (ROOT / "bench/RESULTS.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
