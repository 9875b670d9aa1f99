#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Questions about the past from Python: they say what they said then."""
import random

import bus_test
import program

millrace = bus_test.millrace
QUESTIONS = ("", "state=generated", "state!=learned", "side=short and not state=blocked",
             "gate=cooldown or source=north", "age<1h order by time asc", "last_seq>1000",
             "symbol=SIM02USD and state in (blocked, evaluating)")


class AsOfTest(program.LogCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)
        self.random = random.Random(3)

    def grow(self):
        for _ in range(self.random.randrange(1, 9)):
            if self.random.random() < 0.5:
                self.bus.emit(self.random.choice(("SIM01USD", "SIM02USD")),
                              self.random.choice(("long", "short")),
                              self.random.choice(("north", "south")), 0.5)
                continue
            for signal in self.bus.query("state in (generated, evaluating)", limit=20):
                if self.random.random() < 0.3:
                    to = self.random.choice(("evaluating", "blocked"))
                    if to == signal["state"]:
                        continue
                    self.bus.move(signal["id"], to, gate="cooldown", reason="cooldown")
        if self.random.random() < 0.2:
            self.ok("run", "--dir", self.log)

    def test_answers_of_then_are_the_same_later(self):
        seen = []
        for _ in range(40):
            self.grow()
            moment = self.bus.moment()
            question = self.random.choice(QUESTIONS)
            seen.append((moment, question, self.bus.query(question, limit=500)))
        self.assertGreater(len({moment for moment, *_ in seen}), 30)
        self.random.shuffle(seen)
        fresh = millrace.Bus(self.log)
        self.addCleanup(fresh.close)
        for moment, question, answer in seen:
            for bus in (self.bus, fresh):
                self.assertEqual(bus.query(question, limit=500, as_of=moment), answer, question)
                self.assertEqual(bus.query(question, limit=500, as_of=int(moment.split(".")[1])),
                                 answer)
            for signal in answer[:3]:
                self.assertEqual(fresh.get(signal["id"], as_of=moment), signal)

    def test_pages_of_a_moment_do_not_shift(self):
        moment = self.bus.moment()
        whole = self.bus.query(limit=300)
        pages = self.bus.query(limit=100, as_of=moment)
        self.grow()
        pages += self.bus.query(limit=100, after=pages[-1]["id"], as_of=moment)
        self.grow()
        pages += self.bus.query(limit=100, after=pages[-1]["id"], as_of=moment)
        self.assertEqual(pages, whole)

    def test_what_is_no_moment_is_told(self):
        self.assertRaises(TypeError, self.bus.query, as_of=1.5)
        self.assertRaises(TypeError, self.bus.query, as_of=True)
        self.assertRaises(millrace.MR_REFUSED, self.bus.query, as_of="yesterday")
        self.assertRaises(millrace.MR_REFUSED, self.bus.query, as_of=-1)
        for future in (10**9, "2200-01-01T00:00Z"):
            self.assertRaisesRegex(millrace.MR_REFUSED, "is in the future; the log ends at event",
                                   self.bus.query, as_of=future)
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.get, 1, as_of=0)
        moment = self.bus.moment().split(".")
        moment[2] = f"{int(moment[2], 16) ^ 1:08x}"
        self.assertRaises(millrace.MR_REFUSED, self.bus.query, as_of=".".join(moment))


if __name__ == "__main__":
    program.main()
