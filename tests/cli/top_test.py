#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""millrace top: on terminals of several sizes, while a log grows, and where there is no terminal."""
import json
import os
import re
import signal

import program
from program import FAULT, OK, USAGE
from screen import ENTERED, LEFT, Terminal

STATES = ("generated", "evaluating", "approved", "executing", "executed", "blocked", "expired",
          "learned")
FAMILIES = ("signal", "evaluate", "execute", "resolve", "learn", "market", "system", "log")


class TopCase(program.LogCase):
    def terminal(self, *words, **options):
        return Terminal(self, "top", "--dir", options.pop("log", self.log), *words, **options)

    def shown(self, *words, **options):
        terminal = self.terminal(*words, **options)
        terminal.wait_for_text("q quit")
        return terminal

    def emit(self, count=1, source="late", **fields):
        line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": source,
                           "confidence": 0.5, **fields}) + "\n"
        return self.ok("emit", "--dir", self.log, stdin=line * count).lines

    def last_seq(self):
        return self.ok("verify", "--json", "--dir", self.log).json["up_to_seq"]


class PictureTest(TopCase):
    def test_everything_fits_80_by_24(self):
        counts = self.ok("top", "--json", "--dir", self.log).json
        terminal = self.shown()
        lines = terminal.screen.lines
        self.assertEqual(len(lines), 24)
        for state in counts["states"]:
            self.assertRegex(terminal.screen.text, rf"(?m)^{state['state']} +{state['count']}\b")
        for family in FAMILIES:
            self.assertRegex(terminal.screen.text, rf"(?m)  {family} +(-|[0-9.]+)$")
        for gate in counts["blocked_by_gate"][:1]:
            self.assertIn(gate["gate"], terminal.screen.text)
        self.assertRegex(lines[1], r"^runner  nobody runs it; mode RUN, 0 inputs undecided, \d+ "
                                   r"positions?, \d+ process(es)?$")
        self.assertRegex(lines[2], r" events/s$")
        self.assertRegex(lines[3], r"; \d+ alerts, \d+ signals, \d+ bars$")
        self.assertIn(f"event {self.last_seq()}, all in the files", lines[2])
        self.assertIn("SIMULATED", lines[3])
        for title in ("blocked by", "consumer", "newest events"):
            self.assertIn(title, terminal.screen.text)
        self.assertIn(str(self.last_seq()), lines[[i for i, line in enumerate(lines)
                                                   if line == "newest events"][0] + 1])
        self.assertTrue(lines[23].startswith("q quit  p pause  s sort"))
        self.assertTrue(re.search(r"\d\d:\d\d:\d\dZ$", lines[0]), lines[0])

    def test_what_has_no_room_is_left_out_and_not_cut(self):
        for columns, rows in ((60, 20), (52, 20), (40, 20)):
            with self.subTest(columns=columns, rows=rows):
                lines = self.shown(columns=columns, rows=rows).screen.lines
                self.assertEqual(len(lines), rows)
                self.assertRegex(lines[1], r"^runner  nobody runs it; mode RUN(, 0 inputs undecided)?"
                                           r"(, \d+ positions?)?(, \d+ process(es)?)?$")
                self.assertEqual("undecided" in lines[1], columns >= 52)
                self.assertRegex(lines[2], r"^log     event \d+, all in the files(;.* events/s)?$")
                self.assertRegex(lines[3], r"^market  \S+Z \(SIMULATED\)(; \d+ alerts)?"
                                           r"(, \d+ signals)?(, \d+ bars)?$")
                for state in STATES:
                    self.assertTrue(any(line.startswith(state) for line in lines), state)
                self.assertTrue(lines[-1].startswith("q quit"))

    def test_every_size_holds_without_a_row_too_long_or_too_many(self):
        terminal = self.shown()
        terminal.press("p")  # so that nothing but the size draws it anew
        terminal.wait_for_text("PAUSED")
        for columns, rows in ((120, 50), (80, 10), (72, 24), (71, 24), (60, 40), (40, 8), (200, 9),
                              (132, 60), (80, 24)):
            with self.subTest(columns=columns, rows=rows):
                before = terminal.screen.pictures
                terminal.resize(columns, rows)
                terminal.wait_for(lambda screen: screen.pictures > before and
                                  screen.lines[rows - 1].startswith("q quit"), "another picture")
                self.assertEqual(terminal.screen.lines[1][:7], "runner ")
                for state in STATES[:max(0, min(8, rows - 7))]:
                    self.assertIn(state, terminal.screen.text)

    def test_a_terminal_that_is_too_small_says_so_and_one_that_grows_shows_all(self):
        terminal = self.terminal(columns=39, rows=24)
        terminal.wait_for_text("39 x 24 is too small: 40 x 8 at least")
        terminal.resize(80, 5)
        terminal.wait_for_text("80 x 5 is too small")
        terminal.resize(80, 24)
        terminal.wait_for_text("newest events", "q quit")
        terminal.press("q")
        self.assertEqual(terminal.end(), OK)

    def test_a_picture_is_drawn_over_the_one_before_without_wiping_the_screen(self):
        terminal = self.shown()
        wipes = terminal.screen.wipes
        before = terminal.screen.pictures
        self.emit()
        terminal.wait_for(lambda screen: screen.pictures > before + 1, "two more pictures")
        self.assertEqual(terminal.screen.wipes, wipes)
        self.assertEqual(wipes, 1)

    def test_nothing_of_an_older_picture_is_left(self):
        terminal = self.shown(columns=320)
        self.emit(data={"x": "long" * 20})
        terminal.wait_for_text("longlong")
        short = self.emit(30)[-1]
        terminal.wait_for_text(short, "waiting longest, of 31")
        fresh = self.shown(columns=320)
        fresh.wait_for_text(short)

        def lower(lines):
            return lines[lines.index("newest events"):]
        self.assertEqual(lower(terminal.screen.lines), lower(fresh.screen.lines))

    def test_colours_unless_NO_COLOR_is_set(self):
        self.assertGreater(self.shown().screen.colours, 0)
        self.assertGreater(self.shown(env={"NO_COLOR": ""}).screen.colours, 0)
        terminal = self.shown(env={"NO_COLOR": "1"})
        self.assertEqual(terminal.screen.colours, 0)
        self.assertNotIn(b"m", b"".join(re.findall(rb"\x1b\[[0-9;]*[a-zA-Z]", terminal.raw)))

    def test_texts_of_others_are_escaped(self):
        self.emit(data={"x": "\x1b]0;owned\x07\x1b[2J"})
        terminal = self.shown(columns=300, rows=40)
        self.assertNotIn(b"owned\x07", terminal.raw)
        self.assertEqual(terminal.screen.wipes, 1)
        self.assertIn("owned", terminal.screen.text)


    def test_wide_and_combining_characters_move_nothing(self):
        names = ["日本語の取引システム" * 2, "e\u0301" * 20, "🚀" * 15, "가나다", 'x" source="y']
        folder = self.folder / ("日" * 50)
        self.log.rename(folder)
        for name in names:
            line = json.dumps({"symbol": "SIM01USD", "side": "long", "source": name, "confidence": 0.5,
                               "data": {"x": name * 4}}) + "\n"
            self.ok("emit", "--dir", folder, stdin=line)
        for columns in (80, 79, 60, 41):
            with self.subTest(columns=columns):  # the screen fails on a row that is too long
                terminal = self.shown(log=folder, columns=columns, rows=24)
                lines = terminal.screen.lines
                self.assertTrue(lines[23].startswith("q quit"), lines)
                self.assertRegex(lines[0], r"\d\d:\d\d:\d\dZ$")
                self.assertEqual(terminal.screen.width_of(lines[0]), columns)
                self.assertIn("waiting longest, of 5", terminal.screen.text)
        self.assertIn('source="x\\" source=\\"y"', self.shown(log=folder, columns=300).screen.text)


