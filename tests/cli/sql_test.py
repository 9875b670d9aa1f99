#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`millrace sql`: where queries come from, how answers look, what is refused, the prompt."""
import csv
import io
import json
import os
import pty
import select
import stat
import time

import program
from program import FAULT, OK, USAGE

ENDLESS = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
           "SELECT count(*) FROM c")
FORBIDDEN = [
    "ATTACH 'other.db' AS other", "DETACH main", "VACUUM INTO 'copy.db'", "CREATE TABLE t(a)",
    "CREATE TEMP TABLE t(a)", "CREATE VIEW v AS SELECT 1", "DROP TABLE signals",
    "INSERT INTO signals(ordinal) VALUES (1)", "UPDATE signals SET state = 'learned'",
    "DELETE FROM events", "BEGIN", "PRAGMA journal_mode = WAL", "PRAGMA writable_schema = 1",
    "SELECT load_extension('x')", "ANALYZE", "REINDEX",
]


class SqlCase(program.LogCase):
    def sql(self, query, *words, log=None, **options):
        return self.ok("sql", "--dir", log or self.log, *words, query, **options)

    def rows(self, query):
        return json.loads(self.sql(query, "--json").out)

    def bad(self, query, *words):
        return self.refused("sql", "--dir", self.log, *words, query)


class SourceTest(SqlCase):
    def test_a_query_is_an_argument_a_file_or_standard_input(self):
        query = "SELECT count(*) AS n FROM signals"
        expected = self.sql(query, "--csv").out
        self.assertRegex(expected, r"\An\r\n\d+\r\n\Z")
        path = self.write("query.sql", query + ";\n-- and nothing else\n")
        self.assertEqual(self.ok("sql", "--dir", self.log, "--csv", "--file", path).out, expected)
        self.assertEqual(self.ok("sql", "--dir", self.log, "--csv", stdin=query).out, expected)

    def test_a_query_may_begin_with_a_comment(self):
        for comment in ("-- the first one", "--\tit", "--"):
            self.assertEqual(self.sql(f"{comment}\nSELECT 1 AS n", "--csv").out, "n\r\n1\r\n")
        for comment in ("--the first one", "---", "-- the first one"):
            answer = self.ok("sql", "--dir", self.log, "--csv", "--", f"{comment}\nSELECT 1 AS n")
            self.assertEqual(answer.out, "n\r\n1\r\n")
        self.assertEqual(self.ok("sql", "-- one\nSELECT 1 AS n", "--dir", self.log, "--csv").out, "n\r\n1\r\n")
        answer = self.bad("--the first one\nSELECT 1")
        self.assert_says(answer, "unknown option --the first one; a text that begins with -- stands behind -- itself")
        self.assert_says(self.bad("--cvs"), "did you mean --csv?")

    def test_two_of_them_or_none_are_refused(self):
        path = self.write("query.sql", "SELECT 1")
        self.assert_says(self.bad("SELECT 1", "--file", path), "not both")
        self.assert_says(self.refused("sql", "--dir", self.log), "there is no statement")
        answer = program.call("sql", "--dir", self.log, "--csv", "--json", "SELECT 1")
        self.assert_says(self.assert_exit(answer, USAGE), "not both")
        self.assert_says(self.bad("SELECT 1; SELECT 2"), "one statement at a time")

    def test_a_file_that_is_not_there_or_too_long_is_told(self):
        answer = program.call("sql", "--dir", self.log, "--file", self.folder / "none.sql")
        self.assert_says(self.assert_exit(answer, FAULT), "none.sql")
        path = self.write("long.sql", "SELECT 1 -- " + "x" * (1 << 20))
        self.assert_says(self.refused("sql", "--dir", self.log, "--file", path), "longer than a megabyte")

    def test_text_that_is_not_utf8_or_has_a_nul_is_refused(self):
        for text in (b"SELECT '\xff'", b"SELECT '\0'"):
            answer = self.assert_exit(program.call("sql", "--dir", self.log, stdin=text), USAGE)
            self.assert_says(answer, "the query")


