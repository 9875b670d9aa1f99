# SPDX-License-Identifier: MIT
"""Any value as JSON: what has no form in JSON is kept as a marked repr, and nothing raises."""
import json
import math

DEPTH_MAX = 64


def type_name(value):
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def marked(value):
    """What JSON has no form for: {"__repr__": "...", "__type__": "..."}."""
    try:
        text = repr(value)
    except Exception as error:  # a repr may do anything
        text = hex(value) if type(value) is int else f"<no repr: {type(error).__name__}>"
    return {"__repr__": text, "__type__": type_name(value)}


def _fast_encoder():
    """One encoder for all calls: making one costs more than a small dict does."""
    make = json.encoder.c_make_encoder
    plain_encoder = json.JSONEncoder(allow_nan=False, default=marked).encode
    if make is None:
        return plain_encoder
    try:  # without markers: a circle ends in RecursionError
        chunks = make(None, marked, json.encoder.encode_basestring_ascii, None, ": ", ", ", False,
                      False, False)
        if "".join(chunks({"a": [1]}, 0)) != '{"a": [1]}':
            return plain_encoder
    except Exception:  # another interpreter, another encoder
        return plain_encoder
    return lambda value: "".join(chunks(value, 0)) if isinstance(value, dict) else plain_encoder(value)


def encode(value):
    """A value as JSON of ASCII characters."""
    try:
        return _encode(value)
    except (TypeError, ValueError, RecursionError, RuntimeError):
        return json.dumps(plain(value, (), 0), allow_nan=False)


def text(value):
    """A str as JSON."""
    return json.encoder.encode_basestring_ascii(value)


def plain(value, around, depth):
    """The value in what JSON has: the slow way, for NaN, odd keys, circles and depths."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else marked(value)
    if isinstance(value, int):
        return value if abs(value).bit_length() < 8192 else marked(value)
    if not isinstance(value, (dict, list, tuple)):
        return marked(value)
    if depth == DEPTH_MAX or any(value is other for other in around):
        return {"__repr__": "..." if depth < DEPTH_MAX else "nested too deep",
                "__type__": type_name(value)}
    around = (*around, value)
    if not isinstance(value, dict):
        return [plain(item, around, depth + 1) for item in list(value)]
    result = {}
    for key, item in list(value.items()):
        name = key_text(key)
        while name in result:
            name += "'"
        result[name] = plain(item, around, depth + 1)
    return result


def key_text(key):
    """As json.dumps() writes keys; others by their repr."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return {None: "null", True: "true", False: "false"}[key] if key is None or isinstance(key, bool) else repr(key)
    return marked(key)["__repr__"]


_encode = _fast_encoder()
