#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`millrace serve`: the bus by lines of JSON on a Unix socket, for many peers of all kinds."""
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import unittest

import program
from program import FAULT, MINUTE_MS, OK, START_MS, USAGE

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINE_BYTES_MAX = 1024 * 1024


class Peer:
    """One connection."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def send(self, *requests):
        self.raw(b"".join(json.dumps(one).encode() + b"\n" for one in requests))

    def raw(self, data):
        self.socket.sendall(data)

    def reply(self):
        line = self.file.readline()
        assert line.endswith(b"\n"), f"the connection has ended: {line!r}"
        return json.loads(line, parse_constant=program.refuse_constant)

    def ask(self, verb, **fields):
        self.send({"id": 1, "verb": verb, **fields})
        return self.reply()

    def ok(self, verb, **fields):
        reply = self.ask(verb, **fields)
        assert reply["ok"], reply
        return reply

    def rest(self):
        """All lines up to the end of the connection."""
        return [json.loads(line) for line in self.file]

    def close(self):
        self.file.close()
        self.socket.close()


class ServeCase(program.LogCase):
    def setUp(self):
        super().setUp()
        self.path = self.log / "socket"
        self.symbol = self.first_symbol()

    def serve(self, *words, **options):
        """A server that is up."""
        process = self.start("serve", "--dir", self.log, *words, **options)
        line = process.stdout.readline()
        assert b"serving" in line, (line, process.stderr.read() if process.poll() else "")
        return process

    def stop(self, process, how=signal.SIGTERM):
        process.send_signal(how)
        return self.assert_exit(program.finish(process), OK)

    def peer(self, path=None):
        peer = Peer(path or self.path)
        self.addCleanup(peer.close)
        return peer

    def emission(self, **changes):
        return {"symbol": self.symbol, "side": "long", "source": "bot", "confidence": 0.5, **changes}

    def emitted(self, source="bot"):
        return len(self.query(f"source={source}", "--limit", "100000"))


class ServerTest(ServeCase):
    def test_it_serves_says_so_and_removes_its_socket_at_the_end(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
            peer = self.peer()
            hello = peer.ok("hello", version=1)
            self.assertEqual((hello["version"], hello["process"]), (1, server.pid))
            answer = self.stop(server, how)
            self.assertIn("ended", answer.out)
            self.assertEqual(peer.rest(), [])
            self.assertFalse(self.path.exists())

    def test_what_is_emitted_is_in_the_log_and_decided_by_the_next_run(self):
        server = self.serve()
        peer = self.peer()
        reply = peer.ok("emit", **self.emission())
        self.assertEqual(reply["durability"], "group")
        ident = reply["signals"][0]["id"]
        self.assertEqual(self.query("id=" + ident)[0]["state"], "generated")
        self.ok("emit", "--dir", self.log, "--symbol", self.symbol, "--side", "long",
                "--source", "shell", "--confidence", "1")
        self.assertEqual(len(peer.ok("query", question="source=shell")["signals"]), 1)
        self.stop(server)
        self.ok("verify", "--dir", self.log)

    def test_a_second_server_is_refused_and_a_dead_ones_socket_is_replaced(self):
        server = self.serve()
        answer = self.refused("serve", "--dir", self.log)
        self.assert_says(answer, f"process {server.pid} serves there")
        self.peer().ok("counts")  # the first one was not harmed
        server.kill()
        server.wait()
        self.assertTrue(self.path.exists())
        again = self.serve()
        self.peer().ok("counts")
        other = self.folder / "other"
        second = self.serve("--socket", other)  # another path is another server of the same log
        before = self.peer().ok("hello")["last"]
        self.peer(other).ok("emit", **self.emission())
        self.assertGreater(self.peer().ok("hello")["last"], before)
        self.stop(second)
        self.stop(again)

    def test_of_those_that_start_at_once_one_serves(self):
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.path))  # left over: nobody listens
        dead.close()
        servers = [self.start("serve", "--dir", self.log) for _ in range(6)]
        lines = [server.stdout.readline() for server in servers]
        winners = [server for server, line in zip(servers, lines, strict=True) if line]
        self.assertEqual(len(winners), 1, lines)
        for server in servers:
            if server is not winners[0]:
                answer = self.assert_exit(program.finish(server), USAGE)
                self.assert_says(answer, f"process {winners[0].pid} serves there")
        self.peer().ok("counts")
        self.stop(winners[0])

    def test_a_server_does_not_remove_the_socket_of_another(self):
        server = self.serve()
        self.path.unlink()
        again = self.serve()
        self.stop(server)
        self.peer().ok("counts")
        self.stop(again)
        self.assertFalse(self.path.exists())

    def test_paths_that_cannot_be_are_refused_with_the_reason(self):
        long = self.folder / ("x" * 120)
        self.assert_says(self.refused("serve", "--dir", self.log, "--socket", long),
                         "1 to 107 bytes", "--socket")
        file = self.write("file", "precious")
        self.assert_says(self.refused("serve", "--dir", self.log, "--socket", file), "no socket")
        self.assertEqual(file.read_text(), "precious")
        missing = self.assert_exit(program.call(
            "serve", "--dir", self.log, "--socket", self.folder / "no" / "socket"), FAULT)
        self.assert_says(missing, "No such file or directory")
        for words in (["--connections", "0"], ["--connections", "5000"], ["--idle-timeout", "x"]):
            self.refused("serve", "--dir", self.log, *words)
        self.assert_exit(program.call("serve", "--dir", self.folder / "nothing"), FAULT)

    def test_a_long_directory_can_be_served_on_a_short_socket(self):
        deep = self.folder / ("d" * 100)
        shutil.move(self.log, deep)
        self.log = deep
        self.assert_says(self.refused("serve", "--dir", deep), "--socket")
        server = self.serve("--socket", self.folder / "s")
        self.peer(self.folder / "s").ok("counts")
        self.stop(server)

    def test_what_peers_do_is_told(self):
        server = self.serve("--verbose", "--json")
        peer = self.peer()
        peer.ok("emit", **self.emission())
        peer.ask("nonsense")
        mine = [one for one in peer.ok("stats")["connections"] if one["process"] == os.getpid()]
        self.assertEqual([(one["user"], one["emitted"], one["errors"]) for one in mine],
                         [(os.geteuid(), 1, 1)])
        peer.ok("quit")
        peer.rest()
        answer = self.stop(server)
        events = {line["event"]: line for line in answer.json_lines}
        self.assertEqual(events["closed"]["process"], os.getpid())
        self.assertEqual((events["closed"]["emitted"], events["closed"]["why"]), (1, "quit"))
        self.assertEqual((events["ended"]["accepted"], events["ended"]["requests"]), (1, 4))


class PeersTest(ServeCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve("--connections", "300")
        self.addCleanup(lambda: self.server.poll() is None and self.stop(self.server))

    def test_requests_may_be_sent_ahead_and_are_answered_in_order(self):
        peer = self.peer()
        peer.send(*({"id": i, "verb": "emit", **self.emission()} for i in range(500)))
        self.assertEqual([peer.reply()["id"] for _ in range(500)], list(range(500)))
        self.assertEqual(self.emitted(), 500)

    def test_lines_may_be_torn_anywhere(self):
        peer = self.peer()
        line = json.dumps({"id": "ü", "verb": "emit", **self.emission()}).encode() + b"\r\n"
        for byte in line * 3:
            peer.raw(bytes([byte]))
        self.assertTrue(all(peer.reply()["ok"] for _ in range(3)))
        self.assertEqual(self.emitted(), 3)

    def test_what_is_wrong_is_answered_and_the_connection_goes_on(self):
        peer = self.peer()
        for line, name, byte in ((b"{", "MR_REFUSED", 1), (b"[1]", "MR_REFUSED", 0),
                                 (b'{"verb":"\xff"}', "MR_REFUSED", 9),
                                 (b'{"verb":"no"}', "MR_REFUSED", 8),
                                 (b'{"verb":"get","signal":1,"what":2}', "MR_REFUSED", 32),
                                 (b'{"verb":"get","signal":99999}', "MR_NOT_FOUND", 23)):
            peer.raw(line + b"\n")
            reply = peer.reply()
            self.assertEqual((reply["error"], reply["byte"]), (name, byte), reply)
        self.assertTrue(peer.ask("counts")["ok"])

    def test_a_line_of_ten_megabytes_is_refused_at_once_and_left_out(self):
        peer = self.peer()
        peer.raw(b"x" * (LINE_BYTES_MAX + 1))
        reply = peer.reply()  # before its end has come
        self.assertEqual((reply["error"], reply["line"]), ("MR_REFUSED", 1))
        peer.raw(b"x" * (9 * LINE_BYTES_MAX) + b"\n")
        self.assertTrue(peer.ask("counts")["ok"])
        longest = json.dumps({"verb": "emit", **self.emission(data={"x": ""})}).encode()
        at = longest.index(b'"x": "') + 6
        padding = b"y" * (LINE_BYTES_MAX - len(longest))
        peer.raw(longest[:at] + padding + longest[at:] + b"\n")
        self.assertEqual(peer.reply()["field"], "data")  # read, and refused for what it says

    def test_who_closes_in_the_middle_leaves_nothing_half(self):
        peer = self.peer()
        peer.raw(json.dumps({"verb": "emit", **self.emission()}).encode() + b"\n" +
                 b'{"verb":"emit","symbol":"' + self.symbol.encode())
        peer.close()
        other = self.peer()
        program.wait_until(lambda: len(other.ok("stats")["connections"]) == 1, "it is gone")
        self.assertEqual(self.emitted(), 1)  # the whole line, and not the torn one

    def test_who_has_sent_all_gets_all_answers(self):
        peer = self.peer()
        peer.send(*({"id": i, "verb": "counts"} for i in range(300)),
                  {"id": "w", "verb": "wait", "timeout_ms": 1}, {"id": "last", "verb": "counts"})
        peer.socket.shutdown(socket.SHUT_WR)
        replies = peer.rest()
        self.assertEqual([one["id"] for one in replies], [*range(300), "w", "last"])

    def test_claims_of_who_closes_or_is_killed_go_to_the_next_one(self):
        peer = self.peer()
        for how in ("close", "kill"):
            ordinal = peer.ok("emit", **self.emission())["signals"][0]["ordinal"]
            if how == "close":
                holder = self.peer()
                self.assertEqual(holder.ok("claim", owner="w", to="blocked")["signal"]["ordinal"], ordinal)
            else:
                holder = subprocess.Popen([sys.executable, "-c", """
