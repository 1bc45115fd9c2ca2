"""Progress of a run: a live line on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from recurse.cli import console
from recurse.planning.words import duration, name
from recurse.reading import names

if TYPE_CHECKING:
    from recurse.engines.local import Progress
    from recurse.planning.blocks import Block
    from recurse.planning.plan import Plan


_WIDE = 110  # columns of a terminal that has room for a bar


@contextmanager
def passing(text: str) -> Iterator[None]:
    """Say on a terminal what is being done for as long as it lasts; nothing of it stays."""
    if not _terminal():
        yield
        return
    print(f"{names.visible(text)} …", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print(end="\r\x1b[K", file=sys.stderr, flush=True)


class Watcher:
    """The listener of a run, told of the plan and then of every event; a context manager.

    On a terminal one line says what is being done, from the first moment to the last claim.
    Elsewhere every step before a first generation is a plain line, once, and so is every arm that
    is done: a log shows why nothing seems to happen.
    """

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._blocks: dict[int, set[str]] = {}
        self._reached: dict[str, int] = {}
        self._said: set[str] = set()
        self._started = time.monotonic()
        self._live = _Live() if _terminal() else None

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *caught: object) -> None:
        if self._live:
            self._live.stop()

    def planned(self, plan: Plan) -> None:
        """The work of a scenario is known."""
        self._plan = plan
        self._started = time.monotonic()
        for block in plan.blocks:
            self._blocks.setdefault(block.arm, set()).add(block.id)
            self._reached[block.id] = block.done
        if self._live and plan.blocks:
            total = sum(len(block.seeds) * (block.last - block.done) for block in plan.blocks)
            self._live.start(plan.scenario.name, total)

    def __call__(self, progress: Progress) -> None:
        """Something happened."""
        block = progress.block
        if progress.event == "generation":
            ahead = max(progress.generation - self._reached[block.id], 0)
            self._reached[block.id] += ahead
            if self._live:
                self._live.advance(self._label(block), progress, ahead * len(block.seeds))
        elif progress.event == "doing":
            self._doing(block, progress)
        elif progress.event == "training":
            if self._live:
                self._live.doing(self._label(block), progress)
        elif progress.event == "done":
            self._finish(block)
        else:
            what = "failed" if progress.event == "failed" else "is tried again"
            self._print(f"{self._label(block)} {what}: {progress.message}")

    def _doing(self, block: Block, progress: Progress) -> None:
        if self._live:
            self._live.doing(self._label(block), progress)
        elif progress.message not in self._said:
            self._said.add(progress.message)
            console.say(f"{self._label(block)}: {progress.message}")

    def _label(self, block: Block) -> str:
        assert self._plan is not None
        return name(self._plan.arms[block.arm])

    def _finish(self, block: Block) -> None:
        waiting = self._blocks[block.arm]
        waiting.discard(block.id)
        if self._live and not any(self._blocks.values()):
            self._live.closing()
        if waiting or self._plan is None:
            return
        seeds = sum(len(b.seeds) for b in self._plan.blocks if b.arm == block.arm)
        spent = duration(time.monotonic() - self._started)
        text = f"{self._label(block)}: {block.last} generations of {seeds} seeds after {spent}"
        if not console.settings.quiet:
            self._print(text)

    def _print(self, text: str) -> None:
        if self._live:
            self._live.print(text)
        else:
            console.warn(text)


class _Live:
    """The live line: arm, generation, loss, bar, replicate-generations per second, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        words = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        plain = not console.coloured(sys.stderr)
        self._console = Console(stderr=True, no_color=plain, highlight=False)
        narrow = self._console.width < _WIDE
        self._unit = "rep.-gen./s" if narrow else "replicate-generations/s"
        self._progress: Any = Progress(
            TextColumn("{task.description}", markup=False, table_column=words),
            *([] if narrow else [BarColumn(bar_width=20)]),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
            expand=True,
            refresh_per_second=8,
        )
        self._task: Any = None
        self._title = ""

    def start(self, title: str, total: int) -> None:
        self._title = title
        self._progress.start()
        self._task = self._progress.add_task(f"{title}  preparing", total=total, rate="")

    def advance(self, label: str, progress: Progress, amount: int) -> None:
        loss = f"  loss {progress.loss:.4g}" if progress.loss is not None else ""
        text = f"{label}  generation {progress.generation}/{progress.block.last}{loss}"
        speed = self._progress.tasks[0].speed
        rate = f"{_short(speed)} {self._unit}" if speed else ""
        self._progress.update(self._task, advance=amount, description=text, rate=rate)

    def doing(self, label: str, progress: Progress) -> None:
        """Show the work of a block before its first generation is there."""
        self._progress.update(self._task, description=f"{label}  {progress.message}")

    def closing(self) -> None:
        """All generations are there; the claims are being checked."""
        self._progress.update(self._task, description=f"{self._title}  checking claims", rate="")

    def print(self, text: str) -> None:
        self._progress.console.print(names.visible(text), markup=False, soft_wrap=True)

    def stop(self) -> None:
        self._progress.stop()


def _terminal() -> bool:
    dumb = os.environ.get("TERM") == "dumb" or bool(os.environ.get("CI"))
    return sys.stderr.isatty() and not dumb and not console.settings.quiet


def _short(number: float) -> str:
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}"
