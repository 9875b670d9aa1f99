#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""millrace doctor: each finding that can be made in a test, and that it changes nothing."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import program
from program import FAULT, NO, OK

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "formats"))
from second_reader import crc32c

SHARED = pathlib.Path("/dev/shm")
# What other logs have left here, and who keeps the clock, is none of these tests'.
OF_THE_MACHINE = ("memory left", "clock")


class DoctorCase(program.LogCase):
    def doctor(self, code=OK, log=None, **options):
        answer = program.call("doctor", "--json", "--dir", log or self.log, **options)
        self.assert_exit(answer, code)
        return answer.json["checks"]

    def findings(self, check, code=OK, **options):
        return [one for one in self.doctor(code, **options) if one["check"] == check]

    def assert_found(self, check, level, *parts, **options):
        """Exactly this finding of a check that is not ok, with what to do."""
        code = NO if level == "fault" else OK
        found = [one for one in self.findings(check, code, **options) if one["level"] != "ok"]
        self.assertEqual([one["level"] for one in found], [level], found)
        self.assertTrue(found[0]["to_do"], found)
        for part in parts:
            self.assertIn(part, found[0]["what"], found)
        return found[0]

    def left_behind(self, log):
        """Kill a process that has a log open."""
        process = self.start("emit", "--dir", log, stdin=subprocess.PIPE)
        process.stdin.write(json.dumps({"symbol": "SIM01USD", "side": "long", "source": "late",
                                        "confidence": 0.5}).encode() + b"\n")
        process.stdin.flush()
        program.wait_until(lambda: process.stdout.peek(1), "an id", process)
        process.send_signal(signal.SIGKILL)
        process.wait()


class SoundTest(DoctorCase):
    def test_a_sound_log_is_ok_and_nothing_is_written(self):
        before = program.content(self.log)
        times = {path: path.stat().st_mtime_ns for path in [self.log, *self.log.rglob("*")]}
        found = self.doctor()
        self.assertEqual({one["check"]: one["what"] for one in found
                          if one["level"] != "ok" and one["check"] not in OF_THE_MACHINE}, {})
        checks = {one["check"] for one in found}
        self.assertLessEqual({"file system", "rights", "open by", "memory left", "disk",
                              "memory room", "segments", "seals", "beginning", "time", "snapshots",
                              "consumers", "configuration", "symbols", "health", "program",
                              "library", "python", "kernel", "io_uring", "dontcache", "open files",
                              "file length", "locked memory", "clock"}, checks)
        self.assertEqual(program.content(self.log), before)
        self.assertEqual({path: path.stat().st_mtime_ns
                          for path in [self.log, *self.log.rglob("*")]}, times)

    def test_people_get_a_line_each_and_the_counts(self):
        self.log.chmod(0o770)
        answer = self.ok("doctor", "--dir", self.log)
        self.assertRegex(answer.out, r"(?m)^ok       segments     the newest ")
        self.assertRegex(answer.out, r"(?m)^WARNING  rights       the folder can be written by its "
                                     r"group \(mode 770\)\n {9}to do        chmod go-w")
        self.assertRegex(answer.lines[-1], r"^\d+ ok, [1-3] warnings, 0 faults$")

    def test_without_a_directory_only_the_machine_is_looked_at(self):
        answer = self.ok("doctor", "--json")
        checks = {one["check"] for one in answer.json["checks"]}
        self.assertIn("kernel", checks)
        self.assertFalse(checks & {"segments", "disk", "file system", "dontcache"})

    def test_it_works_beside_those_who_use_the_log(self):
        process = self.start("emit", "--dir", self.log, stdin=subprocess.PIPE)
        program.wait_until(lambda: "1 processes" in self.findings("open by")[0]["what"], "a process",
                           process)
        self.assertIn(str(process.pid), self.findings("open by")[0]["what"])
        self.assertIn("is made", self.findings("memory room")[0]["what"])
        process.stdin.close()
        process.stdin = None
        program.finish(process)
        self.assertIn("nobody", self.findings("open by")[0]["what"])


