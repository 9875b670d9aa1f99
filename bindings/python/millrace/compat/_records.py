# SPDX-License-Identifier: MIT
"""What the events of a signal say of it: its record, and its changes.

Whoever emits and moves may add data of his own. Those that this package added itself have exactly its
keys, and fit what the log has of the event; others' are data of the signal, and take nothing over.
"""
import collections
import json

from . import _words

RESERVED = frozenset(("state", "signal", "source", "ts", "created_at", "last_state_change",
                      "last_reason", "signal_id", "metadata"))
EMISSION_KEYS = frozenset(("signal", "source"))
MOVE_KEYS = frozenset(("metadata", "reason", "inferred", "metadata_in"))
MOVE_REASONS = frozenset(("external", "unstated", "inferred", "legacy_expired"))
# Is its time the clock's; is_same_symbol(one, other): are two names those of one symbol?
Log = collections.namedtuple("Log", ("is_live", "is_same_symbol"))
BESIDE = "signal.observed"  # where data are that a signal or a move has no room for


def loads(text):
    """The data of an event as a dict, whoever wrote them."""
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"data": value}


def is_observed(signal_id):
    """Ids of emissions outside the lifecycle have the highest bit of their last part."""
    tail = signal_id.rpartition("_")[2]
    try:
        return int(tail, 16) >= 0x80000000
    except ValueError:
        return False


def _is_emission(told, first, is_same):
    """Are they the data of an emission of this package, and of that one?"""
    signal = told.get("signal")
    if not (isinstance(signal, dict) and EMISSION_KEYS.issuperset(told) and
            "ts" in signal and "timestamp" in signal):
        return False
    if "source" in told:
        source = told["source"]
        names = (_words.source_name(source), _words.RESERVED_PREFIX + source) \
            if isinstance(source, str) else ()
        if source == first["source"] or first["source"] not in names:
            return False
    symbol = signal.get("symbol")
    if first["kind"] != "signal.generated":
        return not isinstance(symbol, str) or _words.text(symbol) == first["symbol"]
    direction = signal.get("side") if signal.get("direction") is None else signal["direction"]
    is_side = isinstance(direction, dict) or _words.side(signal) == first["side"]  # a dict: marked
    return is_side and isinstance(symbol, str) and is_same(symbol, first["symbol"])


def _said(told, event):
    """What this package added to a move, or said of a signal; empty: somebody else's data."""
    is_own = MOVE_KEYS.issuperset(told) and isinstance(told.get("metadata", {}), dict) and \
        told.get("inferred", True) is True
    if event["kind"] == "signal.moved":
        is_own = is_own and event["actor"] == "external" and event["reason"] in MOVE_REASONS
    return told if is_own else {}


def _read(history, is_same):
    """(data of the emission, changes) of a signal. A change is (kind, state before, event, said)."""
    first = history[0]
    emitted = loads(first["data"])
    is_beside = emitted == {"signal_in": BESIDE}
    state = "generated"
    changes = []
    waiting = []  # moves whose data come later
    for event in history[1:]:
        is_move = event["kind"] == "signal.moved"
        if not is_move and event["kind"] != "signal.observed":
            continue
        told = loads(event["data"])
        to = event["to"]
        if is_beside and not is_move and to is None and _is_emission(told, first, is_same):
            emitted, is_beside = told, False
            continue
        said = _said(told, event)
        if is_move or (to is not None and first["kind"] == "signal.observed"):
            changes.append(("move", state, event, dict(said)))
            state = to
            if said.get("metadata_in") == BESIDE:
                waiting.append(changes[-1][3])
        elif to is None and said and waiting:
            waiting.pop(0).update(said)
        elif to == state or (to is None and said):
            changes.append(("word", state, event, said))
        elif to is not None:
            changes.append(("refusal", state, event, said))
    return emitted, changes


def _known(first, emitted, seconds):
    """A signal that was not emitted here: what the log knows of it, and the data beside it."""
    known = {"symbol": first["symbol"], "direction": (first["side"] or "").upper() or None,
             "confidence": first["confidence"]}
    signal = {**known, "ts": seconds, "timestamp": _words.iso(seconds), **emitted}
    signal.update((key, value) for key, value in known.items() if value is not None)
    return signal


def _begin(history, signal_id, emitted, log):
    """A live log took it when it was emitted; its event time is that of a run's last tick, if one is up."""
    first = history[0]
    milliseconds = int(signal_id.rsplit("_", 2)[1])
    unix_ns = first["time_unix_ns" if log.is_live else "event_time_unix_ns"]
    seconds = _words.ts(unix_ns) if unix_ns else milliseconds / 1e3
    is_own = _is_emission(emitted, first, log.is_same_symbol)
    signal = emitted["signal"] if is_own else _known(first, emitted, seconds)
    source = first["source"] or "unknown"
    return {"state": "generated", "signal": signal,
            "source": emitted.get("source", source) if is_own else source, "ts": seconds,
            "created_at": _words.iso(seconds)}


def merge(history, signal_id, log):
    """The record of a signal: its emission, and everything said of it since."""
    emitted, changes = _read(history, log.is_same_symbol)
    record = _begin(history, signal_id, emitted, log)
    metadata = {}
    for kind, _, event, said in changes:
        metadata.update(said.get("metadata", {}))
        if kind == "move":
            _merge_move(record, metadata, event, said)
        elif kind == "word" and "reason" in said:
            record["last_reason"] = said["reason"]
    record.update((key, value) for key, value in metadata.items() if key not in RESERVED)
    if metadata:
        record["metadata"] = metadata
    return record


def _merge_move(record, metadata, event, said):
    is_others = event["actor"] not in (None, "external")
    record["state"] = event["to"]
    record["last_state_change"] = _words.ts(event["time_unix_ns"])
    if "reason" in said:
        record["last_reason"] = said["reason"]
    elif is_others:
        record["last_reason"] = event["reason"]
    if said.get("inferred"):
        metadata["inferred"] = True
    if event["to"] == "blocked" and is_others:
        metadata.setdefault("blocker_component", event["gate"])
        metadata.setdefault("blocker_reason", event["reason"])


def tell(history, signal_id, log):
    """Events of a signal as a bot's own bus tells them."""
    emitted, changes = _read(history, log.is_same_symbol)
    record = _begin(history, signal_id, emitted, log)
    yield {"event_type": "signal_generated", "event_id": str(history[0]["seq"]),
           "signal_id": signal_id, "ts": record["ts"], "timestamp": record["created_at"],
           "source": record["source"], "signal": record["signal"], "state": "generated"}
    for kind, state, event, said in changes:
        if kind == "refusal":
            continue
        seconds = _words.ts(event["time_unix_ns"])
        yield {"event_type": "state_change", "event_id": str(event["seq"]),
               "signal_id": signal_id, "old_state": state,
               "new_state": event["to"] or state, "ts": seconds, "timestamp": _words.iso(seconds),
               "reason": said.get("reason", event["reason"]),
               "metadata": said.get("metadata", {})}