class ShadowTest(SqlCase):
    """The table of shadow positions, against the events, the summary and `why`."""

    def setUp(self):
        super().setUp()
        config = self.write_config(synthetic__symbols=4, synthetic__bars=1500)
        self.log = self.folder / "traded"
        self.summary = self.ok("run", "--json", "--feed", "synthetic:1", "--config", config,
                               "--dir", self.log).json

    def test_a_twin_earns_what_its_trade_earns(self):
        trades = self.rows("SELECT ordinal, net_e8, fee_e8, gross_e8, exit_price, reason FROM positions "
                           "WHERE kind = 'position.closed' ORDER BY ordinal")
        self.assertGreater(len(trades), 3)
        for trade in trades:
            twin, = self.rows("SELECT ordinal, net_e8, fee_e8, gross_e8, exit_price, reason FROM shadows "
                              f"WHERE gate IS NULL AND ordinal = {trade['ordinal']}")
            self.assertEqual(twin, trade)
        ledger = self.rows("SELECT sum(net_e8) AS net FROM shadows WHERE gate IS NULL")[0]["net"]
        self.assertEqual(ledger, sum(trade["net_e8"] for trade in trades))

    def test_each_gate_has_saved_and_missed_what_its_shadows_say(self):
        found = self.rows(
            "SELECT gate, count(exit_price) AS closed, "
            "-coalesce(sum(net_e8) FILTER (WHERE net_e8 < 0), 0) AS saved, "
            "coalesce(sum(net_e8) FILTER (WHERE net_e8 >= 0), 0) AS missed "
            "FROM shadows GROUP BY gate")
        shadow = self.summary["shadow"]
        said = {gate: sums for gate, sums in shadow["by_gate"].items()}
        said[None] = shadow["twins"]
        self.assertGreater(len(said), 3)
        self.assertEqual({row["gate"] for row in found}, set(said))
        for row in found:
            sums = said[row["gate"]]
            self.assertEqual(row["closed"], sums["closed"])
            self.assertAlmostEqual(row["saved"] / 1e8, sums["saved"], 2)
            self.assertAlmostEqual(row["missed"] / 1e8, sums["missed"], 2)

    def test_net_can_be_computed_from_the_columns(self):
        for seed in (1, 2):
            config = self.write_config(synthetic__symbols=3, synthetic__bars=1200)
            self.log = self.folder / f"random{seed}"
            self.ok("run", "--feed", f"synthetic:{seed}", "--config", config, "--dir", self.log)
            counts, = self.rows(
                "SELECT count(*) AS n, count(net_e8) AS closed, "
                "sum(net_e8 = gross_e8 - fee_e8 - slippage_e8) AS exact, "
                "sum(abs(net - (gross - fee - slippage)) < 1e-6) AS near, "
                "sum(abs((exit_price - entry_price) * quantity * iif(side = 'long', 1, -1) "
                "- (gross - slippage)) < 1e-4) AS from_prices, sum(slippage_e8 > 0) AS slipped FROM shadows")
            self.assertGreater(counts["closed"], 300)
            self.assertEqual({counts["exact"], counts["near"], counts["from_prices"]}, {counts["closed"]})
            self.assertGreater(counts["slipped"], counts["closed"] * 9 // 10)

    def test_the_records_of_a_blocked_signal_take_so_many_bytes(self):
        taken = self.rows("WITH blocked AS MATERIALIZED (SELECT ordinal FROM signals WHERE gate IS NOT NULL "
                          "AND state = 'learned' INTERSECT SELECT ordinal FROM shadows) "
                          "SELECT DISTINCT sum(64 + (body_bytes + 63) / 64 * 64) AS bytes FROM events "
                          "WHERE +ordinal IN blocked GROUP BY ordinal")
        self.assertEqual([row["bytes"] for row in taken], [1536])

    def test_a_shadow_says_by_itself_how_it_was_opened(self):
        rows = self.rows("SELECT h.*, p.open, p.seq AS bar, d.seq AS decision FROM shadows h "
                         "JOIN prices p ON p.seq = h.entry_seq JOIN decisions d ON d.seq = h.decided_seq "
                         "ORDER BY h.seq LIMIT 200")
        self.assertEqual(len(rows), 200)
        for row in rows:
            self.assertLess(row["decision"], row["bar"])
            self.assertLess(abs(row["entry_price"] / row["open"] - 1), 0.01)
            inside = sorted((row["stop_price"], row["target_price"]))
            self.assertTrue(inside[0] < row["entry_price"] < inside[1])

    def test_by_signal_or_through_the_log_it_is_the_same_row(self):
        every = self.rows("SELECT * FROM shadows ORDER BY ordinal")
        self.assertGreater(len(every), 100)
        self.assertEqual(len({row["ordinal"] for row in every}), len(every))
        for row in every[::len(every) // 20] + every[-2:]:
            for condition in (f"ordinal = {row['ordinal']}", f"signal_id = '{row['signal_id']}'",
                              f"ordinal IN ({row['ordinal']}, 0, -1, 1e12)"):
                self.assertEqual(self.rows(f"SELECT * FROM shadows WHERE {condition}"), [row])
        self.assertEqual(self.rows("SELECT * FROM shadows WHERE ordinal = 99999999"), [])
        self.assertIn("signal_id=", self.sql("EXPLAIN QUERY PLAN SELECT * FROM shadows "
                                             "WHERE signal_id = 'x'").out)

    def test_why_and_status_tell_it(self):
        row = self.rows("SELECT signal_id, gate, net, seq FROM shadows WHERE net < 0 "
                        "AND gate = 'expected_value' LIMIT 1")[0]
        told = self.ok("why", row["signal_id"], "--dir", self.log)
        self.assert_says(told, "shadow ", f"net {row['net']:.2f}; expected_value has saved it",
                         f"(event {row['seq']})")
        twin = self.rows("SELECT signal_id FROM shadows WHERE gate IS NULL LIMIT 1")[0]
        self.assert_says(self.ok("why", twin["signal_id"], "--dir", self.log), "twin, ")
        shadow = self.summary["shadow"]
        self.assert_says(self.ok("status", "--dir", self.log),
                         f"{shadow['closed']} closed, {shadow['open']} open")
        open_now = self.rows("SELECT signal_id, ordinal FROM signals WHERE ordinal > 1 AND ordinal NOT IN "
                             "(SELECT ordinal FROM shadows) ORDER BY ordinal DESC LIMIT 20")
        told = [self.ok("why", one["signal_id"], "--dir", self.log).out for one in open_now]
        self.assertIn("shadow      is open", "".join(told))
        self.assertEqual(self.ok("status", "--json", "--dir", self.log).json["summary"]["shadow"], shadow)

    def test_a_full_book_is_told(self):
        config = self.write_config(synthetic__symbols=4, synthetic__bars=1500, shadow__places_max=3)
        log = self.folder / "full"
        found = self.ok("run", "--json", "--feed", "synthetic:1", "--config", config, "--dir", log).json
        self.assertGreater(found["shadow"]["left_out"], 100)
        self.assertEqual(found["signals"], self.summary["signals"])
        self.assertEqual(found["ledger"], self.summary["ledger"])
        self.assert_says(self.ok("status", "--dir", log),
                         f"{found['shadow']['left_out']} LEFT OUT", "shadow.places_max")
        self.assert_says(self.ok("replay", "--check", "--dir", log), "identical")


class AnswerTest(SqlCase):
    def test_the_signals_are_those_of_query(self):
        found = {one["ordinal"]: one for one in self.query("--limit", "1000000")}
        rows = self.rows("SELECT * FROM signals ORDER BY ordinal")
        self.assertEqual([row["ordinal"] for row in rows], sorted(found))
        for row in rows:
            one = found[row["ordinal"]]
            for column, key in (("signal_id", "id"), ("event_time", "time"), ("symbol", "symbol"),
                                ("side", "side"), ("source", "source"), ("name", "name"),
                                ("state", "state"), ("ended", "ended"), ("gate", "gate"),
                                ("generated_seq", "seq"), ("last_seq", "last_seq")):
                self.assertEqual(row[column], one.get(key), (column, row, one))

    def test_the_events_are_those_of_tail(self):
        tail = self.ok("tail", "--json", "--count", "1000000", "--dir", self.log).json_lines
        rows = self.rows("SELECT seq, kind, signal_id FROM events ORDER BY seq")
        self.assertEqual([(row["seq"], row["kind"], row["signal_id"]) for row in rows],
                         [(one["seq"], one["event"], one.get("signal_id")) for one in tail])
        moves = self.rows("SELECT seq, from_state, to_state, reason FROM moves ORDER BY seq")
        self.assertEqual([(row["seq"], row["from_state"], row["to_state"], row["reason"])
                          for row in moves],
                         [(one["seq"], one["from"], one["to"], one["reason"])
                          for one in tail if one["event"] == "signal.moved"])

    def test_money_is_exact_and_adds_up(self):
        rows = self.rows("SELECT count(*) AS n, sum(net_e8 = gross_e8 - fee_e8 - slippage_e8) AS good "
                         "FROM positions WHERE kind = 'position.closed'")
        self.assertIn(rows[0]["good"], (rows[0]["n"], None))

    def test_integers_keep_every_digit_and_null_is_null(self):
        text = self.sql("SELECT 9223372036854775807 AS a, -9007199254740993 AS b, NULL AS c, '' AS d, "
                        "1.5 AS e, x'00ff' AS f, 1 AS a, 9e999 AS g", "--json").out
        self.assertIn('"a":9223372036854775807,"b":-9007199254740993,"c":null,"d":"","e":1.5,'
                      '"f":"00ff","a_2":1,"g":null', text)
        self.assertEqual(self.sql("SELECT 9223372036854775807 AS a, NULL AS c, '' AS d, 9e999", "--csv").out,
                         'a,c,d,9e999\r\n9223372036854775807,,"",Inf\r\n')

    def test_csv_quotes_what_needs_it(self):
        query = """SELECT 'a,b' AS "x,""y", 'say "hi"' AS b, 'two' || char(10) || 'lines' AS c"""
        answer = self.sql(query, "--csv").out
        self.assertEqual(list(csv.reader(io.StringIO(answer, newline=""))),
                         [['x,"y', "b", "c"], ["a,b", 'say "hi"', "two\nlines"]])
        self.assertIn('"say ""hi"""', answer)

    def test_a_table_shows_control_characters_escaped(self):
        answer = self.sql("SELECT char(27) || '[31mred' || char(10) AS x, NULL AS n")
        self.assertNotIn(b"\x1b", answer.stdout)
        self.assertIn("\\x1b[31mred\\x0a", answer.out)
        self.assertIn("NULL", answer.out)
        self.assertEqual(answer.err, "1 row\n")

    def test_a_text_that_is_no_utf8_is_still_json(self):
        self.assertEqual(self.rows("SELECT CAST(x'61ff' AS TEXT) AS x"), [{"x": "a\ufffd"}])

    def test_no_rows_is_an_answer(self):
        query = "SELECT ordinal FROM signals WHERE symbol = 'nosuch'"
        self.assertEqual(self.rows(query), [])
        self.assertEqual(self.sql(query, "--csv").out, "ordinal\r\n")
        self.assertEqual(self.sql(query).out, "ordinal\n")

    def test_a_long_table_stays_aligned(self):
        query = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2500) "
                 "SELECT x, 'wide' || CASE WHEN x = 5 THEN 'r' END AS y, x AS z FROM c")
        lines = self.sql(query).lines
        self.assertEqual(len(lines), 2501)
        self.assertEqual({len(line) for line in lines[1:]}, {len(lines[1])})

    def test_absent_is_null(self):
        self.assertEqual(self.rows("SELECT count(*) AS n FROM signals WHERE gate = 'none' OR reason = 'none'"),
                         [{"n": 0}])
        for query in ("SELECT count(*) AS n FROM outcomes WHERE status = 'unresolved' AND "
                      "(price IS NOT NULL OR return_bps IS NOT NULL)",
                      "SELECT count(*) AS n FROM gates WHERE reason = 'input_absent' AND value IS NOT NULL",
                      "SELECT count(*) AS n FROM feedback WHERE status <> 'learned' AND platt_slope IS NOT NULL",
                      "SELECT count(*) AS n FROM events WHERE ordinal = 0 OR cause_seq = 0"):
            self.assertEqual(self.rows(query), [{"n": 0}], query)

    def test_explain_shows_what_is_pushed_down(self):
        for query, plan in (
                ("SELECT state, count(*) FROM signals GROUP BY state", "group:state"),
                ("SELECT * FROM signals WHERE source = 'rsi' ORDER BY ordinal DESC LIMIT 3",
                 "source= limit order:ordinal:desc"),
                ("SELECT * FROM moves WHERE ordinal = 5", "ordinal="),
                ("SELECT * FROM events WHERE kind = 'candle' AND seq < 50", "kind= seq<")):
            answer = self.sql("EXPLAIN QUERY PLAN " + query)
            self.assert_says(answer, "VIRTUAL TABLE INDEX 0:" + plan)


