#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program of the caller's that runs in the middle of a call (__index__, __repr__, __del__) may use
the same handle, or close it: the call goes on, or says that the bus is closed; it does not hang."""
import faulthandler
import gc
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace
HANG_SECONDS = 240  # a call that never returns ends the whole test: no thread can be killed


class Within(int):
    """A number whose conversion runs something first."""

    def __new__(cls, number, run):
        made = super().__new__(cls, number)
        made.run = run
        return made

    def bit_length(self):
        self.run()
        return super().bit_length()

    def __repr__(self):
        self.run()
        return super().__repr__()


class Index:
    def __init__(self, number, run):
        self.number, self.run = number, run

    def __index__(self):
        self.run()
        return self.number

    def __float__(self):
        self.run()
        return float(self.number)

    def __repr__(self):
        self.run()
        return "an index"


class Text(str):
    run = staticmethod(lambda: None)

    def __repr__(self):
        self.run()
        return super().__repr__()


class WithinTest(program.LogCase):
    def setUp(self):
        super().setUp()
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)
        self.number = self.bus.get(self.bus.emit("SIM01USD", "long", "bot", 0.5))["ordinal"]

    def calls(self, run):
        """Calls with an argument that runs something while it is read."""
        def index(number=self.number):
            return Index(number, run)
        broken = Text("a\0b")
        broken.run = run
        move = {"to": "blocked", "gate": "external", "reason": "external"}
        return (
            lambda bus: bus.get(index()), lambda bus: bus.get(Within(2 ** 200, run)), lambda bus: bus.get(broken),
            lambda bus: bus.get(self.number, as_of=index(10 ** 9)), lambda bus: bus.moment(index(5)),
            lambda bus: bus.moment(broken), lambda bus: bus.query(limit=index(3)),
            lambda bus: bus.query(after=index()), lambda bus: bus.query(as_of=index(5)),
            lambda bus: bus.page(after=index(), as_of=index(10 ** 9)), lambda bus: bus.page(after=broken),
            lambda bus: bus.observe(about=index(1), to="blocked"), lambda bus: bus.observed(limit=index(3)),
            lambda bus: bus.observed_id(index(1)), lambda bus: bus.observed_id(broken),
            lambda bus: bus.move(index(), **move), lambda bus: bus.move(broken, **move),
            lambda bus: bus.move_many([{"id": index(), **move}]),
            lambda bus: bus.advance(index(), [("generated", "blocked", "external", "external", None)]),
            lambda bus: bus.feedback(index(), "desk", "win"), lambda bus: bus.feedback(broken, "desk", "win"),
            lambda bus: bus.claim("desk", "evaluating", id=index()),
            lambda bus: bus.claim("desk", "evaluating", id=broken), lambda bus: bus.order(broken),
            lambda bus: bus.emit("SIM01USD", "long", "bot", index(0)),
            lambda bus: bus.quote("SIM01USD", index(10), index(11)), lambda bus: bus.wait(timeout=index(0)),
            lambda bus: bus.subscribe("within", max_in_flight=index(7)).close(),
            lambda bus: bus.subscribe("within", start=index(1)).ack(index(1)),
            lambda bus: bus.order_report("nope", "sent", time_unix_ns=index(1)),
        )

    def test_closing_while_an_argument_is_read(self):
        for at in range(len(self.calls(None))):
            bus = millrace.Bus(self.log)
            with self.subTest(at), bus:
                try:
                    self.calls(bus.close)[at](bus)
                except (millrace.MillraceError, TypeError):
                    pass  # most often: this bus is closed
                self.assertRaisesRegex(millrace.MR_EINVAL, "this bus is closed", bus.counts)

    def test_using_it_while_an_argument_is_read(self):
        used = []

        def elsewhere():
            worker = threading.Thread(target=lambda: used.append(self.bus.counts()))
            worker.start()
            worker.join()
        for run in (lambda: used.append(self.bus.counts()), elsewhere):
            for at, call in enumerate(self.calls(run)):
                del used[:]
                with self.subTest(at):
                    try:
                        call(self.bus)
                    except (millrace.MillraceError, TypeError):
                        pass
                    self.assertGreater(len(used), 0)

    def test_a_name_that_is_not_found_is_told_as_it_was_read(self):
        name = Text("NOPE_0_00000001")
        name.run = lambda: self.fail("a repr was asked for while the bus was entered")
        for call in (self.bus.history, lambda name: self.bus.observe(about=name, to="blocked")):
            self.assertRaisesRegex(millrace.MR_NOT_FOUND, "'NOPE_0_00000001'", call, name)

    def test_steps_stay_what_they_were_when_read(self):
        steps = [tuple("".join(list(word)) for word in ("generated", "blocked", "external", "external", "{}"))]
        taken = []

        def forget():
            steps.clear()
            taken.extend("".join(list("nonsense")) for _ in range(10_000))  # where the words were
        self.bus.advance(Index(self.number, forget), steps)
        self.assertEqual(self.bus.get(self.number)["state"], "blocked")

    def test_dicts_that_change_while_a_batch_is_read(self):
        first = {"symbol": "SIM01USD", "side": "long", "source": "".join(list("north")), "confidence": 0.5}
        taken = []

        def forget():
            first.clear()
            taken.extend("".join(list("south")) for _ in range(10_000))  # where its words were
        later = {"symbol": "SIM01USD", "side": "long", "source": "east", "confidence": Index(0, forget)}
        names = self.bus.emit_many([first, later])
        self.assertEqual([self.bus.get(name)["source"] for name in names], ["north", "east"])

    def test_data_that_change_while_they_are_read(self):
        data = {}

        class Shrinking(list):
            def __getitem__(self, at):
                data.clear()
                return super().__getitem__(at)
        data.update(one=Shrinking([1, 2, 3]), two=2)
        self.bus.emit("SIM01USD", "long", "bot", 0.5, data=data)

    def collected(self, run, call):
        """Call again and again, so that the interpreter collects what runs something within a call."""
        ran = []

        class Finalized:
            def __init__(self):
                self.own = self

            def __del__(self):
                try:
                    ran.append(run())
                except millrace.MillraceError as error:
                    ran.append(error)
        threshold = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *threshold)
        gc.collect()
        gc.set_threshold(50, 5, 5)
        for _ in range(200):
            Finalized()
            try:
                call()
            except millrace.MR_EINVAL:
                break
        gc.set_threshold(*threshold)
        gc.collect()
        return ran

    def test_a_finalizer_may_try_to_use_the_bus(self):
        ran = self.collected(self.bus.counts, lambda: self.bus.query(limit=100))
        self.assertGreater(len(ran), 0)
        for result in ran:
            self.assertIsInstance(result, (dict, millrace.MR_BUSY))
        self.assertEqual(self.bus.get(self.number)["ordinal"], self.number)

    def test_a_finalizer_may_close_the_bus(self):
        bus = millrace.Bus(self.log)
        self.assertEqual(self.collected(bus.close, lambda: bus.query(limit=100))[0], None)
        self.assertRaisesRegex(millrace.MR_EINVAL, "this bus is closed", bus.counts)

    def test_a_subscription_is_collected_in_the_middle_of_a_call(self):
        class Holder:
            def __init__(self, bus, number):
                self.own, self.place = self, bus.subscribe(f"place-{number}")
        threshold = gc.get_threshold()
        self.addCleanup(gc.set_threshold, *threshold)
        gc.set_threshold(50, 5, 5)
        for number in range(60):
            Holder(self.bus, number)
            self.bus.query(limit=100)
        gc.set_threshold(*threshold)
        gc.collect()
        for number in range(60):
            self.bus.forget(f"place-{number}")


if __name__ == "__main__":
    program.main()
