"""Timing of alternatives in one process: the best of a few runs each, taken in turns."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from time import perf_counter

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread() -> None:
    """Call before NumPy is imported."""
    os.environ.update(dict.fromkeys(THREADS, "1"))


def race(runners: Mapping[str, Callable[[], float]], rounds: int = 3) -> dict[str, float]:
    """Seconds of each runner, the smallest of ``rounds``; a runner returns what to scale by."""
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, runner in runners.items():
            began = perf_counter()
            scale = runner()
            spent = (perf_counter() - began) * scale
            best[name] = min(spent, best.get(name, spent))
    return best


def table(title: str, seconds: Mapping[str, float], goals: Mapping[str, float]) -> None:
    """Print seconds, and how many times slower each other side is than each of ours."""
    others = [name for name in seconds if name in goals]
    print(f"\n{title}")
    for name, spent in seconds.items():
        ratios = (
            ""
            if name in goals
            else "   ".join(
                f"{seconds[other] / spent:7.1f}x {other} (goal {goals[other]:g}x)"
                for other in others
            )
        )
        print(f"  {name:24s} {spent:9.3f} s   {ratios}")
