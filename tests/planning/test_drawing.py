"""Counts of random numbers are those that a run draws, for every role of a family."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from recurse.numerics.streams import Streams
from recurse.planning.drawing import drawn
from recurse.planning.planner import plan
from recurse.scenario.scenario import load
from tests.harness import simulate

ZIPF = {"kind": "categorical", "form": "zipf", "symbols": 700, "exponent": 1.0}
MOONS = {"kind": "moons", "noise": 0.05}
BASE: dict[str, Any] = {
    "version": 1,
    "name": "draws",
    "source": {"kind": "gaussian", "dim": 2},
    "model": "gaussian",
    "policy": "replace",
    "samples": {"real": 600, "synthetic": 700},
    "seeds": 2,
    "backend": "numpy",
    "metrics": ["mean_error"],
}
ARMS: dict[str, dict[str, Any]] = {
    "samples": {"source": MOONS, "metrics": [{"kind": "test_nll", "heldout": 600}]},
    "a law that depends on parameters": {
        "source": ZIPF,
        "model": "categorical",
        "metrics": ["entropy"],
    },
    "remembering": {
        "source": MOONS,
        "model": {"kind": "kde", "bandwidth": 0.1},
        "metrics": ["second_moment"],
    },
    "subsample": {"policy": "accumulate_subsample"},
}


def counted(arm: Any, generations: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Streams opened and numbers drawn per replicate, generation 0 to the last one."""
    opened = numbers = 0
    fill, given = Streams._fill, Streams.given

    def filled(self: Streams, region: int, keys: Any, request: Any, span: int) -> Any:
        nonlocal opened, numbers
        opened, numbers = opened + 1, numbers + span * math.prod(request.shape)
        return fill(self, region, keys, request, span)

    def known(self: Streams, generation: int, purpose: str, draws: Any) -> Any:
        nonlocal opened, numbers
        found = given(self, generation, purpose, draws)
        opened += len(found)
        numbers += sum(int(np.prod(values.shape[1:])) for values in found.values())
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Streams, "_fill", filled)
        patch.setattr(Streams, "given", known)
        simulate(arm.model_copy(update={"generations": generations}), 2)
    return opened, numbers


@pytest.mark.parametrize("name", ARMS)
def test_numbers_of_a_generation_are_counted_exactly(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests of 512 numbers and more are served one by one, so that nothing is shared out."""
    (planned,) = plan(load({**BASE, "generations": 3, **ARMS[name]})).arms
    arm, exact = planned.arm, planned.lowering == "statistics"
    two, three = (counted(arm, last, monkeypatch) for last in (2, 3))
    said = drawn(arm, exact, arm.schedule[3], 4)
    spare = 1 if name == "a law that depends on parameters" else 0  # the count of all symbols
    assert said.streams == three[0] - two[0]
    assert said.numbers == three[1] - two[1] + spare
