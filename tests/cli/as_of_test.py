#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""millrace query --as-of and its pages: answers of the past are what they were."""
import json
import random
import signal
import time

import program
from program import NO, OK, USAGE

QUESTIONS = ((), ("state=generated",), ("state!=learned",), ("--state", "blocked"),
             ("gate=expected_value or side=short",), ("age<1h",), ("--since", "2h"),
             ("--until", "30m", "--source", "rsi"), ("last_seq>3000 order by time asc",),
             ("--symbol", "SIM02USD", "not state in (learned, generated)"))


class AsOfCase(program.LogCase):
    def ask(self, *words, log=None):
        answer = program.call("query", "--json", "--page", "--dir", log or self.log, *words)
        self.assertIn(answer.code, (OK, NO), str(answer))
        *rows, page = answer.json_lines
        return rows, page["page"]

    def emit(self, count):
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "late",
                           "confidence": 0.5}) + "\n"
        self.ok("emit", "--dir", self.log, stdin=line * count)


class AnswerTest(AsOfCase):
    def test_a_log_that_a_run_extends_is_asked_at_moments_and_again_later(self):
        chance = random.Random(5)
        log = self.folder / "growing"
        config = self.write_config(synthetic__symbols=3, synthetic__bars=3000, log__segment=4,
                                   log__snapshot_events=5000)
        run = self.start("run", "--dir", log, "--config", config, "--speed", "12000")
        program.wait_until(lambda: program.call("query", "--dir", log, "state=learned").code == OK,
                           "signals", run)
        seen = []
        while len(seen) < 40:
            words = chance.choice(QUESTIONS)
            rows, page = self.ask(*words, "--limit", "500", log=log)
            seen.append((words, rows, page))
            if run.poll() is not None:
                break
        run.send_signal(signal.SIGINT)
        program.finish(run)
        self.assertGreater(len({page["as_of_seq"] for *_, page in seen}), 10)
        chance.shuffle(seen)
        for words, rows, page in seen:
            for moment in (page["as_of"], page["as_of_seq"]):
                with self.subTest(words=words, moment=moment):
                    again, found = self.ask(*words, "--limit", "500", "--as-of", moment, log=log)
                    self.assertEqual(again, rows)
                    self.assertEqual((found["as_of_seq"], found["as_of_time"], found["signals"]),
                                     (page["as_of_seq"], page["as_of_time"], page["signals"]))

    def test_a_time_is_behind_everything_logged_up_to_it(self):
        events = [event for event in
                  self.ok("tail", "--count", "1000000", "--json", "--dir", self.log).json_lines
                  if event["event"] == "candle"]
        chance = random.Random(1)
        for event in chance.sample(events, 12):
            closed = event["close_time"]
            later = [one["seq"] for one in events if one["close_time"] > closed]
            _, page = self.ask("--as-of", closed)
            self.assertEqual(page["as_of_seq"], min(later) - 1 if later else
                             self.ok("verify", "--json", "--dir", self.log).json["up_to_seq"])
            self.assertEqual(page["as_of_time"], closed)
        _, page = self.ask("--as-of", "2000-01-01T00:00Z")
        self.assertEqual((page["as_of_seq"], page["signals"]), (events[0]["seq"] - 1, 0))

    def test_the_page_is_said_the_same_way_as_of_now_and_of_then(self):
        _, now = self.ask()
        for words in ((), ("--as-of", now["as_of"])):
            beside = self.ok("query", "--json", "--limit", "2", "--dir", self.log, *words)
            last = self.ok("query", "--json", "--limit", "2", "--page", "--dir", self.log, *words)
            self.assertTrue(all("id" in line for line in beside.json_lines))
            self.assertEqual(last.lines, beside.lines + beside.err.splitlines())
            page = json.loads(beside.err)["page"]
            self.assertEqual((page["count"], page["as_of"]), (2, now["as_of"]))
            self.assertEqual(page["next"], last.json["page"]["next"])
            rest = self.ok("query", "--json", "--after", page["next"], "--dir", self.log)
            self.assertNotIn("page", rest.json)
        none = program.call("query", "--json", "--since", "2200-01-01T00:00Z", "--dir", self.log)
        self.assertEqual((none.code, none.out, json.loads(none.err)["page"]["next"]), (NO, "", None))

    def test_people_are_told_of_which_moment_the_answer_is(self):
        answer = self.ok("query", "--dir", self.log, "--as-of", "3000", "--limit", "2")
        self.assertRegex(answer.err, r"as of event 3000, market time 2024-")
        self.assertRegex(answer.err, r"; 2 of \d+ looked at")


