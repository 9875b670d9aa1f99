#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Learning, judged: on three sets of real candles, and trading on the simulated market.

The candles lie beside the project or where MILLRACE_DATA says (the folder that holds
shared/data/candles_1m); without them those tests are skipped.
"""
import os
import pathlib
import unittest

import program

SETS = ["binance_um_2025-05", "binance_um_2023-07", "binance_spot_2021-04"]
HORIZONS = "1m 5m 15m 30m 1h".split()
PREDICTIONS_MIN = 10_000
BESIDE = pathlib.Path(os.environ.get("MILLRACE_DATA", pathlib.Path(__file__).resolve().parents[3]))
CANDLES = BESIDE / "shared" / "data" / "candles_1m"


def check_learning(learning):
    """Fail unless what was learned beats the coin and the calibrated static weights."""
    if list(learning) != HORIZONS:
        raise AssertionError(f"horizons {list(learning)}")
    for horizon, score in learning.items():
        if score["n"] < PREDICTIONS_MIN:
            raise AssertionError(f"only {score['n']} predictions at {horizon}")

    def mean(member):
        return sum(score[member] for score in learning.values()) / len(HORIZONS)
    learned, static = mean("skill_learned"), mean("skill_static_platt")
    if not learned > 0.0:
        raise AssertionError(f"it is no better than a coin: {learned:+.2f}e-4 nats")
    if not learned > static:
        raise AssertionError(f"it is no better than static + Platt: {learned:+.2f} vs {static:+.2f}")
    return learned, static


class CheckTest(unittest.TestCase):
    """The judge itself."""

    @staticmethod
    def result(learned, static_platt, n=PREDICTIONS_MIN):
        return {horizon: {"n": n, "skill_learned": learned, "skill_static_platt": static_platt}
                for horizon in HORIZONS}

    def test_a_model_that_always_says_one_half_is_refused(self):
        for static_platt in (-5.0, 0.0, 5.0):
            with self.assertRaisesRegex(AssertionError, "coin"):
                check_learning(self.result(0.0, static_platt))

    def test_a_model_that_only_equals_the_static_weights_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "static"):
            check_learning(self.result(2.0, 2.0))

    def test_a_result_of_few_predictions_is_refused(self):
        with self.assertRaisesRegex(AssertionError, "only 9999"):
            check_learning(self.result(5.0, 1.0, PREDICTIONS_MIN - 1))

    def test_a_model_that_is_better_than_both_is_taken(self):
        check_learning(self.result(2.0, 1.0))


class RealCandlesTest(program.Case):
    def judge(self, name, is_replayed=False):
        folder = CANDLES / name
        if not folder.is_dir():
            self.skipTest(f"there are no candles in {folder}")
        log = self.folder / "log"
        found = self.ok("run", "--json", "--feed", f"csv:{folder}", "--dir", log).json
        print(name, "learned %+.2f, static + Platt %+.2f" % check_learning(found["learning"]))
        self.assertIs(found["ledger"]["ok"], True)
        self.assertEqual(found["quarantined"], 0)
        if is_replayed:
            self.assertTrue(self.ok("replay", "--check", "--json", "--dir", log).json["identical"])

    def test_learning_beats_coin_and_static_weights_on_um_2025_05_and_replays(self):
        self.judge(SETS[0], is_replayed=True)

    def test_learning_beats_coin_and_static_weights_on_um_2023_07(self):
        self.judge(SETS[1])

    def test_learning_beats_coin_and_static_weights_on_spot_2021_04(self):
        self.judge(SETS[2])


class SimulatedMarketTest(program.Case):
    def test_the_default_market_trades_on_both_sides_with_every_kind_of_exit(self):
        found = self.ok("run", "--json", "--dir", self.folder / "log").json
        self.assertEqual(found["market"], "SIMULATED")
        self.assertGreaterEqual(found["orders"]["filled"], 200)
        for side in ("entries_long", "entries_short"):
            self.assertGreater(found["orders"][side], 0, side)
        for way in ("by_stop", "by_target", "by_time"):
            self.assertGreater(found["positions"][way], 0, way)
        self.assertIs(found["ledger"]["ok"], True)
        check_learning(found["learning"])


if __name__ == "__main__":
    program.main()
