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
    return {"__repr__": clean(text), "__type__": clean(type_name(value))}


def is_clean(text):
    """Is it text? Half a pair of surrogates is none, and nothing writes it as UTF-8."""
    try:
        str.encode(text)
    except UnicodeEncodeError:
        return False
    return True


def clean(text):
    """A text with an escape where there is half a pair of surrogates."""
    return text if is_clean(text) else str.encode(text, "utf-8", "backslashreplace").decode()


def items(mapping):
    """(pairs, whether they are its own word) of a dict, whatever a subclass of it does."""
    try:
        return [(key, value) for key, value in mapping.items()], True
    except Exception:
        return list(dict.items(mapping)), False


def fields(mapping):
    """A dict of its own with what a dict, or a subclass of it, has."""
    pairs, is_told = items(mapping)
    return dict(pairs) if is_told else {**dict(pairs), **marked(mapping)}


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
        encoded = _encode(value)
    except Exception:  # subclasses may do anything
        encoded = None
    if encoded is None or "\\ud" in encoded:  # perhaps half a pair of surrogates
        encoded = json.dumps(plain(value, (), 0), allow_nan=False)
    return encoded


def text(value):
    """A str as JSON."""
    return json.encoder.encode_basestring_ascii(value)


def plain(value, around, depth):
    """The value in what JSON has: the slow way, for NaN, odd keys, circles and depths."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if is_clean(value) else marked(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else marked(value)
    if isinstance(value, int):
        return value if int.bit_length(value) < 8192 else marked(value)
    if not isinstance(value, (dict, list, tuple)):
        return marked(value)
    if depth == DEPTH_MAX or any(value is other for other in around):
        return {"__repr__": "..." if depth < DEPTH_MAX else "nested too deep",
                "__type__": type_name(value)}
    around = (*around, value)
    if not isinstance(value, dict):
        return _plain_list(value, around, depth)
    result = {}
    pairs, is_told = items(value)
    for key, item in pairs:
        name = key_text(key)
        while name in result:
            name += "'"
        result[name] = plain(item, around, depth + 1)
    return result if is_told else {**result, **marked(value)}


def _plain_list(value, around, depth):
    try:
        values = list(value)
    except Exception:  # subclasses may do anything
        return marked(value)
    return [plain(item, around, depth + 1) for item in values]


def key_text(key):
    """As json.dumps() writes keys; others by their repr."""
    if isinstance(key, str):
        return clean(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, float):
        return float.__repr__(key)
    if isinstance(key, int) and int.bit_length(key) < 8192:
        return int.__repr__(key)
    return marked(key)["__repr__"]


_encode = _fast_encoder()
