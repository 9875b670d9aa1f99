#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Signals from outside: flags, JSON lines, everything that can be wrong with them."""
import json
import os

import program
from program import FAULT, NO, OK, USAGE

MANY = 3000


class EmitCase(program.LogCase):
    def good(self, **changes):
        fields = {"symbol": "SIM01USD", "side": "long", "source": "my-bot", "confidence": 0.7}
        fields.update(changes)
        return {key: value for key, value in fields.items() if value is not None}

    def line(self, **changes):
        return json.dumps(self.good(**changes), ensure_ascii=False)

    def emit(self, text, *words):
        return program.call("emit", "--dir", self.log, *words, stdin=text)

    def flags(self, **changes):
        words = ["emit", "--dir", self.log]
        for key, value in self.good(**changes).items():
            words += [f"--{key.replace('_', '-')}={value}"]
        return words

    def events_of(self, ident):
        return self.ok("show", "--json", "--dir", self.log, ident).json_lines

    def event_time(self):
        return self.ok("status", "--json", "--dir", self.log).json["summary"]["to"]


class FreeDataTest(EmitCase):
    def test_a_key_that_stands_there_twice_is_kept_whichever_way_it_comes(self):
        text = '{"a":1,"a":{"b":2,"b":3},"n":18446744073709551615}'
        (of_flag,) = self.ok(*self.flags(data=text)).lines
        line = self.line(data=0).replace('"data": 0', f'"data": {text}')
        self.assertIn(text, line)
        (of_line,) = self.assert_exit(self.emit(line), OK).lines
        for ident in (of_flag, of_line):
            self.assertEqual(self.events_of(ident)[0]["data"], text)

    def test_what_is_no_json_is_told_with_its_place(self):
        for text, why in (("{x", "--data: no JSON, at character 2"), ("[1]", "--data: expected a JSON object"),
                          ('{"a":1}}', "--data: no JSON, at character 8")):
            answer = program.call(*self.flags(data=text))
            self.assert_says(self.assert_exit(answer, USAGE), why)


class BatchTest(EmitCase):
    def test_lines_that_are_more_than_one_batch_may_hold_are_split(self):
        """From a file, so that they are there at once: 9 MiB, of which one batch may hold 4."""
        lines = self.folder / "lines.jsonl"
        lines.write_text((self.line(data={"x": "y" * 2000}) + "\n") * 4000)
        with lines.open("rb") as source:
            answer = program.finish(program.start("emit", "--dir", self.log, stdin=source))
        self.assert_exit(answer, OK)
        self.assertEqual(len(set(answer.lines)), 4000)
        self.assertIn("4000 emitted, 0 refused", answer.err)


