"""A worker keeps the fits of its block and their data, and tells how far they are.

A fit under way is kept as ``checkpoints/BLOCK.fit/gSTEPS``, and is forgotten with its generation.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recurse.lowering.supervisor import Fit, Step
from recurse.numerics.arrays import Fields
from recurse.store import checkpoint
from recurse.store.shelf import Shelf

Telling = Callable[[str], None]
"""Hears in words how far a fit is."""

_MOMENT = 0.5  # seconds between two words about a fit


class Keeper:
    """The supervisor of a block in a worker."""

    def __init__(
        self, store: Path, block: str, every: float, alive: Callable[[], None], tell: Telling
    ) -> None:
        """``every``: seconds of training that a kill may cost; ``alive`` raises if nobody waits."""
        self._root, self._block = store / "checkpoints", f"{block}.fit"
        self._shelf = Shelf(store / "pools", block)
        self._every, self._alive, self._tell = every, alive, tell
        self._saved = self._spoken = self._began = time.monotonic()
        self._at: tuple[int, int] = (-1, 0)
        self._needed: set[str] = set()
        self._named = [self._shelf.names()]  # what the newest checkpoints may ask for
        self._broken: dict[int, str] = {}

    def unfinished(self, generation: int) -> Fit | None:
        """The fit of this generation as far as it was kept, or None."""
        self._began, self._at = time.monotonic(), (generation, 0)
        found = checkpoint.newest(self._root, self._block)
        if found is None or found.meta.get("fit") != str(generation):
            self._forget(generation, found)
            return None
        self._at = (generation, found.generation)
        return Fit(found.generation, found.arrays)

    def _forget(self, generation: int, found: checkpoint.Checkpoint | None) -> None:
        """Remove fits of earlier generations, which would hide those that are to come."""
        if found is None or int(found.meta.get("fit", -1)) < generation:
            shutil.rmtree(self._root / self._block, ignore_errors=True)

    def step(self, step: Step) -> None:
        """Look if anybody waits, note losses that are not finite, speak, and keep what is due."""
        self._alive()
        generation, done, total, losses, arrays = step
        first = done - len(losses)
        for replicate in np.flatnonzero(~np.isfinite(losses).all(axis=0)).tolist():
            place = first + int(np.argmin(np.isfinite(losses[:, replicate])))
            text = f"the loss of generation {generation} is not finite in step {place + 1}"
            self._broken.setdefault(replicate, f"{text} of {total}")
        now = time.monotonic()
        if now - self._spoken >= _MOMENT:
            self._spoken = now
            self._tell(self._words(generation, done, total, losses, now))
        if now - self._saved >= self._every and done < total:
            meta = {"fit": str(generation)}
            checkpoint.save(self._root, self._block, done, arrays(), meta)
            self.saved()

    def put(self, pool: str, fields: Fields) -> tuple[str, Fields]:
        """Write a pool, and read it from there."""
        name = self._shelf.put(pool, fields)
        return name, self._shelf.get(name, check=False) or fields

    def get(self, name: str) -> Fields | None:
        """A pool that an earlier run has written."""
        return self._shelf.get(name)

    def saved(self) -> None:
        """A checkpoint was written just now."""
        self._saved = time.monotonic()

    def needed(self, names: Collection[str]) -> None:
        """Only these pools are used from here on, and those that are still to come."""
        self._needed = set(names)

    def committed(self) -> None:
        """A generation is saved: its fit is over, pools that only older checkpoints use may go."""
        shutil.rmtree(self._root / self._block, ignore_errors=True)
        self._named = [*self._named[1 - checkpoint.KEEP :], set(self._needed)]
        self._shelf.keep_only(set().union(*self._named))

    def reason(self, replicate: int) -> str | None:
        """Why the model of a replicate broke in training, if it did."""
        return self._broken.get(replicate)

    def _words(
        self, generation: int, done: int, total: int, losses: NDArray[np.float64], now: float
    ) -> str:
        rate = (done - self._at[1]) / max(now - self._began, 1e-9)
        left = (total - done) / rate
        loss = float(np.nanmean(losses)) if np.isfinite(losses).any() else float("nan")
        text = f"generation {generation}  step {done}/{total}  loss {loss:.4g}"
        return f"{text}  {rate:.3g} steps/s  {left:.0f} s left"