class RefusalTest(SqlCase):
    def test_whatever_does_not_only_read_is_refused_and_changes_nothing(self):
        before = program.content(self.log)
        for query in FORBIDDEN:
            with self.subTest(query=query):
                answer = self.refused("sql", "--dir", self.log, query, cwd=self.folder)
                self.assertRegex(answer.err, "only reading is allowed|not authorized|may not be modified")
        self.assertEqual(program.content(self.log), before)
        self.assertFalse((self.folder / "copy.db").exists())

    def test_bad_sql_is_pointed_at(self):
        answer = self.bad("SELECT ordinal,\n  nosuch FROM signals")
        self.assertEqual(answer.err.splitlines(),
                         ["millrace sql: line 2, character 3: no such column: nosuch", "    nosuch FROM signals",
                          "    ^"])
        cases = {"SELECT 1 AS \"ä\", nosuch": (18, ['  SELECT 1 AS "ä", nosuch', "  here: nosuch"]),
                 "SELECT '日本🚀', nosuch": (15, ["  SELECT '日本🚀', nosuch", "  here: nosuch"]),
                 "SELECT '\t', nosuch": (13, ["  SELECT '\\x09', nosuch", " " * 17 + "^"]),
                 "SELECT '\u202e', nosuch": (13, ["  SELECT '\\xe2\\x80\\xae', nosuch", " " * 25 + "^"]),
                 "SELECT nosuch, '日本'": (8, ["  SELECT nosuch, '日本'", "         ^"]),
                 "SELECT '" + "x" * 100 + "', nosuch, '" + "y" * 100 + "'":
                     (112, ["  ..." + "x" * 34 + "', nosuch, '" + "y" * 24 + "...", " " * 42 + "^"])}
        for query, (character, shown) in cases.items():
            with self.subTest(query=query):
                head, *rest = self.bad(query).err.splitlines()
                self.assertEqual(head, f"millrace sql: character {character}: no such column: nosuch")
                self.assertEqual(rest, shown)
                head, *rest = self.bad("SELECT 1,\r\n" + query.removeprefix("SELECT ")).err.splitlines()
                self.assertEqual(head, f"millrace sql: line 2, character {character - 7}: no such column: nosuch")
        answer = self.bad("SELECT 'a\udcff', 1")
        self.assertEqual(answer.err.splitlines(), ["millrace sql: character 10: the query is not UTF-8",
                                                   "  SELECT 'a\\xff', 1", "           ^"])
        self.assert_says(self.bad("SELEC 1"), 'near "SELEC": syntax error')
        self.assert_says(self.bad("SELECT * FROM signal"), "no such table: signal")
        answer = self.assert_exit(
            program.call("sql", "--json", "--dir", self.log, "SELECT nosuch"), USAGE)
        self.assertEqual(answer.json["error"]["exit"], USAGE)

    def test_a_query_without_end_is_ended(self):
        answer = program.call("sql", "--timeout", "1", "--dir", self.log, ENDLESS)
        self.assert_says(self.assert_exit(answer, USAGE), "longer than its 1 s")

    def test_memory_is_limited(self):
        query = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100) "
                 "SELECT randomblob(1000000) FROM c ORDER BY 1")
        answer = program.call("sql", "--memory", "32", "--dir", self.log, query)
        self.assert_says(self.assert_exit(answer, USAGE), "32 MiB")

    def test_limits_that_are_none_are_refused(self):
        for words in (("--timeout", "0"), ("--timeout", "x"), ("--memory", "1")):
            self.assert_says(self.bad("SELECT 1", *words), words[0])


