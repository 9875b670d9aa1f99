#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that emit, move and claim beside one another: each gets answers, and nothing is lost."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace
MOVES = 4000
EMITS_MAX = 250000


def emit(log):
    """Until the others are done; says how many."""
    count = 0
    with millrace.Bus(log) as bus:
        while not (log / "done").exists() and count < EMITS_MAX:
            for _ in range(100):
                bus.emit("SIM01USD", "long", "bulk", 0.5)
            count += 100
    (log / f"emitted-{os.getpid()}").write_text(str(count), encoding="utf-8")


def move(log):
    with millrace.Bus(log) as bus:
        tried = 0
        while tried < MOVES:
            for found in bus.query("state=generated", limit=30):
                tried += 1
                try:
                    bus.move(found["id"], "evaluating", from_state="generated")
                except millrace.MR_CONFLICT:
                    pass  # another one has it


def claim(log):
    with millrace.Bus(log) as bus:
        had = 0
        while had < MOVES:
            claimed = bus.claim("worker", "evaluating", timeout=0.2, lease=30)
            if claimed is None:
                continue
            had += 1
            claimed.move()
            claimed.move("blocked", gate="external", reason="external")


class BesideTest(program.LogCase):
    def start(self, work):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(self.log)
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        return child

    def test_who_moves_and_claims_beside_who_emits_is_answered(self):
        with millrace.Bus(self.log) as bus:
            before = sum(bus.counts().values())
        emitters = [self.start(emit) for _ in range(2)]
        others = [self.start(work) for work in (move, move, claim, claim)]
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in others]
        (self.log / "done").touch()
        ends += [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in emitters]
        self.assertEqual(ends, [0] * 6)
        emitted = sum(int(path.read_text(encoding="utf-8")) for path in self.log.glob("emitted-*"))
        with millrace.Bus(self.log) as bus:
            counts = bus.counts()
            self.assertEqual(sum(counts.values()), before + emitted)
            self.assertGreaterEqual(counts["blocked"], 2 * MOVES)


if __name__ == "__main__":
    program.main()