class FlagsTest(EmitCase):
    def test_the_id_is_printed_and_names_the_signal_everywhere(self):
        ident = self.ok(*self.flags()).out
        self.assertRegex(ident, r"\ASIM01USD_\d{13}_[0-9a-f]{8}\n\Z")
        ident = ident.strip()
        found = self.query("--source", "my-bot")
        self.assertEqual([one["id"] for one in found], [ident])
        self.assertEqual((found[0]["state"], found[0]["name"]), ("generated", "my-bot"))
        self.assertIn(ident, self.ok("tail", "--dir", self.log, "--count", "5").out)
        self.assertIn("from my-bot/my-bot", self.ok("why", ident, "--dir", self.log).out)

    def test_every_field_is_kept_as_it_was_given(self):
        given = {"name": "entry", "price": "81.25", "horizon": "15m", "valid_for": "90s",
                 "external_id": "x-1", "idempotency_key": "k-1", "account": "main",
                 "data": '{"a": [1, "b"]}', "side": "sell", "confidence": "0.25"}
        event = self.events_of(self.ok(*self.flags(**given)).out.strip())[0]
        self.assertEqual(event["event"], "signal.generated")
        self.assertEqual((event["side"], event["confidence"], event["horizon"]),
                         ("short", 0.25, "15m"))
        for key in ("name", "external_id", "idempotency_key", "account"):
            self.assertEqual(event[key], given[key], key)
        self.assertEqual(float(event["price"]), 81.25)
        self.assertEqual(event["valid_for_s"], 90)
        self.assertIn('"b"', json.dumps(event["data"]).replace("\\", ""))

    def test_the_time_is_that_of_the_last_event_in_the_log(self):
        time = self.event_time()
        event = self.events_of(self.ok(*self.flags()).out.strip())[0]
        self.assertEqual(event["event_time"], time)

    def test_each_wrong_field_is_named_with_what_was_expected_and_nothing_is_written(self):
        wrong = {
            "symbol": ["", "NOPE", None], "side": ["HOLD", "hold", "up", "", None],
            "source": ["", "momentum", "rsi", "x" * 65, "a\nb", "\x1b[31m", None],
            "confidence": ["7", "-0.1", "1.0000001", "nan", "high", "", "0.5x"],
            "name": ["", "x" * 65, "\x07"], "price": ["-1", "0", "x", "1e", "0.0000001"],
            "horizon": ["2m", "15", ""], "valid_for": ["0s", "25h", "x", "-5s", ""],
            "account": ["x" * 257], "external_id": ["\x00"[:0] or "\x7f"],
            "data": ["[]", "{", "text", '{"a":1} x'],
        }
        before = program.content(self.log)
        for field, values in wrong.items():
            for value in values:
                with self.subTest(field=field, value=value):
                    answer = self.refused(*self.flags(**{field: value}))
                    self.assert_says(answer, field)
                    self.assertRegex(answer.err, "expected|missing|no JSON, at character")
                    self.assertNotIn("\x1b", answer.err)
        self.assertEqual(program.content(self.log), before)

    def test_numbers_at_their_limits_are_taken(self):
        for confidence in ("0", "1", "0.000000000001", "1.0"):
            self.ok(*self.flags(confidence=confidence))

    def test_how_durable_an_id_is_can_be_chosen_and_only_as_offered(self):
        for how in ("group", "async"):
            self.ok(*self.flags(), "--durability", how)
        self.assert_says(self.refused(*self.flags(), "--durability", "maybe"), "--durability",
                         "group", "async", '"maybe"')

    def test_a_directory_without_market_time_is_refused_with_what_to_do(self):
        answer = program.call("emit", "--dir", self.folder / "none", "--symbol", "SIM01USD")
        self.assert_says(self.assert_exit(answer, FAULT), "none")


