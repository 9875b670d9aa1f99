#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tamper evidence as users meet it: log seal, log prove, verify with levels and proofs."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import program
from program import FAULT, NO, USAGE


class SealTest(program.LogCase):
    def make_key(self, name="key"):
        """A key pair, as openssl writes it."""
        private, public = self.folder / f"{name}.pem", self.folder / f"{name}.pub"
        try:
            made = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private],
                                  capture_output=True)
        except FileNotFoundError:
            self.skipTest("there is no openssl to make a key with")
        self.assertEqual(made.returncode, 0, made.stderr)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
        os.chmod(private, 0o600)
        return private, public

    def head(self):
        return self.ok("log", "seal", "--dir", self.log).out

    def test_a_finished_run_is_sealed_to_its_end_and_sealing_again_changes_nothing(self):
        head = self.head()
        self.assertRegex(head, r"\A\d+ [0-9a-f]{64}\n\Z")
        self.assertEqual(self.head(), head)
        answer = self.ok("verify", "--dir", self.log, "--json").json
        self.assertEqual(answer["level"], 1)
        self.assertEqual(answer["sealed_up_to_seq"], answer["up_to_seq"])
        self.assertEqual(int(head.split()[0]), answer["up_to_seq"])
        self.assert_says(self.ok("verify", "--dir", self.log),
                         f"level 1 up to event {answer['up_to_seq']}")
        self.assertNotIn("level 1", self.ok("verify", "--level", "0", "--dir", self.log).out)

    def test_heads_kept_outside_are_found_again_and_others_are_not(self):
        heads = self.write("heads", self.head())
        self.assert_says(self.ok("verify", "--heads", heads, "--dir", self.log), "level 3 up to")
        seq, link = self.head().split()
        other = self.write("other", f"# by hand\n\n{seq} {'0' * 64}\n")
        answer = self.assert_exit(
            program.call("verify", "--level", "3", "--heads", other, "--dir", self.log), NO)
        self.assert_says(answer, f"up to event {seq}")
        later = self.write("later", f"{int(seq) + 1} {link}\n")
        answer = self.assert_exit(program.call("verify", "--heads", later, "--dir", self.log), NO)
        self.assert_says(answer, "cut or set back")
        broken = self.write("broken", f"{seq} {link}\n{seq} {link[1:]}\n")
        self.assert_says(self.refused("verify", "--heads", broken, "--dir", self.log), "line 2")
        self.assert_exit(
            program.call("verify", "--heads", self.folder / "none", "--dir", self.log), FAULT)

    def test_heads_and_proofs_are_told_as_json(self):
        seq, link = self.head().split()
        answer = self.ok("log", "seal", "--json", "--dir", self.log)
        self.assertEqual(answer.json_lines, [{"head_seq": int(seq), "head_link": link,
                                              "signature": None, "sealed_to_end": True}])
        proof = self.ok("log", "prove", "7", "--json", "--dir", self.log)
        self.assertEqual(proof.out, self.ok("log", "prove", "7", "--dir", self.log).out)
        for words in (("seal", "--dir", self.folder / "none"), ("prove", "99999999", "--dir", self.log),
                      ("prove", "7", "--heads", self.folder / "none", "--dir", self.log)):
            answer = program.call("log", *words, "--json")
            self.assertNotEqual(answer.code, program.OK)
            self.assertEqual([line["error"]["exit"] for line in answer.json_lines], [answer.code])

    def test_a_signed_head_is_told_as_json(self):
        private, _ = self.make_key()
        answer = self.ok("log", "seal", "--json", "--key", private, "--dir", self.log).json
        kept = self.ok("log", "seal", "--key", private, "--dir", self.log).out.split()
        self.assertEqual([str(answer["head_seq"]), answer["head_link"], answer["signature"]], kept)

    def test_a_file_without_heads_is_refused(self):
        proof = self.write("proof.json", self.ok("log", "prove", "7", "--dir", self.log).out)
        for text in ("", "\n", "# none yet\n"):
            heads = self.write("empty", text)
            for words in (["verify"], ["verify", "--level", "3"], ["verify", "--proof", proof],
                          ["log", "prove", "7"]):
                answer = self.refused(*words, "--heads", heads, "--dir", self.log)
                self.assert_says(answer, "there is no head in it")

    def test_a_signed_head_is_the_key_owners_alone(self):
        private, public = self.make_key()
        self.ok("log", "seal", "--key", private, "--dir", self.log)
        answer = self.ok("verify", "--public-key", public, "--dir", self.log)
        self.assert_says(answer, "level 2 up to event")
        _, stranger = self.make_key("stranger")
        answer = self.assert_exit(
            program.call("verify", "--public-key", stranger, "--dir", self.log), NO)
        self.assert_says(answer, "was not signed for this log")
        os.chmod(private, 0o640)
        answer = self.refused("log", "seal", "--key", private, "--dir", self.log)
        self.assert_says(answer, "others may use this key")
        os.chmod(public, 0o600)
        answer = self.refused("log", "seal", "--key", public, "--dir", self.log)
        self.assert_says(answer, "private key in PEM")

    def test_a_level_says_what_it_needs(self):
        for level, needed in (("2", "--public-key"), ("3", "--heads")):
            answer = self.refused("verify", "--level", level, "--dir", self.log)
            self.assert_says(answer, needed)
        self.assert_says(self.refused("verify", "--level", "4", "--dir", self.log), "0 to 3")

    def test_a_proof_holds_without_the_log_and_not_with_anything_changed(self):
        heads = self.write("heads", self.head())
        proof = self.ok("log", "prove", "7", "--heads", heads, "--dir", self.log)
        path = self.write("proof.json", proof.out)
        near = self.write("near.json", self.ok("log", "prove", "7", "--dir", self.log).out)
        for name in os.listdir(self.log):
            if name.startswith("seg-"):
                os.remove(self.log / name)
        answer = self.ok("verify", "--proof", path, "--heads", heads)
        self.assert_says(answer, "event 7 is in the log", self.read_text(heads).strip())
        self.assert_says(self.ok("verify", "--proof", near), "event 7", "compare it")
        for key, value in proof.json.items():
            changed = dict(proof.json)
            if isinstance(value, int):
                changed[key] = value + 1
            elif value:
                changed[key] = ("1" if value[0] == "0" else "0") + value[1:]
            else:
                continue
            spoiled = self.write("spoiled.json", json.dumps(changed))
            self.assert_exit(program.call("verify", "--proof", spoiled), NO)
        for text in ("", "{}", "[]", '{"seq": 7}', '{"seq": "7"}', '{"surprise": 1}'):
            self.assert_exit(program.call("verify", "--proof", self.write("bad", text)), NO)
        self.assert_exit(program.call("verify", "--proof", self.folder / "none"), FAULT)

    def read_text(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_where_no_log_is_there_is_no_proof_either(self):
        for folder, code in ((self.folder / "none", FAULT), (self.folder, USAGE)):
            answer = self.assert_exit(program.call("log", "prove", "7", "--dir", folder), code)
            self.assertEqual(answer.code, program.call("show", "7", "--dir", folder).code)

    def test_verify_says_what_an_edit_is_found_by(self):
        whole = self.ok("verify", "--dir", self.log).out
        self.assertNotIn("is not found", whole)
        self.assertIn("the levels below say", whole)
        self.assertIn("is not found", self.ok("verify", "--level", "0", "--dir", self.log).out)

    def test_what_is_not_in_the_log_has_no_proof(self):
        last = int(self.head().split()[0])
        self.assert_exit(program.call("log", "prove", str(last + 1), "--dir", self.log), NO)
        for word in ("0", "-1", "x", "1.5"):
            self.assert_exit(program.call("log", "prove", "--dir", self.log, "--", word), USAGE)

    def test_another_log_does_not_have_the_heads_of_this_one(self):
        heads = self.write("heads", self.head())
        other = self.folder / "other"
        self.ok("run", "--dir", other, "--config", self.write_config(**program.SMALL),
                "--feed", "synthetic:3", "--json")
        answer = self.assert_exit(program.call("verify", "--heads", heads, "--dir", other), NO)
        self.assertEqual(answer.out, "")


class LongLogTest(program.Case):
    """Seals of a log of several segments, some of which are lost, archived or removed."""

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="millrace-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.made = program.small_log(cls.shared, synthetic__bars=2500)
        assert len(program.segments(cls.made)) >= 3

    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        shutil.copytree(self.made, self.log)

    def verified(self, *words):
        return self.ok("verify", "--json", "--dir", self.log, *words).json

    def lose(self, segment, offset):
        program.flip(program.segments(self.log)[segment], offset)
        self.ok("log", "repair", "--gap", "--yes", "--dir", self.log)

    def test_a_gap_leaves_events_unproven_and_level_1_is_still_answered(self):
        whole = self.verified("--level", "1")
        self.assertEqual((whole["unproven_events"], whole["unproven_seals"]), (0, 0))
        self.lose(1, 60_000)
        found = self.verified("--level", "1")
        self.assertEqual(found["unproven_seals"], 1)
        self.assertGreater(found["unproven_events"], 0)
        self.assertLessEqual(found["unproven_events"] + found["lost_events"], 1024)
        self.assertEqual(found["sealed_up_to_seq"], whole["sealed_up_to_seq"])
        self.assert_says(self.ok("verify", "--level", "1", "--dir", self.log),
                         f"but for {found['unproven_events']} events")

    def test_a_gap_does_not_cost_the_proof_of_others(self):
        heads = self.write("heads", self.ok("log", "seal", "--dir", self.log).out)
        self.lose(1, 60_000)
        self.ok("verify", "--level", "3", "--heads", heads, "--dir", self.log)
        lost = self.ok("log", "stat", "--json", "--dir", self.log).json
        self.assertGreater(lost["gaps"], 0)
        proof = self.ok("log", "prove", "7", "--heads", heads, "--dir", self.log)
        self.ok("verify", "--proof", self.write("proof", proof.out), "--heads", heads)
        gap = int(program.segments(self.log)[1].name[4:20], 16) + 1100
        codes = {program.call("log", "prove", str(seq), "--dir", self.log).code
                 for seq in range(gap - 1100, gap, 100)}
        self.assertEqual(codes, {NO, 0})

    def test_an_archived_log_is_proven_and_proves_as_before(self):
        heads = self.write("heads", self.ok("log", "seal", "--dir", self.log).out)
        before = self.verified("--heads", heads)
        proof = self.ok("log", "prove", "7", "--heads", heads, "--dir", self.log).out
        self.ok("log", "archive", "--dir", self.log)
        self.assertEqual(self.verified("--heads", heads), before)
        self.assertEqual(self.ok("log", "prove", "7", "--heads", heads, "--dir", self.log).out, proof)

    def test_heads_of_removed_events_are_said_not_to_be_checked(self):
        proof = self.ok("log", "prove", "7", "--dir", self.log).json
        heads = self.write("heads", f"{proof['head_seq']} {proof['head_link']}\n")
        self.assertEqual(self.verified("--heads", heads)["kept_outside_up_to_seq"],
                         proof["head_seq"])
        self.ok("log", "retain", "--keep-bytes", "1", "--dir", self.log)
        gone = self.assert_exit(program.call("log", "prove", "7", "--dir", self.log), NO)
        self.assert_says(gone, "event 7 was removed", "kept from event")
        answer = self.ok("verify", "--heads", heads, "--dir", self.log)
        self.assert_says(answer, "level 3 not checked")
        self.assertNotIn("that the heads given were taken from", answer.out)
        self.assertEqual(self.verified("--heads", heads)["kept_outside_up_to_seq"], 0)
        self.assert_exit(program.call("verify", "--level", "3", "--heads", heads, "--dir", self.log),
                         NO)

    def test_a_log_without_its_beginning_counts_what_only_what_is_gone_would_prove(self):
        heads = self.write("heads", self.ok("log", "seal", "--dir", self.log).out)
        self.ok("log", "retain", "--keep-bytes", "1", "--dir", self.log)
        found = self.verified("--level", "3", "--heads", heads)
        self.assertGreaterEqual(found["unproven_seals"], 1)  # how many stood behind depends on the pace
        first = found["from_seq"]
        proven = first + found["unproven_events"] + 1024
        proof = self.ok("log", "prove", str(proven), "--heads", heads, "--dir", self.log)
        self.ok("verify", "--proof", self.write("proof", proof.out), "--heads", heads)
        for seq in (1, first):  # gone, and sealed together with what is gone
            self.assert_exit(program.call("log", "prove", str(seq), "--dir", self.log), NO)

    def test_a_level_at_which_nothing_can_be_checked_is_answered_no(self):
        _, link = self.ok("log", "seal", "--dir", self.log).out.split()
        heads = self.write("heads", f"1 {link}\n")
        self.ok("log", "retain", "--keep-bytes", "1", "--dir", self.log)
        self.ok("verify", "--heads", heads, "--dir", self.log)
        answer = self.assert_exit(
            program.call("verify", "--level", "3", "--heads", heads, "--dir", self.log), NO)
        self.assert_says(answer, "nothing in it could be checked at level 3")


class WriterTest(program.Case):
    def test_beside_a_writer_one_thing_is_said(self):
        log = self.folder / "log"
        process = self.start("run", "--dir", log, "--speed", "60", "--config",
                             self.write_config(**program.SMALL))
        program.wait_until(lambda: program.call("query", "--dir", log).code in (0, NO), "a log",
                           process)
        answer = program.call("log", "seal", "--dir", log)
        self.assertIn("somebody writes", answer.err)
        self.assertEqual(len(answer.err.splitlines()), 1, str(answer))
        self.assertEqual("newest head so far" in answer.err, answer.code == program.OK)


class UnsealedLogTest(program.Case):
    """More events than one session seals when it ends, left by one that sealed none."""

    SEALS = 2100  # of which a session makes 1,024 at its end

    def test_a_log_is_sealed_to_its_end_however_much_was_left(self):
        maker = os.environ.get("UNSEALED_LOG")
        if not maker:
            self.skipTest("UNSEALED_LOG does not say where the program is that makes such a log")
        self.log = self.folder / "log"
        subprocess.run([maker, self.log, str(self.SEALS)], check=True)
        stat = self.ok("log", "stat", "--json", "--dir", self.log).json
        answer = self.ok("log", "seal", "--dir", self.log)  # walks over all seals to find its head
        self.assertEqual(answer.err, "")
        self.assertEqual(int(answer.out.split()[0]), stat["last_seq"])
        refused = self.refused("run", "--dir", self.log)  # its maker is no run
        self.assert_says(refused, "was not begun by")
        self.assertNotIn("csv", refused.err)
        self.assertEqual(self.ok("log", "seal", "--dir", self.log).out, answer.out)

    def test_the_log_of_another_program_is_verified_as_far_as_it_can_be(self):
        maker = os.environ.get("UNSEALED_LOG")
        if not maker:
            self.skipTest("UNSEALED_LOG does not say where the program is that makes such a log")
        self.log = self.folder / "log"
        subprocess.run([maker, self.log, "4", "60000"], check=True)
        self.ok("log", "seal", "--dir", self.log)
        answer = self.ok("verify", "--level", "1", "--json", "--dir", self.log).json
        self.assertEqual(answer["unknown_events"], 2 * (1 + 1024))
        self.assertEqual(answer["unknown_events"], answer["events"])
        self.assertIsNone(answer["digest"])
        self.assert_says(self.ok("verify", "--dir", self.log), "kinds of another program")
        segment = program.segments(self.log)[0]
        with open(segment, "r+b") as file:
            file.seek(4096 + 20)
            byte = file.read(1)
            file.seek(4096 + 20)
            file.write(bytes([byte[0] ^ 1]))
        self.assert_exit(program.call("verify", "--dir", self.log), program.FAULT)


if __name__ == "__main__":
    program.main()
