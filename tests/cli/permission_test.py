#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may read a log and not write to it: every verb that writes says so in the same words, with
the same exit code, and those that only read answer."""
import shutil
import subprocess
import tempfile
import unittest

import program

SIGNAL = ("--symbol", "SIM01USD", "--side", "long", "--source", "bot", "--confidence", "0.5")
LINE = '{"symbol":"SIM01USD","side":"long","source":"bot","confidence":0.5}\n'
QUOTE = '{"kind":"quote","symbol":"SIM01USD","source":"x","time_unix_ns":1,"bid":1,"ask":2}\n'


@unittest.skipUnless(program.is_root(), "needs root, to become somebody without rights")
class PermissionTest(program.Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="millrace-test-")
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.made = program.small_log(cls.shared, synthetic__bars=3000)
        cls.signal = program.call("emit", *SIGNAL, "--dir", cls.made).out.strip()
        assert len(program.segments(cls.made)) > 2

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        shutil.copytree(self.made, self.log)
        self.folder.chmod(0o777)
        shutil.copy(program.binary(), self.folder / "program")

    def open_for_all(self):
        for path in (self.log, *self.log.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def writers(self):
        """Words and standard input of everything that writes to a log."""
        return (
            (("run",), ""), (("emit", *SIGNAL), ""), (("emit",), LINE),
            (("feed",), QUOTE), (("move", self.signal, "--to", "evaluating"), ""),
            (("claim", "--owner", "desk", "--to", "evaluating"), ""),
            (("report", "order-1", "accepted"), ""),
            (("serve", "--socket", self.folder / "socket"), ""),
            (("log", "seal"), ""), (("log", "flush"), ""), (("log", "archive", "--keep", "0"), ""),
            (("log", "retain", "--keep-bytes", "1"), ""), (("log", "repair", "--gap", "--yes"), ""))

    def call(self, words, stdin="", **options):
        words = [self.folder / "program", *words, "--dir", self.log]
        run = subprocess.run(words, input=stdin.encode(), env=program.environment(), cwd="/",
                             capture_output=True, check=False, timeout=120, **options)
        return program.Answer(words[1:], run.returncode, run.stdout, run.stderr)

    def as_nobody(self, words, stdin=""):
        return self.call(words, stdin, preexec_fn=program.become_nobody)

    def assert_all_told(self, call, what=None):
        told = f"{self.log}: " + (what or
            "this user may read the log (query, show, status, verify), and not write "
            "to it: do that as the user that owns its files, or give them to this one (chown -R); ")
        before = program.content(self.log)
        for words, stdin in self.writers():
            with self.subTest(words=words):
                answer = self.assert_exit(call(words, stdin), program.FAULT)
                verb = " ".join(words[:2] if words[0] == "log" else words[:1])
                self.assertEqual(answer.err.split(told)[0], f"millrace {verb}: ", str(answer))
                self.assertIn(": permission denied", answer.err.split(told)[1], str(answer))
                self.assertEqual(answer.out, "", str(answer))
        for words in (("query", "--limit", "1"), ("show", "1"), ("status",), ("verify",)):
            with self.subTest(words=words):
                self.assert_exit(call(words), program.OK)
        self.assertEqual(program.content(self.log), before)

    def test_who_may_only_read_is_told_so_by_all_that_writes_and_can_read(self):
        self.open_for_all()
        self.assert_all_told(self.as_nobody)
        self.assertFalse((self.folder / "socket").exists())

    def test_root_is_told_the_same_of_the_log_of_another_user(self):
        for path in (self.log, *self.log.rglob("*")):
            shutil.chown(path, program.NOBODY)
        self.assert_all_told(self.call)

    def on_a_disk_mounted_read_only(self, words, stdin=""):
        shell = 'log=$1; shift; mount --bind "$log" "$log" && mount -o remount,ro,bind "$log" && exec "$@"'
        words = ["unshare", "-m", "sh", "-c", shell, "sh", self.log, self.folder / "program", *words, "--dir", self.log]
        run = subprocess.run(words, input=stdin.encode(), env=program.environment(), cwd="/", capture_output=True,
                             check=False, timeout=120)
        return program.Answer(words, run.returncode, run.stdout, run.stderr)

    def test_a_disk_that_is_mounted_read_only_is_told_as_that(self):
        if self.on_a_disk_mounted_read_only(("show", "1")).code != program.OK:
            self.skipTest("this machine does not let a namespace mount")
        found = self.on_a_disk_mounted_read_only(("doctor", "--json")).json["checks"]
        (check,) = [one for one in found if one["check"] == "mount"]
        self.assertEqual(check["level"], "warning")
        self.assertIn("is mounted read-only: the log answers, and nothing can be written to it", check["what"])
        self.assertIn("remount,rw", check["to_do"])
        self.assertNotIn("mount", [one["check"] for one in self.call(("doctor", "--json")).json["checks"]])
        self.assert_all_told(
            self.on_a_disk_mounted_read_only,
            "its disk is mounted read-only: the log can be read (query, show, status, verify), and written to once "
            "it is mounted for writing (mount -o remount,rw, docker run -v without :ro); ")

    def test_the_owner_is_told_nothing(self):
        for path in (self.log, *self.log.rglob("*")):
            shutil.chown(path, program.NOBODY)
        self.assert_exit(self.as_nobody(("emit", *SIGNAL)), program.OK)
        self.assert_exit(self.as_nobody(("log", "seal")), program.OK)

    def test_json_has_the_same_text(self):
        self.open_for_all()
        answer = self.assert_exit(self.as_nobody(("log", "flush", "--json")), program.FAULT)
        self.assertEqual(answer.json["error"]["exit"], program.FAULT)
        self.assertIn("may read the log (query, show, status, verify)", answer.json["error"]["text"])
        self.assertTrue(answer.err.endswith(f": {answer.json['error']['text']}\n"), str(answer))

    def test_that_reading_works_is_not_said_where_it_does_not(self):
        self.open_for_all()
        for path, mode in ((self.log, 0o700), (self.log / "snap", 0o700), (self.log / "MANIFEST", 0o600)):
            before = path.stat().st_mode
            path.chmod(mode)
            for words, stdin in self.writers():
                with self.subTest(path=path.name, words=words):
                    answer = self.assert_exit(self.as_nobody(words, stdin), program.FAULT)
                    self.assertNotIn("may read", answer.err, str(answer))
                    self.assertIn("permission denied", answer.err, str(answer))
            path.chmod(before)


if __name__ == "__main__":
    program.main()