class KeysTest(TopCase):
    def test_q_ends_it_and_the_terminal_is_as_it_was(self):
        for keys in ("q", "Q", "xyz q"):
            with self.subTest(keys=keys):
                terminal = self.shown()
                self.assertTrue(terminal.screen.is_alternate)
                self.assertTrue(terminal.screen.is_cursor_hidden)
                terminal.press(keys)
                self.assertEqual(terminal.end(), OK)
                terminal.assert_restored(self)
                self.assertEqual(terminal.raw.count(ENTERED), 1)
                self.assertEqual(terminal.raw.count(LEFT), 1)

    def test_signals_and_ctrl_c_end_it_and_the_terminal_is_as_it_was(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number=number):
                terminal = self.shown()
                terminal.send(number)
                self.assertEqual(terminal.end(), OK)
                terminal.assert_restored(self)
        terminal = self.shown()
        terminal.press("\x03")
        self.assertEqual(terminal.end(), OK)
        terminal.assert_restored(self)

    def test_a_process_that_ends_badly_gives_the_terminal_back(self):
        for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS):
            with self.subTest(number=number):
                terminal = self.shown()
                terminal.send(number)
                self.assertEqual(terminal.end(), -number)
                terminal.assert_restored(self)

    def test_it_can_be_stopped_and_goes_on(self):
        terminal = self.shown()
        terminal.press("\x1a")
        terminal.wait_for_state("T")
        terminal.read(0.05)
        terminal.assert_restored(self)
        pictures = terminal.screen.pictures
        terminal.send(signal.SIGCONT)
        terminal.wait_for(lambda screen: screen.pictures > pictures and screen.is_alternate,
                          "a picture")
        terminal.press("q")
        self.assertEqual(terminal.end(), OK)
        terminal.assert_restored(self)

    def test_p_holds_the_picture_and_lets_it_go_on(self):
        terminal = self.shown()
        terminal.press("p")
        terminal.wait_for_text("PAUSED")
        ident = self.emit()[0]
        terminal.read(1.5)
        self.assertNotIn(ident, terminal.screen.text)
        terminal.press("p")
        terminal.wait_for(lambda screen: ident in screen.text and "PAUSED" not in screen.text,
                          "the signal")

    def test_s_sorts_by_name_and_back(self):
        gates = [gate for gate in self.ok("top", "--json", "--dir", self.log).json["blocked_by_gate"]]
        largest = max(gates, key=lambda gate: gate["count"])["gate"]
        first = min(gate["gate"] for gate in gates)
        terminal = self.shown(rows=40)

        def top_gate(screen):
            at = [i for i, line in enumerate(screen.lines) if line.startswith("blocked by")][0]
            return screen.lines[at + 1].split()[0]
        self.assertEqual(top_gate(terminal.screen), largest)
        terminal.press("s")
        terminal.wait_for_text("by name")
        self.assertEqual(top_gate(terminal.screen), first)
        terminal.press("s")
        terminal.wait_for_text("largest first")
        self.assertEqual(top_gate(terminal.screen), largest)

    def test_a_terminal_that_goes_away_ends_it(self):
        terminal = self.shown()
        os.close(terminal.master)
        os.close(terminal.slave)
        terminal.master = terminal.slave = -1
        program.wait_until(lambda: terminal.process.poll() is not None, "its end")


