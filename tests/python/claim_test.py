#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Claims from Python: one worker has a signal, whoever else tries, dies or waits."""
import asyncio
import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bus_test  # noqa: E402
import program  # noqa: E402

millrace = bus_test.millrace


class ClaimTest(program.LogCase):
    def setUp(self):
        super().setUp()
        self.bus = millrace.Bus(self.log)
        self.addCleanup(self.bus.close)
        self.other = millrace.Bus(self.log)
        self.addCleanup(self.other.close)

    def emit(self, source="bot"):
        return self.bus.emit("SIM01USD", "long", source, 0.5)

    def test_one_has_it_and_moves_it(self):
        name = self.emit()
        with self.bus.claim("desk", "evaluating") as claim:
            self.assertEqual((claim.id, claim.is_over), (name, False))
            self.assertIsNone(self.other.claim("rival", "evaluating"))
            with self.assertRaisesRegex(millrace.MR_CONFLICT, 'claimed by "desk"'):
                self.other.claim("rival", "evaluating", id=name)
            with self.assertRaisesRegex(millrace.MR_CONFLICT, 'claimed by "desk"'):
                self.other.move(name, "expired")
            claim.renew()
            claim.renew(5.0)
            claim.move(data={"by": "me"})
            self.assertEqual(claim.signal["state"], "evaluating")
            claim.move("blocked", gate="external", reason="external", actor="operator")
            self.assertTrue(claim.is_over)
            with self.assertRaises(millrace.MR_CONFLICT):
                claim.renew()
        self.assertEqual(self.bus.get(name)["state"], "blocked")
        events = self.ok("why", name, "--json", "--dir", self.log).json["events"]
        self.assertIn("operator", [event.get("actor") for event in events])
        self.assertIn("desk", [event.get("owner") for event in events])

    def test_a_move_of_its_bus_leaves_the_claim_standing(self):
        name = self.emit()
        with self.bus.claim("desk", "evaluating") as claim:
            self.bus.move(name, "evaluating")
            self.assertFalse(claim.is_over)
            claim.move("approved")
            self.assertEqual(claim.signal["state"], "approved")
            self.bus.move(name, "blocked", gate="external", reason="external")
            with self.assertRaises(millrace.MR_CONFLICT):
                claim.move("executing")
            self.assertTrue(claim.is_over)

    def test_a_lease_that_is_over_moves_and_releases_nothing(self):
        name = self.emit()
        for act in (lambda claim: claim.move(), lambda claim: claim.release(), lambda claim: claim.renew(),
                    lambda claim: self.bus.move(name, "evaluating")):
            claim = self.bus.claim("desk", "evaluating", id=name, lease=0.001)
            time.sleep(0.01)
            with self.assertRaisesRegex(millrace.MR_CONFLICT,
                                        "is generated: the claim of event .* has ended, its lease is over"):
                act(claim)
            with self.assertRaises(millrace.MR_CONFLICT):
                claim.release()
            self.assertTrue(claim.is_over)
        with self.bus.claim("desk", "evaluating", id=name, lease=0.001):
            time.sleep(0.01)  # leaving what is over is no fault
        self.bus.move(name, "evaluating")  # it is like anybody
        events = self.ok("why", name, "--json", "--dir", self.log).json["events"]
        self.assertEqual([event["act"] for event in events if event["event"] == "signal.claimed"],
                         5 * ["taken", "lease_over"])

    def test_leaving_gives_back(self):
        name = self.emit()
        with self.bus.claim("desk", "evaluating"):
            pass
        with self.assertRaises(ZeroDivisionError):
            with self.bus.claim("desk", "evaluating"):
                1 / 0
        claim = self.other.claim("rival", "evaluating")
        self.assertEqual(claim.id, name)
        self.other.close()
        with self.assertRaises(millrace.MR_EINVAL):
            claim.release()
        self.assertEqual(self.bus.claim("desk", "evaluating").id, name)

    def test_what_is_wrong_is_refused(self):
        name = self.emit()
        for arguments, text in (((("", "evaluating"), {}), "owner"),
                                ((("x" * 65, "evaluating"), {}), "owner"),
                                ((("a\nb", "evaluating"), {}), "owner"),
                                ((("a", "nonsense"), {}), "to: expected generated, .* or learned, found \"nonsense\""),
                                ((("a", "learned"), {}), "generated to learned"),
                                ((("a", "evaluating"), {"lease": 0}), "lease"),
                                ((("a", "evaluating"), {"lease": -1}), "lease"),
                                ((("a", "evaluating"), {"lease": float("nan")}), "lease: expected 1 ms to 24 h, in seconds, found nan"),
                                ((("a", "evaluating"), {"lease": 1e8}), "lease"),
                                ((("a", "evaluating"), {"symbol": "NO"}), "symbol"),
                                ((("a", "evaluating"), {"state": "blocked"}), "blocked")):
            with self.assertRaisesRegex(millrace.MR_REFUSED, text):
                self.bus.claim(*arguments[0], **arguments[1])
        self.assertRaisesRegex(millrace.MR_NOT_FOUND, "there is no signal 99999999", self.bus.claim, "a", "evaluating",
                               id=99999999)
        for field in {"symbol": "SIM01USD"}, {"source": "bot"}:
            with self.assertRaisesRegex(millrace.MR_REFUSED, f"{list(field)[0]}: expected none"):
                self.bus.claim("a", "evaluating", id=name, **field)
        self.assertRaises(millrace.MR_NOT_FOUND, self.bus.claim, "a", "evaluating", id="nope")
        for none in 0, 2 ** 32 + 1:
            with self.assertRaisesRegex(millrace.MR_REFUSED, "^id: expected the id of a signal, or its number, 1 to "):
                self.bus.claim("a", "evaluating", id=none)
        with self.assertRaises(TypeError):
            self.bus.claim("a")
        for owner in "a\0b", "\ud800":
            with self.assertRaisesRegex(millrace.MR_REFUSED, "^owner: "):
                self.bus.claim(owner, "evaluating")
        with self.bus.claim("desk", "evaluating", id=name) as claim:
            with self.assertRaisesRegex(millrace.MR_REFUSED, "actor"):
                claim.move(actor="evaluate")
            with self.assertRaisesRegex(millrace.MR_REFUSED, "gate"):
                claim.move("blocked", gate="nobody")
            self.assertFalse(claim.is_over)

    def test_who_waits_is_woken_by_a_new_signal_and_by_a_death(self):
        found = []
        waiter = threading.Thread(
            target=lambda: found.append(self.other.claim("heir", "evaluating", timeout=None)))
        waiter.start()
        name = self.emit()
        waiter.join()
        self.assertEqual(found[0].id, name)
        found[0].release()
        ready, tell = os.pipe()
        child = os.fork()
        if child == 0:
            with millrace.Bus(self.log) as bus:
                bus.claim("mortal", "evaluating", lease=3600)
                os.write(tell, b"x")
                signal.pause()
        os.read(ready, 1)
        self.assertIsNone(self.other.claim("heir", "evaluating", timeout=0.01))
        os.kill(child, signal.SIGKILL)
        claim = self.other.claim("heir", "evaluating", timeout=None)
        self.assertEqual(claim.id, name)
        os.waitpid(child, 0)

    def test_the_claim_of_a_dead_process_holds_no_move_up(self):
        name = self.emit()
        ready, tell = os.pipe()
        child = os.fork()
        if child == 0:
            with millrace.Bus(self.log) as bus:
                bus.claim("mortal", "evaluating", lease=3600)
                os.write(tell, b"x")
                signal.pause()
        os.read(ready, 1)
        with self.assertRaisesRegex(millrace.MR_CONFLICT, 'claimed by "mortal"'):
            self.bus.move(name, "evaluating")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.bus.move(name, "evaluating")
        self.assertEqual(self.bus.get(name)["state"], "evaluating")

    def test_who_waits_for_one_signal_gets_it_when_it_is_free_or_hears_that_it_has_moved_on(self):
        name = self.emit()
        claim = self.bus.claim("desk", "evaluating", id=name)
        with self.assertRaisesRegex(millrace.MR_CONFLICT, 'generated, claimed by "desk"'):
            self.other.claim("heir", "evaluating", id=name, timeout=0.01)
        claim.release()
        self.bus.claim("desk", "evaluating", id=name, lease=0.3)
        claim = self.other.claim("heir", "evaluating", id=name, timeout=None)
        self.assertEqual(claim.id, name)
        found = []

        def wait():
            try:
                found.append(self.bus.claim("desk", "evaluating", id=name, timeout=None))
            except millrace.MR_CONFLICT as error:
                found.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        claim.move()
        waiter.join()
        self.assertRegex(str(found[0]), "is evaluating")

    def test_asyncio(self):
        names = [self.emit() for _ in range(3)]

        async def work():
            done = []
            async for claim in millrace.claims(self.bus, "desk", "evaluating"):
                claim.move("blocked", gate="external", reason="external")
                done.append(claim.id)
                if len(done) == 3:
                    return done

        self.assertEqual(asyncio.run(work()), names)

    def test_asyncio_waits_for_one_signal_as_long_as_somebody_has_it(self):
        name = self.emit()
        self.other.claim("rival", "evaluating", id=name, lease=1.5)

        async def take():
            async for claim in millrace.claims(self.bus, "desk", "evaluating", id=name):
                claim.move()
                claim.move("expired")

        with self.assertRaisesRegex(millrace.MR_CONFLICT, "is expired"):
            asyncio.run(take())

    def test_moves_say_who_and_why(self):
        name = self.emit()
        self.bus.move(name, "evaluating", data='{"a": 1}')
        self.bus.move(name, "expired", actor="operator", reason="operator", data={"b": 2})
        events = [event for event in
                  self.ok("why", name, "--json", "--dir", self.log).json["events"]
                  if event["event"] == "signal.moved"]
        self.assertEqual([(event["actor"], event["reason"]) for event in events],
                         [("external", "external"), ("operator", "operator")])
        with self.assertRaises(millrace.MR_REFUSED):
            self.bus.move(name, "learned", actor="learn")


if __name__ == "__main__":
    program.main()
