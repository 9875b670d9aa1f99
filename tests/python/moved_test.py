#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A log whose folder is renamed or removed while it is in use, and another one made in its place."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace


class MovedTest(program.Case):
    def setUp(self):
        super().setUp()
        self.place, self.moved = self.folder / "place", self.folder / "moved"
        self.memory = set()
        self.addCleanup(self.forget_memory)

    def mapped(self):
        """What this process has of logs in memory."""
        maps = pathlib.Path("/proc/self/maps").read_text(encoding="utf-8")
        return set(re.findall(r"/dev/shm/millrace-[0-9a-f-]+", maps))

    def forget_memory(self):
        """A renamed log that nobody opens again for writing has its memory still."""
        for path in self.memory:
            pathlib.Path(path).unlink(missing_ok=True)

    def make(self, folder, count):
        """A log with so many signals, in use."""
        bus = millrace.Bus(folder, create=True)
        self.memory |= self.mapped()
        self.addCleanup(bus.close)
        bus.register("BTCUSDT")
        for _ in range(count):
            bus.emit("BTCUSDT", "long", "bot", 0.5)
        return bus

    def expect(self, folder, count):
        with millrace.Bus(folder) as bus:
            self.assertEqual(bus.counts()["generated"], count)
        self.ok("verify", "--dir", folder)
        self.ok("replay", "--check", "--dir", folder)

    def test_what_was_emitted_goes_with_the_folder(self):
        for is_replaced in (False, True):
            for folder in (self.place, self.moved):
                shutil.rmtree(folder, ignore_errors=True)
            bus = self.make(self.place, 2)
            self.place.rename(self.moved)
            if is_replaced:
                self.make(self.place, 3).close()
            bus.close()
            self.expect(self.moved, 2)
            if is_replaced:
                self.expect(self.place, 3)

    def test_who_goes_on_in_it_writes_into_no_other_log(self):
        bus = self.make(self.place, 2)
        self.place.rename(self.moved)
        other = self.make(self.place, 1)
        other.emit("BTCUSDT", "long", "bot", 0.5, durable=True)
        try:
            for _ in range(200):  # more than a segment; sooner or later it is told
                bus.emit("BTCUSDT", "long", "bot", 0.5, data={"text": "x" * 60000})
                bus.emit("BTCUSDT", "long", "bot", 0.5, durable=True)
        except (millrace.MR_EUNKNOWN, millrace.MR_EPOISONED, millrace.MR_EPATH):
            pass
        bus.close()
        other.close()
        self.expect(self.place, 2)
        self.ok("verify", "--dir", self.moved)

    def test_a_process_that_has_not_written_yet_writes_into_no_other_log(self):
        bus = self.make(self.place, 2)
        ends, told = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            with millrace.Bus(self.place) as own:
                os.write(ends[1], b"x")
                os.read(told[0], 1)
                try:
                    own.emit("BTCUSDT", "short", "bot", 0.5, durable=True)
                except millrace.MillraceError:
                    pass
            os._exit(0)
        os.read(ends[0], 1)
        self.place.rename(self.moved)
        self.make(self.place, 5).close()
        os.write(told[1], b"x")
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        bus.close()
        self.expect(self.place, 5)
        self.ok("verify", "--dir", self.moved)

    def test_a_removed_log_leaves_no_memory(self):
        bus = self.make(self.place, 2)
        memory = set(re.findall(r"/dev/shm/millrace-[0-9a-f-]+", pathlib.Path("/proc/self/maps").read_text()))
        self.assertEqual([os.path.exists(path) for path in memory], [True])
        shutil.rmtree(self.place)
        bus.close()
        self.assertEqual([os.path.exists(path) for path in memory], [False])

    # ---- what a handle of the old log opens by its path ------------------------------------------

    def lose(self, how):
        """A handle of a log that was renamed or removed, and another log in its place."""
        for folder in (self.place, self.moved):
            shutil.rmtree(folder, ignore_errors=True)
        old = self.make(self.place, 3)
        if how == "rename":
            self.place.rename(self.moved)
        else:
            shutil.rmtree(self.place)
        new = self.make(self.place, 5)
        new.subscribe("desk", start="beginning").close()
        new.emit("BTCUSDT", "short", "other", 0.5, durable=True)
        return old, new

    def files(self):
        """The names of what lies there, and the bytes of what nobody writes behind."""
        found = {}
        for path in sorted(self.place.rglob("*")):
            is_kept = path.is_file() and path.suffix not in (".mrs", ".mrseg") and path.stat().st_size < 1 << 20
            found[str(path.relative_to(self.place))] = path.read_bytes() if is_kept else None
        return found

    def expect_lost(self, call):
        begun = time.monotonic()
        with self.assertRaises(millrace.MR_EPATH) as told:
            call()
        self.assertLess(time.monotonic() - begun, 20)
        self.assertIn(f"{self.place}: the log was renamed or removed while it was in use", str(told.exception))

    CALLS = {
        "claim": lambda bus: bus.claim("other", "evaluating"),
        "claim in time": lambda bus: bus.claim("other", "evaluating", timeout=60),
        "forget": lambda bus: bus.forget("desk"),
        "orders": lambda bus: bus.orders(),
        "history": lambda bus: bus.history(bus.query("")[0]["id"]),
        "health": lambda bus: bus.health(),
        "moment": lambda bus: bus.moment("0s"),
        "as of": lambda bus: bus.query("", as_of=9),
        "subscribe": lambda bus: bus.subscribe("desk"),
        "subscribe anew": lambda bus: bus.subscribe("own", start="beginning"),
        "wait": lambda bus: bus.wait(60),
    }

    def test_a_handle_of_it_neither_asks_nor_changes_the_other_one(self):
        for how in ("rename", "remove"):
            old, new = self.lose(how)
            ids = [row["source"] for row in old.query("")]
            before = self.files()
            for name, call in self.CALLS.items():
                with self.subTest(how=how, call=name):
                    self.expect_lost(lambda: call(old))
                    self.assertEqual(self.files(), before)
            self.assertEqual(ids, ["bot"] * 3)
            self.assertEqual([row["source"] for row in old.query("")], ids)
            self.assertIn("desk", new.health()["consumers"])
            old.close()
            new.close()
            with millrace.Bus(self.place) as bus:
                self.assertEqual(bus.counts()["generated"], 6)
            self.ok("verify", "--dir", self.place)
            self.ok("replay", "--check", "--dir", self.place)

    def test_who_waits_is_told(self):
        waits = {
            "wait": lambda bus: lambda: [bus.wait(60) for _ in range(9)],
            "take": lambda bus: (lambda events: lambda: events.take(60))(bus.subscribe("own", start="end")),
            "claim": lambda bus: lambda: bus.claim("me", "evaluating", timeout=60),
            "order": lambda bus: (lambda orders: lambda: orders.take(60))(bus.orders()),
        }
        for how in ("rename", "remove"):
            for name, prepare in waits.items():
                with self.subTest(how=how, wait=name):
                    shutil.rmtree(self.place, ignore_errors=True)
                    shutil.rmtree(self.moved, ignore_errors=True)
                    bus = self.make(self.place, 0)
                    call = prepare(bus)
                    timer = threading.Timer(0.5, lambda: self.place.rename(self.moved) if how == "rename"
                                            else shutil.rmtree(self.place))
                    timer.start()
                    self.addCleanup(timer.join)
                    self.expect_lost(call)
                    timer.join()
                    bus.close()

    def test_what_was_claimed_and_read_before_ends_with_the_place(self):
        old = self.make(self.place, 3)
        claim = old.claim("me", "evaluating")
        events = old.subscribe("own", start="beginning")
        self.assertIsNotNone(events.take(0))
        self.place.rename(self.moved)
        new = self.make(self.place, 1)
        before = self.files()
        self.expect_lost(lambda: old.claim("me", "evaluating"))
        self.expect_lost(lambda: [events.take(1) for _ in range(9)])
        claim.renew(50)  # of its own log, which it has open
        old.close()
        self.assertEqual(self.files(), before)
        new.close()
        for folder in (self.place, self.moved):
            self.ok("verify", "--dir", folder)

    def test_what_cannot_be_appended_any_more_says_why(self):
        for how in ("rename", "remove"):
            old, new = self.lose(how)
            with self.subTest(how=how), self.assertRaises(millrace.MillraceError) as told:
                for _ in range(400):  # more than what is open
                    old.emit("BTCUSDT", "long", "bot", 0.5, data={"text": "x" * 60000})
                    old.emit("BTCUSDT", "long", "bot", 0.5, durable=True)
            self.assertIn("the log was renamed or removed while it was in use", str(told.exception))
            old.close()
            new.close()

    def test_one_that_is_moved_back_answers_for_itself(self):
        bus = self.make(self.place, 2)
        self.place.rename(self.moved)
        self.make(self.place, 5).close()
        for name in ("claim", "history", "health", "moment", "subscribe anew"):
            self.expect_lost(lambda: self.CALLS[name](bus))
        shutil.rmtree(self.place)
        self.moved.rename(self.place)
        self.assertEqual(bus.health()["signals"], 2)
        self.assertEqual(len(bus.history(bus.query("")[0]["id"])), 1)
        self.assertIsNotNone(bus.moment("0s"))
        bus.close()
        self.ok("verify", "--dir", self.place)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_who_may_only_read_is_told(self):
        """He holds no file of the log: its manifest tells whose log lies there."""
        for folder in (self.folder, *self.folder.parents):
            if folder.stat().st_uid == 0 and str(folder).startswith(tempfile.gettempdir() + "/"):
                folder.chmod(0o755)
        reads = {name: self.CALLS[name] for name in ("history", "health", "moment", "as of", "wait")}
        for how in ("rename", "remove", "replace"):
            for folder in (self.place, self.moved):
                shutil.rmtree(folder, ignore_errors=True)
            self.make(self.place, 3).close()
            for path in (self.place, *self.place.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            opened, lost = os.pipe(), os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    program.become_nobody()
                    with millrace.Bus(self.place) as bus:
                        assert bus.health()["signals"] == 3
                        self.assertRaises(millrace.MR_EACCESS, bus.emit, "BTCUSDT", "long", "bot", 0.5)
                        os.write(opened[1], b"x")
                        os.read(lost[0], 1)
                        for call in reads.values():
                            self.expect_lost(lambda call=call: call(bus))
                    os._exit(0)
                except BaseException as failed:  # the child must not go on with the other tests
                    print(repr(failed), file=sys.stderr)
                    os._exit(1)
            os.close(opened[1])
            self.assertEqual(os.read(opened[0], 1), b"x")
            if how == "remove":
                shutil.rmtree(self.place)
            else:
                self.place.rename(self.moved)
            if how == "replace":
                self.make(self.place, 5).close()
                for path in (self.place, *self.place.rglob("*")):
                    path.chmod(0o755 if path.is_dir() else 0o644)
            os.write(lost[1], b"x")
            for end in (opened[0], *lost):
                os.close(end)
            with self.subTest(how=how):
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def test_a_run_says_so_and_ends(self):
        config = self.write_config("live.yaml", learn__score_after=0)
        for how in ("rename", "replace", "remove"):
            for folder in (self.place, self.moved):
                shutil.rmtree(folder, ignore_errors=True)
            bus = self.make(self.place, 1)
            run = self.start("run", "--dir", self.place, "--config", config, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
            program.wait_until(lambda: bus.health()["signals"] and bus.counts()["generated"] == 0, "a decision", run)
            if how == "remove":
                shutil.rmtree(self.place)
            else:
                self.place.rename(self.moved)
            if how == "replace":
                self.make(self.place, 5).close()
            with self.subTest(how=how):
                said = run.communicate(timeout=60)[1]
                self.assertEqual(run.returncode, program.FAULT, said)
                self.assertIn(b"the log was renamed or removed while it was in use", said)
            bus.close()
            if how != "remove":
                with millrace.Bus(self.moved) as moved:
                    self.assertEqual(moved.health()["signals"], 1)
                    moved.emit("BTCUSDT", "long", "bot", 0.5, durable=True)
                self.ok("verify", "--dir", self.moved)
                self.ok("replay", "--check", "--dir", self.moved)

    def test_servers_and_those_who_follow_say_so_and_end(self):
        self.make(self.place, 2).close()
        path = self.folder / "socket"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        server = self.start("serve", "--dir", self.place, "--socket", path, **pipes)
        tail = self.start("tail", "--follow", "--dir", self.place, **pipes)
        with program.connect(path, server) as peer:
            peer.sendall(b'{"id":1,"verb":"counts"}\n')
            self.assertIn(b'"ok":true', peer.recv(65536))
            tail.stdout.readline()
            self.place.rename(self.moved)
            self.make(self.place, 1).close()
            peer.sendall(b'{"id":2,"verb":"counts"}\n')
            for process in (server, tail):
                said = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, program.FAULT)
                self.assertIn(b"the log was renamed or removed while it was in use", said)
        self.expect(self.place, 1)


if __name__ == "__main__":
    program.main()
