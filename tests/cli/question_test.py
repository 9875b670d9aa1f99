#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verbs that answer questions about a log: tail, show, why, query, status, weights, verify,
replay; on sound logs, on damaged ones, and on those of another version."""
import json
import shutil
import signal
import struct

import program
from program import FAULT, NO, OK

TRADING = {"synthetic__symbols": 4, "synthetic__bars": 3000, "gates__ev_z": 0, "venue__fee": 1,
           "log__segment": 4, "learn__score_after": 0}


class QuestionCase(program.LogCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._trading = program.small_log(cls._shared, "trading", **TRADING)

    def trading(self, *words):
        return self.ok(*words, "--dir", self._trading)

    def signals(self):
        return self.trading("query", "--json", "--limit", "1000000").json_lines

    def moved_to(self, state):
        """The ids of signals that were in a state: it is one of the last moves of each."""
        events = self.trading("tail", "--count", "1000000", "--json").json_lines
        return [event["signal_id"] for event in events
                if event["event"] == "signal.moved" and event["to"] == state]


class TailTest(QuestionCase):
    def test_it_prints_the_newest_events_in_order(self):
        last = self.ok("verify", "--json", "--dir", self.log).json["up_to_seq"]
        for count in (1, 7, 20):
            found = self.ok("tail", "--json", "--count", count, "--dir", self.log).json_lines
            self.assertEqual([one["seq"] for one in found], list(range(last - count + 1, last + 1)))
        self.assertEqual(len(self.ok("tail", "--dir", self.log).lines), 20)
        self.assertEqual(self.ok("tail", "--count", "0", "--dir", self.log).out, "")
        self.assertEqual(len(self.ok("tail", "--count", last * 2, "--dir", self.log).lines), last)

    def test_a_count_that_is_none_is_refused(self):
        for count in ("-1", "x", "1.5", "", "99999999999999999999"):
            with self.subTest(count=count):
                answer = self.refused("tail", "--dir", self.log, f"--count={count}")
                self.assert_says(answer, "--count", "whole number")

    def test_follow_prints_what_comes_and_ends_well_on_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                path = self.folder / f"out{int(number)}"
                with open(path, "wb") as out:
                    process = self.start("tail", "--follow", "--count", "1", "--json", "--dir",
                                         self.log, stdout=out)
                program.wait_until(lambda: path.read_bytes().count(b"\n") == 1, "an event", process)
                ident = self.ok("emit", "--dir", self.log, "--symbol", "SIM01USD", "--side", "long",
                                "--source", "late", "--confidence", "0.5").out.strip()
                program.wait_until(lambda: ident.encode() in path.read_bytes(), "the signal", process)
                event = json.loads(path.read_text().splitlines()[-1])
                self.assertEqual((event["event"], event["source"]), ("signal.generated", "late"))
                process.send_signal(number)
                self.assert_exit(program.finish(process), OK)

    def test_follow_goes_on_into_the_next_segment(self):
        path = self.folder / "out"
        with open(path, "wb") as out:
            process = self.start("tail", "--follow", "--json", "--dir", self.log, stdout=out)
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": "bulk", "confidence": 0.5,
                           "data": {"x": "y" * 2000}}) + "\n"
        self.ok("emit", "--dir", self.log, stdin=line * 2500)
        self.assertGreater(len(program.segments(self.log)), 1)
        last = self.query("--source", "bulk", "--limit", "1")[0]["id"].encode()
        program.wait_until(lambda: last in path.read_bytes(), "the last signal", process)
        process.send_signal(signal.SIGINT)
        self.assert_exit(program.finish(process), OK)
        numbers = [json.loads(one)["seq"] for one in path.read_text().splitlines()]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))


class QueryTest(QuestionCase):
    def ids(self, *words):
        return self.ids_within("--limit", "1000000", *words)

    def ids_within(self, *words):
        answer = program.call("query", "--json", "--dir", self._trading, *words)
        self.assert_exit(answer, OK if answer.out else NO)
        return [one["id"] for one in answer.json_lines]

    def test_each_condition_chooses_exactly_what_matches(self):
        whole = self.signals()
        self.assertEqual(whole, sorted(whole, key=lambda one: -one["ordinal"]))
        for field in ("state", "symbol", "source", "name"):
            for value in {one[field] for one in whole}:
                with self.subTest(field=field, value=value):
                    self.assertEqual(self.ids(f"--{field}", value),
                                     [one["id"] for one in whole if one[field] == value])
        some = whole[len(whole) // 3]
        self.assertEqual(self.ids("--source", some["source"], "--symbol", some["symbol"]),
                         [one["id"] for one in whole if (one["source"], one["symbol"]) ==
                          (some["source"], some["symbol"])])

    def test_times_are_absolute_or_ages_and_bound_half_open(self):
        whole = self.signals()
        time = whole[len(whole) // 2]["time"]
        self.assertEqual(self.ids("--since", time),
                         [one["id"] for one in whole if one["time"] >= time])
        self.assertEqual(self.ids("--until", time),
                         [one["id"] for one in whole if one["time"] < time])
        self.assertEqual(self.ids("--since", time, "--until", time), [])
        recent = self.ids("--since", "2h")
        self.assertEqual(recent, [one["id"] for one in whole][:len(recent)])
        self.assertTrue(0 < len(recent) < len(whole))

    def test_the_narrower_of_two_limits_counts(self):
        for condition, option, count in (("limit 1", 3, 1), ("limit 3", 2, 2)):
            answer = self.trading("query", condition, "--limit", option, "--json")
            self.assertEqual(len(answer.json_lines), count, str(answer))

    def test_a_limit_cuts_and_says_so(self):
        answer = self.trading("query", "--limit", "3")
        self.assertEqual(len(answer.lines), 3)
        self.assertRegex(answer.err, r"\A3 signals, newest first \(more may match: --limit, "
                                     r"--after [0-9a-f.]+/\d+\); 3 of \d+ looked at\n\Z")

    def test_a_condition_says_what_options_say_and_more(self):
        whole = self.signals()
        some = whole[len(whole) // 3]
        self.assertEqual(self.ids(f"source={some['source']} and symbol={some['symbol']}"),
                         self.ids("--source", some["source"], "--symbol", some["symbol"]))
        self.assertEqual(self.ids("state=learned and not ended=executed"),
                         [one["id"] for one in whole
                          if one["state"] == "learned" and one["ended"] != "executed"])
        gates = {one["gate"] for one in whole if "gate" in one}
        self.assertTrue(len(gates) > 1)
        for gate in gates:
            self.assertEqual(self.ids(f"gate = {gate} or side=SELL"),
                             [one["id"] for one in whole
                              if one.get("gate") == gate or one["side"] == "short"])
        self.assertEqual(self.ids(f"time >= {some['time']} and time < {whole[0]['time']}"),
                         self.ids("--since", some["time"], "--until", whole[0]["time"]))
        recent = set(self.ids("age<2h"))
        times = [[one["time"] for one in whole if (one["id"] in recent) == is_recent]
                 for is_recent in (True, False)]
        self.assertTrue(max(times[1]) < min(times[0]))
        self.assertEqual(self.ids("state!=generated", "--state", "generated"), [])
        self.assertEqual(self.ids("order by time asc"), [one["id"] for one in whole][::-1])

    def test_a_long_answer_is_continued_behind_its_last_signal(self):
        for order in ("desc", "asc"):
            expected = self.ids(f"state=learned order by time {order} limit 1000000")
            piece = len(expected) // 4 + 1
            condition = f"state=learned order by time {order} limit {piece}"
            found = self.ids_within(condition)
            self.assertEqual(len(found), piece)
            while len(found) < len(expected):
                more = self.ids_within(condition, "--after", found[-1])
                self.assertTrue(0 < len(more) <= piece)
                found += more
            self.assertEqual(found, expected)
            answer = program.call("query", "--dir", self._trading, condition, "--after", found[-1])
            self.assertEqual(answer.code, NO)

    def test_what_is_wrong_in_a_condition_is_pointed_at(self):
        cases = {"state=lernt": (7, "a state"), "stat=blocked": (1, "state?"),
                 "state=blocked and": (18, "found the end"), "(side=long": (11, "or )"),
                 "symbol=NOPE": (8, "a symbol that is known here"), "age<2x": (5, "an age"),
                 "ended=learned": (7, "a state that a signal ends in (executed, blocked, expired), found learned"),
                 "side=long and ended in (blocked,executing)": (33, "found executing"),
                 "age<5M": (5, "an age"), "ordinal=+5": (9, "a whole number"), "ordinal=0x5": (9, "a whole number"),
                 "side=long limit 0": (17, "a limit from 1"), "source=nobody": (8, "a source")}
        for text, (character, words) in cases.items():
            with self.subTest(text=text):
                answer = self.refused("query", "--dir", self.log, text)
                self.assert_says(answer, f"character {character}: ", words, f"  {text}\n")
                self.assertIn("\n  " + " " * (character - 1) + "^\n", answer.err)
        for name in ("日本🚀", "e\u0301", "ä"):
            self.ok("emit", "--dir", self.log, "--symbol", self.first_symbol(), "--side", "long",
                    "--source", "bot", "--name", name, "--confidence", "1")
        cases = {"name='日本🚀' and stat=x": (16, "name='日本🚀' and stat=x", "here: stat=x"),
                 "name='e\u0301' and stat=x": (15, "name='e\u0301' and stat=x", "here: stat=x"),
                 "name='ä' and": (13, "name='ä' and", "here: the end"),
                 "side=long\tand stat=日": (15, "side=long\\x09and stat=日", " " * 17 + "^"),
                 "side=long\nand\n  stat=x": (17, "side=long\\x0aand\\x0a  stat=x", " " * 22 + "^"),
                 "side=long\t\udcff\udcc2": (11, "side=long\\x09\\xff\\xc2", " " * 13 + "^"),
                 "\udcff=x": (1, "\\xff=x", "^"), "x" * 70: (1, "x" * 33 + "...", "^")}
        for text, (character, shown, mark) in cases.items():
            with self.subTest(text=text):
                answer = self.refused("query", "--dir", self.log, text)
                told, *pointed = answer.err.split("\n")
                self.assertRegex(told, rf"^millrace query: character {character}: ")
                self.assertEqual(pointed, [f"  {shown}", f"  {mark}", ""])
        answer = self.refused("query", "--dir", self.log, "stat" + "日" * 30)
        self.assert_says(answer, "found stat" + "日" * 18 + "\n")  # 60 bytes at most, whole characters
        answer = self.refused("query", "--dir", self.log, "name='\x1b[31m")
        self.assertNotIn("\x1b", answer.err)
        self.assert_exit(program.call("query", "--dir", self.log, "state=learned", "--after",
                                      "NOPE_0_00000001"), NO)
        self.assert_exit(program.call("query", "--dir", self.log, "--after", "99999999"), NO)
        for after in ("garbage", "", "+5", " 5", "5 ", "0x5", "5.0", "-5"):
            answer = self.refused("query", "--dir", self.log, f"--after={after}")
            self.assert_says(answer, f'--after: expected what an answer said behind --after, or a signal, found "{after}"')
        self.refused("query", "--dir", self.log, "state=learned", "limit 3")

    def test_nothing_found_is_a_no(self):
        for words in (["--since", "2200-01-01T00:00Z"], ["source=rsi and side=long and side=short"]):
            with self.subTest(words=words):
                answer = self.assert_exit(program.call("query", "--dir", self.log, *words), NO)
                self.assertEqual(answer.out, "")
                self.assert_says(answer, "0 signals")

    def test_an_unknown_name_is_told_the_same_way_in_options_and_conditions(self):
        for field, near, others in (("source", "rsii", "rsi, momentum"), ("name", "mom16", "mom15, "),
                                    ("symbol", "SIM01UST", "SIM01USD, SIM02USD")):
            with self.subTest(field=field):
                words = f"expected a {field} that is known here ({others}"
                flag = self.refused("query", "--dir", self.log, f"--{field}", near)
                self.assert_says(flag, f"--{field}: {words}", f'found "{near}"')
                condition = self.refused("query", "--dir", self.log, f"{field}={near}")
                self.assert_says(condition, words, f"found {near}")
                told = [answer.err.split("expected ")[1].split(", found")[0]
                        for answer in (flag, condition)]
                self.assertEqual(told[0], told[1])
        answer = self.refused("weights", "--dir", self.log, "--symbol", "SIM01UST")
        self.assert_says(answer, "--symbol: expected a symbol that is known here (SIM01USD")

    def test_of_many_names_the_first_are_told_and_the_others_counted(self):
        lines = "".join(json.dumps({"symbol": "SIM01USD", "side": "long", "confidence": 0.5,
                                    "source": f"bot-of-a-longer-name-{i}"}) + "\n" for i in range(40))
        self.ok("emit", "--dir", self.log, stdin=lines)
        answer = self.refused("query", "--dir", self.log, "--source", "nobody")
        self.assertRegex(answer.err, r"bot-of-a-longer-name-0.* and \d+ more\), found \"nobody\"\n$")
        listed, more = answer.err.split("(")[1].split(" and ")
        self.assertEqual(listed.count(",") + 1 + int(more.split()[0]), 49)

    def test_wrong_values_are_refused_with_what_was_expected(self):
        cases = {"state": ["bloked", "", "BLOCKED "], "symbol": ["NOPE", ""],
                 "since": ["yesterday", "", "2999-01-01T00:00Z", "2024-13-01T00:00Z", "\x1b[31m"],
                 "until": ["2024-01-01T25:00Z"], "limit": ["0", "-1", "x", "1000001", ""]}
        for field, values in cases.items():
            for value in values:
                with self.subTest(field=field, value=value):
                    answer = self.refused("query", "--dir", self.log, f"--{field}={value}")
                    self.assert_says(answer, f"--{field}")
                    self.assertNotIn("\x1b", answer.err)


class StoryTest(QuestionCase):
    def test_why_tells_a_blocked_signal_with_each_gate(self):
        ident = self.moved_to("blocked")[0]
        answer = self.trading("why", ident)
        self.assert_says(answer, ident, "what ", "view ", "decision    blocked by")
        self.assertRegex(answer.out, r"(?m)^ +\w+ +\S+ vs \S+.* -> (pass|BLOCK)")
        self.assertIn("BLOCK (", answer.out)
        for horizon in ("1m", "5m", "15m", "30m", "1h"):
            self.assertRegex(answer.out, rf"(?m)^ .*\b{horizon}\b")

    def test_why_tells_an_executed_signal_with_orders_fills_and_exit(self):
        ident = self.moved_to("executed")[0]
        answer = self.trading("why", ident)
        self.assertNotIn("BLOCK", answer.out)
        self.assertRegex(answer.out, r"(?m)^decision +approved")
        self.assertRegex(answer.out, "(?i)fill")
        self.assertRegex(answer.out, r"(?i)\b(stop|target|time)\b")

    def test_an_id_and_its_number_tell_the_same_story(self):
        one = self.signals()[0]
        self.assertEqual(self.trading("why", one["id"]).out, self.trading("why", one["ordinal"]).out)
        found = self.trading("why", "--json", one["id"]).json
        self.assertEqual((found["id"], found["state"]), (one["id"], one["state"]))

    def test_show_prints_an_event_or_every_event_of_a_signal(self):
        event = self.ok("show", "--json", "1", "--dir", self.log).json
        self.assertEqual((event["seq"], event["event"]), (1, "session"))
        ident = self.signals()[0]["id"]
        kinds = [one["event"] for one in self.trading("show", "--json", ident).json_lines]
        self.assertEqual(kinds[0], "signal.generated")
        self.assertIn("decision", kinds)

    def test_an_id_that_names_no_signal_is_a_no_that_repeats_it(self):
        ident = self.signals()[0]["id"]
        symbol, time, number = ident.split("_")
        wrong = ["SIM01USD_1704097200000_ffffffff", "x", "", "0", "-1", "999999999", ident + "0",
                 f"{symbol}_{int(time) + 1}_{number}", f"NOPE_{time}_{number}", "\x1b[31m", "a" * 5000,
                 ident.upper() if ident.upper() != ident else ident + "x", f" {ident}"]
        for verb in ("why", "show"):
            for text in wrong:
                with self.subTest(verb=verb, text=text):
                    answer = program.call(verb, "--dir", self._trading, "--", text)
                    self.assert_exit(answer, NO)
                    self.assertEqual(answer.out, "")
                    self.assertRegex(answer.err, "no (signal|event) ")
                    self.assertNotIn("\x1b", answer.err)


class JudgeTest(QuestionCase):
    def test_status_answers_the_five_questions(self):
        answer = self.trading("status")
        self.assertRegex(answer.out, r"\AOK\n")
        for part in ("running", "trading", "ledger", "stages", "learning", "(SIMULATED)"):
            self.assertIn(part, answer.out)
        found = self.trading("status", "--json").json
        self.assertEqual((found["health"], found["writer_process"]), ("OK", 0))
        self.assertIs(found["summary"]["ledger"]["ok"], True)

    def test_weights_prints_every_source_and_refuses_what_it_does_not_know(self):
        out = self.ok("weights", "--dir", self.log).out
        for source in {one["source"] for one in self.query("--limit", "100000")}:
            self.assertIn(source, out)
        self.ok("weights", "--horizon", "1h", "--symbol", "SIM01USD", "--dir", self.log)
        self.assert_says(self.refused("weights", "--horizon", "2h", "--dir", self.log), "--horizon",
                         "1m, 5m, 15m, 30m or 1h")
        self.assert_says(self.refused("weights", "--symbol", "NOPE", "--dir", self.log), "NOPE")

    def test_replay_of_an_untouched_log_is_identical(self):
        answer = self.trading("replay", "--check")
        self.assertRegex(answer.out, r"\Aidentical: \d+ inputs decided again, \d+ outputs compared\n")
        found = self.trading("replay", "--check", "--json").json
        self.assertIs(found["identical"], True)
        self.assertGreater(found["outputs"], 1000)

    def test_verify_of_a_copy_gives_the_same_digest(self):
        shutil.copytree(self.log, self.folder / "copy")
        self.assertEqual(self.digest(self.folder / "copy"), self.digest())


class DamageTest(QuestionCase):
    READERS = [["verify"], ["status"], ["query"], ["tail", "--count", "1000000"], ["weights"],
               ["replay", "--check"]]

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.log)
        shutil.copytree(self._trading, self.log)
        self.assertGreater(len(program.segments(self.log)), 2)

    def test_a_flipped_byte_in_a_finished_segment_is_a_fault_with_file_and_offset(self):
        segment = program.segments(self.log)[0]
        offset = 1 << 20
        while segment.read_bytes()[offset] == 0:
            offset += 1
        program.flip(segment, offset)
        answer = self.assert_exit(program.call("verify", "--dir", self.log), FAULT)
        self.assertEqual(answer.out, "")
        self.assert_says(answer, segment.name, "offset", "damaged")
        told = int(answer.err.split("offset ")[1].split()[0].rstrip(",:"))
        self.assertTrue(offset - 4096 <= told <= offset, (told, offset))
        # Answers that begin at a snapshot do not read what lies before it: `verify` does.
        shutil.rmtree(self.log / "snap")
        before = program.content(self.log)
        for words in self.READERS:
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, segment.name, "offset")
        for words in (["run"], ["emit", "--symbol", "SIM01USD", "--side", "long", "--source", "a",
                                "--confidence", "1"]):
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, segment.name)
                self.assertEqual(program.content(self.log), before)

    def test_a_missing_segment_is_a_fault_that_names_the_gap(self):
        self.assertTrue(any((self.log / "snap").iterdir()))  # a snapshot does not hide the gap
        segment = program.segments(self.log)[1]
        segment.unlink()
        for words in [*self.READERS, ["run"]]:
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, str(self.log))

    def test_a_missing_first_segment_is_a_fault_before_anything_is_written(self):
        program.segments(self.log)[0].unlink()
        before = program.content(self.log)
        for words in [*self.READERS, ["run"], ["emit", "--symbol", "SIM01USD", "--side", "long",
                                               "--source", "a", "--confidence", "1"]]:
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, "a segment is missing", "begins with event 1")
                self.assertEqual(program.content(self.log), before)

    def test_a_missing_end_is_a_fault_where_a_snapshot_remembers_it(self):
        program.segments(self.log)[-1].unlink()
        for words in (["status"], ["query"], ["weights"], ["run"], ["verify"], ["log", "stat"],
                      ["emit", "--symbol", "SIM01USD", "--side", "long", "--source", "a",
                       "--confidence", "1"]):
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, "the end of the log is missing")

    def test_snapshots_that_cannot_be_read_are_done_without(self):
        status = program.steady(self.ok("status", "--dir", self.log).out)
        shutil.rmtree(self.log / "snap")
        (self.log / "snap").write_text("not a folder")
        self.assertEqual(program.steady(self.ok("status", "--dir", self.log).out), status)

    def test_a_damaged_manifest_is_a_fault(self):
        program.flip(self.log / "MANIFEST", 30)
        for words in [*self.READERS, ["run"]]:
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, "MANIFEST")

    def test_a_damaged_or_missing_snapshot_costs_time_and_changes_no_answer(self):
        status = program.steady(self.ok("status", "--dir", self.log).out)
        for path in (self.log / "snap").iterdir():
            program.flip(path, path.stat().st_size // 2)
        self.assertEqual(program.steady(self.ok("status", "--dir", self.log).out), status)
        shutil.rmtree(self.log / "snap")
        self.assertEqual(program.steady(self.ok("status", "--dir", self.log).out), status)
        self.assertEqual(self.ok("run", "--json", "--dir", self.log).json["digest"],
                         self.digest(self._trading))

    def test_an_end_that_was_being_written_is_not_damage(self):
        segment = program.segments(self.log)[-1]
        data = segment.read_bytes()
        used = len(data.rstrip(b"\0"))
        with open(segment, "r+b") as file:
            file.seek(used - 10)
            file.write(b"\0" * 10)
        answer = self.ok("verify", "--json", "--dir", self.log)
        self.assertIs(answer.json["torn_end"], True)
        answer = self.ok("run", "--json", "--dir", self.log)
        self.assert_says(answer, "recovered", "cut")
        self.assertEqual(answer.json["digest"], self.digest(self._trading))

    def test_a_log_of_a_newer_version_is_refused(self):
        manifest = self.log / "MANIFEST"
        lines = manifest.read_bytes().replace(b"millrace-log: 1\n", b"millrace-log: 2\n").splitlines(True)
        body = b"".join(lines[:-1])
        manifest.write_bytes(body + b"crc32c: %08x\n" % crc32c(body))
        self.refuse_version("MANIFEST")

    def test_a_segment_of_a_newer_version_is_refused(self):
        segment = program.segments(self.log)[0]
        with open(segment, "r+b") as file:
            head = bytearray(file.read(128))
            head[8:12] = struct.pack("<I", 2)
            head[124:] = struct.pack("<I", crc32c(bytes(head[:124])))
            for at in (0, 2048):
                file.seek(at)
                file.write(head)
        self.refuse_version(segment.name)

    def refuse_version(self, name):
        before = program.content(self.log)
        for words in [*self.READERS, ["run"]]:
            with self.subTest(words=words):
                answer = self.assert_exit(program.call(*words, "--dir", self.log), FAULT)
                self.assert_says(answer, name, "written by an incompatible version")
        self.assertEqual(program.content(self.log), before)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    program.main()
