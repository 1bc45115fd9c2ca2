"""Requests to stop (Ctrl-C, SIGTERM, SIGHUP): noted when they come, obeyed where that is safe.

A handler that raises does so wherever the program happens to be. Inside a call of DuckDB the
exception becomes an error of the database, which looks like a failed commit. So while a section is
`held` the handler takes a note only, and the section looks at it between transactions.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED, ENDED = 130, 143
_DEFAULTS = (signal.default_int_handler, signal.SIG_DFL)
_CURSOR = b"\x1b[?25h\n"  # shows it again where a live line has hidden it
_TWICE = 0.2  # seconds within which two Ctrl-C are one: wrappers pass on what the terminal sent too


class Stop(KeyboardInterrupt):
    """A request to stop that is obeyed.

    A class of its own, since Python kills itself by SIGINT at its very end if a plain
    KeyboardInterrupt has passed through an ``exec``, also where it was caught then.
    """


class _State:
    """State of this process: the signals that came, the time of the first, the depth of `held`."""

    listening = False
    noted: list[int] = []  # noqa: RUF012  (one state only)
    since = 0.0
    depth = 0


@contextmanager
def listening(numbers: Sequence[int] = STOP) -> Iterator[None]:
    """Obey these signals until the end of the block; a second Ctrl-C ends the process at once.

    Signals that are ignored (as SIGHUP under ``nohup``) or handled already stay as they are. Does
    nothing inside another such block, and outside of the main thread, which alone gets signals.
    """
    if _State.listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) in _DEFAULTS}
    _State.noted.clear()
    _State.listening = True
    try:
        for number in before:
            signal.signal(number, _note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _State.noted.clear()
        _State.listening = False


@contextmanager
def held() -> Iterator[None]:
    """A section in which requests are noted only; at its end a noted one is obeyed."""
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
    if not _State.depth:
        check()


@contextmanager
def prompt() -> Iterator[None]:
    """Inside of a held section: work that changes nothing and may be left at any point."""
    depth, _State.depth = _State.depth, 0
    try:
        check()
        yield
    finally:
        _State.depth = depth


def check() -> None:
    """A safe point.

    Raises:
        Stop: a request to stop has come.
    """
    if _State.noted:
        raise Stop


def noted() -> bool:
    """True if a request to stop has come."""
    return bool(_State.noted)


def exit_code() -> int:
    """130 after Ctrl-C, 143 after a request to end (SIGTERM, or SIGHUP: the terminal is gone)."""
    first = _State.noted[:1] or [signal.SIGINT]
    return INTERRUPTED if first == [signal.SIGINT] else ENDED


def _note(number: int, frame: FrameType | None) -> None:
    del frame
    again, now = bool(_State.noted), time.monotonic()
    if not again:
        _State.since = now
    elif number == signal.SIGINT and now - _State.since > _TWICE:
        if os.isatty(2):
            os.write(2, _CURSOR)
        os._exit(exit_code())
    _State.noted.append(number)
    if not again and not _State.depth:
        raise Stop
