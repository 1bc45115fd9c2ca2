"""One writer at a time, and it does not fork."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from recurse.reading.problems import RecurseError
from recurse.store import Store, StoreWriter
from recurse.store.lock import StoreBusy, holder

HOLD = """
import sys, time
from recurse.store import StoreWriter
with StoreWriter(sys.argv[1], "recurse run a.yaml", minimum_free=0):
    print("held", flush=True)
    sys.stdin.read()
"""


FORK = """
import multiprocessing, os, subprocess, sys
from recurse.store import StoreWriter
from recurse.store.lock import StoreForked

def refusal(act):
    try:
        act()
    except StoreForked as error:
        return str(error)

with StoreWriter(sys.argv[1], minimum_free=0):
    assert "must not fork" in refusal(os.fork)
    child = multiprocessing.get_context("fork").Process(target=print)
    assert "get_context" in refusal(child.start)
    # Starting a program is not forking: it shares nothing with this process.
    subprocess.run([sys.executable, "-c", "0"], check=True)
if (pid := os.fork()) == 0:
    os._exit(0)
print("refused twice, then", os.waitpid(pid, 0)[1])
"""


def hold(root: Path) -> subprocess.Popen[str]:
    """Another process that writes to the store until its input ends."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_writer_is_told_who_holds_the_store(root: Path) -> None:
    with hold(root) as child:
        with pytest.raises(StoreBusy) as caught:
            StoreWriter(root, minimum_free=0, wait=0.0)
        assert caught.value.exit_code == 3
        expected = (
            rf"the store {root} is in use by 'recurse run a\.yaml' \(PID {child.pid}, started "
            rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 on {re.escape(socket.gethostname())}\); "
            r"wait for it, stop it, or use 'recurse status' and 'recurse report', which read a "
            r"snapshot"
        )
        assert re.fullmatch(expected, str(caught.value))
        about = json.loads((root / "lock").read_text())
        assert about.keys() == {"pid", "host", "started", "command"}
        assert holder(root) == about
    StoreWriter(root, minimum_free=0, wait=0.0).close()
    assert holder(root) is None


def test_a_killed_writer_leaves_no_lock(root: Path) -> None:
    with hold(root) as child:
        os.kill(child.pid, signal.SIGKILL)
    assert holder(root) is None
    StoreWriter(root, minimum_free=0, wait=0.0).close()


def test_a_writer_waits_for_a_short_while(root: Path) -> None:
    with hold(root) as child:
        assert child.stdin is not None
        child.stdin.close()
        StoreWriter(root, minimum_free=0, wait=5.0).close()


def test_one_process_cannot_open_a_store_twice(root: Path) -> None:
    first = StoreWriter(root, minimum_free=0)
    with pytest.raises(StoreBusy, match=f"PID {os.getpid()}"):
        StoreWriter(root, minimum_free=0, wait=0.0)
    first.close()
    first.close()
    StoreWriter(root, minimum_free=0).close()


def test_a_failed_opening_gives_the_lock_back(root: Path) -> None:
    (root / "store.duckdb").mkdir(parents=True)
    with pytest.raises(Exception, match=r"store\.duckdb"):
        StoreWriter(root, minimum_free=0)
    assert holder(root) is None


def test_forking_with_an_open_store_is_refused(root: Path) -> None:
    """In a process of its own: other tests have loaded libraries that warn of any fork."""
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORK, str(root)], capture_output=True, text=True
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "refused twice, then 0\n", "")


def test_a_reader_does_not_disturb_a_writer_that_starts(root: Path) -> None:
    StoreWriter(root, minimum_free=0).close()
    with Store(root) as store:
        for _ in range(20):
            assert store.freshness.writer is None
            StoreWriter(root, minimum_free=0, wait=0.0).close()


def test_a_lock_that_is_a_link_does_not_overwrite_another_file(root: Path, tmp_path: Path) -> None:
    """The store of somebody else may come with one."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    root.mkdir()
    (root / "lock").symlink_to(victim)
    with pytest.raises(RecurseError, match="lock is a link to another file; remove the link"):
        StoreWriter(root, minimum_free=0)
    assert victim.read_text() == "precious"