class RemovedTest(AsOfCase):
    def test_moments_that_were_removed_are_told_and_later_ones_answered(self):
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "bulk",
                           "confidence": 0.5, "data": {"x": "y" * 2000}}) + "\n"
        self.ok("emit", "--dir", self.log, stdin=line * 4000)
        self.ok("run", "--dir", self.log)
        self.ok("run", "--dir", self.log)
        last = self.ok("verify", "--json", "--dir", self.log).json["up_to_seq"]
        before, page = self.ask("--as-of", str(last), "--limit", "50")
        self.ok("log", "retain", "--keep-events", "1", "--dir", self.log)
        self.assertEqual(self.ask("--as-of", page["as_of"], "--limit", "50")[0], before)
        first = self.ok("log", "stat", "--json", "--dir", self.log).json["first_seq"]
        told = f" was removed: the log is kept from event {first} on"
        oldest = self.query("order by time asc limit 1")[0]["id"]
        for words, part in ((("query", "--as-of", "10"), "event 10"),
                            (("query", "--as-of", "2024-01-01T00:30Z"), "2024-01-01T00:30:00.000Z"),
                            (("show", "10"), "event 10"), (("show", oldest), "story is missing: event"),
                            (("why", oldest), "story is missing: event"),
                            (("log", "prove", "10"), "event 10")):
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), NO)
                self.assert_says(answer, part, told)


class LostTest(AsOfCase):
    def test_moments_that_a_repair_gave_up_are_lost_and_what_hangs_on_them_is_told(self):
        program.flip(program.segments(self.log)[0], 60_000)
        lost = self.ok("log", "repair", "--gap", "--yes", "--json", "--dir",
                       self.log).json["damages"][0]
        first, last = lost["first_seq"], lost["last_seq"]
        told = f" is lost: a repair has given up events {first} to {last}"
        for words in (("show", last), ("query", "--as-of", first), ("query", "--as-of", last)):
            answer = self.assert_exit(program.call(*words, "--dir", self.log), NO)
            self.assert_says(answer, f"event {words[-1]}{told}")
        self.ok("query", "--as-of", first - 1, "--limit", "1", "--dir", self.log)
        answer = program.call("query", "--as-of", last + 1, "--dir", self.log)  # under way there
        self.assert_says(self.assert_exit(answer, NO), f"under way at event {last + 1}, and ", told)


class FutureTest(AsOfCase):
    def test_what_is_still_to_come_is_no_moment(self):
        last = self.ok("verify", "--json", "--dir", self.log).json["up_to_seq"]
        ends = f"is in the future; the log ends at event {last}, market time 2024-01-01T"
        for moment in ("2200-01-01T00:00Z", last + 1, 99999999, f"1.{last + 1}.89abcdef.{last}"):
            answer = self.refused("query", "--as-of", moment, "--limit", "1", "--dir", self.log)
            self.assert_says(answer, "--as-of: ", ends)

    def test_now_is_one_by_the_clock_as_by_the_log(self):
        _, now = self.ask()
        for moment in (now["as_of_time"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())):
            self.assertEqual(self.ask("--as-of", moment)[1]["as_of_seq"], now["as_of_seq"])


class PageTest(AsOfCase):
    def test_pages_are_of_one_moment_while_signals_come_and_move(self):
        for order in ((), ("state!=generated order by time asc",)):
            whole, _ = self.ask(*order, "--limit", "1000000")
            found, words = [], ()
            while True:
                rows, page = self.ask(*order, "--limit", "97", *words)
                found += rows
                if page["next"] is None:
                    break
                words = ("--after", page["next"])
                self.emit(3)
                if len(found) % 3 == 0:
                    self.ok("run", "--dir", self.log)
            self.assertEqual(found, whole)

    def test_an_id_goes_on_in_the_log_as_it_is(self):
        rows, _ = self.ask("--limit", "5")
        self.emit(1)
        for name in (rows[1]["id"], str(rows[1]["ordinal"])):  # a number is the socket's token
            self.assertEqual(self.ask("--limit", "3", "--after", name)[0], rows[2:])

    def test_what_is_wrong_is_told(self):
        for words, parts in (
                (("--as-of", "yesterday"), ("--as-of", "yesterday")),
                (("--as-of", "3000", "--after", self.ask("--limit", "1")[1]["next"]),
                 ("names the moment of its page already", "leave out --as-of")),
                (("--after", self.ask()[1]["as_of"] + "/0"), ("--after",)),
                (("--after", self.ask()[1]["as_of"] + "/99999999"),
                 ("--after", "signal 99999999", "no answer of this log"))):
            with self.subTest(words=words):
                answer = self.assert_exit(program.call("query", "--dir", self.log, *words), USAGE)
                self.assert_says(answer, *parts)

    def test_a_moment_that_the_log_has_lost_is_refused(self):
        _, page = self.ask()
        parts = page["as_of"].split(".")
        parts[2] = f"{int(parts[2], 16) ^ 1:08x}"
        answer = self.refused("query", "--dir", self.log, "--as-of", ".".join(parts))
        self.assert_says(answer, "set back")


if __name__ == "__main__":
    program.main()
