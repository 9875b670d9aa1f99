#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Snapshots that cannot be written: a run goes on without them, and says so."""
import program


class SnapshotTest(program.Case):
    def test_a_run_whose_snapshots_cannot_be_written_ends_well_and_says_so_once(self):
        few = self.write_config(**{**program.SMALL, "log__snapshot_events": 1000})
        whole = self.ok("run", "--dir", self.folder / "whole", "--config", few, "--json")
        self.assertEqual(whole.json["alerts"], 0)
        self.assertNotIn("snapshot", whole.err)
        log = self.folder / "log"
        self.write("log/snap", "a file where the folder of snapshots would be")
        spoiled = self.ok("run", "--dir", log, "--config", few, "--json")
        self.assertEqual(spoiled.err.count("a snapshot could not be written"), 1, str(spoiled))
        self.assertEqual(spoiled.json["digest"], whole.json["digest"])
        self.assertGreater(spoiled.json["alerts"], 1)
        newest = self.ok("tail", "--count", "2", "--dir", log)
        self.assert_says(newest, "alert", "severity=warning", "a snapshot could not be written")
        status = self.ok("status", "--dir", log)
        self.assert_says(status, f"alerts     {spoiled.json['alerts']} in the log")
        self.assertNotIn("alerts", self.ok("status", "--dir", self.folder / "whole").out)
        self.ok("replay", "--check", "--dir", log)
        self.ok("verify", "--dir", log)


if __name__ == "__main__":
    program.main()
