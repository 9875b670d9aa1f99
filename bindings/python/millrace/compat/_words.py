# SPDX-License-Identifier: MIT
"""Words, times and places as bots give them, and what the log takes of them."""
import datetime
import enum
import math
import operator
import os
import re
import sys

from .. import _millrace

LONG_WORDS = frozenset(("LONG", "BUY", "STRONG_LONG", "STRONG_BUY"))
SHORT_WORDS = frozenset(("SHORT", "SELL", "STRONG_SHORT", "STRONG_SELL"))
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
RESERVED_PREFIX = "bot:"
UNNAMED = "unnamed"
TEXT_BYTES_MAX = 256
SOURCE_BYTES_MAX = 64


def word(value):
    """An enum, a str or anything as its text."""
    if type(value) is str:
        return value
    if isinstance(value, enum.Enum):
        value = value.value
    return value if isinstance(value, str) else str(value)


def shown(value):
    """A value in few characters."""
    try:
        said = repr(value)
    except Exception:  # a repr may do anything, and that of a large integer raises
        said = str(type(value))
    return said if len(said) <= 60 else said[:57] + "..."


def side(signal):
    for key in ("direction", "side"):
        value = signal.get(key)
        if value is not None:
            try:
                said = word(value).strip().upper()
            except Exception:  # a value of a bot may do anything
                return None
            if said in LONG_WORDS:
                return "long"
            if said in SHORT_WORDS:
                return "short"
            return None
    return None


def confidence(signal):
    """A number from 0 to 1; None: there is none that can be taken for one."""
    value = signal.get("confidence")
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except Exception:  # a value of a bot may do anything
        return None
    return number if 0.0 <= number <= 1.0 else None


def text(value, bytes_max=TEXT_BYTES_MAX):
    """A text that the log takes beside the data; None: it is in the data alone."""
    if value is None:
        return None
    try:
        said = word(value)
        size = len(said.encode())
    except Exception:  # it is no UTF-8; and a value of a bot may do anything
        return None
    return said if 0 < size <= bytes_max and not CONTROL.search(said) else None


def source_name(source):
    """What a source is called in the log: names of built-in sources are not for bots."""
    name = text(source, SOURCE_BYTES_MAX)
    if name is None or name.isspace():
        return UNNAMED
    return RESERVED_PREFIX + name if _millrace.is_reserved_source(name) else name


_second = (None, "")  # the newest one that was asked for, and its text: they come again


def iso(seconds):
    global _second
    part, whole = math.modf(seconds)
    microseconds = round(part * 1e6)
    if not 0 <= microseconds < 1_000_000 or seconds < 0:
        return _iso(seconds)
    known, said = _second
    if known != whole:
        said = _iso(whole)[:20]
        _second = (whole, said)
    return f"{said}{microseconds:06d}Z"


def _iso(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def ts(unix_ns):
    """Seconds as bots have them: what the text of the same time says, to the microsecond."""
    return unix_ns // 1000 / 1e6


def event_id():
    """A random UUID as text."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _number(value, expected):
    """No time is before or after what is no number."""
    if math.isnan(value):
        raise ValueError(f"{expected}, found nan")
    return value


def seconds(value, name="since_ts"):
    """A time as seconds since 1970: a number, a datetime, or a text of ISO 8601 (UTC unless it says)."""
    expected = f"{name}: expected seconds since 1970, a datetime, or a text of ISO 8601"
    if not isinstance(value, (str, datetime.datetime)):
        try:
            number = float(None if isinstance(value, (bytes, bytearray)) else value)
        except OverflowError:  # it is earlier, or later, than every time
            return math.copysign(math.inf, value > 0 or -1)
        except (TypeError, ValueError):
            raise TypeError(f"{expected}, found {type(value)}") from None
        return _number(number, expected)
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            pass
        else:
            return _number(number, expected)
        try:
            value = datetime.datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", value.strip()))
        except ValueError:
            raise ValueError(f"{expected}, found {shown(value)}") from None
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return value.timestamp()


def limit(value):
    """How many at most; None: all. What counts is an index, as for a slice."""
    try:
        return None if value is None else min(operator.index(value), sys.maxsize)
    except TypeError:
        raise TypeError(f"limit: expected int or None, found {type(value)}") from None


def place(value, name):
    """A path as it is, if it can be one."""
    try:
        path = os.fsencode(value)
    except TypeError:
        raise TypeError(f"{name}: expected str, bytes or os.PathLike, found {type(value)}") from None
    except ValueError:
        path = b"\0"
    if b"\0" in path:
        raise ValueError(f"{name}: expected what can be a path, found {shown(value)}")
    return os.fsdecode(path)


def is_same_symbol(one, other):
    """Spellings differ in separators and case."""
    return re.sub("[-_/]", "", one).upper() == re.sub("[-_/]", "", other).upper()