import socket, sys
bus = socket.socket(socket.AF_UNIX)
bus.connect(sys.argv[1])
bus.sendall(b'{"verb":"claim","owner":"w","to":"blocked"}\\n')
print(bus.recv(4096).decode(), end="", flush=True)
bus.recv(1)
""", str(self.path)], stdout=subprocess.PIPE)
                self.addCleanup(holder.stdout.close)
                claimed = json.loads(holder.stdout.readline())
                self.assertEqual(claimed["signal"]["ordinal"], ordinal)
            other = self.peer()
            conflict = other.ask("claim", owner="v", to="blocked", signal=ordinal)
            self.assertEqual((conflict["error"], conflict["owner"]), ("MR_CONFLICT", "w"))
            shell = program.call("move", "--dir", self.log, str(ordinal), "--from", "generated", "--to",
                                "blocked", "--gate", "external", "--reason", "external")
            self.assertEqual(shell.code, program.NO, shell)  # nor does another process move it
            other.send({"id": 2, "verb": "claim", "owner": "v", "to": "blocked", "timeout_ms": 60000})
            holder.close() if how == "close" else (holder.kill(), holder.wait())
            self.assertEqual(other.reply()["signal"]["ordinal"], ordinal)
            other.ok("move", signal=ordinal, to="blocked", gate="external", reason="external",
                     **{"from": "generated"})
        self.ok("verify", "--dir", self.log)

    def test_feedback_and_health_are_those_of_the_program(self):
        peer = self.peer()
        ident = peer.ok("emit", **self.emission())["signals"][0]["id"]
        peer.ok("feedback", signal=ident, source="desk", judgement="loss", return_bps=-3.5, lesson="too late")
        self.assertIn("too late", self.ok("why", "--dir", self.log, ident).out)
        health = peer.ok("health")
        status = json.loads(program.call("status", "--dir", self.log, "--json").out)
        self.assertEqual((health["state"], health["mode"]), (status["health"], status["mode"]))
        self.assertEqual(health["sources"]["bot"], 1)
        self.assertEqual(sum(health["states"].values()), health["signals"])

    def test_events_of_a_killed_client_go_to_the_next_one(self):
        taker = ("import json, socket, sys, time\n"
                 "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile('rwb')\n"
                 "for request in sys.argv[2:]:\n"
                 "    f.write(request.encode() + b'\\n'); f.flush(); print(f.readline().decode(), end='', flush=True)\n"
                 "time.sleep(600)\n")
        peer = self.peer()
        subscription = {"subscription": "work", "kind": "signal.generated", "source": "bot"}
        peer.ok("subscribe", **subscription)
        peer.ok("emit", **self.emission())
        client = subprocess.Popen(
            [sys.executable, "-c", taker, str(self.path), json.dumps({"verb": "subscribe", **subscription}),
             json.dumps({"verb": "next", "subscription": "work"})], stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.kill)
        client.stdout.readline()
        taken = json.loads(client.stdout.readline())["event"]
        self.assertIsNone(peer.ok("next", subscription="work")["event"])
        peer.send({"id": 2, "verb": "next", "subscription": "work", "timeout_ms": 600000})
        client.kill()
        client.wait()
        given = peer.reply()["event"]
        self.assertEqual((given["seq"], given["deliveries"]), (taken["seq"], 2))
        peer.ok("ack", subscription="work", seq=given["seq"])

    def test_a_signal_or_moment_that_is_no_whole_number_is_told_as_that(self):
        peer = self.peer()
        for request, field in (({"verb": "get", "signal": 1.5}, "signal"), ({"verb": "get", "signal": [1]}, "signal"),
                               ({"verb": "query", "as_of": 1.5}, "as_of")):
            peer.send({"id": 1, **request})
            reply = peer.reply()
            self.assertEqual((reply["field"], reply["text"]), (field, f"{field}: expected a text or a whole number"))
        peer.send({"id": 1, "verb": "query", "question": "time>2300-01-01"})
        self.assertIn("a time of 1970 to 2200", peer.reply()["text"])

    def test_two_hundred_connections_emit_and_wait(self):
        peers = [self.peer() for _ in range(200)]
        for i, peer in enumerate(peers):
            peer.send({"id": i, "verb": "emit", **self.emission()}, {"id": -i, "verb": "hello"})
        for i, peer in enumerate(peers):
            self.assertEqual([peer.reply()["id"] for _ in range(2)], [i, -i])
        self.assertEqual(self.emitted(), 200)
        last = peers[0].ok("hello")["last"]
        for peer in peers[1:]:
            peer.send({"id": 0, "verb": "wait", "after": last, "timeout_ms": 600000})
        self.ok("emit", "--dir", self.log, "--symbol", self.symbol, "--side", "long",
                "--source", "shell", "--confidence", "1")  # another process wakes them
        for peer in peers[1:]:
            self.assertTrue(peer.reply()["grown"])

    def test_who_does_not_read_is_told_and_does_not_hold_others(self):
        slow, other = self.peer(), self.peer()
        slow.ok("emit", signals=[self.emission() for _ in range(1000)])
        count = 60
        slow.send(*({"id": i, "verb": "query", "limit": 1000} for i in range(count)))
        program.wait_until(lambda: other.ok("stats")["refusals"] > 0, "it is told", self.server)
        memory = self.memory()
        program.wait_until(lambda: other.ok("counts")["ok"], "others are served")
        replies = [slow.reply() for _ in range(count)]
        self.assertEqual([one["id"] for one in replies], list(range(count)))
        self.assertEqual({one["error"] for one in replies if not one["ok"]}, {"MR_AGAIN"})
        self.assertTrue(replies[0]["ok"])
        self.assertLess(memory, 400 * 1024)
        self.assertTrue(slow.ask("query", limit=1000)["ok"])  # now that it reads

    def memory(self):
        """KiB that the server itself has; the log's shared memory is not counted."""
        text = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int(text.split("RssAnon:")[1].split()[0])

    def test_what_never_reads_never_makes_the_server_grow(self):
        other = self.peer()
        before = self.memory()
        peers = [self.peer() for _ in range(20)]
        line = json.dumps({"id": 1, "verb": "query", "limit": 1000}).encode() + b"\n"
        for peer in peers:
            peer.socket.setblocking(False)
            try:
                while True:
                    peer.socket.send(line * 1000)
            except BlockingIOError:
                pass
        program.wait_until(lambda: other.ok("stats")["refusals"] >= 20, "all are told", self.server)
        self.assertLess(self.memory() - before, 20 * 2048)

    def test_events_are_delivered_until_acked_also_over_a_restart(self):
        peer = self.peer()
        subscription = {"subscription": "mine", "kind": "signal.generated", "max_in_flight": 2}
        peer.ok("subscribe", **subscription)
        beside = self.peer()
        for field, value in (("max_in_flight", 3), ("ack_wait_ms", 1000)):
            wrong = beside.ask("subscribe", subscription="mine", **{field: value})
            self.assertEqual((wrong["error"], wrong["field"]), ("MR_REFUSED", field), wrong)
        beside.ok("subscribe", subscription="mine")  # not given: as it was
        beside.ok("unsubscribe", subscription="mine")
        peer.ok("emit", signals=[self.emission() for _ in range(3)])
        first, second = (peer.ok("next", subscription="mine")["event"] for _ in range(2))
        self.assertIsNone(peer.ok("next", subscription="mine")["event"])  # two are in flight
        peer.ok("ack", subscription="mine", seq=first["seq"])
        self.stop(self.server)
        self.assertEqual(peer.rest(), [])
        self.server = self.serve()
        peer = self.peer()
        peer.ok("subscribe", **subscription)
        again = peer.ok("next", subscription="mine")["event"]
        self.assertEqual(again["seq"], second["seq"])

    def test_at_the_end_those_that_wait_are_answered(self):
        peer = self.peer()
        peer.send({"id": "e", "verb": "emit", **self.emission()},
                  {"id": "w", "verb": "wait", "timeout_ms": 600000})
        self.assertTrue(peer.reply()["ok"])
        self.stop(self.server)
        self.assertEqual([(one["id"], one["grown"]) for one in peer.rest()], [("w", False)])

    def test_more_connections_than_allowed_are_told_so(self):
        self.stop(self.server)
        self.server = self.serve("--connections", "2")
        peers = [self.peer(), self.peer()]
        for peer in peers:
            peer.ok("counts")
        self.assertEqual([one["error"] for one in self.peer().rest()], ["MR_FULL"])
        peers[0].ok("quit")
        peers[0].rest()
        self.peer().ok("counts")

    def test_idle_connections_end_and_waiting_ones_do_not(self):
        self.stop(self.server)
        self.server = self.serve("--idle-timeout", "1s")
        idle, waiting = self.peer(), self.peer()
        waiting.send({"id": 1, "verb": "wait", "timeout_ms": 600000})
        self.assertEqual(idle.rest(), [])
        self.peer().ok("emit", **self.emission())
        self.assertTrue(waiting.reply()["grown"])


