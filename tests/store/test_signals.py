"""Requests to stop: obeyed at once, or at the end of a section that is held."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recurse.store import database, rows, signals
from recurse.store.reader import Store
from recurse.store.records import ProbeRecord
from recurse.store.writer import StoreWriter

PROBE = ProbeRecord("arm", "{}", 8, 0.5, 0.0, 1, "label", "numpy")


def press(number: int = signal.SIGINT) -> None:
    """Send a signal to this process; Python has seen it when this returns."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", signals.STOP)
def test_a_request_is_obeyed_at_once_outside_of_a_held_section(number: int) -> None:
    before = signal.getsignal(number)
    with signals.listening():
        with pytest.raises(signals.Stop):
            press(number)
        assert signals.noted()
        assert signals.exit_code() == (130 if number == signal.SIGINT else 143)
    assert signal.getsignal(number) is before and not signals.noted()


def test_a_held_section_is_finished_first() -> None:
    done = []
    with signals.listening(), pytest.raises(signals.Stop), signals.held():
        with signals.held():
            press()
            done.append("inner")
        done.append("outer")
    assert done == ["inner", "outer"]


def test_a_safe_point_and_a_prompt_part_obey_inside_of_a_held_section() -> None:
    with signals.listening(), pytest.raises(signals.Stop), signals.held():
        signals.check()
        press()
        signals.check()
        pytest.fail("went on after a safe point")
    with signals.listening(), pytest.raises(signals.Stop), signals.held():
        press()
        with signals.prompt():
            pytest.fail("began what may be left")
    with signals.listening(), pytest.raises(signals.Stop), signals.held(), signals.prompt():
        press()
        pytest.fail("went on inside of it")
    with signals.listening():
        signals.check()


def test_an_error_of_a_held_section_is_not_hidden_by_the_request() -> None:
    with signals.listening(), pytest.raises(ValueError, match="first"), signals.held():
        press()
        raise ValueError("first")


def test_what_is_ignored_or_handled_already_stays_so() -> None:
    heard = []
    before = {n: signal.getsignal(n) for n in signals.STOP}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: heard.append("theirs"))
        with signals.listening():
            press(signal.SIGHUP)
            press(signal.SIGTERM)
            assert heard == ["theirs"] and not signals.noted()
            with pytest.raises(signals.Stop):
                press()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_other_threads_leave_signals_alone() -> None:
    found: list[Any] = []

    def look() -> None:
        with signals.listening():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


def test_ctrl_c_inside_a_transaction_neither_breaks_nor_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call of DuckDB runs Python, where the handler of Python itself would raise."""
    calls = []
    real = rows.put_probes

    def pressed(connection: duckdb.DuckDBPyConnection, probes: Any) -> None:
        calls.append(1)
        connection.create_function("pressing", _press_and_return, ["BIGINT"], "BIGINT")
        connection.execute("SELECT pressing(range) FROM range(3)").fetchall()
        real(connection, probes)

    monkeypatch.setattr(rows, "put_probes", pressed)
    with signals.listening(), StoreWriter(tmp_path) as writer:
        with pytest.raises(signals.Stop):
            writer.put_probes([PROBE])
        assert calls == [1] and writer.probes() == [PROBE] and not writer.messages
        assert database.schema_version(writer._connection) > 0
    with Store(tmp_path) as store:
        assert store.probes() == [PROBE]


def _press_and_return(value: int) -> int:
    if value == 1:
        press()
    return value
