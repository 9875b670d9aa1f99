#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A run and emitters at the same time: what an emit has printed is in the log once and is decided,
whoever is killed."""
import json
import random
import signal
import subprocess
import time

import program

BOTS = 3
LINES = 120


class TogetherTest(program.Case):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.config = self.write_config(synthetic__symbols=BOTS, synthetic__bars=1500,
                                        log__segment=4, learn__score_after=0)
        self.emitted = set()

    def run_at(self, speed):
        return self.start("run", "--dir", self.log, "--config", self.config, "--speed", speed,
                          "--json", stdout=subprocess.DEVNULL)

    def begin(self, speed="15000"):
        """A run whose first bars are there."""
        run = self.run_at(speed)
        program.wait_until(self.has_bars, "the first bars", run)
        return run

    def has_bars(self):
        return "candle" in program.call("tail", "--count", "50", "--dir", self.log).out

    def lines(self, bot, count=LINES, **more):
        return "".join(json.dumps({"symbol": f"SIM{bot + 1:02}USD", "side": "long",
                                   "source": f"bot{bot}", "confidence": 0.6, **more}) + "\n"
                       for _ in range(count))

    def finish_log(self):
        """Run to the end of the feed, and once more for what was emitted behind it."""
        for _ in range(2):
            self.ok("run", "--dir", self.log, "--json")

    def check_log(self):
        """Every id that was printed is a signal that was decided on, and the log replays."""
        signals = self.ok("query", "--json", "--limit", "1000000", "--dir", self.log).json_lines
        found = {row["id"]: row for row in signals if row.get("source", "").startswith("bot")}
        self.assertEqual(self.emitted - set(found), set())
        self.assertEqual([row for row in found.values() if row["state"] == "generated"], [])
        self.assert_says(self.ok("replay", "--check", "--dir", self.log), "identical")
        self.ok("verify", "--dir", self.log)
        return found

    def note(self, answer):
        """The ids that an emit has printed, whole lines only: a killed one may end in between."""
        ids = answer.out[:answer.out.rfind("\n") + 1].split()
        self.assertEqual(self.emitted & set(ids), set())
        self.emitted.update(ids)

    def test_signals_emitted_beside_a_run_are_decided_by_it(self):
        run = self.begin()
        emits = [self.start("emit", "--dir", self.log, "--durability", "async",
                            stdin=subprocess.PIPE) for _ in range(BOTS)]
        for bot, emit in enumerate(emits):
            self.note(self.assert_exit(
                program.finish(emit, stdin=self.lines(bot).encode()), program.OK))
        self.assertEqual(len(self.emitted), BOTS * LINES)
        one = self.ok("emit", "--symbol", "SIM01USD", "--side", "sell", "--source", "bot0",
                      "--confidence", "0.3", "--dir", self.log)
        self.note(one)
        program.wait_until(lambda: self.state_of(one.out.strip()) != "generated",
                           "the run decides on it", run)
        self.assert_exit(program.finish(run), program.OK)
        self.finish_log()
        self.assertEqual(len(self.check_log()), BOTS * LINES + 1)

    def state_of(self, name):
        rows = self.ok("query", "--json", "--limit", "1000000", "--dir", self.log).json_lines
        return next(row["state"] for row in rows if row.get("id") == name)

    def test_a_second_run_is_refused_and_told_who_runs(self):
        run = self.begin()
        again = self.refused("run", "--dir", self.log, "--config", self.config)
        self.assert_says(again, f"process {run.pid} is running this log")
        run.send_signal(signal.SIGINT)
        self.assert_exit(program.finish(run), program.OK)
        self.finish_log()

    def test_a_key_that_two_emit_at_once_is_one_signal(self):
        run = self.begin()
        emits = [self.start("emit", "--dir", self.log, "--durability", "async",
                            stdin=subprocess.PIPE) for _ in range(4)]
        text = "".join(self.lines(0, 1, idempotency_key=f"key-{n}") for n in range(40)).encode()
        for emit in emits:
            emit.stdin.write(text)
            emit.stdin.close()
            emit.stdin = None
        answers = [self.assert_exit(program.finish(emit), program.OK) for emit in emits]
        self.assertEqual(len({answer.out for answer in answers}), 1, "the same ids for all")
        self.assertEqual(len(set(answers[0].lines)), 40)
        run.send_signal(signal.SIGINT)
        self.assert_exit(program.finish(run), program.OK)
        self.finish_log()
        self.emitted.update(answers[0].lines)
        self.assertEqual(len(self.check_log()), 40)

    def test_whoever_is_killed_nothing_that_was_printed_is_lost(self):
        draw = random.Random(7)
        run = self.begin()
        for turn in range(8):
            emits = [self.start("emit", "--dir", self.log, stdin=subprocess.PIPE)
                     for _ in range(BOTS)]
            for bot, emit in enumerate(emits):
                emit.stdin.write(self.lines(bot, 60).encode())
                emit.stdin.flush()
            time.sleep(draw.random() * 0.05)
            victim = draw.choice([run, *emits])
            victim.kill()
            for emit in emits:
                self.note(program.finish(emit))
            if run.poll() is not None:
                program.finish(run)
                run = self.run_at("15000")
        run.send_signal(signal.SIGINT)
        self.assertIn(program.finish(run).code, (program.OK, -signal.SIGINT))
        self.finish_log()
        self.assertGreater(len(self.check_log()), 0)


if __name__ == "__main__":
    program.main()