class LinesTest(EmitCase):
    def bad(self, line):
        """Good lines around a bad one are taken; the bad one is told with its number."""
        text = b"".join(part if isinstance(part, bytes) else part.encode()
                        for part in (self.line(), "\n", line, "\n", self.line(side="short"), "\n"))
        answer = self.assert_exit(self.emit(text), NO)
        self.assertEqual(len(answer.lines), 2, str(answer))
        self.assert_says(answer, "2 emitted, 1 refused, 0 known already")
        told = [text for text in answer.err.splitlines() if "refused:" in text]
        self.assertEqual(len(told), 1, str(answer))
        self.assertTrue(told[0].startswith("stdin:2: refused: "), told[0])
        self.assertNotIn("\x1b", answer.err)
        self.assertLess(len(told[0]), 600)
        return told[0].removeprefix("stdin:2: refused: ")

    def test_each_bad_line_is_refused_with_its_number_and_reason_and_the_others_go_on(self):
        good = self.line()
        cases = {
            "not JSON": ("hello", "JSON"), "an array": ("[1]", "object"), "a text": ('"x"', "object"),
            "half an object": (good[:-1], "JSON"), "two objects": (good + good, "JSON"),
            "lacks a side": (self.line(side=None), "side is missing"),
            "lacks a source": (self.line(source=None), "source is missing"),
            "lacks a symbol": (self.line(symbol=None), "symbol is missing"),
            "lacks everything": ("{}", "missing"),
            "side HOLD": (self.line(side="HOLD"), 'long, buy, short or sell, found "HOLD"'),
            "confidence 7": (self.line(confidence=7), 'from 0 to 1, found "7"'),
            "confidence true": (self.line(confidence=True), "confidence: expected a number, found true"),
            "confidence as a text": (self.line(confidence="0.5"),
                                     'confidence: expected a number, found the text "0.5"'),
            "price as a text": (self.line(price="81.5"), 'price: expected a number, found the text "81.5"'),
            "price 1e30": (self.line(price=1e30), "price: expected a number from 0.0001 to "
                           "922337203685477.5807, found 1e+30"),
            "price 1e-30": (self.line(price=1e-30), "found 1e-30"),
            "a number for a source": (self.line(source=7), "source: expected a text, found 7"),
            "a number for a symbol": (self.line(symbol=5), "symbol: expected a text, found 5"),
            "a number for an id": (self.line(external_id=1), "external_id: expected a text, found 1"),
            "infinite confidence": (good.replace("0.7", "1e999"), "a number that is out of range"),
            "NaN": (good.replace("0.7", "NaN"), "JSON"),
            "2 MiB": (self.line(data={"x": "y" * (2 << 20)}), "bytes long, at most 1048576"),
            "invalid UTF-8": (good.replace("my-bot", "X").encode().replace(b"X", b"\xff\xfe"), "UTF-8"),
            "an escape in a name": (self.line(name="\x1b]0;title\x07"),
                                     r'without control characters, found "\x1b]0;title\x07"'),
            "a line's end in a symbol": (self.line(symbol="A\n"), r'symbol, found "A\x0a"'),
            "a raw escape in a name": ('{"name":"\x1b[2J"}', ""),
            "a zero byte in a name": (self.line(name="a\x00b"), 'name: expected a text without control '
                                      'characters, found a NUL behind "a"'),
            "half a surrogate pair": (good.replace("my-bot", "\\ud800"), ""),
            "unknown symbol": (self.line(symbol="NOPE"), 'a registered symbol, found "NOPE"'),
            "unknown key": (self.line(confidance=1), "did you mean confidence?"),
            "unknown key with escapes": (self.line(**{"\x1b[31mkey": 1}), "unknown key"),
            "key twice": (good[:-1] + ', "side": "short"}', "twice"),
            "a list for a text": (self.line(name=["x"]), "name: expected a text"),
            "a text for data": (self.line(data="x"), "data: expected an object"),
            "a built-in source": (self.line(source="breakout"), "built-in source"),
            "the engine": (self.line(source="engine"), "of the engine"),
            "millrace": (self.line(source="Millrace"), "of the engine"),
            "a run": (self.line(source="run"), "of the engine"),
            "an actor": (self.line(source="operator"), "of an actor"),
            "another actor": (self.line(source="execute"), "of an actor"),
            "spaces": (self.line(source="  "), "not only spaces"),
            "a control character as a source": (self.line(source="a\u0007"), "control characters"),
            "deeply nested": (self.line(data={}).replace("{}", '{"a":' * 5000 + "1" + "}" * 5000), ""),
        }
        for what, (line, reason) in cases.items():
            with self.subTest(what):
                self.assertIn(reason, self.bad(line))
        self.ok("verify", "--dir", self.log)

    def test_what_can_be_understood_is_taken(self):
        text = "\r\n".join([self.line(), self.line(confidence=0), self.line(price=81.5),
                            self.line(name=None, account=None), self.line(source="Börse 日本"),
                            self.line().replace("0.7", "7e-1"), "", self.line(side="BUY")])
        answer = self.emit(text)  # the last line has no end
        self.assert_exit(answer, OK)
        self.assert_says(answer, "7 emitted, 0 refused")
        self.assertEqual(len(answer.lines), 7)

    def test_null_is_absent(self):
        self.assert_exit(self.emit('{"symbol":"SIM01USD","side":"long","source":"a",'
                                   '"confidence":0.5,"name":null,"price":null}\n'), OK)
        self.assert_exit(self.emit('{"symbol":"SIM01USD","side":null,"source":"a",'
                                   '"confidence":0.5}\n'), NO)

    def test_any_optional_field_may_be_null(self):
        line = '{"symbol":"SIM01USD","side":"long","source":"a"'
        for name in ("confidence", "name", "price", "horizon", "valid_for", "external_id",
                     "idempotency_key", "account", "data"):
            with self.subTest(name=name):
                found = [self.events_of(self.emit(text + "}\n").lines[0])[0]
                         for text in (line, f'{line},"{name}":null')]
                self.assertEqual(*(event.get(name) for event in found))

    def test_refusals_come_in_the_order_of_the_lines(self):
        bad_for_the_bus = self.line().replace("SIM01USD", "NOSUCH")
        lines = [self.line(), bad_for_the_bus, "{", bad_for_the_bus, self.line(), "[]", "x",
                 bad_for_the_bus, "{"]
        answer = self.assert_exit(self.emit("\n".join(lines) + "\n"), NO)
        told = [int(text.split(":")[1]) for text in answer.err.splitlines() if "refused:" in text]
        self.assertEqual(told, [2, 3, 4, 6, 7, 8, 9])
        self.assertEqual(len(answer.lines), 2)

    def test_a_torn_last_line_is_refused_and_called_torn(self):
        answer = self.assert_exit(self.emit(self.line() + "\n" + self.line()[:-9]), NO)
        self.assert_says(answer, "stdin:2: refused", "the line has no end", "1 emitted, 1 refused")

    def test_no_line_is_no_signal_and_no_failure(self):
        for text in ("", "\n", "\n\n\r\n", "   \n", " \t \r\n\t"):
            with self.subTest(text=text):
                answer = self.assert_exit(self.emit(text), OK)
                self.assertEqual(answer.out, "")
                self.assert_says(answer, "0 emitted, 0 refused, 0 known already")

    def test_a_folder_has_no_lines(self):
        for words in (("emit",), ("feed",), ("sql",)):
            with self.subTest(words):
                folder = os.open(self.folder, os.O_RDONLY)
                self.addCleanup(os.close, folder)
                answer = program.finish(program.start(*words, "--dir", self.log, stdin=folder), words)
                self.assert_exit(answer, program.FAULT)
                self.assert_says(answer, "stdin: it is a folder")

    def test_only_bad_lines_change_nothing(self):
        before = program.content(self.log)
        answer = self.assert_exit(self.emit("x\n" * 500), NO)
        self.assert_says(answer, "0 emitted, 500 refused")
        self.assertEqual(program.content(self.log), before)

    def test_thousands_of_lines_get_their_ids_in_order(self):
        text = "".join(self.line(external_id=f"e{i}") + "\n" for i in range(MANY))
        answer = self.assert_exit(self.emit(text), OK)
        ids = answer.lines
        self.assertEqual(len(set(ids)), MANY)
        for i in (0, 63, 64, MANY - 1):
            self.assertEqual(self.events_of(ids[i])[0]["external_id"], f"e{i}")
        self.assertEqual(len(self.query("--source", "my-bot", "--limit", "100000")), MANY)

    def test_what_only_the_bus_refuses_is_found_among_many_and_the_others_keep_their_order(self):
        lines, good, bad = [], [], []
        for number in range(1, 2001):
            changes = {"external_id": f"e{number}"}
            if number % 13 == 0:
                changes["idempotency_key"] = f"k{number}"
            if number % 171 == 0 or number in (1, 2000):
                changes["name"] = "x" * 65
                bad.append(number)
            else:
                good.append(changes["external_id"])
            lines.append(self.line(**changes) + "\n")
        for how in ("group", "async"):
            answer = self.assert_exit(self.emit("".join(lines), "--durability", how), NO)
            told = [line for line in answer.err.splitlines() if "refused:" in line]
            self.assertEqual(told, [f"stdin:{number}: refused: name: expected 1 to 64 bytes, found 65"
                                    for number in bad])
            self.assertEqual(len(answer.lines), len(good))
            for i in (0, 11, 12, 13, 500, len(good) - 1):
                self.assertEqual(self.events_of(answer.lines[i])[0]["external_id"], good[i])
        repeated = sum(1 for name in good if int(name[1:]) % 13 == 0)
        self.assert_says(answer, f"{len(good) - repeated} emitted, {len(bad)} refused, "
                                 f"{repeated} known already")
        self.ok("verify", "--dir", self.log)

    def test_a_key_of_another_signal_is_refused_and_not_taken_for_a_repetition(self):
        lines = [self.line(idempotency_key="k"), self.line(idempotency_key="k", confidence=0.9),
                 self.line(idempotency_key="k", name="another"),
                 self.line(idempotency_key="k", source="else")]
        answer = self.assert_exit(self.emit("\n".join(lines) + "\n"), NO)
        self.assertEqual(len(answer.lines), 3)
        self.assertEqual(answer.lines[0], answer.lines[1])
        self.assert_says(answer, 'stdin:3: refused: key: "k" is signal', "and this is another one",
                         "2 emitted, 1 refused, 1 known already")

    def test_at_a_limit_each_line_without_room_is_refused_by_name_and_the_others_go_on(self):
        known = program.small_log(self.folder, "full", limits__sources_max=40, limits__names_max=12,
                                  limits__signals_max=5000)
        self.log = known
        sources = [self.line(source=f"bot-{i % 12}", name="one") + "\n" for i in range(24)]
        answer = self.assert_exit(self.emit("".join(sources)), NO)
        refused = [line for line in answer.err.splitlines() if "limits.sources_max" in line]
        taken = 24 - len(refused)
        self.assertGreater(len(refused), 0, answer.err)
        self.assertEqual(len(answer.lines), taken)
        self.assert_says(answer, f"{taken} emitted, {len(refused)} refused")
        self.assertRegex(refused[0], r"\Astdin:\d+: refused: limits\.sources_max")
        names = [self.line(source="bot-0", name=f"name-{i}") + "\n" for i in range(20)]
        answer = self.assert_exit(self.emit("".join(names) + sources[0]), NO)
        self.assert_says(answer, "stdin:20: refused: limits.names_max")
        self.assertGreater(len(answer.lines), 1)
        self.assertNotIn("stdin:21:", answer.err)
        left = 5000 - self.query("--limit", "1")[0]["ordinal"]
        answer = self.assert_exit(self.emit(sources[0] * (left + 2)), NO)
        self.assertEqual(len(answer.lines), left)
        self.assert_says(answer, f"stdin:{left + 1}: refused: limits.signals_max",
                         f"stdin:{left + 2}: refused: limits.signals_max")
        one = self.refused(*self.flags(source="bot-0", name="one"))
        self.assert_says(one, "limits.signals_max")
        self.check_limits_are_told()

    def check_limits_are_told(self):
        answer = self.assert_exit(program.call("status", "--dir", self.log), NO)
        self.assertIn("DEGRADED: limits.signals_max is reached, 5000 of 5000", answer.lines[0])
        self.assert_says(answer, "run --config", "limits     5000 signals of limits.signals_max, "
                         "5000: it is reached")
        found = self.assert_exit(program.call("status", "--json", "--dir", self.log), NO).json
        self.assertEqual(found["limits"]["signals"], {"used": 5000, "max": 5000, "reached": True})
        self.assertTrue(found["limits"]["sources"]["reached"])
        self.assertFalse(found["limits"]["symbols"]["reached"])  # those of the configuration
        checks = program.call("doctor", "--json", "--dir", self.log).json["checks"]
        told = [one for one in checks if one["check"] == "limits"]
        self.assertEqual({one["level"] for one in told}, {"warning"}, told)
        self.assertIn("5000 of limits.signals_max 5000 are used", str(told))
        self.assertIn("run --config", told[0]["to_do"])

    def test_a_limit_that_is_near_is_warned_of_before_it_is_reached(self):
        self.log = program.small_log(self.folder, "near", limits__signals_max=1000,
                                     synthetic__bars=100)
        before = program.call("status", "--json", "--dir", self.log).json["limits"]["signals"]
        self.assertEqual(before["max"], 1000)
        self.emit((self.line() + "\n") * (900 - before["used"] - 1))
        self.assertNotIn("limits     ", program.call("status", "--dir", self.log).out)
        self.emit(self.line() + "\n")
        answer = program.call("status", "--dir", self.log)
        self.assert_says(answer, "limits     900 signals of limits.signals_max, 1000\n")
        self.assertNotIn("is reached", answer.out)
        checks = program.call("doctor", "--json", "--dir", self.log).json["checks"]
        self.assertIn("900 of limits.signals_max 1000 are used",
                      str([one for one in checks if one["check"] == "limits"]))

    def test_any_limit_of_a_query_is_printed_whole_and_in_columns(self):
        count = 90_000  # more rows than a table is kept in memory for
        line = self.line() + "\n"
        self.assert_exit(self.emit(line * (count - 1) + self.line(name="longest-name") + "\n",
                                   "--durability", "async"), OK)
        answer = self.ok("query", "--dir", self.log, "--source", "my-bot", "--limit", "100000")
        self.assertEqual(len(answer.lines), count)
        self.assertEqual(len({line.index("generated") for line in answer.lines}), 1)
        self.assertEqual(len({line.split()[0] for line in answer.lines}), count)

    def test_the_same_key_of_the_same_source_names_the_same_signal(self):
        one, two = self.line(idempotency_key="k"), self.line(idempotency_key="k", source="other")
        answer = self.assert_exit(self.emit(f"{one}\n{one}\n{two}\n{one}\n"), OK)
        first, again, other, third = answer.lines
        self.assertEqual((first, first), (again, third))
        self.assertNotEqual(first, other)
        self.assert_says(answer, "2 emitted, 0 refused, 2 known already")
        later = self.assert_exit(self.emit(one + "\n"), OK)
        self.assertEqual(later.lines, [first])
        self.assert_says(later, "0 emitted", "1 known already")

    def test_ids_that_cannot_be_printed_are_a_fault(self):
        with open("/dev/full", "wb") as full:
            answer = program.call("emit", "--dir", self.log, stdin=self.line() + "\n", stdout=full)
        self.assert_exit(answer, program.FAULT)
        self.assert_says(answer, "standard output")
        self.ok("verify", "--dir", self.log)

    def test_a_line_that_is_no_json_is_told_with_its_character(self):
        for line, character, why in (('{"日本🚀": nul}', 9, "expected a value"), ('{"a\\q": 1}', 4, "a bad escape"),
                                     (b'{"\xe6\x97\xa5\xff": 1}', 4, "not UTF-8"),
                                     ('{"source": "é", "source": 2}', 17, "a key that stands there twice")):
            with self.subTest(line=line):
                line = line if isinstance(line, bytes) else line.encode()
                answer = self.emit(b"\n" + line + b"\n")
                self.assertIn(f"stdin:2: refused: not a JSON object: character {character}: {why}", answer.err)

    def test_a_log_with_escapes_in_free_data_is_shown_without_them(self):
        text = self.line(data={"note": "\x1b[31mred"}, external_id="ok")
        ident = self.assert_exit(self.emit(text + "\n"), OK).out.strip()
        for words in (["why", ident], ["show", ident], ["tail"], ["query"], ["tail", "--json"],
                      ["why", "--json", ident]):
            with self.subTest(words=words):
                out = self.ok(*words, "--dir", self.log).stdout
                self.assertNotIn(b"\x1b", out)


