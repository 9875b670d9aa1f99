#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`millrace log archive`: the log of a run gives the same answers before and after."""
import os
import shutil

import program


class ArchiveTest(program.LogCase):
    QUESTIONS = [["verify"], ["replay", "--check"], ["query", "--limit", "50"], ["why", "3"],
                 ["why", "70"], ["tail", "--count", "30"], ["tail", "--count", "1000000", "--json"],
                 ["status"], ["weights"], ["show", "5"]]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._log = program.small_log(
            cls._shared, "longer", synthetic__bars=2500, synthetic__symbols=5)

    def answers(self):
        return [program.steady(self.ok(*words, "--dir", self.log).out) for words in self.QUESTIONS]

    def names(self, end):
        return sorted(name for name in os.listdir(self.log)
                      if name.startswith("seg-") and name.endswith(end))

    def archive(self, *words):
        return self.ok("log", "archive", "--json", "--dir", self.log, *words).json

    def test_every_answer_and_the_digest_stay_the_same(self):
        shutil.rmtree(self.log / "snap", ignore_errors=True)  # everything is read from segments
        before = self.answers()
        plain = self.names(".log")
        self.assertGreaterEqual(len(plain), 3, "the log must have several segments")
        first = self.archive("--keep", len(plain) - 2)
        self.assertEqual(first["archived"], 1)
        self.assertEqual(self.answers(), before)
        second = self.archive()
        self.assertEqual(second["archived"], len(plain) - 2)
        self.assertEqual(second["archived_before"], 1)
        self.assertEqual(second["plain"], 1)
        self.assertLess(second["packed_bytes"], second["plain_bytes"] / 2)
        self.assertEqual(self.names(".log"), plain[-1:])
        self.assertEqual(self.names(".log.zst"), [name + ".zst" for name in plain[:-1]])
        self.assertEqual(self.answers(), before)
        again = self.ok("log", "archive", "--dir", self.log)
        self.assert_says(again, "archived 0 segments")

    def test_damage_in_an_archive_is_an_error_with_its_place(self):
        self.archive()
        name = self.names(".log.zst")[1]
        program.flip(self.log / name, 5000)
        for words in (["verify"], ["replay", "--check"]):
            answer = self.assert_exit(program.call(*words, "--dir", self.log), program.FAULT)
            self.assert_says(answer, name, "offset")

    def test_a_damaged_archive_is_moved_away_and_its_segment_restored_from_a_copy(self):
        copy = self.folder / "copy"
        shutil.copytree(self.log, copy)
        shutil.rmtree(self.log / "snap", ignore_errors=True)
        self.archive()
        name = self.names(".log.zst")[1]
        program.flip(self.log / name, 5000)
        words = ("log", "repair", "--restore", str(copy), "--yes", "--dir", self.log)
        answer = self.assert_exit(program.call(*words), program.FAULT)
        self.assert_says(answer, name, "offset", "move that archive away")
        checks = program.call("doctor", "--json", "--dir", self.log).json["checks"]
        told = [one["to_do"] for one in checks if name in one["what"]]
        self.assertTrue(told and all("move that archive away" in text for text in told), told)
        (self.log / name).rename(self.folder / name)
        self.ok(*words)
        self.ok("verify", "--dir", self.log)
        self.assertEqual((self.log / name.removesuffix(".zst")).read_bytes(),
                         (copy / name.removesuffix(".zst")).read_bytes())

    def test_the_newest_events_are_found_without_the_older_segments(self):
        newest = self.ok("tail", "--count", "3", "--dir", self.log).lines
        self.archive()
        program.flip(self.log / self.names(".log.zst")[0], 5000)
        answer = program.call("tail", "--count", "3", "--dir", self.log)
        self.assertEqual(answer.lines[-3:], newest, str(answer))

    def test_a_wrong_directory_and_a_wrong_count_are_refused(self):
        self.refused("log", "archive", "--dir", self.folder)
        self.refused("log", "archive", "--dir", self.log, "--keep", "x")


if __name__ == "__main__":
    program.main()