class AsOfTest(ServeCase):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.addCleanup(lambda: self.server.poll() is None and self.stop(self.server))

    def test_get_and_query_answer_as_of_a_moment(self):
        peer = self.peer()
        before = peer.ok("hello")["last"]
        emitted = peer.ok("emit", signals=[self.emission() for _ in range(3)])["signals"]
        first = emitted[0]["id"]
        then = peer.ok("hello")["last"]
        peer.ok("move", signal=first, **{"from": "generated", "to": "expired"})
        self.assertEqual(peer.ok("get", signal=first)["signal"]["state"], "expired")
        for moment in (then, str(then)):
            reply = peer.ok("get", signal=first, as_of=moment)
            self.assertEqual((reply["signal"]["state"], reply["as_of_seq"]), ("generated", then))
        again = peer.ok("get", signal=first, as_of=reply["as_of"])
        self.assertEqual(again, reply)
        question = "source=bot and state=generated"
        self.assertEqual(len(peer.ok("query", question=question)["signals"]), 2)
        page = peer.ok("query", question=question, as_of=then, limit=2)
        peer.ok("emit", **self.emission())
        rest = peer.ok("query", question=question, as_of=page["as_of"], limit=2, page=page["next"])
        self.assertEqual([one["id"] for one in page["signals"] + rest["signals"]],
                         [one["id"] for one in reversed(emitted)])
        self.assertEqual((rest["next"], rest["as_of"]), (None, page["as_of"]))
        self.assertEqual({one["state"] for one in page["signals"] + rest["signals"]}, {"generated"})
        token = self.ok("query", question, "--as-of", str(then), "--limit", "2", "--page", "--json",
                        "--dir", self.log).lines[-1]
        token = json.loads(token)["page"]["next"]  # the program's: it names the moment, too
        for fields in ({"page": token}, {"page": token, "as_of": page["as_of"]},
                       {"page": page["signals"][-1]["id"], "as_of": then}):
            self.assertEqual(peer.ok("query", question=question, limit=2, **fields), rest)
        for fields in ({"page": token.split("/")[0]}, {"page": "garbage"}, {"page": token, "as_of": before}):
            wrong = peer.ask("query", question=question, **fields)
            self.assertEqual((wrong["error"], wrong["field"]), ("MR_REFUSED", "page"), wrong)
        self.assertIn("it names its own", wrong["text"])
        missing = peer.ask("get", signal=first, as_of=before)
        self.assertEqual((missing["error"], missing["field"]), ("MR_NOT_FOUND", "signal"), missing)
        self.assertEqual(peer.ok("query", question=question, as_of=before)["signals"], [])
        for fields in ({}, {"as_of": then}):
            wrong = peer.ask("query", limit=3, page="99999", **fields)
            self.assertEqual((wrong["error"], wrong["field"]), ("MR_NOT_FOUND", "page"), wrong)
            self.assertIn("page: there is no signal 99999", wrong["text"])

    def test_a_moment_that_is_none_is_refused_by_its_field(self):
        peer = self.peer()
        ident = peer.ok("emit", **self.emission())["signals"][0]["id"]
        for moment, error in (("noon", "MR_REFUSED"), (1.5, "MR_REFUSED"), (-1, "MR_REFUSED"),
                              (10**12, "MR_REFUSED"), (True, "MR_REFUSED")):
            for verb, fields in (("get", {"signal": ident}), ("query", {})):
                reply = peer.ask(verb, **fields, as_of=moment)
                self.assertEqual((reply.get("error"), reply.get("field")), (error, "as_of"), (moment, reply))


