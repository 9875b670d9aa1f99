#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Python package: what it emits is in the log, whoever else emits, waits or forks."""
import asyncio
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/cli"), str(ROOT / "tests/python")]
import package  # noqa: E402
import program  # noqa: E402

millrace = package.load()


class BusTest(program.LogCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)

    def emit(self, **values):
        return self.bus.emit(**{"symbol": "SIM01USD", "side": "long", "source": "bot",
                                "confidence": 0.5, **values})

    def test_sources_are_those_that_have_emitted(self):
        before = self.bus.sources()
        self.assertEqual([row for row in before if not row[0] or row[1] + row[2] == 0], [])
        self.emit(source="north")
        self.bus.observe(source="south")
        self.bus.observe()
        self.assertEqual(sorted(set(self.bus.sources()) - set(before)), [("", 0, 1), ("north", 1, 0), ("south", 0, 1)])

    def test_after_names_a_signal_and_no_question(self):
        names = [self.emit(source=source) for source in ("one", "two", "one", "two", "one")]
        page = self.bus.page("source=one", limit=1)
        self.assertEqual(page["after"], names[4])

        def behind(question):
            return [row["id"] for row in self.bus.query(question, after=page["after"], as_of=page["moment"])]
        self.assertEqual(behind("source=two"), [names[3], names[1]])  # the order of the question counts: newest first,
        self.assertEqual(behind("source=two order by time"), [names[3], names[1]])  # also without a direction
        self.assertEqual(behind("source=two order by time desc"), [names[3], names[1]])
        self.assertEqual(behind("source=two order by time asc"), [])
        with self.assertRaises(millrace.MR_REFUSED):
            self.bus.query("source=three")  # has emitted nothing: an error in typing, most often

    def test_what_is_emitted_is_found(self):
        name = self.emit(side="SELL", name="fast", horizon="15m", valid_for=90.5, price=10.25,
                         account="a", external_id="x", data={"why": ["é", 1, 2.5, None, True]})
        signal = self.bus.get(name)
        self.assertEqual((signal["id"], signal["side"], signal["source"], signal["name"],
                          signal["state"], signal["ended"]),
                         (name, "short", "bot", "fast", "generated", None))
        self.assertEqual(self.bus.get(signal["ordinal"]), signal)
        self.assertEqual(signal["event_time_unix_ns"], self.bus.event_time_unix_ns)
        event = self.ok("show", str(signal["generated_seq"]), "--json", "--dir", self.log).json
        self.assertEqual(json.loads(event["data"]) if isinstance(event["data"], str)
                         else event["data"], {"why": ["é", 1, 2.5, None, True]})
        self.assert_says(self.ok("why", name, "--dir", self.log), "bot", "fast")

    def test_data_may_be_json_already(self):
        for data in (b'{"a": 1}', '{"a": 1}', b'{"a": 1, "a": 2}'):
            self.assertIn(self.emit(data=data), {row["id"] for row in self.bus.query()})

    def test_a_key_names_one_signal(self):
        self.assertEqual(self.emit(key="k"), self.emit(key="k", confidence=0.9))
        self.assertNotEqual(self.emit(key="k"), self.emit(key="k", source="other"))

    def test_what_is_wrong_is_told_and_nothing_is_emitted(self):
        before = self.bus.counts()
        refused = [({"symbol": "NOPE"}, "symbol"), ({"side": "up"}, "side"),
                   ({"confidence": 1.5}, "confidence"), ({"confidence": float("nan")}, "confidence"),
                   ({"source": ""}, "source"), ({"source": "momentum"}, "source"),
                   ({"source": "x" * 65}, "source"), ({"horizon": "2m"}, "horizon"),
                   ({"valid_for": 0.5}, "valid_for"), ({"valid_for": 1e9}, "valid_for"),
                   ({"price": -1.0}, "price"), ({"name": "a\nb"}, "name"),
                   ({"data": {"x": "y" * 70000}}, "data")]
        for values, word in refused:
            with self.subTest(values=str(values)[:80]):
                with self.assertRaisesRegex(millrace.MR_REFUSED, word):
                    self.emit(**values)
        deep = {}
        for _ in range(100):
            deep = {"deeper": deep}
        wrong = [({"source": 5}, TypeError), ({"confidence": "much"}, TypeError),
                 ({"data": {1: 2}}, TypeError), ({"data": {"a": object()}}, TypeError),
                 ({"data": 5}, TypeError), ({"data": {"a": 2 ** 64}}, millrace.MR_REFUSED),
                 ({"data": {"a": float("inf")}}, millrace.MR_REFUSED), ({"data": deep}, millrace.MR_REFUSED),
                 ({"symbol": "SIM\0"}, millrace.MR_REFUSED), ({"source": "\ud800"}, millrace.MR_REFUSED),
                 ({"colour": "red"}, TypeError)]
        for values, kind in wrong:
            with self.subTest(values=str(values)[:80]):
                self.assertRaises(kind, self.emit, **values)
        self.assertRaises(TypeError, self.bus.emit, "SIM01USD", "long", "bot", 0.5, "fast")
        self.assertRaises(TypeError, self.bus.emit, "SIM01USD", symbol="SIM01USD")
        self.assertRaises(millrace.MillraceError, self.bus.emit, "SIM01USD", "long")
        self.assertEqual(self.bus.counts(), before)

    def test_many_are_all_or_none(self):
        good = {"symbol": "SIM02USD", "side": "short", "source": "bot", "confidence": 0.1}
        before = self.bus.counts()["generated"]
        with self.assertRaisesRegex(millrace.MR_REFUSED, "signal 3 of 3: symbol"):
            self.bus.emit_many([good, good, {**good, "symbol": "NOPE"}])
        with self.assertRaisesRegex(millrace.MR_REFUSED, "signal 2 of 2: unknown key 'colour'"):
            self.bus.emit_many([good, {**good, "colour": "red"}])
        with self.assertRaisesRegex(TypeError, "signal 2 of 2: expected a dict"):
            self.bus.emit_many([good, 5])
        for wrong in ({"side": "up"}, {"horizon": "2m"}, {"valid_for": 0.1}, {"data": b"{"}, {"data": b"[]"}, {"data": "null"}, {"data": b"5"},
                      {"confidence": "high"}, {"price": "1"}, {"source": 5}):
            with self.assertRaisesRegex((millrace.MR_REFUSED, TypeError),
                                        f"signal 2 of 3: {next(iter(wrong))}"):
                self.bus.emit_many([good, {**good, **wrong}, good])
        with self.assertRaisesRegex(millrace.MR_ETOOLARGE, "send fewer at once"):
            self.bus.emit_many([{**good, "data": {"x": "y" * 2000}}] * 4000)
        self.assertEqual(self.bus.counts()["generated"], before)
        ids = self.bus.emit_many(({**good, "data": {"i": i}} for i in range(3000)), durable=True)
        self.assertEqual(len(set(ids)), 3000)
        self.assertEqual(self.bus.emit_many([]), [])
        self.bus.emit_many([{**good, "source": "nobody", "confidence": None},
                            {"symbol": "SIM02USD", "side": "short", "source": "nobody"}])
        self.bus.emit("SIM02USD", "short", "nobody")
        self.assertEqual(len(self.bus.query("source=nobody")), 3)
        self.assertEqual(self.bus.counts()["generated"], before + 3003)
        found = self.bus.query("source=bot order by time asc", limit=5000)
        self.assertEqual([row["id"] for row in found], ids)
        page = self.bus.query("source=bot", limit=10, after=ids[100])
        self.assertEqual([row["id"] for row in page], ids[90:100][::-1])

    def test_a_question_that_is_wrong_is_told_where(self):
        with self.assertRaisesRegex(millrace.MR_REFUSED, "character 7"):
            self.bus.query("state=nonsense")
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.query, "", after="NOPE_0_00000001")
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.get, "NOPE_0_00000001")
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.get, 2 ** 32 - 1)
        self.assertRaises(TypeError, self.bus.get, 1.5)

    def test_a_bus_is_opened_by_name_too(self):
        with millrace.Bus.open(self.log) as other:
            self.assertEqual(other.counts(), self.bus.counts())
        with self.assertRaises(millrace.MR_EPATH):
            millrace.Bus.open(self.folder / "none")
        with millrace.Bus.open(dir=self.folder / "own", create=True) as own:
            self.assertEqual(sum(own.counts().values()), 0)

    def test_of_two_who_move_one_wins(self):
        name = self.emit()
        with millrace.Bus(self.log) as other:
            other.move(name, "blocked", from_state="generated", gate="external", reason="external")
        with self.assertRaisesRegex(millrace.MR_CONFLICT, "blocked since event"):
            self.bus.move(name, "expired", from_state="generated", gate="external",
                          reason="external")
        with self.assertRaises(millrace.MR_REFUSED):
            self.bus.move(name, "executed")
        with self.assertRaises(millrace.MR_REFUSED):
            self.bus.move(name, "no such state")
        self.assertEqual(self.bus.get(name)["state"], "blocked")

    def test_many_moves_are_all_or_none(self):
        names = [self.emit() for _ in range(3)]
        other, blocked = self.emit(), {"gate": "external", "reason": "external", "to": "blocked"}
        states = lambda: [self.bus.get(name)["state"] for name in names]  # noqa: E731
        good = [{"id": name, **blocked} for name in names]
        with millrace.Bus(self.log) as bus:
            bus.move(other, "blocked", gate="external", reason="external")
        last = self.bus.moment()
        wrong = [({"id": "NOPE_0_00000001"}, millrace.MR_NOT_FOUND, "there is no signal"),
                 ({"to": "nowhere"}, millrace.MR_REFUSED, 'to: expected generated, .* or learned, found "nowhere"'),
                 ({"from_state": "nowhere"}, millrace.MR_REFUSED, 'from_state: expected generated, .* or learned, found "nowhere"'),
                 ({"to": "executed"}, millrace.MR_REFUSED, "to: no move leads"),
                 ({"gate": "none such"}, millrace.MR_REFUSED, "gate"),
                 ({"from_state": "evaluating"}, millrace.MR_CONFLICT, "is generated since"),
                 ({"id": other, "from_state": "generated"}, millrace.MR_CONFLICT, "is blocked since"),
                 ({"data": "{"}, millrace.MR_REFUSED, "data"), ({"data": b"[1]"}, millrace.MR_REFUSED, "data"), ({"colour": 1}, millrace.MR_REFUSED, "unknown key 'colour'"),
                 ({"data": 5}, TypeError, "data"), ({"to": None}, TypeError, "")]
        for values, kind, word in wrong:
            with self.subTest(values=values):
                with self.assertRaisesRegex(kind, f"^move 2 of 3: .*{word}"):
                    self.bus.move_many([good[0], {**good[1], **values}, good[2]])
                with self.assertRaisesRegex(kind, f"^move 1 of 1: .*{word}"):
                    self.bus.move_many([{**good[1], **values}])
        with self.assertRaisesRegex(TypeError, "^move 3 of 3: expected a dict"):
            self.bus.move_many([*good[:2], names[2]])
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^move 1 of 1: to is missing"):
            self.bus.move_many([{"id": names[0]}])
        with self.assertRaisesRegex(millrace.MR_REFUSED, "^move 2 of 2: .*evaluating"):
            self.bus.move_many([good[0], {**good[0], "from_state": "evaluating"}])
        self.assertRaisesRegex(millrace.MR_REFUSED, "moves: expected up to 8192", self.bus.move_many, good * 3000)
        self.assertRaises(TypeError, self.bus.move_many, 5)
        self.bus.move_many([])
        self.assertEqual(states(), ["generated"] * 3)
        self.assertEqual(self.bus.moment(), last)
        self.bus.move_many(({**move, "data": {"i": i, "long": "x" * 3000}}
                            for i, move in enumerate(good)), durable=True)
        self.assertEqual(states(), ["blocked"] * 3)
        for i, name in enumerate(names):
            self.assertEqual(json.loads(self.bus.history(name)[-1]["data"])["i"], i)
        again = [self.emit() for _ in range(1000)]
        self.bus.move_many([{"id": name, "to": to, **more} for name in again for to, more in
                            (("evaluating", {}), ("blocked", {**blocked, "actor": "operator"}))])
        self.assertEqual({self.bus.get(name)["state"] for name in again}, {"blocked"})

    def test_waiting_ends_when_somebody_emits(self):
        self.assertFalse(self.bus.wait(0.01))
        with millrace.Bus(self.log) as other:
            thread = threading.Timer(0.05, other.emit, ("SIM01USD", "long", "bot", 0.5))
            thread.start()
            self.assertTrue(self.bus.wait())
            thread.join()
        self.assertEqual(len(self.bus.query("source=bot")), 1)

    def test_a_subscription_goes_on_where_it_was_acked(self):
        with self.bus.subscribe("worker", kind="signal.generated", source="bot") as worker:
            self.assertIsNone(worker.take(timeout=0.01))
            names = [self.emit(), self.emit(source="other"), self.emit(), self.emit()]
            event = worker.take()
            self.assertEqual((event["kind"], event["signal"]["id"], event["deliveries"]),
                             ("signal.generated", names[0], 1))
            worker.ack(event)
            self.assertRaises(millrace.MR_CONFLICT, worker.ack, event)
            event = worker.take()
            worker.nack(event)
            self.assertEqual(worker.take()["deliveries"], 2)
        with self.bus.subscribe("worker", kind="signal.generated", source="bot") as worker:
            found = []
            for event in worker:
                found.append(event["signal"]["id"])
                if len(found) == 2:
                    break
            self.assertEqual(found, names[2:])
            worker.ack(event)
            self.assertIsNone(worker.take(0.01))
        self.assertRaises(millrace.MR_EINVAL, worker.take)
        for wrong in ({"kind": "nothing"}, {"state": "nowhere"}, {"symbol": "NOPE"},
                      {"start": "middle"}):
            self.assertRaises(millrace.MR_REFUSED, self.bus.subscribe, "x", **wrong)

    def test_who_iterates_fast_gets_every_event_once(self):
        names = []
        with self.bus.subscribe("fast", kind="signal.generated", source="bot") as fast:
            with millrace.Bus(self.log) as other:
                names = other.emit_many([{"symbol": "SIM01USD", "side": "long", "source": "bot",
                                          "confidence": 0.5} for _ in range(3000)])
            found = []
            for event in fast:
                found.append(event["signal"]["id"])
                if len(found) == 2000:
                    break
        # 1,999 are done, the last one was not: it comes again, and with it what was leased.
        with self.bus.subscribe("fast", kind="signal.generated", source="bot") as fast:
            event = fast.take()
            self.assertEqual((event["signal"]["id"], event["deliveries"]), (names[1999], 2))
            fast.ack(event)
            found.extend(event["signal"]["id"] for _, event in zip(range(1000), fast))
        self.assertEqual(found, names)

    def test_events_have_the_fields_that_are_asked_for(self):
        with self.bus.subscribe("some", kind="signal.generated",
                                fields=("ordinal", "seq", "id")) as some, \
                self.bus.subscribe("all", kind="signal.generated") as every:
            name = self.emit()
            event, whole = some.take(), every.take()
            self.assertEqual(list(event), ["ordinal", "seq", "id"])
            self.assertEqual((event["ordinal"], event["seq"], event["id"]),
                             (whole["signal"]["ordinal"], whole["seq"], name))
            self.assertEqual(list(whole), ["seq", "kind", "time_unix_ns", "signal", "from_state",
                                           "to", "gate", "reason", "deliveries"])
            self.assertEqual(list(whole["signal"]), list(self.bus.get(name)))
        for wrong in ({"fields": ("nothing",)}, {"batch": 0}, {"batch": 1025}):
            self.assertRaises(millrace.MR_REFUSED, self.bus.subscribe, "y", **wrong)

    def test_events_are_taken_and_acked_in_lists(self):
        with self.bus.subscribe("lists", kind="signal.generated") as lists:
            self.assertEqual(lists.take_many(10, timeout=0.01), [])
            names = [self.emit() for _ in range(50)]
            first, second = lists.take_many(20), lists.take_many()
            self.assertEqual([event["signal"]["id"] for event in first + second], names)
            lists.ack_many(second)
            lists.ack_many([event["seq"] for event in first[:10]])
            self.assertRaises(millrace.MR_CONFLICT, lists.ack_many, first)
            lists.ack_many([])
        with self.bus.subscribe("lists", kind="signal.generated") as lists:
            again = lists.take_many()
            self.assertEqual([event["signal"]["id"] for event in again], names[10:20])
            self.assertEqual({event["deliveries"] for event in again}, {2})
            self.assertRaises(millrace.MR_REFUSED, lists.take_many, 0)
            self.assertRaises(TypeError, lists.ack_many, ["no"])

    def test_who_iterates_one_by_one_acks_one_by_one(self):
        with self.bus.subscribe("one", kind="signal.generated", batch=1) as one, \
                millrace.Bus(self.log) as bus, \
                bus.subscribe("one", kind="signal.generated") as other:
            names = [self.emit() for _ in range(3)]
            iterator = iter(one)
            found = [next(iterator)["signal"]["id"]]
            event = other.take()  # it is not held back by who was first
            found.append(event["signal"]["id"])
            found.append(next(iterator)["signal"]["id"])
            self.assertEqual(found, names)
            other.ack(event)
            self.assertIsNone(other.take(0.01))

    def test_moves_into_a_state_are_delivered(self):
        with self.bus.subscribe("blocked", state="blocked") as blocked:
            name = self.emit()
            self.bus.move(name, "blocked", gate="external", reason="external")
            event = blocked.take()
            self.assertEqual((event["signal"]["id"], event["from_state"], event["to"],
                              event["gate"]), (name, "generated", "blocked", "external"))

    def test_a_closed_bus_closes_its_subscriptions(self):
        worker = self.bus.subscribe("left")
        self.bus.close()
        self.assertRaisesRegex(millrace.MR_EINVAL, "closed", worker.take, 0.0)
        worker.close()

    def test_asyncio_gets_every_event(self):
        async def collect(count):
            found = []
            with self.bus.subscribe("loop", kind="signal.generated", source="bot") as loop:
                with millrace.Bus(self.log) as other:
                    names = other.emit_many([{"symbol": "SIM01USD", "side": "long", "source": "bot",
                                              "confidence": 0.5} for _ in range(count)])
                async for event in millrace.events(loop):
                    found.append(event["signal"]["id"])
                    if len(found) == count:
                        return names, found
        names, found = asyncio.run(collect(30))
        self.assertEqual(names, found)

    def test_threads_share_a_handle(self):
        ids = [[] for _ in range(8)]

        def work(mine):
            for _ in range(200):
                mine.append(self.emit())
        threads = [threading.Thread(target=work, args=(mine,)) for mine in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len({name for mine in ids for name in mine}), 1600)
        self.assertEqual(len(self.bus.query("source=bot", limit=5000)), 1600)

    def test_processes_emit_beside_one_another(self):
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    with millrace.Bus(self.log) as own:
                        for _ in range(100):
                            own.emit("SIM01USD", "long", f"bot{number}", 0.5)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        for child in children:
            self.assertEqual(os.waitpid(child, 0)[1], 0)
        for number in range(4):
            self.assertEqual(len(self.bus.query(f"source=bot{number}", limit=1000)), 100)

    def test_a_forked_child_leaves_the_handle_alone(self):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    self.bus.counts()
                except millrace.MR_EINVAL as refused:
                    code = 0 if "fork" in str(refused) else 2
                self.bus.close()
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.bus.get(self.emit())["state"], "generated")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_who_may_not_write_reads(self):
        name = self.emit()
        self.bus.close()
        for folder in (self.folder, *self.folder.parents):
            if folder.stat().st_uid == 0 and str(folder).startswith(tempfile.gettempdir() + "/"):
                folder.chmod(0o755)
        for path in (self.log, *self.log.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        child = os.fork()
        if child == 0:
            try:
                program.become_nobody()
                with millrace.Bus(self.log) as bus:
                    assert bus.get(name)["state"] == "generated"
                    assert [signal["id"] for signal in bus.query("source=bot")] == [name]
                    assert bus.counts()["generated"] == 1
                    for call in (lambda: bus.emit("SIM01USD", "long", "bot", 0.5),
                                 lambda: bus.quote("SIM01USD", 1.0, 1.0),
                                 lambda: bus.subscribe("mine"),
                                 lambda: bus.move(name, "evaluating", from_state="generated", reason="external")):
                        try:
                            call()
                            os._exit(3)
                        except millrace.MR_EACCESS as refused:
                            assert f"{self.log}: this user may read the log (query, show, " in str(refused), refused
                            assert "(chown -R); " in str(refused), refused
                os._exit(0)
            except BaseException as failed:  # the child must not go on with the other tests
                print(repr(failed), file=sys.stderr)
                os._exit(1)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)

    def test_a_closed_handle_says_so(self):
        self.bus.close()
        self.bus.close()
        for call in (self.bus.counts, self.bus.query, self.emit, lambda: self.bus.get(1)):
            self.assertRaisesRegex(millrace.MR_EINVAL, "closed", call)

    def test_a_directory_that_is_none_is_told(self):
        self.assertRaises(millrace.MillraceError, millrace.Bus, self.folder / "nothing")
        self.assertRaises(TypeError, millrace.Bus)
        self.assertRaisesRegex(millrace.MR_REFUSED, "^dir: which directory", millrace.open)

    def test_a_run_decides_on_what_is_emitted_beside_it(self):
        config = self.write_config("long.yaml", synthetic__symbols=2, synthetic__bars=3000,
                                   log__segment=4, learn__score_after=0)
        log = self.folder / "live"
        run = self.start("run", "--dir", log, "--config", config, "--speed", "60000")
        program.wait_until(
            lambda: "candle" in program.call("tail", "--count", "50", "--dir", log).out, "bars", run)
        with millrace.Bus(log) as bus:
            name = bus.emit("SIM01USD", "long", "bot", 0.5)
            until = time.monotonic() + 60
            while bus.get(name)["state"] == "generated" and time.monotonic() < until:
                bus.wait(1.0)
            self.assertNotEqual(bus.get(name)["state"], "generated")
        run.kill()
        program.finish(run)


if __name__ == "__main__":
    program.main()
