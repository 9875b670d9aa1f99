#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second reader of the log, written from docs/FORMAT.md alone, against the first one.

usage: second_reader.py SAMPLE_LOG ROOT     SAMPLE_LOG makes a log and prints how many records it
                                            reads and their digest: this must find the same
       second_reader.py --list FOLDER       a line for each event: seq, type, version, bytes, CRC32C

The layouts of events are taken out of the document's own tables.
"""
import hashlib
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

PAGE, UNIT, RECORD_MAX = 4096, 64, 1024 * 1024
SEGMENT_HEAD, RECORD_HEAD = "<8sII16sQQQQqIHHIII32s", "<IIQqQIIIHHIIIHBB"
ROLL, SEAL, GAP = 2, 3, 4
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def merkle(leaves):
    """The root over a list of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", merkle(leaves[:left]), merkle(leaves[left:]))


def expect(condition, message):
    if not condition:
        sys.exit(f"second_reader: {message}")


class Kind:
    """A kind of event as the document describes it."""

    def __init__(self, text, sizes):
        self.type, self.name = int(re.match(r"(\d+)", text)[1]), re.match(r"\d+ `([\w.]+)`", text)[1]
        self.fixed_bytes = int(re.search(r"Fixed part of (\d+) bytes", text)[1])
        self.is_covered = "not covered by the digest" not in text
        fixed, *others = re.split(r"\n(?=Rows `|\| text )", text)
        self.fields = [(int(at), name, kind) for at, name, kind in
                       re.findall(r"^\| (\d+) \| `(\w+)` \| `(\w+)`", fixed, re.M)]
        self.rows, self.lengths, end = [], [], 0
        for at, name, kind in self.fields:
            expect(at == end, f"{self.name}.{name} is at {at}, not at {end}")
            end += sizes[kind]
        expect(end == self.fixed_bytes, f"{self.name} has {end} bytes, not {self.fixed_bytes}")
        for other in others:
            rows = re.match(r"Rows `\w+`, `(\w+)` of them, (\d+) bytes", other)
            if rows:
                count_at = [at for at, name, _ in self.fields if name == rows[1]][0]
                self.rows.append((count_at, int(rows[2])))
            else:
                self.lengths = [int(bits) // 8 for bits in
                                re.findall(r"^\| `\w+` \| uint(\d+) \|", other, re.M)]

    def check(self, body):
        at = self.fixed_bytes + sum(body[count_at] * size for count_at, size in self.rows)
        for length in self.lengths:
            count = int.from_bytes(body[at:at + length], "little")
            body[at + length:at + length + count].decode("utf-8")
            at += length + count
        expect(at == len(body), f"{self.name}: its parts take {at} of {len(body)} bytes")


def read_kinds(document):
    fields = document[document.index("### Kinds of fields"):document.index("### Kinds of events")]
    sizes = {kind: int(size) for kind, size in re.findall(r"^\| `(\w+)` \| (\d) \|", fields, re.M)}
    events = document[document.index("### Kinds of events"):]
    kinds = [Kind(text, sizes) for text in re.split(r"^### (?=\d)", events, flags=re.M)[1:]]
    return {kind.type: kind for kind in kinds}


def read_manifest(folder):
    data = (folder / "MANIFEST").read_bytes()
    end = data.rindex(b"crc32c: ")
    expect(data[end:] == b"crc32c: %08x\n" % crc32c(data[:end]), "MANIFEST does not check")
    lines = [line.split(": ", 1) for line in data[:end].decode("ascii").splitlines()]
    expect([key for key, _ in lines[:4]] == ["millrace-log", "uuid", "segment_bytes", "features"],
           "MANIFEST begins with other keys")
    return dict(lines)


class Chain:
    def __init__(self):
        self.seq, self.crc, self.units, self.time, self.position = None, 0, 0, 0, 0
        self.link, self.leaves, self.seals = None, [], 0  # leaves: (seq, end, hash) without a seal
        self.is_lost = False  # behind a gap, until the next SEAL: what it covers is not all there

    def add_leaf(self, seq, end, record):
        self.leaves.append((seq, end, sha(b"\0", record)))

    def add_seal(self, record, place):
        first, last, position, root, link = struct.unpack("<QQQ32s32s", record[UNIT:])
        if self.is_lost:
            self.is_lost, self.leaves, self.link = False, [], link
            return
        covered = [leaf for leaf in self.leaves if leaf[0] <= last]
        expect(covered and (covered[0][0], covered[-1][0]) == (first, last), f"{place}: range")
        expect(position == covered[-1][1], f"{place}: position")
        expect(root == merkle([leaf[2] for leaf in covered]), f"{place}: root")
        expect(link == self.link, f"{place}: link")
        self.leaves = self.leaves[len(covered):]
        self.seals += 1


