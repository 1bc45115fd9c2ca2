"""A worker process: what it says, whom it obeys, and when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from recurse.engines.crew import Worker
from recurse.running.run import run
from tests.engines.small import SPEC

LOUD = """\
import os
os.write(1, b"written before anything is imported\\n")
print("{not json")
"""


def shadow(folder: Path, name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that every Python process started from here runs as that module."""
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


def test_what_libraries_write_to_descriptor_1_is_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even what is written at the interpreter's start, before our first line runs."""
    shadow(tmp_path, "sitecustomize", LOUD, monkeypatch)
    done = subprocess.run([sys.executable, "-c", ""], capture_output=True, check=True)
    assert b"{not json" in done.stdout
    result = run(SPEC, tmp_path / "runs", jobs=1)
    assert result.holds


def test_ctrl_c_on_the_terminal_reaches_no_worker() -> None:
    """Also while it imports: it is in another process group from its first instruction on."""
    worker = Worker("numpy")
    try:
        assert os.getpgid(worker.process.pid) == worker.process.pid != os.getpgid(0)
    finally:
        worker.close()


def test_a_worker_whose_parent_has_gone_ends_in_the_middle_of_a_generation(tmp_path: Path) -> None:
    """It computes for an hour, and standard input stays open: somebody else holds it, too."""
    (tmp_path / "slow.py").write_text(
        "import sys, threading, time\n"
        "from recurse.engines import worker\n"
        "worker._serve = lambda asked, say: (say({'event': 'begun'}), time.sleep(3600))\n"
        "worker.main(int(sys.argv[1]))\n",
        encoding="utf-8",
    )
    hear, say = os.pipe()
    parent = (
        "import os, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, sys.argv[1], sys.argv[2]], "
        "stdin=0, pass_fds=(int(sys.argv[2]),))\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-c", parent, str(tmp_path / "slow.py"), str(say)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            pass_fds=(say,),
        )
        os.close(say)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        with os.fdopen(hear) as heard:
            assert json.loads(heard.readline()) == {"event": "begun"}
            process.kill()
            process.wait()
            deadline = time.monotonic() + 30
            assert heard.read() == ""  # until its end of the pipe is closed, as it is when it ends
        while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.stdin.close()
        process.stdout.close()
        assert not running(child)


def running(pid: int) -> bool:
    """True if the process has not ended; one that waits to be reaped has."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_worker_that_is_killed_again_and_again_fails_its_block_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the system when memory is short: one more try, then words and what to do."""
    code = (
        "import os, signal, sys\n"
        "if 'recurse.engines.worker' in sys.orig_argv:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    shadow(tmp_path, "sitecustomize", code, monkeypatch)
    said = []
    result = run(SPEC, tmp_path / "runs", jobs=1, watch=said.append)
    assert [one.event for one in said if one.event != "doing"] == ["retry", "failed"]
    (failure,) = result.failures
    assert not failure.bug and not result.holds
    assert f"was killed by signal {int(signal.SIGKILL)}" in failure.message
    assert "memory" in failure.message and "-j" in failure.message


def test_a_worker_that_leaves_a_process_behind_is_missed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forked process holds the line open, so that its end does not show there."""
    code = (
        "import os, signal, sys, time\n"
        "if 'recurse.engines.worker' in sys.orig_argv:\n"
        "    if os.fork():\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    open(os.environ['LEFT'], 'a').write(f'{os.getpid()}\\n')\n"
        "    time.sleep(600)\n"
    )
    left = tmp_path / "left"
    monkeypatch.setenv("LEFT", str(left))
    shadow(tmp_path, "sitecustomize", code, monkeypatch)
    try:
        result = run(SPEC, tmp_path / "runs", jobs=1)
    finally:
        for pid in left.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
    (failure,) = result.failures
    assert "was killed by signal 9" in failure.message


def test_what_a_worker_does_before_its_first_generation_is_told(tmp_path: Path) -> None:
    said = []
    run(SPEC, tmp_path / "runs", jobs=1, watch=said.append)
    doing = [one.message for one in said if one.event == "doing"]
    assert doing == ["starting a worker", "importing numpy", "first generation"]
    first = next(place for place, one in enumerate(said) if one.event == "generation")
    assert all(one.event == "doing" for one in said[:first])
