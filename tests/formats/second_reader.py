#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second reader of the log, written from docs/FORMAT.md alone, against the first one.

usage: second_reader.py SAMPLE_LOG ROOT     SAMPLE_LOG makes a log and prints how many records it
                                            reads and their digest: this must find the same
       second_reader.py --list FOLDER       a line for each event: seq, type, version, bytes, CRC32C
       second_reader.py --seals FOLDER      how many seals, how many prove nothing, and the head

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
        self.link, self.first, self.sealed = None, None, 0  # first of the log; newest under a seal
        self.leaves = []  # of events that no SEAL covers: (seq, last seq, end, hash, ends a batch; None: GAP)
        self.may_lack, self.lacks = False, False  # behind a gap: seals may be lost; some are
        self.seals, self.unproven = 0, 0

    def add_leaf(self, seq, last, end, record, is_end):
        self.leaves.append((seq, last, end, sha(b"\0", record), is_end))

    def take_link(self, link, place):
        """A SEAL or a segment says which link is before it."""
        expect(link == self.link or self.may_lack, f"{place}: another link")
        self.lacks |= link != self.link
        self.may_lack, self.link = False, link

    def add_seal(self, record, place):
        first, last, position, root, link = struct.unpack("<QQQ32s32s", record[UNIT:])
        self.take_link(link, place)
        expect(first == self.sealed + 1 or
               first > self.sealed + 1 and (self.lacks or first <= self.first), f"{place}: range")
        covered = [leaf for leaf in self.leaves if leaf[0] <= last and leaf[1] >= first]
        has_gap = any(leaf[4] is None for leaf in covered)
        is_there = first >= self.first and covered and \
            position == covered[-1][2] and root == merkle([leaf[3] for leaf in covered])
        expect(is_there or has_gap or first < self.first, f"{place}: root or position")
        expect(covered == [] or covered[-1][4] is not False, f"{place}: ends within a batch")
        batches = sum(leaf[4] is not False for leaf in covered)
        expect(last - first < 1024 or batches <= 1, f"{place}: too many events")
        self.leaves = [leaf for leaf in self.leaves if leaf[1] > last]
        self.seals, self.unproven = self.seals + 1, self.unproven + (not is_there)
        self.sealed, self.lacks, self.link = last, False, sha(b"\3", link, record)


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
    if chain.seq is None:
        chain.seq = chain.first = base_seq
    expect(base_seq == int(name[4:20], 16) == chain.seq and position == chain.position and
           (crc, units, time) == (chain.crc, chain.units, chain.time), f"{name}: does not continue")
    expect(not reserved and features[0] in (0, 1) and features[1] == 0 and features[2] in (0, 1), f"{name}: features")
    chain.link = sha(b"\2", uuid) if chain.link is None else chain.link
    chain.take_link(link, name)
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
            if last >= seq:
                chain.add_leaf(seq, last, chain.position + end, data[at:at + UNIT], None)
            chain.seq, chain.crc, chain.units, chain.time = last + 1, next_crc, why & 0xFFFF, time
            chain.may_lack, at, is_rolled = True, end, bool(why >> 24 & 1)
            yield from [(seq, kind, version, body)] * (last >= seq)
            continue
        record, is_rolled, is_event = data[at:at + count], kind == ROLL, kind not in (ROLL, SEAL)
        if is_event:
            chain.add_leaf(seq, seq, chain.position + end, record, bool(flags & 2))
        elif not is_rolled:
            chain.add_seal(record, place)
        chain.seq, chain.crc = seq + is_event, head_crc
        chain.units, chain.time, at = (end - at) // UNIT, time, end
        if flags & 4:  # a message id before the body
            expect(len(body) >= 16, f"{place}: no room for a message id")
            body = body[16:]
        batch += [] if not is_event else [(seq, kind, version, body)]
        if flags & 2:
            yield from batch
            batch = []
    expect(not any(data[at:]) and not batch, f"{name}: something behind the end")
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


def check_seals(folder):
    manifest, chain = read_manifest(folder), Chain()
    for path in sorted(folder.glob("seg-*.log")):
        for _ in read_segment(path.read_bytes(), path.name, manifest, chain):
            pass
    print(chain.seals, chain.unproven, chain.sealed, chain.link.hex())


def main(sample_log, root):
    if sample_log == "--seals":
        return check_seals(pathlib.Path(root))
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
