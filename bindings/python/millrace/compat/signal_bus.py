# SPDX-License-Identifier: MIT
"""A drop-in for a bot's own signal bus that keeps JSON lines: the same calls, on a millrace log.

    from millrace.compat.signal_bus import SignalBus, SignalState, get_signal_bus

What is emitted is durable, survives restarts and is seen by every process of the bot; `millrace`
shows, explains and decides on it. docs/COMPAT.md says what each call does, and what differs.
"""
import collections.abc
import enum
import heapq
import itertools
import json
import logging
import os
import re
import threading
import time
import weakref

from .. import _millrace
from . import _export, _moves, _records, _values, _words

__all__ = ["SignalBus", "SignalState", "get_signal_bus"]

log = logging.getLogger(__name__)


class SignalState(str, enum.Enum):
    """The states of a signal; each equals its word."""

    GENERATED = "generated"
    EVALUATING = "evaluating"
    APPROVED = "approved"
    EXECUTING = "executing"
    EXECUTED = "executed"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    LEARNED = "learned"


STATES = tuple(state.value for state in SignalState)
STUCK_AFTER_S = 3600

SYMBOL = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._/-]{1,32}\Z")
CLAIMED = re.compile(r"signal \d+ is \w+, claimed by ")

LIFECYCLE_BYTES_MAX = 65536  # of the free data of a signal or a move
OBSERVED_BYTES_MAX = 960 * 1024
PAGE = 512
CACHE_MAX = 65536
TRIES = 100  # to move a signal that others move as well

# ---- words ---------------------------------------------------------------------------------------


def _state(value, name="state"):
    """The word of a state; ValueError: there is no such state."""
    try:
        return SignalState(_words.word(value).strip().lower()).value
    except ValueError:
        raise ValueError(f"{name}: expected one of {' '.join(STATES)}, found {_words.shown(value)}") from None


# ---- places --------------------------------------------------------------------------------------


def _root():
    """The bot's own folder: where its marker lies, else REPL_HOME, else the working directory."""
    here = os.path.abspath(os.getcwd())
    folder = here
    while True:
        if os.path.exists(os.path.join(folder, ".replit")):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return os.path.abspath(os.environ.get("REPL_HOME") or here)
        folder = above


def _durability():
    word = os.environ.get("MILLRACE_DURABILITY", "group")
    if word not in ("group", "interval"):
        raise ValueError(f"MILLRACE_DURABILITY: expected group or interval, found {word!r}")
    return word == "group"


def _check_size(data):
    """What does not fit is refused whole, before anything of it is kept."""
    if len(data) > OBSERVED_BYTES_MAX:
        raise ValueError(f"{len(data)} bytes of JSON, at most {OBSERVED_BYTES_MAX} are kept")
    return data


def _with_times(signal, now, timestamp):
    """The signal with its times, which the bot's own dict gets too; of a subclass, what it says it has."""
    times = {"ts": now, "timestamp": timestamp}
    try:
        for name, value in times.items():
            if name not in signal:
                signal[name] = value
    except Exception:  # a subclass may do anything
        log.debug("the dict of a signal takes no times: %s", type(signal))
    return signal if type(signal) is dict else {**times, **_values.fields(signal)}


# ---- the bus -------------------------------------------------------------------------------------


