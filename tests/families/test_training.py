"""How a neural family is trained, as a spec: budgets, learning rates, what is refused and where."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse.families.training import Training
from recurse.families.vae import Vae
from recurse.reading.problems import Problems
from recurse.scenario.identity import identity
from recurse.scenario.scenario import load
from recurse.sources.digits import Digits
from recurse.spec import Kind
from tests.harness import change
from tests.neural_arms import ARMS, FAMILIES

SPEC = """version: 1
name: both
source: digits
model:
  kind: vae
  train:
    epochs: 3
    steps: 40
policy: replace
samples: {real: 100, synthetic: 100}
generations: 1
seeds: 1
backend: torch
metrics: [elbo]
"""


def test_budgets() -> None:
    """Epochs leave out a last incomplete batch; steps do not look at the data."""
    assert Training(batch=10).total(105) == 100 * 10
    assert Training(batch=10, epochs=3).total(105) == 3 * 10
    assert Training(batch=10, epochs=3).per_epoch(9) == 0
    assert Training(batch=10, steps=7).total(105) == Training(batch=10, steps=7).total(20) == 7


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1 / 3, 2 / 3, 1, 1, 1, 1]),
        ("linear", [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]),
        ("cosine", [1 / 3, 2 / 3, 1, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5]),
    ],
)
def test_rates_by_hand(schedule: Any, expected: list[float]) -> None:
    """Two steps of warm-up, then the highest rate, falling over the four steps that are left."""
    train = Training(learning_rate=0.4, schedule=schedule, warmup=2, steps=6)
    np.testing.assert_allclose(train.rates(0, 6, 6), 0.4 * np.array(expected), rtol=1e-12)
    for first in range(6):  # any part of them is the same
        np.testing.assert_array_equal(train.rates(first, 2, 6)[:1], train.rates(0, 6, 6)[[first]])


def test_without_a_warm_up_the_first_step_has_the_highest_rate() -> None:
    for schedule in ("constant", "linear", "cosine"):
        train = Training(learning_rate=0.4, schedule=schedule)  # type: ignore[arg-type]
        assert train.rates(0, 1, 10).tolist() == [0.4]
        late = train.rates(9, 1, 10)[0]
        assert late == 0.4 if schedule == "constant" else 0 < late < 0.05
    long = Training(learning_rate=0.4, warmup=50, schedule="cosine")
    assert np.isfinite(long.rates(0, 10, 10)).all(), "a warm-up may be longer than the training"


def test_epochs_and_steps_exclude_each_other_at_their_place(tmp_path: Path) -> None:
    spec = tmp_path / "both.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    with pytest.raises(Problems) as caught:
        load(spec)
    (problem,) = caught.value.problems
    assert problem.span is not None and problem.file == str(spec)
    assert (problem.code, problem.path) == ("E204", "model.train")
    assert (problem.span.line, problem.span.column) == (7, 5)
    assert problem.message == "epochs and steps exclude each other; give one"
    spec.write_text(SPEC.replace("    steps: 40\n", ""), encoding="utf-8")
    load(spec)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_stride_is_a_power_of_two_and_bounds_what_is_drawn(name: str) -> None:
    """A mebibyte of float32 per replicate and call, unless one step alone is more."""
    family, source = FAMILIES[name]
    for batch in (1, 13, 1000, 100_000):
        train = family.train.model_copy(update={"batch": batch})
        stride = family.model_copy(update={"train": train}).stride(source)
        numbers = sum(int(np.prod(shape)) for shape in family.fields(source).values())
        numbers += sum(int(np.prod(r.shape)) for r in family.noise(source).values())
        assert stride in (1, 2, 4, 8, 16, 32, 64)
        assert stride == 1 or stride * batch * numbers <= 1 << 18
        assert stride == 64 or 2 * stride * batch * numbers > 1 << 18
    assert Vae().stride(Digits()) == 64


@pytest.mark.parametrize("name", ARMS)
def test_equal_families_are_equal_whatever_was_asked_of_them(name: str) -> None:
    """A program is found by the family that it was made for: also one of another arm."""
    first, second = (
        type(ARMS[name].model).model_validate(ARMS[name].model.model_dump(by_alias=True))
        for _ in range(2)
    )
    for each in (first, second):
        for name_ in set(dir(type(each))) - set(dir(Kind)):
            if isinstance(getattr(type(each), name_), property | cached_property):
                getattr(each, name_)
    assert first == second and hash(first) == hash(second)


def test_a_learning_rate_over_the_whole_loop_makes_its_length_part_of_a_cell() -> None:
    """A longer loop does not extend a shorter one: its rates are others from the beginning."""
    arm = ARMS["vae"]

    def named(generations: int, **train: Any) -> Any:
        model = arm.model.model_copy(update={"train": Training(batch=13, epochs=2, **train)})
        return identity(change(arm, model=model, generations=generations), 0)

    assert named(3, schedule="linear") == named(5, schedule="linear")
    assert named(3, over="loop", warmup=4) == named(5, over="loop", warmup=4)
    for schedule in ("linear", "cosine"):
        assert named(3, over="loop", schedule=schedule) != named(5, over="loop", schedule=schedule)
