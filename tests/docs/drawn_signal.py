#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The signal that docs/ARCHITECTURE.md draws is the one that the program writes.

usage: drawn_signal.py MILLRACE ROOT

Runs what the document says, then compares its table of events (number, kind, bytes of the body, bytes
in the file, cause) and its picture of one record with the log.  Bytes that differ from run to run are
left out: checksums that hang on the segment's salt, the wall clock, and what hangs on where seals
stand and on what was durable: so does the record's place in its file.
"""
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "formats"))
from second_reader import PAGE, RECORD_HEAD, ROLL, SEAL, UNIT, expect, read_kinds

FEED = "synthetic:1"
VARYING = {*range(4, 8), *range(16, 24), *range(40, 48)}  # head_crc, time_unix_ns, prev_*, durable_lag
TITLE = re.compile(r"^`[\w.]+` \((\d+)\), \d+ bytes at offset", re.M)
ROW = re.compile(r"^\| (\d+) \| `([\w.]+)` \| (\d+) \| (\d+) \| (\d+|-) \|", re.M)
LINE = re.compile(r"^([0-9a-f]{8})  ((?:[0-9a-f]{2} +){15}[0-9a-f]{2})", re.M)


def records(folder, first, last):
    """The records from `first` on, to `last`, without any check: second_reader.py has them."""
    names = sorted(path.name for path in folder.glob("seg-*.log"))
    bases = [int(name[4:20], 16) for name in names]
    for name, end in zip(names, bases[1:] + [1 << 64]):
        if end <= first or int(name[4:20], 16) > last:
            continue
        data, at = (folder / name).read_bytes(), PAGE
        while at + UNIT <= len(data):
            head = struct.unpack_from(RECORD_HEAD, data, at)
            count, seq, previous, subject, kind = head[0], head[2], head[4], head[5], head[13]
            stored = (count + UNIT - 1) // UNIT * UNIT
            if count == 0 or kind == ROLL or seq > last:
                break
            if seq >= first and kind != SEAL:
                yield seq, kind, previous, subject, at, data[at:at + stored], count - UNIT
            at += stored


def cause_of(kind, seq, body):
    if kind.fields[0][1] != "cause":
        return "-"
    ref = int.from_bytes(body[:8], "little")
    return "-" if ref == 0 else str(seq - (ref & ~(1 << 63)) if ref >> 63 else ref)


def main(program, root):
    document = (pathlib.Path(root) / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    kinds = read_kinds((pathlib.Path(root) / "docs/FORMAT.md").read_text(encoding="utf-8"))
    drawn = {int(row[0]): row[1:] for row in ROW.findall(document)}
    picture = LINE.findall(document)
    expect(len(drawn) > 20 and len(picture) > 3, "the document draws nothing")
    pictured = int(TITLE.search(document).group(1))
    subject, own, of_picture = None, set(), None
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "run"
        subprocess.run([program, "run", "--dir", folder, "--feed", FEED], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for seq, number, _, about, at, data, count in records(folder, min(drawn), max(drawn)):
            name = kinds[number].name
            found = (name, str(count), str(len(data)), cause_of(kinds[number], seq, data[UNIT:]))
            if seq in drawn:
                expect(drawn[seq] == found, f"event {seq} is {found}, drawn as {drawn[seq]}")
                subject = about if name == "signal.generated" else subject
            if about == subject and subject:
                own.add(seq)
            if seq == pictured:
                of_picture = data
    expect(own and own <= drawn.keys(), f"events of the signal are not drawn: {own - drawn.keys()}")
    expect(of_picture is not None, "the log has no such event")
    at, data = int(picture[0][0], 16), of_picture
    expect(len(picture) * 16 == len(data), f"the record has {len(data)} bytes")
    for i, (offset, text) in enumerate(picture):
        line = bytes.fromhex(text)
        expect(int(offset, 16) == at + 16 * i, f"the picture's line {i} begins elsewhere")
        for k in range(16):
            expect(16 * i + k in VARYING or line[k] == data[16 * i + k],
                   f"byte {16 * i + k} of the record is {data[16 * i + k]:02x}, drawn as {line[k]:02x}")
    print(f"{len(drawn)} events, {len(own)} of the signal itself, {len(data)} bytes drawn")


if __name__ == "__main__":
    main(*sys.argv[1:])