class SignalBus:
    """The bus of a bot. Any number of threads and processes may use the same directory."""

    def __init__(self, event_log_path=None, *, directory=None):
        self._is_durable = _durability()
        root = _root()
        logs = os.path.join(root, "logs")
        directory = _words.place(directory, "directory") if directory else None
        event_log_path = _words.place(event_log_path, "event_log_path") if event_log_path else None
        self.directory = os.path.abspath(
            directory or os.environ.get("MILLRACE_DIR") or os.path.join(logs, "millrace"))
        self._lock_path = os.fsencode(os.path.join(self.directory, "lock"))
        self._export = _export.Export(event_log_path or os.path.join(logs, "signal_bus.jsonl"))
        self._lock = threading.RLock()
        self._counters = dict.fromkeys(
            ("emitted", "observed", "failed", "refused_moves", "export_failures", "reopened"), 0)
        self._bus = None
        self._key = None
        self._emitted_before = 0
        self._process_id = 0
        self._handle()
        try:
            self._export.touch()
        except OSError as error:
            self._note_export(error)
        _all.add(self)
        log.info("signals are kept in %s, and exported to %s", self.directory, self._export.path)

    @property
    def event_log_path(self):
        """The export, a file of JSON lines."""
        return self._export.path

    # -- the handle: one in each process

    def _handle(self):
        bus = self._bus
        if bus is not None and self._process_id == os.getpid() and self._key == self._find():
            return bus
        with self._lock:
            if self._bus is None or self._process_id != os.getpid():
                self._open()
            elif self._key != self._find():
                self._note_loss()
                self._open()
            return self._bus

    def _open(self):
        self._bus = None  # of the parent, in a child of fork(), or of a log that is elsewhere
        os.makedirs(os.path.dirname(self.directory), exist_ok=True)
        bus = _millrace.Bus(self.directory, create=True)
        self._known = set()
        self._cache = {}
        self._key = self._find()
        self._process_id = os.getpid()
        self._emitted_before = self._counters["emitted"]
        self._bus = bus

    def _find(self):
        """Which log is in the directory: by its lock, which the handle has open. None: there is none."""
        try:
            found = os.stat(self._lock_path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # nobody can say
            return self._key
        return found.st_dev, found.st_ino

    def _note_loss(self):
        """What is emitted into a log that nobody can open is lost: the bot goes on in another one."""
        self._counters["reopened"] += 1
        log.warning(
            "%s: the log was removed or renamed while it was in use, and is opened anew; %d emissions "
            "of this process are in the old one, the last second of them perhaps not on the disk",
            self.directory, self._counters["emitted"] - self._emitted_before)

    def _after_fork(self):
        self._lock = threading.RLock()
        self._export.after_fork()

    def close(self):
        """Close the handle; the next call opens it again."""
        with self._lock:
            bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()
        self._export.close()

    # -- what went wrong is counted and told

    def _count(self, name):
        with self._lock:
            self._counters[name] += 1
            return self._counters[name]

    def _fail(self, call, error):
        self._count("failed")
        log.error("%s: %s: %s", call, type(error).__name__, error)
        if isinstance(error, (_millrace.MR_EPOISONED, _millrace.MR_EUNKNOWN, _millrace.MR_EIO)):
            with self._lock:
                self._bus = None  # what the disk has is looked at by whoever opens it again

    def _note_export(self, error):
        count = self._count("export_failures")
        if count & (count - 1) == 0:  # 1, 2, 4, 8...
            log.error("export %s: %s (failure %d; the log has it)", self._export.path, error, count)

    def _write_line(self, line):
        try:
            self._export.write(line.encode())
        except OSError as error:
            self._note_export(error)

    # -- emitting

    def emit_signal(self, signal, source="unknown"):
        """Keep a signal; returns its id, or None when it could not be kept, which is logged."""
        try:
            return self._emit(signal, source)
        except Exception as error:  # who calls this does not look: it is counted and logged
            self._fail("emit_signal", error)
            return None

    def _emit(self, signal, source):
        if not isinstance(signal, dict):
            if not isinstance(signal, collections.abc.Mapping):
                raise TypeError(f"signal: expected a dict, found {type(signal)}")
            signal = dict(signal)
        now = time.time()
        timestamp = _words.iso(now)
        signal = _with_times(signal, now, timestamp)
        text = _values.encode(signal)
        name = _values.clean(_words.word(source))
        shown = _values.text(name)
        source_name = _words.source_name(name)
        data = _check_size('{"signal": ' + text + (
            "}" if source_name == name else ', "source": ' + shown + "}"))
        signal_id = self._emit_lifecycle(signal, source_name, data)
        if signal_id is None:
            signal_id = self._handle().observe(
                symbol=_words.text(signal.get("symbol")), source=source_name, data=data,
                durable=self._is_durable)
            self._count("observed")
        self._count("emitted")
        self._write_line(
            f'{{"event_type": "signal_generated", "event_id": "{_words.event_id()}", '
            f'"signal_id": "{signal_id}", "ts": {now!r}, "timestamp": "{timestamp}", '
            f'"source": {shown}, "signal": {text}, "state": "generated"}}\n')
        return signal_id

    def _emit_lifecycle(self, signal, source, data):
        """As a signal that is decided on; None: it is none, or there is no room for it."""
        symbol = signal.get("symbol")
        side = _words.side(signal)
        is_signal = (isinstance(symbol, str) and side is not None and SYMBOL.match(symbol) and
                     signal.get("blocked") is not True)
        if not is_signal:
            return None
        symbol = str.__str__(_words.word(symbol))
        bus = self._handle()
        is_large = len(data) > LIFECYCLE_BYTES_MAX
        try:
            if symbol not in self._known:
                bus.register(symbol)
                self._known.add(symbol)
            signal_id = bus.emit(symbol, side, source, _words.confidence(signal),
                                 data='{"signal_in": "signal.observed"}' if is_large else data,
                                 durable=self._is_durable and not is_large)
        except (_millrace.MR_FULL, _millrace.MR_REFUSED) as error:
            log.warning("kept outside the lifecycle: %s: %s", symbol, error)
            return None
        if is_large:
            bus.observe(about=signal_id, data=data, durable=self._is_durable)
        return signal_id

    # -- moving

    def update_state(self, signal_id, new_state, metadata=None, reason=None):
        """Say where a signal is now; True: it is there. False: it is unknown, or it cannot go back."""
        try:
            return self._update(_words.word(signal_id), _state(new_state, "new_state"), metadata, reason)
        except _millrace.MR_NOT_FOUND:
            return False
        except Exception as error:  # as in emit_signal()
            self._fail("update_state", error)
            return False

    def _update(self, signal_id, target, metadata, reason):
        if metadata is not None and not isinstance(metadata, dict):
            try:
                metadata = dict(metadata)
            except (TypeError, ValueError) as error:
                raise type(error)(f"metadata: expected a dict, found {_words.shown(metadata)}") from None
        data = _check_size(_moves.envelope(metadata, reason))
        if _records.is_observed(signal_id):
            state = self._observed(signal_id)["state"]
            self._handle().observe(about=signal_id, to=target, data=data, durable=self._is_durable)
            self._write_change(signal_id, state, target, metadata, reason)
            return True
        has_reason = reason is not None or bool(metadata)
        kept = data if len(data) <= LIFECYCLE_BYTES_MAX - 64 else '{"metadata_in": "signal.observed"}'
        for _ in range(TRIES):
            state = self._signal(signal_id)["state"]
            if state == target:
                self._handle().observe(about=signal_id, to=target, data=data, durable=self._is_durable)
                self._write_change(signal_id, state, target, metadata, reason)
                return True
            steps = _moves.steps(state, target, has_reason, kept)
            if steps is None:
                return self._keep_refused(signal_id, f"it is {state}", target, data)
            try:
                self._handle().advance(
                    signal_id, steps, durable=self._is_durable and kept is data)
            except _millrace.MR_CONFLICT as error:
                if CLAIMED.match(str(error)):
                    return self._keep_refused(signal_id, str(error), target, data)
                continue  # somebody else has moved it: from there, then
            if kept is not data:
                self._handle().observe(about=signal_id, data=data, durable=self._is_durable)
            for old, new, _, _, _ in steps[:-1]:
                self._write_change(signal_id, old, new, {"inferred": True}, None)
            self._write_change(signal_id, steps[-1][0], steps[-1][1], metadata, reason)
            return True
        raise RuntimeError(f"{signal_id}: others have moved it {TRIES} times meanwhile")

    def _keep_refused(self, signal_id, why, target, data):
        """Its bot says that it went back, or on after its end, or a worker has it: kept, and not done."""
        self._handle().observe(about=signal_id, to=target, data=data, durable=self._is_durable)
        self._count("refused_moves")
        log.warning("update_state: %s: %s, and it does not become %s; what was said is kept",
                    signal_id, why, target)
        return False

    def _write_change(self, signal_id, old, new, metadata, reason):
        now = time.time()
        self._write_line(
            f'{{"event_type": "state_change", "event_id": "{_words.event_id()}", '
            f'"signal_id": "{signal_id}", "old_state": "{old}", "new_state": "{new}", '
            f'"ts": {now!r}, "timestamp": "{_words.iso(now)}", "reason": {_values.encode(reason)}, '
            f'"metadata": {_values.encode(metadata or {})}}}\n')

    # -- asking

    def get_signal(self, signal_id):
        """A signal as a fresh dict, its metadata at the top level; None: there is none of that id."""
        try:
            return self._record(_words.word(signal_id))
        except _millrace.MR_NOT_FOUND:
            return None

    def get_signals(self, state=None, symbol=None, source=None, since_ts=None, limit=None):
        """Signals as fresh dicts with `signal_id`, newest first."""
        wanted = None if state is None else _state(state)
        since = None if since_ts is None else _words.seconds(since_ts)
        limit = _words.limit(limit)
        found = []
        size = PAGE if limit is None else max(1, min(PAGE, limit))
        rows = self._walk(wanted, symbol, source, size)
        while limit is None or len(found) < limit:
            page = list(itertools.islice(rows, size if limit is None else limit - len(found)))
            recent = list(itertools.takewhile(lambda row: self._is_since(row, since), page))
            found.extend(self._records(recent, symbol))
            if not page or len(recent) < len(page):
                break  # time does not go back: all others are older
        return found

    def _is_since(self, row, since):
        """Its event time may lie before the emission, of a live log: then the record knows."""
        if since is None or row[1] >= since:
            return True
        return self._handle().is_live and self._record(row[2], row[3])["ts"] >= since

    def _records(self, rows, symbol):
        """Their records, read in the order of the log, which takes less than from end to beginning."""
        records = []
        for _, _, signal_id, last_seq in reversed(rows):
            record = self._record(signal_id, last_seq)
            record["signal_id"] = signal_id
            if symbol is None or not _records.is_observed(signal_id) or self._has_symbol(record, symbol):
                records.append(record)
        return reversed(records)

    @staticmethod
    def _has_symbol(record, symbol):
        own = record["signal"].get("symbol")
        return own is not None and _words.is_same_symbol(_words.word(own), _words.word(symbol))

    def get_signals_by_state(self, state):
        """Ids of the signals in a state, newest first."""
        return [signal_id for _, _, signal_id, _ in self._walk(_state(state), None, None)]

    def get_pipeline_health(self):
        """What there is, where it is, and what has waited for more than an hour; a fresh dict."""
        bus = self._handle()
        counts = bus.counts()
        source_counts = {}
        observed = 0
        for name, signals, outside in bus.sources():
            name = name.removeprefix(_words.RESERVED_PREFIX)
            observed += outside
            if signals + outside > 0:
                source_counts[name] = source_counts.get(name, 0) + signals + outside
        state_counts = {state: counts[state] for state in STATES}
        for state, count in bus.observed_counts().items():
            state_counts[state] += count
        symbols, provisional = bus.symbols()
        stuck = self._stuck()
        with self._lock:
            counters = dict(self._counters)
        return {
            "total_signals": sum(state_counts.values()),
            "state_counts": state_counts,
            "source_counts": source_counts,
            "stuck_signals": stuck,
            "stuck_count": len(stuck),
            "observed": observed,
            "symbols": symbols,
            "provisional_symbols": provisional,
            "counters": counters,
            "directory": self.directory,
        }

    def replay_events(self, since_ts=None):
        """Every emission and change of state out of the log, oldest first."""
        since = None if since_ts is None else _words.seconds(since_ts)
        events = []
        for _, _, signal_id, _ in reversed(list(self._walk(None, None, None))):  # as _records()
            events.extend(_records.tell(self._handle().history(signal_id), signal_id, self._log()))
        events.sort(key=lambda event: int(event["event_id"]))
        return [event for event in events if since is None or not event["ts"] < since]

    # -- reading back

    def _observed(self, signal_id):
        number = int(signal_id.rpartition("_")[2], 16) - 0x80000000
        if not 0 < number < 0x80000000:
            raise _millrace.MR_NOT_FOUND("there is no signal of that id")
        found = self._handle().observed(before=number + 1, limit=1)
        is_there = found and found[0]["number"] == number and \
            self._handle().observed_id(number) == signal_id
        if not is_there:
            raise _millrace.MR_NOT_FOUND(f"there is no signal {signal_id}")
        return found[0]

    def _signal(self, signal_id):
        """By its id alone: the bus finds signals by their number, too, and no bot was told one."""
        try:
            found = self._handle().get(signal_id)
        except _millrace.MR_REFUSED:  # it can be no id, so it is none's
            raise _millrace.MR_NOT_FOUND("there is no signal of that id") from None
        if found["id"] != signal_id:
            raise _millrace.MR_NOT_FOUND(f"there is no signal {signal_id}")
        return found

    def _walk(self, state, symbol, source, size=PAGE):
        """(seq, seconds, id, newest seq) of what passes, newest first, read in pages of a size."""
        return heapq.merge(self._walk_signals(state, symbol, source, size),
                           self._walk_observed(state, source, size), key=lambda row: -row[0])

    def _walk_signals(self, state, symbol, source, size=PAGE):
        bus = self._handle()
        conditions = [] if state is None else [f"state={state}"]
        source = None if source is None else _values.clean(_words.word(source))
        symbol = None if symbol is None else self._symbol(bus, _words.word(symbol))
        after = None
        while True:
            page = bus.query(" and ".join(conditions), limit=size, after=after)
            for row in page:
                is_wanted = (symbol is None or _words.is_same_symbol(row["symbol"], symbol)) and \
                    self._is_from(row["source"], source, row["id"], row["last_seq"])
                if is_wanted:
                    yield (row["generated_seq"], _words.ts(row["event_time_unix_ns"]), row["id"],
                           row["last_seq"])
            if len(page) < size:
                return
            size = PAGE
            after = page[-1]["id"]

    @staticmethod
    def _symbol(bus, name):
        """The name that a symbol is registered by, or the name itself."""
        try:
            return bus.symbol(name) or name
        except _millrace.MR_REFUSED:  # it can be no name, so nothing has it
            return name

    def _log(self):
        return _records.Log(self._handle().is_live, self._is_same_symbol)

    def _is_same_symbol(self, one, other):
        return _words.is_same_symbol(one, other) or self._symbol(self._handle(), one) == other

    @staticmethod
    def _may_be_from(row_source, source):
        """By its name in the log alone, which several sources may have."""
        return source is None or row_source in (source, _words.source_name(source))

    def _is_from(self, row_source, source, signal_id, last_seq):
        """Is a signal from a source? Where its name in the log is none of a bot's, its record says it."""
        if source is None or not self._may_be_from(row_source, source):
            return source is None
        is_sure = row_source != _words.UNNAMED and not row_source.startswith(_words.RESERVED_PREFIX)
        return is_sure or self._record(signal_id, last_seq)["source"] == source

    def _walk_observed(self, state, source, size=PAGE):
        bus = self._handle()
        source = None if source is None else _values.clean(_words.word(source))
        before = 0
        while True:
            page = bus.observed(before=before, limit=size)
            for row in page:
                if (state is not None and row["state"] != state) or \
                        not self._may_be_from(row["source"], source):
                    continue  # before what takes longer
                signal_id = bus.observed_id(row["number"])
                if self._is_from(row["source"], source, signal_id, row["last_seq"]):
                    yield (row["emitted_seq"], _words.ts(row["event_time_unix_ns"]), signal_id,
                           row["last_seq"])
            if len(page) < size or page[-1]["number"] == 1:
                return
            size = PAGE
            before = page[-1]["number"]

    def _record(self, signal_id, last_seq=None):
        """The record of a signal; what did not change since is not read again."""
        bus = self._handle()
        if last_seq is None:
            found = self._observed(signal_id) if _records.is_observed(signal_id) else self._signal(signal_id)
            last_seq = found["last_seq"]
        cached = self._cache.get(signal_id)
        if cached is not None and cached[0] == last_seq:
            return json.loads(cached[1])
        record = _records.merge(bus.history(signal_id), signal_id, self._log())
        with self._lock:
            if len(self._cache) >= CACHE_MAX:
                self._cache = {}
            self._cache[signal_id] = (last_seq, json.dumps(record))
        return record

    def _stuck(self):
        now = time.time()
        stuck = []
        for state in _moves.WAITING:
            rows = [row for row in self._walk_signals(state, None, None)
                    if now - row[1] > STUCK_AFTER_S]
            for _, _, signal_id, last_seq in reversed(rows):  # as _records()
                record = self._record(signal_id, last_seq)
                waited = now - record.get("last_state_change", record["ts"])
                if waited > STUCK_AFTER_S and record["state"] == state:
                    stuck.append({"signal_id": signal_id, "state": state,
                                  "stuck_for_seconds": waited})
        return stuck


# ---- one for each process ------------------------------------------------------------------------

_all = weakref.WeakSet()
_only = None
_only_lock = threading.Lock()


def get_signal_bus():
    """The bus of this process; the same object at every call."""
    global _only
    if _only is None:
        with _only_lock:
            if _only is None:
                _only = SignalBus()
    return _only


def _after_fork():
    global _only_lock
    _only_lock = threading.Lock()
    for bus in list(_all):
        bus._after_fork()


os.register_at_fork(after_in_child=_after_fork)