def read_segment_head(data, name, manifest, chain):
    for at in (0, PAGE // 2):
        expect(int.from_bytes(data[at + 124:at + 128], "little") == crc32c(data[at:at + 124]),
               f"{name}: the head at {at} does not check")
    (magic, version, _, uuid, base_seq, position, salt, length, time, crc, units, reserved, *features,
     link) = struct.unpack_from(SEGMENT_HEAD, data)
    expect(magic == b"MRSEG\r\n\x1a" and version == 1, f"{name}: other magic or version")
    expect(uuid.hex() == manifest["uuid"] and length == int(manifest["segment_bytes"]) == len(data),
           f"{name}: of another log or length")
    if chain.seq is None and base_seq > 1:  # what was removed before, MANIFEST and this head say
        expect(base_seq <= int(manifest["removed"].split()[0]) + 1, f"{name}: is not the first")
        chain.position, chain.crc, chain.units, chain.time, chain.link = \
            position, crc, units, time, link
    chain.link = link if chain.is_lost else chain.link
    chain.seq = base_seq if chain.seq is None else chain.seq
    expect(base_seq == int(name[4:20], 16) == chain.seq and position == chain.position and
           (crc, units, time) == (chain.crc, chain.units, chain.time), f"{name}: does not continue")
    expect(not reserved and features[:2] == [0, 0] and features[2] in (0, 1), f"{name}: features")
    chain.link = sha(b"\2", uuid) if chain.link is None else chain.link
    expect(link == chain.link, f"{name}: another link")
    return salt


def read_segment(data, name, manifest, chain):
    """Yield (seq, type, version, body) of complete batches; ROLL and SEAL are not among them."""
    salt = read_segment_head(data, name, manifest, chain)
    at, batch, is_rolled = PAGE, [], False
    while at + UNIT <= len(data) and not is_rolled:
        (count, head_crc, seq, time, last, next_crc, body_crc, crc, units, lag, gap_units, why, _, kind,
         flags, version) = struct.unpack_from(RECORD_HEAD, data, at)
        if count == 0:
            break
        place = f"{name}: record at {at}"
        expect(UNIT <= count <= RECORD_MAX, f"{place}: length")
        covered = struct.pack("<QQI", salt, chain.position + at, count) + data[at + 8:at + UNIT]
        expect(head_crc == crc32c(covered), f"{place}: head does not check")
        expect((seq, crc, units) == (chain.seq, chain.crc, chain.units), f"{place}: not chained")
        expect(time > chain.time and (lag <= seq or lag == 65535), f"{place}: time or lag")
        body, end = data[at + UNIT:at + count], at + (count + UNIT - 1) // UNIT * UNIT
        expect(body_crc == crc32c(body) and not any(data[at + count:end]), f"{place}: body")
        if kind == GAP:
            end = at + gap_units * UNIT
            expect(count == UNIT and flags == 2 and last >= seq - 1 and end <= len(data) and
                   not any(data[at + UNIT:end]), f"{place}: an impossible gap")
            chain.seq, chain.crc, chain.units, chain.time = last + 1, next_crc, why & 0xFFFF, time
            chain.is_lost, at, is_rolled = True, end, bool(why >> 24 & 1)
            yield from [(seq, kind, version, body)] * (last >= seq)
            continue
        record, is_rolled, is_event = data[at:at + count], kind == ROLL, kind not in (ROLL, SEAL)
        if is_event:
            chain.add_leaf(seq, chain.position + end, record)
        elif not is_rolled:
            chain.add_seal(record, place)
        if not is_event:
            chain.link = sha(b"\3", chain.link, record)
        chain.seq, chain.crc = seq + is_event, head_crc
        chain.units, chain.time, at = (end - at) // UNIT, time, end
        batch += [] if not is_event else [(seq, kind, version, body)]
        if flags == 2:
            yield from batch
            batch = []
    expect(not any(data[at:]) and not batch, f"{name}: something behind the end")
    expect(not chain.leaves or chain.is_lost, f"{name}: events without a seal")
    chain.position += len(data)


def read_log(folder, kinds):
    manifest, chain, digest = read_manifest(folder), Chain(), hashlib.sha256()
    ranks, recoveries = [0], 0
    names = sorted(path.name for path in folder.glob("seg-*.log"))
    for name in names:
        for seq, number, version, body in read_segment((folder / name).read_bytes(), name, manifest,
                                                       chain):
            recoveries += number == 1
            kind = kinds.get(number)
            expect(number < 256 or (kind and version == 1), f"event {seq}: unknown kind {number}")
            ranks.append(ranks[-1] + (number >= 256 and kind.is_covered))
            if number < 256:
                continue
            kind.check(body)
            if not kind.is_covered:
                continue
            replaced = bytearray(body)
            for at, _, field in kind.fields:
                if field == "ref":
                    ref = int.from_bytes(body[at:at + 8], "little")
                    target = seq - (ref & ~(1 << 63)) if ref >> 63 else ref
                    expect(target < seq, f"event {seq}: a reference forward")
                    replaced[at:at + 8] = ranks[target].to_bytes(8, "little")
            digest.update(struct.pack("<HI", number, len(body)) + replaced)
    return f"{len(ranks) - 1} {digest.hexdigest()}", len(names), recoveries, chain.seals


def list_log(folder):
    manifest, chain = read_manifest(folder), Chain()
    for path in sorted(folder.glob("seg-*.log")):
        for seq, kind, version, body in read_segment(path.read_bytes(), path.name, manifest, chain):
            print(seq, kind, version, len(body), f"{crc32c(body):08x}")


def main(sample_log, root):
    if sample_log == "--list":
        return list_log(pathlib.Path(root))
    expect(crc32c(b"123456789") == 0xE3069283, "the checksum itself is wrong")
    kinds = read_kinds((pathlib.Path(root) / "docs/FORMAT.md").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "log"
        first = subprocess.run([sample_log, folder], check=True, capture_output=True, text=True)
        second, segments, recoveries, seals = read_log(folder, kinds)
    print(f"{second}, {segments} segments, {recoveries} recoveries, {seals} seals, {len(kinds)} kinds")
    expect(segments > 1 and recoveries > 0 and seals > segments, "the sample shows too little")
    expect(first.stdout.strip() == second, f"the first reader says {first.stdout.strip()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
