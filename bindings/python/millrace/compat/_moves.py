# SPDX-License-Identifier: MIT
"""The moves that make a signal what its bot says it is."""
from . import _values

ROAD = ("generated", "evaluating", "approved", "executing", "executed")  # without objections
WAITING = ROAD[:4]  # somebody still has to decide or act; no other state is ever stuck


def path(state, target):
    """The states from `state` to `target` that the lifecycle has; None: there is no way."""
    if state in WAITING:
        if target == "blocked":
            return ["blocked"]
        if target == "expired":
            return ["blocked" if state == "executing" else "expired"]
        if target == "learned":
            return ["executed" if state == "executing" else "expired", "learned"]
        if target in ROAD and ROAD.index(target) > ROAD.index(state):
            return list(ROAD[ROAD.index(state) + 1:ROAD.index(target) + 1])
        return None
    return ["learned"] if target == "learned" and state != "learned" else None


def steps(state, target, has_reason, data):
    """The moves (from, to, gate, reason, data) that make the signal what its bot says it is."""
    road = path(state, target)
    if road is None:
        return None
    moves = []
    for to in road:
        is_last = to == road[-1]
        is_legacy_expired = is_last and to != target  # an order may be alive: it is no expiry
        gate = {"blocked": "external", "expired": "expiry"}.get(to)
        reason = "legacy_expired" if is_legacy_expired else "inferred"
        if is_last and not is_legacy_expired:
            reason = "external" if has_reason else "unstated"
        mark = data if is_last else '{"inferred": true}'
        if is_legacy_expired:
            mark = '{"inferred": true' + (", " + data[1:] if data != "{}" else "}")
        moves.append((state, to, gate, reason, mark))
        state = to
    return moves


def envelope(metadata, reason):
    """What a move keeps beside its states, in names of its own: JSON."""
    parts = []
    if metadata:
        parts.append('"metadata": ' + _values.encode(metadata))
    if reason is not None:
        parts.append('"reason": ' + _values.encode(reason))
    return "{" + ", ".join(parts) + "}"
