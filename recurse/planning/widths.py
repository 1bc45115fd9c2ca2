"""The number of replicates in one program, by memory or by the measurements of `recurse probe`.

The width decides the last bits of a result and what a run costs; it never follows from the cells
that are left. Measured costs are data of the store: the same data give the same width.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from recurse.backend import backends
from recurse.claims import count
from recurse.planning.estimate import Estimate
from recurse.scenario.identity import canonical, digest, identity
from recurse.scenario.scenario import Arm

BLOCK_BYTES = 1 << 30
WIDEST = {False: 4096, True: 16}  # replicates per block: closed-form, trained
LADDER = {False: (16, 64, 256, 1024, 4096), True: (1, 2, 4, 8, 16)}
"""The widths that a probe tries."""
GENERATIONS = 6
"""The generations that a probe runs; the first two warm up, the last writes a checkpoint."""
_CLEARLY = 1.1  # how much faster another width has to be
_WORTH_IT = 60.0  # seconds of work from which on a missing measurement is worth a word


class Key(NamedTuple):
    """The setting that a measurement holds for."""

    arm: str
    """A hash of the arm, whatever its seeds and generations."""
    setting: str
    """Canonical JSON: versions and machine class."""


class Measured(NamedTuple):
    """The cost of one program: one arm at one width, in one process."""

    width: int
    seconds: float
    """Per replicate and generation, writing included."""
    compile_seconds: float
    """Once per program and width."""
    bytes: int
    """The growth of the process, in all."""


Probes = Mapping[Key, Sequence[Measured]]


class Width(NamedTuple):
    """Replicates per block, why, and the measurement that says so."""

    replicates: int
    because: str
    measured: Measured | None = None


def key(arm: Arm) -> Key:
    """The setting of a measurement of this arm, made here and now."""
    facts = {name: part for name, part in identity(arm, 0).items() if name != "seed"}
    return Key(digest(canonical(facts)), canonical(_setting(arm.backend)))


def ladder(arm: Arm, cost: Estimate, seeds: int) -> list[int]:
    """The widths that are worth a measurement for so many seeds."""
    most = min(seeds, _by_memory(arm, cost))
    return sorted({most, *(width for width in LADDER[arm.model.trained] if width < most)})


def choose(arm: Arm, cost: Estimate, seeds: int, jobs: int, probes: Probes) -> Width:
    """The width with the least predicted time, else the one that memory allows.

    Args:
        cost: estimate for one replicate.
        seeds: replicates that the scenario asks for, stored or not.
        jobs: workers that share the blocks.
    """
    usual = _by_memory(arm, cost)
    found = sorted(probes.get(key(arm), ()) if probes else ())
    fitting = [m for m in found if m.width <= usual and m.bytes <= BLOCK_BYTES]
    if not fitting:
        long = cost.seconds * seeds > _WORTH_IT
        return Width(usual, "not measured here, 'recurse probe' does" if long else "")
    most = min(usual, seeds)
    times = {m.width: _predicted(m, seeds, jobs, arm.generations) for m in fitting}
    best = min(fitting, key=lambda m: (times[m.width], m.width))
    usual_one = min(fitting, key=lambda m: abs(most - m.width))
    if found[-1].width < most:
        return Width(usual, f"measured up to {found[-1].width} alone, 'recurse probe' goes on")
    if len(fitting) == 1:
        return Width(best.width, "the only width measured", best)
    if times[usual_one.width] < _CLEARLY * times[best.width]:
        best = usual_one
    others = [m for m in fitting if m != best]
    other = usual_one if usual_one != best else min(others, key=lambda m: times[m.width])
    ratio = times[other.width] / times[best.width]
    if ratio < _CLEARLY:
        return Width(best.width, "measured, and no other is clearly faster", best)
    on = count(jobs, "worker")
    return Width(best.width, f"measured {ratio:.2g}x faster than {other.width} on {on}", best)


def _by_memory(arm: Arm, cost: Estimate) -> int:
    widest = WIDEST[arm.model.trained]
    return max(1, min(widest, int(BLOCK_BYTES // max(cost.bytes, 1))))


def _predicted(measured: Measured, seeds: int, jobs: int, generations: int) -> float:
    """Seconds until the last worker is done; a narrower last block is a program of its own."""
    full, rest = divmod(seeds, measured.width)
    blocks, programs = full + (rest > 0), (full > 0) + (rest > 0)
    rounds = -(-blocks // max(jobs, 1))
    block = measured.seconds * measured.width * (generations + 1)
    return programs * measured.compile_seconds + rounds * block


@lru_cache(maxsize=16)
def _setting(backend: str) -> Mapping[str, object]:
    """Versions of what computes and the class of the machine, told without importing either."""
    versions = {}
    for package in ("numpy", *(backends()[backend].requires if backend in backends() else ())):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {"versions": versions, "machine": platform.machine(), **_processors()}


def _processors() -> Mapping[str, object]:
    """Kind of processor, and of the accelerators that a framework may see."""
    found: dict[str, object] = {}
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        found["processor"] = names[0] if names else platform.processor()
    cards = Path("/proc/driver/nvidia/gpus").glob("*/information")
    with suppress(OSError):
        models = [card.read_text(errors="replace").splitlines()[0] for card in sorted(cards)]
        found["accelerators"] = [text.partition(":")[2].strip() for text in models]
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        found["visible"] = visible
    return found
