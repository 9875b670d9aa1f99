#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Logs of every version of the format are read, by ours and by the second reader, and written on.

usage: golden_formats_test.py GOLDEN_LOG MILLRACE

Each NAME.tar.gz is a log, NAME.txt what is in it: a line for each event.  Neither is ever made anew.
"""
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
from second_reader import crc32c

GOLDEN_LOG, MILLRACE = sys.argv.pop(1), sys.argv.pop(1)
NAMES = sorted(path.name[:-7] for path in HERE.glob("*.tar.gz"))
INCOMPAT = 4  # what golden_log answers to MR_EVERSION


def run(*words, code=0):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == code, f"{words} -> {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def set_feature(log, which, bit):
    """Set a bit of one of the three sets in the newest segment's head, with its checksum."""
    path = sorted(log.glob("seg-*.log"))[-1]
    data = bytearray(path.read_bytes())
    for copy in (0, 2048):
        at = copy + 80 + 4 * which
        data[at:at + 4] = struct.pack("<I", struct.unpack_from("<I", data, at)[0] | bit)
        data[copy + 124:copy + 128] = struct.pack("<I", crc32c(data[copy:copy + 124]))
    path.write_bytes(data)


def set_manifest(log, which, bit):
    lines = (log / "MANIFEST").read_text().splitlines()[:-1]
    features = lines[3].split()
    features[1 + which] = f"{bit:x}"
    lines[3] = " ".join(features)
    text = "\n".join(lines) + "\n"
    (log / "MANIFEST").write_text(text + f"crc32c: {crc32c(text.encode()):08x}\n")


class GoldenTest(unittest.TestCase):
    def each(self):
        for name in NAMES:
            self.name = name
            with tempfile.TemporaryDirectory() as folder:
                with tarfile.open(HERE / f"{name}.tar.gz") as tar:
                    tar.extractall(folder)
                yield pathlib.Path(folder) / "log", (HERE / f"{name}.txt").read_text()

    def test_there_is_a_corpus(self):
        self.assertGreaterEqual(len(NAMES), 3)

    def test_both_readers_find_what_was_written(self):
        for log, expected in self.each():
            self.assertEqual(run(GOLDEN_LOG, "list", log), expected)
            self.assertEqual(run(sys.executable, HERE / "second_reader.py", "--list", log), expected)

    def test_both_find_the_same_seals_and_only_those_over_what_is_gone_prove_nothing(self):
        for log, _ in self.each():
            segments = len(list(log.glob("seg-*.log")))
            for round in range(2):
                seals = run(GOLDEN_LOG, "seals", log)
                self.assertEqual(run(sys.executable, HERE / "second_reader.py", "--seals", log), seals)
                count, unproven, _, _ = seals.split()
                self.assertGreaterEqual(int(count), segments - 1 + round)
                self.assertEqual(int(unproven), 0 if "plain" in self.name else 1)
                run(GOLDEN_LOG, "grow", log)

    def test_it_is_written_on_into_a_new_segment_and_both_read_that(self):
        for log, expected in self.each():
            segments = len(list(log.glob("seg-*.log")))
            run(GOLDEN_LOG, "grow", log)
            self.assertGreater(len(list(log.glob("seg-*.log"))), segments)
            grown = run(GOLDEN_LOG, "list", log)
            self.assertTrue(grown.startswith(expected) and len(grown) > len(expected))
            self.assertEqual(run(sys.executable, HERE / "second_reader.py", "--list", log), grown)

    def test_an_unknown_incompat_feature_is_refused_by_all(self):
        for set_it in (set_feature, set_manifest):
            for log, _ in self.each():
                set_it(log, 2, 0x8000)
                run(GOLDEN_LOG, "list", log, code=INCOMPAT)
                run(GOLDEN_LOG, "grow", log, code=INCOMPAT)

    def test_with_an_unknown_ro_compat_feature_it_is_read_and_not_written(self):
        for set_it in (set_feature, set_manifest):
            for log, expected in self.each():
                set_it(log, 1, 0x8000)
                self.assertEqual(run(GOLDEN_LOG, "list", log), expected)
                run(GOLDEN_LOG, "grow", log, code=INCOMPAT)
                self.assertEqual(run(GOLDEN_LOG, "list", log), expected)

    def test_an_unknown_compat_feature_changes_nothing(self):
        for set_it in (set_feature, set_manifest):
            for log, expected in self.each():
                set_it(log, 0, 0x8000)
                self.assertEqual(run(GOLDEN_LOG, "list", log), expected)
                run(GOLDEN_LOG, "grow", log)

    def test_figures_tell_of_gaps_and_of_what_was_removed(self):
        for log, _ in self.each():
            text = run(MILLRACE, "log", "stat", "--dir", log)
            self.assertEqual("gaps" in text, "-gap" in self.name)
            self.assertEqual("removed" in text, "-removed" in self.name)


if __name__ == "__main__":
    unittest.main()