class LogTest(SqlCase):
    def test_an_empty_log_answers_from_every_table(self):
        log = self.folder / "empty"
        bars = self.write("bars.csv", program.text_of(program.bars(1)))
        self.ok("run", "--dir", log, "--feed", f"csv:{bars}")
        for table in ("signals", "moves", "gates", "orders", "positions", "feedback"):
            self.assertEqual(json.loads(self.sql(f"SELECT * FROM {table}", "--json", log=log).out), [])
        self.assertEqual(len(json.loads(self.sql("SELECT * FROM health", "--json", log=log).out)), 6)

    def test_no_log_is_told(self):
        answer = program.call("sql", "--dir", self.folder / "none", "SELECT 1")
        self.assertIn(answer.code, (USAGE, FAULT))
        self.assertIn("none", answer.err)

    def test_a_damaged_log_is_answered_up_to_the_damage(self):
        last = self.rows("SELECT max(seq) AS seq FROM events")[0]["seq"]
        path = program.segments(self.log)[-1]
        program.flip(path, len(path.read_bytes().rstrip(b"\0")) * 2 // 3)
        answer = program.call("sql", "--json", "--dir", self.log, "SELECT max(seq) AS seq FROM events")
        self.assert_exit(answer, FAULT)
        self.assert_says(answer, "before the damage")
        self.assertLess(json.loads(answer.out[:answer.out.rindex("]") + 1])[0]["seq"], last)


class PromptTest(SqlCase):
    def prompt(self, *lines, **variables):
        """Type lines at a terminal, each when the prompt is there; what was shown in the end."""
        master, slave = pty.openpty()
        env = {"HOME": str(self.folder), "XDG_STATE_HOME": None, "TERM": "dumb", **variables}
        process = self.start("sql", "--dir", self.log, stdin=slave, stdout=slave, stderr=slave, env=env)
        os.close(slave)
        shown, left = b"", list(lines)
        while True:
            ready, _, _ = select.select([master], [], [], 60)
            self.assertTrue(ready, shown)
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
            if left and shown.rstrip(b" ").endswith((b"millrace>", b"...>")):
                os.write(master, left.pop(0).encode() + b"\n")
                time.sleep(0.05)
        os.close(master)
        self.assertEqual(process.wait(60), OK, shown)
        return shown.decode(errors="replace")

    def test_it_answers_lists_and_ends(self):
        shown = self.prompt("SELECT 40 +", " 2 AS answer;", ".tables", ".mode json", "SELECT 1 AS n;",
                            ".schema moves", "SELEC;", ".nosuch", ".help", ".quit")
        for part in ("answer", "42", "signals", "feedback_cells", '{"n":1}', "from_state",
                     "syntax error", "unknown command", ".schema TABLE"):
            self.assertIn(part, shown)

    def test_its_history_is_private_and_comes_back(self):
        self.prompt("SELECT 'remembered';", ".quit")
        path = self.folder / ".local/state/millrace/sql_history"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        self.assertIn("remembered", path.read_text())
        self.prompt("SELECT 'second';", ".quit", XDG_STATE_HOME=str(self.folder / "state"))
        self.assertTrue((self.folder / "state/millrace/sql_history").exists())

    def test_it_works_where_no_history_can_be_kept(self):
        self.assertIn("77", self.prompt("SELECT 70 + 7;", ".quit", HOME="/proc/nowhere"))


if __name__ == "__main__":
    program.main()