class FactsTest(ServeCase):
    """quote, candle and funding, into a log without a feed of its own."""

    def setUp(self):
        super().setUp()
        self.log = self.folder / "outside"
        self.ok("run", "--dir", self.log, "--feed", "none", "--drain",
                "--config", self.write_config(log__segment=4))
        self.path = self.log / "socket"
        self.server = self.serve()
        self.addCleanup(lambda: self.server.poll() is None and self.stop(self.server))
        self.bus = self.peer()

    def quote(self, second=0, **changes):
        return self.fact({"time": START_MS + 1000 * second, "bid": 42000.1, "ask": 42000.2}, changes)

    def candle(self, minute=1, **changes):
        return self.fact({"close_time": START_MS + MINUTE_MS * minute, "open": 42000, "high": 42005,
                          "low": 41995, "close": 42001, "volume": 3.5}, changes)

    def funding(self, second=0, **changes):
        return self.fact({"time": START_MS + 1000 * second, "rate": -0.00012, "interval": "8h"}, changes)

    @staticmethod
    def fact(fields, changes):
        fields = {"symbol": "BTCUSDT", **fields, **changes}
        return {key: value for key, value in fields.items() if value is not ...}

    def sql(self, question):
        return json.loads(self.ok("sql", "--json", "--dir", self.log, question).out)

    def last(self):
        return self.bus.ok("hello")["last"]

    def bring(self, verb, *facts, **more):
        """(how many were taken, how many were there already)"""
        fields = facts[0] if len(facts) == 1 else {verb + "s": list(facts)}
        reply = self.bus.ok(verb, **fields, **more)
        self.assertEqual(reply["durability"], more.get("durability", "group"))
        return reply["taken"], reply["repeated"]

    def refuse(self, verb, fields, field, *texts):
        """It is refused by the name of the field, and nothing was done."""
        before = self.last()
        reply = self.bus.ask(verb, **fields)
        self.assertEqual((reply["ok"], reply.get("error"), reply.get("field")),
                         (False, "MR_REFUSED", field), reply)
        for text in texts:
            self.assertIn(text, reply["text"])
        self.assertEqual(self.last(), before)
        return reply

    def test_every_field_is_kept_as_it_was_given(self):
        self.assertEqual(self.bring("quote", self.quote(5, bid_quantity=1.5, source="ws")), (1, 0))
        self.assertEqual(self.bring("candle", self.candle(), durability="async"), (1, 0))
        self.assertEqual(self.bring("funding", self.funding(70, next_time=START_MS + 8 * 3_600_000)), (1, 0))
        kept = self.sql("select * from quotes")[0]
        self.assertEqual([kept[key] for key in ("symbol", "bid", "ask", "bid_quantity", "ask_quantity", "source")],
                         ["BTCUSDT", 42000.1, 42000.2, 1.5, None, "ws"])
        self.assertEqual(kept["event_time_unix_ns"], (START_MS + 5000) * 1_000_000)
        kept = self.sql("select * from prices")[0]
        self.assertEqual([kept[key] for key in ("open", "high", "low", "close", "volume")],
                         [42000, 42005, 41995, 42001, 3.5])
        kept = self.sql("select * from funding")[0]
        self.assertEqual((kept["rate"], kept["interval_ns"], kept["next_time_unix_ns"]),
                         (-0.00012, 8 * 3600 * 10**9, (START_MS + 8 * 3_600_000) * 1_000_000))
        totals = self.bus.ok("stats")["totals"]
        self.assertEqual((totals["facts"], totals["errors"]), (3, 0))
        self.stop(self.server)
        self.ok("verify", "--dir", self.log)

    def test_the_forms_of_a_field_are_those_of_feed(self):
        """Each line is brought in by both, in either order: the second one finds it there."""
        times = [START_MS + 1000, f"{START_MS + 2000}", START_MS // 1000 + 3, (START_MS + 4000) * 10**6,
                 "2024-01-01T00:00:05Z"]
        self.assertEqual(START_MS, 1704067200000)
        facts = [("quote", self.quote(time=times[0], bid="42000.1", ask=4.20002e4)),
                 ("quote", self.quote(time=times[1], bid="42000.10", ask_quantity="1e-3")),
                 ("quote", self.quote(time=times[2], symbol="BTC-USDT", source=None)),
                 ("quote", self.quote(time=times[3], source="ws")),
                 ("funding", self.funding(time=times[4], rate="1e-4", interval="480m")),
                 ("candle", self.candle(close_time=..., open_time="2024-01-01T00:00Z", volume="2e0"))]
        for i, (verb, fields) in enumerate(facts):
            line = json.dumps({"kind": verb, **fields}) + "\n"
            for first in (True, False):
                if first == (i % 2 == 0):
                    self.assertEqual(self.bring(verb, fields), (int(first), int(not first)), fields)
                else:
                    told = self.assert_exit(program.call("feed", "--json", "--dir", self.log, stdin=line), OK)
                    self.assertEqual((told.json["taken"], told.json["known"]),
                                     (int(first), int(not first)), fields)

    def test_what_is_there_already_is_counted_and_not_taken_again(self):
        before = self.last()
        quotes = [self.quote(second) for second in range(3)]
        self.assertEqual(self.bring("quote", *quotes), (3, 0))
        self.assertEqual(self.last(), before + 3)
        self.assertEqual(self.bring("quote", quotes[2], quotes[2]), (0, 2))
        self.assertEqual(self.bring("quote", quotes[2]), (0, 1))
        self.assertEqual(self.last(), before + 3)
        self.assertEqual(self.bring("quote", quotes[2], self.quote(3)), (1, 1))
        self.assertEqual(self.bring("candle", self.candle(1), self.candle(1), self.candle(2)), (2, 1))
        self.assertEqual(self.bring("funding", self.funding(200), self.funding(200)), (1, 1))

    def test_a_batch_has_up_to_4096(self):
        self.assertEqual(self.bus.ok("hello")["limits"]["facts"], 4096)
        quotes = [self.quote(second, source="ws") for second in range(4097)]
        self.refuse("quote", {"quotes": quotes}, "quotes", "1 to 4096")
        self.refuse("quote", {"quotes": []}, "quotes", "1 to 4096")
        self.assertEqual(self.bring("quote", *quotes[:-1]), (4096, 0))

    def test_each_wrong_field_is_named_and_nothing_is_done(self):
        late = "2099-12-31T23:59:00Z"
        wrong = {
            "quote": [("symbol", "NOPE"), ("symbol", ...), ("bid", ...), ("ask", ...), ("bid", 0), ("bid", -1),
                      ("bid", "x"), ("ask", "nan"), ("bid", 42000.123456789), ("bid", 42000.3), ("ask", True),
                      ("bid", {}), ("bid_quantity", -1), ("ask_quantity", "much"), ("time", "noon"),
                      ("time", -1), ("time", 1.5), ("time", late), ("time", ...), ("source", "x" * 65),
                      ("source", "a\nb"), ("source", ""), ("source", " "), ("source", 7), ("close", 1), ("kind", "quote"), ("bids", 1)],
            "candle": [("symbol", "NOPE"), ("close_time", ...), ("open_time", START_MS),
                       ("close_time", START_MS + 1), ("close_time", "noon"), ("close_time", late),
                       ("close_time", 1), *((key, bad) for key in ("open", "high", "low", "close")
                                            for bad in (..., 0, "x", 42000.123456789)),
                       ("high", 41000), ("volume", ...), ("volume", -1), ("volume", "x"), ("volume", 1e300),
                       ("time", START_MS),
                       ("source", "ws"), ("bid", 1)],
            "funding": [("symbol", "NOPE"), ("rate", ...), ("rate", 1.5), ("rate", "x"), ("interval", "8d"),
                        ("interval", 8), ("interval", "0h"), ("time", "noon"), ("time", ...), ("next_time", START_MS - 1),
                        ("next_time", "soon"), ("source", "x" * 65), ("source", ""), ("source", " "),
                        ("bid", 1)],
        }
        # Where a missing or second field says more about another one:
        told = {("candle", "open_time"): "close_time"}
        for verb, cases in wrong.items():
            good = getattr(self, verb)
            for field, bad in cases:
                with self.subTest(verb=verb, field=field, bad=bad):
                    name = told.get((verb, field), field)
                    reply = self.refuse(verb, good(**{field: bad}), name)
                    text = json.dumps({"id": 1, "verb": verb, **good(**{field: bad})})
                    if bad is not ... and name == field and field != "kind":
                        self.assertEqual(text[reply["byte"] - len(field) - 4:reply["byte"]], f'"{field}": ', reply)
                    batch = [good(), good(**{field: bad}), good()]
                    self.refuse(verb, {verb + "s": batch}, f"{verb}s[1].{name}")
            self.refuse(verb, good(durability="never"), "durability")
            self.refuse(verb, {verb + "s": [good()], "symbol": "BTCUSDT"}, "symbol", "belongs into the items")
            self.refuse(verb, {verb + "s": [good(), 7]}, verb + "s[1]", "an object")
            self.refuse(verb, {verb + "s": [good(), good(durability="async")]}, verb + "s[1].durability")
            self.refuse(verb, {verb + "s": good()}, verb + "s", "a list")
        for verb, at in (("quote", 1), ("candle", 1), ("funding", 600)):
            self.assertEqual(self.bring(verb, getattr(self, verb)(at)), (1, 0))

    def test_a_batch_with_one_that_is_too_old_is_refused_as_a_whole(self):
        self.bring("quote", self.quote(10))
        self.refuse("quote", {"quotes": [self.quote(11), self.quote(12), self.quote(9)]},
                    "quotes[2].time", "lies before")
        self.bring("candle", self.candle(2))
        self.refuse("candle", {"candles": [self.candle(3), self.candle(1)]}, "candles[1].close_time", "lies before")
        self.refuse("candle", self.candle(2, close=42002), "close_time", "another bar")

    def test_a_log_with_a_feed_of_its_own_takes_none(self):
        self.stop(self.server)
        self.log = self.folder / "log"
        self.path = self.log / "socket"
        self.server = self.serve()
        self.bus = self.peer()
        for verb in ("quote", "candle", "funding"):
            fields = getattr(self, verb)(symbol=self.symbol)
            for request in (fields, {verb + "s": [fields]}):
                self.refuse(verb, request, None, "has a feed of its own", "--feed none")

    def test_another_process_and_those_who_wait_see_them(self):
        waiting = self.peer()
        waiting.send({"id": 1, "verb": "wait", "timeout_ms": 600000})
        follower = self.peer()
        follower.ok("subscribe", subscription="prices", kind="quote")
        self.bring("quote", self.quote(1))
        self.assertTrue(waiting.reply()["grown"])
        self.assertEqual(follower.ok("next", subscription="prices", timeout_ms=60000)["event"]["event"], "quote")
        line = json.dumps({"kind": "quote", **self.quote(1)}) + "\n"
        told = self.assert_exit(program.call("feed", "--json", "--dir", self.log, stdin=line), OK)
        self.assertEqual(told.json, {"taken": 0, "refused": 0, "known": 1})
        self.bus.ok("emit", symbol="BTCUSDT", side="long", source="bot", confidence=0.5)

    def test_whole_lines_of_one_who_has_gone_are_done(self):
        for count, (at, verb) in enumerate(((1, "quote"), (1, "candle"), (600, "funding")), 1):
            peer = self.peer()
            peer.send({"verb": verb, **getattr(self, verb)(at)})
            peer.close()
            # The lines of one connection are done in order; those of two may be done in any.
            program.wait_until(lambda: self.bus.ok("stats")["totals"]["facts"] == count, f"{verb} is done",
                               self.server)

    def test_a_verb_that_is_unknown_is_told_before_its_fields(self):
        reply = self.bus.ask("quotation", bidding=1)
        self.assertEqual((reply["field"], reply["text"].split(" (")[0]), ("verb", 'verb: unknown verb "quotation"'))


