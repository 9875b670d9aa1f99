# SPDX-License-Identifier: MIT
from os import PathLike
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Literal, NotRequired, TypedDict

__version__: str

State = Literal["generated", "evaluating", "approved", "executing", "executed", "blocked",
                "expired", "learned"]

class Signal(TypedDict):
    id: str
    ordinal: int
    symbol: str
    side: Literal["long", "short"]
    source: str
    name: str
    state: State
    ended: State | None
    gate: str
    reason: str
    event_time_unix_ns: int
    generated_seq: int
    moved_seq: int
    last_seq: int

class Event(TypedDict):
    seq: int
    kind: str
    time_unix_ns: int
    signal: Signal | None
    from_state: State | None
    to: State | None
    gate: str | None
    reason: str | None
    deliveries: int
    ordinal: NotRequired[int | None]  # these two only when subscribe(fields=...) names them
    id: NotRequired[str | None]

EventField = Literal["seq", "kind", "time_unix_ns", "signal", "from_state", "to", "gate", "reason",
                     "deliveries", "ordinal", "id"]

class Move(TypedDict):
    id: str | int
    to: str
    from_state: NotRequired[str | None]
    gate: NotRequired[str | None]
    reason: NotRequired[str | None]
    data: NotRequired[dict[str, Any] | str | bytes | None]
    actor: NotRequired[Literal["external", "operator"] | None]

class Page(TypedDict):
    signals: list[Signal]
    scanned: int
    after: str | None
    moment: str

class Observed(TypedDict):
    number: int
    source: str
    state: State
    event_time_unix_ns: int
    emitted_seq: int
    last_seq: int

class Record(TypedDict):
    seq: int
    kind: str
    time_unix_ns: int
    from_state: State | None
    to: State | None
    actor: str | None
    gate: str | None
    reason: str | None
    symbol: str | None
    source: str | None
    data: str | None
    event_time_unix_ns: int
    side: Literal["long", "short"] | None
    confidence: float | None

OrderState = Literal["intent", "sent", "accepted", "in_doubt", "filled", "rejected", "cancelled"]

class Order(TypedDict):
    id: str
    state: OrderState
    signal: str
    ordinal: int
    symbol: str
    venue: str
    native_name: str
    leg: Literal["entry", "stop", "target", "time"]
    type: Literal["market"]
    side: Literal["buy", "sell"]
    quantity: float
    filled_quantity: float
    reference_price: float
    attempt: int
    venue_order_id: str | None
    stuck: bool
    intent_time_unix_ns: int
    reported_time_unix_ns: int
    intent_seq: int
    report_seq: int

class Stage(TypedDict):
    done: int
    waiting: int
    last_time_unix_ns: int

class Lag(TypedDict):
    events: int
    seconds: float

class Fault(TypedDict):
    fault: str

class Health(TypedDict):
    state: Literal["OK", "DEGRADED", "DOWN", "UNKNOWN"]
    why: str | None
    mode: Literal["RUN", "CLOSE_ONLY", "HALT"]
    venue: Literal["SIM", "PAPER", "EXTERNAL"]
    signals: int
    states: dict[State, int]
    sources: dict[str, int]
    stages: dict[str, Stage]
    consumers: dict[str, Lag | Fault]
    pending_inputs: int
    alerts: int
    run_process: int
    executor_process: int
    stuck_signals: int
    open_positions: int
    open_orders: int
    stuck_orders: int
    orders_in_doubt: int
    order_reports: int
    order_disputes: int
    last_seq: int
    durable_seq: int
    event_time_unix_ns: int

