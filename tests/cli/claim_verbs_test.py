#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""move and claim from the shell, routes, stuck signals: what they say, with which exit code, and
that a log with them replays."""
import os
import pathlib
import signal
import subprocess
import time

import program

ROUTES = 'routes:\n  - source: "bot"\n    route: "external:desk"\n  - source: "aside"\n    route: advisory\n'


class VerbsTest(program.LogCase):
    def emit(self, source="bot", **more):
        words = [word for key, value in more.items() for word in (f"--{key}", value)]
        return self.ok("emit", "--symbol", "SIM01USD", "--side", "long", "--source", source,
                       "--confidence", "0.6", *words, "--dir", self.log).out.strip()

    def call(self, *words, **options):
        return program.call(*words, "--dir", self.log, **options)

    def test_a_move_is_made_or_answered_with_the_state_found(self):
        name = self.emit()
        answer = self.call("move", name, "--to", "evaluating", "--json")
        self.assertEqual((answer.code, answer.json["from"], answer.json["state"]),
                         (program.OK, "generated", "evaluating"))
        answer = self.call("move", name, "--to", "blocked", "--from", "generated", "--gate",
                           "external", "--reason", "external", "--json")
        self.assertEqual(answer.code, program.NO)
        self.assertEqual(answer.json["conflict"]["state"], "evaluating")
        self.assertEqual(answer.json["conflict"]["id"], name)
        self.assert_says(answer, "is evaluating since event")
        answer = self.call("move", name, "--to", "blocked", "--gate", "venue", "--reason",
                           "operator", "--actor", "operator", "--data", '{"a":1}')
        self.assertEqual(answer.code, program.OK)
        self.assert_says(answer, "evaluating -> blocked")
        self.assert_says(self.call("why", name), "by venue (operator)", "operator: operator")

    def test_bad_moves_are_refused(self):
        name = self.emit()
        for words, text in ((("move", name), "--to"), (("move", name, "--to", "nope"), "nope"),
                            (("move", name, "--to", "learned"), "generated to learned"),
                            (("move", name, "--to", "blocked"), "gate"),
                            (("move", name, "--to", "blocked", "--gate", "x"), "gate"),
                            (("move", name, "--to", "blocked", "--gate", "venue"),
                             "reason is missing: a move to blocked needs gate and reason"),
                            (("move", name, "--to", "evaluating", "--gate", "external"),
                             "gate: only a move to blocked or expired has one, found external of a move to evaluating"),
                            (("move", name, "--to", "evaluating", "--from", "x"), "--from"),
                            (("move", name, "--to", "evaluating", "--actor", "learn"), "actor"),
                            (("move", name, "--to", "evaluating", "--data", "[1]"), "--data: expected a JSON object"),
                            (("move",), "usage")):
            self.assert_says(self.refused(*words, "--dir", self.log), text)
        self.assertEqual(self.query("--source", "bot")[0]["state"], "generated")
        answer = self.call("move", "nope", "--to", "blocked", "--json")
        self.assertEqual((answer.code, answer.json["error"]["exit"]), (program.NO, 1))
        self.assert_exit(program.call("move", name, "--to", "expired", "--dir", self.folder / "no"),
                         program.USAGE)

    def test_what_names_no_signal_by_its_form_is_none(self):
        name, second = self.emit(), self.emit()
        number = str(self.query("--limit", "1")[0]["ordinal"])
        for text in (f"+{number}", f" {number}", f"{number} ", f"{number}.0", f"{number}.", f"0x{number}",
                     f"-{number}", "", " ", "nope", second + "\n"):
            shown = text.replace("\n", "\\x0a")
            for words in (("move", "--to", "evaluating"), ("claim", "--owner", "w", "--to", "evaluating"),
                          ("show",), ("why",)):
                answer = self.assert_exit(program.call(*words, "--dir", self.log, "--", text), program.NO)
                self.assertEqual(answer.stdout, b"")
                self.assert_says(answer, f'no signal "{shown}"', "that is neither an id nor a number")
        self.assertEqual({row["state"] for row in self.query("--limit", "2")}, {"generated"})
        self.ok("move", "--dir", self.log, "0" + number, "--to", "evaluating")
        self.ok("move", "--dir", self.log, name, "--to", "evaluating")
        for words in (("--limit=+5",), ("--limit=5.0",), ("--limit= 5",), ("--limit=0x5",), ("--as-of=+5",), ("--as-of=5.0",)):
            self.refused("query", "--dir", self.log, *words)

    def test_a_move_out_of_a_final_state_is_refused_with_the_state(self):
        name = self.emit()
        for state, after in (("expired", "only learned"), ("learned", "nothing")):
            self.ok("move", name, "--to", state, "--dir", self.log)
            answer = self.refused("move", name, "--to", "evaluating", "--dir", self.log)
            self.assert_says(answer, f"no move leads from {state} to evaluating: {state} is final, "
                                     f"and {after} comes after it")

    def test_a_worker_in_the_shell(self):
        name = self.emit()
        answer = self.call("claim", "--owner", "desk", "--to", "evaluating", "--json",
                           stdin='renew 5m\nmove evaluating\nmove blocked external external {"x": 1}\n')
        self.assertEqual(answer.code, program.OK, str(answer))
        self.assertEqual([(line["did"], line["state"], line["claimed"])
                          for line in answer.json_lines],
                         [("claimed", "generated", True), ("renewed", "generated", True),
                          ("moved", "evaluating", True), ("moved", "blocked", False)])
        self.assertEqual({line["id"] for line in answer.json_lines}, {name})
        answer = self.call("claim", "--owner", "desk", "--to", "evaluating")
        self.assertEqual(answer.code, program.NO)
        self.assert_says(answer, "nothing to claim")
        other = self.emit()
        answer = self.call("claim", "--owner", "desk", "--to", "evaluating", stdin="")
        self.assert_says(answer, f"claimed  {other}", f"released  {other}")

    def test_claims_wait_for_no_decision_and_status_and_top_count_alike(self):
        before = program.call("status", "--json", "--dir", self.log).json
        self.emit()
        for _ in range(3):
            self.call("claim", "--owner", "desk", "--to", "evaluating", stdin="")
        status = program.call("status", "--json", "--dir", self.log).json
        self.assertEqual(status["pending_inputs"], before["pending_inputs"] + 1)
        signals = status["summary"]["signals"]
        self.assertTrue(signals["conserved"])
        self.assertEqual(signals["generated"], sum(signals["by_state"].values()))
        top = program.call("top", "--json", "--once", "--dir", self.log)
        self.assertEqual(top.json["pending_inputs"], status["pending_inputs"], top)

    def test_a_lease_that_is_over_moves_and_releases_nothing(self):
        workers = []
        for line in "move evaluating", "release", "renew 5m", "":
            name = self.emit()
            workers.append((name, line, self.start(
                "claim", name, "--owner", "desk", "--to", "evaluating", "--lease", "1s", "--dir", self.log,
                stdin=subprocess.PIPE, text=True)))
            self.assertIn("claimed", workers[-1][2].stdout.readline())
        time.sleep(1.01)
        for name, line, worker in workers:
            said = worker.communicate(line + "\n")[1]
            self.assertEqual(worker.returncode, program.NO, said)
            self.assertIn("is generated: the claim of event", said)
            self.assertIn("its lease is over", said)
            events = self.ok("why", name, "--json", "--dir", self.log).json["events"]
            self.assertEqual([event["act"] for event in events if event["event"] == "signal.claimed"],
                             ["taken", "lease_over"])

    def test_bad_claims_are_refused(self):
        name = self.emit()
        for words, text in ((("--to", "evaluating"), "--owner"), (("--owner", "a"), "--to"),
                            (("--owner", "a" * 65, "--to", "evaluating"), "owner"),
                            (("--owner", "\udcff", "--to", "evaluating"), "owner"),
                            (("--owner", "a", "--to", "x"), "x"),
                            (("--owner", "a", "--to", "learned"), "generated to learned"),
                            (("--owner", "a", "--to", "learned", "--from", "blocked"), "blocked"),
                            (("--owner", "a", "--to", "evaluating", "--lease", "0s"), "lease"),
                            (("--owner", "a", "--to", "evaluating", "--lease", "-5s"), "lease"),
                            (("--owner", "a", "--to", "evaluating", "--lease", "9999d"), "lease: expected 1 ms to 24 h, found 863913600 s"),
                            (("--owner", "a", "--to", "evaluating", "--symbol", "X"), "symbol")):
            self.assert_says(self.refused("claim", *words, "--dir", self.log), text)
        for option in ("--symbol", "SIM01USD"), ("--source", "bot"):
            answer = self.refused("claim", name, "--owner", "a", "--to", "evaluating", *option, "--dir", self.log)
            self.assert_says(answer, f"{option[0][2:]}: expected none where one signal is named")
        answer = self.call("claim", "--owner", "a", "--to", "evaluating",
                           stdin="jump\nmove nowhere\nmove blocked\n")
        self.assertEqual(answer.code, program.USAGE)
        self.assert_says(answer, "expected move STATE", "nowhere", "gate", "released")

    def test_lines_behind_the_end_of_a_claim_are_told_and_not_done(self):
        for end, state in (("release", "evaluating"), ("move blocked venue operator", "blocked")):
            name = self.emit()
            answer = self.call("claim", name, "--owner", "a", "--to", "evaluating",
                               stdin=f"move evaluating\n{end}\n\nmove approved\nrelease")
            self.assertEqual(answer.code, program.NO)
            self.assert_says(answer, 'the claim has ended before line 4, which was not done: "move approved"',
                             'the claim has ended before line 5, which was not done: "release"')
            self.assertNotIn("line 3", answer.err)
            self.assert_says(self.call("show", name), f"to={state}")
            self.assertNotIn("to=approved", self.call("show", name).out)
        answer = self.call("claim", self.emit(), "--owner", "a", "--to", "evaluating", "--json",
                           stdin="release\nrenew\n")
        self.assertEqual([list(line)[0] for line in answer.json_lines], ["did", "did", "error"])
        self.assertEqual((answer.code, answer.json["error"]["exit"]), (program.NO, program.NO))
        answer = self.call("claim", self.emit(), "--owner", "a", "--to", "evaluating", stdin="release\n\n \n")
        self.assertEqual(answer.code, program.OK)

    def test_who_waits_for_the_answer_of_a_release_is_not_waited_for(self):
        owner = self.start("claim", self.emit(), "--owner", "a", "--to", "evaluating", "--dir", self.log,
                           stdin=subprocess.PIPE)
        owner.stdin.write(b"release\n")
        owner.stdin.flush()  # and it stays open
        self.assertEqual(owner.wait(60), program.OK)

    def test_with_json_each_line_is_answered_with_one_object(self):
        name = self.emit()
        answer = self.call("claim", "--owner", "a", "--to", "evaluating", "--json",
                           stdin="jump\nmove blocked\nrenew soon\n\nmove blocked venue operator {x\n"
                                 "move nowhere\n" + "x" * 200_000 + "\nrenew 1m\n")
        self.assertEqual(answer.code, program.USAGE)
        lines = answer.json_lines
        self.assertEqual([line.get("did", "refused") for line in lines],
                         ["claimed"] + 6 * ["refused"] + ["renewed", "released"])
        for line, text in zip(lines[1:], ("expected move STATE", "gate", "expected a time", "no JSON",
                                          "no state \"nowhere\"", "more than 131072 bytes")):
            self.assertEqual(line["error"]["exit"], program.USAGE)
            self.assertIn(text, line["error"]["text"])
        self.ok("move", name, "--to", "evaluating", "--dir", self.log)
        answer = self.call("claim", name, "--owner", "a", "--to", "evaluating", "--json")
        self.assertEqual((answer.code, [list(line) for line in answer.json_lines]),
                         (program.NO, [["conflict"]]))
        self.assert_says(answer, "is evaluating since")

    def test_who_has_it_is_said_and_a_kill_gives_it_back(self):
        name = self.emit()
        owner = self.start("claim", name, "--owner", "desk", "--to", "evaluating", "--dir", self.log,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        owner.stdout.readline()
        for words in (("claim", name, "--owner", "rival", "--to", "evaluating"),
                      ("move", name, "--to", "expired")):
            answer = self.call(*words, "--json")
            self.assertEqual((answer.code, answer.json_lines[0]["conflict"]["owner"]),
                             (program.NO, "desk"))
        self.assertEqual(self.call("why", name, "--json").json["claimed_by"], "desk")
        self.assertEqual(self.call("status", "--json").json["claimed"], 1)
        heir = self.start("claim", "--owner", "heir", "--to", "evaluating", "--wait", "10m", "--dir",
                          self.log, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        owner.kill()
        self.assertIn(name, heir.stdout.readline().decode())
        self.assertEqual(heir.wait(), program.OK)
        self.assert_says(self.call("why", name), "desk: generated -> evaluating", "owner_lost",
                         "heir: generated -> evaluating", "released")

    def claim_beside(self, name, *words):
        """A worker that has a signal, and another one that looks at it and wants it."""
        owner = self.start("claim", name, "--owner", "desk", "--to", "evaluating", *words, "--dir",
                           self.log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertIn(b"claimed", owner.stdout.readline())
        heir = self.start("claim", name, "--owner", "heir", "--to", "evaluating", "--wait", "10m",
                          "--json", "--dir", self.log, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return owner, heir

    def see_it_wait(self, heir):
        """Whoever looks at a claim has a descriptor for the process of its owner."""
        def has_looked():
            try:
                return any("pidfd" in os.readlink(fd)
                           for fd in pathlib.Path(f"/proc/{heir.pid}/fd").iterdir())
            except FileNotFoundError:  # closed meanwhile
                return False
        program.wait_until(has_looked, "it looks at the owner", heir)

    def test_who_waits_for_a_signal_gets_it_however_the_claim_ends(self):
        for end in ("released", "killed", "lease over"):
            name = self.emit()
            owner, heir = self.claim_beside(name, *(("--lease", "2s") if end == "lease over" else ()))
            if end != "lease over":
                self.see_it_wait(heir)
                owner.stdin.close() if end == "released" else owner.kill()
            answer = program.finish(heir)
            self.assert_exit(answer, program.OK)
            self.assertEqual([(line["did"], line["id"]) for line in answer.json_lines],
                             [("claimed", name), ("released", name)])

    def test_who_waits_for_a_signal_is_refused_when_it_moves_on(self):
        name = self.emit()
        owner, heir = self.claim_beside(name)
        self.see_it_wait(heir)
        owner.stdin.write(b"move evaluating\n")
        owner.stdin.flush()
        answer = program.finish(heir)
        self.assert_exit(answer, program.NO)
        self.assertEqual(answer.json_lines[0]["conflict"]["state"], "evaluating")
        self.assert_says(answer, "is evaluating, claimed by")

    def test_who_waits_for_a_signal_in_vain_is_told_who_has_it(self):
        name = self.emit()
        self.claim_beside(name)
        answer = self.call("claim", name, "--owner", "late", "--to", "evaluating", "--wait", "1s")
        self.assert_exit(answer, program.NO)
        self.assert_says(answer, 'is generated, claimed by "desk"')


class RoutesTest(program.Case):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"

    def config(self, **values):
        text = program.configuration(synthetic__symbols=2, synthetic__bars=700, log__segment=4,
                                     learn__score_after=0, **values)
        return self.write("routes.yaml", text.replace("routes: []\n", ROUTES))

    def emit(self, source, *words):
        return self.ok("emit", "--symbol", "SIM01USD", "--side", "long", "--source", source,
                       "--confidence", "0.6", *words, "--dir", self.log).out.strip()

    def begin(self, speed="20000", **values):
        """A run that goes on for some seconds, with its first bars."""
        run = self.start("run", "--dir", self.log, "--config", self.config(**values), "--speed",
                         speed, "--json", stdout=subprocess.DEVNULL)
        program.wait_until(lambda: "candle" in program.call(
            "tail", "--count", "50", "--dir", self.log).out, "the first bars", run)
        return run

    def test_a_worker_decides_beside_a_run(self):
        run = self.begin(speed="300")  # longer than this takes on any machine
        worked = []
        for _ in range(5):
            self.emit("bot", "--valid-for", "24h")
            self.emit("aside")
            answer = program.call("claim", "--owner", "desk", "--source", "bot", "--to",
                                  "evaluating", "--wait", "1m", "--json", "--dir", self.log,
                                  stdin="move evaluating\nmove blocked external external\n")
            self.assertEqual(answer.code, program.OK, str(answer))
            worked.append(answer.json_lines[0]["id"])
            self.assert_exit(program.call("claim", "--owner", "rival", "--source", "bot", "--to",
                                          "evaluating", "--dir", self.log), program.NO)
        run.send_signal(signal.SIGINT)
        self.assert_exit(program.finish(run), program.OK)
        self.ok("run", "--dir", self.log, "--json")
        self.assertEqual(len(set(worked)), 5)
        rows = self.ok("query", "--json", "--limit", "100000", "--dir", self.log).json_lines
        mine = {row["id"]: row for row in rows if row["source"] in ("bot", "aside")}
        self.assertEqual(len(mine), 10)
        self.assertEqual({row["state"] for row in mine.values()}, {"learned"})
        for name in worked:
            self.assert_says(self.ok("why", name, "--dir", self.log), "external:desk",
                             "desk: generated -> evaluating")
        aside = next(name for name, row in mine.items() if row["source"] == "aside")
        self.assert_says(self.ok("why", aside, "--dir", self.log), "route       advisory",
                         "advisory: nothing was moved")
        self.assert_says(self.ok("replay", "--check", "--dir", self.log), "identical")

    def test_who_is_stuck_is_named(self):
        run = self.begin(lifecycle__stuck_after_generated=120)
        name = self.emit("bot", "--valid-for", "24h")
        run.send_signal(2)
        run.wait()
        run = self.begin(lifecycle__stuck_after_generated=120)
        program.wait_until(lambda: program.call(
            "status", "--json", "--dir", self.log).json["stuck_count"] > 0, "a stuck signal", run)
        run.send_signal(2)
        run.wait()
        answer = program.call("status", "--json", "--dir", self.log)
        self.assertEqual((answer.code, answer.json["health"], answer.json["why"]),
                         (program.NO, "DEGRADED", "signals are stuck"))
        row = answer.json["stuck"][0]
        self.assertEqual((row["id"], row["state"], row["claimed_by"], row["alerted"]),
                         (name, "generated", None, True))
        self.assertGreater(row["for_s"], 120)
        self.assert_says(program.call("status", "--dir", self.log), name, "generated", "since")
        self.assert_says(self.ok("why", name, "--dir", self.log), "alert ")
        alerts = [line for line in self.ok("tail", "--count", "1000000", "--json", "--dir",
                                           self.log).json_lines if line["event"] == "alert"]
        self.assertEqual(len(alerts), 1)
        self.ok("move", name, "--to", "evaluating", "--dir", self.log)
        self.ok("move", name, "--to", "expired", "--dir", self.log)
        self.ok("run", "--dir", self.log, "--json")
        self.assertEqual(self.ok("status", "--json", "--dir", self.log).json["stuck"], [])
        self.assert_says(self.ok("replay", "--check", "--dir", self.log), "identical")

    def test_a_bad_route_is_refused_with_its_place(self):
        text = program.configuration().replace(
            "routes: []\n", "routes:\n  - source: bot\n    route: outward\n")
        line = text.splitlines().index("    route: outward") + 1
        path = self.write("bad.yaml", text)
        answer = self.assert_exit(program.call("run", "--dir", self.log, "--config", path),
                                  program.USAGE)
        self.assert_says(answer, f"bad.yaml:{line}:12", "routes[0].route",
                         "expected internal, external:NAME")


if __name__ == "__main__":
    program.main()
