"""Asked to stop, at any moment and by any signal: within seconds, with its code, nothing lost."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recurse.store.reader import Store
from recurse.store.staging import staged

LONG = """\
version: 1
name: long
source: {kind: gaussian, dim: 2}
model: gaussian
samples: {real: 20, synthetic: 20}
generations: 1000
seeds: 20
backend: numpy
matrix:
  policy: [replace, accumulate]
metrics: [mean_error, variance_ratio]
"""
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
SECONDS = 30.0  # to stop within; a machine that is shared by many is slow


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A scenario that takes much longer than a test."""
    path = tmp_path / "long.yaml"
    path.write_text(LONG, encoding="utf-8")
    return path


def start(
    spec: Path, store: Path, before: Sequence[str] = (), **streams: int
) -> subprocess.Popen[bytes]:
    """``recurse run`` in a session of its own, as from a terminal."""
    command = [sys.executable, "-m", "recurse", "run", str(spec), "--store", str(store), "-j", "1"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **streams}
    command = [*before, *command, "--no-report"]
    return subprocess.Popen(command, start_new_session=True, **streams)  # type: ignore[call-overload,no-any-return]


def begun(store: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until results come in."""
    deadline = time.monotonic() + 120
    while not staged(store / "stage"):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def stopped(process: subprocess.Popen[bytes]) -> str:
    """The output of the process, once it has ended in time."""
    _, said = process.communicate(timeout=SECONDS)
    return (said or b"").decode()


def test_at_random_moments_every_signal_ends_a_run_with_its_code(
    tmp_path: Path, long: Path
) -> None:
    """Ctrl-C goes to the whole process group, the others to the one process."""
    chance = random.Random(20_261_201)
    signals = [signal.SIGINT] * 10 + [signal.SIGTERM] * 3 + [signal.SIGHUP] * 3
    tries = [(place, number, chance.uniform(0.3, 2.5)) for place, number in enumerate(signals)]

    def attempt(one: tuple[int, signal.Signals, float]) -> str:
        place, number, moment = one
        process = start(long, tmp_path / f"runs{place}")
        time.sleep(moment)
        send = os.killpg if number == signal.SIGINT else os.kill
        send(process.pid, number)
        said = stopped(process)
        # Before the first line of ours runs, the system's default is as good.
        if process.returncode in (CODES[number], -number) and "error" not in said:
            return ""
        return f"{number.name} after {moment:.2f} s: {process.returncode}: {said}"

    with ThreadPoolExecutor(2) as pool:
        wrong = [text for text in pool.map(attempt, tries) if text]
    assert not wrong


def test_what_is_stored_is_kept_and_the_run_says_how_to_go_on(tmp_path: Path, long: Path) -> None:
    store = tmp_path / "runs"
    process = start(long, store)
    begun(store, process)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    said = stopped(process)
    assert process.returncode == 130
    assert "interrupted; what is done is kept. To continue: recurse run" in said
    with Store(store) as reader:
        assert reader.sql("SELECT status FROM runs").get_column("status").to_list() == [
            "interrupted"
        ]
        assert reader.metrics().height > 0
    assert not staged(store / "stage")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_in_the_background_ends_when_it_is_asked_to(
    tmp_path: Path, long: Path, number: signal.Signals
) -> None:
    """A shell that starts it with ``&`` in a script makes it ignore Ctrl-C."""
    store = tmp_path / "runs"
    process = start(long, store, ["sh", "-c", 'trap "" INT; exec "$@"', "sh"])
    begun(store, process)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    os.kill(process.pid, number)
    assert "interrupted" in stopped(process)
    assert process.returncode == 143


def test_a_run_under_nohup_stays_when_the_terminal_goes(tmp_path: Path, long: Path) -> None:
    store = tmp_path / "runs"
    process = start(long, store, ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"])
    begun(store, process)
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    stopped(process)
    assert process.returncode == 143


def test_a_terminal_that_is_closed_ends_the_run(tmp_path: Path, long: Path) -> None:
    """Every write of the process fails from then on, which must change nothing."""
    store = tmp_path / "runs"
    ours, theirs = pty.openpty()
    process = start(long, store, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    begun(store, process)
    os.close(ours)
    os.kill(process.pid, signal.SIGHUP)
    process.wait(timeout=SECONDS)
    assert process.returncode == 143
    with Store(store) as reader:
        assert reader.metrics().height > 0


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    """In the middle of a section that is held for ever."""
    code = (
        "import time\n"
        "from recurse.store import signals\n"
        "with signals.listening(), signals.held():\n"
        "    print('held', flush=True)\n"
        "    while True:\n"
        "        time.sleep(0.05)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 130


def test_a_request_inside_exec_does_not_change_the_exit_code() -> None:
    """Python would end by SIGINT, which is no 143, after a KeyboardInterrupt in there."""
    code = (
        "import os, signal, sys\n"
        "from recurse.store import signals\n"
        "with signals.listening():\n"
        "    try:\n"
        "        exec('os.kill(os.getpid(), signal.SIGTERM); [0 for _ in range(10**6)]')\n"
        "    except KeyboardInterrupt:\n"
        "        code = signals.exit_code()\n"
        "sys.exit(code)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 143