class DecideTest(EmitCase):
    def test_the_next_run_decides_them_first_also_without_a_bar_left(self):
        ids = self.assert_exit(self.emit((self.line() + "\n") * 3), OK).lines
        status = self.ok("status", "--json", "--dir", self.log).json
        self.assertEqual(status["pending_inputs"], 3)
        answer = program.call("status", "--dir", self.log)
        self.assert_says(answer, "3 inputs wait for their decision")
        self.assertIn(answer.code, (OK, NO))
        found = self.ok("run", "--dir", self.log, "--json").json
        self.assertEqual(found["signals"]["by_state"]["learned"], found["signals"]["generated"])
        for ident in ids:
            kinds = [event["event"] for event in self.events_of(ident)]
            self.assertEqual(kinds[0], "signal.generated")
            self.assertIn("decision", kinds)
            self.assertIn("gate", self.query("--source", "my-bot")[0])
        self.assertEqual(self.ok("status", "--json", "--dir", self.log).json["pending_inputs"], 0)
        self.ok("replay", "--check", "--dir", self.log)

    def test_they_are_decided_before_the_next_bar(self):
        config = self.write_config("part.yaml", **program.SMALL)
        rows = program.bars(300)
        path = self.write("a.csv", program.text_of(rows[:200]))
        self.log = self.folder / "csv"
        self.ok("run", "--dir", self.log, "--feed", f"csv:{path}", "--config", config)
        ident = self.assert_exit(self.emit(self.line(symbol="BTCUSDT") + "\n"), OK).out.strip()
        path.write_text(program.text_of(rows))
        self.ok("run", "--dir", self.log, "--feed", f"csv:{path}")
        decision = next(event for event in self.events_of(ident) if event["event"] == "decision")
        events = self.ok("tail", "--count", "1000000", "--json", "--dir", self.log).json_lines
        bars = [event["seq"] for event in events if event["event"] == "candle"]
        self.assertGreater(decision["seq"], bars[199])
        self.assertLess(decision["seq"], bars[200])
        self.ok("replay", "--check", "--dir", self.log)


if __name__ == "__main__":
    program.main()
