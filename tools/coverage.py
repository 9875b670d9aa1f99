#!/usr/bin/env python3
"""Branches of the log's deciding files that its tests take.

    coverage.py BUILD

Builds the log's tests with gcov in BUILD, runs them, and prints for each file how many of its
branches were taken; those of assertions do not count. Fails when one of the files that must be
covered as a whole is not.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

WHOLE = ["open/append.c", "format/recover.c", "open/commit.c"]
SHOWN = ["hot/hot_tail.c", "hot/hot_derive.c", "hot/hot_commit.c", "hot/hot_files.c", "hot/hot_spares.c"]
SUITES = {"log", "crash", "sim"}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build_tests(folder):
    if not (folder / "build.ninja").exists():
        run("meson", "setup", str(folder), "-Db_coverage=true", "-Doptimization=0", "-Dwerror=false")
    tests = json.loads(subprocess.run(["meson", "introspect", str(folder), "--tests"],
                                      check=True, capture_output=True, text=True).stdout)
    wanted = []
    for test in tests:
        suites = {part for suite in test["suite"] for part in suite.split(":")[-1:]}
        is_ours = pathlib.Path(test["cmd"][0]).is_relative_to(folder)
        if suites & SUITES and is_ours:
            wanted.append(test)
    targets = sorted({str(pathlib.Path(test["cmd"][0]).relative_to(folder)) for test in wanted})
    run("ninja", "-C", str(folder), "--quiet", *targets)
    for old in folder.rglob("*.gcda"):
        old.unlink()
    return wanted


def run_test(test):
    result = subprocess.run(test["cmd"], env={**os.environ, **test["env"]}, check=False,
                            cwd=test["workdir"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    return test["name"] if result.returncode != 0 else None


def branches_of(folder, name):
    """(line, number of the branch) -> how often it was taken, over every copy of the file."""
    taken = collections.Counter()
    for data in sorted(folder.rglob("*log_" + name.replace("/", "_") + ".gcda")):
        text = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout",
                               str(data)], cwd=folder, check=True, capture_output=True,
                              text=True).stdout
        for line in text.splitlines():
            for file in json.loads(line)["files"]:
                if not file["file"].endswith("src/log/" + name):
                    continue
                for row in file["lines"]:
                    for i, branch in enumerate(row["branches"]):
                        taken[(row["line_number"], i)] += branch["count"]
    return taken


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    tests = build_tests(folder)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        bad = [name for name in pool.map(run_test, tests) if name is not None]
    print(f"{len(tests) - len(bad)} of {len(tests)} test programs pass" +
          "".join(f"\n    {name} fails" for name in bad))
    failed = bad != []
    for name in WHOLE + SHOWN:
        source = pathlib.Path(__file__).resolve().parent.parent / "src/log" / name
        lines = source.read_text().splitlines()
        counted = {at: count for at, count in branches_of(folder, name).items()
                   if "ASSERT(" not in lines[at[0] - 1]}
        missing = sorted(at for at, count in counted.items() if count == 0)
        covered = len(counted) - len(missing)
        print(f"{name:16} {covered:4} of {len(counted):4} branches")
        for line, _ in missing:
            print(f"    {name}:{line}: {lines[line - 1].strip()}")
        failed = failed or not counted or (name in WHOLE and missing != [])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
