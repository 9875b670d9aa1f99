#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Torture the log and the bus for a while: failed runs of before first, then seed after seed.

usage: run.py BUILD        MINUTES=60 how long; ONLY=word only what has the word in its name
"""
import os
import pathlib
import random
import re
import subprocess
import sys
import time

SEEDS = pathlib.Path(__file__).resolve().parent / "seeds.txt"
CHUNK_LIMIT_S = 1200

# name, program, what one chunk is told, the count that is aimed at, how much of it
PLAN = [
    ("kill at random", "torture_kill_test", {"TEST": "what*", "KILLS": 500}, "kills", 20000),
    ("kill at a place", "torture_kill_test", {"TEST": "*place*", "TIMES": 3},
     "directed_kills", 3000),
    ("power cut", "torture_power_test", {"CUTS": 100}, "power_cuts", 1000),
    ("failed sync", "torture_fsync_test", {"FAILURES": 10}, "failed_syncs", 50),
    ("full disk", "torture_space_test", {"TIMES": 10}, "full_under_writers", 200),
    ("held locks", "torture_lock_test", {"TIMES": 2}, "cells", 2000),
    ("history", "torture_history_test", {"HISTORIES": 50, "OPS": 2000}, "histories", 500),
    ("wake-ups", "torture_wake_test", {"PUBLISHES": 500000}, "publishes", 20000000),
    ("race by turns", "../crash/shared_race_test", {"MOVES": 1000000}, "moves", 1000000),
    ("free race", "../crash/claim_race_test", {"MOVES": 1000000, "KILLS": 200}, "moves", 1000000),
    ("emit, follow, kill", "../crash/shared_kill_test", {"EMITS": 1000000, "KILLS": 300},
     "signals", 1000000),
    ("bus history", "../crash/bus_history_test", {"HISTORIES": 25, "OPS": 20000}, "histories", 500),
]


class Run:
    def __init__(self, build):
        self.folder = pathlib.Path(build) / "tests/torture"
        self.counts = {name: {} for name, *_ in PLAN}
        self.failures = []
        self.known = self.read_seeds()

    @staticmethod
    def read_seeds():
        lines = SEEDS.read_text(encoding="utf-8").splitlines() if SEEDS.exists() else []
        return [line for line in lines if line.strip() and not line.startswith("#")]

    def call(self, program, told):
        """Run once: does it pass, and what did it count?"""
        env = {**os.environ, **{key: str(value) for key, value in told.items()}}
        words = [str(self.folder / program)]
        process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            output, _ = process.communicate(timeout=CHUNK_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        found = re.search(r"^counts: (.*)$", output, re.MULTILINE)
        pairs = dict(pair.split("=") for pair in found.group(1).split()) if found else {}
        for line in re.findall(r"^skipped: .*$", output, re.MULTILINE):
            pairs[line] = "1"
        is_good = process.returncode == 0
        if not is_good:
            self.keep(program, told, output)
        return is_good, {key: int(value) for key, value in pairs.items()}

    def keep(self, program, told, output):
        line = " ".join([program, *(f"{key}={value}" for key, value in told.items())])
        print(f"FAILED  {line}\n{output}", flush=True)
        self.failures.append(line)
        if line not in self.known:
            with SEEDS.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self.known.append(line)

    def replay(self):
        for line in list(self.known):
            program, *words = line.split()
            is_good, _ = self.call(program, dict(word.split("=", 1) for word in words))
            print(f"{'again   ' if is_good else 'FAILED  '}{line}", flush=True)

    def share(self, row):
        name, _, _, aim, wanted = row
        counts = self.counts[name]
        is_skipped = any(key.startswith("skipped") for key in counts) and aim not in counts
        return float("inf") if is_skipped else counts.get(aim, 0) / wanted

    def step(self, rows):
        """One chunk of what is behind the most; False: nothing can be run."""
        row = min(rows, key=self.share)
        if self.share(row) == float("inf"):
            return False
        name, program, told, _, _ = row
        _, counts = self.call(program, {"SEED": random.SystemRandom().randrange(1 << 32), **told})
        for key, value in counts.items():
            self.counts[name][key] = self.counts[name].get(key, 0) + value
        self.counts[name]["runs"] = self.counts[name].get("runs", 0) + 1
        return True

    def table(self):
        print(f"\n{'what':<19}{'done':>12}{'of':>12}  counts")
        for name, _, _, aim, wanted in PLAN:
            counts = self.counts[name]
            rest = " ".join(f"{key}={value}" if not key.startswith("skipped") else key
                            for key, value in counts.items() if key != aim)
            print(f"{name:<19}{counts.get(aim, 0):>12}{wanted:>12}  {rest}")
        print(f"{len(self.failures)} failed", *self.failures, sep="\n  ")


def main():
    until = time.monotonic() + 60 * float(os.environ.get("MINUTES", 60))
    only = os.environ.get("ONLY", "")
    rows = [row for row in PLAN if only in row[0]]
    run = Run(sys.argv[1])
    run.replay()
    while rows and time.monotonic() < until and run.step(rows):
        pass
    run.table()
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