class GrowingTest(TopCase):
    def test_what_is_emitted_shows_at_once_as_undecided(self):
        terminal = self.shown()
        ident = self.emit()[0]
        terminal.wait_for_text(ident, "1 inputs undecided", "generated   ", "signal.generated")
        self.emit(4)
        terminal.wait_for_text("5 inputs undecided", "waiting longest, of 5")
        status = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual(status["pending_inputs"], 5)

    def test_it_follows_a_run_with_rates_and_says_who_runs_it(self):
        log = self.folder / "running"
        config = self.write_config(synthetic__symbols=2, synthetic__bars=200000, log__segment=4)
        run = self.start("run", "--dir", log, "--config", config, "--speed", "600")
        program.wait_until(lambda: program.call("status", "--dir", log).code != USAGE, "a log", run)
        program.wait_until(lambda: program.call("top", "--once", "--dir", log).code == OK, "bars", run)
        terminal = self.shown(log=log)
        terminal.wait_for_text(f"process {run.pid}")
        terminal.wait_for(lambda screen: re.search(r"market +[0-9]+\.[0-9]", screen.text) and
                          re.search(r"[0-9.]+ events/s", screen.text), "rates")
        seqs = set()

        def note(screen):
            seqs.update(re.findall(r"event (\d+),", screen.lines[2]))
            return len(seqs) > 3
        terminal.wait_for(note, "growth")
        self.assertRegex(terminal.screen.lines[2], r"event \d+, \d+ not durable yet")
        terminal.wait_for(lambda screen: re.search(r", \d{3,} bars", screen.lines[3]) and
                          re.search(r", \d inputs undecided", screen.lines[1]),
                          "inputs that were decided")
        run.send_signal(signal.SIGINT)
        program.finish(run)
        terminal.wait_for_text("nobody runs it", "all in the files")
        last = self.ok("verify", "--json", "--dir", log).json["up_to_seq"]
        terminal.wait_for_text(f"event {last},")
        terminal.press("q")
        self.assertEqual(terminal.end(), OK)

    def test_a_log_that_is_damaged_is_shown_down_and_told_at_the_end(self):
        program.flip(program.segments(self.log)[0], 70000)
        terminal = self.shown()
        self.assertTrue(terminal.screen.lines[0].startswith("DOWN: the log is damaged"))
        terminal.press("q")
        self.assertEqual(terminal.end(), FAULT)
        self.assertIn(b"before the damage", terminal.raw)
        terminal.assert_restored(self)


