#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Texts of others that would pass for something else: what is shown of them is one value of one
field on one line, nothing in it reaches the terminal, and JSON and CSV have it as it came."""
import csv
import io
import json
import re

import program
from serve_test import ServeCase

# The worst that is taken: names lack control characters, free data are any UTF-8.
NAME = 'a" state="learned" b=\\" c\\'
DATA = {"note": 'x" nack_reason="forged\\', "more": "\u200b\ufeff日本🚀"}
WORSE = {**DATA, "worst": "\x7f\x9b\u0085\u202e\u2028\u2066"}  # of a move only
SHORT = 'no" events=99 first="1\\'
FIELD = re.compile(r' (?P<name>[a-z_0-9]+(?:\[\d+\]\{)?)=?(?P<value>"(?:[^"\\]|\\.)*"|[^ "]*)')
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def unescaped(text):
    """What a quoted text of a line holds."""
    assert text[0] == text[-1] == '"', text
    plain = re.sub(rb"\\(?:x([0-9a-f]{2})|(.))",
                   lambda m: bytes([int(m[1], 16)]) if m[1] else m[2], text[1:-1].encode())
    return plain.decode()


def fields_of(line):
    """The fields of a line of tail."""
    seq, time, rest = line.split("  ", 2)
    assert seq.isdigit() and time.endswith("Z"), line
    kind, _, rest = rest.partition(" ")
    found = {}
    at = 0
    rest = " " + rest.split(" ", 2)[2] if re.match(r" \S+_\d+_[0-9a-f]{8} ", rest) else " " + rest.lstrip()
    while at < len(rest):
        match = FIELD.match(rest, at)
        assert match, (line, rest[at:])
        assert match["name"] not in found, (line, match["name"])
        found[match["name"]] = match["value"]
        at = match.end()
    return kind, found


class ForeignTextTest(ServeCase):
    def line_of(self, kind):
        """The newest event of a kind, as tail has it."""
        answer = self.ok("tail", "--count", "5", "--dir", self.log)
        line = [line for line in answer.out.split("\n") if f"Z  {kind} " in line][-1]
        self.assertIsNone(UNSEEN.search(answer.out.replace("\n", "")), line)
        found = fields_of(line)
        seq = line.split(" ")[0]
        self.assertEqual(self.ok("show", seq, "--dir", self.log).out.split("\n")[0], line)
        self.assertEqual(found[0], kind)
        return found[1], self.ok("show", seq, "--json", "--dir", self.log).json_lines[0]

    def emit(self, **changes):
        line = json.dumps({**self.emission(**changes), "external_id": NAME}, ensure_ascii=False)
        return self.ok("emit", "--dir", self.log, stdin=line + "\n").lines[0]

    def test_what_is_emitted_forges_no_field(self):
        ident = self.emit(source=NAME, name=NAME, data=DATA)
        line, event = self.line_of("signal.generated")
        for field in ("source", "name", "external_id"):
            self.assertEqual(unescaped(line[field]), NAME)
            self.assertEqual(event[field], NAME)
        self.assertEqual(json.loads(unescaped(line["data"])), DATA)
        self.assertEqual(json.loads(event["data"]), DATA)
        self.assertNotIn("nack_reason", line)
        shown = self.ok("why", ident, "--dir", self.log).out
        self.assertIsNone(UNSEEN.search(shown.replace("\n", "")))
        quoted = '"' + NAME.replace("\\", "\\\\").replace('"', '\\"') + '"'
        self.assertIn(f"from {quoted}/{quoted}, its id {quoted}\n", shown)
        status = program.call("status", "--dir", self.log).out
        self.assertIsNone(UNSEEN.search(status.replace("\n", "")))

    def test_a_plain_name_is_shown_without_quotes(self):
        ident = self.emit(source="desk/日本", name="rsi-14")
        self.assert_says(self.ok("why", ident, "--dir", self.log), "from desk/日本/rsi-14, its id")

    def test_what_is_said_of_a_move_and_of_a_signal_forges_no_field(self):
        ident = self.emit()
        data = json.dumps(WORSE, ensure_ascii=False)
        self.ok("move", ident, "--to", "evaluating", "--data", data, "--dir", self.log)
        line, event = self.line_of("signal.moved")
        self.assertEqual(unescaped(line["data"]), data)
        self.assertEqual(event["data"], data)
        self.serve()
        self.peer().ok("feedback", signal=ident, source=NAME, lesson=NAME)
        line, event = self.line_of("signal.annotated")
        self.assertEqual([unescaped(line[field]) for field in ("source", "lesson")], [NAME, NAME])
        self.assertEqual(event["lesson"], NAME)
        quoted = '"' + NAME.replace("\\", "\\\\").replace('"', '\\"') + '"'
        self.assert_says(self.ok("why", ident, "--dir", self.log), f"said by     {quoted}: {quoted} (event")

    def test_the_reason_of_a_nack_forges_no_field(self):
        self.serve()
        peer = self.peer()
        peer.ok("subscribe", subscription="worker", kind="signal.generated", source="bot", max_deliver=1)
        self.emit()
        event = peer.ok("next", subscription="worker")["event"]
        peer.ok("nack", subscription="worker", seq=event["seq"], reason=SHORT)
        line, found = self.line_of("log.dead_letter")
        self.assertEqual(unescaped(line["nack_reason"]), SHORT)
        self.assertEqual(unescaped(line["consumer"]), "worker")
        self.assertNotIn("events", line)
        self.assertEqual(found["nack_reason"], SHORT)
        quoted = '"' + SHORT.replace("\\", "\\\\").replace('"', '\\"') + '"'
        stat = program.call("log", "stat", "--dir", self.log)
        self.assertIn(f": {quoted}\n", stat.out)
        doctor = program.call("doctor", "--dir", self.log)
        self.assertIn(f": {quoted}\n", doctor.out)
        verified = self.ok("verify", "--json", "--dir", self.log).json
        self.assertEqual(verified["own_records"], 1)
        self.assertEqual(verified["events"] + verified["own_records"], verified["up_to_seq"])
        self.assertEqual(program.call("log", "stat", "--json", "--dir", self.log).json["records"], verified["up_to_seq"])
        counted = self.ok("sql", "--json", "--dir", self.log, "SELECT count(*) AS n FROM events").out
        self.assertEqual(json.loads(counted), [{"n": verified["up_to_seq"]}])
        self.assert_says(self.ok("verify", "--dir", self.log), "own     1 record of the log itself")

    def test_csv_and_json_of_sql_have_a_text_as_it_is(self):
        self.emit(source=NAME)
        query = f"SELECT source, '{WORSE['worst']}' AS worst FROM signals ORDER BY ordinal DESC LIMIT 1"
        answer = self.ok("sql", "--csv", "--dir", self.log, query).stdout.decode()
        self.assertEqual(answer, 'source,worst\r\n"' + NAME.replace('"', '""') + f'",{WORSE["worst"]}\r\n')
        self.assertEqual(list(csv.reader(io.StringIO(answer, newline="")))[1], [NAME, WORSE["worst"]])
        answer = self.ok("sql", "--json", "--dir", self.log, query)
        self.assertEqual(json.loads(answer.out), [{"source": NAME, "worst": WORSE["worst"]}])
        self.assertIsNone(UNSEEN.search(answer.out.replace("\n", "")))
        table = self.ok("sql", "--dir", self.log, query).out
        self.assertIsNone(UNSEEN.search(table.replace("\n", "")))
        row, = self.query(f"source='{NAME.replace(chr(92), chr(92) * 2)}'")
        self.assertEqual(row["source"], NAME)

    def test_a_directory_is_shown_escaped(self):
        folder = self.folder / "l\x1b[31mog\u202e"
        self.log.rename(folder)
        for words in (["verify"], ["log", "stat"], ["log", "repair", "--gap"], ["log", "flush"]):
            with self.subTest(words=words):
                answer = self.ok(*words, "--dir", folder)
                self.assertIsNone(UNSEEN.search(answer.out.replace("\n", "")), str(answer))
                self.assertIn("l\\x1b[31mog\\xe2\\x80\\xae: ", answer.out)

    def test_columns_line_up_behind_wide_and_combining_characters(self):
        for source in ("日本", "e\u0301t\u0301", "plain"):
            self.emit(source=source)
        rows = self.ok("query", "--limit", "3", "--dir", self.log).out.splitlines()
        widths = [sum(2 if ord(one) > 0x2fff else 0 if one == "\u0301" else 1 for one in
                      row[:row.index("generated")]) for row in rows]
        self.assertEqual(len(set(widths)), 1, rows)

    def test_a_cell_is_not_cut_within_a_character(self):
        for pad in range(4):
            text = self.ok("sql", "--dir", self.log, f"SELECT '{'a' * pad}{'🚀' * 40}' AS x").stdout.decode()
            self.assertIn("🚀", text)
            self.assertNotIn("\\x", text)


if __name__ == "__main__":
    program.main()
