# SPDX-License-Identifier: MIT
"""The signal bus of millrace: emit, move, find and follow trading signals.

    import millrace
    with millrace.Bus("run/1") as bus:
        id = bus.emit("BTCUSDT", "long", "my-bot", 0.7, data={"why": "breakout"})
        print(bus.get(id)["state"])

Every process that opens the directory sees the same signals; `millrace run` decides on them.

An argument of another type is a TypeError, one that cannot be is MR_REFUSED; the text begins with
its name. Whatever else a call cannot do is another MillraceError.
"""
import asyncio as _asyncio
import importlib.util as _util
import os as _os

if _util.find_spec("._millrace", __name__) is None:
    raise ImportError(f"{_os.path.dirname(__file__)}: the compiled module _millrace is missing; `make python` builds "
                      "the package and installs it into build/venv, its wheel is in build/python/dist",
                      name="millrace._millrace")
from . import _millrace  # noqa: E402
from ._millrace import *  # noqa: F401,F403,E402  Bus, MillraceError and one exception for each result
from ._millrace import Bus, Claim, MillraceError, Orders, Subscription, __version__  # noqa: E402

__all__ = ["Bus", "Claim", "MillraceError", "Orders", "Subscription", "claims", "events", *(name for name in dir(_millrace) if name.startswith("MR_"))]


def open(dir=None):  # noqa: A001  as open() of files, which `import *` leaves alone
    """The bus of a directory; without one, of the variable MILLRACE_DIR."""
    folder = dir if dir is not None else _os.environ.get("MILLRACE_DIR", "")
    if folder in ("", b""):
        raise _millrace.MR_REFUSED("dir: which directory? give one, or set MILLRACE_DIR")
    return Bus(folder)


async def _take(call, give_back):
    """What a call in a thread of the loop's executor returns. Of a task that is cancelled meanwhile, what
    comes all the same is given back."""
    work = _asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await _asyncio.shield(work)
    except _asyncio.CancelledError:
        work.add_done_callback(lambda done: done.exception() or done.result() is None or give_back(done.result()))
        raise


def events(subscription):
    """Iterate over a subscription in asyncio: `async for event in millrace.events(subscription)`.

    An event is acked when the next one is asked for. While nothing comes a thread of the loop's
    executor waits, half a second at a time, so that a cancelled task ends.
    """
    if not isinstance(subscription, Subscription):
        raise TypeError(f"subscription: expected a Subscription, found {type(subscription)}")
    return _events(subscription)


async def _events(subscription):
    loop = _asyncio.get_running_loop()
    while True:
        event = await _take(lambda: subscription.take(0.5), lambda event: subscription.nack(event, 0, "the task that waited for it was cancelled"))
        if event is not None:
            yield event
            await loop.run_in_executor(None, subscription.ack, event)


def claims(bus, owner, to, **options):
    """Claim one signal after the other in asyncio: `async for claim in millrace.claims(bus, ...)`.

    The arguments are those of Bus.claim(). A claim that is not over when the next one is asked for
    is released. While there is nothing a thread of the loop's executor waits, half a second at a
    time, so that a cancelled task ends; the bus is used by nobody else meanwhile.
    """
    if not isinstance(bus, Bus):
        raise TypeError(f"bus: expected a Bus, found {type(bus)}")
    return _claims(bus, owner, to, options)


async def _claims(bus, owner, to, options):
    options.pop("timeout", None)
    id, state = options.get("id"), options.get("state", "generated")

    def claim_in_time():
        try:
            return bus.claim(owner, to, timeout=0.5, **options)
        except _millrace.MR_CONFLICT:
            if id is None or bus.get(id)["state"] != state:
                raise
            return None  # somebody else has it still

    while True:
        claim = await _take(claim_in_time, lambda claim: claim.release())
        if claim is not None:
            with claim:
                yield claim
