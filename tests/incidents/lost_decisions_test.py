#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Incidents in which nobody knew what became of a signal: its id was dropped, its block not written,
its neighbours mistaken for it, its price a zero."""
import pathlib
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import incident  # noqa: E402
import program  # noqa: E402
from incident import LONG, millrace, module  # noqa: E402


class TheNewPartsWereCompleteAndNothingUsedThemTest(incident.BotCase):
    """I-01: the id of the emission was thrown away and another one made up, so every move was refused
    and every signal expired undecided, which no screen counted."""

    def test_the_id_of_the_emission_is_the_only_key(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        symbol, milliseconds, number = signal_id.split("_")
        made_up = [f"{symbol}_{int(milliseconds) + 1}_{number}", f"ETHUSDT_{milliseconds}_{number}",
                   f"{symbol}_{milliseconds}_{int(number, 16) + 1:08x}", signal_id + "0",
                   signal_id.lower(), "3fa6cb91"]
        for other in made_up:
            self.assertFalse(bus.update_state(other, "blocked"))
            self.assertIsNone(bus.get_signal(other))
            self.assert_exit(program.call("why", other, "--dir", self.log), program.NO)
            with millrace.Bus(self.log) as plain:
                self.assertRaises(millrace.MR_NOT_FOUND, plain.move, other, "evaluating",
                                  gate="external", reason="external")
        self.assertEqual(bus.get_signal(signal_id)["state"], "generated")

    def test_one_id_leads_from_the_emission_to_the_outcome(self):
        self.begin_market(synthetic__symbols=8, synthetic__bars=2000)
        row = self.sql("SELECT signal_id FROM moves WHERE to_state = 'executed' LIMIT 1")[0]
        kinds = {event["kind"] for event in self.sql(
            f"SELECT kind FROM events WHERE signal_id = '{row['signal_id']}'")}
        self.assertLessEqual({"signal.generated", "decision", "order.intent", "order.filled",
                              "position.opened", "outcome"}, kinds)
        self.assert_says(self.ok("why", row["signal_id"], "--dir", self.log), "outcomes", "moves")

    def test_signals_without_a_decision_are_counted_and_then_decided(self):
        self.begin_market()
        bus = self.open()
        ids = [bus.emit_signal({**LONG, "symbol": "SIM01USD"}, source="bot") for _ in range(3)]
        self.assertEqual(self.status()["pending_inputs"], 3)
        self.assert_says(self.ok("status", "--dir", self.log), "3 inputs wait for their decision")
        self.run_on()
        self.assertEqual(self.status()["pending_inputs"], 0)
        self.assertEqual(self.status()["undecided"], 0)
        for signal_id in ids:
            self.assertNotEqual(bus.get_signal(signal_id)["state"], "generated")


class BlockingDecisionsWereNeverWrittenTest(incident.BotCase):
    """I-06: an error was swallowed, so no block was ever logged; writers and readers disagreed about
    upper and lower case."""

    def test_every_blocked_signal_says_which_gate_and_why(self):
        self.begin_market()
        blocked = self.sql("SELECT count(*) AS n FROM moves WHERE to_state = 'blocked'")[0]["n"]
        self.assertGreater(blocked, 100)
        self.assertEqual(self.sql("SELECT count(*) AS n FROM moves WHERE to_state IN "
                                  "('blocked', 'expired') AND (gate IS NULL OR reason IS NULL)"),
                         [{"n": 0}])
        decided = self.sql("SELECT count(*) AS n FROM decisions WHERE verdict = 'BLOCK'")[0]["n"]
        moved = self.sql("SELECT count(*) AS n FROM moves WHERE to_state = 'blocked' AND "
                         "actor = 'evaluate'")[0]["n"]
        self.assertEqual(decided, moved)
        numbers = self.sql("SELECT count(*) AS n FROM gates WHERE verdict = 'BLOCK' AND "
                           "threshold IS NOT NULL")[0]["n"]
        self.assertGreaterEqual(numbers, decided)

    def test_a_block_by_the_bot_is_written_with_words_whatever_it_says(self):
        bus = self.open()
        silent = bus.emit_signal(dict(LONG))
        said = bus.emit_signal(dict(LONG))
        self.assertTrue(bus.update_state(silent, "BLOCKED"))
        self.assertTrue(bus.update_state(said, module.SignalState.BLOCKED,
                                         {"blocker_component": "FeeGate"}, "fees"))
        rows = {row["signal_id"]: row for row in self.sql("SELECT * FROM moves")}
        self.assertEqual((rows[silent]["gate"], rows[silent]["reason"]), ("external", "unstated"))
        self.assertEqual((rows[said]["gate"], rows[said]["reason"]), ("external", "external"))
        self.assertIn("FeeGate", rows[said]["data"])
        self.assertEqual(len(bus.get_signals(state="Blocked")), 2)  # whatever the case

    def test_a_block_without_its_words_or_with_others_is_refused(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG))
        with millrace.Bus(self.log) as plain:
            for words in ({}, {"gate": "external"}, {"reason": "external"},
                          {"gate": "FeeGate", "reason": "external"},
                          {"gate": "external", "reason": "too expensive"}):
                self.assertRaises(millrace.MR_REFUSED, plain.move, signal_id, "blocked", **words)
        self.assertEqual(bus.get_signal(signal_id)["state"], "generated")

    def test_a_log_that_cannot_be_written_ends_the_run_with_a_fault(self):
        config = self.write_config(**program.SMALL)

        def short_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        answer = program.call("run", "--dir", self.folder / "short", "--config", config,
                              preexec_fn=short_files)
        self.assert_exit(answer, program.USAGE if answer.code == program.USAGE else program.FAULT)
        self.assertTrue(answer.err.strip())


class JoinsWentBySymbolAndNearestTimeTest(incident.BotCase):
    """I-20: three spellings of one symbol met in the files; trades were joined with the signal of
    the nearest time."""

    def test_spellings_are_one_symbol_and_others_are_not(self):
        bus = self.open()
        for spelling in ("BTCUSDT", "BTC-USDT", "btc_usdt", "BTC/USDT"):
            bus.emit_signal({**LONG, "symbol": spelling})
        short = bus.emit_signal({**LONG, "symbol": "BTC"})  # another one: it is not guessed
        self.assertEqual(self.sql("SELECT symbol, count(*) AS n FROM signals GROUP BY symbol "
                                  "ORDER BY n"), [{"symbol": "BTC", "n": 1}, {"symbol": "BTCUSDT", "n": 4}])
        self.assertEqual(len(bus.get_signals(symbol="BTC-USDT")), 4)
        self.assertEqual([row["signal_id"] for row in bus.get_signals(symbol="BTC")], [short])
        self.assertEqual(self.status(program.NO)["provisional_symbols"], 2)

    def test_an_unknown_spelling_is_refused_at_the_boundary(self):
        log = self.begin_market()
        for symbol in ("SIM01", "PF_SIM01USD", "SIM 01USD", "HEARTBEAT"):
            answer = self.refused("emit", "--symbol", symbol, "--side", "long", "--source", "bot",
                                  "--confidence", "0.5", "--dir", log)
            self.assert_says(answer, "symbol: expected a registered symbol")

    def test_a_spelling_of_the_configuration_is_the_symbol_and_stays_the_callers(self):
        log = self.begin_market()
        self.config.write_text(self.config.read_text() +
                               "spellings: [{spelling: PF_SIM01USD, symbol: SIM01USD}]\n")
        self.run_on(log)
        bus = self.open()
        emitted = bus.emit_signal({**LONG, "symbol": "PF_SIM01USD"})
        self.assertEqual(bus.get_signal(emitted)["signal"]["symbol"], "PF_SIM01USD")
        self.assertEqual(bus.get_signals(symbol="PF_SIM01USD")[0]["signal_id"], emitted)
        self.assertTrue(emitted.startswith("SIM01USD_"))
        with millrace.Bus(log) as plain:
            self.assertEqual(plain.get(emitted)["symbol"], "SIM01USD")
            self.assertEqual((plain.symbol("pf-sim01usd"), plain.symbol("X")), ("SIM01USD", None))

    def test_signals_of_one_moment_are_kept_apart_by_their_ids(self):
        log = self.begin_market()
        with millrace.Bus(log) as plain:
            ids = plain.emit_many([{"symbol": "SIM01USD", "side": side, "source": "bot",
                                    "confidence": 0.5} for side in ("long", "short", "long")])
        self.assertEqual(len({name.rpartition("_")[0] for name in ids}), 1)
        self.run_on()
        for signal_id, side in zip(ids, ("long", "short", "long")):
            rows = self.sql(f"SELECT side FROM decisions WHERE signal_id = '{signal_id}'")
            self.assertEqual([row["side"] for row in rows if row["side"]],
                             [side] * len(rows))


class DeadFeedsLookedNeutralTest(incident.BotCase):
    """I-43: a feed that failed was stored as zero or neutral and took part in decisions."""

    def test_a_symbol_without_a_price_is_blocked_and_its_outcomes_say_so(self):
        self.begin_market()
        bus = self.open()
        signal_id = bus.emit_signal({**LONG, "symbol": "DEADUSDT"}, source="bot")
        self.assert_says(self.ok("status", "--dir", self.log), "1 of them provisional", "DEADUSDT")
        self.run_on()
        record = bus.get_signal(signal_id)
        self.assertIn(record["state"], ("blocked", "learned"))
        self.assertEqual((record["blocker_component"], record["blocker_reason"]),
                         ("instrument", "provisional_symbol"))
        self.assertEqual(self.sql("SELECT DISTINCT status, reason, price, return_bps FROM outcomes "
                                  f"WHERE signal_id = '{signal_id}'"),
                         [{"status": "unresolved", "reason": "no_price_source", "price": None,
                           "return_bps": None}])

    def test_a_price_that_is_old_blocks(self):
        config = self.write_config(**{**program.SMALL, "gates__stale_price": 1})
        log = self.folder / "stale"
        self.ok("run", "--dir", log, "--config", config)
        self.log = log
        reasons = {row["reason"] for row in self.sql("SELECT DISTINCT reason FROM moves WHERE "
                                                     "to_state = 'blocked'")}
        self.assertNotIn("gate_error", reasons)
        self.assertTrue(reasons)

    def test_sources_without_input_are_absent_and_the_coverage_is_shown(self):
        self.begin_market()
        early = self.sql("SELECT signal_id FROM moves WHERE reason = 'coverage_low' LIMIT 1")
        ready = self.sql("SELECT min(ready_count) AS least, max(ready_count) AS most, "
                         "max(source_count) AS sources FROM views")[0]
        self.assertLess(ready["least"], ready["sources"])
        self.assertEqual(ready["most"], ready["sources"])
        if early:
            self.assert_says(self.ok("why", early[0]["signal_id"], "--dir", self.log), "coverage")

    def test_an_absent_confidence_is_no_evidence_and_no_zero(self):
        self.begin_market()
        bus = self.open()
        signal_id = bus.emit_signal({"symbol": "SIM01USD", "direction": "LONG"}, source="bot")
        self.assertEqual(self.sql(f"SELECT confidence FROM emissions WHERE signal_id = '{signal_id}'"),
                         [{"confidence": None}])
        self.assert_says(self.ok("why", signal_id, "--dir", self.log), "no confidence given")
        self.run_on()
        ordinal = int(signal_id.rpartition("_")[2], 16)
        self.assertEqual(self.sql(f"SELECT count(*) AS n FROM view_terms WHERE ordinal = {ordinal} "
                                  "AND x IS NOT NULL"), [{"n": 0}])


if __name__ == "__main__":
    program.main()
