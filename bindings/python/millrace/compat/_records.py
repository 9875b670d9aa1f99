# SPDX-License-Identifier: MIT
"""What the events of a signal say of it: its record, and its changes."""
import json

from . import _words

RESERVED = frozenset(("state", "signal", "source", "ts", "created_at", "last_state_change",
                      "last_reason", "signal_id", "metadata"))


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


def merge(history, signal_id):
    """The record of a signal: its emission, and everything said of it since."""
    first = history[0]
    told = loads(first["data"])
    milliseconds = int(signal_id.rsplit("_", 2)[1])
    unix_ns = first["event_time_unix_ns"]
    seconds = _words.ts(unix_ns) if unix_ns else milliseconds / 1e3
    signal = told.get("signal")
    if not isinstance(signal, dict):  # not emitted here: what the log knows of it
        signal = {"symbol": first["symbol"], "direction": (first["side"] or "").upper() or None,
                  "confidence": first["confidence"], "ts": seconds, "timestamp": _words.iso(seconds),
                  **told}
    record = {"state": "generated", "signal": signal,
              "source": told.get("source", first["source"] or "unknown"), "ts": seconds,
              "created_at": _words.iso(seconds)}
    metadata = {}
    for event in history[1:]:
        merge_event(record, metadata, event, is_observed(signal_id))
    record.update((key, value) for key, value in metadata.items() if key not in RESERVED)
    if metadata:
        record["metadata"] = metadata
    return record


def merge_event(record, metadata, event, is_observed):
    if event["kind"] not in ("signal.moved", "signal.observed"):
        return
    told = loads(event["data"])
    if isinstance(told.get("signal"), dict):
        record["signal"] = told["signal"]
    if isinstance(told.get("metadata"), dict):
        metadata.update(told["metadata"])
    is_move = event["kind"] == "signal.moved" or (is_observed and event["to"] is not None)
    if not is_move:
        return
    record["state"] = event["to"]
    record["last_state_change"] = _words.ts(event["time_unix_ns"])
    if "reason" in told:
        record["last_reason"] = told["reason"]
    elif event["actor"] not in (None, "external"):
        record["last_reason"] = event["reason"]
    if told.get("inferred"):
        metadata["inferred"] = True
    if event["to"] == "blocked" and event["actor"] not in (None, "external"):
        metadata.setdefault("blocker_component", event["gate"])
        metadata.setdefault("blocker_reason", event["reason"])