class FolderTest(DoctorCase):
    def test_where_there_is_no_log(self):
        empty = self.folder / "empty"
        empty.mkdir(0o700)
        self.assert_found("log", "fault", "empty", log=empty)
        self.assert_found("folder", "fault", "no such", log=self.folder / "none")
        file = self.write("file", "x")
        self.assert_found("folder", "fault", "not a folder", log=file)

    def test_a_manifest_that_is_gone_or_damaged(self):
        (self.log / "MANIFEST").write_bytes(b"x")
        self.assert_found("log", "fault", "MANIFEST")
        (self.log / "MANIFEST").unlink()
        self.assert_found("log", "fault")

    def test_a_file_system_in_memory(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="doctor-test-", dir=SHARED))
        self.addCleanup(program.remove, folder)
        shutil.copytree(self.log, folder / "log")
        self.assert_found("file system", "warning", "tmpfs", log=folder / "log")

    def test_a_folder_that_others_can_write(self):
        self.log.chmod(0o770)
        self.assert_found("rights", "warning", "its group", "770")
        self.log.chmod(0o707)
        self.assert_found("rights", "fault", "everybody", "707")

    def test_files_that_others_can_write_and_links(self):
        first, second = program.segments(self.log)[0], self.log / "MANIFEST"
        first.chmod(0o620)
        self.assert_found("rights", "warning", first.name, "can be written by others")
        second.chmod(0o602)
        self.assert_found("rights", "warning", "and 1 more files")
        first.chmod(0o600)
        second.chmod(0o600)
        (self.log / "snap" / "odd.snap").symlink_to(first)
        self.assert_found("rights", "warning", "snap/odd.snap", "symbolic link")

    @unittest.skipUnless(program.is_root(), "only root gives files away")
    def test_files_of_another_user(self):
        shutil.chown(program.segments(self.log)[0], program.NOBODY)
        self.assert_found("rights", "warning", "another user")

    @unittest.skipUnless(program.is_root(), "only root gives files away")
    def test_root_reads_the_log_of_another_user_and_leaves_nothing_that_locks_that_one_out(self):
        for path in [self.log, *self.log.rglob("*")]:
            shutil.chown(path, program.NOBODY)
        before = program.content(self.log)
        for words in (("emit", "--symbol", "SIM01USD", "--side", "long", "--source", "x",
                       "--confidence", "0.5"), ("log", "seal"), ("run",)):
            answer = program.call(*words, "--dir", self.log)
            self.assertNotEqual(answer.code, 0, words)
            self.assertIn("permission denied", answer.err, words)
        self.ok("status", "--dir", self.log)
        self.assertIn("only the owner", self.assert_found("rights", "warning", "user")["to_do"])
        self.assertEqual(program.content(self.log), before)

    @unittest.skipUnless(program.is_root(), "only root becomes somebody else")
    def test_a_user_without_the_right_to_write_gets_answers_and_one_without_any_is_told(self):
        self.folder.chmod(0o755)
        for path in [self.log, *self.log.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        before = program.content(self.log)
        found = self.assert_found("rights", "warning", "append nothing",
                                  preexec_fn=program.become_nobody)
        self.assertIn("owns it", found["to_do"])
        self.assertEqual(self.findings("segments", preexec_fn=program.become_nobody)[0]["level"], "ok")
        self.assertEqual(program.content(self.log), before)
        newest = program.segments(self.log)[-1]
        newest.chmod(0o600)
        found = [one for one in self.findings("rights", NO, preexec_fn=program.become_nobody)
                 if one["level"] == "fault"]
        self.assertEqual(len(found), 1)
        self.assertIn(newest.name, found[0]["what"])
        self.assert_nobody_reads()
        for mode in (0o700, 0o744, 0o711):
            self.log.chmod(mode)
            self.assert_nobody_reads()

    def assert_nobody_reads(self):
        """What is said of the rights agrees with what could not be read."""
        said = [one for one in self.doctor(NO, preexec_fn=program.become_nobody)
                if one["check"] in ("rights", "log")]
        whole = [one["what"] for one in said if "append" in one["what"]]
        self.assertEqual(len(whole), 1, said)
        self.assertIn("can neither read all of the log of user 0 nor append", whole[0])
        for one in said:
            if "permission denied" in one["what"]:
                self.assertNotIn("MANIFEST", one["to_do"])

    def test_of_a_missing_end_only_a_copy_is_advised(self):
        path = program.segments(self.log)[-1]
        bytes_all = path.read_bytes()
        kept = len(bytes_all.rstrip(b"\0")) * 3 // 4 // 8 * 8
        path.write_bytes(bytes_all[:kept] + bytes(len(bytes_all) - kept))
        found = self.assert_found("segments", "fault", "the end of the log is missing")
        self.assertIn("no GAP can stand for the end", found["to_do"])
        self.assertNotIn("--gap", found["to_do"])
        repair = self.assert_exit(program.call("log", "repair", "--gap", "--dir", self.log), NO)
        self.assert_says(repair, "no GAP can stand for the end of the log")

    @unittest.skipUnless(program.is_root(), "only root mounts")
    def test_a_disk_that_is_full_is_told_with_the_directory_once(self):
        disk = self.folder / "disk"
        disk.mkdir()
        size = sum(path.stat().st_size for path in self.log.rglob("*") if path.is_file())
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size + (6 << 20)}", "none", disk],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no right to mount")
        self.addCleanup(subprocess.run, ["umount", disk])
        log = disk / "log"
        shutil.copytree(self.log, log)
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "late", "confidence": 0.5,
                           "data": {"x": "y" * 1000}}) + "\n"
        answer = self.assert_exit(program.call("emit", "--dir", log, stdin=line * 20_000), FAULT)
        self.assertIn(f"millrace emit: {log}: no space left on the device\n", answer.err)

    @unittest.skipUnless(program.is_root(), "only root mounts")
    def test_a_disk_that_is_nearly_full(self):
        disk = self.folder / "disk"
        disk.mkdir()
        size = sum(path.stat().st_size for path in self.log.rglob("*") if path.is_file())
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size + (12 << 20)}", "none", disk],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no right to mount")
        self.addCleanup(subprocess.run, ["umount", disk])
        shutil.copytree(self.log, disk / "log")
        self.assert_found("disk", "warning", "more segments", log=disk / "log")
        with open(disk / "filler", "wb") as file:
            file.write(b"x" * (9 << 20))
        self.assert_found("disk", "fault", "appends will stop", log=disk / "log")
        told = program.call("status", "--json", "--dir", disk / "log").json
        self.assertIn("appends will stop", told["disk_warning"])
        self.assertLess(told["disk_free_bytes"], 4 << 20)
        self.assert_says(program.call("status", "--dir", disk / "log"), "disk       ",
                         "appends will stop", "WARNING: make room")
        (disk / "filler").unlink()
        self.assertIn("more segments",
                      program.call("status", "--json", "--dir", disk / "log").json["disk_warning"])
        told = program.call("status", "--json", "--dir", self.log).json
        self.assertIsNone(told["disk_warning"])
        self.assertGreater(told["disk_free_bytes"], 32 << 20)


