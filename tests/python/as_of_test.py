#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Questions about the past from Python: they say what they said then."""
import json
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
                    gate = "cooldown" if to == "blocked" else None
                    self.bus.move(signal["id"], to, gate=gate, reason="cooldown")
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

    def pages(self, question, limit):
        """All signals of a question page by page, while others come and move."""
        found, page = [], None
        while page is None or page["after"] is not None:
            page = self.bus.page(question, limit=limit, after=page and page["after"],
                                 as_of=page and page["moment"])
            self.assertLessEqual(len(page["signals"]), limit)
            self.assertGreaterEqual(page["scanned"], len(page["signals"]))
            found.append(page)
            self.grow()
        self.assertEqual(len({page["moment"] for page in found}), 1)
        return [signal for page in found for signal in page["signals"]]

    def test_a_page_leads_to_the_next_one_of_its_moment(self):
        self.grow()
        for question in QUESTIONS:
            for limit in (37, 100, 5000):
                whole = self.bus.query(question, limit=5000)
                self.assertEqual(self.pages(question, limit), whole, question)

    def test_a_page_says_what_it_looked_at_and_of_when_it_is(self):
        page = self.bus.page("state=generated and symbol=SIM02USD", limit=5000)
        self.assertEqual(set(page), {"signals", "scanned", "after", "moment"})
        self.assertIsNone(page["after"])
        self.assertEqual(page["moment"], self.bus.moment())
        whole = self.bus.page(limit=5000)
        self.assertEqual(whole["scanned"], len(whole["signals"]))
        self.assertGreater(whole["scanned"], page["scanned"])
        self.assertLessEqual(self.bus.page(limit=3)["scanned"], 4)
        self.assertEqual(self.bus.page(limit=3)["after"], whole["signals"][2]["id"])
        none = self.bus.page("state=executed and state=blocked")
        self.assertEqual((none["signals"], none["after"]), ([], None))
        early = self.bus.page(as_of=30, limit=5000)
        self.assertEqual(early["moment"].split(".")[1], "30")
        self.assertEqual(early["signals"], self.bus.query(as_of=30, limit=5000))
        self.assertRaises(millrace.MR_REFUSED, self.bus.page, limit=0)
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.page, after="NOPE_0_00000001")
        for ask in (self.bus.query, self.bus.page):
            for as_of in (None, self.bus.moment()):
                with self.assertRaisesRegex(millrace.MR_NOT_FOUND, "^after: .*no signal 99999"):
                    ask(limit=3, after=99999, as_of=as_of)
        self.assertRaises(millrace.MR_REFUSED, self.bus.page, "state=nonsense")

    def test_a_page_token_of_another_door_is_taken(self):
        self.bus.emit("SIM01USD", "long", "north", 0.5)
        said = self.ok("query", "--limit", "3", "--page", "--json", "--dir", self.log).lines
        token = json.loads(said[-1])["page"]["next"]  # the program's: it names the moment, too
        moment, number = token.split("/")
        self.bus.emit("SIM01USD", "long", "north", 0.5)
        whole = self.bus.query(limit=6, as_of=moment)
        self.assertEqual([row["id"] for row in whole[:3]], [json.loads(line)["id"] for line in said[:3]])
        for page in (self.bus.page(limit=3, after=token), self.bus.page(limit=3, after=token, as_of=moment),
                     self.bus.page(limit=3, after=number, as_of=moment)):  # the socket's is the number
            self.assertEqual((page["signals"], page["moment"]), (whole[3:], moment))
        self.assertEqual(self.bus.query(limit=3, after=token), whole[3:])
        for as_of in ("2h", 30, self.bus.moment()):
            with self.assertRaisesRegex(millrace.MR_REFUSED, "^after: .*it names its own"):
                self.bus.page(after=token, as_of=as_of)
        for after, error in ((moment + "/0", millrace.MR_REFUSED), (moment + "/99999", millrace.MR_NOT_FOUND),
                             (moment, millrace.MR_REFUSED), ("NOPE_0_00000001", millrace.MR_NOT_FOUND)):
            with self.assertRaisesRegex(error, "^after: "):
                self.bus.page(after=after)

    def test_the_narrower_limit_counts(self):
        whole = self.bus.query(limit=5000)
        for as_of in (None, self.bus.moment()):
            for own, limit in ((3, 100), (3, 2), (3, 3), (5000, 7), (200, 10**9)):
                found = self.bus.query(f"limit {own}", limit=limit, as_of=as_of)
                self.assertEqual(found, whole[:min(own, limit)])
        page = self.bus.page("limit 3")
        again = self.bus.page("limit 3", after=page["after"], as_of=page["moment"])
        self.assertEqual(page["signals"] + again["signals"], whole[:6])

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
