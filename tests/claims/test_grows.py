"""``grows``: slopes and ratios of means have their level and power; falling, log scale, words."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import nct, t

from recurse.claims import Prospect
from recurse.claims.grows import Grows
from tests.claims.simulate import Draw, has_rate, holding, normal, one, series

TIME = np.arange(5.0)


def walks(drift: float, seeds: int = 6) -> Draw:
    """Random walks ``[5, R]``: the generations of one seed depend on each other."""
    steps = normal((5, seeds), drift)
    return lambda rng: np.cumsum(steps(rng), axis=0)


@pytest.mark.parametrize(("direction", "sign"), [("up", 1.0), ("down", -1.0)])
def test_a_slope_on_the_bound_passes_at_half_the_level(direction: str, sign: float) -> None:
    claim = Grows.model_validate(
        {"metric": "m", "direction": direction, "at_least": 0.5, "level": 0.1}
    )
    draw = walks(sign * 0.5)
    has_rate(holding(claim, lambda rng: [series(draw(rng))]), 0.05)


def test_power_is_that_of_the_t_test_on_slopes() -> None:
    claim = Grows(metric="m", level=0.1, after=1)
    draw = walks(0.6, seeds=9)
    held = holding(claim, lambda rng: [series(draw(rng))])
    # The slope over 1..4 weighs the steps into 2, 3, 4 by these; each step has unit spread.
    weights = np.array([0.3, 0.4, 0.3])
    shift = 0.6 / np.sqrt(weights @ weights) * 3
    power = float(nct.sf(t.isf(0.05, 8), 8, shift))
    assert 0.7 < power < 0.99
    has_rate(held, power)


def test_a_ratio_of_means_on_the_factor_passes_at_half_the_level() -> None:
    claim = Grows(metric="m", factor=3.0, level=0.1)
    start = normal((1, 12), 10.0)

    def draw(rng: np.random.Generator) -> np.ndarray:
        first = start(rng)
        return np.concatenate([first, 3.0 * first + rng.standard_normal((1, 12))])

    has_rate(holding(claim, lambda rng: [series(draw(rng))]), 0.05)
    down = Grows(metric="m", factor=1 / 3, direction="down", level=0.1)
    has_rate(holding(down, lambda rng: [series(draw(rng)[::-1])]), 0.05)


def test_the_ratio_is_of_means_not_a_mean_of_ratios() -> None:
    first = np.array([0.01, 2.0, 2.0, 2.0])
    found = one(Grows(metric="m", factor=1.1), series(np.stack([first, first + 1.0])))
    assert found.evidence.startswith("ratio of the last mean to the first 1.666,")


def test_exponential_growth_on_a_log_scale() -> None:
    rng = np.random.default_rng(0)
    values = np.exp(0.3 * TIME[:, None] + 0.01 * rng.standard_normal((5, 20)))
    assert one(Grows(metric="m", scale="log", at_least=0.29), series(values)).holds is True
    assert one(Grows(metric="m", scale="log", at_least=0.31), series(values)).holds is False
    values[2, 3] = 0.0
    found = one(Grows(metric="m", scale="log"), series(values))
    assert found.holds is False
    assert "not all values are positive" in found.evidence


def test_only_the_stretch_counts() -> None:
    rise = np.array([9.0, 0.0, 1.0, 2.0, -50.0])[:, None] + np.array([0.0, 0.1, 0.2])
    assert one(Grows(metric="m"), series(rise)).holds is False
    found = one(Grows(metric="m", after=1, until=3, at_least=0.99), series(rise))
    assert found.holds is True
    assert found.evidence.endswith("(generations 1 to 3, 3 seeds)")


def test_the_evidence_gives_slope_interval_and_bound() -> None:
    values = TIME[:, None] * np.array([1.0, 2.0, 3.0])
    reach = t.isf(0.025, 2) / np.sqrt(3)
    found = one(Grows(metric="m", at_least=0.5), series(values))
    assert found.holds is None
    assert found.evidence == (
        f"slope 2, 0.95 interval {2 - reach:.4g} to {2 + reach:.4g}, to be above 0.5; "
        f"cannot tell: not enough seeds (3); about {np.ceil(3 * (reach / 1.5) ** 2):.0f} would do "
        "(generations 0 to 4, 3 seeds)"
    )
    assert one(Grows(metric="m", at_least=5.0), series(values)).holds is False


def test_a_constant_does_not_grow_by_rounding() -> None:
    values = np.full((5, 6), 0.1)
    values[4] += 2e-17
    for direction in ("up", "down"):
        claim = Grows.model_validate({"metric": "m", "direction": direction})
        assert one(claim, series(values)).holds is False


def test_what_cannot_be_judged() -> None:
    claim = Grows(metric="m")
    assert one(claim).holds is None
    assert one(claim, series(np.ones((5, 2)))).holds is None
    assert one(claim, series(np.ones((1, 5)))).holds is None
    assert one(Grows(metric="m", until=9), series(np.ones((5, 5)))).holds is None
    values = walks(1.0)(np.random.default_rng(0))
    values[2, 2] = np.inf
    assert one(claim, series(values)).holds is False
    assert one(Grows(metric="m", factor=2.0), series(-np.ones((5, 5)))).holds is False


def test_problems_fields_and_statement() -> None:
    claim = Grows(metric="m", after=4, until=9)
    assert claim.problems(Prospect(4, {}, None, seeds=2)) == [
        ("kind", "'grows' needs at least 3 seeds, not 2"),
        ("until", "generation 9 is beyond the last one, 4"),
    ]
    (found,) = Grows(metric="m", after=4).problems(Prospect(4, {}, None))
    assert found[0] == "after"
    for wrong in ({"factor": 0.5}, {"factor": 2.0, "scale": "log"}):
        with pytest.raises(ValidationError, match="factor"):
            Grows.model_validate({"metric": "m", **wrong})
    assert Grows(metric="m", direction="down", after=2).statement() == (
        "m falls from generation 2 to the last (interval at level 0.05)"
    )
    assert Grows(metric="m", factor=50.0, until=90).statement() == (
        "m grows by a factor of at least 50 from generation 0 to 90 (interval at level 0.05)"
    )
