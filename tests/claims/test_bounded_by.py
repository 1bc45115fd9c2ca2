"""``bounded_by``: the level of both readings (contradicted, proven), quantiles, edges, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binom, nct, t

from recurse.claims import Prospect
from recurse.claims.bounded_by import BoundedBy
from recurse.claims.inference import proportion_interval, t_limit, t_tail, unseen
from recurse.theory.law import Curve
from tests.claims.simulate import RUNS, has_rate, holding, normal, one, series
from tests.statistics_checks import LEVEL


def test_a_true_bound_is_contradicted_at_the_family_wise_level() -> None:
    claim = BoundedBy(metric="m", value=2.0, level=0.06)
    draw = normal((3, 7), 2.0)
    held = holding(claim, lambda rng: [series(draw(rng)), series(draw(rng))])
    has_rate(held, (1 - 0.06 / 6) ** 6)


@pytest.mark.parametrize("side", ["at_most", "at_least"])
def test_a_wrong_bound_is_proven_at_the_level_of_one_test(side: str) -> None:
    claim = BoundedBy.model_validate(
        {"metric": "m", "value": 2.0, "level": 0.05, "proof": True, "side": side}
    )
    # Far on the claimed side but for one generation that lies exactly on the bound.
    far = -50.0 if side == "at_most" else 50.0
    draw = normal((3, 7), [2.0 + far, 2.0, 2.0 + far])
    has_rate(holding(claim, lambda rng: [series(draw(rng))]), 0.05)


def test_power_against_a_broken_bound() -> None:
    claim = BoundedBy(metric="m", value=2.0, level=0.01, generations=(1,))
    draw = normal((3, 9), [0.0, 3.2, 0.0])
    held = holding(claim, lambda rng: [series(draw(rng))])
    has_rate(RUNS - held, float(nct.sf(t.isf(0.01, 8), 8, 1.2 * 3)))


def test_power_of_a_proof() -> None:
    claim = BoundedBy(metric="m", value=2.0, level=0.05, proof=True, side="at_least")
    draw = normal((1, 9), 3.0)
    held = holding(claim, lambda rng: [series(draw(rng))])
    has_rate(held, float(nct.sf(t.isf(0.05, 8), 8, 3.0)))


def test_a_quantile_uses_order_statistics() -> None:
    claim = BoundedBy(metric="m", value=0.0, level=0.05, quantile=0.25)
    # The quarter quantile of this law is 0, its mean is far above.
    held = holding(claim, lambda rng: [series(np.exp(3 * rng.random((1, 40))) - np.exp(0.75))])
    # Contradicted if at most k of 40 are below: the largest k with probability at most 0.05.
    tail = binom.cdf(np.arange(40), 40, 0.25)
    has_rate(RUNS - held, float(tail[tail <= 0.05].max()))


def test_a_constant_on_the_bound_is_within_it() -> None:
    at = series(np.full((2, 6), 0.1 + 0.2))
    for proof in (False, True):
        assert one(BoundedBy(metric="m", value=0.3, proof=proof), at).holds is True
        assert one(BoundedBy(metric="m", value=0.29, proof=proof), at).holds is False


def test_zeros_and_ones_have_exact_limits() -> None:
    """Coverage by summing over all outcomes: never below the level, for any proportion."""
    seeds, tail = 40, 0.01
    found = [proportion_interval(np.repeat([1.0, 0.0], [k, seeds - k]), tail) for k in range(41)]
    assert (found[0].low, found[-1].high) == (0.0, 1.0)
    assert abs(found[0].high - (1 - tail ** (1 / seeds))) < 1e-12
    for p in (0.001, 0.01, 0.1, 0.5, 0.87, 0.999):
        chance = binom.pmf(np.arange(41), seeds, p)
        assert chance[[at.low > p for at in found]].sum() <= tail
        assert chance[[at.high < p for at in found]].sum() <= tail
    half = series(np.tile([0.0, 1.0], (2, 20)))
    for value, proof, holds in ((0.55, False, True), (0.2, False, False), (0.6, True, None)):
        claim = BoundedBy(metric="m", value=value, proof=proof)
        assert one(claim, half).holds is holds
    # All of 40 seeds alive says that 0.9995 is possible, and that 0.9 is not proven at 1e-3.
    alive = series(np.ones((1, 40)))
    assert one(BoundedBy(metric="m", value=0.9995), alive).holds is True
    for value, holds in ((0.9, None), (0.8, True)):
        at_least = BoundedBy(metric="m", value=value, side="at_least", proof=True)
        assert one(at_least, alive).holds is holds


def test_equal_seeds_leave_room_for_those_that_were_not_drawn() -> None:
    """Two symbols in all 40 seeds at first, one in some later: a mean of 1.999 is possible.

    A share of exceptions larger than ``unseen`` shows with probability ``1 - tail``, so an interval
    that reaches as far as the largest exceptions covers the mean as often.
    """
    assert abs((1 - unseen(40, 1e-3)) ** 40 - 1e-3) < 1e-12
    values = np.full((2, 40), 2.0)
    values[1, :7] = 1.0
    first = series(values)
    found = one(BoundedBy(metric="m", value=1.999, generations=(0,)), first)
    assert found.holds is True
    assert "all equal there: at most a share 0.16 of others is not" in found.evidence
    assert one(BoundedBy(metric="m", value=1.8, generations=(0,)), first).holds is False
    strict = {"metric": "m", "side": "at_least", "generations": (0,), "proof": True}
    assert one(BoundedBy.model_validate({**strict, "value": 1.9}), first).holds is None
    assert one(BoundedBy.model_validate({**strict, "value": 1.8}), first).holds is True
    chance = 0.05
    claim = BoundedBy(metric="m", value=2.0 - chance, generations=(0,), level=0.01)

    def draw(rng: np.random.Generator) -> list[Any]:
        made = 2.0 - (rng.random((2, 40)) < [[chance], [0.9]])
        return [series(made)]

    assert RUNS - holding(claim, draw) <= binom.isf(LEVEL, RUNS, 0.01)


def test_the_limit_is_right_at_the_least_level_shared_by_many_tests() -> None:
    for seeds in (2, 3, 5, 9, 30, 200, 10_000):
        tail = t_tail(t_limit(1e-110, seeds), seeds)
        assert tail == pytest.approx(1e-110, rel=1e-6)


def test_the_evidence_separates_proven_from_not_contradicted() -> None:
    values = np.array([[0.0, 1.0, 2.0, 3.0, 4.0]])
    reach = t.isf(1e-3, 4) * np.sqrt(2.5 / 5)
    low, high = 2 - reach, 2 + reach
    tail = f"limits {low:.4g} and {high:.4g} at level 0.001"
    loose = one(BoundedBy(metric="m", value=3.0), series(values))
    assert loose.holds is True
    assert loose.evidence == (
        f"mean 2 at generation 0, bound 3, one-sided {tail}: not contradicted "
        "(5 seeds, 1 generation)"
    )
    found = one(BoundedBy(metric="m", value=3.0, proof=True), series(values))
    assert found.holds is None and found.evidence.endswith("about 130 would do")
    far = one(BoundedBy(metric="m", value=30.0, proof=True), series(values))
    assert far.holds is True
    assert "proven" in far.evidence
    wrong = one(BoundedBy(metric="m", value=-30.0), series(values))
    assert wrong.holds is False
    assert ": contradicted" in wrong.evidence
    below = one(BoundedBy(metric="m", value=-30.0, side="at_least"), series(values))
    assert below.holds is True
    assert "proven" in below.evidence


def test_a_mean_beyond_the_bound_by_chance_is_shown() -> None:
    values = np.array([[0.0, 1.0, 2.0, 3.0, 4.0]])
    found = one(BoundedBy(metric="m", value=1.9), series(values))
    assert found.holds is True
    assert "mean 2 " in found.evidence
    assert "not contradicted" in found.evidence


def test_a_theory_curve_may_be_the_bound() -> None:
    curves = (Curve("m", "bound", "upper bound pi^2/6", np.array([1.0, 1.0, np.nan]), ""),)
    values = normal((3, 200), [0.9, 0.5, 7.0], 0.1)(np.random.default_rng(0))
    result = series(values, theory=curves)
    found = one(BoundedBy(metric="m", curve="pi^2/6"), result)
    assert found.holds is True
    assert "2 generations" in found.evidence
    claim = BoundedBy(metric="m", curve="pi^2/6", side="at_least")
    assert one(claim, result).holds is False
    beyond = BoundedBy(metric="m", curve="pi^2/6", generations=(2,))
    assert one(beyond, result).holds is None
    assert one(claim, series(values)).evidence == "no theory gives m"


def test_values_that_are_not_finite_fail_and_few_seeds_cannot_tell() -> None:
    claim = BoundedBy(metric="m", value=2.0)
    values = np.ones((2, 6))
    values[1, 0] = np.nan
    assert one(claim, series(values)).holds is False
    assert one(claim, series(np.ones((2, 1)))).holds is None
    assert one(claim).evidence == "no arm is selected"


def test_problems_fields_and_statement() -> None:
    claim = BoundedBy(metric="m", curve="bound", generations=(3,))
    law = {"a": (Curve("m", "bound", "upper bound", np.ones(3), ""),), "b": ()}
    assert claim.problems(Prospect(2, law, None)) == [
        ("generations", "generation 3 is beyond the last one, 2"),
        ("generations", "a: 'upper bound' has no value at generation 3"),
        ("curve", "b: no theory gives m"),
    ]
    median = BoundedBy(metric="m", value=1.0, quantile=0.5)
    (found,) = median.problems(Prospect(2, {}, None, seeds=10))
    assert found == ("quantile", "10 seeds cannot decide the median at level 0.001")
    assert median.problems(Prospect(2, {}, None, seeds=12)) == []
    # To be proven at one generation takes a seed beyond: 0.5^10 is below the level, 0.25^5 too.
    for quantile, enough in ((0.5, 10), (0.25, 5)):
        proof = BoundedBy(metric="m", value=1.0, quantile=quantile, proof=True)
        assert proof.problems(Prospect(2, {}, None, seeds=enough)) == []
        assert proof.problems(Prospect(2, {}, None, seeds=enough - 1)) != []
    with pytest.raises(ValidationError, match="greater than or equal"):
        BoundedBy(metric="m", value=1.0, level=1e-320)
    for wrong in ({}, {"value": 1.0, "curve": "bound"}):
        with pytest.raises(ValidationError, match="either"):
            BoundedBy.model_validate({"metric": "m", **wrong})
    assert BoundedBy(metric="m", value=0.1848, where={"policy": "accumulate"}).statement() == (
        "the mean of m (policy=accumulate) is at most 0.1848 at every generation "
        "(unless the data contradict it at level 0.001)"
    )
