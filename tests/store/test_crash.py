"""Killed at any moment, a run continues and ends with the bits of one that never was."""

from __future__ import annotations

import multiprocessing
import re
import signal
import time
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from recurse.store import Store, StoreWriter, faults
from recurse.store.reader import StoreMissing
from recurse.store.staging import staged
from tests.store import fake

# Children start from a clean process that has imported everything and opened nothing.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.store.fake"])
OFTEN = ("stage", "put", "ingest", "publish")
CASES = [
    f"{point}:{nth}"
    for point in faults.POINTS
    if not point.startswith("recover.")
    for nth in ((1, 3) if point.startswith(OFTEN) else (1,))
]


@cache
def undisturbed() -> dict[str, list[tuple[object, ...]]]:
    """The result of a run that nobody disturbs."""
    with TemporaryDirectory() as folder:
        fake.life(Path(folder))
        return fake.contents(Path(folder))


def test_every_fault_point_is_passed_and_listed() -> None:
    source = "".join(path.read_text() for path in Path(faults.__file__).parent.glob("*.py"))
    named = set(re.findall(r'fault\("([a-z_.]+)"\)', source))
    for prefix, names in re.findall(r'steps\("(\w+)", ([^)]+)\)', source):
        named |= {f"{prefix}.{name}" for name in re.findall(r'"(\w+)"', names)}
    for point in ("begin", "put", "ingest"):
        named |= {f"{point}.before_commit", f"{point}.after_commit"}
    assert named == set(faults.POINTS)


@pytest.mark.parametrize("case", CASES)
def test_killed_at_a_named_step_the_run_ends_with_the_same_bits(case: str, root: Path) -> None:
    kill(root, case)
    if case.endswith(":1"):
        # Half of the cases go through a reader first, which takes in what was left behind.
        try:
            Store(root).close()
        except StoreMissing:
            assert not list(root.glob("store.duckdb"))
    fake.life(root)
    assert fake.contents(root) == undisturbed()
    assert staged(root / "stage") == []


@pytest.mark.parametrize("point", [point for point in faults.POINTS if point.startswith("ingest.")])
def test_killed_during_ingest_nothing_needs_to_be_computed_again(point: str, root: Path) -> None:
    kill(root, f"{point}:3")
    with StoreWriter(root, minimum_free=0) as writer:
        writer.ingest()
        assert writer.history()[fake.cell("b0", 0)].generations_done == 2


@pytest.mark.parametrize("point", ["recover.after_copy", "recover.after_unlink"])
def test_killed_while_mending_a_broken_log(point: str, root: Path) -> None:
    kill(root, "ingest.after_commit:3")
    log = root / "store.duckdb.wal"
    log.write_bytes(log.read_bytes()[:-40] + b"\xff" * 200)
    kill(root, f"{point}:1")
    fake.life(root)
    assert fake.contents(root) == undisturbed()


def test_killed_at_random_moments_nothing_acknowledged_is_lost(root: Path) -> None:
    random = Random(7)
    kills = 0
    for number in range(40):
        store = root / str(number)
        for _ in range(3):
            acknowledged, killed = kill_after(store, random.uniform(0.0, 0.35))
            kills += killed
            if acknowledged:
                with Store(store) as reader:
                    rows = reader.sql("SELECT DISTINCT block, generation FROM generations").rows()
                assert acknowledged <= set(rows)
        fake.life(store)
        assert fake.contents(store) == undisturbed()
        if kills >= 30:
            break
    assert kills >= 30


def kill(root: Path, fault: str) -> None:
    """Run in a process that dies at ``fault``, and see it die there."""
    child = SERVER.Process(target=fake.doomed, args=(root, fault))
    child.start()
    child.join()
    code = child.exitcode
    child.close()
    assert code == -signal.SIGKILL, f"{fault} was not reached"


def kill_after(root: Path, seconds: float) -> tuple[set[tuple[str, int]], bool]:
    """Run in a process killed after a while: what it had been told is committed, and if it died."""
    hear, tell = SERVER.Pipe(duplex=False)
    child = SERVER.Process(target=fake.doomed, args=(root, "none", tell))
    child.start()
    tell.close()
    time.sleep(seconds)
    child.kill()
    child.join()
    killed = child.exitcode == -signal.SIGKILL
    child.close()
    heard: set[tuple[str, int]] = set()
    try:
        while True:
            heard.add(hear.recv())
    except EOFError:
        hear.close()
    return heard, killed