class MemoryTest(DoctorCase):
    def test_what_killed_processes_leave_is_told_until_the_log_is_opened(self):
        self.left_behind(self.log)
        found = self.assert_found("memory", "warning", "killed", str(SHARED))
        self.assertIn("log flush", found["to_do"])
        self.ok("emit", "--dir", self.log, "--symbol", "SIM01USD", "--side", "long", "--source", "x",
                "--confidence", "0.5")
        self.assertEqual(self.findings("memory"), [])

    def test_what_is_left_of_another_log_is_told(self):
        other = self.folder / "other"
        shutil.copytree(self.log, other)
        self.left_behind(other)
        uuid = next(line.split()[1] for line in (other / "MANIFEST").read_text().splitlines() if "uuid: " in line)
        left = [path for path in SHARED.glob(f"millrace-{uuid[:8]}-*")]
        self.assertEqual(len(left), 1)
        shutil.rmtree(other)  # nothing else leads to the file any more
        try:
            found = self.assert_found("memory left", "warning", "of other logs", "whose folder was removed")
            self.assertIn("first 8 digits of `uuid`", found["to_do"])
            self.assertIn("delete the file", found["to_do"])
        finally:
            left[0].unlink()


class LogTest(DoctorCase):
    def test_damage_in_the_newest_segment(self):
        newest = program.segments(self.log)[-1]
        program.flip(newest, 70000)
        found = self.assert_found("segments", "fault", newest.name)
        self.assertIn("log repair --restore COPY", found["to_do"])
        self.assertIn("without --yes", found["to_do"])
        self.assertEqual(self.findings("configuration", NO), [])
        shutil.rmtree(self.log / "snap")
        found = self.assert_found("segments", "fault", newest.name)
        self.assertIn("log repair --restore COPY", found["to_do"])
        self.assertIn("no snapshot lies behind", found["to_do"])

    def test_a_newest_segment_that_was_cut_short(self):
        """What is left reads as sound, and so it is told by the length of the file."""
        newest = program.segments(self.log)[-1]
        os.truncate(newest, newest.stat().st_size * 3 // 4)
        answer = program.call("verify", "--dir", self.log)
        self.assert_exit(answer, FAULT)
        self.assertIn("was cut short", answer.err)
        self.assertIn(newest.name, self.assert_found("segments", "fault", "cut short")["what"])
        self.ok("emit", "--dir", self.log, "--symbol", "SIM01USD", "--side", "long", "--source",
                "x", "--confidence", "0.5")
        self.ok("verify", "--dir", self.log)  # it has its length again, and what it lost is not

    def test_a_segment_or_an_end_that_is_missing(self):
        log = self.folder / "longer"
        shutil.copytree(self.log, log)
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "bulk",
                           "confidence": 0.5, "data": {"x": "y" * 2000}}) + "\n"
        self.ok("emit", "--dir", log, stdin=line * 6000)
        self.assertGreater(len(program.segments(log)), 3)
        program.segments(log)[1].unlink()
        self.assert_found("segments", "fault", log=log)
        program.segments(self.log)[-1].unlink()
        self.assert_found("segments", "fault")

    def test_snapshots_that_are_damaged_or_gone(self):
        snapshots = sorted((self.log / "snap").glob("*.snap"))
        for path in snapshots:
            program.flip(path, 500)
        self.assert_found("snapshots", "warning", "none of")
        shutil.rmtree(self.log / "snap")
        self.assertIn("none yet", self.findings("snapshots")[0]["what"])

    def test_one_snapshot_of_two_that_is_damaged(self):
        self.ok("run", "--dir", self.log)
        snapshots = sorted((self.log / "snap").glob("*.snap"))
        self.assertEqual(len(snapshots), 2)
        self.assertIn("2, undamaged", self.findings("snapshots")[0]["what"])
        for path in snapshots:
            program.flip(path, 500)
            self.assert_found("snapshots", "warning", "1 of 2 are damaged")
            program.flip(path, 500)

    def test_a_snapshot_that_lacks_what_it_builds_on(self):
        self.ok("run", "--dir", self.log)
        path = max((self.log / "snap").glob("*.snap"))
        data = bytearray(path.read_bytes())
        data[40:48] = (1).to_bytes(8, "little")  # the event of the one it builds on
        data[60:64] = crc32c(data[:60]).to_bytes(4, "little")
        path.write_bytes(data)
        self.assert_found("snapshots", "warning", "1 of 2 are damaged, cannot be read, or lack one that they build on")

    def test_a_log_without_its_beginning_needs_a_snapshot(self):
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "bulk",
                           "confidence": 0.5, "data": {"x": "y" * 2000}}) + "\n"
        self.ok("emit", "--dir", self.log, stdin=line * 4000)
        self.ok("run", "--dir", self.log)
        self.ok("run", "--dir", self.log)
        answer = self.ok("log", "retain", "--keep-events", "1", "--dir", self.log)
        found = self.findings("beginning")[0]
        self.assertIn("removed on request", found["what"], str(answer))
        for path in (self.log / "snap").glob("*.snap"):
            program.flip(path, 500)
        self.assert_found("snapshots", "fault", "cannot be opened")

    def test_a_run_that_was_killed(self):
        log = self.folder / "killed"
        run = self.start("run", "--dir", log, "--config",
                         self.write_config(synthetic__symbols=2, synthetic__bars=200000,
                                           log__segment=4), "--speed", "600")
        program.wait_until(lambda: program.call("status", "--dir", log).out.startswith("OK"), "bars",
                           run)
        self.assertIn(f"process {run.pid} runs it", self.findings("open by", log=log)[0]["what"])
        run.send_signal(signal.SIGKILL)
        run.wait()
        self.assert_found("health", "warning", "ended without saying so", log=log)

    def test_signals_of_a_symbol_that_no_feed_prices(self):
        self.assertEqual(self.findings("symbols")[0]["level"], "ok")
        self.ok("emit", "--dir", self.log, "--symbol", "BTCUSDT", "--side", "long", "--source", "x",
                "--confidence", "0.5")
        self.assert_found("symbols", "warning", "1 symbols", "BTCUSDT")