class MillraceError(Exception): ...
class MR_END(MillraceError): ...
class MR_AGAIN(MillraceError): ...
class MR_NOT_FOUND(MillraceError): ...
class MR_EXISTS(MillraceError): ...
class MR_CONFLICT(MillraceError): ...
class MR_BUSY(MillraceError): ...
class MR_FULL(MillraceError): ...
class MR_REFUSED(MillraceError): ...
class MR_REWOUND(MillraceError): ...
class MR_EINVAL(MillraceError): ...
class MR_ENOMEM(MillraceError): ...
class MR_EIO(MillraceError): ...
class MR_ENOSPC(MillraceError): ...
class MR_EACCESS(MillraceError): ...
class MR_EPATH(MillraceError): ...
class MR_ECORRUPT(MillraceError): ...
class MR_EVERSION(MillraceError): ...
class MR_EPOISONED(MillraceError): ...
class MR_EUNKNOWN(MillraceError): ...
class MR_ERANGE(MillraceError): ...
class MR_ELIMIT(MillraceError): ...
class MR_EINTERNAL(MillraceError): ...
class MR_ETOOLARGE(MillraceError): ...

class Bus:
    event_time_unix_ns: int
    is_live: bool
    def __new__(cls, dir: str | bytes | PathLike[str], *, create: bool = False,
                table_signals: int = 0) -> Bus: ...
    @classmethod
    def open(cls, dir: str | bytes | PathLike[str], *, create: bool = False,
             table_signals: int = 0) -> Bus: ...
    def __enter__(self) -> Bus: ...
    def __exit__(self, *exception: object) -> None: ...
    def emit(self, symbol: str, side: str, source: str, confidence: float | None = ..., *,
             name: str | None = None, price: float | None = None, horizon: str | None = None,
             valid_for: float | None = None, external_id: str | None = None,
             key: str | None = None, account: str | None = None,
             data: dict[str, Any] | str | bytes | None = None, durable: bool = False) -> str: ...
    def emit_many(self, signals: Iterable[dict[str, Any]], *, durable: bool = False) -> list[str]: ...
    def quote(self, symbol: str, bid: float, ask: float, *, time_unix_ns: int = 0,
              bid_quantity: float | None = None, ask_quantity: float | None = None,
              source: str | None = None, durable: bool = False) -> bool: ...
    def candle(self, symbol: str, close_time_unix_ns: int, open: float, high: float, low: float,
               close: float, volume: float, *, durable: bool = False) -> bool: ...
    def funding(self, symbol: str, rate: float, *, time_unix_ns: int = 0,
                interval: float | None = None, next_time_unix_ns: int = 0,
                source: str | None = None, durable: bool = False) -> bool: ...
    def move(self, id: str | int, to: str, *, from_state: str | None = None,
             gate: str | None = None, reason: str | None = None,
             data: dict[str, Any] | str | bytes | None = None,
             actor: Literal["external", "operator"] | None = None,
             durable: bool = False) -> None: ...
    def move_many(self, moves: Iterable[Move], *, durable: bool = False) -> None: ...
    def claim(self, owner: str, to: str, *, state: str = "generated", lease: float = 60.0,
              id: str | int | None = None, symbol: str | None = None, source: str | None = None,
              timeout: float | None = 0, durable: bool = False) -> Claim | None: ...
    def get(self, id: str | int, *, as_of: str | int | None = None) -> Signal: ...
    def moment(self, as_of: str | int | None = None) -> str: ...
    # after: a signal, nothing of a question; what comes behind it in this question's order. Also
    # the token that `millrace query` names, which is of a moment: without as_of
    def query(self, question: str = "", *, limit: int = 100,
              after: str | int | None = None,
              as_of: str | int | None = None) -> list[Signal]: ...
    def page(self, question: str = "", *, limit: int = 100,
             after: str | int | None = None,
             as_of: str | int | None = None) -> Page: ...
    def counts(self) -> dict[State, int]: ...
    def register(self, symbol: str, /) -> None: ...
    def symbol(self, name: str, /) -> str | None: ...
    def symbols(self) -> tuple[int, int]: ...
    # (source, signals, emissions outside the lifecycle), of what has emitted; "" has emissions alone
    def sources(self) -> list[tuple[str, int, int]]: ...
    def observe(self, *, symbol: str | None = None, source: str | None = None,
                data: dict[str, Any] | str | bytes | None = None,
                about: str | int | None = None, to: str | None = None,
                durable: bool = False) -> str: ...
    def observed(self, *, before: int = 0, limit: int = 1024) -> list[Observed]: ...
    def observed_id(self, number: int | str, /) -> str: ...
    def observed_counts(self) -> dict[State, int]: ...
    def history(self, id: str, /) -> list[Record]: ...
    def advance(self, id: str | int,
                steps: list[tuple[str, str, str | None, str | None, str | None]], *,
                durable: bool = False) -> None: ...
    def orders(self, name: str = "executor") -> Orders: ...
    def open_orders(self) -> list[Order]: ...
    def order(self, id: str, /) -> Order: ...
    def order_report(self, order: Order | str,
                     status: Literal["sent", "accepted", "filled", "rejected", "cancelled",
                                     "unknown"], *,
                     price: float | None = None, quantity: float | None = None,
                     fee: float | None = None, time_unix_ns: int = 0,
                     venue_order_id: str | None = None, symbol: str | None = None,
                     side: str | None = None, executor: str | None = None,
                     message: str | None = None, durable: bool = True) -> bool: ...
    def feedback(self, id: str | int, source: str,
                 judgement: Literal["win", "loss", "neutral"] | None = None, *,
                 return_bps: float | None = None, lesson: str | None = None,
                 evidence: dict[str, Any] | str | bytes | None = None,
                 durable: bool = False) -> None: ...
    def health(self) -> Health: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def subscribe(self, name: str, *, kind: str | None = None, symbol: str | None = None,
                  source: str | None = None, signal_name: str | None = None,
                  state: str | None = None, start: str | int = "end",
                  max_in_flight: int = 0, max_deliver: int = 0,
                  ack_wait: float = 0.0, backoff: Sequence[float] | None = None,
                  batch: int = 1024,
                  fields: Sequence[EventField] | None = None) -> Subscription: ...
    def forget(self, name: str, /) -> None: ...
    def close(self) -> None: ...