class PlainTest(TopCase):
    def test_without_a_terminal_it_says_what_to_do_instead(self):
        self.assert_says(self.refused("top", "--dir", self.log), "no terminal", "--once", "--json")
        for term in ("dumb", ""):
            terminal = self.terminal(env={"TERM": term})
            self.assertEqual(terminal.end(), USAGE)
            self.assertIn(b"TERM", terminal.raw)
            self.assertNotIn(ENTERED, terminal.raw)

    def test_once_is_plain_text_with_all_parts(self):
        answer = self.ok("top", "--once", "--dir", self.log)
        self.assertNotIn("\x1b", answer.out)
        for part in STATES + FAMILIES + ("runner", "blocked by", "consumer", "newest events"):
            self.assertIn(part, answer.out)
        self.assertNotIn("q quit", answer.out)
        self.assertTrue(all(len(line) <= 100 for line in answer.lines))

    def test_json_says_the_same_as_status(self):
        self.emit(3)
        found = self.ok("top", "--json", "--dir", self.log).json
        status = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual(found["health"], status["health"])
        self.assertEqual(found["pending_inputs"], 3)
        self.assertEqual({one["state"]: one["count"] for one in found["states"]},
                         status["summary"]["signals"]["by_state"])
        self.assertEqual({one["gate"]: one["count"] for one in found["blocked_by_gate"]},
                         status["summary"]["signals"]["blocked_by_gate"])
        self.assertEqual(found["log"]["last_seq"], self.last_seq())
        self.assertEqual([one["seq"] for one in found["newest"]],
                         list(range(self.last_seq(), self.last_seq() - 10, -1)))
        self.assertEqual([one["per_second"] for one in found["states"]], [None] * 8)
        self.assertEqual(len(found["waiting"]), 3)

    def test_json_follows(self):
        path = self.folder / "out"
        with open(path, "wb") as out:
            process = self.start("top", "--json", "--follow", "--rate", "30", "--dir", self.log,
                                 stdout=out)
        program.wait_until(lambda: path.read_bytes().count(b"\n") == 1, "an object", process)
        self.emit()

        def newest():  # one that is printed meanwhile may say what is durable by now
            return json.loads(path.read_text().rpartition("\n")[0].splitlines()[-1])
        program.wait_until(lambda: newest()["pending_inputs"] == 1, "the signal", process)
        process.send_signal(signal.SIGTERM)
        self.assert_exit(program.finish(process), OK)
        found = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual(found[-1]["pending_inputs"], 1)
        self.assertGreater(found[-1]["log"]["last_seq"], found[0]["log"]["last_seq"])

    def test_wrong_options_are_refused(self):
        for words in (("--rate", "0"), ("--rate", "31"), ("--rate", "x"), ("--follow",),
                      ("--follow", "--once", "--json")):
            with self.subTest(words=words):
                self.refused_in_words("top", "--dir", self.log, *words)
        self.assert_exit(program.call("top", "--once", "--dir", self.folder / "none"), FAULT)

    def refused_in_words(self, *words):
        answer = self.assert_exit(program.call(*words), USAGE)
        self.assertRegex(answer.err, r"\Amillrace top: ", str(answer))


if __name__ == "__main__":
    program.main()