@unittest.skipUnless(os.environ.get("AGED_LOG"), "the variable AGED_LOG names no program")
class AgedTest(DoctorCase):
    def aged(self, log, *words):
        subprocess.run([os.environ["AGED_LOG"], log, *map(str, words)], check=True,
                       stdout=subprocess.DEVNULL)

    def test_events_that_are_not_sealed_and_not_read_for_long(self):
        for seconds, level in ((-600, "ok"), (-7200, "warning")):
            log = self.folder / f"aged{-seconds}"
            self.aged(log, seconds, "new")
            found = {one["check"]: one for one in self.doctor(NO, log=log)}
            self.assertEqual(found["seals"]["level"], level)
            self.assertIn("3 events at the end are not sealed", found["seals"]["what"])
            self.assertEqual(found["consumers" if level == "ok" else "consumer"]["level"], level)
        self.assertIn("slow is 3 events and 7", found["consumer"]["what"])

    def test_a_clock_that_was_set_back(self):
        self.aged(self.log, 86400, "emit")
        self.assert_found("time", "warning", "the clock was set back")

    def test_the_time_of_a_live_log_that_is_ahead_of_the_clock(self):
        log = self.folder / "live"
        says = "the log's time is ahead of the clock by "
        self.aged(log, 30, "live")
        self.assertNotIn(says, program.call("status", "--dir", log).out)
        self.aged(log, 3 * 86400 + 7200, "live")
        for _ in range(2):  # one that is emitted by the right clock takes its time
            self.assert_found("health", "warning", says + "3d 1h", log=log)
            self.assertIn("begin a new log", self.findings("health", log=log)[0]["to_do"])
            status = program.call("status", "--dir", log)
            self.assertEqual(status.code, NO)
            self.assertTrue(status.out.startswith("DEGRADED: " + says), status.out)
            self.aged(log, 0, "live")

    def test_a_poisoned_log(self):
        process = subprocess.Popen([os.environ["AGED_LOG"], self.log, "0", "poison"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.assertIn(process.stdout.readline(), (b"MR_EPOISONED\n", b"MR_EUNKNOWN\n"))
        self.assert_found("poison", "fault", "no process may append")


class MachineTest(DoctorCase):
    def test_signals_go_through_their_states_in_a_log_that_is_gone_afterwards(self):
        place = self.folder / "temporary"
        place.mkdir()
        environment = {**os.environ, "TMPDIR": str(place)}
        found = self.findings("self-test", env=environment)
        self.assertEqual([one["level"] for one in found], ["ok"])
        self.assertEqual(list(place.iterdir()), [])
        environment["TMPDIR"] = str(place / "none")
        self.assert_found("self-test", "warning", "no folder can be made", env=environment)
        self.assert_found("self-test", "fault", "RLIMIT_FSIZE", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (500000, resource.RLIM_INFINITY)))

    def test_limits_of_the_process(self):
        def limit(which, value):
            return lambda: resource.setrlimit(which, (value, value))
        self.assert_found("open files", "warning", "128",
                          preexec_fn=limit(resource.RLIMIT_NOFILE, 128))
        self.assert_found("open files", "fault", "40", preexec_fn=limit(resource.RLIMIT_NOFILE, 40))
        found = self.findings("file length", NO,  # a new log has no room, which the self-test says
                              preexec_fn=limit(resource.RLIMIT_FSIZE, 5 << 20))
        self.assertEqual([one["level"] for one in found], ["warning"])
        self.assertIn("RLIMIT_FSIZE", found[0]["what"])
        self.assert_found("file length", "fault", "RLIMIT_FSIZE",
                          preexec_fn=limit(resource.RLIMIT_FSIZE, 1 << 20))

    def test_a_python_package_of_another_version(self):
        version = program.call("doctor", "--json").json["checks"][0]["what"].split()[1].rstrip(",")
        tools = self.folder / "tools"
        tools.mkdir()
        for printed, level, part in (("9.9.9", "warning", "9.9.9"), (version, "ok", "program's")):
            (tools / "python3").write_text(f"#!/bin/sh\nprintf %s '{printed}'\n")
            (tools / "python3").chmod(0o755)
            found = self.findings("python", env={"PATH": f"{tools}:/usr/bin:/bin"})[0]
            self.assertEqual(found["level"], level)
            self.assertIn(part, found["what"])
        (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
        self.assertIn("finds no package",
                      self.findings("python", env={"PATH": str(tools)})[0]["what"])
        (tools / "python3").unlink()
        self.assertIn("does not answer",
                      self.findings("python", env={"PATH": str(tools)})[0]["what"])

    @unittest.skipUnless(shutil.which("cc"), "no compiler for a library")
    def test_a_library_of_another_version(self):
        tools = self.folder / "lib"
        tools.mkdir()
        (tools / "empty.c").write_text("int mr_log_open(void) { return 0; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", tools / "libmillrace.so.9.9.9",
                        tools / "empty.c"], check=True)
        major = self.findings("program")[0]["what"].split()[1].split(".")[0]
        (tools / f"libmillrace.so.{major}").symlink_to("libmillrace.so.9.9.9")
        self.assert_found("library", "warning", "9.9.9", env={"LD_LIBRARY_PATH": str(tools)})


if __name__ == "__main__":
    program.main()
