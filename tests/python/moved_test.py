#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A log whose folder is renamed or removed while it is in use, and another one made in its place."""
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace


class MovedTest(program.Case):
    def setUp(self):
        super().setUp()
        self.place, self.moved = self.folder / "place", self.folder / "moved"

    def make(self, folder, count):
        """A log with so many signals, in use."""
        bus = millrace.Bus(folder, create=True)
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


if __name__ == "__main__":
    program.main()
