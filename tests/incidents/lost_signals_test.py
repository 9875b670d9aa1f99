#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Incidents in which signals were lost: by the bus, by restarts, by rotation, by half the words."""
import json
import os
import pathlib
import random
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import incident  # noqa: E402
import program  # noqa: E402
from incident import LONG, millrace  # noqa: E402


class TheBusLostAndCorruptedDataTest(incident.BotCase):
    """I-37: a restart forgot every signal, a torn last line took the next one with it, a value that
    is not JSON dropped the signal, metadata overwrote the record, repair rewrote the file."""

    def test_a_restart_forgets_nothing(self):
        bus = self.open()
        ids = [bus.emit_signal({**LONG, "n": number}) for number in range(50)]
        for signal_id in ids[::2]:
            bus.update_state(signal_id, "blocked", {"blocker_component": "FeeGate"})
        before = bus.get_signals()
        bus.close()
        self.assertEqual(self.open().get_signals(), before)
        self.assertEqual(len(before), 50)

    def test_a_torn_end_costs_what_was_torn_and_nothing_behind_it(self):
        bus = self.open()
        for number in range(20):
            bus.emit_signal({**LONG, "n": number})
        bus.close()
        segment = max(self.log.glob("seg-*"))
        sealed = segment.read_bytes()
        used = len(sealed.rstrip(b"\0"))
        seen = set()
        for cut in random.Random(1).sample(range(used // 2, used), 24):
            copy = self.folder / "copy"
            shutil.copytree(self.log, copy)
            os.truncate(copy / segment.name, cut)
            with self.subTest(cut=cut):
                try:
                    torn = self.open(directory=copy)
                except millrace.MillraceError as refused:  # durable events are missing: that is told
                    self.assertTrue(str(refused))
                    shutil.rmtree(copy)
                    continue
                kept = [row["signal"]["n"] for row in torn.get_signals()][::-1]
                self.assertEqual(kept, list(range(len(kept))))  # a prefix, nothing mangled
                after = torn.emit_signal({**LONG, "n": "after"})
                torn.close()
                found = self.open(directory=copy)
                self.assertEqual(found.get_signal(after)["signal"]["n"], "after")
                self.assertEqual(len(found.get_signals()), len(kept) + 1)
                found.close()
                seen.add(len(kept))
            program.remove(copy)

    def test_a_value_that_is_not_json_keeps_the_signal(self):
        bus = self.open()
        signal_id = bus.emit_signal({**LONG, "price": object(), "nan": float("nan")})
        self.assertIn("object object", bus.get_signal(signal_id)["signal"]["price"]["__repr__"])
        json.loads(self.export.read_text())

    def test_metadata_stays_in_its_own_place(self):
        bus = self.open()
        signal_id = bus.emit_signal(dict(LONG), source="bot")
        bus.update_state(signal_id, "evaluating", {"state": "learned", "ts": 0, "source": "?"})
        record = self.open().get_signal(signal_id)
        self.assertEqual((record["state"], record["source"]), ("evaluating", "bot"))
        self.assertGreater(record["ts"], 1e9)

    def test_who_rewrites_the_text_file_harms_no_signal(self):
        bus = self.open()
        ids = [bus.emit_signal(dict(LONG)) for _ in range(5)]
        self.export.write_text("not a log at all\n")
        self.assertEqual([row["signal_id"] for row in self.open().get_signals()], ids[::-1])

    def test_kill_9_takes_no_signal_whose_id_was_given_out(self):
        told = [self.folder / f"told{number}" for number in range(4)]

        def work(number):
            bus = incident.module.SignalBus()
            with open(told[number], "w", buffering=1) as out:
                while True:
                    print(bus.emit_signal({**LONG, "by": number}), file=out)
        for _ in range(3):
            for path in told:
                path.write_text("")
            children = self.children(work, 4)
            program.wait_until(lambda: all(path.read_text().count("\n") > 20 for path in told), "ids")
            for child in children:
                os.kill(child.pid, signal.SIGKILL)
                child.join()
            known = {row["signal_id"] for row in self.open().get_signals()}
            for path in told:
                lines = path.read_text().splitlines(keepends=True)
                whole = {line.strip() for line in lines if line.endswith("\n")}
                self.assertEqual(whole - known, set())
                self.assertTrue(whole)
        self.ok("verify", "--dir", self.log)


class RestartsLostAndRepeatedTest(incident.BotCase):
    """I-38: after a restart a worker took the last few lines: older ones were lost, others came
    twice; its place was in memory alone."""

    def test_a_worker_that_is_killed_goes_on_where_it_was(self):
        bus = self.open()
        ids = [bus.emit_signal({**LONG, "n": number}) for number in range(60)]
        done = self.folder / "done"

        def work(number):
            with millrace.Bus(self.log) as own, own.subscribe(
                    "worker", kind="signal.generated", start="beginning", max_in_flight=1,
                    ack_wait=0.2) as place, open(done, "a", buffering=1) as out:
                for event in place:
                    print(event["signal"]["id"], file=out)
                    place.ack(event)
        done.touch()
        for turn in range(4):
            child = self.children(work, 1)[0]
            program.wait_until(lambda: done.read_text().count("\n") > 5 * turn, "work")
            os.kill(child.pid, signal.SIGKILL)
            child.join()
        with millrace.Bus(self.log) as own, own.subscribe(
                "worker", kind="signal.generated", start="beginning", max_in_flight=1,
                ack_wait=0.2) as place:
            rest = []
            while (event := place.take(1.0)) is not None:
                rest.append(event["signal"]["id"])
                place.ack(event)
        worked = done.read_text().split() + rest
        self.assertEqual(sorted(set(worked)), sorted(ids))
        self.assertLessEqual(len(worked) - len(ids), 4)  # at most what was in hand at each kill

    def test_what_is_emitted_again_by_its_key_is_one_signal(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        emit = ("emit", "--symbol", "BTCUSDT", "--side", "long", "--source", "worker",
                "--confidence", "0.5", "--idempotency-key", "line 17", "--dir", self.log)
        self.assertEqual(self.ok(*emit).out, self.ok(*emit).out)
        self.assertEqual(len(bus.get_signals(source="worker")), 1)

    def test_a_run_that_is_killed_ends_as_if_it_had_not_been(self):
        config = self.write_config(**program.SMALL)
        digests = []
        for is_killed in (False, True):
            log = self.folder / f"log{is_killed}"
            if is_killed:
                run = self.start("run", "--dir", log, "--config", config, "--speed", "600")
                program.wait_until(lambda: len(program.call(
                    "tail", "--count", "200", "--dir", log).lines) == 200, "events", run)
                run.kill()
                run.wait()
            answer = self.ok("run", "--dir", log, "--config", config, "--json")
            digests.append(answer.json["digest"])
        self.assertEqual(digests[0], digests[1])


class RotationDroppedWhatWasAppendedTest(incident.BotCase):
    """I-39: the file was copied, packed and then cut to nothing; what came meanwhile was gone."""

    def test_new_segments_and_archiving_under_writers_lose_nothing(self):
        log = self.begin_market(log__segment=4)
        per_child = 2500

        def work(number):
            with millrace.Bus(log) as own:
                for count in range(per_child):
                    own.emit("SIM01USD", "long", f"bot{number}", 0.5, data={"n": count, "x": "y" * 900})
        children = self.children(work, 3)
        archived = 0
        while any(child.is_alive() for child in children):
            program.call("log", "archive", "--dir", log)
            archived += 1
        self.end(children)
        self.assertGreater(archived, 0)
        program.call("log", "archive", "--dir", log)
        self.assertGreater(len(list(log.glob("seg-*"))), 2)
        with millrace.Bus(log) as bus:
            for number in range(3):
                rows = bus.query(f"source=bot{number} order by time asc", limit=per_child + 1)
                self.assertEqual(len(rows), per_child)
            with bus.subscribe("all", kind="signal.generated", source="bot1",
                               start="beginning", max_in_flight=64) as place:
                found = []
                while (event := place.take(0.2)) is not None:
                    found.append(event["seq"])
                    place.ack(event)
        self.assertEqual(len(found), per_child)
        self.assertEqual(found, sorted(found))
        self.ok("verify", "--dir", log)


class HalfTheSignalsWereThrownAwayTest(incident.BotCase):
    """I-14: the strongest signals had words that the reader did not know and were dropped; sources
    without any data voted all the same."""

    def test_strong_words_are_sides(self):
        bus = self.open()
        for word, side in (("STRONG_LONG", "long"), ("STRONG_SHORT", "short"), ("strong_buy", "long"),
                           ("Sell", "short")):
            signal_id = bus.emit_signal({**LONG, "direction": word})
            with millrace.Bus(self.log) as plain:
                self.assertEqual(plain.get(signal_id)["side"], side)

    def test_an_unknown_word_is_refused_or_kept_and_always_counted(self):
        bus = self.open()
        bus.emit_signal(dict(LONG))
        answer = program.call("emit", "--dir", self.log, stdin=(
            '{"symbol":"BTCUSDT","side":"MEGA_LONG","source":"shell","confidence":0.5}\n'
            '{"symbol":"BTCUSDT","side":"long","source":"shell","confidence":0.5}\n'))
        self.assert_exit(answer, program.NO)
        self.assert_says(answer, "stdin:1: refused: side", "MEGA_LONG", "1 emitted, 1 refused")
        signal_id = bus.emit_signal({**LONG, "direction": "MEGA_LONG"})
        self.assertEqual(bus.get_signal(signal_id)["signal"]["direction"], "MEGA_LONG")
        self.assertEqual(bus.get_pipeline_health()["observed"], 1)
        self.assertEqual(self.status(program.NO)["observed"], 1)

    def test_a_source_without_data_does_not_vote(self):
        self.begin_market()
        rows = self.sql("SELECT v.seq AS seq, v.ready_count AS ready, count(t.seq) AS votes "
                        "FROM views v LEFT JOIN view_terms t ON t.seq = v.seq AND "
                        "t.origin = 'internal' GROUP BY v.seq")
        self.assertEqual(min(row["ready"] for row in rows), 0)  # the first views know nothing
        self.assertGreater(max(row["votes"] for row in rows), 0)
        for row in rows:
            self.assertLessEqual(row["votes"], row["ready"])


if __name__ == "__main__":
    program.main()