@unittest.skipUnless(program.is_root(), "needs root to become another user")
class UsersTest(ServeCase):
    def test_another_user_is_refused_also_where_the_file_lets_him_in(self):
        server = self.serve()
        for folder in (self.folder, self.log):
            folder.chmod(0o755)
        script = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
                  "try:\n    s.connect(sys.argv[1])\nexcept PermissionError:\n    sys.exit('closed')\n"
                  "print(s.makefile().readline())\n")
        def connect():
            return subprocess.run(["/usr/bin/python3", "-c", script, str(self.path)],
                                  preexec_fn=program.become_nobody, capture_output=True,
                                  text=True, check=False, cwd="/")
        self.assertIn("closed", connect().stderr)
        self.path.chmod(0o666)
        self.assertEqual(json.loads(connect().stdout)["error"], "MR_EACCESS")
        peer = self.peer()
        self.assertEqual(peer.ok("stats")["refused_users"], 1)
        self.assertIn("1 of other users refused", self.stop(server).out)

    def test_who_may_only_read_the_log_does_not_serve(self):
        self.folder.chmod(0o777)
        shutil.copy(program.binary(), self.folder / "program")
        for path in [self.log, *self.log.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        answer = subprocess.run(
            [self.folder / "program", "serve", "--dir", self.log, "--socket", self.folder / "s"],
            env=program.environment(), preexec_fn=program.become_nobody, capture_output=True,
            text=True, check=False, cwd="/", timeout=120)
        self.assertEqual(answer.returncode, FAULT, answer)
        self.assertIn("may read the log (query, show, status, verify), and not write to it", answer.stderr)
        self.assertFalse((self.folder / "s").exists())

    def test_root_is_served_by_a_server_of_another_user(self):
        user = pwd.getpwnam(program.NOBODY)
        self.folder.chmod(0o755)
        shutil.copy(program.binary(), self.folder / "program")
        for path in [self.log, *self.log.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
        process = subprocess.Popen(
            [self.folder / "program", "serve", "--dir", self.log], env=program.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=program.become_nobody, cwd="/")
        line = process.stdout.readline()
        self.assertIn(b"serving", line, process.stderr.read() if not line else "")
        self.peer().ok("counts")
        self.stop(process)


class ExamplesTest(ServeCase):
    def run_example(self, *words):
        server = self.serve()
        run = subprocess.run([*words, str(self.path), self.symbol], capture_output=True, text=True,
                             timeout=120, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = dict(line.split(" ", 1) for line in run.stdout.splitlines())
        self.assertTrue(lines["emitted"].endswith(" group"))
        self.assertEqual(lines["event"], "signal.generated " + lines["emitted"].split()[0])
        self.assertEqual(lines["state"], "generated")
        self.stop(server)
        wrong = subprocess.run([*words, str(self.path), self.symbol], capture_output=True, text=True,
                               timeout=120, check=False)
        self.assertEqual(wrong.returncode, 1, "no server is up")

    def test_the_session_in_the_document_is_true(self):
        text = (ROOT / "docs/PROTOCOL.md").read_text(encoding="utf-8")
        lines = text.split("```session\n")[1].split("```")[0].splitlines()
        server = self.serve()
        peer = self.peer()
        for asked, answered in zip(lines[::2], lines[1::2], strict=True):
            self.assertEqual((asked[:2], answered[:2]), ("> ", "< "))
            peer.raw(asked[2:].replace("SIM01USD", self.symbol).encode() + b"\n")
            self.assert_like(peer.reply(), json.loads(answered[2:].replace("SIM01USD", self.symbol)))
        self.assertEqual(peer.rest(), [])
        self.stop(server)

    def assert_like(self, found, wanted):
        """Equal, with the same keys in the same order; "..." stands for anything."""
        if isinstance(wanted, dict):
            self.assertEqual(list(found), list(wanted))
            for key, value in wanted.items():
                self.assert_like(found[key], value)
        elif isinstance(wanted, list):
            self.assertEqual(len(found), len(wanted))
            for one, other in zip(found, wanted, strict=True):
                self.assert_like(one, other)
        elif wanted != "...":
            self.assertEqual(found, wanted)

    def test_the_client_in_python_runs_and_is_short(self):
        self.assertLessEqual(len((ROOT / "examples/client.py").read_text().splitlines()), 40)
        self.run_example(sys.executable, ROOT / "examples/client.py")
        self.assert_tells_usage(sys.executable, ROOT / "examples/client.py")

    def assert_tells_usage(self, *words):
        for arguments in ((), (self.path,), (self.path, "SIM01USD", "more")):
            done = subprocess.run([*words, *arguments], stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, r"\Ausage: client\.(py|js) DIR/socket SYMBOL\n\Z")

    @unittest.skipUnless(shutil.which("node"), "node is not installed (the package nodejs)")
    def test_the_client_in_javascript_runs(self):
        self.run_example("node", ROOT / "examples/client.js")
        self.assert_tells_usage("node", ROOT / "examples/client.js")


if __name__ == "__main__":
    program.main()
