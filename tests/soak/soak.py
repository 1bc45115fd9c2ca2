"""Runs that are killed, stopped, starved of space and whose files are damaged, against a calm one.

``python tests/soak/soak.py --rounds 1000 --seed 0``. A round is a new store: a run is ended at a
random moment, a file of its store is harmed, and the next run must finish with the bits of one that
was never disturbed. After a harm, all that was committed or staged elsewhere must still be there.
Prints a line per 50 rounds; ends with 1 if a generation was lost, doubled or different, if a run
ended in a way it should not, or if something was left behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2])]

from recurse.reading.yamlfile import dump  # noqa: E402
from tests.soak import harms, lives, preload  # noqa: E402

SIZE = "160m"
FAULTS = ("lost", "doubled", "different", "wrong end", "left behind")


class Soak:
    """The rounds of one seed, and what came of them."""

    def __init__(self, folder: Path, seed: int, ends: tuple[str, ...], keep: Path) -> None:
        self._folder = folder
        self._seed = seed
        self._ends = ends
        self._keep = keep
        self._spec = keep / f"seed{seed}.yaml"
        keep.mkdir(parents=True, exist_ok=True)
        self._spec.write_text(dump(preload.SPEC), encoding="utf-8")
        self.harm: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        for name in ("cold", "calm"):
            calm = folder / name
            calm.mkdir()
            self._seconds = lives.timed(calm, self._spec)
        self._calm = apart(harms.recovered, calm / "runs", False)

    def round(self, number: int) -> None:
        """One store from its beginning to its end."""
        random = Random(f"{self._seed} {number}")
        folder = self._folder / "round"
        folder.mkdir()
        before = self.faults.total()
        story: list[str] = []
        for _ in range(random.choice([1, 1, 2])):
            self._live(folder, random.choice(self._ends), random, story)
            if random.random() < 0.7:
                self._hurt(folder, random, story)
        self._live(folder, "calm", random, story)
        found = apart(harms.recovered, folder / "runs", bool(number % 2))
        self._compare(found, self._calm.rows, story)
        self._count("lost", len(self._calm.values - found.values), story)
        self._count("different", len(found.values - self._calm.values), story)
        left = [path.name for path in (folder / "runs").glob("plan-*")]
        left += [path.name for path in (folder / "runs" / "stage").glob("[!.]*")]
        self._count("left behind", len(left), story)
        if self.faults.total() > before:
            place = self._keep / f"seed{self._seed}-round{number}"
            shutil.copytree(folder, place, dirs_exist_ok=True)
            print(f"round {number}: {'; '.join(story)}; kept in {place}", flush=True)
        shutil.rmtree(folder)

    def _live(self, folder: Path, end: str, random: Random, story: list[str]) -> None:
        moment = random.uniform(0.0, 1.1 * self._seconds)
        code, said, alive = lives.lived(folder, self._spec, end, random, moment)
        met = end if alive or end == "file limit" else "calm"
        if met != "calm":
            self.harm[met] += 1
        story.append(f"{met} after {moment:.2f} s: code {code}" if met != "calm" else "calm")
        if not lives.expected(end, code, alive, said):
            self._count("wrong end", 1, story)
            story.append(f"code {code}, said: {said[-2000:]}")

    def _hurt(self, folder: Path, random: Random, story: list[str]) -> None:
        """Harm one file; then a reader or a writer looks what is left, or the next run does."""
        store = folder / "runs"
        found = harms.targets(store)
        if not found:
            return
        kind = random.choice(sorted(found))
        path, way = random.choice(found[kind]), random.choice(harms.WAYS)
        who = random.choice(["reader", "writer", "run"])
        rows = {} if who == "run" else apart(harms.promised, store, path, folder / "copy")
        way(path, random)
        self.harm[f"{kind} {way.__name__}"] += 1
        story.append(f"{path.name} {way.__name__}, opened by a {who}")
        if who != "run":
            self._compare(apart(harms.recovered, store, who == "reader"), rows, story)

    def _compare(self, found: harms.Contents, wanted: harms.Rows, story: list[str]) -> None:
        """Everything wanted is there, once, and whatever is there is as the calm run has it."""
        self._count("lost", len(wanted.keys() - found.rows.keys()), story)
        self._count("doubled", found.doubled, story)
        other = [key for key, sha in found.rows.items() if self._calm.rows.get(key) != sha]
        self._count("different", len(other), story)

    def _count(self, fault: str, times: int, story: list[str]) -> None:
        self.faults[fault] += times
        if times:
            story.append(f"{times} {fault.upper()}")

    def line(self, rounds: int, seconds: float) -> str:
        """What has happened so far."""
        faults = ", ".join(f"{self.faults[name]} {name}" for name in FAULTS)
        return f"{rounds} rounds, {self.harm.total()} harms, {seconds:.0f} s: {faults}"


def apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """The value of ``work``, called in a process of its own: this one opens no database."""
    hear, say = lives.SERVER.Pipe(duplex=False)
    process = lives.SERVER.Process(target=_told, args=(say, work, arguments))
    process.start()
    say.close()
    try:
        value = hear.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__} {arguments} gave no answer") from None
    finally:
        process.join()
    if isinstance(value, BaseException):
        raise value
    return value


def _told(say: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        say.send(work(*arguments))
    except Exception as error:
        say.send(error)


@contextmanager
def ground() -> Iterator[tuple[Path, bool]]:
    """An empty folder, and True if it is a small file system of its own that can be filled."""
    with TemporaryDirectory(prefix="soak-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder]
        own = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        try:
            yield Path(folder), own
        finally:
            if own:
                subprocess.run(["umount", "--lazy", folder], check=True)


def soak() -> int:
    """Run as many rounds as asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the round to begin with")
    parser.add_argument("--keep", type=Path, default=Path("soak"), help="stores with faults")
    asked = parser.parse_args()
    lives.SERVER.set_forkserver_preload(
        ["tests.soak.preload", "tests.soak.lives", "tests.soak.harms"]
    )
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # unmounts
    with TemporaryDirectory() as compiled, ground() as (folder, own):
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every worker compiles all it imports
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        ends = lives.ENDS if own else lives.ENDS[:-1]
        print("small file system" if own else "no mount: the disk is not filled", flush=True)
        made = Soak(folder, asked.seed, ends, asked.keep)
        start = time.monotonic()
        for done in range(1, asked.rounds + 1):
            made.round(asked.first + done - 1)
            if done % 50 == 0 or done == asked.rounds:
                print(made.line(done, time.monotonic() - start), flush=True)
    for harm, times in sorted(made.harm.items()):
        print(f"{times:6d} {harm}")
    return 1 if made.faults.total() else 0


if __name__ == "__main__":
    sys.exit(soak())