class Subscription:
    def __enter__(self) -> Subscription: ...
    def __exit__(self, *exception: object) -> None: ...
    def __iter__(self) -> Subscription: ...
    def __next__(self) -> Event: ...
    def take(self, timeout: float | None = None) -> Event | None: ...
    def take_many(self, count: int = 1024, timeout: float | None = None) -> list[Event]: ...
    def ack(self, event: Event | int, /) -> None: ...
    def ack_many(self, events: Sequence[Event | int], /) -> None: ...
    def nack(self, event: Event | int, delay: float | None = None,
             reason: str | None = None) -> None: ...
    def close(self) -> None: ...

class Orders:
    def __enter__(self) -> Orders: ...
    def __exit__(self, *exception: object) -> None: ...
    def __iter__(self) -> Orders: ...
    def __next__(self) -> Order: ...
    def take(self, timeout: float | None = None) -> Order | None: ...
    def close(self) -> None: ...

class Claim:
    signal: Signal
    id: str
    seq: int
    is_over: bool
    def __enter__(self) -> Claim: ...
    def __exit__(self, *exception: object) -> None: ...
    def move(self, to: str | None = None, *, gate: str | None = None, reason: str | None = None,
             data: dict[str, Any] | str | bytes | None = None,
             actor: Literal["external", "operator"] | None = None,
             durable: bool = False) -> None: ...
    def renew(self, lease: float | None = None) -> None: ...
    def release(self) -> None: ...

def claims(bus: Bus, owner: str, to: str, **options: Any) -> AsyncIterator[Claim]: ...

def events(subscription: Subscription) -> AsyncIterator[Event]: ...

def open(dir: str | bytes | PathLike[str] | None = None) -> Bus: ...
